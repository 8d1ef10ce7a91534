//! Groups, undo, and going back and forward, over an engine that answers at once.

use crate::support::fake;
use crate::support::window::{Setup, Window, click, step_until, type_query, window};
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use vicinity::context::selection::SelectMode;
use vicinity::context::{CentralView, ColourBy, FilterDisplay, LibraryState, MapTool, State};
use vicinity_core::QueryPart;
use vicinity_engine::Job;

fn open() -> (Window, fake::Jobs) {
    let (opener, jobs) = fake::opener();
    let mut window = window(Setup { library: Some("/nowhere/library".into()), ..Setup::default() }, opener);
    step_until(&mut window, "the collection is shown", |w| w.state().state().library().snapshot.is_some());
    window.run_steps(3);
    (window, jobs)
}

fn state(window: &Window) -> &State {
    window.state().state()
}

fn library(window: &Window) -> &LibraryState {
    state(window).library()
}

fn names(window: &Window) -> Vec<String> {
    library(window).groups.all.all().iter().map(|group| group.name().to_string()).collect()
}

fn selected(window: &Window) -> Vec<u32> {
    library(window).selection.items.iter().map(|id| id.0).collect()
}

fn press(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    window.run_steps(3);
}

fn undo(window: &mut Window) {
    press(window, Modifiers::COMMAND, Key::Z);
}

fn redo(window: &mut Window) {
    press(window, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
}

fn type_text(window: &mut Window, text: &str) {
    window.event(egui::Event::Text(text.to_owned()));
    window.run_steps(3);
}

/// Selects the texts and keeps them under a name.
fn keep_notes(window: &mut Window) {
    click(window, "Notes, 8");
    press(window, Modifiers::COMMAND, Key::A);
    assert_eq!(selected(window), (24..32).collect::<Vec<_>>());
    press(window, Modifiers::NONE, Key::G);
    step_until(window, "the name is asked for", |w| w.query_by_label("Name of the group").is_some());
    window.run_steps(3);
    type_text(window, "My notes");
    press(window, Modifiers::NONE, Key::Enter);
    assert_eq!(names(window), ["My notes"]);
    click(window, "All items, 32");
}

#[test]
fn a_selection_is_kept_under_a_name_selected_again_renamed_and_deleted() {
    let (mut window, jobs) = open();
    window.get_by_label("Press G to save the selection");
    press(&mut window, Modifiers::NONE, Key::G);
    assert!(names(&window).is_empty(), "nothing is selected");
    keep_notes(&mut window);
    let stored = |job: &Job| matches!(job, Job::StoreGroups(groups) if groups.named("my notes").is_some());
    assert!(jobs.lock().expect("jobs").iter().any(stored), "it is stored in the library");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(selected(&window).is_empty());
    click(&mut window, "My notes, 8");
    assert_eq!(selected(&window), (24..32).collect::<Vec<_>>());

    // Subtract, then add again.
    press(&mut window, Modifiers::COMMAND, Key::A);
    window.get_by_label("My notes, 8").click_modifiers(Modifiers::ALT);
    window.run_steps(3);
    assert_eq!(selected(&window), (0..24).collect::<Vec<_>>());
    click(&mut window, "Group My notes: more");
    click(&mut window, "Add selection");
    step_until(&mut window, "all are in it", |w| w.query_by_label("My notes, 32").is_some());
    undo(&mut window);
    step_until(&mut window, "as before", |w| w.query_by_label("My notes, 8").is_some());

    rename_notes(&mut window, "Golf");
    assert_eq!(names(&window), ["Golf"]);
    click(&mut window, "Group Golf: more");
    click(&mut window, "Rename…");
    window.run_steps(3);
    type_text(&mut window, "x");
    let before = selected(&window);
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!((names(&window), selected(&window)), (vec!["Golf".to_owned()], before), "Escape only ends the editing");

    click(&mut window, "Group Golf: more");
    click(&mut window, "Delete group");
    assert!(names(&window).is_empty());
    undo(&mut window);
    assert_eq!(names(&window), ["Golf"]);
    let last = jobs.lock().expect("jobs").iter().rev().find_map(|job| match job {
        Job::StoreGroups(groups) => Some(groups.all().len()),
        _ => None,
    });
    assert_eq!(last, Some(1), "what was undone is stored, too");
}

/// Gives the group of notes another name.
fn rename_notes(window: &mut Window, name: &str) {
    click(window, "Group My notes: more");
    click(window, "Rename…");
    window.run_steps(3);
    press(window, Modifiers::COMMAND, Key::A);
    type_text(window, name);
    press(window, Modifiers::NONE, Key::Enter);
}

#[test]
fn a_group_filters_colours_and_is_searched_by() {
    let (mut window, jobs) = open();
    keep_notes(&mut window);
    click(&mut window, "Group My notes: more");
    click(&mut window, "Show only this group");
    step_until(&mut window, "only its items are visible", |w| {
        library(w).visible.as_ref().is_some_and(|rows| rows.len() == 8)
    });
    window.get_by_label("Remove Group: My notes from filter");
    // The filter follows another name.
    rename_notes(&mut window, "Golf");
    window.run_steps(3);
    window.get_by_label("Remove Group: Golf from filter");
    assert_eq!(library(&window).visible.as_ref().map(|rows| rows.len()), Some(8));
    click(&mut window, "Group Golf: more");
    click(&mut window, "Delete group");
    step_until(&mut window, "everything is visible", |w| {
        library(w).visible.as_ref().is_some_and(|rows| rows.len() == 32)
    });
    undo(&mut window);
    step_until(&mut window, "the group filters again", |w| {
        library(w).visible.as_ref().is_some_and(|rows| rows.len() == 8)
    });
    click(&mut window, "All items, 32");

    click(&mut window, "Group Golf: more");
    click(&mut window, "Colour by group");
    assert_eq!(state(&window).preferences.colour_by, ColourBy::Group);
    step_until(&mut window, "the legend names it", |w| {
        w.query_by_label("No group, 24").is_some() && w.query_all_by_label("Golf, 8").count() == 2
    });
    click(&mut window, "Group Golf: more");
    click(&mut window, "Find similar to this group");
    let asked = |job: &Job| match job {
        Job::Search { query, .. } => matches!(query.parts.as_slice(), [QueryPart::Items(items)] if items.len() == 8),
        _ => false,
    };
    assert!(jobs.lock().expect("jobs").iter().any(asked));
    window.get_by_label("Remove Golf from search");
}

#[test]
fn many_selected_items_are_one_part_of_a_query() {
    let (mut window, jobs) = open();
    press(&mut window, Modifiers::COMMAND, Key::A);
    press(&mut window, Modifiers::NONE, Key::S);
    window.get_by_label("Remove 32 items from search");
    let asked = |job: &Job| match job {
        Job::Search { query, .. } => matches!(query.parts.as_slice(), [QueryPart::Items(items)] if items.len() == 32),
        _ => false,
    };
    assert!(jobs.lock().expect("jobs").iter().any(asked));
}

/// What steps change.
fn look(window: &Window) -> String {
    let (library, preferences) = (library(window), &state(window).preferences);
    let (query, groups) = (&library.query, library.groups.all.all().len());
    let map = (preferences.filter_display, preferences.colour_by, &library.hidden_legend);
    format!("{:?} {:?} {map:?} {:?} {groups}", query.text, query.filter, library.selection.items)
}

#[test]
fn every_step_is_undone_and_done_again() {
    let (mut window, _) = open();
    let mut seen = vec![look(&window)];
    let mut step = |window: &mut Window, what: &str, act: &dyn Fn(&mut Window)| {
        act(window);
        window.run_steps(3);
        let now = look(window);
        assert_ne!(seen.last(), Some(&now), "{what} changes something");
        seen.push(now);
    };
    step(&mut window, "a folder", &|w| click(w, "Notes, 8"));
    step(&mut window, "the switch", &|w| click(w, "Filter"));
    step(&mut window, "the colours", &|w| {
        w.get_by_label("Colour by type").click();
        w.run_steps(3);
        w.get_by_role_and_label(egui::accesskit::Role::Button, "Folder").click();
    });
    step(&mut window, "the legend", &|w| {
        let entry = w.query_all_by_label_contains("/ 2024, ").next();
        entry.expect("a folder in the legend").click_accesskit();
    });
    step(&mut window, "the selection", &|w| press(w, Modifiers::COMMAND, Key::A));
    step(&mut window, "a group", &|w| {
        press(w, Modifiers::NONE, Key::G);
        press(w, Modifiers::NONE, Key::Enter);
    });
    step(&mut window, "a search", &|w| type_query(w, "ball"));
    window.key_press(Key::Escape);
    window.run_steps(3);
    for state in seen.iter().rev().skip(1) {
        undo(&mut window);
        assert_eq!(look(&window), *state);
    }
    assert!(!state(&window).view.can_undo[0]);
    while state(&window).view.can_undo[1] {
        redo(&mut window);
    }
    assert_eq!(seen.last(), Some(&look(&window)));
}

#[test]
fn back_and_forward_lead_through_view_filter_and_search() {
    let (mut window, _) = open();
    let rest = |window: &mut Window| window.run_steps(30);
    rest(&mut window);
    assert_eq!(state(&window).view.can_go, [false, false]);
    type_query(&mut window, "ball");
    window.key_press(Key::Escape);
    rest(&mut window);
    assert_eq!(state(&window).view.can_go, [true, false]);
    click(&mut window, "Notes, 8");
    rest(&mut window);
    click(&mut window, "Zoom in");
    rest(&mut window);
    press(&mut window, Modifiers::NONE, Key::Num2);
    rest(&mut window);

    let place = |window: &Window| {
        let query = &library(window).query;
        (query.text.clone(), query.filter.folder.is_some(), state(window).preferences.central_view)
    };
    press(&mut window, Modifiers::ALT, Key::ArrowLeft);
    assert_eq!(place(&window), ("ball".to_owned(), true, CentralView::Map));
    assert!(library(&window).selection.items.is_empty(), "the arrow does not walk as well");
    // The view, then the filter.
    press(&mut window, Modifiers::ALT, Key::ArrowLeft);
    assert_eq!(place(&window), ("ball".to_owned(), true, CentralView::Map));
    click(&mut window, "Go back");
    assert_eq!(place(&window), ("ball".to_owned(), false, CentralView::Map));
    step_until(&mut window, "the search is made again", |w| !library(w).query.pending);
    let button = |window: &mut Window, button| {
        let pos = egui::pos2(600.0, 400.0);
        let modifiers = Modifiers::NONE;
        window.event(egui::Event::PointerButton { pos, button, pressed: true, modifiers });
        window.event(egui::Event::PointerButton { pos, button, pressed: false, modifiers });
        window.run_steps(3);
    };
    button(&mut window, egui::PointerButton::Extra1);
    assert_eq!(place(&window), (String::new(), false, CentralView::Map));
    assert_eq!(state(&window).view.can_go, [false, true]);
    button(&mut window, egui::PointerButton::Extra2);
    press(&mut window, Modifiers::ALT, Key::ArrowRight);
    assert_eq!(place(&window), ("ball".to_owned(), true, CentralView::Map));
    // Going back is a step like others.
    undo(&mut window);
    assert_eq!(place(&window), ("ball".to_owned(), false, CentralView::Map));
    redo(&mut window);
    assert!(place(&window).1);
}

#[test]
fn matches_alone_are_listed_with_filter_in_the_gallery_and_taken_by_select_all() {
    let (mut window, _) = open();
    press(&mut window, Modifiers::NONE, Key::Num2);
    type_query(&mut window, "ball");
    let listed = |window: &Window| library(window).gallery.listing.items.len();
    step_until(&mut window, "the gallery lists the hits", |w| listed(w) == 32);
    window.key_press(Key::Escape);
    window.run_steps(3);
    window.get_by_label("Less similar");
    click(&mut window, "Filter");
    step_until(&mut window, "only matches are listed", |w| listed(w) == 6);
    assert_eq!(state(&window).preferences.filter_display, FilterDisplay::Filter);
    window.run_steps(3);
    assert!(window.query_by_label("Less similar").is_none());
    window.get_by_label("About 6 matches in 32 items");
    press(&mut window, Modifiers::COMMAND, Key::A);
    assert_eq!(selected(&window), [4, 5, 6, 7, 8, 9]);
    undo(&mut window);
    undo(&mut window);
    assert_eq!(state(&window).preferences.filter_display, FilterDisplay::Highlight);
    step_until(&mut window, "all hits are listed again", |w| listed(w) == 32);
}

#[test]
fn the_keyboard_chooses_a_tool_what_it_does_and_takes_what_is_in_view() {
    let (mut window, _) = open();
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::A);
    assert_eq!(selected(&window).len(), 32, "all points are in view");
    press(&mut window, Modifiers::NONE, Key::B);
    assert_eq!(library(&window).map_tool, MapTool::Box);
    press(&mut window, Modifiers::NONE, Key::L);
    assert_eq!(library(&window).map_tool, MapTool::Lasso);
    window.get_by_label("Shift adds · Alt subtracts · both intersect");
    click(&mut window, "Subtract");
    assert_eq!(library(&window).select_mode, SelectMode::Subtract);
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::A);
    assert!(selected(&window).is_empty(), "taken out again");
    press(&mut window, Modifiers::NONE, Key::L);
    assert_eq!((library(&window).map_tool, library(&window).select_mode), (MapTool::Pan, SelectMode::Replace));
    assert!(window.query_by_label("Subtract").is_none());
    press(&mut window, Modifiers::NONE, Key::P);
    type_text(&mut window, "box and lasso add");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(library(&window).select_mode, SelectMode::Add);
}
