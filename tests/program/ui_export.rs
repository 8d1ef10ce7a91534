//! Exports from the window: the selection as a list, copies of its files, and the map.

use std::path::Path;

use crate::support::fake;
use crate::support::window::{Setup, Window, step_until, window};
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use vicinity::context::CentralView;
use vicinity_core::ItemId;

fn open() -> Window {
    let (opener, _) = fake::opener_with(fake::Habits::default());
    let mut window = window(Setup { library: Some("/nowhere/library".into()), ..Setup::default() }, opener);
    step_until(&mut window, "the map is shown", |w| w.state().state().library().layout.is_some());
    window.run_steps(3);
    window
}

fn select_all(window: &mut Window) {
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    step_until(window, "all are selected", |w| w.state().state().library().selection.items.len() == 32);
}

/// Runs a command of the palette.
fn command(window: &mut Window, words: &str) {
    window.key_press_modifiers(Modifiers::COMMAND, Key::K);
    window.run_steps(3);
    window.event(egui::Event::Text(words.to_owned()));
    window.run_steps(3);
    window.key_press(Key::Enter);
    window.run_steps(3);
}

/// Types a path where the window asks for one, as it does without file dialogs.
fn type_path(window: &mut Window, path: &Path) {
    step_until(window, "a path can be typed", |w| w.query_by_label("Path").is_some());
    window.run_steps(3);
    window.event(egui::Event::Text(path.display().to_string()));
    window.run_steps(2);
    window.key_press(Key::Enter);
}

fn until_noticed(window: &mut Window, words: &str) {
    step_until(window, words, |w| {
        let library = w.state().state().library();
        library.export.is_none() && library.notices.last().is_some_and(|notice| notice.text.contains(words))
    });
}

#[test]
fn the_selection_is_written_as_a_list_and_as_vectors() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut window = open();
    command(&mut window, "export selection");
    let said = "Select an item first";
    assert!(window.query_by_label("Path").is_none(), "{said}");
    window.key_press(Key::Escape);
    window.run_steps(3);
    select_all(&mut window);
    command(&mut window, "export selection");
    type_path(&mut window, &folder.path().join("some.csv"));
    until_noticed(&mut window, "Exported 32 items to ");
    let list = std::fs::read_to_string(folder.path().join("some.csv")).expect("written");
    assert_eq!(list.lines().count(), 33);
    assert!(list.contains("/c/Photos/2024/picture_00.jpg"), "{list}");
    command(&mut window, "export selection");
    type_path(&mut window, &folder.path().join("vectors.npy"));
    until_noticed(&mut window, "vectors.npy");
    assert!(std::fs::read(folder.path().join("vectors.npy")).expect("written").starts_with(b"\x93NUMPY"));
    command(&mut window, "export selection");
    type_path(&mut window, &folder.path().join("some.txt"));
    until_noticed(&mut window, "use one of the extensions .csv, .parquet");
}

#[test]
fn files_that_cannot_be_copied_are_said_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut window = open();
    select_all(&mut window);
    command(&mut window, "copy files to folder");
    type_path(&mut window, &folder.path().join("copies"));
    until_noticed(&mut window, "0 files copied to ");
    let notice = window.state().state().library().notices.last().expect("a notice").text.clone();
    assert!(notice.contains("32 not copied: ") && notice.contains(".jpg: "), "{notice}");
}

#[test]
fn the_menu_of_an_item_exports_it_or_the_selection_that_it_is_in() {
    let mut window = open();
    window.key_press(Key::Num2);
    step_until(&mut window, "the gallery is shown", |w| {
        w.state().state().preferences.central_view == CentralView::Gallery
            && w.query_by_label("picture_04.jpg").is_some()
    });
    window.get_by_label("picture_04.jpg").click_secondary();
    step_until(&mut window, "the menu is open", |w| w.query_by_label("Export selection…").is_some());
    window.get_by_label("Export selection…").click_accesskit();
    step_until(&mut window, "a path can be typed", |w| w.query_by_label("Path").is_some());
    assert_eq!(window.state().state().library().selection.items, [ItemId(4)]);
}

#[test]
fn the_map_is_saved_as_it_is_coloured() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut window = open();
    command(&mut window, "save map");
    type_path(&mut window, &folder.path().join("map.svg"));
    until_noticed(&mut window, "Map saved to ");
    let drawing = std::fs::read_to_string(folder.path().join("map.svg")).expect("written");
    assert_eq!(drawing.matches("<circle").count(), 32 + 2, "the points, and the types in the legend");
    assert!(
        drawing.contains("Images 24") && drawing.contains("Texts 8") && drawing.contains("#0a0c0f"),
        "dark, by type"
    );
    command(&mut window, "save map");
    type_path(&mut window, &folder.path().join("map.html"));
    until_noticed(&mut window, "map.html");
    assert!(std::fs::read_to_string(folder.path().join("map.html")).expect("written").contains("Photos and Notes"));
}
