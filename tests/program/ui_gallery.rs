//! Gallery, results, inspector, preview and labels, over an engine that answers at once.

use std::path::Path;

use crate::support::fake::{self, Habits};
use crate::support::window::{Setup, Window, drop_file, step_until, type_query, window};
use egui::{Key, Modifiers, Rect, pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use vicinity::context::{CentralView, RightTab};
use vicinity::ui::widgets;
use vicinity_core::ItemId;
use vicinity_engine::Job;

fn open_with(setup: Setup, habits: Habits) -> (Window, fake::Jobs) {
    let (opener, jobs) = fake::opener_with(habits);
    let mut window = window(Setup { library: Some("/nowhere/library".into()), ..setup }, opener);
    step_until(&mut window, "the collection is shown", |w| w.state().state().library().snapshot.is_some());
    window.run_steps(3);
    (window, jobs)
}

fn gallery() -> (Window, fake::Jobs) {
    let (mut window, jobs) = open_with(Setup::default(), Habits::default());
    window.key_press(Key::Num2);
    step_until(&mut window, "the gallery lists everything", |w| listed(w).len() == 32);
    (window, jobs)
}

fn listed(window: &Window) -> Vec<u32> {
    window.state().state().library().gallery.listing.items.iter().map(|id| id.0).collect()
}

fn type_text(window: &mut Window, text: &str) {
    for letter in text.chars() {
        window.event(egui::Event::Text(letter.to_string()));
    }
    window.run_steps(3);
}

#[test]
fn the_gallery_shows_where_relevance_ends_and_the_panel_beside_it_does_not_repeat_the_hits() {
    let (mut window, _) = gallery();
    type_query(&mut window, "ball");
    step_until(&mut window, "the gallery lists the hits", |w| listed(w).first() == Some(&4));
    window.run_steps(2);
    assert_eq!(window.state().state().library().gallery.listing.matches, Some(6));
    // Found once: were the hits in the panel, too, there would be two of each.
    window.get_by_label("picture_04.jpg, score 0.400");
    window.get_by_label("Less similar");
    window.get_by_label("About 6 matches in 32 items");
    assert!(window.query_by_label("Results").is_none(), "the hits are in the centre already");
    window.get_by_label("picture_05.jpg, score 0.380").click();
    step_until(&mut window, "its facts are shown", |w| w.query_by_label("score 0.380").is_some());
    window.get_by_label("Similar");
    window.key_press(Key::Num1);
    window.run_steps(3);
    window.get_by_label("Results");
    assert_eq!(window.state().state().visible_right_tab(), window.state().state().library().right_tab);
}

#[test]
fn the_gallery_is_sorted_by_what_is_known_of_photos() {
    let (mut window, _) = open_with(Setup::default(), Habits { photos: true, ..Habits::default() });
    window.key_press(Key::Num2);
    step_until(&mut window, "the gallery lists everything", |w| listed(w).len() == 32);
    let sort = |window: &mut Window, button: &str, entry: &str, first: [u32; 2], last: u32| {
        window.get_by_label(button).click();
        window.run_steps(3);
        window.get_by_role_and_label(egui::accesskit::Role::Button, entry).click();
        step_until(window, entry, |w| listed(w)[..2] == first && listed(w)[31] == last);
        window.run_steps(3);
    };
    sort(&mut window, "Sort by order added, oldest first", "Date taken", [21, 18], 31);
    sort(&mut window, "Sort by date taken, newest first", "Reverse: oldest first", [0, 3], 31);
    sort(&mut window, "Sort by date taken, oldest first", "Rating", [3, 0], 31);
    sort(&mut window, "Sort by rating, highest first", "Reverse: lowest first", [0, 6], 31);
}

#[test]
fn the_gallery_is_sorted_by_name_date_size_and_score_and_remembers_how() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.json");
    let (mut window, _) = open_with(Setup { settings: Some(settings.clone()), ..Setup::default() }, Habits::default());
    window.key_press(Key::Num2);
    step_until(&mut window, "the gallery lists everything", |w| listed(w).len() == 32);
    let sort = |window: &mut Window, button: &str, entry: &str, first: [u32; 2]| {
        window.get_by_label(button).click();
        window.run_steps(3);
        window.get_by_role_and_label(egui::accesskit::Role::Button, entry).click();
        step_until(window, entry, |w| listed(w)[..2] == first);
        window.run_steps(3);
    };
    sort(&mut window, "Sort by order added, oldest first", "Name", [24, 25]);
    sort(&mut window, "Sort by name, A to Z", "Reverse: Z to A", [23, 22]);
    sort(&mut window, "Sort by name, Z to A", "File size", [31, 30]);
    sort(&mut window, "Sort by file size, largest first", "Date modified", [0, 1]);
    sort(&mut window, "Sort by date modified, newest first", "File size", [31, 30]);
    type_query(&mut window, "ball");
    step_until(&mut window, "hits that match come first, the largest before the others", |w| {
        listed(w)[..7] == [9, 8, 7, 6, 5, 4, 31]
    });
    drop(window);
    let kept = vicinity::app::preferences::read(&settings).gallery_sort;
    assert_eq!(kept.key, vicinity::context::listing::SortKey::Size);
}

#[test]
fn files_are_found_by_name_from_the_keyboard() {
    let (mut window, _) = gallery();
    window.key_press(Key::Num1);
    window.run_steps(3);
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::F);
    window.run_steps(3);
    assert_eq!(window.state().state().preferences.central_view, CentralView::Gallery);
    type_text(&mut window, "NOTE_2");
    step_until(&mut window, "only these are listed", |w| listed(w) == [24, 25, 26, 27, 28, 29]);
    window.get_by_label("Remove Name: NOTE_2 from filter");
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert_eq!(listed(&window).len(), 6, "the first Esc only leaves the field");
    // A search keeps to them, and Esc leads back step by step.
    type_query(&mut window, "a text about balls.");
    step_until(&mut window, "the search keeps to them", |w| listed(w).len() == 6);
    for _ in 0..3 {
        window.key_press(Key::Escape);
        window.run_steps(3);
    }
    step_until(&mut window, "everything is listed again", |w| listed(w).len() == 32);
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::F);
    window.run_steps(3);
    type_text(&mut window, "zebra");
    step_until(&mut window, "nothing is called so", |w| w.query_by_label("No file name contains “zebra”").is_some());
}

#[test]
fn long_lists_are_made_off_the_windows_thread() {
    let (mut window, _) = open_with(Setup::default(), Habits { more: 9_000, ..Habits::default() });
    window.key_press(Key::Num2);
    step_until(&mut window, "everything is listed", |w| listed(w).len() == 9_032);
    window.get_by_label("Find by file name").focus();
    window.run_steps(2);
    type_text(&mut window, "_9031");
    step_until(&mut window, "one is found", |w| listed(w) == [9_031]);
}

#[test]
fn items_are_added_to_a_selection_without_the_others_leaving_the_gallery() {
    let (mut window, _) = gallery();
    window.get_by_label("picture_03.jpg").click();
    window.run_steps(3);
    window.get_by_label("picture_02.jpg").click_modifiers(Modifiers::COMMAND);
    step_until(&mut window, "two are selected", |w| w.state().state().library().selection.items.len() == 2);
    window.run_steps(3);
    assert_eq!(listed(&window).len(), 32);
    // From the map the gallery is opened for what is selected there.
    window.key_press(Key::Num1);
    window.run_steps(3);
    window.key_press(Key::Num2);
    step_until(&mut window, "the selection is listed", |w| listed(w) == [2, 3]);
    window.run_steps(2);
    window.get_by_label("Show all items").click();
    step_until(&mut window, "everything is listed", |w| listed(w).len() == 32);
    assert_eq!(window.state().state().library().selection.items.len(), 2, "and the selection stays");
    // Also from within the gallery, by the panel beside it.
    type_query(&mut window, "ball");
    window.key_press(Key::Escape);
    window.run_steps(3);
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    step_until(&mut window, "what matches is selected", |w| w.state().state().library().selection.items.len() == 6);
    window.run_steps(3);
    assert_eq!(listed(&window).len(), 32);
    assert!(window.query_by_label("Show all in gallery").is_none(), "six are seen beside it");
}

#[test]
fn the_preview_tells_the_place_the_facts_and_the_score() {
    let (mut window, _) = gallery();
    type_query(&mut window, "ball");
    window.key_press(Key::Enter);
    step_until(&mut window, "the first hit is selected", |w| {
        w.state().state().library().selection.focus() == Some(ItemId(4))
    });
    window.key_press(Key::Space);
    step_until(&mut window, "the place is told", |w| w.query_by_label("1 of 32 · score 0.400").is_some());
    window.get_by_label_contains("480 × 640 · 124 kB · ");
    assert!(window.query_by_label("Previous").is_none(), "there is none before the first");
    window.get_by_label("Next").click();
    step_until(&mut window, "the next is shown", |w| w.query_by_label("2 of 32 · score 0.380").is_some());
}

#[test]
fn several_selected_items_are_looked_at_one_after_the_other() {
    let (mut window, _) = open_with(Setup::default(), Habits::default());
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    step_until(&mut window, "all are selected", |w| w.state().state().library().selection.items.len() == 32);
    window.key_press(Key::Space);
    step_until(&mut window, "the first is shown", |w| w.query_by_label("1 of 32").is_some());
    window.key_press(Key::ArrowRight);
    step_until(&mut window, "the second is shown", |w| w.query_by_label("2 of 32").is_some());
    assert_eq!(window.state().state().library().selection.items.len(), 32, "the selection stays");
}

#[test]
fn a_dropped_picture_and_its_labels_stay_in_sight_while_its_hits_are_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dog.png");
    image::RgbImage::from_pixel(40, 30, image::Rgb([200, 30, 30])).save(&file).expect("a picture");
    let (mut window, _) = open_with(Setup::default(), Habits::default());
    drop_file(&mut window, &file);
    step_until(&mut window, "the targets are shown", |w| w.query_by_label("Find similar items and labels").is_some());
    window.get_by_label("Find similar items and labels").click();
    step_until(&mut window, "the chip shows the picture", |w| {
        w.state().state().library().query.chips.first().is_some_and(|chip| chip.texture.is_some())
    });
    step_until(&mut window, "its labels are there", |w| w.query_by_label("child 60%").is_some());
    window.get_by_label("Search image dog.png");
    window.key_press(Key::ArrowRight);
    step_until(&mut window, "a hit is selected", |w| w.state().state().library().labels.focus_scores.is_some());
    window.run_steps(2);
    window.get_by_label("Search image dog.png");
    window.get_by_label("child 60%");
    // Also beside the facts and labels of a hit.
    window.get_by_label("Item").click();
    window.run_steps(3);
    window.get_by_label("Search image dog.png");
    assert_eq!(window.query_all_by_label("child 60%").count(), 2, "the labels of the question and of the hit");
    window.key_press(Key::Num2);
    window.run_steps(3);
    window.get_by_label("Search image dog.png");
}

#[test]
fn queries_that_the_collection_answers_are_offered_while_nothing_is_asked() {
    let (mut window, jobs) = open_with(Setup::default(), Habits::default());
    step_until(&mut window, "they are offered", |w| w.query_by_label("Search for a golf ball").is_some());
    let asked = jobs.lock().expect("jobs").iter().filter(|job| matches!(job, Job::Suggest { .. })).count();
    assert_eq!(asked, 1, "once for a collection that does not change");
    window.get_by_label("Search for a golf ball").click();
    step_until(&mut window, "it is searched", |w| w.state().state().library().query.result.is_some());
    assert_eq!(window.state().state().library().query.text, "a golf ball");
}

#[test]
fn queries_are_suggested_for_what_the_filter_admits() {
    let (mut window, jobs) = open_with(Setup::default(), Habits::default());
    step_until(&mut window, "they are offered", |w| w.query_by_label("Search for a golf ball").is_some());
    window.get_by_label("Notes, 8").click();
    let asked = |folder: &str| {
        let of = |job: &Job| matches!(job, Job::Suggest { filter, .. } if filter.folder.as_deref().is_some_and(|f| f.ends_with(folder)));
        jobs.lock().expect("jobs").iter().filter(|job| of(job)).count()
    };
    step_until(&mut window, "those of the folder are offered", |w| {
        asked("Notes") == 1 && w.query_by_label("Search for a golf ball").is_some()
    });
}

#[test]
fn an_empty_library_is_called_empty_only_when_nothing_is_being_read() {
    let (mut window, _) = open_with(Setup::default(), Habits { empty: true, ..Habits::default() });
    step_until(&mut window, "it is empty", |w| w.query_by_label("No images or texts yet").is_some());
    drop_file(&mut window, Path::new("/elsewhere/More"));
    window.step();
    for key in [Key::Num1, Key::Num2] {
        // From the next frame on, before anything was heard of them, in map and gallery.
        assert!(window.query_by_label("No images or texts yet").is_none());
        window.key_press(key);
        window.run_steps(3);
        window.get_by_label("Reading your files…");
    }
}

#[test]
fn the_list_of_failures_names_reason_and_folder() {
    let (mut window, _) = open_with(Setup::default(), Habits::default());
    window.get_by_label("Unreadable files, 1").click();
    step_until(&mut window, "the list is open", |w| w.query_by_label("The file ends too early, 1 file").is_some());
    window.run_steps(2);
    window.get_by_label("broken.jpg: the file ends too early, in Photos");
}

#[test]
fn exact_duplicates_are_selected_and_listed_group_by_group() {
    let (mut window, _) = open_with(Setup::default(), Habits::default());
    window.key_press_modifiers(Modifiers::COMMAND, Key::K);
    window.run_steps(3);
    type_text(&mut window, "exact dup");
    window.key_press(Key::Enter);
    step_until(&mut window, "they are listed", |w| listed(w) == [3, 9, 4, 30, 25]);
    assert_eq!(window.state().state().preferences.central_view, CentralView::Gallery);
    assert!(window.query_all_by_label("5 selected").next().is_some(), "above the gallery and in the inspector");
    assert!(window.query_all_by_label("3 duplicates of 2 files, 2.1 MB in total").next().is_some());
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    step_until(&mut window, "the selection can be undone", |w| w.state().state().library().selection.items.is_empty());
}

#[test]
fn labels_given_to_items_stay_when_another_set_is_taken() {
    let (mut window, _) = open_with(Setup::default(), Habits::default());
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    step_until(&mut window, "all are selected", |w| w.state().state().library().selection.items.len() == 32);
    window.run_steps(2);
    window.get_by_label("Auto-label selection").click();
    step_until(&mut window, "all are labelled", |w| w.state().state().library().labels.applied.best.len() == 32);
    window.run_steps(3);
    window.get_by_label("Edit labels…").click();
    window.run_steps(3);
    window.get_by_label("Built-in sets").click();
    window.run_steps(3);
    window.get_by_label("Topics (12)").click();
    step_until(&mut window, "another set is in use", |w| w.state().state().preferences.label_set.labels.len() == 12);
    window.run_steps(3);
    let state = window.state().state();
    assert_eq!(state.library().labels.applied.name_of(ItemId(7)), Some("child"));
    assert!(window.query_all_by_label("child, 32").next().is_some());
    assert_eq!(state.library().right_tab, RightTab::Item);
}

#[test]
fn a_text_that_does_not_fit_is_cut_and_shown_whole_on_hover() {
    let long = "A very long name of a picture that fits nowhere.jpg";
    for (width, told) in [(90.0, true), (900.0, false)] {
        let mut harness = Harness::builder().with_size(vec2(1000.0, 200.0)).build_ui(move |ui| {
            let rect = Rect::from_min_size(pos2(20.0, 20.0), vec2(width, 20.0));
            let response = ui.interact(rect, egui::Id::unique("it"), egui::Sense::hover());
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, "it"));
            let font = egui::FontId::proportional(13.0);
            widgets::line(ui, rect, long, font, egui::Color32::WHITE, response);
        });
        harness.run_steps(2);
        harness.get_by_label("it").hover();
        harness.run_steps(60);
        assert_eq!(harness.query_by_label(long).is_some(), told, "{width}");
    }
}

#[test]
fn everything_in_a_large_collection_is_selected_on_another_thread() {
    let (mut window, _) = open_with(Setup::default(), Habits { more: 5_000, ..Habits::default() });
    let selected = |w: &Window| w.state().state().library().selection.items.len();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    step_until(&mut window, "everything is selected", |w| selected(w) == 5_032);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    step_until(&mut window, "the selection is undone", |w| selected(w) == 0);
}
