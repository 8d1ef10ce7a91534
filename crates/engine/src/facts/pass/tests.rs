//! Which pictures are read, and which are not read again.

use super::*;
use crate::Access;
use crate::library::NewItem;
use std::cell::Cell;
use vicinity_core::{ContentHash, Embedding, Modality, Part};
use vicinity_models::ModelKey;

thread_local! {
    static READS: Cell<usize> = const { Cell::new(0) };
}

/// Contents of the picture and of its sidecar, as if they were title and caption.
fn contents(path: &Path, sidecar: Option<&Path>, _: i64) -> Result<PhotoFacts, ReadError> {
    READS.set(READS.get() + 1);
    let title = std::fs::read_to_string(path).map_err(|error| ReadError::from(&error))?;
    assert!(title != "panic", "a fault that a test asked for");
    let caption = sidecar.and_then(|path| std::fs::read_to_string(path).ok());
    Ok(PhotoFacts { title: Some(title), caption, iso: Some(100), ..PhotoFacts::default() })
}

struct Place {
    dir: tempfile::TempDir,
    library: Library,
}

fn key(name: &str) -> ModelKey {
    ModelKey { name: name.into(), revision: "1".into(), preprocessing: "1".into(), dim: 2 }
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join("photos")).expect("a folder");
        let library = open(dir.path(), "model");
        Self { dir, library }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("photos").join(name)
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).expect("written");
    }

    /// Writes a picture and puts it into the library, as an import does.
    fn import(&self, name: &str, content: &str) {
        self.write(name, content);
        let file = scan::candidate(self.path(name)).expect("there");
        let hash = ContentHash(*blake3::hash(content.as_bytes()).as_bytes());
        let item = NewItem { modality: Modality::Image, ..NewItem::of(&file, hash) };
        let vector = Embedding::new(vec![1.0, 0.0]).expect("a vector");
        self.library.commit_embedded(vec![(item, vector)]).expect("stored");
    }

    /// Looks through all pictures; the number of those that were read.
    fn pass(&self) -> usize {
        self.pass_until(&AtomicBool::new(false))
    }

    fn pass_until(&self, cancelled: &AtomicBool) -> usize {
        READS.set(0);
        let progress = |_, _| {};
        let pass = Pass { library: &self.library, read: contents, cancelled, shown: &|| {}, progress: &progress };
        pass.run().expect("the library is sound");
        READS.get()
    }

    /// Title and caption of a picture.
    fn facts(&self, name: &str) -> [Option<String>; 2] {
        let snapshot = self.library.snapshot();
        let item = snapshot.items().find(|item| *item.path == *self.path(name)).expect("there");
        let facts = self.library.stored_facts(&item.path).unwrap_or_default();
        [facts.title, facts.caption]
    }

    fn shown(&self) -> usize {
        let snapshot = self.library.snapshot();
        (0..snapshot.len()).filter(|row| snapshot.photo(*row).is_some_and(|photo| photo.iso == Some(100))).count()
    }
}

fn open(dir: &Path, model: &str) -> Library {
    let (library, notices) = Library::open(&dir.join("library"), &key(model), Access::ReadWrite).expect("opens");
    assert_eq!(notices, []);
    library
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn new_pictures_are_read_once_and_shown() {
    let place = Place::new();
    for name in ["a.jpg", "b.jpg", "c.jpg"] {
        place.import(name, name);
    }
    assert_eq!((place.pass(), place.shown()), (3, 3));
    assert_eq!(place.facts("b.jpg"), [text("b.jpg"), None]);
    assert_eq!(place.pass(), 0, "a second look opens no file");
    place.import("d.jpg", "d");
    assert_eq!((place.pass(), place.shown()), (1, 4));
}

#[test]
fn a_changed_picture_is_read_again() {
    let place = Place::new();
    place.import("a.jpg", "first");
    place.pass();
    place.import("a.jpg", "second");
    assert_eq!((place.pass(), place.facts("a.jpg")), (1, [text("second"), None]));
    // changed again, and not imported yet
    place.write("a.jpg", "not yet imported");
    assert_eq!(place.pass(), 0, "what the import does not know is not looked at");
}

#[test]
fn a_sidecar_that_appears_changes_or_goes_is_noticed() {
    let place = Place::new();
    place.import("a.jpg", "a");
    place.pass();
    place.write("a.xmp", "stars");
    assert_eq!((place.pass(), place.facts("a.jpg")), (1, [text("a"), text("stars")]));
    assert_eq!(place.pass(), 0);
    place.write("a.xmp", "more stars");
    assert_eq!((place.pass(), place.facts("a.jpg")), (1, [text("a"), text("more stars")]));
    place.write("a.jpg.xmp", "by another program");
    assert_eq!((place.pass(), place.facts("a.jpg")), (1, [text("a"), text("by another program")]));
    for name in ["a.xmp", "a.jpg.xmp"] {
        std::fs::remove_file(place.path(name)).expect("deleted");
    }
    assert_eq!((place.pass(), place.facts("a.jpg")), (1, [text("a"), None]));
}

#[test]
fn a_picture_whose_reading_panics_has_no_facts_and_is_not_tried_again_until_it_changes() {
    let place = Place::new();
    place.import("a.jpg", "panic");
    place.import("b.jpg", "b");
    assert_eq!((place.pass(), place.shown()), (2, 1), "the other one is read");
    assert_eq!((place.pass(), place.facts("a.jpg")), (0, [None, None]));
    place.import("a.jpg", "repaired");
    assert_eq!((place.pass(), place.facts("a.jpg")), (1, [text("repaired"), None]));
}

#[test]
fn what_is_not_there_now_keeps_its_facts_and_is_read_when_it_is_back() {
    let place = Place::new();
    place.import("a.jpg", "a");
    place.pass();
    place.import("b.jpg", "b");
    let [photos, away] = ["photos", "away"].map(|name| place.dir.path().join(name));
    std::fs::rename(&photos, &away).expect("renamed");
    assert_eq!((place.pass(), place.shown()), (0, 1));
    std::fs::rename(&away, &photos).expect("renamed");
    std::fs::rename(place.path("b.jpg"), place.path("c.jpg")).expect("renamed");
    assert_eq!((place.pass(), place.shown()), (0, 1), "a file that is missing");
    std::fs::rename(place.path("c.jpg"), place.path("b.jpg")).expect("renamed");
    assert_eq!((place.pass(), place.shown()), (1, 2));
}

#[test]
fn facts_are_shown_with_another_model_without_reading_them_again() {
    let mut place = Place::new();
    place.import("a.jpg", "a");
    place.pass();
    let nothing = tempfile::tempdir().expect("a folder");
    place.library = open(nothing.path(), "other");
    place.library = open(place.dir.path(), "other");
    assert_eq!(place.library.snapshot().len(), 0);
    let file = scan::candidate(place.path("a.jpg")).expect("there");
    let item = NewItem { modality: Modality::Image, ..NewItem::of(&file, ContentHash(*blake3::hash(b"a").as_bytes())) };
    let vector = Embedding::new(vec![0.0, 1.0]).expect("a vector");
    place.library.commit_embedded(vec![(item, vector)]).expect("stored");
    assert_eq!((place.library.snapshot().len(), place.shown()), (1, 0));
    assert_eq!((place.pass(), place.shown()), (0, 1));
}

#[test]
fn a_cancelled_look_reads_nothing_more() {
    let place = Place::new();
    place.import("a.jpg", "a");
    assert_eq!(place.pass_until(&AtomicBool::new(true)), 0);
    assert_eq!(place.pass(), 1, "the next one reads what is left");
}

// Tested here; Windows has no pipes in folders.
#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_picture_is_not_opened() {
    let place = Place::new();
    place.import("a.jpg", "a");
    std::fs::remove_file(place.path("a.jpg")).expect("deleted");
    let made = std::process::Command::new("mkfifo").arg(place.path("a.jpg")).status().expect("starts");
    assert!(made.success());
    assert_eq!(place.pass(), 0);
}

/// Facts of a recording.
fn recording(_: &Path, _: Option<&Path>, _: i64) -> Result<PhotoFacts, ReadError> {
    READS.set(READS.get() + 1);
    let taken = vicinity_core::TakenTime {
        local: "2023-06-14T15:30:00".parse().expect("a time"),
        offset: None,
        source: vicinity_core::TimeSource::Metadata,
    };
    Ok(PhotoFacts { taken: Some(taken), ..PhotoFacts::default() })
}

#[test]
fn parts_have_the_facts_of_their_file_which_is_read_once() {
    let place = Place::new();
    place.write("a.mkv", "a film");
    let parts = [Part::Frame { ms: 0 }, Part::Frame { ms: 62_500 }, Part::Page(1), Part::PageText(1), Part::Row(1)];
    let add = |parts: &[Part]| {
        let file = scan::candidate(place.path("a.mkv")).expect("there");
        let items = parts.iter().map(|part| {
            let hash = ContentHash(*blake3::hash(part.to_string().as_bytes()).as_bytes());
            let modality = if matches!(part, Part::PageText(_)) { Modality::Text } else { Modality::Image };
            let item = NewItem { modality, part: Some(*part), ..NewItem::of(&file, hash) };
            (item, Embedding::new(vec![1.0, 0.0]).expect("a vector"))
        });
        place.library.commit_embedded(items.collect()).expect("stored");
    };
    let pass = || {
        READS.set(0);
        let (cancelled, progress) = (AtomicBool::new(false), |_, _| {});
        let library = &place.library;
        Pass { library, read: recording, cancelled: &cancelled, shown: &|| {}, progress: &progress }
            .run()
            .expect("sound");
        READS.get()
    };
    let taken = |library: &Library| {
        let snapshot = library.snapshot();
        let begin =
            snapshot.items().position(|item| item.part == Some(Part::Frame { ms: 0 })).expect("the first frame");
        let begin = snapshot.photo(begin).and_then(|photo| photo.taken).expect("known");
        let after = |row: usize| snapshot.photo(row).and_then(|photo| Some(photo.taken? - begin));
        snapshot.items().enumerate().map(|(row, item)| (item.part, after(row))).collect::<Vec<_>>()
    };
    add(&parts);
    assert_eq!(pass(), 1);
    let wanted = parts.iter().map(|part| Some(*part)).zip([Some(0), Some(62), Some(0), None, None]).collect::<Vec<_>>();
    assert_eq!(taken(&place.library), wanted);
    // A part that comes later is shown without reading the file again.
    add(&[Part::Frame { ms: 90_000 }]);
    assert_eq!(pass(), 0);
    assert_eq!(taken(&place.library).last(), Some(&(Some(Part::Frame { ms: 90_000 }), Some(90))));
    let Place { dir, library } = place;
    drop(library);
    assert_eq!(taken(&open(dir.path(), "model"))[..5], wanted, "as it was stored");
}
