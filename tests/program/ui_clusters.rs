//! The clusters of the map in the window: the list beside it, names of the user, and the legend.

use std::sync::Arc;

use crate::support::fake;
use crate::support::window::{Setup, Window, click, step_until, window};
use egui::Key;
use egui_kittest::kittest::Queryable as _;
use vicinity::context::{CentralView, Dialog};
use vicinity_core::{Filter, ItemId, Modality};
use vicinity_engine::Job;

fn open() -> (Window, fake::Jobs) {
    let (opener, jobs) = fake::opener_with(fake::Habits { clusters: true, ..fake::Habits::default() });
    let setup = Setup { library: Some("/nowhere/library".into()), size: Some([1400.0, 900.0]), ..Setup::default() };
    let mut window = window(setup, opener);
    step_until(&mut window, "clusters are listed", |w| w.query_by_label("golf courses, 24").is_some());
    window.run_steps(3);
    (window, jobs)
}

fn selected(window: &Window) -> Vec<ItemId> {
    window.state().state().library().selection.items.clone()
}

fn rename(window: &mut Window, name: &str) {
    step_until(window, "a name is asked for", |w| w.state().state().is_dialog_open(Dialog::ClusterName));
    window.run_steps(3);
    window.event(egui::Event::Text(name.to_owned()));
    window.run_steps(2);
    window.key_press(Key::Enter);
    step_until(window, "it was given", |w| !w.state().state().is_dialog_open(Dialog::ClusterName));
    window.run_steps(3);
}

#[test]
fn the_clusters_are_a_tree_that_the_keyboard_walks_and_that_selects_their_items() {
    let (mut window, _) = open();
    assert!(window.query_by_label("golf balls, 12").is_none(), "parts are hidden at first");
    window.get_by_label("golf courses, 24").focus();
    window.run_steps(2);
    window.key_press(Key::ArrowRight);
    step_until(&mut window, "its parts are shown", |w| w.query_by_label("golf balls, 12").is_some());
    window.key_press(Key::ArrowDown);
    window.run_steps(3);
    assert!(window.get_by_label("golf balls, 12").is_focused());
    assert_eq!(window.state().state().library().cluster_state.pointed_at, Some(2), "it is shown on the map");
    window.key_press(Key::Enter);
    step_until(&mut window, "its items are selected", |w| selected(w).len() == 12);
    assert!(selected(&window).iter().all(|id| id.0 % 2 == 0));
    window.key_press(Key::ArrowLeft);
    window.run_steps(3);
    assert!(window.get_by_label("golf courses, 24").is_focused());
    window.key_press(Key::ArrowLeft);
    step_until(&mut window, "they are hidden again", |w| w.query_by_label("golf balls, 12").is_none());
}

#[test]
fn a_cluster_chosen_in_the_gallery_is_listed_there() {
    let (mut window, _) = open();
    window.key_press(Key::Num2);
    step_until(&mut window, "the gallery is shown", |w| {
        w.state().state().preferences.central_view == CentralView::Gallery
    });
    click(&mut window, "golf, putting, 8");
    step_until(&mut window, "it lists them", |w| {
        w.state().state().library().gallery.pinned.as_ref().is_some_and(|pinned| pinned.items.len() == 8)
    });
}

#[test]
fn clusters_are_counted_within_what_the_filter_admits() {
    let (mut window, _) = open();
    window.get_by_label("Photos, 24").focus();
    window.run_steps(2);
    window.key_press(Key::ArrowRight);
    step_until(&mut window, "the folder is open", |w| w.query_by_label("2023, 12").is_some());
    click(&mut window, "2023, 12");
    step_until(&mut window, "counts follow", |w| w.query_by_label("golf courses, 12 / 24").is_some());
    window.get_by_label("golf, putting, 0 / 8");
    step_until(&mut window, "so does the map", |w| w.query_by_label("golf, putting, 0 of 8 items").is_some());
    click(&mut window, "golf courses, 12 / 24");
    step_until(&mut window, "the visible ones are selected", |w| selected(w).len() == 12);
    let filter = window.state().state().library().query.filter.clone();
    assert_ne!(filter, Filter::default(), "as it was");
}

#[test]
fn a_cluster_is_named_by_the_user_and_the_name_can_be_taken_back() {
    let (mut window, jobs) = open();
    window.get_by_label("golf courses, 24").focus();
    window.run_steps(2);
    window.key_press(Key::F2);
    rename(&mut window, "Sundays");
    window.get_by_label("Sundays, 24");
    step_until(&mut window, "the map says it, too", |w| w.query_by_label("Sundays, 24 items").is_some());
    let stored = |jobs: &fake::Jobs| {
        let jobs = jobs.lock().expect("jobs");
        let names =
            jobs.iter().rev().find_map(|job| if let Job::NameClusters(names) = job { Some(names) } else { None });
        names.map(|names| names.iter().map(|given| (given.name.clone(), given.newest)).collect::<Vec<_>>())
    };
    assert_eq!(stored(&jobs), Some(vec![("Sundays".to_owned(), ItemId(31))]));
    // Another name takes its place.
    window.key_press(Key::F2);
    rename(&mut window, "Sunday mornings");
    assert_eq!(stored(&jobs), Some(vec![("Sunday mornings".to_owned(), ItemId(31))]));
    for (name, after) in [("Sundays, 24", vec!["Sundays".to_owned()]), ("golf courses, 24", Vec::new())] {
        window.key_press_modifiers(egui::Modifiers::COMMAND, Key::Z);
        step_until(&mut window, "it is taken back", |w| w.query_by_label(name).is_some());
        let names = stored(&jobs).expect("stored");
        assert_eq!(names.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), after);
    }
    window.key_press_modifiers(egui::Modifiers::COMMAND, Key::Y);
    step_until(&mut window, "it is there again", |w| w.query_by_label("Sundays, 24").is_some());
    // An empty one is the one that was found.
    window.key_press(Key::F2);
    step_until(&mut window, "a name is asked for", |w| w.query_by_label("Use suggested name").is_some());
    window.get_by_label("Suggested name: golf courses / lawns");
    click(&mut window, "Use suggested name");
    step_until(&mut window, "the found name is back", |w| w.query_by_label("golf courses, 24").is_some());
    assert_eq!(stored(&jobs), Some(Vec::new()));
}

#[test]
fn the_names_on_the_map_are_one_keyboard_stop_that_arrows_lead_on_from() {
    let (mut window, _) = open();
    step_until(&mut window, "there are names", |w| w.query_by_label("golf courses, 24 items").is_some());
    window.get_by_label("golf courses, 24 items").focus();
    window.run_steps(3);
    window.key_press(Key::ArrowRight);
    window.run_steps(3);
    assert!(window.get_by_label("golf, putting, 8 items").is_focused());
    window.key_press(Key::Enter);
    step_until(&mut window, "its items are selected", |w| selected(w).len() == 8);
    window.get_by_label("golf, putting, 8 items").click_secondary();
    step_until(&mut window, "its menu is open", |w| w.query_by_label("Rename…").is_some());
    click(&mut window, "Rename…");
    rename(&mut window, "Tips");
    window.get_by_label("Tips, 8");
}

#[test]
fn a_double_click_in_the_legend_shows_one_entry_alone_and_another_all() {
    let (mut window, _) = open();
    let hidden = |w: &Window| w.state().state().library().hidden_legend.len();
    let state = |w: &Window| Arc::clone(w.state().state().library().snapshot.as_ref().expect("open"));
    let images = format!("Images, {}", state(&window).count(Modality::Image));
    // The left panel says the same of a filter, which is no check box.
    let role = egui::accesskit::Role::CheckBox;
    for expected in [1, 0] {
        let at = window.get_by_role_and_label(role, &images).rect().center();
        window.run_steps(30);
        for pressed in [true, false, true, false] {
            let button = egui::PointerButton::Primary;
            window.event(egui::Event::PointerMoved(at));
            window.event(egui::Event::PointerButton { pos: at, button, pressed, modifiers: egui::Modifiers::NONE });
            window.step();
        }
        step_until(&mut window, "the others are hidden, or shown", |w| hidden(w) == expected);
        let key = vicinity::context::LegendKey::Modality(Modality::Image);
        assert!(!window.state().state().library().hidden_legend.contains(&key));
    }
}

#[test]
fn points_are_coloured_by_what_their_neighbours_tell_and_by_duplicates() {
    let (mut window, jobs) = open();
    let asked =
        |jobs: &fake::Jobs| jobs.lock().expect("jobs").iter().filter(|j| matches!(j, Job::MeasureGraph)).count();
    assert_eq!(asked(&jobs), 0, "only on request");
    let choose = |window: &mut Window, now: &str, next: &str| {
        click(window, now);
        click(window, next);
        window.run_steps(3);
    };
    choose(&mut window, "Colour by type", "Typical items");
    step_until(&mut window, "the scale is shown", |w| w.query_by_label("0 – 15.5").is_some());
    choose(&mut window, "Colour by typical items", "Outliers");
    step_until(&mut window, "the scale is shown", |w| w.query_by_label("0 – 15.5").is_some());
    assert_eq!(asked(&jobs), 1, "both are known by now");
    choose(&mut window, "Colour by outliers", "Duplicates");
    step_until(&mut window, "no two items are the same", |w| w.query_by_label("No duplicate, 32").is_some());
}
