//! The main job in the whole window over the real engine, with the sample collection and the built-in model.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;

use crate::support::window::{Setup, Window, drop_file, step_until, type_query, window};
use egui::{Key, Modifiers, ViewportCommand, ViewportId};
use egui_kittest::kittest::Queryable as _;
use vicinity::app::engine;
use vicinity::context::{CentralView, RightTab};
use vicinity_core::{Modality, Stage};
use vicinity_engine::store::Store;
use vicinity_engine::{Engine, Event, Job, UnfinishedImport, sample, single_instance};
use vicinity_models::builtin;

#[test]
fn a_folder_is_dropped_embedded_searched_inspected_and_labelled() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = sample::unpack(place.path()).expect("the sample collection");
    let setup = || Setup {
        data: Some(place.path().join("data")),
        settings: Some(place.path().join("settings.json")),
        ..Setup::default()
    };
    let mut first = window(setup(), engine::opener(Default::default()));
    first.get_by_label("See and search your images and texts by meaning");

    drop_file(&mut first, &folder);
    step_until(&mut first, "everything is embedded", |w| {
        let state = w.state().state();
        let items = state.library().snapshot.as_ref().map_or(0, |s| s.len());
        items > 60 && state.library().progress.stage == Stage::Idle && !state.preferences.recents.is_empty()
    });

    type_query(&mut first, "a golf ball");
    first.get_by_label_contains("About");
    let result = first.state().state().library().query.result.clone().expect("hits");
    let best = first.state().state().item(result.hits[0].item).expect("an item").clone();
    assert!(best.name().contains("golf") || best.name().contains("putting"), "{}", best.name());
    let picture = result.hits.iter().find(|h| h.modality == Modality::Image).expect("a picture");
    let name = first.state().state().item(picture.item).expect("an item").name();
    step_until(&mut first, "the best picture is in the gallery", |w| w.query_by_label_contains(&name).is_some());

    first.key_press(Key::Enter);
    step_until(&mut first, "the first hit is in focus", |w| {
        w.state().state().library().selection.focus() == Some(best.id)
    });
    first.get_by_label("Item").click();
    step_until(&mut first, "its labels are there", |w| w.state().state().library().labels.focus_scores.is_some());
    first.run_steps(2);
    assert_eq!(first.state().state().library().right_tab, RightTab::Item);
    first.get_by_label("Closest labels");
    step_until(&mut first, "its neighbours are there", |w| w.query_by_label("Similar").is_some());

    for _ in 0..2 {
        first.key_press(Key::Escape);
        first.run_steps(3);
    }
    assert!(
        first.state().state().library().query.is_empty() && first.state().state().library().selection.items.is_empty()
    );
    first.key_press(Key::Num2);
    step_until(&mut first, "the gallery is shown", |w| {
        w.state().state().preferences.central_view == CentralView::Gallery
    });
    drop(first);

    let mut again = window(setup(), engine::opener(Default::default()));
    again.get_by_label_contains("Open Sample collection").click();
    step_until(&mut again, "the library is open again", |w| {
        w.state().state().library().snapshot.as_ref().is_some_and(|s| s.len() > 60)
    });
}

/// What a query may find first in the sample collection, by words of the query and of the file's name.
const ANSWERS: [(&str, &[&str]); 38] = [
    ("golf ball", &["golf", "putting"]),
    ("basketball", &["basketball"]),
    ("soccer", &["soccer", "football"]),
    ("tennis", &["tennis"]),
    ("red car", &["red_car", "driving"]),
    ("school bus", &["bus"]),
    ("sailboat", &["sail", "logbook"]),
    ("balloon", &["balloon"]),
    ("parachute", &["parachute", "skydiving"]),
    ("penguin", &["penguin"]),
    ("banana", &["banana", "fruit"]),
    ("strawberr", &["strawberr", "fruit"]),
    ("lemon", &["lemon", "orange"]),
    ("apple", &["apple"]),
    ("hamburger", &["burger"]),
    ("coffee", &["coffee"]),
    ("teapot", &["tea"]),
    ("mushroom", &["mushroom"]),
    ("pumpkin", &["pumpkin"]),
    ("beach", &["beach", "holiday"]),
    ("palm", &["beach", "holiday"]),
    ("mountain", &["mountain", "snow"]),
    ("moon", &["moon", "apollo"]),
    ("earth", &["earth", "apollo"]),
    ("planet", &["planet", "saturn"]),
    ("castle", &["castle"]),
    ("lighthouse", &["lighthouse"]),
    ("pyramid", &["pyramid", "egypt"]),
    ("traffic", &["traffic", "driving"]),
    ("stop sign", &["stop"]),
    ("bookshelf", &["book", "library"]),
    ("chair", &["chair"]),
    ("lamp", &["lamp"]),
    ("clock", &["clock"]),
    ("candle", &["candle"]),
    ("drums", &["drum"]),
    ("piano", &["piano"]),
    ("fish", &["goldfish", "aquarium"]),
];

#[test]
fn the_sample_answers_the_queries_that_are_suggested_for_it() {
    let place = tempfile::tempdir().expect("a folder");
    let setup = Setup { data: Some(place.path().to_owned()), ..Setup::default() };
    let mut window = window(setup, engine::opener(Default::default()));
    window.get_by_label("Open sample collection").click();
    step_until(&mut window, "queries are suggested", |w| !w.state().state().library().suggestions.is_empty());
    let suggestions = window.state().state().library().suggestions.clone();
    let texts: Vec<_> = suggestions.iter().map(|suggestion| suggestion.text.as_str()).collect();
    assert!(suggestions.len() >= 3, "{texts:?}");
    for text in &texts {
        window.get_by_label(&format!("Search for {text}")).click();
        step_until(&mut window, text, |w| {
            w.state().state().current_result().is_some() && !w.state().state().library().query.pending
        });
        let state = window.state().state();
        let result = state.current_result().expect("hits");
        assert!(result.above_threshold >= 1, "{text}: nothing matches");
        let best = state.item(result.hits[0].item).expect("an item").name();
        let known = ANSWERS.iter().find(|(query, _)| text.contains(query));
        let right = known.is_some_and(|(_, names)| names.iter().any(|name| best.contains(name)));
        assert!(right, "{text} finds {best} first; all: {texts:?}");
        window.key_press(Key::Escape);
        window.run_steps(3);
        window.key_press(Key::Escape);
        step_until(&mut window, "the query is empty", |w| w.state().state().library().query.is_empty());
        window.run_steps(3);
    }
}

#[test]
fn labels_are_there_after_closing_and_after_a_restart_and_a_library_opens_again_at_once() {
    let place = tempfile::tempdir().expect("a folder");
    let (library, notes) = (place.path().join("notes.vicinity"), place.path().join("notes"));
    fs::create_dir(&notes).expect("a folder");
    for (name, text) in [("dog", "dog"), ("boat", "boat")] {
        fs::write(notes.join(format!("{name}.txt")), text).expect("written");
    }
    let setup = |folders: Vec<PathBuf>| Setup { library: Some(library.clone()), folders, ..Setup::default() };
    let mut first = window(setup(vec![notes.clone()]), engine::opener(Default::default()));
    step_until(&mut first, "everything is embedded", |w| {
        let state = w.state().state();
        state.library().snapshot.as_ref().is_some_and(|s| s.len() == 2) && state.library().progress.stage == Stage::Idle
    });
    first.key_press_modifiers(Modifiers::COMMAND, Key::A);
    step_until(&mut first, "all are selected", |w| w.state().state().library().selection.items.len() == 2);
    first.run_steps(2);
    first.get_by_label("Auto-label selection").click();
    step_until(&mut first, "all are labelled", |w| w.state().state().library().labels.applied.best.len() == 2);
    let names = |state: &vicinity::context::State| {
        let applied = &state.library().labels.applied;
        let name = |id: &vicinity_core::ItemId| {
            (state.item(*id).expect("an item").name(), applied.name_of(*id).expect("a label").to_owned())
        };
        let mut names: Vec<_> = applied.best.keys().map(name).collect();
        names.sort();
        names
    };
    let before = names(first.state().state());
    drop(first); // closing does not wait for anything that was not stored yet

    let mut second = window(setup(Vec::new()), engine::opener(Default::default()));
    let restored = |w: &Window| w.state().state().library().labels.applied.best.len() == 2;
    step_until(&mut second, "the labels are there again", restored);
    assert_eq!(names(second.state().state()), before);

    // Closed and opened again while the first engine still lets go of its files.
    for _ in 0..5 {
        second.key_press(Key::P);
        second.run_steps(3);
        "close library".chars().for_each(|letter| second.event(egui::Event::Text(letter.to_string())));
        second.run_steps(3);
        second.key_press(Key::Enter);
        step_until(&mut second, "it is closed", |w| w.state().state().library.is_none());
        drop_file(&mut second, &library);
        step_until(&mut second, "it is open again", restored);
        let snapshot = second.state().state().library().snapshot.clone().expect("open");
        assert_eq!(snapshot.parts().read_only, None, "nobody else has it");
    }
}

#[test]
fn a_second_start_brings_the_window_to_the_front_and_its_files_into_the_library() {
    let place = tempfile::tempdir().expect("a folder");
    let (library, notes) = (place.path().join("library"), place.path().join("notes"));
    fs::create_dir(&notes).expect("a folder");
    fs::write(notes.join("dog.txt"), "A dog runs over the meadow.").expect("written");
    let setup = Setup { library: Some(library.clone()), ..Setup::default() };
    let mut window = window(setup, engine::opener(Default::default()));
    step_until(&mut window, "the library is open", |w| w.state().state().library().snapshot.is_some());

    let second_start = std::thread::spawn(move || single_instance::forward(&library, &[notes]));
    let in_front = Cell::new(false);
    step_until(&mut window, "what it was given is there, and the window in front", |w| {
        let asked = w.output().viewport_output.get(&ViewportId::ROOT).map(|root| root.commands.as_slice());
        let to_front = |commands: &[ViewportCommand]| {
            let place = |wanted| commands.iter().position(|command| *command == wanted);
            place(ViewportCommand::Minimized(false)) < place(ViewportCommand::Focus)
        };
        in_front.set(in_front.get() || asked.is_some_and(to_front));
        in_front.get() && w.state().state().library().snapshot.as_ref().is_some_and(|s| s.len() == 1)
    });
    assert!(second_start.join().expect("no panic"), "it knows that it need not open a window");
}

fn notes(place: &std::path::Path, count: u32) -> std::path::PathBuf {
    let notes = place.join("notes");
    fs::create_dir(&notes).expect("a folder");
    for i in 0..count {
        fs::write(notes.join(format!("{i:03}.txt")), format!("Note {i} is about {} ships.", i * 7)).expect("written");
    }
    notes
}

#[test]
fn an_import_that_was_cut_short_goes_on_when_its_library_is_opened() {
    let place = tempfile::tempdir().expect("a folder");
    let (library, notes) = (place.path().join("library"), notes(place.path(), 60));
    let engine = Engine::open(&library, || {}).expect("opens");
    engine.submit(Job::Add(vec![notes]));
    let begun = |event| matches!(event, Event::Progress(progress) if progress.total > 0);
    while !begun(engine.events().recv_timeout(std::time::Duration::from_secs(60)).expect("news")) {}
    drop(engine);

    let setup = Setup { library: Some(library), ..Setup::default() };
    let mut window = window(setup, engine::opener(Default::default()));
    step_until(&mut window, "the rest is embedded", |w| {
        let state = w.state().state();
        state.library().snapshot.as_ref().is_some_and(|s| s.len() == 60)
            && state.library().progress.stage == Stage::Idle
    });
    step_until(&mut window, "nothing is left to be told of", |w| w.query_by_label("Continue import").is_none());
}

#[test]
fn after_a_cancel_the_status_bar_says_what_is_left_and_goes_on_when_asked() {
    let place = tempfile::tempdir().expect("a folder");
    let (library, notes) = (place.path().join("library"), notes(place.path(), 12));
    let (mut store, _) = Store::open(&library, &builtin::info().expect("built in").key).expect("opens");
    store.add_root(&notes).expect("stored");
    store.set_unfinished(Some(UnfinishedImport { cancelled: true, left: 12 })).expect("stored");
    drop(store);

    let setup = Setup { library: Some(library), ..Setup::default() };
    let mut window = window(setup, engine::opener(Default::default()));
    step_until(&mut window, "it is said what is left", |w| w.query_by_label("12 not imported").is_some());
    window.run_steps(20);
    assert!(window.state().state().library().snapshot.as_ref().is_some_and(|s| s.is_empty()), "its user has ended it");
    window.get_by_label("Continue import").click();
    step_until(&mut window, "all is embedded", |w| {
        w.state().state().library().snapshot.as_ref().is_some_and(|s| s.len() == 12)
            && w.query_by_label("Continue import").is_none()
    });
}
