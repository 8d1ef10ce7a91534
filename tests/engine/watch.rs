//! Changes in the folders are noticed without a request while a window has the library open.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use vicinity_engine::{Engine, Event, ImportSummary, Job};

/// What the user is promised.
const PROMPT: Duration = Duration::from_secs(3);
/// Until a change counts as overlooked: longer than the minute after which folders are looked at where no change is reported.
const PATIENCE: Duration = Duration::from_secs(150);

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.folder()).unwrap();
        place.write("first.txt", "A dog runs over the meadow.");
        place
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("files")
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn open(&self) -> Engine {
        Engine::open(&self.0.path().join("library"), || {}).unwrap()
    }

    /// With the folder imported, watched, and the first pass over.
    fn watched(&self) -> Engine {
        let mut engine = self.open();
        engine.submit(Job::Add(vec![self.folder()]));
        next_import(&engine, PATIENCE).expect("imported");
        engine.watch();
        let first = next_import(&engine, PATIENCE).expect("a pass for what has changed before");
        assert!(first.unasked);
        engine
    }
}

fn next_import(engine: &Engine, time: Duration) -> Option<ImportSummary> {
    let end = Instant::now() + time;
    loop {
        match engine.events().recv_deadline(end) {
            Ok(Event::ImportFinished(summary)) => return Some(summary),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

/// The names of all items once these are there, and how long that took.
fn wait_for(engine: &Engine, names: &[&str]) -> Duration {
    let begun = Instant::now();
    loop {
        let snapshot = engine.snapshot();
        let mut found: Vec<String> = snapshot.items().map(|item| item.name()).collect();
        found.sort();
        if found == names {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < PATIENCE, "{found:?} instead of {names:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn snippet(engine: &Engine, name: &str) -> String {
    let snapshot = engine.snapshot();
    let item = snapshot.items().find(|item| item.name() == name).unwrap();
    item.snippet.as_deref().unwrap_or_default().to_owned()
}

#[test]
fn files_that_come_change_move_and_go_are_noticed() {
    let place = Place::new();
    let engine = place.watched();
    let mut times = Vec::new();
    place.write("deep/er/second.txt", "The rocket lifts off.");
    times.push(wait_for(&engine, &["first.txt", "second.txt"]));
    place.write("deep/er/third.txt", "Into a folder that was new a moment ago.");
    times.push(wait_for(&engine, &["first.txt", "second.txt", "third.txt"]));
    fs::rename(place.folder().join("deep/er/third.txt"), place.folder().join("moved.txt")).unwrap();
    times.push(wait_for(&engine, &["first.txt", "moved.txt", "second.txt"]));
    fs::remove_file(place.folder().join("first.txt")).unwrap();
    times.push(wait_for(&engine, &["moved.txt", "second.txt"]));
    place.write("moved.txt", "Knead the dough and bake the bread.");
    let begun = Instant::now();
    while !snippet(&engine, "moved.txt").starts_with("Knead") {
        assert!(begun.elapsed() < PATIENCE, "the change was not noticed");
        std::thread::sleep(Duration::from_millis(20));
    }
    times.push(begun.elapsed());
    if times.iter().any(|time| *time > PROMPT) {
        eprintln!("slower than promised, on a busy machine: {times:?}");
    }
}

#[test]
fn a_burst_of_files_costs_few_passes() {
    let place = Place::new();
    let engine = place.watched();
    for i in 0..2_000 {
        place.write(&format!("{}/{i}.txt", i % 7), "The rocket lifts off.");
    }
    let mut passes = 0;
    while engine.snapshot().len() < 2_001 {
        assert!(next_import(&engine, PATIENCE).expect("noticed").unasked);
        passes += 1;
    }
    assert!(passes <= 10, "{passes} passes");
}

#[test]
fn a_long_import_at_the_start_is_no_reason_to_rest() {
    let place = Place::new();
    for i in 0..600 {
        place.write(&format!("{i}.txt"), &format!("The rocket number {i} lifts off."));
    }
    let mut engine = place.open();
    let begun = Instant::now();
    engine.submit(Job::Add(vec![place.folder()]));
    engine.watch();
    next_import(&engine, PATIENCE).expect("imported");
    next_import(&engine, PATIENCE).expect("a pass for what has changed meanwhile");
    let took = begun.elapsed();
    place.write("last.txt", "Knead the dough.");
    let changed = Instant::now();
    while engine.snapshot().len() < 602 {
        assert!(changed.elapsed() < PATIENCE, "not noticed");
        std::thread::sleep(Duration::from_millis(20));
    }
    // It was four times as long.
    assert!(changed.elapsed() < PROMPT.max(took * 3), "{:?} after an import of {took:?}", changed.elapsed());
}

#[test]
fn what_no_walk_would_look_at_is_no_change() {
    let place = Place::new();
    let engine = place.watched();
    place.write(".git/index", "hidden");
    place.write("node_modules/a.txt", "skipped by its folder's name");
    place.write("download.part", "skipped by its name");
    fs::read(place.folder().join("first.txt")).unwrap();
    assert!(next_import(&engine, Duration::from_secs(3)).is_none());
}

#[test]
fn a_folder_that_vanishes_keeps_its_items_and_is_watched_again_when_it_is_back() {
    let place = Place::new();
    let engine = place.watched();
    let away = place.0.path().join("away");
    fs::rename(place.folder(), &away).unwrap();
    let available = |engine: &Engine| engine.snapshot().parts().roots.iter().all(|root| root.available);
    let wait = |wanted: bool| {
        let begun = Instant::now();
        while available(&engine) != wanted {
            assert!(begun.elapsed() < PATIENCE, "not noticed");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait(false);
    wait_for(&engine, &["first.txt"]);
    fs::rename(&away, place.folder()).unwrap();
    wait(true);
    place.write("second.txt", "The rocket lifts off.");
    wait_for(&engine, &["first.txt", "second.txt"]);
}

#[test]
fn a_single_file_is_followed_though_programs_replace_it() {
    let place = Place::new();
    let file = place.folder().join("first.txt");
    let mut engine = place.open();
    engine.submit(Job::Add(vec![file.clone()]));
    next_import(&engine, PATIENCE).expect("imported");
    engine.watch();
    next_import(&engine, PATIENCE).expect("a first pass");
    for text in ["The rocket lifts off.", "Knead the dough, and bake the bread."] {
        place.write("new", text);
        fs::rename(place.folder().join("new"), &file).unwrap();
        let begun = Instant::now();
        while snippet(&engine, "first.txt") != text {
            assert!(begun.elapsed() < PATIENCE, "not noticed");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn nothing_is_followed_where_it_is_switched_off() {
    let place = Place::new();
    let engine = place.open();
    engine.submit(Job::Add(vec![place.folder()]));
    next_import(&engine, PATIENCE).expect("imported");
    let options = engine.import_options();
    assert!(options.watch, "it is on at first");
    engine.submit(Job::SetImport(vicinity_engine::ImportOptions { watch: false, ..options.clone() }));
    while engine.import_options().watch {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(engine);
    let mut engine = place.open();
    assert!(!engine.import_options().watch, "it is remembered");
    engine.watch();
    place.write("second.txt", "The rocket lifts off.");
    assert!(next_import(&engine, Duration::from_secs(3)).is_none());
    engine.submit(Job::SetImport(options));
    wait_for(&engine, &["first.txt", "second.txt"]);
}

#[test]
fn what_has_changed_while_the_program_was_closed_is_noticed_when_it_opens() {
    let place = Place::new();
    drop(place.watched());
    place.write("second.txt", "The rocket lifts off.");
    let mut engine = place.open();
    engine.watch();
    wait_for(&engine, &["first.txt", "second.txt"]);
}
