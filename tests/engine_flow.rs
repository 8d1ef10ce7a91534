//! A library from the first import to the tenth: what is embedded, what is not embedded again, and what is found.
#![allow(clippy::unwrap_used, reason = "a failed step ends the test")]

#[path = "support/engine.rs"]
mod engine;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use engine::{PATIENCE, wait};
use tempfile::TempDir;
use vicinity_core::{Embedding, LabelSet, LayoutMethod, Modality, Picture, Query, QueryPart, SearchResult, Stage};
use vicinity_engine::model::Loader;
use vicinity_engine::{Engine, Event, Job, LabelTargets, SearchSlot, Severity, Summary};
use vicinity_models::{ImageTower, Model, Pixels, TextEmbedding, TextOptions, TextTower, TowerError, starter};

/// A library and a folder of the user's.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("files")).unwrap();
        Self { dir }
    }

    fn files(&self) -> PathBuf {
        self.dir.path().join("files")
    }

    fn open(&self) -> Engine {
        Engine::open(&self.dir.path().join("library"), || {}).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.files().join(name), text).unwrap();
    }

    fn paint(&self, name: &str, seed: u32) {
        let pixel = |x: u32, y: u32| image::Rgb([(x * seed) as u8, (y * seed * 3) as u8, (x * y + seed * 40) as u8]);
        image::RgbImage::from_fn(64, 48, pixel).save(self.files().join(name)).unwrap();
    }
}

fn import(engine: &Engine, job: Job) -> Summary {
    engine.submit(job);
    wait(engine, |event| match event {
        Event::Finished(summary) => Some(summary),
        _ => None,
    })
}

fn search(engine: &Engine, part: QueryPart, modality: Option<Modality>) -> SearchResult {
    let mut query = Query { parts: vec![part], k: 5, ..Query::default() };
    query.filter.modality = modality;
    engine.submit(Job::Search { slot: SearchSlot::Results, ticket: 7, query });
    let found = wait(engine, |event| match event {
        Event::Found { ticket, result, .. } => {
            assert_eq!(ticket, 7);
            Some(result)
        }
        _ => None,
    });
    (*found.unwrap()).clone()
}

fn name(engine: &Engine, result: &SearchResult, rank: usize) -> String {
    engine.snapshot().get(result.hits[rank].item).unwrap().name()
}

fn fill(place: &Place) {
    place.write("dog.txt", "A dog runs over the meadow and barks at the cat.");
    place.write("rocket.txt", "The rocket lifts off towards the space station.");
    place.write("bread.txt", "Knead the dough, let it rest, and bake the bread.");
    for seed in 1..=3 {
        place.paint(&format!("picture{seed}.png"), seed);
    }
}

#[test]
fn only_what_is_new_is_embedded() {
    let place = Place::new();
    fill(&place);
    place.write("dog_copy.txt", "A dog runs over the meadow and barks at the cat.");
    let engine = place.open();
    let first = import(&engine, Job::Add(vec![place.files()]));
    assert_eq!((first.items, first.images, first.texts), (7, 3, 4));
    assert_eq!((first.embedded, first.reused, first.failed), (6, 1, 0), "the copy is taken over");
    drop(engine);

    let engine = place.open();
    assert_eq!(engine.snapshot().len(), 7, "all is there at once");
    let again = import(&engine, Job::Rescan);
    assert_eq!((again.items, again.embedded, again.reused), (7, 0, 7));

    fs::rename(place.files().join("rocket.txt"), place.files().join("moved.txt")).unwrap();
    let renamed = import(&engine, Job::Rescan);
    assert_eq!((renamed.items, renamed.embedded), (7, 0));
    let paths: Vec<String> = engine.snapshot().items().map(|item| item.name()).collect();
    assert!(paths.contains(&"moved.txt".to_owned()) && !paths.contains(&"rocket.txt".to_owned()), "{paths:?}");

    place.write("bread.txt", "Now about violins and orchestras, which is something else.");
    fs::remove_file(place.files().join("picture3.png")).unwrap();
    let changed = import(&engine, Job::Rescan);
    assert_eq!((changed.items, changed.embedded, changed.images), (6, 1, 2));
}

#[test]
fn words_pictures_and_items_find_their_like() {
    let place = Place::new();
    fill(&place);
    let engine = place.open();
    import(&engine, Job::Add(vec![place.files()]));

    let found = search(&engine, QueryPart::Text("a journey into space".to_owned()), Some(Modality::Text));
    assert_eq!(name(&engine, &found, 0), "rocket.txt");
    assert!(found.hits.iter().all(|hit| hit.modality == Modality::Text));
    assert_eq!(found.scores.len(), 6);
    assert_eq!(found.scores.iter().filter(|score| score.is_nan()).count(), 3, "pictures are filtered out");

    let found = search(&engine, QueryPart::File(place.files().join("picture2.png")), None);
    assert_eq!(name(&engine, &found, 0), "picture2.png");

    let item = found.hits[0].item;
    let neighbours = search(&engine, QueryPart::Item(item), Some(Modality::Image));
    assert!(neighbours.hits.iter().all(|hit| hit.item != item), "an item is no neighbour of its own");
    assert_eq!(neighbours.hits.len(), 2);

    let ids: Vec<_> = engine.snapshot().items().map(|item| item.id).collect();
    let labels =
        LabelSet { name: "x".to_owned(), labels: vec!["cooking".into(), "space travel".into(), "pets".into()] };
    engine.submit(Job::Label { ticket: 1, targets: LabelTargets::Items(ids), labels });
    let labelled = wait(&engine, |event| match event {
        Event::Labelled { result, .. } => Some(result.unwrap()),
        _ => None,
    });
    let best = |name: &str| {
        let id = engine.snapshot().items().find(|item| item.name() == name).unwrap().id;
        labelled.iter().find(|l| l.item == Some(id)).unwrap().scores[0].label
    };
    assert_eq!((best("bread.txt"), best("rocket.txt"), best("dog.txt")), (0, 1, 2));
}

#[test]
fn a_map_follows_the_import_and_is_kept() {
    let place = Place::new();
    fill(&place);
    let engine = place.open();
    import(&engine, Job::Add(vec![place.files()]));
    let layout = wait(&engine, |event| match event {
        Event::Layout(layout) if layout.method == LayoutMethod::Umap => Some(layout),
        _ => None,
    });
    assert_eq!(layout.positions.len(), 6);
    drop(engine);
    let kept = wait(&place.open(), |event| match event {
        Event::Layout(layout) => Some(layout),
        _ => None,
    });
    assert_eq!(kept.positions, layout.positions);
}

#[test]
fn an_import_can_be_held_and_ended() {
    let place = Place::new();
    for i in 0..120 {
        place.write(&format!("{i:03}.txt"), &format!("Note number {i}: {} apples and {} pears.", i * 7, i * 13));
    }
    let engine = place.open();
    engine.submit(Job::Add(vec![place.files()]));
    wait(&engine, |event| match event {
        Event::Snapshot(snapshot) if !snapshot.is_empty() => Some(()),
        _ => None,
    });
    engine.submit(Job::Pause);
    wait(&engine, |event| match event {
        Event::Progress(progress) if progress.stage == Stage::Paused => Some(()),
        _ => None,
    });
    // the batches in flight may still land, sooner or later as the machine is free
    let deadline = Instant::now() + PATIENCE;
    let (mut held, mut since) = (engine.snapshot().len(), Instant::now());
    while since.elapsed() < Duration::from_secs(2) {
        assert!(Instant::now() < deadline, "it goes on while held");
        std::thread::sleep(Duration::from_millis(50));
        let now = engine.snapshot().len();
        if now != held {
            (held, since) = (now, Instant::now());
        }
    }
    assert!(held < 120, "the import was held before its end");

    engine.submit(Job::Cancel);
    let ended = wait(&engine, |event| match event {
        Event::Finished(summary) => Some(summary),
        _ => None,
    });
    assert!(ended.cancelled);
    let kept = engine.snapshot().len();
    let rest = import(&engine, Job::Rescan);
    assert_eq!((rest.items, rest.embedded), (120, 120 - kept as u64), "what was stored is not embedded again");
}

#[test]
fn what_cannot_be_read_is_listed_and_tried_again_when_asked() {
    let place = Place::new();
    place.write("fine.txt", "A fine text.");
    let broken = place.files().join("broken.png");
    fs::write(&broken, b"\x89PNG\r\n\x1a\nthis is no picture").unwrap();
    let engine = place.open();
    let first = import(&engine, Job::Add(vec![place.files()]));
    assert_eq!((first.items, first.failed), (1, 1));
    let failures = engine.failures();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].path, broken);
    assert!(!failures[0].reason.is_empty());
    drop(engine);

    let engine = place.open();
    assert_eq!(engine.failures().len(), 1, "the list is kept");
    place.paint("broken.png", 5);
    let retried = import(&engine, Job::Retry(vec![broken]));
    assert_eq!((retried.items, retried.embedded, retried.failed), (2, 1, 0));
    assert!(engine.failures().is_empty());
}

#[test]
fn a_root_can_be_dropped() {
    let place = Place::new();
    fill(&place);
    let other = place.dir.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("more.txt"), "More text.").unwrap();
    let engine = place.open();
    assert_eq!(import(&engine, Job::Add(vec![place.files(), other.clone()])).items, 7);
    engine.submit(Job::Remove(place.files()));
    let left = wait(&engine, |event| match event {
        Event::Snapshot(snapshot) if snapshot.len() == 1 => Some(snapshot),
        _ => None,
    });
    assert_eq!(left.items().next().unwrap().path.as_ref(), Path::new(&other.join("more.txt")));
    assert!(place.files().join("dog.txt").exists(), "the user's files stay");
}

#[test]
fn a_second_engine_reads_only_and_says_so() {
    let place = Place::new();
    fill(&place);
    let first = place.open();
    import(&first, Job::Add(vec![place.files()]));
    let second = place.open();
    assert!(second.snapshot().parts().read_only.is_some());
    let found = search(&second, QueryPart::Text("a journey into space".to_owned()), Some(Modality::Text));
    assert_eq!(name(&second, &found, 0), "rocket.txt");
    second.submit(Job::Add(vec![place.files()]));
    let said = wait(&second, |event| match event {
        Event::Notice(notice) if notice.severity != Severity::Info => Some(notice.text),
        _ => None,
    });
    assert!(said.contains("open"), "{said}");
}

/// Both towers of a model that cannot do anything but panic.
struct Panicking;

impl ImageTower for Panicking {
    fn prepare(&self, _: &Picture) -> Pixels {
        panic!("no picture can be prepared")
    }

    fn embed(&self, _: &[Pixels]) -> Result<Vec<Embedding>, TowerError> {
        panic!("no picture can be embedded")
    }
}

impl TextTower for Panicking {
    fn embed(&self, _: &[&str], _: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
        panic!("no text can be embedded")
    }
}

#[test]
fn a_model_that_panics_hangs_nobody() {
    let place = Place::new();
    place.write("a.txt", "A text of some words.");
    place.paint("b.png", 3);
    let info = starter::info().unwrap();
    let model = Model { info: info.clone(), image: Box::new(Panicking), text: Box::new(Panicking) };
    let load = Loader::given(model.into());
    let engine = Engine::open_with(&place.dir.path().join("library"), info, load, || {}).unwrap();
    let picture = std::sync::Arc::new(Picture::new(2, 1, vec![7; 6]).unwrap());
    for part in [QueryPart::Text("words".to_owned()), QueryPart::Picture(picture)] {
        let query = Query { parts: vec![part], k: 5, ..Query::default() };
        engine.submit(Job::Search { slot: SearchSlot::Results, ticket: 1, query });
        let found = wait(&engine, |event| if let Event::Found { result, .. } = event { Some(result) } else { None });
        let why = found.err().unwrap();
        assert!(why.contains("failed unexpectedly") && !why.contains('\n'), "{why}");
    }
    engine.submit(Job::Label { ticket: 2, targets: LabelTargets::Items(Vec::new()), labels: LabelSet::default() });
    let labelled = wait(&engine, |event| if let Event::Labelled { result, .. } = event { Some(result) } else { None });
    assert!(labelled.is_err());
    let summary = import(&engine, Job::Add(vec![place.files()]));
    assert_eq!(summary.embedded, 0);
}
