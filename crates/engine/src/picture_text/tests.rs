//! Which pictures are read, which are not read again, and what becomes of their text.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::facts::words;
use crate::library::NewItem;
use crate::scan;
use crate::{Access, ImportOptions};
use vicinity_core::{ContentHash, Embedding, ItemId, Modality, Part, TextLanguages};
use vicinity_models::ModelKey;

/// A program that does what a shell script says.
#[cfg(unix)] // Tested here.
pub(super) fn fake(dir: &Path, script: &str) -> Tesseract {
    use std::os::unix::fs::PermissionsExt;
    static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let program = dir.join(format!("tesseract-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("may be run");
    Tesseract::at(program)
}

struct Place {
    dir: tempfile::TempDir,
    library: Library,
    threads: rayon::ThreadPool,
}

fn languages(names: &str) -> TextLanguages {
    names.parse().expect("languages")
}

fn open(dir: &Path) -> Library {
    let key = ModelKey { name: "model".into(), revision: "1".into(), preprocessing: "1".into(), dim: 2 };
    let (library, notices) = Library::open(&dir.join("library"), &key, Access::ReadWrite).expect("opens");
    assert_eq!(notices, []);
    library
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join("photos")).expect("a folder");
        let library = open(dir.path());
        Self { dir, library, threads: pool("test", 2).expect("threads") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("photos").join(name)
    }

    /// Puts a picture into the library, as an import does.
    fn add(&self, path: &Path) {
        let file = scan::candidate(path.to_owned()).expect("there");
        let hash = ContentHash(*blake3::hash(&std::fs::read(path).expect("readable")).as_bytes());
        let item = NewItem { modality: Modality::Image, ..NewItem::of(&file, hash) };
        let vector = Embedding::new(vec![1.0, 0.0]).expect("a vector");
        self.library.commit_embedded(vec![(item, vector)]).expect("stored");
    }

    /// A picture of one colour.
    fn picture(&self, name: &str, colour: [u8; 3]) {
        let path = self.path(name);
        image::RgbImage::from_pixel(100, 50, image::Rgb(colour)).save(&path).expect("written");
        self.add(&path);
    }

    fn item(&self, name: &str) -> ItemId {
        let snapshot = self.library.snapshot();
        snapshot.items().find(|item| *item.path == *self.path(name)).expect("there").id
    }

    fn text(&self, name: &str) -> String {
        self.library.picture_text(self.item(name)).text()
    }

    fn run(&self, program: &Tesseract, names: &str, cancelled: &AtomicBool) -> Result<(), TextPassError> {
        let (library, languages) = (&self.library, &languages(names));
        let pass = TextPass { library, program, languages, threads: &self.threads, cancelled, progress: &|_| {} };
        pass.run()
    }

    /// Names of the pictures in whose text a query is found.
    fn found(&self, query: &str) -> Vec<String> {
        let found = self.library.find_picture_text(query).expect("readable");
        let snapshot = self.library.snapshot();
        found.iter().filter_map(|id| snapshot.get(*id)).map(|item| item.name()).collect()
    }
}

#[cfg(unix)] // Tested here.
mod with_a_fake {
    use super::*;

    /// Notes that it was called, and prints one word, which names the languages and the first pixel's red.
    fn counting(place: &Place) -> Tesseract {
        let calls = place.dir.path().join("calls");
        let red = "$(head -c 15 | tail -c 1 | od -An -tu1 | tr -d ' ')";
        let word = "5\\t1\\t1\\t1\\t1\\t1\\t10\\t5\\t30\\t10\\t96\\t%s\\n";
        let words = format!("printf '{word}{word}' \"red{red}\" \"lang-$4\"");
        fake(place.dir.path(), &format!("echo x >>'{}'; {words}; cat >/dev/null", calls.display()))
    }

    impl Place {
        /// A whole pass; the number of pictures that were read.
        fn pass(&self, program: &Tesseract, names: &str) -> usize {
            let calls = self.dir.path().join("calls");
            let count = || std::fs::read_to_string(&calls).unwrap_or_default().lines().count();
            let before = count();
            self.run(program, names, &AtomicBool::new(false)).expect("the library is sound");
            count() - before
        }
    }

    #[test]
    fn pictures_are_read_once_and_found_by_their_text() {
        let place = Place::new();
        let program = counting(&place);
        place.picture("a.png", [70, 0, 0]);
        place.picture("b.png", [71, 0, 0]);
        place.picture("copy of a.png", [70, 0, 0]);
        assert_eq!(place.pass(&program, "eng"), 2, "the same content once");
        assert_eq!([place.text("a.png"), place.text("b.png")], ["red70 lang-eng", "red71 lang-eng"]);
        assert_eq!(place.text("copy of a.png"), place.text("a.png"));
        assert_eq!(place.found("RED71"), ["b.png"]);
        assert_eq!(place.found("red70 eng").len(), 2);
        assert!(place.found("red70 red71").is_empty() && place.found("png").is_empty() && place.found("").is_empty());
        assert_eq!(place.library.find_words("red71").expect("readable"), [place.item("b.png")]);
        assert_eq!(place.pass(&program, "eng"), 0);
        place.picture("c.png", [72, 0, 0]);
        assert_eq!((place.pass(&program, "eng"), place.found("red72")), (1, vec!["c.png".to_owned()]));
    }

    #[test]
    fn other_languages_and_another_content_are_read_again() {
        let place = Place::new();
        let program = counting(&place);
        place.picture("a.png", [70, 0, 0]);
        place.pass(&program, "eng");
        assert_eq!((place.pass(&program, "eng+deu"), place.text("a.png")), (1, "red70 lang-eng+deu".to_owned()));
        assert_eq!(place.found("deu"), ["a.png"]);
        place.picture("a.png", [75, 0, 0]);
        assert_eq!((place.pass(&program, "eng+deu"), place.found("red75")), (1, vec!["a.png".to_owned()]));
        assert!(place.found("red70").is_empty());
    }

    #[test]
    fn pages_are_read_but_those_with_a_text_of_their_own_and_frames_are_not() {
        let place = Place::new();
        let program = counting(&place);
        let path = place.path("pages.tiff");
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/formats/pages.tiff");
        std::fs::copy(fixture, &path).expect("copied");
        let file = scan::candidate(path.clone()).expect("there");
        let add = |part: Part, hash: u8, modality: Modality| {
            let hash = ContentHash([hash; 32]);
            let item = NewItem { part: Some(part), modality, ..NewItem::of(&file, hash) };
            let vector = Embedding::new(vec![1.0, 0.0]).expect("a vector");
            place.library.commit_embedded(vec![(item, vector)]).expect("stored");
        };
        add(Part::Page(1), 1, Modality::Image);
        add(Part::PageText(1), 2, Modality::Text);
        add(Part::Page(2), 3, Modality::Image);
        add(Part::Frame { ms: 7 }, 4, Modality::Image);
        assert_eq!(place.pass(&program, "eng"), 1);
        assert_eq!(place.found("lang-eng"), ["pages.tiff, page 2"]);
    }

    #[test]
    fn the_text_of_what_is_removed_goes() {
        let place = Place::new();
        let program = counting(&place);
        place.library.add_root(&place.path("")).expect("added");
        place.picture("a.png", [70, 0, 0]);
        place.pass(&program, "eng");
        place.library.remove_root(&place.path("")).expect("removed");
        place.pass(&program, "eng");
        let catalog = rusqlite::Connection::open(place.dir.path().join("library/catalog.sqlite")).expect("opens");
        let left: u32 = catalog.query_row("SELECT count(*) FROM picture_texts", (), |row| row.get(0)).expect("a table");
        assert_eq!(left, 0);
    }

    #[test]
    fn a_picture_that_cannot_be_read_costs_no_other_and_is_not_tried_again() {
        let place = Place::new();
        place.picture("a.png", [70, 0, 0]);
        place.picture("bad.png", [66, 0, 0]);
        let calls = place.dir.path().join("calls");
        let word = "5\\t1\\t1\\t1\\t1\\t1\\t10\\t5\\t30\\t10\\t96\\tGOOD\\n";
        let script =
            format!("echo x >>'{}'; head -c 15 | tail -c 1 | grep -q B && exit 1; printf '{word}'", calls.display());
        let program = fake(place.dir.path(), &script);
        assert_eq!(place.pass(&program, "eng"), 2);
        assert_eq!([place.text("a.png"), place.text("bad.png")], ["GOOD", ""]);
        assert_eq!(place.pass(&program, "eng"), 0);
    }

    #[test]
    fn a_picture_that_takes_too_long_is_tried_a_few_times() {
        let place = Place::new();
        place.picture("a.png", [70, 0, 0]);
        let calls = place.dir.path().join("calls");
        let script = format!("echo x >>'{}'; exec sleep 600", calls.display());
        let program = fake(place.dir.path(), &script).with_limit(std::time::Duration::from_millis(300));
        assert_eq!([(); 5].map(|()| place.pass(&program, "eng")), [1, 1, 1, 0, 0]);
        assert_eq!(place.pass(&counting(&place), "deu"), 1, "other languages are worth a try");
    }

    #[test]
    fn a_program_that_reads_nothing_is_at_fault_and_not_the_pictures() {
        let place = Place::new();
        (70..80).for_each(|red| place.picture(&format!("{red}.png"), [red, 0, 0]));
        let error = place.run(&fake(place.dir.path(), "exit 1"), "eng", &AtomicBool::new(false));
        assert!(matches!(error, Err(TextPassError::Program(TesseractError::Failed))), "{error:?}");
        assert_eq!(place.pass(&counting(&place), "eng"), 10, "each is tried again");
    }

    #[test]
    fn what_is_not_there_or_not_imported_yet_waits() {
        let place = Place::new();
        let program = counting(&place);
        for (name, red) in [("gone.png", 70), ("changed.png", 71), ("pipe.png", 72)] {
            place.picture(name, [red, 0, 0]);
        }
        std::fs::remove_file(place.path("gone.png")).expect("removed");
        image::RgbImage::new(7, 7).save(place.path("changed.png")).expect("written");
        std::fs::remove_file(place.path("pipe.png")).expect("removed");
        let made = std::process::Command::new("mkfifo").arg(place.path("pipe.png")).status().expect("starts");
        assert!(made.success());
        assert_eq!(place.pass(&program, "eng"), 0);
        std::fs::remove_file(place.path("pipe.png")).expect("removed");
        place.picture("gone.png", [70, 0, 0]);
        assert_eq!((place.pass(&program, "eng"), place.found("red70")), (1, vec!["gone.png".to_owned()]));
    }

    #[test]
    fn a_cancelled_pass_stores_what_was_read_and_the_next_one_reads_the_rest() {
        let place = Place::new();
        place.picture("a.png", [70, 0, 0]);
        let hanging = fake(place.dir.path(), "exec sleep 600");
        let cancelled = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let pass = scope.spawn(|| place.run(&hanging, "eng", &cancelled).is_ok());
            std::thread::sleep(std::time::Duration::from_millis(300));
            cancelled.store(true, Ordering::Relaxed);
            assert!(pass.join().expect("no panic"), "a cancel is no error");
        });
        assert_eq!(place.pass(&counting(&place), "eng"), 1);
    }

    #[test]
    fn a_damaged_reading_is_read_again_and_a_damaged_table_is_made_again() {
        let mut place = Place::new();
        let program = counting(&place);
        place.picture("a.png", [70, 0, 0]);
        place.pass(&program, "eng");
        let catalog = rusqlite::Connection::open(place.dir.path().join("library/catalog.sqlite")).expect("opens");
        catalog.execute("UPDATE picture_texts SET words = replace(words, 'red', 'rot')", ()).expect("damaged");
        assert_eq!(place.text("a.png"), "");
        assert_eq!((place.pass(&program, "eng"), place.text("a.png")), (1, "red70 lang-eng".to_owned()));
        let nothing = tempfile::tempdir().expect("a folder");
        place.library = open(nothing.path());
        catalog.execute_batch("DROP TABLE picture_texts; CREATE TABLE picture_texts (a)").expect("damaged");
        drop(catalog);
        place.library = open(place.dir.path());
        assert_eq!((place.pass(&program, "eng"), place.found("red70")), (1, vec!["a.png".to_owned()]));
    }

    /// The place with a page of the catalog overwritten, opened again and repaired.
    fn damaged(place: Place, table: &str) -> Place {
        use std::io::{Seek, SeekFrom, Write};
        let Place { dir, library, threads } = place;
        drop(library);
        let path = dir.path().join("library/catalog.sqlite");
        let catalog = rusqlite::Connection::open(&path).expect("opens");
        let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?";
        let page: u32 = catalog.query_row(sql, [table], |row| row.get(0)).expect("there");
        drop(catalog);
        let mut file = std::fs::File::options().write(true).open(&path).expect("opens");
        file.seek(SeekFrom::Start(u64::from(page - 1) * 4096)).expect("there");
        file.write_all(&[0xEE; 4096]).expect("damaged");
        let key = ModelKey { name: "model".into(), revision: "1".into(), preprocessing: "1".into(), dim: 2 };
        let (library, _) = Library::open(&dir.path().join("library"), &key, Access::ReadWrite).expect("opens");
        library.verify(&|| false).expect("repaired");
        Place { dir, library, threads }
    }

    #[test]
    fn a_damaged_catalog_does_not_cost_what_was_read() {
        for table in ["items_by_hash", "items"] {
            let place = Place::new();
            let program = counting(&place);
            place.library.add_root(&place.dir.path().join("photos")).expect("added");
            let read_text = Some(languages("eng"));
            let options = ImportOptions { read_text, ..place.library.import_options() };
            place.library.set_import_options(options).expect("stored");
            (0..4).for_each(|n| place.picture(&format!("{n}.png"), [60 + n, 0, 0]));
            assert_eq!(place.pass(&program, "eng"), 4);
            let place = damaged(place, table);
            assert_eq!(place.library.import_options().read_text, Some(languages("eng")), "{table}");
            // What looks for words before the items are there again forgets nothing.
            words::fill(&place.library, &AtomicBool::new(false), &|_, _| {}).expect("filled");
            (0..4).for_each(|n| place.add(&place.path(&format!("{n}.png"))));
            assert_eq!((place.pass(&program, "eng"), place.text("2.png")), (0, "red62 lang-eng".to_owned()), "{table}");
        }
    }

    #[test]
    fn texts_that_were_lost_with_the_catalog_are_read_again() {
        let place = Place::new();
        let program = counting(&place);
        (0..4).for_each(|n| place.picture(&format!("{n}.png"), [60 + n, 0, 0]));
        assert_eq!(place.pass(&program, "eng"), 4);
        let place = damaged(place, "picture_texts");
        (0..4).for_each(|n| place.add(&place.path(&format!("{n}.png"))));
        assert_eq!((place.pass(&program, "eng"), place.text("3.png")), (4, "red63 lang-eng".to_owned()));
    }
}

#[test]
fn the_real_program_reads_words_and_says_where_they_are() {
    let test = "the_real_program_reads_words_and_says_where_they_are";
    let program = match Tesseract::find() {
        Ok(program) if program.check_languages(&languages("eng")).is_ok() => program,
        _ => return eprintln!("skipped: {test} (Tesseract with English is not installed)"),
    };
    let place = Place::new();
    let invoice = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/picture_text/invoice.png");
    std::fs::copy(invoice, place.path("invoice.png")).expect("copied");
    place.add(&place.path("invoice.png"));
    place.picture("empty.png", [120, 90, 60]);
    place.run(&program, "eng", &AtomicBool::new(false)).expect("read");
    assert_eq!(place.found("invoice 1,250.00"), ["invoice.png"]);
    assert_eq!(place.text("empty.png"), "");
    let text = place.library.picture_text(place.item("invoice.png"));
    let found = text.matching("invoice");
    let [left, top, right, bottom] = found.first().expect("the word").area;
    // drawn at 60, 60 of 800 by 500 pixels, 45 high
    assert!((0.06..0.1).contains(&left) && (0.1..0.15).contains(&top), "{left} {top}");
    assert!((0.25..0.35).contains(&right) && (0.15..0.25).contains(&bottom), "{right} {bottom}");
}
