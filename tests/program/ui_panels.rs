//! The panels of the window, over an engine that answers at once.

use std::path::Path;

use crate::support::fake;
use crate::support::window::{Setup, Window, drop_file, no_engine, painted, step_until, type_query, window};
use egui::accesskit::Toggled;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use vicinity::app::{Environment, preferences};
use vicinity::context::{CentralView, Dialog, FilterDisplay, RightTab, ThemeChoice};
use vicinity_core::condition::field::Field;
use vicinity_core::{ItemId, Modality};
use vicinity_engine::{Job, SearchSlot};

fn open() -> (Window, fake::Jobs) {
    open_with(Setup::default())
}

fn open_with(setup: Setup) -> (Window, fake::Jobs) {
    open_with_habits(setup, fake::Habits::default())
}

fn open_with_habits(setup: Setup, habits: fake::Habits) -> (Window, fake::Jobs) {
    let (opener, jobs) = fake::opener_with(habits);
    let mut window = window(Setup { library: Some("/nowhere/library".into()), ..setup }, opener);
    step_until(&mut window, "the collection is shown", |w| w.state().state().library().snapshot.is_some());
    window.run_steps(3);
    (window, jobs)
}

#[test]
fn starts_with_an_invitation() {
    let mut window = window(Setup::default(), no_engine());
    window.run_steps(2);
    window.get_by_label("See and search your images and texts by meaning");
    window.get_by_label("Open folder…");
    window.get_by_label("Open sample collection");
    window.check_accessibility();
}

#[test]
fn a_library_that_cannot_be_opened_leads_back_to_the_start_with_the_reason() {
    let mut window = window(Setup { library: Some("/nowhere".into()), ..Setup::default() }, no_engine());
    step_until(&mut window, "the reason is shown", |w| w.query_by_label("no engine in this test").is_some());
    window.get_by_label("Open folder…");
}

#[test]
fn the_left_panel_counts_folders_and_types() {
    let (window, _) = open();
    for row in ["All items, 32", "Photos, 24", "Notes, 8", "Images, 24", "Texts, 8", "Unreadable files, 1"] {
        // The map's legend may say the same.
        assert!(window.query_all_by_label(row).next().is_some(), "{row}");
    }
    window.get_by_label("Library menu: Photos and Notes");
}

#[test]
fn typed_words_find_items_after_a_rest_and_one_search_serves_them_all() {
    let (mut window, jobs) = open();
    type_query(&mut window, "ball");
    window.get_by_label_contains("About 6 match");
    window.get_by_label("picture_04.jpg, score 0.400");
    let asked = jobs
        .lock()
        .expect("jobs")
        .iter()
        .filter(|j| matches!(j, Job::Search { slot: SearchSlot::Results, .. }))
        .count();
    assert_eq!(asked, 1, "four letters typed in a row are one search");
}

#[test]
fn enter_arrows_space_and_escape_lead_through_the_hits_and_back() {
    let (mut window, _) = open();
    type_query(&mut window, "ball");
    window.key_press(Key::Enter);
    step_until(&mut window, "the first hit is selected", |w| {
        w.state().state().library().selection.focus() == Some(ItemId(4))
    });
    window.key_press(Key::ArrowRight);
    step_until(&mut window, "the second hit is selected", |w| {
        w.state().state().library().selection.focus() == Some(ItemId(5))
    });
    window.key_press(Key::Space);
    step_until(&mut window, "the preview is open", |w| w.state().state().library().preview == Some(ItemId(5)));
    window.key_press(Key::ArrowRight);
    step_until(&mut window, "the preview shows the next", |w| w.state().state().library().preview == Some(ItemId(6)));
    window.key_press(Key::Escape);
    step_until(&mut window, "the preview is closed", |w| w.state().state().library().preview.is_none());
    window.key_press(Key::Escape);
    step_until(&mut window, "nothing is selected", |w| w.state().state().library().selection.items.is_empty());
    window.key_press(Key::Escape);
    step_until(&mut window, "the query is empty", |w| w.state().state().library().query.is_empty());
}

#[test]
fn walking_through_many_items_keeps_few_previews() {
    let (mut window, _) = open();
    type_query(&mut window, "ball");
    window.key_press(Key::Enter);
    step_until(&mut window, "the first hit is selected", |w| {
        w.state().state().library().selection.focus() == Some(ItemId(4))
    });
    window.key_press(Key::Space);
    for id in 5..24 {
        window.key_press(Key::ArrowRight);
        step_until(&mut window, "the next is shown", |w| {
            let state = w.state().state();
            state.library().preview == Some(ItemId(id)) && state.library().previews.contains_key(&ItemId(id))
        });
        let kept = window.state().state().library().previews.len();
        assert!(kept <= 4, "{kept} large pictures are kept");
    }
}

#[test]
fn letters_typed_into_the_search_box_are_not_shortcuts() {
    let (mut window, _) = open();
    window.key_press(Key::Slash);
    window.run_steps(3);
    window.key_press(Key::Num2);
    window.key_press(Key::OpenBracket);
    window.event(egui::Event::Text("2[".to_owned()));
    window.run_steps(3);
    let state = window.state().state();
    assert_eq!(
        (state.library().query.text.as_str(), state.preferences.central_view, state.preferences.left_open),
        ("2[", CentralView::Map, true)
    );
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert_eq!(window.state().state().library().query.text, "2[", "the first Esc only leaves the box");
    window.key_press(Key::Num2);
    window.key_press(Key::OpenBracket);
    window.run_steps(3);
    let state = window.state().state();
    assert_eq!((state.preferences.central_view, state.preferences.left_open), (CentralView::Gallery, false));
}

#[test]
fn the_filter_shows_one_kind_and_keeps_the_counts() {
    let (mut window, _) = open();
    type_query(&mut window, "a text about balls.");
    // Nineteen letters: items 19 to 23 are pictures, 24 is a text.
    window.get_by_label("All 6");
    window.get_by_label("Texts 1").click();
    step_until(&mut window, "only texts are asked for", |w| {
        w.state().state().library().query.filter.modality == Some(Modality::Text)
    });
    step_until(&mut window, "only texts are shown", |w| {
        let result = w.state().state().library().query.result.clone();
        result.is_some_and(|r| r.hits.iter().all(|h| h.modality == Modality::Text))
    });
    window.run_steps(2);
    window.get_by_label("Images 5");
    window.get_by_label("note_24.txt, score 0.300");
}

#[test]
fn a_click_on_a_picture_shows_its_facts_labels_and_neighbours() {
    let (mut window, _) = open();
    window.key_press(Key::Num2);
    window.run_steps(3);
    window.get_by_label("picture_03.jpg").click();
    step_until(&mut window, "labels are there", |w| w.state().state().library().labels.focus_scores.is_some());
    window.run_steps(2);
    assert_eq!(window.state().state().library().right_tab, RightTab::Item);
    window.get_by_label("folder Photos / 2023");
    window.get_by_label_contains("size 640 × 480");
    window.get_by_label("child 60%");
    window.get_by_label("Similar");
    window.get_by_label("Copy path");
}

#[test]
fn the_inspector_shows_what_is_known_of_a_photo_and_nothing_of_others() {
    let (mut window, jobs) = open();
    window.key_press(Key::Num2);
    window.run_steps(3);
    window.get_by_label("picture_03.jpg").click();
    step_until(&mut window, "its facts are shown", |w| w.query_by_label("camera FUJIFILM X100V").is_some());
    window.get_by_label("exposure 23 mm  f/2");
    window.get_by_label("rating 4 of 5 stars");
    window.get_by_label("keywords golf, green");
    window.get_by_label_contains("caption The putting green of the club");
    assert!(window.query_by_label_contains("lens ").is_none(), "what is unknown is left out");
    // not one of the similar ones, which are shown twice
    window.get_by_label("picture_02.jpg").click();
    let asked = |w: &Window| w.state().state().library().facts.as_ref().is_some_and(|(id, _)| *id == ItemId(2));
    step_until(&mut window, "the other picture was asked for", asked);
    window.run_steps(2);
    assert!(window.query_by_label_contains("camera ").is_none());
    let wanted = jobs.lock().unwrap().iter().filter(|job| matches!(job, Job::Facts(_))).count();
    assert_eq!(wanted, 2, "once per picture");
}

#[test]
fn labels_given_to_a_selection_are_counted_and_can_be_taken_back() {
    let (mut window, _) = open();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    step_until(&mut window, "all are selected", |w| w.state().state().library().selection.items.len() == 32);
    window.run_steps(2);
    window.get_by_label("32 selected");
    window.get_by_label("Auto-label selection").click();
    step_until(&mut window, "all are labelled", |w| w.state().state().library().labels.applied.best.len() == 32);
    window.run_steps(2);
    assert!(window.query_all_by_label("child, 32").next().is_some());
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    step_until(&mut window, "the labels are gone", |w| w.state().state().library().labels.applied.best.is_empty());
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    step_until(&mut window, "the labels are back", |w| w.state().state().library().labels.applied.best.len() == 32);
}

#[test]
fn the_label_set_can_be_edited_and_reset() {
    let (mut window, jobs) = open();
    window.key_press(Key::P);
    window.run_steps(3);
    for letter in "edit lab".chars() {
        window.event(egui::Event::Text(letter.to_string()));
    }
    window.run_steps(3);
    window.key_press(Key::Enter);
    step_until(&mut window, "the editor is open", |w| w.state().state().is_dialog_open(Dialog::Labels));
    window.run_steps(3);
    window.get_by_label("68 labels");
    let field = window.get_by_label("Labels");
    field.set_text_value_accesskit("dog, cat");
    window.run_steps(3);
    window.get_by_label("Save").click();
    step_until(&mut window, "the set is in use", |w| w.state().state().preferences.label_set.labels == ["dog", "cat"]);
    window.run_steps(2);
    for (set, labels) in [("Topics (12)", 12), ("Everyday (68)", 68)] {
        window.get_by_label("Built-in sets").click();
        window.run_steps(3);
        window.get_by_label(set).click();
        step_until(&mut window, "the built-in set is in use", |w| {
            w.state().state().preferences.label_set.labels.len() == labels
        });
        window.run_steps(3);
    }
    assert!(jobs.lock().expect("jobs").iter().all(|j| !matches!(j, Job::Add(_))));
}

#[test]
fn failed_files_are_listed_with_the_reason_and_can_be_tried_again() {
    let (mut window, jobs) = open();
    window.get_by_label("Unreadable files, 1").click();
    step_until(&mut window, "the list is open", |w| {
        w.query_by_label_contains("broken.jpg: the file ends too early").is_some()
    });
    window.run_steps(2);
    window.get_by_label("Retry").click();
    window.get_by_label("Retry all").click();
    window.run_steps(3);
    let jobs = jobs.lock().expect("jobs");
    let retries: Vec<usize> =
        jobs.iter().filter_map(|j| if let Job::Retry(paths) = j { Some(paths.len()) } else { None }).collect();
    assert_eq!(retries, [1, 0], "one file, then all");
}

#[test]
fn about_tells_the_version_and_the_licences_of_everything_inside() {
    let mut window = window(Setup::default(), no_engine());
    window.run_steps(2);
    window.get_by_label("Library menu: Vicinity").click();
    window.run_steps(3);
    window.get_by_label("About Vicinity").click();
    step_until(&mut window, "the box is open", |w| w.state().state().is_dialog_open(Dialog::About));
    window.run_steps(3);
    window.get_by_label(concat!("Version ", env!("CARGO_PKG_VERSION")));
    window.get_by_label("MIT License");
    window.get_by_label("Libraries").click();
    window.run_steps(3);
    window.get_by_label_contains("accesskit 0");
    window.get_by_label("Starter model").click();
    window.run_steps(3);
    window.get_by_label("The starter model of Vicinity");
    window.check_accessibility();
    window.get_by_label("Close").click();
    step_until(&mut window, "the box is closed", |w| !w.state().state().is_dialog_open(Dialog::About));
}

#[test]
fn the_status_bar_tells_what_a_long_layout_is_doing_until_it_is_stopped() {
    let (mut window, _) = open();
    window.get_by_label("Ready");
    window.key_press_modifiers(Modifiers::COMMAND, Key::K);
    window.run_steps(3);
    for letter in "recompute".chars() {
        window.event(egui::Event::Text(letter.to_string()));
    }
    window.run_steps(3);
    window.key_press(Key::Enter);
    let told = "Map: finding neighbours 40%, about 12 s left";
    step_until(&mut window, "the layout is told of", |w| w.query_by_label(told).is_some());
    window.get_by_label("Cancel").click();
    step_until(&mut window, "it is stopped", |w| w.query_by_label("Ready").is_some());
}

#[test]
fn the_palette_finds_a_command_by_part_of_its_name() {
    let (mut window, _) = open();
    window.key_press_modifiers(Modifiers::COMMAND, Key::K);
    window.run_steps(3);
    for letter in "gallery".chars() {
        window.event(egui::Event::Text(letter.to_string()));
    }
    window.run_steps(3);
    window.key_press(Key::Enter);
    step_until(&mut window, "the gallery is shown", |w| {
        w.state().state().preferences.central_view == CentralView::Gallery
    });
    assert!(!window.state().state().is_dialog_open(Dialog::Palette));
}

#[test]
fn a_dropped_picture_is_a_question_or_is_added_as_the_user_decides() {
    for (answer, added) in [("Find similar items and labels", false), ("Add to collection", true)] {
        let (mut window, jobs) = open();
        drop_file(&mut window, Path::new("/elsewhere/dog.jpg"));
        step_until(&mut window, "the targets are shown", |w| w.query_by_label(answer).is_some());
        window.get_by_label(answer).click();
        step_until(&mut window, "it was decided", |w| w.state().state().library().dropped.is_empty());
        window.run_steps(3);
        let asked =
            jobs.lock().expect("jobs").iter().any(|j| matches!(j, Job::Search { slot: SearchSlot::Results, .. }));
        let adds = jobs.lock().expect("jobs").iter().any(|j| matches!(j, Job::Add(_)));
        assert_eq!((asked, adds), (!added, added), "{answer}");
        assert_eq!(window.query_by_label("Remove dog.jpg from search").is_some(), !added);
    }
}

#[test]
fn a_dropped_folder_is_added_at_once() {
    let (mut window, jobs) = open();
    drop_file(&mut window, Path::new("/elsewhere/More"));
    window.run_steps(3);
    assert!(window.state().state().library().dropped.is_empty());
    assert!(jobs.lock().expect("jobs").iter().any(|j| matches!(j, Job::Add(paths) if paths[0].ends_with("More"))));
}

#[test]
fn the_first_folder_opens_a_library_of_its_own() {
    let (opener, jobs) = fake::opener();
    let data = Some("/data".into());
    let mut window = window(Setup { data, ..Setup::default() }, opener);
    drop_file(&mut window, Path::new("/elsewhere/My pictures"));
    step_until(&mut window, "the folder is added", |_| {
        jobs.lock().expect("jobs").iter().any(|j| matches!(j, Job::Add(paths) if paths[0].ends_with("My pictures")))
    });
    let library = window.state().state().library.clone().expect("open");
    assert!(library.path.starts_with("/data/libraries"), "{:?}", library.path);
}

#[test]
fn a_pasted_picture_is_a_question_with_its_nearest_labels() {
    let (mut window, jobs) = open();
    let image = egui::ColorImage::new([8, 4], vec![egui::Color32::RED; 32]);
    window.event(egui::Event::PasteImage(std::sync::Arc::new(image)));
    step_until(&mut window, "there are hits", |w| w.state().state().library().query.result.is_some());
    step_until(&mut window, "there are labels", |w| w.query_by_label("child 60%").is_some());
    window.get_by_label("Remove Pasted image from search");
    assert!(jobs.lock().expect("jobs").iter().any(|j| matches!(j, Job::Label { .. })));
}

#[test]
fn a_narrow_window_keeps_the_right_panel_in_a_drawer() {
    let (mut window, _) = open_with(Setup { size: Some([860.0, 600.0]), ..Setup::default() });
    assert!(window.query_by_label("Results").is_none());
    type_query(&mut window, "ball");
    step_until(&mut window, "the drawer opens with the search", |w| w.query_by_label("Results").is_some());
    window.key_press(Key::Escape);
    window.run_steps(2);
    assert!(window.query_by_label("Results").is_some(), "Esc left the search box and nothing else");
    window.key_press(Key::Escape);
    step_until(&mut window, "the drawer is closed", |w| w.query_by_label("Results").is_none());
    assert!(!window.state().state().library().query.is_empty(), "Esc closed the drawer and nothing else");
    window.get_by_label("Results panel").click();
    step_until(&mut window, "its button brings it back", |w| w.query_by_label("Results").is_some());
    window.get_by_label("Close panel").click();
    step_until(&mut window, "and it closes by hand", |w| w.query_by_label("Results").is_none());
}

#[test]
fn the_theme_changes_at_once_and_is_remembered() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.json");
    let (opener, _) = fake::opener();
    let setup = || Setup { settings: Some(settings.clone()), theme: Some(ThemeChoice::Light), ..Setup::default() };
    let mut first = window(setup(), opener);
    first.run_steps(2);
    assert_eq!(first.ctx.theme(), egui::Theme::Light);
    first.get_by_label("Library menu: Vicinity").click();
    first.run_steps(3);
    first.get_by_label("Change theme").click();
    step_until(&mut first, "it is dark", |w| w.ctx.theme() == egui::Theme::Dark);
    drop(first);
    assert_eq!(preferences::read(&settings).theme, ThemeChoice::Dark);
}

#[test]
fn the_settings_choose_a_device_and_unload_the_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.json");
    let (mut window, jobs) = open_with(Setup { settings: Some(settings.clone()), ..Setup::default() });
    window.get_by_label("Library menu: Photos and Notes").click();
    window.run_steps(3);
    window.get_by_label("Settings…").click();
    step_until(&mut window, "the devices are listed", |w| w.query_by_label_contains("cpu: ").is_some());
    window.get_by_label_contains("cpu: ").click_accesskit();
    step_until(&mut window, "the model has moved", |w| {
        w.query_by_label("The model runs on Card (bf16) (matches the CPU (cosine 0.9998), 820 images/s)").is_some()
    });
    window.get_by_label("Model: Starter, Card (bf16)");
    // the dialog grows from its middle
    window.run_steps(4);
    window.get_by_label("1 hour").click();
    step_until(&mut window, "the time is set", |w| w.state().state().device_preferences().idle_minutes == 60);
    window.run_steps(4);
    window.get_by_label("Unload model now").click();
    step_until(&mut window, "it has left", |w| w.query_by_label("Model: Starter, unloaded").is_some());
    assert!(window.query_by_label("Unload model now").is_none(), "nothing is left to unload");
    let asked = |wanted: &str| jobs.lock().expect("jobs").iter().filter(|j| format!("{j:?}") == wanted).count();
    assert_eq!((asked("ReloadModel"), asked("UnloadModel")), (1, 1), "the time to stay moves no model");
    drop(window);
    let kept = preferences::read(&settings).devices;
    assert_eq!((kept.device.to_string().as_str(), kept.idle_minutes), ("cpu", 60));
}

#[test]
fn the_models_dialog_cuts_vectors_to_fewer_dimensions() {
    let (mut window, jobs) = open();
    window.get_by_label_contains("Model: Starter").click();
    window.run_steps(3);
    let is_on =
        |window: &Window, name: &str| window.get_by_label(name).accesskit_node().toggled() == Some(Toggled::True);
    assert!(is_on(&window, "2"), "all of them at first");
    window.get_by_label("1").click_accesskit();
    step_until(&mut window, "one dimension is looked at", |w| {
        w.state().state().library().snapshot.as_ref().is_some_and(|s| s.dim() == 1)
    });
    window.run_steps(2);
    assert!(is_on(&window, "1") && !is_on(&window, "2"));
    assert!(jobs.lock().expect("jobs").iter().any(|job| matches!(job, Job::SetDimensions(1))));
}

#[test]
fn a_library_is_remembered_for_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.json");
    {
        let (mut window, _) = open_with(Setup { settings: Some(settings.clone()), ..Setup::default() });
        window.get_by_label("Library menu: Photos and Notes").click();
        window.run_steps(3);
        window.get_by_label("Close library").click();
        step_until(&mut window, "the start is shown", |w| {
            w.query_by_label("Recent").is_some() || w.query_by_label_contains("Open Photos and Notes").is_some()
        });
    }
    let (opener, _) = fake::opener();
    let mut again = window(Setup { settings: Some(settings), ..Setup::default() }, opener);
    again.run_steps(2);
    again.get_by_label_contains("Open Photos and Notes, 32 items").click();
    step_until(&mut again, "it is open again", |w| w.state().state().library().snapshot.is_some());
}

#[test]
fn a_text_hit_can_be_focused_by_assistive_technology() {
    let (mut window, _) = open();
    type_query(&mut window, "a text about balls.");
    let node = window.get_by_label("note_24.txt, score 0.300");
    assert_eq!(node.accesskit_node().role(), egui::Role::Button);
}

fn press(key: Key, modifiers: Modifiers) -> egui::Event {
    egui::Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers }
}

fn text(words: &str) -> egui::Event {
    egui::Event::Text(words.to_owned())
}

/// All of it arrives before the next frame, as from a fast typist or a slow machine.
fn in_one_frame(window: &mut Window, events: impl IntoIterator<Item = egui::Event>) {
    window.input_mut().events.extend(events);
    window.run_steps(4);
}

#[test]
fn what_is_typed_in_the_same_frame_as_a_key_that_leads_to_a_field_is_text() {
    for (key, letter) in [(Key::Slash, "/"), (Key::V, "v")] {
        let (mut window, _) = open();
        let typed = [
            press(key, Modifiers::NONE),
            text(letter),
            press(Key::D, Modifiers::NONE),
            text("d"),
            press(Key::Num2, Modifiers::NONE),
            text("2"),
        ];
        in_one_frame(&mut window, typed);
        let state = window.state().state();
        assert_eq!((state.library().query.text.as_str(), state.preferences.central_view), ("d2", CentralView::Map));
        in_one_frame(&mut window, [press(Key::OpenBracket, Modifiers::NONE), text("[")]);
        assert_eq!(window.state().state().library().query.text, "d2[", "typing goes on where it was");
    }
    let (mut window, _) = open();
    let palette = [press(Key::K, Modifiers::COMMAND), press(Key::Num1, Modifiers::NONE), text("gal")];
    in_one_frame(&mut window, palette);
    in_one_frame(&mut window, [text("lery"), press(Key::Enter, Modifiers::NONE)]);
    assert_eq!(window.state().state().preferences.central_view, CentralView::Gallery);
    let all = [press(Key::K, Modifiers::COMMAND), text("map"), press(Key::Enter, Modifiers::NONE)];
    in_one_frame(&mut window, all);
    let state = window.state().state();
    assert_eq!(
        (state.preferences.central_view, state.is_dialog_open(Dialog::Palette)),
        (CentralView::Map, false),
        "even all at once"
    );
}

#[test]
fn escape_closes_a_menu_and_nothing_below() {
    let (mut window, _) = open();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    step_until(&mut window, "all are selected", |w| w.state().state().library().selection.items.len() == 32);
    window.get_by_label("Library menu: Photos and Notes").click();
    step_until(&mut window, "the menu is open", |w| w.query_by_label("Close library").is_some());
    window.key_press(Key::ArrowDown);
    window.run_steps(3);
    window.key_press(Key::Escape);
    window.run_steps(4);
    assert!(window.query_by_label("Close library").is_none(), "the menu is closed");
    assert_eq!(window.state().state().library().selection.items.len(), 32, "the selection stays");
    window.key_press(Key::F1);
    window.run_steps(3);
    window.key_press(Key::Escape);
    window.run_steps(3);
    let state = window.state().state();
    assert_eq!((state.view.dialogs.len(), state.library().selection.items.len()), (0, 32));
    window.key_press(Key::Escape);
    step_until(&mut window, "then it goes", |w| w.state().state().library().selection.items.is_empty());
}

#[test]
fn searching_with_nothing_open_says_so_and_finds_once_something_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let (opener, _) = fake::opener();
    let mut window = window(Setup::default(), opener);
    window.key_press(Key::V);
    window.run_steps(3);
    window.event(text("ball"));
    let said = "Nothing to search yet; open a folder or library first";
    step_until(&mut window, "it is said", |w| w.query_all_by_label(said).count() >= 2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::K);
    window.run_steps(3);
    window.event(text("open library"));
    window.run_steps(3);
    window.key_press(Key::Enter);
    step_until(&mut window, "a path can be typed", |w| w.query_by_label("Path").is_some());
    window.run_steps(3);
    window.event(text("/nowhere/at/all"));
    window.run_steps(2);
    window.key_press(Key::Enter);
    step_until(&mut window, "the reason is said", |w| {
        w.query_by_label("/nowhere/at/all does not exist; check the spelling").is_some()
    });
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.event(text(&folder.path().display().to_string()));
    window.run_steps(2);
    window.key_press(Key::Enter);
    step_until(&mut window, "it is open and searched", |w| w.state().state().library().query.result.is_some());
    assert!(window.query_by_label(said).is_none() && window.state().state().view.path_request.is_none());
}

#[test]
fn commands_that_cannot_be_done_are_grey_and_do_nothing() {
    let mut start = window(Setup::default(), no_engine());
    start.run_steps(2);
    start.get_by_label("Library menu: Vicinity").click();
    start.run_steps(4);
    for name in ["Close library", "Rescan folders", "Export vectors…", "Import settings…"] {
        assert!(start.get_by_label(name).accesskit_node().is_disabled(), "{name}");
    }
    assert!(!start.get_by_label("Settings…").accesskit_node().is_disabled());

    let (mut window, jobs) = open();
    window.key_press(Key::P);
    window.run_steps(3);
    window.event(text("auto-label"));
    window.run_steps(3);
    assert!(window.get_by_label("Auto-label selection").accesskit_node().is_disabled(), "nothing is selected");
    window.key_press(Key::Enter);
    window.run_steps(3);
    assert!(window.state().state().is_dialog_open(Dialog::Palette), "it stays open, so that the reason can be read");
    window.key_press(Key::Escape);
    window.run_steps(3);
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    step_until(&mut window, "all are selected", |w| w.state().state().library().selection.items.len() == 32);
    window.key_press(Key::P);
    window.run_steps(3);
    window.event(text("labels"));
    window.run_steps(3);
    window.key_press(Key::Enter);
    step_until(&mut window, "the editor is open", |w| w.state().state().is_dialog_open(Dialog::Labels));
    let given = |job: &Job| matches!(job, Job::Label { targets: vicinity_engine::LabelTargets::Items(items), .. } if items.len() > 1);
    assert!(!jobs.lock().expect("jobs").iter().any(given), "nobody asked for the selection to be labelled");
}

#[test]
fn the_folders_are_a_tree_that_the_keyboard_walks_and_that_narrows_what_is_shown() {
    let (mut window, _) = open();
    assert!(window.query_by_label("2023, 12").is_none(), "several folders are closed at first");
    window.get_by_label("Photos, 24").focus();
    window.run_steps(2);
    window.key_press(Key::ArrowRight);
    step_until(&mut window, "it is open", |w| w.query_by_label("2023, 12").is_some());
    window.key_press(Key::ArrowDown);
    window.run_steps(3);
    assert!(window.get_by_label("2023, 12").is_focused());
    window.key_press(Key::Enter);
    let chosen = |w: &Window| w.state().state().library().query.filter.folder.clone();
    step_until(&mut window, "it is chosen", |w| chosen(w).is_some_and(|f| f.ends_with("Photos/2023")));
    window.key_press(Key::ArrowLeft);
    window.run_steps(3);
    assert!(window.get_by_label("Photos, 24").is_focused());
    window.key_press(Key::ArrowLeft);
    step_until(&mut window, "it is closed again", |w| w.query_by_label("2023, 12").is_none());
    window.get_by_label("Notes, 8").click();
    step_until(&mut window, "a click narrows", |w| chosen(w).is_some_and(|f| f.ends_with("Notes")));
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    step_until(&mut window, "what is shown is selected", |w| w.state().state().library().selection.items.len() == 8);
}

#[test]
fn types_and_folders_are_counted_within_what_the_rest_of_the_filter_admits() {
    let (mut window, _) = open();
    let shown = |w: &Window, label: &str| w.query_all_by_label(label).next().is_some();
    assert!(shown(&window, "Images, 24") && shown(&window, "Texts, 8"));
    window.get_by_label("Notes, 8").click();
    step_until(&mut window, "the folder has no pictures", |w| shown(w, "Images, 0") && shown(w, "Texts, 8"));
    // Choosing a type says nothing of the other one.
    window.get_all_by_label("Texts, 8").next().expect("in the left panel").click();
    step_until(&mut window, "texts are chosen", |w| {
        w.state().state().library().query.filter.modality == Some(Modality::Text)
    });
    window.run_steps(2);
    assert!(shown(&window, "Images, 0") && shown(&window, "Texts, 8"));
    assert!(shown(&window, "Photos, 0") && shown(&window, "Notes, 8"), "the folders count texts only");
    assert_eq!(window.state().state().library().visible.as_ref().map(|rows| rows.len()), Some(8));
}

#[test]
fn items_are_filtered_by_the_dates_on_which_they_were_modified() {
    let (mut window, _) = open();
    let shown = |w: &Window, label: &str| w.query_all_by_label(label).next().is_some();
    let visible = |w: &Window| w.state().state().library().visible.as_ref().map(|rows| rows.len());
    let enter = |window: &mut Window, field: &str, typed: &str| {
        window.get_by_label(field).focus();
        window.run_steps(2);
        window.key_press_modifiers(Modifiers::COMMAND, Key::A);
        window.run_steps(1);
        if typed.is_empty() {
            window.key_press(Key::Backspace);
        } else {
            window.event(text(typed));
        }
        window.run_steps(2);
        window.key_press(Key::Enter);
        window.run_steps(3);
    };
    enter(&mut window, "Modified from", "2024-05");
    step_until(&mut window, "the texts are older", |w| visible(w) == Some(24));
    window.run_steps(2);
    assert!(shown(&window, "Modified since 2024-05-01"));
    assert!(shown(&window, "Texts, 0") && shown(&window, "Notes, 0") && shown(&window, "Photos, 24"));
    enter(&mut window, "Modified to", "2024-06");
    step_until(&mut window, "it ends with June", |w| shown(w, "Modified 2024-05-01 to 2024-06-30"));
    window.key_press(Key::Num2);
    step_until(&mut window, "the gallery says so", |w| shown(w, "All items, modified 2024-05-01 to 2024-06-30 · 24"));

    // What is no date, or no range of dates, changes nothing and is explained.
    enter(&mut window, "Modified to", "last week");
    assert!(shown(&window, "Not a date: write a day (2024-05-31), a month (2024-05) or a year (2024)"));
    assert_eq!(visible(&window), Some(24));
    enter(&mut window, "Modified to", "2023");
    assert!(shown(&window, "The first date is after the last"));
    assert_eq!(visible(&window), Some(24));

    enter(&mut window, "Modified from", "");
    step_until(&mut window, "the other date can be applied now", |w| visible(w) == Some(8));
    assert!(shown(&window, "Modified until 2023-12-31"));
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    step_until(&mut window, "one date is taken back", |w| shown(w, "Modified until 2024-06-30"));
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    step_until(&mut window, "and the other", |w| shown(w, "Modified 2024-05-01 to 2024-06-30"));
    window.get_by_label("Remove Modified 2024-05-01 to 2024-06-30 from filter").click();
    step_until(&mut window, "its chip is removed", |w| visible(w) == Some(32));
    enter(&mut window, "Modified from", "2024-06-15");
    step_until(&mut window, "nothing is so new", |w| shown(w, "No items match the filter"));
    window.get_by_label("Clear dates").click();
    step_until(&mut window, "all is shown", |w| visible(w) == Some(32));
}

/// A tall window over photos of which something is known, and how many items are visible in it.
fn open_photos() -> Window {
    let setup = Setup { size: Some([1200.0, 2400.0]), ..Setup::default() };
    open_with_habits(setup, fake::Habits { photos: true, ..fake::Habits::default() }).0
}

fn visible(window: &Window) -> Option<usize> {
    window.state().state().library().visible.as_ref().map(|rows| rows.len())
}

fn enter(window: &mut Window, field: &str, typed: &str) {
    window.get_by_label(field).focus();
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run_steps(1);
    window.event(egui::Event::Text(typed.to_owned()));
    window.run_steps(2);
    window.key_press(Key::Enter);
    window.run_steps(3);
}

#[test]
fn cameras_stars_places_and_days_narrow_the_collection_together() {
    let mut window = open_photos();
    let shown = |w: &Window, label: &str| w.query_all_by_label(label).next().is_some();
    step_until(&mut window, "cameras are listed", |w| shown(w, "FUJIFILM X100V, 7") && shown(w, "Leica M11, 1"));
    window.get_by_label("Leica M11, 1").click();
    step_until(&mut window, "one photo is by it", |w| visible(w) == Some(1));
    step_until(&mut window, "the other is counted as if chosen", |w| shown(w, "FUJIFILM X100V, 7"));
    window.get_by_label("FUJIFILM X100V, 7").click();
    step_until(&mut window, "both are chosen", |w| visible(w) == Some(8));
    window.run_steps(2);
    window.get_by_label("Remove Camera: Leica M11 or FUJIFILM X100V from filter").click();
    step_until(&mut window, "all is shown", |w| visible(w) == Some(32));
    window.run_steps(2);

    window.get_by_label("At least 5 stars, 1").click();
    step_until(&mut window, "one has five stars", |w| visible(w) == Some(1));
    window.run_steps(2);
    window.get_by_label("At least 4 stars, 8").click();
    step_until(&mut window, "eight have four", |w| visible(w) == Some(8));
    window.run_steps(2);
    window.get_by_label("At least 4 stars, 8").click();
    step_until(&mut window, "a second click admits all", |w| visible(w) == Some(32));
    window.run_steps(2);

    window.get_by_label("Has a place, 4").click();
    step_until(&mut window, "four have a place", |w| visible(w) == Some(4));
    enter(&mut window, "Taken from", "2023-06-10");
    step_until(&mut window, "two of them are later", |w| visible(w) == Some(2));
    window.run_steps(2);
    assert!(shown(&window, "Taken since 2023-06-10"));
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    step_until(&mut window, "the day is taken back", |w| visible(w) == Some(4));
    window.run_steps(2);
    window.get_by_label("All items, 32").click();
    step_until(&mut window, "nothing is left of it", |w| w.state().state().library().query.filter.is_empty());
}

#[test]
fn any_of_many_keywords_is_found_by_its_letters() {
    let mut window = open_photos();
    let shown = |w: &Window, label: &str| w.query_all_by_label(label).next().is_some();
    step_until(&mut window, "keywords are listed", |w| shown(w, "golf, 8") && shown(w, "All keywords…, 7"));
    assert!(!shown(&window, "e, 1"), "the most frequent ones only");
    window.get_by_label("All keywords…, 7").click();
    step_until(&mut window, "all are listed", |w| shown(w, "e, 1"));
    window.run_steps(2);
    window.event(egui::Event::Text("E".to_owned()));
    step_until(&mut window, "only those with the letter", |w| !shown(w, "d, 1") && shown(w, "e, 1"));
    window.get_by_label("e, 1").click();
    step_until(&mut window, "it is chosen", |w| visible(w) == Some(1));
    window.run_steps(3);
    assert!(shown(&window, "Find keywords"), "another one can be chosen");
    window.key_press(Key::Escape);
    step_until(&mut window, "the list is closed", |w| !shown(w, "Find keywords"));
    window.run_steps(2);
    window.get_by_label("All keywords…, 7").click();
    step_until(&mut window, "it begins with everything again", |w| shown(w, "d, 1"));
    window.run_steps(2);
    window.get_all_by_label("green, 1").last().expect("in the list").click();
    step_until(&mut window, "both are", |w| shown(w, "Remove Keyword: green from filter"));
    assert_eq!(window.state().state().library().query.filter.chosen_values(Field::Keyword), ["e", "green"]);
}

fn open_table() -> Window {
    let setup = Setup { size: Some([1200.0, 2200.0]), ..Setup::default() };
    open_with_habits(setup, fake::Habits { table: true, ..fake::Habits::default() }).0
}

#[test]
fn columns_of_tables_narrow_the_collection() {
    let mut window = open_table();
    let shown = |w: &Window, label: &str| w.query_all_by_label(label).next().is_some();
    step_until(&mut window, "categories are listed", |w| shown(w, "poodle, 5") && shown(w, "terrier, 3"));
    window.get_by_label("terrier, 3").click();
    step_until(&mut window, "three are terriers", |w| visible(w) == Some(3));
    window.run_steps(2);
    assert!(shown(&window, "poodle, 5"), "counted as if it were chosen");
    enter(&mut window, "price from", "4");
    step_until(&mut window, "two of them cost more", |w| visible(w) == Some(2));
    enter(&mut window, "price to", "much");
    assert!(shown(&window, "Not a number"));
    assert_eq!(visible(&window), Some(2), "what is wrong changes nothing");
    enter(&mut window, "price to", "");
    enter(&mut window, "born to", "2023-02");
    step_until(&mut window, "one of them is older", |w| visible(w) == Some(1));
    let condition = |w: &Window| w.state().state().library().query.filter.condition.as_ref().map(ToString::to_string);
    let expected = "column \"kind\" = \"terrier\" and column \"price\" >= 4 and column \"born\" <= 2023-02";
    assert_eq!(condition(&window).as_deref(), Some(expected));
    window.run_steps(2);
    window.get_by_label("Clear price").click();
    step_until(&mut window, "the price is free", |w| visible(w) == Some(2));
    enter(&mut window, "Filter condition", "column price = 9.5");
    step_until(&mut window, "a condition in words does the same", |w| visible(w) == Some(1));
}

#[test]
fn the_inspector_shows_the_cells_of_a_row() {
    let mut window = open_table();
    window.key_press(Key::Num2);
    window.run_steps(3);
    window.get_by_label("dogs.csv:3").click();
    step_until(&mut window, "its cells are shown", |w| w.query_by_label("price 9.5").is_some());
    window.get_by_label("kind terrier");
    window.get_by_label("born 2023-03-15");
}

#[test]
fn the_gallery_is_ordered_by_a_column() {
    let mut window = open_table();
    window.key_press(Key::Num2);
    window.run_steps(3);
    let listed = |w: &Window| w.state().state().library().gallery.listing.items.first().map(|id| id.0);
    step_until(&mut window, "everything is listed", |w| listed(w) == Some(0));
    for (now, first) in [("Sort by order added, oldest first", 24), ("Sort by price, ascending", 31)] {
        window.get_by_label(now).click();
        window.run_steps(3);
        window.get_all_by_label("price").last().expect("in the menu").click();
        step_until(&mut window, now, |w| listed(w) == Some(first));
        window.run_steps(3);
    }
}

#[test]
fn the_map_is_coloured_by_columns() {
    let mut window = open_table();
    let shown = |w: &Window, label: &str| w.query_all_by_label(label).next().is_some();
    step_until(&mut window, "categories are listed", |w| shown(w, "poodle, 5"));
    for (now, next, entries) in [
        ("Colour by type", "kind", ["Colour by kind", "poodle, 5", "Not known, 24"]),
        ("Colour by kind", "price", ["Colour by price", "1.5, 1", "Not known, 24"]),
    ] {
        window.get_by_label(now).click();
        window.run_steps(3);
        window.get_by_role_and_label(egui::accesskit::Role::Button, next).click();
        step_until(&mut window, next, |w| entries.iter().all(|entry| shown(w, entry)));
        window.run_steps(3);
    }
}

#[test]
fn a_condition_can_be_written_and_says_what_is_wrong() {
    let mut window = open_photos();
    let shown = |w: &Window, label: &str| w.query_all_by_label(label).next().is_some();
    step_until(&mut window, "places are counted", |w| shown(w, "Has a place, 4"));
    enter(&mut window, "Filter condition", "rating >= 5 or name ~ note");
    step_until(&mut window, "it is applied", |w| visible(w) == Some(9));
    window.run_steps(2);
    window.get_by_label("Has a place, 0").click();
    step_until(&mut window, "the controls add to it", |w| visible(w) == Some(0));
    let condition = |w: &Window| w.state().state().library().query.filter.condition.as_ref().map(ToString::to_string);
    assert_eq!(condition(&window).as_deref(), Some("(rating >= 5 or name ~ \"note\") and has place"));
    enter(&mut window, "Filter condition", "camra = x");
    assert!(shown(&window, "There is no field “camra”; did you mean “camera”?"));
    assert_eq!(visible(&window), Some(0), "what is wrong changes nothing");
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    step_until(&mut window, "the place is taken back", |w| visible(w) == Some(9));
    window.run_steps(2);
    assert!(!shown(&window, "There is no field “camra”; did you mean “camera”?"));
    window.get_by_label("Clear condition").click();
    step_until(&mut window, "all is shown", |w| visible(w) == Some(32));
    enter(&mut window, "Filter condition", "camera = \"leica m11\"");
    step_until(&mut window, "one photo is by it", |w| visible(w) == Some(1));
    window.run_steps(2);
    window.get_by_label("Leica M11, 1").click();
    step_until(&mut window, "a click takes back what was written in other letters", |w| visible(w) == Some(32));
}

#[test]
fn the_map_is_coloured_by_what_is_known_of_photos() {
    let mut window = open_photos();
    let shown = |w: &Window, label: &str| w.query_all_by_label(label).next().is_some();
    step_until(&mut window, "cameras are counted", |w| shown(w, "Leica M11, 1"));
    for (now, next, entries) in [
        ("Colour by type", "Camera", ["FUJIFILM X100V, 7", "Leica M11, 1", "Not known, 24"]),
        ("Colour by camera", "Rating", ["5 stars, 1", "4 stars, 7", "Not known, 24"]),
        ("Colour by rating", "Year taken", ["2023, 8", "Not known, 24", "Colour by year taken"]),
    ] {
        window.get_by_label(now).click();
        window.run_steps(3);
        window.get_by_role_and_label(egui::accesskit::Role::Button, next).click();
        step_until(&mut window, next, |w| entries.iter().all(|entry| shown(w, entry)));
        window.run_steps(3);
    }
}

#[test]
fn of_photos_of_which_nothing_is_known_only_a_condition_can_be_written() {
    let (mut window, _) = open();
    window.run_steps(3);
    for heading in ["Camera", "Rating", "Keywords", "Place", "Date taken"] {
        assert!(window.query_all_by_label(heading).next().is_none(), "{heading}");
    }
    enter(&mut window, "Filter condition", "format = txt");
    step_until(&mut window, "it is applied", |w| visible(w) == Some(8));
}

#[test]
fn labels_are_counted_and_selected_within_the_filter() {
    let (mut window, _) = open();
    let shown = |w: &Window, label: &str| w.query_all_by_label(label).next().is_some();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    step_until(&mut window, "all are selected", |w| w.state().state().library().selection.items.len() == 32);
    window.run_steps(2);
    window.get_by_label("Auto-label selection").click();
    step_until(&mut window, "all are labelled", |w| shown(w, "child, 32"));
    window.get_by_label("Notes, 8").click();
    step_until(&mut window, "only the notes are counted", |w| shown(w, "child, 8"));
    window.get_all_by_label("child, 8").next().expect("in the left panel").click();
    step_until(&mut window, "only the notes are selected", |w| w.state().state().library().selection.items.len() == 8);
    window.get_by_label("All items, 32").click();
    step_until(&mut window, "all are counted again", |w| shown(w, "child, 32"));
}

#[test]
fn the_map_fades_or_hides_what_the_filter_excludes_as_the_user_likes() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.json");
    let (mut window, _) = open_with(Setup { settings: Some(settings.clone()), ..Setup::default() });
    assert!(window.query_by_label("Highlight").is_none(), "there is nothing to fade");
    window.get_by_label("Notes, 8").click();
    step_until(&mut window, "the switch is shown", |w| w.query_by_label("Highlight").is_some());
    assert_eq!(window.state().state().preferences.filter_display, FilterDisplay::Highlight);
    window.get_by_label("Filter").click();
    step_until(&mut window, "points are hidden", |w| {
        w.state().state().preferences.filter_display == FilterDisplay::Filter
    });
    drop(window);
    assert_eq!(preferences::read(&settings).filter_display, FilterDisplay::Filter, "it is remembered");
}

#[test]
fn nothing_of_a_library_is_left_when_it_is_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.json");
    let (mut window, _) = open_with(Setup { settings: Some(settings), ..Setup::default() });
    window.key_press(Key::Num2);
    window.run_steps(3);
    window.get_by_label("picture_03.jpg").click();
    window.run_steps(3);
    window.get_all_by_label("picture_03.jpg").next().expect("in the gallery").hover();
    step_until(&mut window, "it is under the pointer", |w| w.state().state().library().hover == Some(ItemId(3)));
    type_query(&mut window, "ball");
    window.get_by_label("Library menu: Photos and Notes").click();
    window.run_steps(3);
    window.get_by_label("Close library").click();
    step_until(&mut window, "it is closed", |w| w.state().state().library.is_none());
    window.run_steps(3);
    let nothing_left = |window: &Window, when: &str| {
        let s = window.state().state().library();
        assert!(s.hover.is_none() && s.selection.items.is_empty() && s.neighbours.is_none(), "{when}");
        assert!(s.query.is_empty() && s.query.result.is_none() && s.query.error.is_none(), "{when}");
        assert!(s.previews.is_empty() && s.preview.is_none() && s.hidden_legend.is_empty(), "{when}");
        assert!(
            s.labels.focus_scores.is_none() && s.labels.query_part.is_none() && s.labels.applied.best.is_empty(),
            "{when}"
        );
        assert!(s.services.active.is_none() && s.services.error.is_none() && s.services.note.is_none(), "{when}");
        assert!(s.dropped.is_empty() && window.state().state().view.can_undo == [false; 2], "{when}");
    };
    nothing_left(&window, "closed");
    let s = window.state().state().library();
    assert!(
        s.snapshot.is_none()
            && s.visible.is_none()
            && s.layout.is_none()
            && s.failures.is_empty()
            && s.thumbnails.is_empty()
    );
    assert!(s.model.is_none() && s.model_title.is_empty() && s.import.is_none() && s.folders.roots().len() == 0);
    window.get_by_label_contains("Open Photos and Notes, 32 items").click();
    step_until(&mut window, "another is open", |w| w.state().state().library().snapshot.is_some());
    window.remove_cursor();
    window.run_steps(3);
    nothing_left(&window, "opened again");
}

#[test]
fn the_buttons_of_an_import_stay_where_they_are_while_its_numbers_grow() {
    let (mut window, _) = open();
    window.key_press(Key::F5);
    step_until(&mut window, "it has begun", |w| w.query_by_label_contains("9 of 2,040").is_some());
    window.run_steps(2);
    let places = |window: &Window, action: &str| {
        (window.get_by_label(action).rect(), window.get_by_label("Cancel import").rect())
    };
    let first = places(&window, "Pause");
    window.get_by_label("Pause").click();
    step_until(&mut window, "it is paused", |w| w.query_by_label("Resume").is_some());
    window.run_steps(2);
    assert_eq!(places(&window, "Resume"), first);
    window.get_by_label("Resume").click();
    step_until(&mut window, "it goes on", |w| w.query_by_label_contains("1,999 of 2,040").is_some());
    window.run_steps(2);
    assert_eq!(places(&window, "Pause"), first);
}

#[test]
fn every_stop_of_the_keyboard_shows_that_it_has_the_focus() {
    let (mut window, _) = open();
    type_query(&mut window, "ball");
    window.key_press(Key::Escape);
    window.run_steps(2);
    let accent = vicinity::ui::theme::DARK.accent;
    let mut stops = std::collections::BTreeSet::new();
    for _ in 0..70 {
        window.key_press(Key::Tab);
        window.run_steps(3);
        let Some(node) = window.query_all_by(|node| node.is_focused()).next() else { continue };
        let (name, place) = (node.accesskit_node().label().unwrap_or_default(), node.rect());
        let ring = |shape: &egui::Shape| match shape {
            egui::Shape::Rect(rect) => {
                rect.stroke.color == accent && rect.stroke.width >= 1.5 && rect.rect.expand(3.0).intersects(place)
            }
            _ => false,
        };
        assert!(painted(&window).iter().any(ring), "nothing shows that the focus is on {name:?}");
        stops.insert(name);
    }
    for stop in ["Collection panel", "Photos, 24", "Map", "Images, 24", "Zoom in", "Results"] {
        assert!(stops.contains(stop), "the keyboard never came to {stop}, only to {stops:?}");
    }
}

#[test]
fn menus_are_as_wide_as_their_words_and_panels_keep_their_margins() {
    let (mut window, _) = open_with(Setup { size: Some([1000.0, 700.0]), ..Setup::default() });
    type_query(&mut window, "ball");
    window.run_steps(3);
    let tile = window.get_by_label("picture_04.jpg, score 0.400").rect();
    let tab = window.get_by_label("Results").rect();
    assert!(tile.left() >= tab.left() - 7.0, "{tile:?} beside {tab:?}");
    let right = window.get_by_label("picture_05.jpg, score 0.380").rect();
    assert!(right.right() <= 992.0, "{right:?}");
    window.get_by_label("Notes, 8").click_secondary();
    step_until(&mut window, "its menu is open", |w| w.query_by_label("Remove from collection").is_some());
    window.run_steps(3);
    let rows = ["Zoom map to this folder", "Show in folder", "Remove from collection"];
    let widths: Vec<f32> = rows.iter().map(|row| window.get_by_label(row).rect().width()).collect();
    assert!(widths.iter().all(|w| *w == widths[0] && (120.0..240.0).contains(w)), "{widths:?}");
}

#[test]
fn hits_with_the_words_in_the_picture_say_so_and_are_listed_on_a_click() {
    let (mut window, _) = open();
    type_query(&mut window, "open");
    step_until(&mut window, "they are found", |w| w.query_by_label("2 pictures contain this text").is_some());
    assert_eq!(window.query_all_by_label_contains(", text in picture").count(), 2);
    window.get_by_label("2 pictures contain this text").click();
    step_until(&mut window, "they are selected", |w| {
        w.state().state().library().selection.items == [ItemId(7), ItemId(5)]
    });
    assert_eq!(window.state().state().preferences.central_view, CentralView::Gallery);
    let marked = |w: &Window| w.query_all_by_label_contains(", text in picture").count();
    type_query(&mut window, " 19:30");
    step_until(&mut window, "one has this word", |w| marked(w) == 1);
    type_query(&mut window, " tomorrow");
    step_until(&mut window, "none has", |w| marked(w) == 0);
}

#[test]
fn the_inspector_shows_the_text_in_a_picture_and_the_preview_where_it_is() {
    let (mut window, _) = open();
    window.key_press(Key::Num2);
    window.run_steps(3);
    window.get_by_label("picture_05.jpg").click();
    step_until(&mut window, "its text is shown", |w| w.query_by_label("OPEN until 19:30").is_some());
    window.get_by_label("Text in picture");
    window.key_press(Key::Space);
    step_until(&mut window, "the preview is open", |w| w.query_by_label("Outline text").is_some());
    let before = window.render().unwrap();
    window.get_by_label("Outline text").click();
    step_until(&mut window, "the words are outlined", |w| w.query_by_label("Hide text outlines").is_some());
    window.run_steps(2);
    assert!(window.render().unwrap() != before);
    window.key_press(Key::Escape);
    window.run_steps(3);
    window.query_all_by_label("picture_06.jpg").next().expect("a tile").click();
    step_until(&mut window, "a picture without text", |w| w.query_by_label("Text in picture").is_none());
}

fn open_import_settings(languages: fn() -> Result<Vec<String>, String>) -> (Window, fake::Jobs) {
    let environment = Environment { text_languages: languages, ..Environment::default() };
    let (mut window, jobs) = open_with(Setup { environment, ..Setup::default() });
    window.key_press(Key::P);
    window.run_steps(3);
    window.event(egui::Event::Text("Import settings".to_owned()));
    window.run_steps(3);
    window.key_press(Key::Enter);
    step_until(&mut window, "the form is shown", |w| {
        w.state().state().view.text_languages.is_some() && w.query_by_label("Read text in pictures").is_some()
    });
    window.run_steps(3);
    (window, jobs)
}

#[test]
fn text_in_pictures_is_read_in_the_languages_chosen() {
    let (mut window, jobs) = open_import_settings(|| Ok(vec!["deu".to_owned(), "eng".to_owned(), "tlh".to_owned()]));
    assert!(window.query_by_label("German").is_none(), "only once it is switched on");
    window.get_by_label("Read text in pictures").click();
    step_until(&mut window, "languages are offered", |w| w.query_by_label("German").is_some());
    window.get_by_label("tlh");
    window.get_by_label("German").click();
    window.run_steps(3);
    window.get_by_label("Apply").click();
    let chosen = |job: &Job| match job {
        Job::SetImport(options) => options.read_text.as_ref().map(ToString::to_string),
        _ => None,
    };
    step_until(&mut window, "it is stored", |_| jobs.lock().unwrap().iter().find_map(chosen).is_some());
    assert_eq!(jobs.lock().unwrap().iter().find_map(chosen).as_deref(), Some("eng+deu"));
}

#[test]
fn how_tables_are_read_is_chosen_in_a_section_that_is_closed_at_first() {
    let (mut window, jobs) = open_import_settings(|| Ok(Vec::new()));
    assert!(window.query_by_label("Semicolon").is_none());
    window.get_by_label("How tables are read").click();
    step_until(&mut window, "the section is open", |w| w.query_by_label("Semicolon").is_some());
    window.run_steps(20);
    for name in ["Semicolon", "1,5", "No header"] {
        window.get_by_label(name).click();
        window.run_steps(3);
    }
    window.get_by_label("Column with the text").click();
    window.run_steps(3);
    window.event(egui::Event::Text("note".to_owned()));
    window.run_steps(3);
    window.get_by_label("Apply").click();
    let chosen = |job: &Job| if let Job::SetImport(options) = job { Some(options.tables.clone()) } else { None };
    step_until(&mut window, "it is stored", |_| jobs.lock().unwrap().iter().find_map(chosen).is_some());
    let expected = vicinity_core::table::TableOptions {
        separator: Some(';'),
        decimal: Some(vicinity_core::table::Decimal::Comma),
        has_header: Some(false),
        text_column: Some("note".to_owned()),
    };
    assert_eq!(jobs.lock().unwrap().iter().find_map(chosen), Some(expected));
}

#[test]
fn the_status_bar_shows_how_much_text_was_read_and_a_button_to_pause() {
    let habits = fake::Habits { reading_text: true, ..fake::Habits::default() };
    let (mut window, jobs) = open_with_habits(Setup::default(), habits);
    step_until(&mut window, "the progress is shown", |w| {
        w.query_by_label("Reading text in pictures: 1,204 of 9,040 · 25 min left").is_some()
    });
    window.get_by_label("Pause reading text").click();
    step_until(&mut window, "it is paused", |w| {
        w.query_by_label("Reading text in pictures: 1,204 of 9,040 · paused").is_some()
    });
    window.get_by_label("Resume reading text").click();
    step_until(&mut window, "it goes on", |w| w.query_by_label("Pause reading text").is_some());
    assert!(jobs.lock().unwrap().iter().any(|job| matches!(job, Job::PausePictureText(true))));
}

#[test]
fn without_tesseract_the_form_says_what_to_install() {
    let (window, _) = open_import_settings(|| Err("Tesseract was not found".to_owned()));
    window.get_by_label_contains("Tesseract was not found. ");
    assert!(window.query_by_label("English").is_none());
}
