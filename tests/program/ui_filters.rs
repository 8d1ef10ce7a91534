//! The chips, histograms and timeline of the filter, over an engine that answers at once.

use crate::support::fake;
use crate::support::window::{Setup, Window, click, painted, step_until, type_query, window};
use egui::{Key, Modifiers, PointerButton, Pos2};
use egui_kittest::kittest::Queryable as _;
use vicinity::app::preferences;
use vicinity::context::State;
use vicinity_core::condition::field::Field;
use vicinity_core::{Filter, Modality};
use vicinity_engine::{Job, SearchSlot};

const TAKEN: &str = "Date taken histogram";

fn open(setup: Setup, photos: bool) -> (Window, fake::Jobs) {
    let (opener, jobs) = fake::opener_with(fake::Habits { photos, ..fake::Habits::default() });
    let mut window = window(Setup { library: Some("/nowhere/library".into()), ..setup }, opener);
    step_until(&mut window, "something is counted", |w| w.state().state().library().histograms.iter().next().is_some());
    window.run_steps(4);
    (window, jobs)
}

/// A tall window over eight photos that were taken every third day from 2023-06-01 to 2023-06-22.
fn open_photos() -> Window {
    open(Setup { size: Some([1200.0, 2400.0]), ..Setup::default() }, true).0
}

fn state(window: &Window) -> &State {
    window.state().state()
}

fn filter(window: &Window) -> &Filter {
    &state(window).library().query.filter
}

fn taken(window: &Window) -> String {
    filter(window).taken().to_string()
}

fn visible(window: &Window) -> Option<usize> {
    state(window).library().visible.as_ref().map(|rows| rows.len())
}

fn shown(window: &Window, label: &str) -> bool {
    window.query_all_by_label(label).next().is_some()
}

/// The middle of a bin of a histogram.
fn bin(window: &Window, name: &str, bin: usize, bins: usize) -> Pos2 {
    let rect = window.get_by_label_contains(name).rect();
    Pos2::new(rect.left() + rect.width() * (bin as f32 + 0.5) / bins as f32, rect.center().y)
}

fn button(window: &mut Window, pos: Pos2, pressed: bool) {
    let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
    window.event(egui::Event::PointerButton { pos, button, pressed, modifiers });
    window.run_steps(2);
}

fn move_to(window: &mut Window, pos: Pos2) {
    window.hover_at(pos);
    window.run_steps(3);
}

fn undo(window: &mut Window) {
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(3);
}

#[test]
fn each_criterion_has_a_chip_and_all_are_cleared_at_once() {
    let (mut window, _) = open(Setup::default(), false);
    assert!(!shown(&window, "Clear all filters") && !shown(&window, "32 of 32 items"));
    window.get_by_label("Notes, 8").click();
    step_until(&mut window, "the folder has a chip", |w| shown(w, "Filter In Notes") && shown(w, "8 of 32 items"));
    window.get_all_by_label("Texts, 8").next().expect("in the left panel").click();
    step_until(&mut window, "and the type", |w| shown(w, "Filter Texts only"));
    window.run_steps(2);
    window.get_by_label("Remove In Notes from filter").click();
    step_until(&mut window, "only the type is left", |w| {
        *filter(w) == Filter { modality: Some(Modality::Text), ..Filter::default() }
    });
    window.run_steps(2);
    undo(&mut window);
    assert!(shown(&window, "Filter In Notes"));
    window.get_by_label("Clear all filters").click();
    step_until(&mut window, "nothing is left", |w| filter(w).is_empty() && !shown(w, "Clear all filters"));
    undo(&mut window);
    assert!(shown(&window, "Filter In Notes") && shown(&window, "Filter Texts only"), "in one step");
}

#[test]
fn a_chip_leads_to_the_control_that_made_it() {
    let mut window = open_photos();
    window.get_by_label("At least 4 stars, 8").click();
    step_until(&mut window, "it has a chip", |w| shown(w, "Filter Rating: 4 or more"));
    window.key_press(Key::OpenBracket);
    step_until(&mut window, "the left panel is hidden", |w| !state(w).preferences.left_open);
    window.run_steps(20);
    window.get_by_label("Filter Rating: 4 or more").click();
    step_until(&mut window, "its histogram has the focus", |w| {
        w.query_by_label_contains("Rating histogram").is_some_and(|histogram| histogram.is_focused())
    });
    window.get_by_label("Remove Rating: 4 or more from filter").click();
    step_until(&mut window, "all is shown", |w| visible(w) == Some(32));
}

#[test]
fn a_drag_over_bars_filters_at_once_and_is_one_step() {
    let mut window = open_photos();
    let [first, middle, last] = [3, 6, 9].map(|at| bin(&window, TAKEN, at, 22));
    move_to(&mut window, first);
    button(&mut window, first, true);
    move_to(&mut window, middle);
    step_until(&mut window, "it filters while the button is pressed", |w| taken(w) == "2023-06-04 to 2023-06-07");
    move_to(&mut window, last);
    step_until(&mut window, "and goes on", |w| visible(w) == Some(3) && taken(w) == "2023-06-04 to 2023-06-10");
    button(&mut window, last, false);
    let name = format!("{TAKEN}, 2023-06-04 to 2023-06-10, 3 of 3 items");
    step_until(&mut window, "it says so", |w| shown(w, &name) && shown(w, "Filter Taken 2023-06-04 to 2023-06-10"));

    // The range can be moved as a whole.
    let [from, to] = [6, 9].map(|at| bin(&window, TAKEN, at, 22));
    move_to(&mut window, from);
    button(&mut window, from, true);
    move_to(&mut window, to);
    button(&mut window, to, false);
    step_until(&mut window, "it has moved", |w| taken(w) == "2023-06-07 to 2023-06-13");
    undo(&mut window);
    assert_eq!(taken(&window), "2023-06-04 to 2023-06-10");
    undo(&mut window);
    assert!(filter(&window).is_empty(), "the whole drag is one step");
}

#[test]
fn a_click_pins_a_bar_and_a_second_one_frees_it() {
    let mut window = open_photos();
    for expected in ["2023-06-04", "at any time"] {
        let at = bin(&window, TAKEN, 3, 22);
        move_to(&mut window, at);
        button(&mut window, at, true);
        button(&mut window, at, false);
        step_until(&mut window, expected, |w| taken(w) == expected);
        window.run_steps(20);
    }
    assert!(filter(&window).is_empty());
}

#[test]
fn bars_count_what_the_rest_of_the_filter_admits() {
    let mut window = open_photos();
    assert!(shown(&window, &format!("{TAKEN}, 2023-06-01 to 2023-06-22, 8 of 8 items")));
    window.get_by_label("Leica M11, 1").click();
    let name = format!("{TAKEN}, 2023-06-01 to 2023-06-22, 1 of 8 items");
    step_until(&mut window, "one of them is by it", |w| shown(w, &name));
    let size = window.get_by_label_contains("File size histogram").rect();
    let bars = painted(&window).into_iter().filter(|shape| {
        let rect = shape.visual_bounding_rect();
        matches!(shape, egui::Shape::Rect(_))
            && size.expand(1.0).contains_rect(rect)
            && rect.width() < size.width() / 2.0
    });
    assert!(bars.count() > 2, "bars are drawn");
}

#[test]
fn the_keyboard_moves_the_ends_of_a_range() {
    let mut window = open_photos();
    window.get_by_label_contains(TAKEN).focus();
    window.run_steps(2);
    for _ in 0..3 {
        window.key_press(Key::ArrowRight);
        window.run_steps(2);
    }
    step_until(&mut window, "the first end has moved", |w| taken(w) == "since 2023-06-04");
    for _ in 0..2 {
        window.key_press_modifiers(Modifiers::SHIFT, Key::ArrowLeft);
        window.run_steps(2);
    }
    step_until(&mut window, "and the last", |w| taken(w) == "2023-06-04 to 2023-06-20");
    window.key_press(Key::ArrowLeft);
    window.run_steps(2);
    window.key_press(Key::Enter);
    window.run_steps(2);
    assert_eq!(taken(&window), "2023-06-03 to 2023-06-20");
    window.key_press(Key::ArrowLeft);
    window.run_steps(2);
    undo(&mut window);
    assert_eq!(taken(&window), "2023-06-03 to 2023-06-20", "Enter ends a step");
    window.key_press(Key::Escape);
    step_until(&mut window, "Escape takes the range away", |w| filter(w).is_empty());
    window.run_steps(2);
    assert!(window.get_by_label_contains(TAKEN).is_focused());
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(!window.get_by_label_contains(TAKEN).is_focused(), "a second one leaves it");
}

#[test]
fn a_search_waits_until_the_range_rests() {
    let (mut window, jobs) = open(Setup { size: Some([1200.0, 2400.0]), ..Setup::default() }, true);
    type_query(&mut window, "dog");
    window.get_by_label_contains(TAKEN).focus();
    window.run_steps(2);
    let searches = |jobs: &fake::Jobs| {
        let jobs = jobs.lock().expect("no test panicked");
        jobs.iter().filter(|job| matches!(job, Job::Search { slot: SearchSlot::Results, .. })).count()
    };
    let before = searches(&jobs);
    for _ in 0..3 {
        window.key_press(Key::ArrowRight);
        window.step();
    }
    assert_eq!(searches(&jobs), before);
    window.key_press(Key::Enter);
    window.run_steps(2);
    assert_eq!(searches(&jobs), before + 1);
}

#[test]
fn numbers_are_filtered_by_their_bars() {
    let mut window = open_photos();
    window.get_by_label_contains("Rating histogram").focus();
    window.run_steps(2);
    window.key_press(Key::ArrowRight);
    step_until(&mut window, "one has five stars", |w| visible(w) == Some(1) && shown(w, "Filter Rating: 5 or more"));
    window.get_by_label_contains("File size histogram").focus();
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::SHIFT, Key::ArrowLeft);
    step_until(&mut window, "both are limited", |w| w.query_by_label_contains("Filter File size: below").is_some());
    window.run_steps(2);
    window.get_by_label("Clear file size").click();
    step_until(&mut window, "the size is free", |w| w.query_by_label_contains("Filter File size").is_none());
    assert_eq!(filter(&window).min_rating(), Some(5.0));
    assert!(filter(&window).chosen_values(Field::Camera).is_empty());
}

#[test]
fn the_timeline_plays_to_its_end_and_is_one_step() {
    let mut window = open_photos();
    assert!(!shown(&window, "Play timeline"));
    window.key_press(Key::T);
    step_until(&mut window, "it is open", |w| shown(w, "Play timeline"));
    click(&mut window, "Timeline speed 1×");
    click(&mut window, "Timeline speed 2×");
    click(&mut window, "Play timeline");
    step_until(&mut window, "it begins at the beginning", |w| taken(w) == "until 2023-06-01");
    step_until(&mut window, "it moves on", |w| taken(w) == "2023-06-04" && visible(w) == Some(1));
    click(&mut window, "Pause timeline");
    let paused = taken(&window);
    window.run_steps(30);
    assert_eq!(taken(&window), paused);
    undo(&mut window);
    assert!(filter(&window).is_empty(), "all of it is one step");
    window.key_press_modifiers(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::Z);
    window.run_steps(3);
    assert_eq!(taken(&window), paused);
    click(&mut window, "Play timeline");
    step_until(&mut window, "it stops at the end", |w| !state(w).view.timeline_playing);
    assert_eq!(taken(&window), "since 2023-06-22");
    window.run_steps(2);
    click(&mut window, "Timeline by date taken");
    window.get_by_role_and_label(egui::accesskit::Role::Button, "Date modified").click();
    step_until(&mut window, "dates of modification are shown", |w| {
        w.query_by_label_contains("Date modified timeline").is_some()
    });
    click(&mut window, "Close timeline");
    step_until(&mut window, "it is closed", |w| !shown(w, "Play timeline"));
}

#[test]
fn a_filter_that_somebody_changes_stops_the_timeline() {
    let mut window = open_photos();
    window.key_press(Key::T);
    step_until(&mut window, "it is open", |w| shown(w, "Play timeline"));
    click(&mut window, "Play timeline");
    step_until(&mut window, "it plays", |w| taken(w) == "2023-06-02");
    window.get_by_label("Clear all filters").click();
    step_until(&mut window, "it stops", |w| !state(w).view.timeline_playing);
    assert!(filter(&window).is_empty());
}

#[test]
fn the_scale_of_bars_is_remembered() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.json");
    let (mut window, _) = open(Setup { settings: Some(settings.clone()), ..Setup::default() }, true);
    click(&mut window, "Logarithmic histograms");
    assert!(state(&window).preferences.log_histograms);
    window.key_press(Key::T);
    step_until(&mut window, "the timeline is open", |w| state(w).preferences.timeline_open);
    drop(window);
    let kept = preferences::read(&settings);
    assert!(kept.log_histograms && kept.timeline_open);
}
