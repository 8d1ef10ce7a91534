//! A library from the first import to the tenth: what is embedded, what is not embedded again, and what is found.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::engine::{PATIENCE, wait};
use tempfile::TempDir;
use vicinity_core::filter::{DateRange, Period};
use vicinity_core::{
    Embedding, Filter, ItemId, LabelSet, LayoutMethod, Modality, Picture, Query, QueryPart, SearchResult, SkipCounts,
    SkipReason, Stage,
};
use vicinity_engine::model_loader::ModelFactory;
#[cfg(unix)]
use vicinity_engine::store::Store;
use vicinity_engine::{Engine, Event, ImportSummary, Job, LabelTargets, Notice, SearchSlot, Severity};
use vicinity_models::{
    ImageTower, Model, ModelInfo, Pixels, TextEmbedding, TextOptions, TextTower, TowerError, builtin,
};

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

fn import(engine: &Engine, job: Job) -> ImportSummary {
    engine.submit(job);
    wait(engine, |event| match event {
        Event::ImportFinished(summary) => Some(summary),
        _ => None,
    })
}

fn search(engine: &Engine, part: QueryPart, modality: Option<Modality>) -> SearchResult {
    let mut query = Query { parts: vec![part], k: 5, ..Query::default() };
    query.filter.modality = modality;
    engine.submit(Job::Search { slot: SearchSlot::Results, ticket: 7, query });
    let found = wait(engine, |event| match event {
        Event::SearchDone { ticket, result, .. } => {
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
fn a_filter_is_evaluated_for_the_window_and_for_searches_alike() {
    let place = Place::new();
    fill(&place);
    let file = fs::File::options().write(true).open(place.files().join("rocket.txt")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
    let engine = place.open();
    import(&engine, Job::Add(vec![place.files()]));

    let year = |text: &str| text.parse::<Period>().unwrap();
    let zone = jiff::tz::TimeZone::UTC;
    let modified = DateRange::new(Some(year("2001").start), Some(year("2001").end), &zone);
    let filter = Filter { modified, ..Filter::default() };
    let snapshot = engine.snapshot();
    engine.submit(Job::Filter { snapshot: Arc::clone(&snapshot), filter: filter.clone() });
    let (mut visible, mut folders) = (None, None);
    wait(&engine, |event| {
        match event {
            Event::Visible(rows) => visible = Some(rows),
            Event::Folders(counts) => folders = Some(counts),
            _ => {}
        }
        (visible.is_some() && folders.is_some()).then_some(())
    });
    let (visible, folders) = (visible.unwrap(), folders.unwrap());
    let names: Vec<String> = visible.items().map(|item| item.name()).collect();
    assert_eq!(names, ["rocket.txt"]);
    assert_eq!(Modality::ALL.map(|modality| visible.count(modality)), [0, 1]);
    let root = folders.roots().next().unwrap().0;
    assert_eq!((folders.path(root), folders.items(root)), (place.files(), 1));

    let part = QueryPart::Text("a dog".to_owned());
    engine.submit(Job::Search {
        slot: SearchSlot::Results,
        ticket: 8,
        query: Query { parts: vec![part], k: 5, filter, ..Query::default() },
    });
    let found = wait(&engine, |event| match event {
        Event::SearchDone { ticket: 8, result, .. } => Some(result.unwrap()),
        _ => None,
    });
    assert_eq!((found.hits.len(), name(&engine, &found, 0).as_str()), (1, "rocket.txt"));
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
        Event::LabelDone { result, .. } => Some(result.unwrap()),
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
        Event::ImportFinished(summary) => Some(summary),
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
    let info = builtin::info().unwrap();
    let model = Model { info: info.clone(), image: Box::new(Panicking), text: Box::new(Panicking) };
    let load = ModelFactory::given(model.into());
    let engine = Engine::open_with_factory(&place.dir.path().join("library"), info, load, || {}).unwrap();
    let picture = std::sync::Arc::new(Picture::new(2, 1, vec![7; 6]).unwrap());
    let parts = [
        (QueryPart::Text("words".to_owned()), "failed unexpectedly"),
        (QueryPart::Picture(picture), "could not be prepared"),
    ];
    for (part, reason) in parts {
        let query = Query { parts: vec![part], k: 5, ..Query::default() };
        engine.submit(Job::Search { slot: SearchSlot::Results, ticket: 1, query });
        let found =
            wait(&engine, |event| if let Event::SearchDone { result, .. } = event { Some(result) } else { None });
        let why = found.err().unwrap().to_string();
        assert!(why.contains(reason) && !why.contains('\n'), "{why}");
    }
    engine.submit(Job::Label { ticket: 2, targets: LabelTargets::Items(Vec::new()), labels: LabelSet::default() });
    let labelled = wait(&engine, |event| if let Event::LabelDone { result, .. } = event { Some(result) } else { None });
    assert!(labelled.is_err());
    let summary = import(&engine, Job::Add(vec![place.files()]));
    assert_eq!(summary.embedded, 0);
}

/// A model of which a test says what it does.
#[derive(Clone, Copy, PartialEq)]
enum Act {
    Works,
    Panics,
    GivesZeros,
    /// A batch takes so many milliseconds.
    Slow(u64),
}

struct Tower(Act);

impl Tower {
    fn embed(&self, seeds: Vec<u32>) -> Result<Vec<Embedding>, TowerError> {
        match self.0 {
            Act::Panics => panic!("a table of the model is damaged"),
            Act::Slow(millis) => std::thread::sleep(Duration::from_millis(millis)),
            Act::Works | Act::GivesZeros => {}
        }
        let value =
            |seed: u32, i: usize| if self.0 == Act::GivesZeros { 0.0 } else { ((seed + i as u32) as f32).sin() };
        seeds.into_iter().map(|seed| Ok(Embedding::new((0..8).map(|i| value(seed, i)).collect::<Vec<_>>())?)).collect()
    }
}

impl ImageTower for Tower {
    fn prepare(&self, picture: &Picture) -> Pixels {
        Pixels(vec![picture.rgb().iter().map(|v| u32::from(*v)).sum::<u32>() as f32])
    }

    fn embed(&self, batch: &[Pixels]) -> Result<Vec<Embedding>, TowerError> {
        self.embed(batch.iter().map(|pixels| pixels.0[0] as u32 % 9973).collect())
    }
}

impl TextTower for Tower {
    fn embed(&self, texts: &[&str], _: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
        let embedded = self.embed(texts.iter().map(|text| text.bytes().map(u32::from).sum()).collect())?;
        Ok(embedded.into_iter().map(|embedding| TextEmbedding { embedding, tokens: 1 }).collect())
    }
}

fn info(name: &str) -> ModelInfo {
    let mut info = builtin::info().unwrap();
    (info.key.name, info.key.dim) = (name.to_owned(), 8);
    info
}

impl Place {
    /// The library, seen through a made-up model.
    fn open_with(&self, name: &str, act: Act) -> Engine {
        let model = Model { info: info(name), image: Box::new(Tower(act)), text: Box::new(Tower(act)) };
        Engine::open_with_factory(
            &self.dir.path().join("library"),
            info(name),
            ModelFactory::given(model.into()),
            || {},
        )
        .unwrap()
    }

    /// The library with a model of which loading ends as `load` says.
    fn open_loading(&self, name: &str, mut load: impl FnMut() -> Result<Model, TowerError> + Send + 'static) -> Engine {
        let loader = ModelFactory::new(move || load().map(Into::into), || None);
        Engine::open_with_factory(&self.dir.path().join("library"), info(name), loader, || {}).unwrap()
    }

    fn write_many(&self, count: u32) {
        for i in 0..count {
            self.write(&format!("{i:03}.txt"), &format!("Note number {i}: {} apples and {} pears.", i * 7, i * 13));
        }
    }
}

/// Everything that is said until an import has ended, and its summary.
fn import_told(engine: &Engine, job: Job) -> (ImportSummary, Vec<Notice>) {
    engine.submit(job);
    let mut notices = Vec::new();
    let summary = wait(engine, |event| match event {
        Event::ImportFinished(summary) => Some(summary),
        Event::Notice(notice) => {
            notices.push(notice);
            None
        }
        _ => None,
    });
    (summary, notices)
}

fn errors(notices: &[Notice]) -> Vec<&str> {
    notices.iter().filter(|n| n.severity == Severity::Error).map(|n| n.text.as_str()).collect()
}

fn names(engine: &Engine) -> Vec<String> {
    let mut names: Vec<String> = engine.snapshot().items().map(|item| item.name()).collect();
    names.sort();
    names
}

/// Gives a file other bytes, and the modification time that it had.
fn edit_keeping_time(path: &Path, bytes: &[u8]) {
    let before = fs::metadata(path).unwrap().modified().unwrap();
    // the system's clock for changes of files moves in steps
    std::thread::sleep(Duration::from_millis(50));
    fs::write(path, bytes).unwrap();
    fs::File::options().write(true).open(path).unwrap().set_modified(before).unwrap();
}

#[test]
fn an_edit_that_keeps_size_and_time_is_seen_and_what_is_older_than_1970_is_told_apart() {
    let place = Place::new();
    place.write("a.txt", "one apple");
    let path = place.files().join("a.txt");
    let old = std::time::UNIX_EPOCH - Duration::from_secs(86_400);
    fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    let engine = place.open_with("m", Act::Works);
    import(&engine, Job::Add(vec![place.files()]));
    assert_eq!(engine.snapshot().items().next().unwrap().modified_ns, -86_400_000_000_000);
    assert_eq!(import(&engine, Job::Rescan).embedded, 0);

    edit_keeping_time(&path, b"two pears");
    assert_eq!(import(&engine, Job::Rescan).embedded, 1);
    let older = old - Duration::from_secs(86_400);
    fs::write(&path, "three nuts").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(older).unwrap();
    assert_eq!(import(&engine, Job::Rescan).embedded, 1);
}

#[test]
fn what_a_file_no_longer_holds_leaves_the_search() {
    let place = Place::new();
    for (name, seed) in [("junk.png", 1), ("film.png", 2), ("stays.png", 3)] {
        place.paint(name, seed);
    }
    let engine = place.open_with("m", Act::Works);
    assert_eq!(import(&engine, Job::Add(vec![place.files()])).items, 3);
    fs::write(place.files().join("junk.png"), b"\x89PNG\r\n\x1a\nthis is no picture").unwrap();
    fs::write(place.files().join("film.png"), b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom").unwrap();
    let after = import(&engine, Job::Rescan);
    assert_eq!(names(&engine), ["stays.png"]);
    assert_eq!(after.failed + after.skipped.values().sum::<u64>(), 2);
    drop(engine);
    let engine = place.open_with("m", Act::Works);
    assert_eq!(names(&engine), ["stays.png"]);
    place.paint("junk.png", 1);
    let back = import(&engine, Job::Rescan);
    assert_eq!((back.items, back.embedded), (2, 0), "its vector is still there");
    assert!(!engine.failures().iter().any(|f| f.path.ends_with("junk.png")));
}

#[test]
fn a_deleted_file_leaves_though_other_folders_were_not_walked() {
    let place = Place::new();
    let (files, inner, hidden) = (place.files(), place.files().join("inner"), place.files().join(".hidden"));
    let other = place.dir.path().join("other");
    for folder in [&inner, &hidden, &other] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("kept.txt"), folder.to_str().unwrap()).unwrap();
    }
    place.write("gone.txt", "soon gone");
    fs::write(inner.join("stays.txt"), "This stays.").unwrap();
    let engine = place.open_with("m", Act::Works);
    let all = vec![files.clone(), inner.clone(), hidden.clone(), other.clone()];
    let first = import(&engine, Job::Add(all));
    assert_eq!((first.items, first.embedded), (5, 5), "a folder within another gives each file once");
    fs::remove_file(files.join("gone.txt")).unwrap();
    fs::remove_file(inner.join("kept.txt")).unwrap();
    let after = import(&engine, Job::Add(vec![files.clone()]));
    assert_eq!(after.items, 4, "what lies in another root, too, waits until that is walked");
    assert_eq!(import(&engine, Job::Rescan).items, 3);
}

#[test]
fn an_empty_or_missing_folder_keeps_its_items_and_is_told_of() {
    let place = Place::new();
    place.write("a.txt", "an apple");
    let engine = place.open_with("m", Act::Works);
    import(&engine, Job::Add(vec![place.files()]));
    let elsewhere = place.dir.path().join("elsewhere");
    fs::rename(place.files(), &elsewhere).unwrap();
    for (there, word) in [(false, "is missing"), (true, "empty")] {
        if there {
            fs::create_dir(place.files()).unwrap();
        }
        let (summary, notices) = import_told(&engine, Job::Rescan);
        assert_eq!(summary.items, 1);
        assert!(notices.iter().any(|n| n.severity == Severity::Warning && n.text.contains(word)), "{notices:?}");
    }
    fs::remove_dir(place.files()).unwrap();
    fs::rename(&elsewhere, place.files()).unwrap();
    let back = import(&engine, Job::Rescan);
    assert_eq!((back.items, back.embedded), (1, 0));
}

/// Mounts a small disk of memory, and takes it away again.
#[cfg(target_os = "linux")]
fn mount(arguments: &[&std::ffi::OsStr], tool: &str) -> bool {
    let ran = std::process::Command::new(tool).args(arguments).stderr(std::process::Stdio::null()).status();
    ran.is_ok_and(|status| status.success())
}

#[cfg(target_os = "linux")]
#[test]
fn items_of_a_disk_within_a_folder_stay_when_it_is_taken_away_until_the_user_removes_them() {
    let place = Place::new();
    let files = place.files();
    let disk = files.join("disk");
    std::fs::create_dir(&disk).unwrap();
    if !mount(&["-t".as_ref(), "tmpfs".as_ref(), "tmpfs".as_ref(), disk.as_ref()], "mount") {
        return eprintln!("skipped: items_of_a_disk_within_a_folder_stay (only root can mount one)");
    }
    for path in [files.join("here.txt"), files.join("too.txt"), disk.join("there.txt")] {
        std::fs::write(&path, format!("a text in {}", path.display())).unwrap();
    }
    let engine = place.open();
    import(&engine, Job::Add(vec![files.clone()]));
    assert_eq!(names(&engine), ["here.txt", "there.txt", "too.txt"]);
    assert!(mount(&[disk.as_ref()], "umount"));
    std::fs::remove_file(files.join("too.txt")).unwrap();
    for remove in [false, true] {
        if remove {
            std::fs::remove_dir(&disk).unwrap();
        }
        let (_, notices) = import_told(&engine, Job::Rescan);
        assert_eq!(names(&engine), ["here.txt", "there.txt"], "{notices:?}");
        assert!(notices.iter().any(|notice| notice.text.contains("its item is kept")), "{notices:?}");
        let away: Vec<_> = engine.snapshot().parts().roots.iter().filter(|root| !root.available).cloned().collect();
        assert_eq!(away.iter().map(|root| &root.path).collect::<Vec<_>>(), [&disk], "shown as not there");
    }
    // it comes back
    std::fs::create_dir(&disk).unwrap();
    std::fs::write(disk.join("there.txt"), format!("a text in {}", disk.join("there.txt").display())).unwrap();
    import(&engine, Job::Rescan);
    assert!(engine.snapshot().parts().roots.iter().all(|root| root.available));
    std::fs::remove_file(disk.join("there.txt")).unwrap();
    import_told(&engine, Job::Rescan);
    engine.submit(Job::Remove(disk.clone()));
    let (_, notices) = import_told(&engine, Job::Rescan);
    assert_eq!(names(&engine), ["here.txt"], "{notices:?}");
}

#[test]
fn a_file_that_was_added_by_itself_and_deleted_leaves() {
    let place = Place::new();
    place.write("a.txt", "an apple");
    place.write("b.txt", "a pear");
    let engine = place.open_with("m", Act::Works);
    let files = ["a.txt", "b.txt"].map(|name| place.files().join(name)).to_vec();
    assert_eq!(import(&engine, Job::Add(files)).items, 2);
    fs::remove_file(place.files().join("a.txt")).unwrap();
    assert_eq!(import(&engine, Job::Rescan).items, 1);
}

// Links need a privilege on Windows; tests/program/windows.rs has the names that it gives a folder.
#[cfg(unix)]
#[test]
fn one_folder_is_one_folder_however_it_is_spelled() {
    let place = Place::new();
    place.write("a.txt", "an apple");
    let (link, sideways) = (place.dir.path().join("link"), place.dir.path().join("library/../files"));
    std::os::unix::fs::symlink(place.files(), &link).unwrap();
    std::os::unix::fs::symlink(place.files(), place.files().join("loop")).unwrap();
    let engine = place.open_with("m", Act::Works);
    for path in [place.files(), link, sideways] {
        let summary = import(&engine, Job::Add(vec![path]));
        assert_eq!((summary.items, engine.snapshot().parts().roots.len()), (1, 1));
    }
    assert_eq!(engine.snapshot().items().next().unwrap().path.as_ref(), place.files().join("a.txt"));
}

// Links need a privilege on Windows.
#[cfg(unix)]
#[test]
fn a_library_that_knows_a_folder_by_a_link_calls_it_by_its_path_from_now_on() {
    let place = Place::new();
    place.write("a.txt", "an apple");
    let link = place.dir.path().join("link");
    std::os::unix::fs::symlink(place.files(), &link).unwrap();
    let library = place.dir.path().join("library");
    let (mut store, _) = Store::open(&library, &info("m").key).unwrap();
    store.add_root(&link).unwrap();
    drop(store);
    let engine = place.open_with("m", Act::Works);
    assert_eq!(import(&engine, Job::Rescan).items, 1);
    let roots: Vec<_> = engine.snapshot().parts().roots.iter().map(|root| root.path.clone()).collect();
    assert_eq!(roots, [place.files()]);
    assert_eq!(engine.snapshot().items().next().unwrap().path.as_ref(), place.files().join("a.txt"));
}

#[test]
fn damage_found_after_opening_is_reported_taken_out_and_embedded_again() {
    let place = Place::new();
    fill(&place);
    let engine = place.open_with("m", Act::Works);
    assert_eq!(import(&engine, Job::Add(vec![place.files()])).items, 6);
    drop(engine);
    let vectors = fs::read_dir(place.dir.path().join("library/vectors")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&vectors).unwrap();
    *bytes.last_mut().unwrap() ^= 0x40;
    fs::write(&vectors, bytes).unwrap();
    let engine = place.open_with("m", Act::Works);
    assert_eq!(engine.opening_notices(), [], "not looked at yet");
    let notice = wait(&engine, |event| match event {
        Event::Notice(notice) if notice.text.contains("damaged") => Some(notice),
        _ => None,
    });
    assert!(notice.severity == Severity::Warning && notice.text.starts_with("1 vector in "), "{notice:?}");
    assert_eq!(engine.snapshot().len(), 5);
    let again = import(&engine, Job::Rescan);
    assert_eq!((again.items, again.embedded), (6, 1));
    engine.submit(Job::Compact);
    let done = wait(&engine, |event| if let Event::Compacted(done) = event { Some(done) } else { None }).unwrap();
    assert_eq!(done.vectors_removed, 1, "the damaged one");
    assert_eq!(engine.check(), Vec::<String>::new());
}

#[test]
fn what_was_left_out_is_counted_and_remembered() {
    let place = Place::new();
    place.write("fine.txt", "A fine text.");
    place.write("blank.txt", " \n\n");
    for (name, bytes) in [
        ("film.m1v", &b"\0\0\x01\xb3\x14\0\xf0\x13\xff\xff\xe0\0"[..]),
        ("raw.raf", b"FUJIFILMCCD-RAW 0201FF383501\0\0\0\0"),
        ("letter.docx", b"PK\x03\x04\x14\0\0\0word/document.xml"),
        ("box.zip", b"PK\x03\x04\x14\0\0\0photos/1.jpg"),
    ] {
        fs::write(place.files().join(name), bytes).unwrap();
    }
    place.write("old.tmp", "excluded");
    let engine = place.open_with("m", Act::Works);
    let first = import(&engine, Job::Add(vec![place.files()]));
    let wanted = SkipCounts::from([
        (SkipReason::Archive, 1),
        (SkipReason::Blank, 1),
        (SkipReason::Excluded, 1),
        (SkipReason::Office, 1),
        (SkipReason::RawPhoto, 1),
        (SkipReason::Video, 1),
    ]);
    assert_eq!((first.items, first.failed, &first.skipped), (1, 0, &wanted));
    drop(engine);
    let engine = place.open_with("m", Act::Works);
    let remembered = wait(&engine, |event| match event {
        Event::Skipped(counts) => Some(counts),
        _ => None,
    });
    assert_eq!(remembered.values().sum::<u64>(), 5, "names that are excluded are only seen while walking");
    assert_eq!(import(&engine, Job::Rescan).skipped, wanted);
    fs::write(place.files().join("box.zip"), "A text by now.").unwrap();
    assert_eq!(import(&engine, Job::Rescan).items, 2);
}

#[test]
fn a_model_that_cannot_be_loaded_blames_no_file() {
    let place = Place::new();
    fill(&place);
    let engine = place.open_loading("m", || Err(TowerError::OutOfMemory));
    let (summary, notices) = import_told(&engine, Job::Add(vec![place.files()]));
    assert!(summary.cancelled && summary.failed == 0, "{summary:?}");
    assert_eq!(errors(&notices).len(), 1, "{notices:?}");
    assert!(engine.failures().is_empty());
    drop(engine);
    let engine = place.open_with("m", Act::Works);
    assert!(engine.failures().is_empty());
    assert_eq!(import(&engine, Job::Rescan).embedded, 6);
}

#[test]
fn closing_while_the_model_is_loading_blames_no_file_and_the_import_is_known_to_be_unfinished() {
    let place = Place::new();
    fill(&place);
    let (release, released) = std::sync::mpsc::channel::<()>();
    let engine = place.open_loading("m", move || {
        let _ended = released.recv();
        Err(TowerError::OutOfMemory)
    });
    engine.submit(Job::Add(vec![place.files()]));
    wait(&engine, |event| match event {
        Event::Progress(progress) if progress.total >= 6 => Some(()),
        _ => None,
    });
    let closing = std::thread::spawn(move || drop(engine));
    std::thread::sleep(Duration::from_millis(200));
    drop(release);
    closing.join().unwrap();
    let engine = place.open_with("m", Act::Works);
    assert!(engine.failures().is_empty());
    assert_eq!(engine.unfinished().map(|import| import.cancelled), Some(false));
    assert_eq!(import(&engine, Job::Rescan).embedded, 6);
    assert_eq!(engine.unfinished(), None);
}

#[test]
fn a_panic_of_a_model_ends_the_import_with_one_sentence_and_a_working_library() {
    let place = Place::new();
    fill(&place);
    let engine = place.open_with("m", Act::Panics);
    for job in [Job::Add(vec![place.files()]), Job::Rescan] {
        let (summary, notices) = import_told(&engine, job);
        assert!(summary.cancelled && summary.failed == 0 && summary.items == 0, "{summary:?}");
        let errors = errors(&notices);
        assert!(errors.len() == 1 && errors[0].contains("a table of the model is damaged"), "{notices:?}");
    }
    assert!(engine.failures().is_empty());
    drop(engine);
    assert_eq!(import(&place.open_with("m", Act::Works), Job::Rescan).embedded, 6);
}

#[test]
fn what_one_model_refuses_is_no_failure_for_another_and_is_tried_again_when_asked() {
    let place = Place::new();
    fill(&place);
    let engine = place.open_with("broken", Act::GivesZeros);
    let first = import(&engine, Job::Add(vec![place.files()]));
    assert_eq!((first.items, first.failed, engine.failures().len()), (0, 6, 6));
    assert_eq!(import(&engine, Job::Rescan).failed, 6, "not tried again");
    drop(engine);

    let engine = place.open_with("good", Act::Works);
    assert!(engine.failures().is_empty(), "another model may take them");
    assert_eq!(import(&engine, Job::Rescan).embedded, 6);
    drop(engine);

    let engine = place.open_with("broken", Act::Works);
    assert_eq!(engine.failures().len(), 6, "still known of this one");
    let retried = import(&engine, Job::Retry(Vec::new()));
    assert_eq!((retried.embedded, retried.failed), (6, 0));
    assert!(engine.failures().is_empty());
}

#[test]
fn an_entry_that_is_tried_again_during_an_import_stays_until_it_is_read() {
    let place = Place::new();
    let broken = place.files().join("000-broken.png");
    fs::write(&broken, b"\x89PNG\r\n\x1a\nthis is no picture").unwrap();
    place.write_many(60);
    let engine = place.open_with("m", Act::Slow(80));
    engine.submit(Job::Add(vec![place.files()]));
    wait(&engine, |event| match event {
        Event::Failures(failures) if !failures.is_empty() => Some(()),
        _ => None,
    });
    let retried = import(&engine, Job::Retry(vec![broken.clone()]));
    assert_eq!((retried.items, retried.failed), (60, 1));
    assert_eq!(engine.failures().len(), 1, "it failed again, and is still told of");
    drop(engine);
    let engine = place.open_with("m", Act::Works);
    assert_eq!(engine.failures().len(), 1);
    place.paint("000-broken.png", 5);
    let retried = import(&engine, Job::Retry(vec![broken]));
    assert_eq!((retried.items, retried.failed), (61, 0));
    assert!(engine.failures().is_empty());
}

#[test]
fn all_files_are_counted_before_the_first_ones_are_embedded() {
    let place = Place::new();
    // more than any channel holds
    place.write_many(700);
    let engine = place.open_with("m", Act::Slow(40));
    engine.submit(Job::Add(vec![place.files()]));
    let counted = wait(&engine, |event| match event {
        Event::Progress(progress) if !progress.counting && progress.done > 0 => Some(progress),
        _ => None,
    });
    assert_eq!(counted.total, 700);
    assert!(counted.done < 700, "{counted:?}");
    engine.submit(Job::Cancel);
}

#[test]
fn a_cancelled_import_says_how_much_is_left_and_a_closed_one_is_to_go_on() {
    let place = Place::new();
    // Enough that none of the imports below can end before it is cut short.
    place.write_many(1000);
    let engine = place.open_with("m", Act::Slow(60));
    engine.submit(Job::Add(vec![place.files()]));
    wait(&engine, |event| match event {
        Event::Progress(progress) if !progress.counting && progress.done > 0 => Some(()),
        _ => None,
    });
    let ended = import(&engine, Job::Cancel);
    assert!(ended.cancelled);
    let unfinished = engine.unfinished().expect("it is known");
    assert!(unfinished.cancelled);
    assert_eq!(unfinished.left, 1000 - ended.items);
    drop(engine);

    let engine = place.open_with("m", Act::Slow(60));
    let told = wait(&engine, |event| match event {
        Event::Unfinished(unfinished) => Some(unfinished),
        _ => None,
    });
    assert_eq!(told, Some(unfinished), "also after opening it again");
    engine.submit(Job::Rescan);
    wait(&engine, |event| match event {
        Event::Progress(progress) if progress.done > 0 => Some(()),
        _ => None,
    });
    drop(engine);
    let engine = place.open_with("m", Act::Works);
    assert_eq!(engine.unfinished().map(|import| import.cancelled), Some(false));
    assert_eq!(import(&engine, Job::Rescan).items, 1000);
    assert_eq!(engine.unfinished(), None);
}

#[test]
fn a_cancel_reaches_what_was_asked_before_it_and_nothing_after() {
    let place = Place::new();
    place.write_many(150);
    let other = place.dir.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("more.txt"), "More text.").unwrap();
    for round in 0..8 {
        let engine = place.open_with(&format!("m{round}"), Act::Slow(200));
        // the cancel may come before the import has begun, or at any moment of it
        engine.submit(Job::Add(vec![place.files()]));
        std::thread::sleep(Duration::from_millis(round * 9));
        engine.submit(Job::Cancel);
        engine.submit(Job::Add(vec![other.clone()]));
        let first = wait(&engine, |event| match event {
            Event::ImportFinished(summary) => Some(summary),
            _ => None,
        });
        assert!(first.cancelled, "round {round}");
        let second = wait(&engine, |event| match event {
            Event::ImportFinished(summary) => Some(summary),
            _ => None,
        });
        assert!(!second.cancelled, "round {round}");
        assert!(names(&engine).contains(&"more.txt".to_owned()), "round {round}");
        assert!(second.items < 151, "round {round}: the cancelled import went on");
    }
}

/// The thumbnails that arrive until as many have as were asked for.
fn thumbnails(engine: &Engine, ids: &[ItemId]) -> Vec<(ItemId, bool)> {
    engine.submit(Job::Thumbnails(ids.to_vec()));
    let mut arrived = Vec::new();
    while arrived.len() < ids.len() {
        let one = |event| if let Event::Thumbnail(id, picture) = event { Some((id, picture.is_some())) } else { None };
        arrived.push(wait(engine, one));
    }
    arrived
}

#[test]
fn a_screen_of_thumbnails_arrives_whole_and_each_once() {
    let place = Place::new();
    (0..30).for_each(|at| place.paint(&format!("{at}.png"), at + 1));
    place.write("a.txt", "A text has none.");
    let engine = place.open();
    import(&engine, Job::Add(vec![place.files()]));
    let ids: Vec<ItemId> = engine.snapshot().items().map(|item| item.id).collect();
    let text = engine.snapshot().items().find(|item| item.modality == Modality::Text).unwrap().id;
    let whole = |arrived: Vec<(ItemId, bool)>| {
        let mut sorted: Vec<ItemId> = arrived.iter().map(|(id, _)| *id).collect();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), ids.len(), "each once");
        assert!(arrived.iter().all(|(id, there)| *there == (*id != text)), "a text has none, a picture has one");
    };
    let start = Instant::now();
    whole(thumbnails(&engine, &ids));
    println!("{} stored thumbnails in {:?}", ids.len(), start.elapsed());
    // the cache may be deleted at any time
    fs::remove_dir_all(place.dir.path().join("library/thumbs")).unwrap();
    whole(thumbnails(&engine, &ids));
    // what was asked for before is dropped, and what is under way is not forgotten
    fs::remove_dir_all(place.dir.path().join("library/thumbs")).unwrap();
    (0..20).for_each(|at| engine.submit(Job::Thumbnails(ids[at..at + 10].to_vec())));
    engine.submit(Job::Thumbnails(ids.clone()));
    let mut missing: std::collections::HashSet<ItemId> = ids.iter().copied().collect();
    while !missing.is_empty() {
        let id = wait(&engine, |event| if let Event::Thumbnail(id, _) = event { Some(id) } else { None });
        missing.remove(&id);
    }
}
