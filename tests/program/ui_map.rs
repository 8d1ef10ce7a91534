//! The map, driven without a window: what the pointer and the keys do, and what it looks like.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support::synthetic::{layout, search, snapshot};
use crate::support::window::painted;
use egui::{Modifiers, Pos2, Theme, Vec2, vec2};
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{Harness, wgpu::WgpuTestRenderer};
use vicinity::context::Selection;
use vicinity::context::commands::{Action, ClusterCommand, Command, ItemCommand, MapAction, MapCommand};
use vicinity::context::{
    ColourBy, CommandSender, Ctx, FilterDisplay, LegendKey, LibraryState, MapTool, State, VisibleRows,
};
use vicinity::ui::map::{CameraCommand, MapPanel};
use vicinity_core::{
    Cluster, Clusters, ItemId, MapPos, MapProgress, MapQuality, MapStage, ModalityGap, Picture, SearchResult,
};

/// The map and as much of the program as it needs.
struct World {
    map: MapPanel,
    state: State,
    sender: CommandSender,
    cancelled: bool,
    measured: bool,
    picked: Vec<Vec<ItemId>>,
}

impl World {
    fn frame(&mut self, ui: &mut egui::Ui) {
        self.evaluate_filter();
        self.map.ui(ui, &Ctx { state: &self.state, commands: &self.sender });
        self.state.library_mut().cluster_state.pointed_at = self.sender.take_cluster();
        for work in self.sender.background().take() {
            std::thread::spawn(work.run);
        }
        for command in self.sender.drain() {
            self.apply(command);
        }
    }

    /// As the program does for a small collection.
    fn evaluate_filter(&mut self) {
        let library = self.state.library_mut();
        let Some(snapshot) = &library.snapshot else { return };
        if !library.visible.as_ref().is_some_and(|rows| rows.are_of(snapshot, &library.query.filter)) {
            let filter = library.query.filter.clone();
            library.visible = Some(Arc::new(VisibleRows::new(Arc::clone(snapshot), filter, None)));
        }
    }

    fn apply(&mut self, command: Command) {
        match command {
            Command::Action(Action::Map(MapAction::Fit)) => self.map.command(CameraCommand::Fit),
            Command::Action(Action::Map(MapAction::ZoomIn)) => self.map.command(CameraCommand::ZoomIn),
            Command::Action(Action::Map(MapAction::ZoomOut)) => self.map.command(CameraCommand::ZoomOut),
            Command::Items(ItemCommand::SelectMany(selection)) => {
                self.picked.push(selection.items.clone());
                self.state.library_mut().selection = selection;
            }
            Command::Items(ItemCommand::Select(items)) => {
                self.picked.push(items.clone());
                self.state.library_mut().selection = Selection::new(items).into();
            }
            Command::Items(ItemCommand::Toggle(item)) => {
                let mut items = self.state.library().selection.items.clone();
                items.push(item);
                self.state.library_mut().selection = Selection::new(items).into();
            }
            Command::Items(ItemCommand::Hover(item)) => self.state.library_mut().hover = item,
            Command::Map(MapCommand::SetColourBy(by)) => self.state.preferences.colour_by = by,
            Command::Map(MapCommand::SetTool(tool)) => self.state.library_mut().map_tool = tool,
            Command::Map(MapCommand::ToggleLegend(entry)) => {
                if !self.state.library_mut().hidden_legend.remove(&entry) {
                    self.state.library_mut().hidden_legend.insert(entry);
                }
            }
            Command::Map(MapCommand::CancelLayout) => self.cancelled = true,
            Command::Map(MapCommand::MeasureQuality) => self.measured = true,
            Command::Map(MapCommand::IsolateLegend(entry, others)) => {
                let hidden = &mut self.state.library_mut().hidden_legend;
                hidden.remove(&entry);
                hidden.extend(others);
            }
            Command::Clusters(ClusterCommand::Focus(cluster)) => {
                self.state.library_mut().cluster_state.focus = Some(cluster);
            }
            Command::Map(MapCommand::SetSelectMode(mode)) => self.state.library_mut().select_mode = mode,
            other => panic!("not expected: {other:?}"),
        }
    }

    fn place(&self, row: u32) -> Pos2 {
        self.map.pos_on_screen(ItemId(row)).expect("it has a place")
    }
}

const SIZE: Vec2 = vec2(640.0, 480.0);

fn state(items: usize) -> State {
    State {
        library: Some(LibraryState {
            snapshot: Some(snapshot(items, 1)),
            layout: Some(layout(items, 1)),
            ..LibraryState::default()
        }),
        ..State::default()
    }
}

fn world(state: State) -> World {
    let sender = CommandSender::default();
    World { map: MapPanel::new(), state, sender, cancelled: false, measured: false, picked: Vec::new() }
}

/// Without a GPU: circles painted by egui.
fn harness(items: usize) -> Harness<'static, World> {
    let mut harness = Harness::builder()
        .with_size(SIZE)
        .with_step_dt(0.1)
        .with_max_steps(20)
        .with_context_setup(vicinity::ui::style::install)
        .build_ui_state(|ui, world: &mut World| world.frame(ui), world(state(items)));
    harness.run();
    harness
}

fn click(harness: &mut Harness<'_, World>, at: Pos2, modifiers: Modifiers) {
    drag(harness, &[at], modifiers);
}

/// Presses at the first place, lets go at the last.
fn drag(harness: &mut Harness<'_, World>, path: &[Pos2], modifiers: Modifiers) {
    let button =
        |pos, pressed| egui::Event::PointerButton { pos, button: egui::PointerButton::Primary, pressed, modifiers };
    let (first, last) = (path[0], path[path.len() - 1]);
    harness.hover_at(first);
    harness.step();
    harness.event_modifiers(button(first, true), modifiers);
    harness.step();
    for pos in &path[1..] {
        harness.event_modifiers(egui::Event::PointerMoved(*pos), modifiers);
        harness.step();
    }
    harness.event_modifiers(button(last, false), modifiers);
    harness.run();
    // Long enough that the next click does not make it a double click.
    harness.run_steps(6);
}

/// The item drawn nearest to a place, found by looking at every one.
fn nearest(harness: &Harness<'_, World>, at: Pos2) -> ItemId {
    let world = harness.state();
    let n = world.state.library().snapshot.as_ref().expect("open").len() as u32;
    (0..n)
        .map(ItemId)
        .min_by(|a, b| world.place(a.0).distance(at).total_cmp(&world.place(b.0).distance(at)))
        .expect("not empty")
}

fn inside(harness: &Harness<'_, World>, wanted: impl Fn(Pos2) -> bool) -> HashSet<ItemId> {
    let world = harness.state();
    let n = world.state.library().snapshot.as_ref().expect("open").len() as u32;
    (0..n).filter(|row| wanted(world.place(*row))).map(ItemId).collect()
}

#[test]
fn hover_names_the_nearest_point() {
    let mut harness = harness(600);
    for row in [7, 100, 333] {
        let at = harness.state().place(row) + vec2(2.0, -1.0);
        harness.hover_at(at);
        harness.run();
        let expected = nearest(&harness, at);
        assert_eq!(harness.state().state.library().hover, Some(expected));
        let name = harness.state().state.item(expected).expect("an item").name();
        harness.get_by_label(&name);
    }
    harness.hover_at(Pos2::new(320.0, 60.0));
    harness.run();
    assert_eq!(harness.state().state.library().hover, None);
}

#[test]
fn click_selects_and_empty_ground_clears() {
    let mut harness = harness(600);
    let (a, b) = (harness.state().place(0), harness.state().place(1));
    click(&mut harness, a, Modifiers::NONE);
    assert_eq!(harness.state().state.library().selection.items, [ItemId(0)]);
    click(&mut harness, b, Modifiers::COMMAND);
    assert_eq!(harness.state().state.library().selection.items, [ItemId(0), ItemId(1)]);
    click(&mut harness, b, Modifiers::NONE);
    assert_eq!(harness.state().state.library().selection.items, [ItemId(1)]);
    click(&mut harness, Pos2::new(320.0, 60.0), Modifiers::NONE);
    assert!(harness.state().state.library().selection.items.is_empty());
}

#[test]
fn a_box_selects_what_it_encloses_and_adds_on_request() {
    let mut harness = harness(600);
    let (from, to) = (Pos2::new(330.0, 90.0), Pos2::new(520.0, 260.0));
    let around = egui::Rect::from_two_pos(from, to);
    let expected = inside(&harness, |p| around.contains(p));
    assert!(expected.len() > 20 && expected.len() < 500, "{}", expected.len());
    drag(&mut harness, &[from, from + vec2(40.0, 40.0), to], Modifiers::SHIFT);
    assert_eq!(harness.state().state.library().selection.set, expected);

    harness.state_mut().state.library_mut().map_tool = MapTool::Box;
    let second = egui::Rect::from_two_pos(Pos2::new(100.0, 100.0), Pos2::new(330.0, 300.0));
    let more = inside(&harness, |p| second.contains(p));
    drag(&mut harness, &[second.min, second.center(), second.max], Modifiers::COMMAND);
    let both: HashSet<ItemId> = expected.union(&more).copied().collect();
    assert!(both.len() > expected.len());
    assert_eq!(harness.state().state.library().selection.set, both);
    assert_eq!(harness.state().state.library().selection.items.len(), both.len(), "each once");
}

#[test]
fn a_lasso_selects_what_it_encloses() {
    let mut harness = harness(600);
    harness.get_by_label("Select with a lasso").click();
    harness.run();
    assert_eq!(harness.state().state.library().map_tool, MapTool::Lasso);
    // A triangle.
    let corners = [Pos2::new(120.0, 80.0), Pos2::new(560.0, 100.0), Pos2::new(300.0, 380.0)];
    let side = |p: Pos2, a: Pos2, b: Pos2| (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x) > 0.0;
    let expected = inside(&harness, |p| (0..3).all(|i| side(p, corners[i], corners[(i + 1) % 3])));
    assert!(expected.len() > 50 && expected.len() < 550, "{}", expected.len());
    drag(&mut harness, &[corners[0], corners[1], corners[2], corners[0]], Modifiers::NONE);
    assert_eq!(harness.state().state.library().selection.set, expected);
}

#[test]
fn a_tool_adds_subtracts_and_intersects_by_the_keys_that_are_held_or_as_chosen() {
    let mut harness = harness(600);
    harness.state_mut().state.library_mut().map_tool = MapTool::Box;
    let boxes = [(100.0, 100.0, 400.0, 300.0), (250.0, 60.0, 560.0, 260.0)];
    let boxes = boxes
        .map(|(left, top, right, bottom)| egui::Rect::from_min_max(Pos2::new(left, top), Pos2::new(right, bottom)));
    let [first, second] = boxes.map(|rect| inside(&harness, |p| rect.contains(p)));
    let draw = |harness: &mut Harness<'_, World>, at: usize, keys| {
        drag(harness, &[boxes[at].min, boxes[at].center(), boxes[at].max], keys);
        harness.state().state.library().selection.set.clone()
    };
    assert_eq!(draw(&mut harness, 0, Modifiers::NONE), first);
    let both: HashSet<ItemId> = first.union(&second).copied().collect();
    assert!(both.len() > first.len() && both.len() < first.len() + second.len(), "they overlap");
    assert_eq!(draw(&mut harness, 1, Modifiers::SHIFT), both);
    assert_eq!(draw(&mut harness, 1, Modifiers::ALT), first.difference(&second).copied().collect());
    assert_eq!(draw(&mut harness, 0, Modifiers::NONE), first);
    let common: HashSet<ItemId> = first.intersection(&second).copied().collect();
    assert_eq!(draw(&mut harness, 1, Modifiers::SHIFT | Modifiers::ALT), common);
    harness.get_by_label("Add").click();
    harness.run();
    assert_eq!(draw(&mut harness, 0, Modifiers::NONE), first, "as chosen, without a key");
    assert_eq!(draw(&mut harness, 1, Modifiers::ALT), first.difference(&second).copied().collect(), "keys come first");
    // What is in view: everything, and nothing of it twice.
    harness.get_by_label("Select in view").click();
    harness.run();
    assert_eq!(harness.state().state.library().selection.items.len(), 600);
}

#[test]
fn a_lasso_shows_where_it_closes() {
    let mut harness = harness(300);
    harness.state_mut().state.library_mut().map_tool = MapTool::Lasso;
    let accent = vicinity::ui::theme::Theme::of(&harness.ctx).accent;
    let rings = |harness: &Harness<'_, World>, radius: f32| {
        let is_ring = |s: &egui::Shape| matches!(s, egui::Shape::Circle(c) if c.stroke.color == accent && (c.radius - radius).abs() < 0.1);
        painted(harness).iter().filter(|s| is_ring(s)).count()
    };
    let start = Pos2::new(150.0, 100.0);
    let modifiers = Modifiers::NONE;
    harness.hover_at(start);
    harness.step();
    let button = egui::PointerButton::Primary;
    harness.event(egui::Event::PointerButton { pos: start, button, pressed: true, modifiers });
    harness.step();
    for pos in [Pos2::new(300.0, 110.0), Pos2::new(420.0, 260.0), Pos2::new(200.0, 280.0)] {
        harness.event(egui::Event::PointerMoved(pos));
        harness.step();
    }
    assert_eq!((rings(&harness, 4.0), rings(&harness, 6.0)), (1, 0), "where it began");
    harness.event(egui::Event::PointerMoved(start + vec2(5.0, 4.0)));
    harness.step();
    assert_eq!((rings(&harness, 4.0), rings(&harness, 6.0)), (0, 1), "it would close here");
}

#[test]
fn what_a_search_does_not_find_vanishes_with_filter() {
    let mut harness = harness(600);
    let everything = visible_circles(&harness);
    let snapshot = harness.state().state.library().snapshot.clone().expect("open");
    let result = search(&snapshot, 2);
    let rows = result.scores.iter().enumerate().filter(|(_, score)| **score >= result.threshold);
    let matching: HashSet<ItemId> = rows.filter_map(|(row, _)| Some(snapshot.item(row)?.id)).collect();
    assert!(!matching.is_empty() && matching.len() < 300, "{}", matching.len());
    let query = &mut harness.state_mut().state.library_mut().query;
    (query.text, query.result) = ("x".to_owned(), Some(result));
    harness.run();
    assert!(visible_circles(&harness) >= everything, "faded, but drawn");
    harness.state_mut().state.preferences.filter_display = FilterDisplay::Filter;
    harness.run();
    assert!(visible_circles(&harness) < everything / 2, "{} of {everything}", visible_circles(&harness));
    harness.get_by_label("Select in view").click();
    harness.run();
    assert_eq!(harness.state().state.library().selection.set, matching, "nothing else can be enclosed");
}

#[test]
fn escape_gives_a_box_up() {
    let mut harness = harness(300);
    let press = |pressed, pos| egui::Event::PointerButton {
        pos,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: Modifiers::SHIFT,
    };
    harness.hover_at(Pos2::new(100.0, 100.0));
    harness.event_modifiers(press(true, Pos2::new(100.0, 100.0)), Modifiers::SHIFT);
    harness.step();
    harness.hover_at(Pos2::new(500.0, 300.0));
    harness.step();
    harness.key_press(egui::Key::Escape);
    harness.step();
    harness.event(press(false, Pos2::new(500.0, 300.0)));
    harness.run();
    assert!(harness.state().picked.is_empty(), "{:?}", harness.state().picked);
}

/// Turns the wheel away from the user.
fn scroll_up(harness: &mut Harness<'_, World>) {
    harness.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: vec2(0.0, 240.0),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: Modifiers::NONE,
    });
}

#[test]
fn zoom_keeps_the_point_under_the_cursor() {
    let mut harness = harness(600);
    let at = harness.state().place(123);
    let scale = harness.state().map.points_per_unit();
    harness.hover_at(at);
    harness.step();
    scroll_up(&mut harness);
    harness.run();
    let zoomed = harness.state().map.points_per_unit();
    assert!(zoomed > scale * 1.5, "{scale} -> {zoomed}");
    assert!(harness.state().place(123).distance(at) < 0.5);
    harness.event(egui::Event::Zoom(4.0));
    harness.run();
    assert!((harness.state().map.points_per_unit() / zoomed - 4.0).abs() < 0.1);
    assert!(harness.state().place(123).distance(at) < 0.5);
}

#[test]
fn buttons_zoom_and_fit() {
    let mut harness = harness(600);
    let scale = harness.state().map.points_per_unit();
    harness.get_by_label("Zoom in").click();
    harness.run();
    assert!((harness.state().map.points_per_unit() / scale - 1.6).abs() < 1e-3);
    harness.get_by_label("Zoom out").click();
    harness.run();
    harness.get_by_label("Zoom out").click();
    harness.run();
    assert!((harness.state().map.points_per_unit() * 1.6 / scale - 1.0).abs() < 1e-3);
    harness.get_by_label("Fit map").click();
    harness.run();
    assert!((harness.state().map.points_per_unit() / scale - 1.0).abs() < 1e-6);
    let everything = inside(&harness, |p| egui::Rect::from_min_size(Pos2::ZERO, SIZE).contains(p));
    assert_eq!(everything.len(), 600);
    // Again: the selection.
    let few: Vec<ItemId> = (0..600).filter(|i| i % 100 == 16).map(ItemId).collect();
    harness.state_mut().state.library_mut().selection = Selection::new(few).into();
    harness.get_by_label("Fit map").click();
    harness.run();
    assert!(harness.state().map.points_per_unit() > scale * 1.2);
}

#[test]
fn a_drag_moves_the_map_with_the_pointer() {
    let mut harness = harness(600);
    let before = harness.state().place(50);
    let from = Pos2::new(320.0, 60.0);
    drag(&mut harness, &[from, from + vec2(30.0, 10.0), from + vec2(80.0, 40.0)], Modifiers::NONE);
    assert!(harness.state().place(50).distance(before + vec2(80.0, 40.0)) < 0.1);
    assert!(harness.state().picked.is_empty());
}

#[test]
fn the_keyboard_moves_the_map_and_picks() {
    let mut harness = harness(600);
    harness.get_by_label("Map").focus();
    harness.run();
    let before = harness.state().place(50);
    harness.key_press(egui::Key::ArrowRight);
    harness.run();
    assert!(harness.state().place(50).distance(before - vec2(80.0, 0.0)) < 0.1);
    assert!(harness.get_by_label("Map").is_focused(), "arrows do not move the focus away");
    harness.state_mut().map.command(CameraCommand::FlyTo(ItemId(77)));
    harness.run();
    harness.key_press(egui::Key::Enter);
    harness.run();
    assert_eq!(
        harness.state().state.library().selection.items,
        [nearest(&harness, harness.get_by_label("Map").rect().center())]
    );
}

#[test]
fn the_legend_counts_and_filters() {
    let mut harness = harness(600);
    let texts = harness.state().state.library().snapshot.as_ref().expect("open").count(vicinity_core::Modality::Text);
    harness.get_by_label(&format!("Texts, {texts}")).click();
    harness.run();
    assert!(
        harness.state().state.library().hidden_legend.contains(&LegendKey::Modality(vicinity_core::Modality::Text))
    );
    // What is switched off is not found by the pointer any more.
    let everything = [Pos2::new(12.0, 44.0), Pos2::new(300.0, 200.0), Pos2::new(628.0, 412.0)];
    drag(&mut harness, &everything, Modifiers::SHIFT);
    let chosen = harness.state().state.library().selection.items.clone();
    assert!(chosen.len() > 100);
    let of = |id: &ItemId| harness.state().state.item(*id).expect("an item").modality;
    assert!(chosen.iter().all(|id| of(id) == vicinity_core::Modality::Image));
    harness.get_by_label(&format!("Texts, {texts}")).click();
    harness.run();
    assert!(harness.state().state.library().hidden_legend.is_empty());
}

#[test]
fn colours_are_chosen_from_a_menu_and_folders_beyond_ten_are_other() {
    let mut harness = harness(1_300);
    harness.get_by_label("Colour by type").click();
    harness.run();
    harness.get_by_label("Folder").click();
    harness.run();
    assert_eq!(harness.state().state.preferences.colour_by, ColourBy::Folder);
    harness.get_by_label("folder 00, 208");
    let (map, chooser) = (harness.get_by_label("Map").rect(), harness.get_by_label("Colour by folder").rect());
    assert!(map.contains_rect(chooser), "the legend grows into the map: {chooser:?} in {map:?}");
    let rest = harness.state().state.library().snapshot.as_ref().expect("open").items();
    let rest =
        rest.filter(|i| ["10", "11", "12"].iter().any(|f| i.path.to_string_lossy().contains(&format!("folder {f}"))));
    let rest = rest.count();
    harness.get_by_label(&format!("Other, {rest}"));
}

#[test]
fn tells_how_it_was_made_and_lets_a_better_one_be_stopped() {
    let mut harness = harness(300);
    harness.get_by_label("UMAP · 15 neighbours · trustworthiness 0.97");
    harness.state_mut().state.library_mut().layout_progress =
        Some(MapProgress { stage: MapStage::Arranging, share: 0.42, seconds_left: None });
    harness.run();
    harness.get_by_label("Improving the map… 42%");
    harness.get_by_label("Cancel").click();
    harness.run();
    assert!(harness.state().cancelled);
    harness.state_mut().state.library_mut().layout = None;
    harness.run();
    harness.get_by_label("Preparing the map…");
}

#[test]
fn the_name_of_its_method_tells_how_far_the_map_can_be_trusted() {
    let mut harness = harness(300);
    harness.get_by_label("UMAP · 15 neighbours · trustworthiness 0.97").click();
    harness.run();
    assert!(harness.state().measured, "measured when somebody wants to know");
    harness.get_by_label("Trustworthiness 0.970");
    let layout = layout(300, 1);
    let neighbours: Vec<u32> = (0..300).map(|row| (row + 150) % 300).collect();
    let quality = MapQuality {
        epoch: layout.epoch,
        generation: layout.generation,
        k: 1,
        neighbours: neighbours.into(),
        preserved: vec![0.25; 300],
        preservation: 0.25,
        gap: Some(ModalityGap { raw: 0.8, centred: 0.05 }),
    };
    harness.state_mut().state.library_mut().map_quality = Some(Arc::new(quality));
    harness.run();
    harness.get_by_label("25% of neighbours kept");
    harness.state_mut().state.preferences.colour_by = ColourBy::Preserved;
    run_until(&mut harness, |harness| harness.query_by_label("0.25").is_some() || shows(harness, "0.25"));
    harness.state_mut().state.preferences.colour_by = ColourBy::Modality;
    harness.get_by_label("Gap between pictures and texts 0.80, here 0.05");
    harness.key_press(egui::Key::Escape);
    // The item under the pointer is joined to its true neighbour, however far that is.
    let [here, there] = [harness.state().place(3), harness.state().place(153)];
    let joined = |harness: &Harness<'_, World>| {
        let ends = |line: &[Pos2; 2]| line[0].distance(here) < 1.0 && line[1].distance(there) < 1.0;
        painted(harness).iter().any(|shape| matches!(shape, egui::Shape::LineSegment { points, .. } if ends(points)))
    };
    assert!(!joined(&harness));
    harness.state_mut().state.library_mut().hover = Some(ItemId(3));
    harness.run();
    assert!(joined(&harness));
}

/// Whether the map shows these words.
fn shows(harness: &Harness<'_, World>, words: &str) -> bool {
    painted(harness).iter().any(|shape| matches!(shape, egui::Shape::Text(text) if text.galley.text() == words))
}

fn run_until(harness: &mut Harness<'_, World>, done: impl Fn(&Harness<'_, World>) -> bool) {
    for _ in 0..500 {
        harness.run();
        if done(harness) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("waited in vain");
}

#[test]
fn clusters_are_named_until_names_are_switched_off_or_the_map_is_another() {
    let mut harness = harness(600);
    let named = |name: &str, x: f32, parent: Option<u32>, level: u8| Cluster {
        names: vec![name.to_owned()],
        parent,
        levels: (level, level),
        count: 100,
        centre: MapPos { x, y: 0.0 },
        ..Cluster::default()
    };
    let all = vec![named("musical instruments", -0.4, None, 0), named("violins", -0.4, Some(0), 2)];
    let layout = layout(600, 1);
    let (epoch, generation) = (layout.epoch, layout.generation);
    let clusters = Clusters { epoch, generation, all, of_rows: vec![1; 600].into(), newest: None };
    harness.state_mut().state.library_mut().clusters = Some(Arc::new(clusters));
    run_until(&mut harness, |harness| shows(harness, "musical instruments"));
    assert!(!shows(&harness, "violins"), "its level is for nearer views");
    harness.get_by_label("Zoom in").click();
    harness.run();
    let near = harness.state().map.points_per_unit();
    harness.get_by_label("musical instruments, 100 items").click();
    run_until(&mut harness, |harness| harness.state().state.library().selection.items.len() == 600);
    run_until(&mut harness, |harness| harness.state().map.points_per_unit() < near);
    harness.state_mut().state.library_mut().selection = Arc::default();
    harness.get_by_label("Layers").click();
    harness.run();
    harness.get_by_label("Names with pictures").click();
    run_until(&mut harness, |harness| shows(harness, "musical instruments"));
    harness.get_by_label("Layers").click();
    harness.run();
    harness.get_by_label("Names").click();
    harness.run();
    assert!(!shows(&harness, "musical instruments"));
    harness.get_by_label("Layers").click();
    harness.run();
    harness.get_by_label("Names").click();
    run_until(&mut harness, |harness| shows(harness, "musical instruments"));
    harness.state_mut().state.library_mut().layout = Some(self::layout(600, 2));
    run_until(&mut harness, |harness| !shows(harness, "musical instruments"));
}

/// The rectangles that are filled with a picture.
fn filled_with_pictures(harness: &Harness<'_, World>) -> Vec<egui::Rect> {
    let shapes = painted(harness).into_iter();
    let filled =
        |shape| if let egui::Shape::Rect(rect) = shape { Some(rect).filter(|r| r.brush.is_some()) } else { None };
    shapes.filter_map(filled).map(|rect| rect.rect).collect()
}

/// As the program does with what the map asks for.
fn give_pictures(harness: &mut Harness<'_, World>) {
    let picture = Picture::new(80, 60, vec![90; 80 * 60 * 3]).expect("as many bytes");
    let ctx = harness.ctx.clone();
    let world = harness.state_mut();
    let shown = world.sender.drain_small();
    let small = &mut world.state.library_mut().small_pictures;
    small.shown(&shown).into_iter().for_each(|item| small.insert(&ctx, item, Some(&picture)));
}

#[test]
fn pictures_stand_for_points_once_the_view_is_near() {
    let mut harness = harness(600);
    harness.run();
    give_pictures(&mut harness);
    assert!(filled_with_pictures(&harness).is_empty(), "from afar there are points and names");
    harness.hover_at(harness.state().place(120));
    harness.step();
    harness.event(egui::Event::Zoom(6.0));
    run_until(&mut harness, |harness| !harness.state().sender.drain_small().is_empty());
    for _ in 0..4 {
        harness.run();
        give_pictures(&mut harness);
    }
    harness.run();
    let shown = filled_with_pictures(&harness);
    assert!(shown.len() > 5, "{}", shown.len());
    for (at, rect) in shown.iter().enumerate() {
        assert!(shown[..at].iter().all(|other| !other.shrink(0.5).intersects(*rect)), "{rect:?} covers another");
    }
    // A picture is pointed at anywhere, not at its point alone.
    let inside = egui::Rect::from_min_size(Pos2::ZERO, SIZE).shrink(90.0);
    let rect = shown.iter().find(|rect| inside.contains_rect(**rect)).expect("one in the midst");
    harness.hover_at(rect.left_top() + vec2(3.0, 3.0));
    harness.run();
    let hovered = harness.state().state.library().hover.expect("an item");
    assert!(harness.state().place(hovered.0).distance(rect.center()) < 1.0);
    harness.get_by_label("Layers").click();
    harness.run();
    harness.get_by_role_and_label(egui::accesskit::Role::CheckBox, "Pictures").click();
    harness.run();
    assert!(filled_with_pictures(&harness).is_empty());
}

/// Opacity of words on the map.
fn opacity(harness: &Harness<'_, World>, words: &str) -> Option<u8> {
    let text = |shape| match shape {
        egui::Shape::Text(text) if text.galley.text() == words => Some(text),
        _ => None,
    };
    Some(painted(harness).into_iter().find_map(text)?.galley.job.sections[0].format.color.a())
}

#[test]
fn the_name_of_a_cluster_without_hits_is_dimmed_while_there_are_some_elsewhere() {
    let mut harness = harness(600);
    let named = |name: &str, x: f32| Cluster {
        names: vec![name.to_owned()],
        levels: (0, 2),
        count: 300,
        centre: MapPos { x, y: 0.0 },
        ..Cluster::default()
    };
    let all = vec![named("violins", -0.4), named("dogs", 0.4)];
    let layout = layout(600, 1);
    let (epoch, generation) = (layout.epoch, layout.generation);
    let of_rows = (0..600).map(|row| u32::from(row >= 300)).collect();
    let clusters = Clusters { epoch, generation, all, of_rows, newest: None };
    harness.state_mut().state.library_mut().clusters = Some(Arc::new(clusters));
    run_until(&mut harness, |harness| shows(harness, "dogs"));
    let usual = opacity(&harness, "violins");
    assert_eq!(opacity(&harness, "dogs"), usual);
    let found = search(&harness.state().state.library().snapshot.clone().expect("open"), 6);
    let hits: Vec<_> = found.hits.iter().filter(|hit| hit.item.0 >= 300).copied().collect();
    let dogs = SearchResult { above_threshold: hits.len(), hits, ..SearchResult::clone(&found) };
    harness.state_mut().state.library_mut().query.result = Some(Arc::new(dogs));
    run_until(&mut harness, |harness| opacity(harness, "violins").is_some_and(|now| Some(now) < usual));
    assert_eq!(opacity(&harness, "dogs"), usual);
    harness.state_mut().state.library_mut().query.result = None;
    run_until(&mut harness, |harness| opacity(harness, "violins") == usual);
}

#[test]
fn matches_that_the_view_does_not_show_are_told_and_shown_on_request() {
    let mut harness = harness(600);
    let snapshot = harness.state().state.library().snapshot.clone().expect("open");
    harness.state_mut().state.library_mut().query.result = Some(search(&snapshot, 5));
    harness.run();
    assert!(harness.query_by_label_contains("outside the view").is_none(), "all is in view");
    let far = SIZE.to_pos2() * 0.5;
    harness.hover_at(far);
    harness.run();
    for _ in 0..60 {
        drag(&mut harness, &[far, far + vec2(200.0, 0.0)], Modifiers::NONE);
    }
    harness.run();
    harness.get_by_label_contains("outside the view");
    harness.get_by_label("Show").click();
    harness.run();
    run_until(&mut harness, |harness| harness.query_by_label_contains("outside the view").is_none());
    let area = egui::Rect::from_min_size(Pos2::ZERO, SIZE);
    let best = harness.state().state.library().query.result.as_ref().expect("hits").hits[0].item;
    let row = snapshot.row_of(best).expect("an item") as u32;
    assert!(area.contains(harness.state().place(row)));
}

#[test]
fn glides_to_a_new_layout_and_follows_the_items() {
    let mut harness = harness(600);
    let before = harness.state().place(200);
    harness.state_mut().state.library_mut().layout = Some(layout(600, 2));
    harness.run();
    let after = harness.state().place(200);
    assert!(before.distance(after) > 5.0);
    harness.hover_at(after);
    harness.run();
    assert_eq!(harness.state().state.library().hover, Some(nearest(&harness, after)));
}

#[test]
fn a_large_map_is_prepared_off_the_frame() {
    let mut harness = Harness::builder()
        .with_size(SIZE)
        .with_context_setup(vicinity::ui::style::install)
        .build_ui_state(|ui, world: &mut World| world.frame(ui), world(state(60_000)));
    let mut frames = 0;
    while harness.state().map.pos_on_screen(ItemId(7)).is_none() {
        frames += 1;
        assert!(frames < 1_000, "never ready");
        std::thread::sleep(std::time::Duration::from_millis(5));
        harness.step();
    }
    harness.run();
    let at = harness.state().place(59_999);
    harness.hover_at(at);
    harness.run();
    assert!(harness.state().state.library().hover.is_some());
}

/// Draws the points for real, and compares with the picture kept.
fn picture(name: &str, theme: Theme, ready: impl FnOnce(&mut Harness<'_, World>)) {
    let setup = egui_kittest::wgpu::default_wgpu_setup();
    let gpu = egui_kittest::wgpu::create_render_state(setup, egui_wgpu::RendererOptions::PREDICTABLE);
    let mut world = world(state(2_000));
    world.map.set_render_state(Some(&gpu));
    let mut harness = Harness::builder()
        .with_size(SIZE)
        .with_theme(theme)
        .with_max_steps(20)
        .with_render_cursor(false)
        .with_context_setup(vicinity::ui::style::install)
        .renderer(WgpuTestRenderer::from_render_state(gpu))
        .build_ui_state(|ui, world: &mut World| world.frame(ui), world);
    harness.run();
    ready(&mut harness);
    harness.run();
    let drawn = harness.render().expect("a picture");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        drawn.save(kept_picture(name)).expect("kept");
    }
    compare(name, &drawn);
}

fn kept_picture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(format!("{name}.png"))
}

/// Fails where more than a few pixels are visibly others than in the picture kept: drivers round edges differently.
/// `UPDATE_SNAPSHOTS=1` keeps what is drawn.
fn compare(name: &str, drawn: &image::RgbaImage) {
    const VISIBLE: u8 = 16;
    const FEW: usize = 60;
    let kept = image::open(kept_picture(name)).expect("a picture").to_rgba8();
    let visibly_other =
        |(a, b): &(&image::Rgba<u8>, &image::Rgba<u8>)| a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > VISIBLE);
    let others = kept.pixels().zip(drawn.pixels()).filter(visibly_other).count();
    if kept.dimensions() != drawn.dimensions() || others > FEW {
        let seen = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
        drawn.save(&seen).expect("saved");
        panic!("{others} pixels are others than in {}, see {}", kept_picture(name).display(), seen.display());
    }
}

#[test]
fn looks_right_in_the_dark_with_a_query() {
    picture("map_query_dark", Theme::Dark, |harness| {
        let world = harness.state_mut();
        let snapshot = Arc::clone(world.state.library().snapshot.as_ref().expect("open"));
        world.state.library_mut().query.result = Some(search(&snapshot, 6));
        world.state.preferences.colour_by = ColourBy::Similarity;
        world.state.library_mut().selection = Selection::new((40..46).map(ItemId).collect()).into();
    });
}

#[test]
fn looks_right_in_the_light_with_folders() {
    picture("map_folders_light", Theme::Light, |harness| {
        let at = harness.state().place(444);
        harness.state_mut().state.library_mut().selection = Selection::new((40..46).map(ItemId).collect()).into();
        harness.hover_at(at);
        harness.state_mut().state.preferences.colour_by = ColourBy::Folder;
    });
}

#[test]
fn where_nothing_matches_the_map_marks_nothing_as_a_hit() {
    let mut harness = harness(600);
    let theme = vicinity::ui::theme::Theme::of(&harness.ctx).hit;
    let hits = |harness: &Harness<'_, World>| {
        let circle = |s: &egui::Shape| matches!(s, egui::Shape::Circle(c) if c.fill == theme);
        painted(harness).iter().filter(|s| circle(s)).count()
    };
    let snapshot = Arc::clone(harness.state().state.library().snapshot.as_ref().expect("open"));
    let found = search(&snapshot, 6);
    harness.state_mut().state.library_mut().query.result = Some(Arc::clone(&found));
    harness.run();
    assert_eq!(hits(&harness), found.matching().len(), "as many as the list says");
    let none = SearchResult { above_threshold: 0, threshold: f32::INFINITY, ..SearchResult::clone(&found) };
    harness.state_mut().state.library_mut().query.result = Some(Arc::new(none));
    harness.run();
    assert_eq!(hits(&harness), 0);
    assert!(!painted(&harness).iter().any(|s| matches!(s, egui::Shape::Mesh(_))), "no star either");
}

#[test]
fn nothing_lies_below_the_legend_and_nothing_is_found_through_it() {
    let mut harness = harness(1_300);
    harness.state_mut().state.preferences.colour_by = ColourBy::Folder;
    harness.run();
    let (first, last) =
        (harness.get_by_label("folder 00, 208").rect(), harness.get_by_label("Colour by folder").rect());
    let legend = first.union(last);
    let covered = inside(&harness, |p| legend.contains(p));
    assert!(covered.is_empty(), "{} points lie below the legend", covered.len());
    // Moved there by hand, a point below the legend is not under the pointer.
    let at = harness.state().place(40);
    drag(&mut harness, &[Pos2::new(320.0, 30.0), Pos2::new(320.0, 30.0) + (legend.center() - at)], Modifiers::NONE);
    assert!(legend.contains(harness.state().place(40)));
    let scale = harness.state().map.points_per_unit();
    harness.hover_at(harness.state().place(40));
    harness.step();
    scroll_up(&mut harness);
    harness.run();
    assert_eq!(harness.state().state.library().hover, None);
    assert_eq!(harness.state().map.points_per_unit(), scale, "the wheel is the legend's");
}

#[test]
fn a_switch_of_the_legend_stays_with_its_folder_when_the_order_changes() {
    let mut harness = harness(1_300);
    harness.state_mut().state.preferences.colour_by = ColourBy::Folder;
    harness.run();
    harness.get_by_label("folder 01, 169").click();
    harness.run();
    let off = LegendKey::Folder("/home/ann/Photos/folder 01".into());
    assert!(harness.state().state.library().hidden_legend.contains(&off));
    harness.state_mut().state.library_mut().snapshot = Some(crate::support::synthetic::snapshot(2_600, 2));
    harness.state_mut().state.library_mut().layout = Some(layout(2_600, 2));
    harness.run();
    let state = |name: &str| {
        let node = harness.get_by_label_contains(name);
        egui_kittest::kittest::NodeT::accesskit_node(&node).toggled() == Some(egui::accesskit::Toggled::True)
    };
    assert!(!state("folder 01, ") && state("folder 00, "));
}

#[test]
fn a_filter_narrows_the_map_and_can_be_fitted() {
    let mut harness = harness(600);
    let folder = "/home/ann/Photos/folder 04";
    let of_folder = |harness: &Harness<'_, World>, id: &ItemId| {
        harness.state().state.item(*id).expect("an item").path.starts_with(folder)
    };
    harness.state_mut().state.library_mut().query.filter.folder = Some(folder.into());
    harness.run();
    let (mut a, mut b) = (None, None);
    for row in 2..600 {
        let place = if of_folder(&harness, &ItemId(row)) { &mut a } else { &mut b };
        place.get_or_insert(row);
    }
    let (within, without) = (a.expect("an item"), b.expect("an item"));
    let scale = harness.state().map.points_per_unit();
    drag(&mut harness, &[Pos2::new(4.0, 44.0), Pos2::new(300.0, 200.0), Pos2::new(636.0, 420.0)], Modifiers::SHIFT);
    let selected = harness.state().state.library().selection.items.clone();
    assert!(selected.len() > 10 && selected.iter().all(|id| of_folder(&harness, id)), "a box takes no others");
    assert!(selected.contains(&ItemId(within)) && !selected.contains(&ItemId(without)));
    harness.state_mut().map.command(CameraCommand::FitFilter);
    harness.run();
    assert!(harness.state().map.points_per_unit() > scale * 1.5);
    let map = egui::Rect::from_min_size(Pos2::ZERO, SIZE);
    assert!(selected.iter().all(|id| map.contains(harness.state().place(id.0))));
}

#[test]
fn a_dense_selection_is_outlined_and_a_sparse_one_ringed() {
    let mut harness = harness(600);
    let accent = vicinity::ui::theme::Theme::of(&harness.ctx).accent;
    let count = |harness: &Harness<'_, World>| {
        let rings = |s: &egui::Shape| matches!(s, egui::Shape::Circle(c) if c.stroke.color == accent);
        let lines = |s: &egui::Shape| matches!(s, egui::Shape::LineSegment { stroke, .. } if stroke.color == accent);
        let shapes = painted(harness);
        (shapes.iter().filter(|s| rings(s)).count(), shapes.iter().filter(|s| lines(s)).count())
    };
    let first = harness.state().state.item(ItemId(2)).expect("an item").path.parent().expect("a folder").to_owned();
    let cluster: Vec<ItemId> = (0..600)
        .map(ItemId)
        .filter(|id| harness.state().state.item(*id).is_some_and(|i| i.path.starts_with(&first)))
        .collect();
    harness.state_mut().state.library_mut().selection = Selection::new(cluster.clone()).into();
    harness.run();
    let (rings, lines) = count(&harness);
    assert!(rings < cluster.len() / 2 && lines > 20, "{rings} rings and {lines} lines for {}", cluster.len());
    harness.state_mut().state.library_mut().selection = Selection::new(vec![ItemId(0), ItemId(1)]).into();
    harness.run();
    assert_eq!(count(&harness), (2, 0));
}

/// Number of circles painted with a visible fill.
fn visible_circles(harness: &Harness<'_, World>) -> usize {
    painted(harness).iter().filter(|s| matches!(s, egui::Shape::Circle(c) if c.fill.a() > 0)).count()
}

#[test]
fn excluded_points_fade_with_highlight_and_vanish_with_filter() {
    let mut harness = harness(600);
    let everything = visible_circles(&harness);
    let folder = "/home/ann/Photos/folder 04";
    harness.state_mut().state.library_mut().query.filter.folder = Some(folder.into());
    harness.run();
    assert_eq!(visible_circles(&harness), everything, "faded, but drawn");
    // The point that is furthest from those that the filter admits.
    let of_folder = |row: &u32| harness.state().state.item(ItemId(*row)).expect("an item").path.starts_with(folder);
    let (within, without): (Vec<u32>, Vec<u32>) = (0..600).partition(of_folder);
    let distance = |row: u32| {
        let at = harness.state().place(row);
        within.iter().map(|other| harness.state().place(*other).distance(at)).fold(f32::INFINITY, f32::min)
    };
    let far = without.iter().copied().max_by(|a, b| distance(*a).total_cmp(&distance(*b))).expect("one");
    let at = harness.state().place(far);
    let found = nearest(&harness, at);
    harness.hover_at(at);
    harness.run();
    assert_eq!(harness.state().state.library().hover, Some(found), "a faded point can be looked at");

    harness.state_mut().state.preferences.filter_display = FilterDisplay::Filter;
    harness.run();
    assert!(visible_circles(&harness) <= everything - without.len(), "{} of {everything}", visible_circles(&harness));
    assert_eq!(harness.state().state.library().hover, None, "a point that is not there cannot be picked");
    drag(&mut harness, &[Pos2::new(4.0, 44.0), Pos2::new(300.0, 200.0), Pos2::new(636.0, 420.0)], Modifiers::SHIFT);
    let selected = harness.state().state.library().selection.items.clone();
    assert!(!selected.is_empty() && selected.iter().all(|id| within.contains(&id.0)), "nor enclosed");
    // Selected before, not drawn now: no ring.
    let accent = vicinity::ui::theme::Theme::of(&harness.ctx).accent;
    harness.state_mut().state.library_mut().selection = Selection::new(vec![ItemId(far)]).into();
    harness.run();
    assert!(!painted(&harness).iter().any(|s| matches!(s, egui::Shape::Circle(c) if c.stroke.color == accent)));
    // Fitting shows what is there.
    let scale = harness.state().map.points_per_unit();
    harness.get_by_label("Fit map").click();
    harness.run();
    assert!(harness.state().map.points_per_unit() > scale * 1.2);
}

#[test]
fn the_legend_counts_what_the_filter_admits() {
    let mut harness = harness(600);
    harness.state_mut().state.preferences.colour_by = ColourBy::Folder;
    harness
        .state_mut()
        .state
        .library_mut()
        .hidden_legend
        .insert(LegendKey::Folder("/home/ann/Photos/folder 01".into()));
    harness.run();
    let all = harness.state().state.library().snapshot.as_ref().expect("open").items();
    let (mut first, mut hidden, mut texts) = (0, 0, 0);
    for item in all {
        first += usize::from(item.path.starts_with("/home/ann/Photos/folder 00"));
        hidden += usize::from(item.path.starts_with("/home/ann/Photos/folder 01"));
        texts += usize::from(item.path.starts_with("/home/ann/Photos/folder 03"));
    }
    harness.get_by_label(&format!("folder 00, {first}"));
    harness.state_mut().state.library_mut().query.filter.modality = Some(vicinity_core::Modality::Text);
    harness.run();
    harness.get_by_label(&format!("folder 00, 0 of {first}"));
    harness.get_by_label(&format!("folder 03, {texts}"));
    let hidden = format!("folder 01, 0 of {hidden}");
    let hidden = harness.get_by_label(&hidden);
    let toggled = egui_kittest::kittest::NodeT::accesskit_node(&hidden).toggled();
    assert_eq!(toggled, Some(egui::accesskit::Toggled::False), "the entry is still the hidden one");
}

/// Number of pictures painted.
fn pictures(harness: &Harness<'_, World>) -> usize {
    let picture = |s: &egui::Shape| {
        let texture = match s {
            egui::Shape::Mesh(mesh) => mesh.texture_id,
            egui::Shape::Rect(rect) => rect.fill_texture_id(),
            _ => egui::TextureId::default(),
        };
        texture != egui::TextureId::default()
    };
    painted(harness).iter().filter(|s| picture(s)).count()
}

/// Steps until `ready`: what is prepared off the frame takes a while.
fn step_until(harness: &mut Harness<'_, World>, ready: impl Fn(&Harness<'_, World>) -> bool) {
    for _ in 0..2_000 {
        harness.step();
        if ready(harness) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("never ready");
}

#[test]
fn the_density_is_shown_on_request_and_follows_the_filter() {
    let mut harness = harness(600);
    assert!(pictures(&harness) == 0 && harness.query_by_label("Density").is_none(), "too few points by itself");
    let toggle = |harness: &mut Harness<'_, World>| {
        harness.get_by_label("Layers").click();
        harness.run();
        let role = egui::accesskit::Role::CheckBox;
        harness.get_by_role_and_label(role, "Density").click();
        harness.run();
        harness.key_press(egui::Key::Escape);
        harness.run();
    };
    toggle(&mut harness);
    step_until(&mut harness, |harness| pictures(harness) == 1);
    harness.run();
    harness.get_by_label("Density");
    harness.state_mut().state.library_mut().query.filter.folder = Some("/nowhere".into());
    harness.run();
    assert!(pictures(&harness) == 0 && harness.query_by_label("Density").is_none(), "no point is visible");
    harness.state_mut().state.library_mut().query.filter.folder = None;
    step_until(&mut harness, |harness| pictures(harness) == 1);
    toggle(&mut harness);
    assert!(pictures(&harness) == 0 && harness.query_by_label("Density").is_none());
}

#[test]
fn contours_are_drawn_on_request() {
    let mut harness = harness(600);
    let lines = |harness: &Harness<'_, World>| {
        painted(harness).iter().filter(|shape| matches!(shape, egui::Shape::LineSegment { .. })).count()
    };
    let before = lines(&harness);
    harness.get_by_label("Layers").click();
    harness.run();
    harness.get_by_role_and_label(egui::accesskit::Role::CheckBox, "Contours").click();
    step_until(&mut harness, |harness| lines(harness) > before + 50);
}

#[test]
fn many_points_show_their_density_by_themselves() {
    let mut harness = Harness::builder()
        .with_size(SIZE)
        .with_context_setup(vicinity::ui::style::install)
        .build_ui_state(|ui, world: &mut World| world.frame(ui), world(state(60_000)));
    step_until(&mut harness, |harness| pictures(harness) == 1);
    let scale = harness.state().map.points_per_unit();
    for _ in 0..12 {
        harness.state_mut().map.command(CameraCommand::ZoomIn);
        harness.step();
    }
    step_until(&mut harness, |harness| harness.state().map.points_per_unit() > scale * 100.0);
    // The one picture that is left is the overview.
    step_until(&mut harness, |harness| pictures(harness) == 1 && harness.query_by_label("Density").is_none());
    harness.get_by_label("Overview of the map");
}

#[test]
fn the_overview_appears_while_zoomed_in_and_moves_the_view() {
    let mut harness = harness(600);
    assert!(harness.query_by_label("Overview of the map").is_none());
    for _ in 0..2 {
        harness.get_by_label("Zoom in").click();
        harness.run();
    }
    step_until(&mut harness, |harness| pictures(harness) == 1);
    let overview = harness.get_by_label("Overview of the map").rect();
    assert!(overview.width() <= 140.0 && overview.height() <= 140.0);
    let before = harness.state().place(50);
    let scale = harness.state().map.points_per_unit();
    click(&mut harness, overview.left_top() + vec2(2.0, 2.0), Modifiers::NONE);
    let after = harness.state().place(50);
    assert!(after.x > before.x + 100.0 && after.y > before.y + 100.0, "{before:?} -> {after:?}");
    drag(&mut harness, &[overview.left_top(), overview.center(), overview.right_bottom()], Modifiers::NONE);
    let dragged = harness.state().place(50);
    assert!(dragged.x < before.x - 100.0 && dragged.y < before.y - 100.0, "{before:?} -> {dragged:?}");
    assert_eq!(harness.state().map.points_per_unit(), scale);
    assert!(harness.state().picked.is_empty() && harness.state().state.library().hover.is_none());
    harness.get_by_label("Layers").click();
    harness.run();
    harness.get_by_role_and_label(egui::accesskit::Role::CheckBox, "Overview").click();
    harness.run();
    harness.key_press(egui::Key::Escape);
    harness.run();
    assert!(pictures(&harness) == 0 && harness.query_by_label("Overview of the map").is_none());
}

#[test]
fn a_far_point_does_not_make_the_map_small_is_marked_and_can_be_seen() {
    let usual = harness(600).state().map.points_per_unit();
    let mut state = state(600);
    let mut far = vicinity_core::Layout::clone(&layout(600, 1));
    far.positions[599] = MapPos { x: 90.0, y: 0.1 };
    state.library_mut().layout = Some(Arc::new(far));
    let mut harness = Harness::builder()
        .with_size(SIZE)
        .with_step_dt(0.1)
        .with_max_steps(20)
        .with_context_setup(vicinity::ui::style::install)
        .build_ui_state(|ui, world: &mut World| world.frame(ui), world(state));
    harness.run();
    let map = egui::Rect::from_min_size(Pos2::ZERO, SIZE);
    assert!(harness.state().map.points_per_unit() > 0.6 * usual);
    assert!(inside(&harness, |p| map.contains(p)).len() >= 580);
    assert!(!map.contains(harness.state().place(599)));
    harness.get_by_label_contains("farther out");
    let colour = vicinity::ui::theme::Theme::of(&harness.ctx).text2;
    let edge = harness.get_by_label("Map").rect().right() - 4.0;
    let is_mark = |s: &egui::Shape| matches!(s, egui::Shape::Path(p) if p.fill == colour && p.points[0].x > edge);
    assert!(painted(&harness).iter().any(is_mark), "a mark at the right edge");
    for _ in 0..14 {
        harness.get_by_label("Zoom out").click();
        harness.run();
    }
    assert!(map.contains(harness.state().place(599)), "{:?}", harness.state().place(599));
    assert!(harness.query_by_label_contains("farther out").is_none());
}

#[test]
fn an_open_menu_is_not_covered_by_the_card_of_a_point() {
    let mut harness = harness(600);
    harness.hover_at(harness.state().place(7));
    harness.run();
    let hover = harness.state().state.library().hover.expect("a point");
    let name = harness.state().state.item(hover).expect("an item").name();
    harness.get_by_label(&name);
    harness.get_by_label("Layers").click_accesskit();
    harness.run();
    harness.get_by_role_and_label(egui::accesskit::Role::CheckBox, "Density");
    assert!(harness.query_by_label(&name).is_none());
}
