//! The map beside the gallery, and the scatter plot, over an engine that answers at once.

use crate::support::fake::{self, Habits};
use crate::support::window::{Setup, Window, painted, step_until, window};
use egui::{Key, Modifiers, Pos2, Rect, vec2};
use egui_kittest::kittest::Queryable as _;
use vicinity::context::{CentralView, State};
use vicinity_core::{AxisSource, ItemId};
use vicinity_engine::Job;

fn open_with(setup: Setup) -> (Window, fake::Jobs) {
    let (opener, jobs) = fake::opener_with(Habits { photos: true, table: true, ..Habits::default() });
    let mut window = window(Setup { library: Some("/nowhere/library".into()), ..setup }, opener);
    step_until(&mut window, "the collection is shown", |w| state(w).library().snapshot.is_some());
    window.run_steps(6);
    (window, jobs)
}

fn state(window: &Window) -> &State {
    window.state().state()
}

fn split(setup: Setup) -> Window {
    let (mut window, _) = open_with(setup);
    window.key_press(Key::Num3);
    step_until(&mut window, "the gallery lists everything", |w| listed(w).len() == 32);
    window.run_steps(3);
    window
}

fn listed(window: &Window) -> &[ItemId] {
    &state(window).library().gallery.listing.items
}

fn map(window: &Window) -> Rect {
    window.get_by_role_and_label(egui::accesskit::Role::Canvas, "Map").rect()
}

fn drag(window: &mut Window, from: Pos2, to: Pos2, modifiers: Modifiers) {
    let button =
        |pos, pressed| egui::Event::PointerButton { pos, button: egui::PointerButton::Primary, pressed, modifiers };
    window.hover_at(from);
    window.step();
    window.event_modifiers(button(from, true), modifiers);
    window.step();
    for share in [0.3, 0.6, 1.0] {
        window.event_modifiers(egui::Event::PointerMoved(from + (to - from) * share), modifiers);
        window.step();
    }
    window.event_modifiers(button(to, false), modifiers);
    // Long enough that the next click does not make it a double click.
    window.run_steps(16);
}

/// A box around the left part of the map.
fn box_on_map(window: &mut Window, share: f32) {
    let map = map(window);
    let to = map.left_top() + map.size() * vec2(share, 0.98);
    drag(window, map.left_top() + vec2(3.0, 44.0), to, Modifiers::SHIFT);
}

#[test]
fn a_box_on_the_map_fills_the_gallery_beside_it_and_escape_empties_it() {
    let mut window = split(Setup::default());
    assert!(map(&window).width() > 280.0);
    window.get_by_label("picture_00.jpg");
    box_on_map(&mut window, 0.5);
    let selected = state(&window).library().selection.items.clone();
    assert!((3..32).contains(&selected.len()), "{}", selected.len());
    step_until(&mut window, "the gallery lists the selection", |w| listed(w).len() == selected.len());
    let titles = window.query_all_by_label(&format!("{} selected", selected.len())).count();
    assert_eq!(titles, 2, "in the gallery, and in the panel beside it");
    // Looked at one by one, they stay listed; another box lists others.
    window.key_press(Key::ArrowRight);
    window.run_steps(4);
    assert_eq!((state(&window).library().selection.items.len(), listed(&window).len()), (1, selected.len()));
    box_on_map(&mut window, 0.98);
    let more = state(&window).library().selection.items.len();
    step_until(&mut window, "the gallery lists the other selection", |w| {
        more > selected.len() && listed(w).len() == more
    });
    window.key_press(Key::Escape);
    step_until(&mut window, "the gallery lists everything", |w| listed(w).len() == 32);
}

#[test]
fn what_the_pointer_rests_on_shows_in_map_and_gallery() {
    let mut window = split(Setup::default());
    window.get_by_label("picture_03.jpg").hover();
    window.run_steps(4);
    assert_eq!(state(&window).library().hover, Some(ItemId(3)));
    let text1 = vicinity::ui::theme::DARK.text1;
    let ring = |s: &egui::Shape| matches!(s, egui::Shape::Circle(c) if c.stroke.color == text1);
    assert_eq!(painted(&window).iter().filter(|s| ring(s)).count(), 1, "a ring on the map");
    // The other way round, wherever there is a point.
    let (area, mut at) = (map(&window), None);
    for step in 0..1_500_u16 {
        let (x, y) = (f32::from(step % 50) / 50.0, f32::from(step / 50) / 30.0);
        window.hover_at(area.lerp_inside(vec2(x, 0.1 + 0.7 * y)));
        window.step();
        if state(&window).library().hover.is_some_and(|id| id.0 < 6) {
            at = Some(step);
            break;
        }
    }
    assert!(at.is_some(), "a point whose tile is in view");
    window.run_steps(2);
    let frame = |s: &egui::Shape| matches!(s, egui::Shape::Rect(r) if r.stroke.color == text1);
    assert_eq!(painted(&window).iter().filter(|s| frame(s)).count(), 1, "a frame in the gallery");
}

#[test]
fn the_divider_is_moved_by_pointer_and_keys_and_remembered() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.json");
    let mut window = split(Setup { settings: Some(settings.clone()), size: Some([1600.0, 900.0]), ..Setup::default() });
    let divider = |w: &Window| w.get_by_label("Divider between map and gallery").rect().center();
    let (before, width) = (map(&window).width(), map(&window).width());
    let from = divider(&window) + vec2(0.0, 100.0);
    drag(&mut window, from, from - vec2(120.0, 0.0), Modifiers::NONE);
    assert!((map(&window).width() - (before - 120.0)).abs() < 4.0, "{width} -> {}", map(&window).width());
    window.get_by_label("Divider between map and gallery").focus();
    window.run_steps(2);
    let share = state(&window).preferences.split_share;
    window.key_press(Key::ArrowRight);
    window.run_steps(3);
    assert!(state(&window).preferences.split_share > share + 0.01);
    assert!(window.get_by_label("Divider between map and gallery").is_focused());
    window.key_press(Key::Enter);
    window.run_steps(3);
    assert_eq!(state(&window).preferences.split_share, 0.5);
    window.key_press(Key::ArrowLeft);
    window.run_steps(3);
    let share = state(&window).preferences.split_share;
    drop(window);
    let kept = vicinity::app::preferences::read(&settings);
    assert_eq!((kept.central_view, kept.split_share), (CentralView::Split, share));
}

#[test]
fn in_a_small_window_the_gallery_is_below_the_map() {
    let mut window = split(Setup { size: Some([1000.0, 700.0]), ..Setup::default() });
    let above = map(&window);
    assert!(above.height() >= 180.0 && above.width() > 400.0, "{above:?}");
    assert!(window.get_by_label("picture_00.jpg").rect().top() > above.bottom());
    box_on_map(&mut window, 0.98);
    let selected = state(&window).library().selection.items.len();
    step_until(&mut window, "the gallery lists the selection", |w| selected > 3 && listed(w).len() == selected);
}

fn axes_asked(jobs: &fake::Jobs) -> Vec<[String; 2]> {
    let jobs = jobs.lock().expect("not poisoned");
    let asked = jobs.iter().filter_map(|job| match job {
        Job::PlaceOnAxes { axes, .. } => Some(axes.clone().map(String::from)),
        _ => None,
    });
    asked.collect()
}

#[test]
fn the_axes_show_a_scatter_plot_in_which_points_are_selected_and_the_map_comes_back() {
    let (mut window, jobs) = open_with(Setup::default());
    let whole = map(&window);
    window.key_press(Key::Num4);
    step_until(&mut window, "the items are placed", |w| {
        w.query_by_label("Horizontal axis: indoor – outdoor").is_some()
    });
    assert_eq!(axes_asked(&jobs), [["indoor|outdoor", "things|people"].map(str::to_owned)]);
    window.run_steps(30);
    let plot = map(&window);
    assert!(plot.left() > whole.left() + 40.0 && plot.bottom() < whole.bottom() - 30.0, "room for ticks");
    let texts: Vec<String> = painted(&window)
        .iter()
        .filter_map(|s| if let egui::Shape::Text(text) = s { Some(text.galley.text().to_owned()) } else { None })
        .collect();
    for tick in ["0.1", "0.2", "← indoor", "outdoor →", "← things"] {
        assert!(texts.iter().any(|text| text == tick), "no {tick} in {texts:?}");
    }
    // Items with small numbers are at the left.
    drag(&mut window, plot.left_top() + vec2(2.0, 2.0), plot.lerp_inside(vec2(0.5, 0.99)), Modifiers::SHIFT);
    let mut selected: Vec<u32> = state(&window).library().selection.items.iter().map(|id| id.0).collect();
    selected.sort_unstable();
    assert!(
        (10..22).contains(&selected.len()) && selected.iter().copied().eq(0..selected.len() as u32),
        "{selected:?}"
    );
    window.key_press(Key::Num1);
    window.run_steps(30);
    assert!(window.query_by_label("Horizontal axis: indoor – outdoor").is_none());
    assert_eq!(map(&window), whole);
    assert_eq!(state(&window).library().selection.items.len(), selected.len(), "one selection");
}

#[test]
fn axes_are_typed_or_chosen_and_an_empty_one_says_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.json");
    let (mut window, jobs) = open_with(Setup { settings: Some(settings.clone()), ..Setup::default() });
    window.get_by_label("Axes").click();
    step_until(&mut window, "the items are placed", |w| state(w).placed_axes().is_some());
    window.run_steps(20);
    window.get_by_label("Vertical axis: opposites").click();
    window.run_steps(3);
    for entry in ["Date taken", "Rating", "ISO", "price", "born"] {
        window.get_by_role_and_label(egui::accesskit::Role::Button, entry);
    }
    window.get_by_role_and_label(egui::accesskit::Role::Button, "File size").click();
    step_until(&mut window, "the size is on the axis", |w| w.query_by_label("Vertical axis: File size").is_some());
    window.get_by_label("8 of 32 without file size");
    window.get_by_label("Horizontal axis, right end").focus();
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.event(egui::Event::Text("a beach".to_owned()));
    step_until(&mut window, "the words are on the axis", |w| {
        w.query_by_label("Horizontal axis: indoor – a beach").is_some()
    });
    assert_eq!(axes_asked(&jobs).last(), Some(&["indoor|a beach", "size"].map(str::to_owned)));
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.key_press(Key::Backspace);
    step_until(&mut window, "it says what is missing", |w| {
        w.query_by_label("Type two opposites, such as indoor and outdoor").is_some()
    });
    window.get_by_label("Horizontal axis: indoor – a beach");
    drop(window);
    let kept = vicinity::app::preferences::read(&settings);
    assert_eq!(kept.axes, ["indoor|", "size"].map(AxisSource::from));
}

#[test]
fn axes_that_cannot_be_shown_leave_the_map_with_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.json");
    std::fs::write(&settings, r#"{"central_view": "Axes", "axes": ["", "size"], "reduce_motion": true}"#)
        .expect("written");
    let (mut window, _) =
        open_with(Setup { settings: Some(settings), size: Some([1000.0, 700.0]), ..Setup::default() });
    step_until(&mut window, "it says why", |w| w.query_by_label("No scatter plot").is_some());
    window.get_by_label("Type two opposites, such as indoor and outdoor");
    assert!(map(&window).width() > 300.0);
}
