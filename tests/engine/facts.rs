//! What the metadata of photos say: stored beside the items, filled in the background, and never worth an item.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempDir;
use vicinity_core::{PhotoFacts, PhotoSummary};
use vicinity_engine::store::{FactsOrigin, FileStamp, PictureFiles, READER, ReadFacts, Store, StoreError};
use vicinity_engine::{Engine, Event, Job};

use crate::support::engine::wait;
use crate::support::library::{assert_holds, batch, item, model, open};

/// Facts by which content number `n` is known again.
fn facts(n: u32) -> PhotoFacts {
    PhotoFacts { iso: Some(n + 1), keywords: vec![format!("group {}", n % 3)], ..PhotoFacts::default() }
}

/// Stores the facts of all pictures that have none. Those in the library are called by their numbers.
fn fill(store: &mut Store) -> usize {
    let mut files = PictureFiles::open(store.dir()).unwrap();
    let mut read = Vec::new();
    loop {
        let page = files.next_page().unwrap();
        if page.is_empty() {
            break;
        }
        for picture in page.into_iter().filter(|picture| picture.stored.is_none()) {
            let n = picture.path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let origin = FactsOrigin { file: picture.stamp, sidecar: None, reader: READER };
            read.push(ReadFacts { picture, origin, facts: facts(n) });
        }
    }
    store.put_facts(&read).unwrap();
    read.len()
}

/// Every picture has its own facts, and no text has any.
#[track_caller]
fn assert_known(store: &Store) {
    let snapshot = store.snapshot();
    for (row, item) in snapshot.items().enumerate() {
        let n: u32 = item.path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let expected = item.pixels.map(|_| n + 1);
        assert_eq!(snapshot.photo(row).and_then(|photo| photo.iso), expected, "row {row}");
        assert_eq!(snapshot.photo_of(item.id), snapshot.photo(row));
    }
}

fn count(dir: &Path, what: &str) -> i64 {
    let catalog = Connection::open(dir.join("catalog.sqlite")).unwrap();
    catalog.query_row(&format!("SELECT count(*) FROM {what}"), (), |row| row.get(0)).unwrap()
}

#[test]
fn facts_are_there_again_when_the_library_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    store.commit_embedded(batch(0..5000)).unwrap();
    assert!(
        store.snapshot().parts().photos.iter().all(|photos| photos.capacity() == 0),
        "unknown facts take no memory"
    );
    assert_eq!(fill(&mut store), 3333);
    assert_known(&store);
    let before = store.snapshot();
    drop(store);
    let store = open(dir.path());
    assert_known(&store);
    let keywords = |photo: Option<&PhotoSummary>| photo.map(|photo| photo.keywords.clone());
    let now = store.snapshot();
    assert_eq!(keywords(now.photo(4)), keywords(before.photo(4)));
    let [a, b] = [1, 4].map(|row| keywords(now.photo(row)).unwrap()[0].clone());
    assert!(Arc::ptr_eq(&a, &b), "equal texts are stored once");
    drop(store);
    let (reader, _) = Store::open_to_read(dir.path(), &model()).unwrap();
    assert_known(&reader);
    assert_eq!(reader.facts(Path::new("/photos/4.jpg")).unwrap(), Some(facts(4)));
    assert_eq!(reader.facts(Path::new("/photos/3.jpg")).unwrap(), None, "a text");
}

#[test]
fn snapshots_share_the_photos_that_did_not_change() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    store.commit_embedded(batch(0..4500)).unwrap();
    fill(&mut store);
    let before = store.snapshot();
    store.commit_embedded(batch(4500..4510)).unwrap();
    fill(&mut store);
    let after = store.snapshot();
    assert_eq!(before.epoch(), after.epoch(), "facts begin no epoch");
    assert!(after.generation() > before.generation());
    let [old, new] = [&before, &after].map(|snapshot| &snapshot.parts().photos);
    assert!(Arc::ptr_eq(&old[0], &new[0]) && !Arc::ptr_eq(&old[1], &new[1]));
    assert!(before.photo(4501).is_none() && after.photo(4501).is_some());
}

#[test]
fn rows_stay_in_step_when_items_go_and_their_facts_go_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    store.add_root(Path::new("/photos")).unwrap();
    store.commit_embedded(batch(0..5000)).unwrap();
    fill(&mut store);
    let seen = (0..5000).filter(|n| n % 5 != 2).map(|n| PathBuf::from(format!("/photos/{n}.jpg"))).collect();
    assert_eq!(store.remove_missing(&seen, &["/photos".into()], &[]).unwrap(), 1000);
    assert_known(&store);
    assert_eq!(count(dir.path(), "facts WHERE file NOT IN (SELECT id FROM files)"), 0);
    assert_eq!(
        count(dir.path(), "facts"),
        store.snapshot().items().filter(|item| item.pixels.is_some()).count() as i64
    );
    store.commit_embedded(batch(5000..5100)).unwrap();
    assert_eq!(fill(&mut store), 67);
    assert_known(&store);
    drop(store);
    assert_known(&open(dir.path()));
}

#[test]
fn a_picture_that_became_a_text_has_no_facts() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    store.commit_embedded(batch(0..3)).unwrap();
    fill(&mut store);
    let (changed, vector) =
        (vicinity_engine::store::NewItem { path: "/photos/1.jpg".into(), ..item("", 3) }, batch(3..4));
    store.commit_embedded(vec![(changed, vector[0].1.clone())]).unwrap();
    assert!(store.snapshot().photo(1).is_none());
    drop(store);
    assert!(open(dir.path()).snapshot().photo(1).is_none());
}

#[test]
fn compacting_keeps_facts_and_facts_that_arrive_meanwhile_do_not_stop_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    store.add_root(Path::new("/photos")).unwrap();
    store.commit_embedded(batch(0..100)).unwrap();
    let seen = (0..50).map(|n| PathBuf::from(format!("/photos/{n}.jpg"))).collect();
    store.remove_missing(&seen, &["/photos".into()], &[]).unwrap();
    let prepared = store.compaction_tasks().unwrap().remove(0).prepare(false, &|| false).unwrap().unwrap();
    fill(&mut store);
    assert!(store.adopt_compaction(&prepared).unwrap(), "the items are the same");
    prepared.finish().unwrap();
    assert_holds(&store, 0..50);
    assert_known(&store);
    drop(store);
    assert_known(&open(dir.path()));
}

#[test]
fn a_damaged_row_is_ignored_and_filled_again() {
    for change in [
        "facts = replace(facts, '\"iso\"', '\"iso \"')",
        "facts = x'ff00'",
        "modified_ns = modified_ns + 1",
        "sidecar = -7",
        "bytes = 'many'",
        "reader = NULL",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        store.commit_embedded(batch(0..20)).unwrap();
        fill(&mut store);
        drop(store);
        let catalog = Connection::open(dir.path().join("catalog.sqlite")).unwrap();
        let spoilt = catalog.execute(&format!("UPDATE OR IGNORE facts SET {change} WHERE file = 5"), ());
        drop(catalog);
        // SQLite itself refuses to store nothing there
        if !spoilt.is_ok_and(|rows| rows == 1) {
            continue;
        }
        let mut store = open(dir.path());
        assert_holds(&store, 0..20);
        assert!(store.snapshot().photo(4).is_none(), "{change}");
        assert!(store.snapshot().photo(5).is_some());
        assert_eq!(store.facts(Path::new("/photos/4.jpg")).unwrap(), None);
        assert_eq!(fill(&mut store), 1, "{change}");
        assert_known(&store);
    }
}

#[test]
fn a_table_of_facts_that_cannot_be_read_costs_no_item() {
    let damages: [fn(&Connection, &Path); 3] = [
        |catalog, _| catalog.execute_batch("DROP TABLE facts").unwrap(),
        |catalog, _| catalog.execute_batch("ALTER TABLE facts RENAME COLUMN facts TO fasts").unwrap(),
        |catalog, dir| {
            let number = |sql: &str| catalog.query_row(sql, (), |row| row.get::<_, u32>(0)).unwrap();
            let size = number("PRAGMA page_size");
            let page = number("SELECT rootpage FROM sqlite_schema WHERE name = 'facts'");
            let mut bytes = fs::read(dir.join("catalog.sqlite")).unwrap();
            let at = ((page - 1) * size) as usize;
            bytes[at..at + size as usize].fill(0x5A);
            fs::write(dir.join("catalog.sqlite"), bytes).unwrap();
        },
    ];
    for (number, damage) in damages.iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        store.commit_embedded(batch(0..200)).unwrap();
        fill(&mut store);
        drop(store);
        damage(&Connection::open(dir.path().join("catalog.sqlite")).unwrap(), dir.path());
        let (reader, _) = Store::open_to_read(dir.path(), &model()).unwrap();
        assert_holds(&reader, 0..200);
        drop(reader);
        let (mut store, notices) = Store::open(dir.path(), &model()).unwrap();
        assert_eq!(notices.len(), usize::from(number == 2), "{notices:?}");
        assert_holds(&store, 0..200);
        assert_eq!(fill(&mut store), 133);
        assert_known(&store);
        assert_eq!(store.check(), [""; 0]);
    }
}

#[test]
fn facts_of_a_file_that_has_gone_or_is_another_one_are_not_stored() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    store.add_root(Path::new("/photos")).unwrap();
    store.commit_embedded(batch(1..2)).unwrap();
    let picture = PictureFiles::open(dir.path()).unwrap().next_page().unwrap().remove(0);
    store.remove_missing(&Default::default(), &["/photos".into()], &[]).unwrap();
    // the number of the file is used again
    store.commit_embedded(batch(2..3)).unwrap();
    let origin =
        FactsOrigin { file: FileStamp { bytes: 1, modified_ns: 1, change_mark: 1 }, sidecar: None, reader: READER };
    store.put_facts(&[ReadFacts { picture, origin, facts: facts(1) }]).unwrap();
    assert_eq!(count(dir.path(), "facts"), 0);
    assert!(store.snapshot().photo(0).is_none());
}

/// The fixture, with its photos in a folder of this test.
#[cfg(unix)]
struct Migrated(TempDir);

#[cfg(unix)]
impl Migrated {
    fn new() -> Self {
        use std::os::unix::ffi::OsStrExt;
        let dir = tempfile::tempdir().unwrap();
        let fixture = crate::support::project_dir().join("tests/fixtures/library_v1");
        copy(&fixture, dir.path());
        let catalog = Connection::open(dir.path().join("library/catalog.sqlite")).unwrap();
        assert_eq!(catalog.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).unwrap(), 1);
        for table in ["files", "roots"] {
            let mut all = catalog.prepare(&format!("SELECT path FROM {table}")).unwrap();
            let paths: Vec<Vec<u8>> = all.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect();
            for path in paths {
                let name = String::from_utf8(path.clone()).unwrap();
                let here = fs::canonicalize(dir.path()).unwrap().join(name.trim_start_matches('/'));
                let sql = format!("UPDATE {table} SET path = ? WHERE path = ?");
                catalog.execute(&sql, (here.as_os_str().as_bytes(), path)).unwrap();
            }
        }
        Self(dir)
    }

    fn library(&self) -> PathBuf {
        self.0.path().join("library")
    }

    fn version(&self) -> i64 {
        let catalog = Connection::open(self.library().join("catalog.sqlite")).unwrap();
        catalog.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    /// Numbers and contents of the items.
    fn items(&self) -> Vec<(u32, [u8; 32])> {
        let catalog = Connection::open(self.library().join("catalog.sqlite")).unwrap();
        let mut all = catalog.prepare("SELECT id, hash FROM items ORDER BY id").unwrap();
        all.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    }

    fn vectors(&self) -> Vec<u8> {
        let mut files = fs::read_dir(self.library().join("vectors")).unwrap().map(|entry| entry.unwrap().path());
        fs::read(files.next().unwrap()).unwrap()
    }
}

#[cfg(unix)]
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&path, &target);
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}

#[cfg(unix)]
fn photo(engine: &Engine, name: &str) -> Option<PhotoSummary> {
    let snapshot = engine.snapshot();
    let item = snapshot.items().find(|item| item.path.ends_with(name)).unwrap();
    snapshot.photo_of(item.id).cloned()
}

/// Waits until all pictures were looked at since the last import.
#[cfg(unix)]
fn wait_for_facts(engine: &Engine) {
    let known = || {
        let snapshot = engine.snapshot();
        let mut pictures = snapshot.items().filter(|item| item.pixels.is_some());
        pictures.all(|item| snapshot.photo_of(item.id).is_some())
    };
    while !known() {
        wait(engine, |event| matches!(event, Event::Snapshot(_) | Event::FactsProgress(None)).then_some(()));
    }
}

#[cfg(unix)]
#[test]
fn a_library_of_format_1_is_migrated_in_place_and_nothing_is_embedded_again() {
    let place = Migrated::new();
    let (items, vectors) = (place.items(), place.vectors());
    assert_eq!(items.len(), 6);
    let engine = Engine::open(&place.library(), || {}).unwrap();
    let snapshot = engine.snapshot();
    let now: Vec<_> = snapshot.items().map(|item| (item.id.0, item.hash.0)).collect();
    assert_eq!(now, items);
    let sidecar = snapshot.items().find(|item| item.path.ends_with("screen.xmp")).unwrap().id.0;
    let kept: Vec<_> = items.iter().filter(|(id, _)| *id != sidecar).copied().collect();
    engine.submit(Job::Rescan);
    let summary = wait(&engine, |event| match event {
        Event::ImportFinished(summary) => Some(summary),
        _ => None,
    });
    assert_eq!(
        (summary.embedded, summary.reused, summary.items, summary.failed),
        (0, 5, 5, 0),
        "the sidecar was an item once"
    );
    wait_for_facts(&engine);
    let camera = photo(&engine, "photo.jpg").unwrap();
    assert_eq!((camera.camera.as_deref(), camera.iso), (Some("FUJIFILM X100V"), Some(400)));
    assert!(camera.position.is_some_and(|[north, _]| (north - 48.208_33).abs() < 1e-3));
    let named = photo(&engine, "IMG_20230614_153012.jpg").unwrap();
    assert_eq!((named.taken, named.taken_source), (Some(1_686_756_612), Some(vicinity_core::TimeSource::FileName)));
    let screen = photo(&engine, "screen.png").unwrap();
    assert_eq!((screen.rating, screen.keywords.len()), (Some(4), 2));
    drop(engine);
    assert_eq!((place.version(), place.items(), place.vectors()), (2, kept, vectors));
    // and the next time everything is known at once
    let engine = Engine::open(&place.library(), || {}).unwrap();
    assert_eq!(photo(&engine, "screen.png"), Some(screen));
}

#[cfg(unix)]
#[test]
fn a_library_of_format_1_can_be_read_without_changing_it() {
    use vicinity_engine::runtime_settings::RuntimeSettings;
    use vicinity_engine::{Access, OpenMode};
    let place = Migrated::new();
    let before = fs::read(place.library().join("catalog.sqlite")).unwrap();
    let mode = OpenMode { access: Access::Read, ..OpenMode::default() };
    let engine = Engine::open_in_mode(&place.library(), None, &RuntimeSettings::default(), mode, || {}).unwrap();
    assert_eq!(engine.snapshot().len(), 6);
    engine.submit(Job::ReadFacts);
    wait(&engine, |event| matches!(event, Event::FactsProgress(None)).then_some(()));
    assert_eq!(photo(&engine, "photo.jpg"), None, "nothing is filled in a library that is only read");
    let id = engine.snapshot().items().find(|item| item.path.ends_with("photo.jpg")).unwrap().id;
    engine.submit(Job::Facts(id));
    let facts = wait(&engine, |event| match event {
        Event::Facts(of, facts) if of == id => Some(facts),
        _ => None,
    });
    assert_eq!(facts.camera_model.as_deref(), Some("X100V"), "read from the file where nothing is stored");
    drop(engine);
    assert_eq!(fs::read(place.library().join("catalog.sqlite")).unwrap(), before);
}

/// Migrates the library that it is told.
#[cfg(unix)]
#[test]
fn child_migrates() {
    let Some(dir) = std::env::var_os("VICINITY_TEST_MIGRATE") else { return };
    println!("\nbegins");
    let key = vicinity_models::builtin::info().unwrap().key;
    drop(Store::open(Path::new(&dir), &key).unwrap());
}

#[cfg(unix)]
#[test]
fn a_migration_that_is_killed_leaves_one_format_or_the_other() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    let key = vicinity_models::builtin::info().unwrap().key;
    let mut seen = [0, 0];
    for round in 0..12 {
        let place = Migrated::new();
        let items = place.items();
        let mut command = crate::support::rerun(module_path!(), "child_migrates");
        command.arg("--nocapture").env("VICINITY_TEST_MIGRATE", place.library());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        lines.find(|line| line == "begins").unwrap();
        std::thread::sleep(std::time::Duration::from_micros(round * 700));
        child.kill().unwrap();
        child.wait().unwrap();
        seen[place.version() as usize - 1] += 1;
        let (store, notices) = Store::open(&place.library(), &key).unwrap();
        assert_eq!(notices, [], "round {round}");
        assert_eq!(store.check(), [""; 0], "round {round}");
        drop(store);
        assert_eq!((place.version(), place.items()), (2, items), "round {round}");
    }
    println!("killed before and after the migration: {seen:?}");
}

/// The names of the files in which the words of a query are found.
fn found(store: &Store, query: &str) -> Vec<String> {
    let snapshot = store.snapshot();
    let mut names: Vec<String> =
        store.find_words(query).unwrap().into_iter().map(|id| snapshot.get(id).unwrap().name()).collect();
    names.sort();
    names
}

#[test]
fn words_of_names_folders_facts_and_texts_are_found_and_go_with_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let (library, files) = (dir.path().join("library"), dir.path().join("Größe_M"));
    fs::create_dir(&files).unwrap();
    let photos = crate::support::project_dir().join("tests/fixtures/library_v1/photos");
    for name in ["screen.png", "screen.xmp"] {
        fs::copy(photos.join(name), files.join(name)).unwrap();
    }
    fs::write(files.join("sea.txt"), "Über dem Meer, in a \"quoted\" word NEAR the shore").unwrap();
    fs::write(files.join("library.txt"), "北京图书馆在哪里？").unwrap();
    let import = |job: Job| {
        let engine = Engine::open(&library, || {}).unwrap();
        engine.submit(job);
        wait(&engine, |event| matches!(event, Event::ImportFinished(_)).then_some(()));
        engine.submit(Job::ReadFacts);
        // one look may be under way, and the one that was asked for follows
        let words = || open_words(&library);
        while words() < engine.snapshot().len() {
            wait(&engine, |event| matches!(event, Event::Snapshot(_) | Event::FactsProgress(_)).then_some(()));
        }
    };
    import(Job::Add(vec![files.clone()]));
    let key = vicinity_models::builtin::info().unwrap().key;
    let (store, _) = Store::open(&library, &key).unwrap();
    for query in ["uber", "ÜBER meer", "shore sea", "\"dem Meer\"", "\"quoted\" word", "near"] {
        assert_eq!(found(&store, query), ["sea.txt"], "{query}");
    }
    for query in ["图书", "图书馆", "北京", "\"图书馆\""] {
        assert_eq!(found(&store, query), ["library.txt"], "{query}");
    }
    for query in ["图馆", "\"meer dem\"", "shore ship", "NOT shore", "", "\"", "*", "sea*shore OR", "a\0b", "name:sea"]
    {
        assert_eq!(found(&store, query), [""; 0], "{query}");
    }
    assert_eq!(found(&store, "code window"), ["screen.png"], "keywords; the sidecar is no item");
    assert_eq!(found(&store, "grosse m screen"), [""; 0], "ß is no ss");
    assert_eq!(found(&store, "größe m png"), [""; 0], "an extension is no word");
    assert_eq!(found(&store, "GRÖSSE"), [""; 0]);
    assert_eq!(found(&store, "große m screen"), ["screen.png"]);
    drop(store);
    fs::write(files.join("sea.txt"), "Nothing of that is left").unwrap();
    fs::remove_file(files.join("library.txt")).unwrap();
    import(Job::Rescan);
    let (store, _) = Store::open(&library, &key).unwrap();
    assert_eq!((found(&store, "meer"), found(&store, "图书")), (vec![], vec![]));
    assert_eq!(found(&store, "nothing left"), ["sea.txt"]);
    assert_eq!(count(&library, "words"), 2);
    assert_eq!(store.check(), [""; 0]);
}

/// Number of items whose words are as their files are.
fn open_words(library: &Path) -> usize {
    let mut files = vicinity_engine::store::WordsFiles::open(library).unwrap();
    let page = files.next_page().unwrap();
    if files.has_orphans().unwrap() { 0 } else { page.iter().filter(|file| file.is_current).count() }
}

#[test]
fn tables_of_words_that_cannot_be_used_cost_no_item() {
    for damage in [
        "DROP TABLE words",
        "DROP TABLE file_words",
        "DELETE FROM words_data",
        "UPDATE words_data SET block = x'00'",
        "ALTER TABLE file_words RENAME COLUMN reader TO writer",
        "DROP TABLE words; CREATE TABLE words (a)",
        "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = replace(sql, 'fts5', 'fts9') WHERE name = 'words'",
        "PRAGMA writable_schema = 1; DELETE FROM sqlite_schema WHERE name = 'words_idx'",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        store.commit_embedded(batch(0..20)).unwrap();
        drop(store);
        let catalog = Connection::open(dir.path().join("catalog.sqlite")).unwrap();
        catalog.execute_batch(damage).unwrap_or_else(|error| panic!("{damage}: {error}"));
        drop(catalog);
        let (store, _) = Store::open(dir.path(), &model()).unwrap_or_else(|error| panic!("{damage}: {error}"));
        assert_holds(&store, 0..20);
        assert_eq!(store.find_words("photos").unwrap(), [], "{damage}");
        assert_eq!(store.check(), [""; 0], "{damage}");
        drop(store);
        open(dir.path());
    }
}

#[test]
fn facts_are_not_stored_in_a_library_that_is_only_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    store.commit_embedded(batch(0..2)).unwrap();
    drop(store);
    let (mut reader, _) = Store::open_to_read(dir.path(), &model()).unwrap();
    assert!(matches!(reader.put_facts(&[]), Err(StoreError::ReadOnly { .. })));
}

/// A library of ITEMS items: `ITEMS=1000000 cargo nextest run -p vicinity-engine --test engine facts::figures --run-ignored
/// only --no-capture`
#[test]
#[ignore = "prints figures; run by hand"]
fn figures() {
    use std::time::Instant;
    let items = std::env::var("ITEMS").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let dir = tempfile::tempdir().unwrap();
    let timed = |what: &str, start: Instant| println!("{what}: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    let mut store = open(dir.path());
    for first in (0..items).step_by(4096) {
        store.commit_embedded(batch(first..items.min(first + 4096))).unwrap();
    }
    store.save_sums().unwrap();
    drop(store);
    let opened = |what: &str| {
        for _ in 0..3 {
            let start = Instant::now();
            drop(Store::open_unverified(dir.path(), &model()).unwrap());
            timed(what, start);
        }
    };
    opened("opened without facts");
    let mut store = open(dir.path());
    let start = Instant::now();
    fill(&mut store);
    timed("stored the facts of two thirds", start);
    let start = Instant::now();
    assert_eq!(fill(&mut store), 0);
    timed("looked through them", start);
    drop(store);
    opened("opened with facts");
}
