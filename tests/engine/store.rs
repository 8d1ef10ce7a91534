//! The library on disk: what is committed stays, what is damaged is told, what is known is not embedded again.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use vicinity_core::{Embedding, LabelSet, Layout, LayoutMethod, MapPos, Modality, Part, SkipReason};
use vicinity_engine::ImportOptions;
use vicinity_engine::store::{
    AssignedLabel, FileStamp, FileStatus, NewItem, RejectedFile, RejectionCause, Store, StoreError,
};
use vicinity_models::{LongText, ModelKey};

use crate::support::library::{DIM, assert_holds, batch, embedding, hash, item, known, model, open};

fn vector_file(dir: &Path) -> PathBuf {
    let mut files = fs::read_dir(dir.join("vectors")).expect("a folder").map(|e| e.expect("an entry").path());
    files.find(|path| path.extension().is_some_and(|e| e == "f32")).expect("a vector file")
}

#[test]
fn what_is_committed_is_there_again_with_all_its_fields() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = open(dir.path());
    assert!(store.add_root(Path::new("/photos")).expect("writable"));
    assert!(!store.add_root(Path::new("/photos")).expect("writable"), "twice is once");
    store.commit_embedded(batch(0..10)).expect("stored");
    store.commit_embedded(batch(10..5000)).expect("stored");
    assert_holds(&store, 0..5000);
    let before = store.snapshot();
    assert_eq!(before.epoch(), open_epoch(&store), "appending starts no epoch");
    drop(store);

    let store = open(dir.path());
    assert_holds(&store, 0..5000);
    assert!(before.items().eq(store.snapshot().items()), "every field survives");
    assert_eq!(store.roots().len(), 1);
    assert!((0..5000).all(|n| known(&store, &item(format!("/photos/{n}.jpg"), n))));
    assert_eq!(store.check(), [""; 0]);
}

fn open_epoch(store: &Store) -> u64 {
    store.snapshot().epoch()
}

#[test]
fn snapshots_share_full_chunks_and_never_change() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = open(dir.path());
    store.commit_embedded(batch(0..5000)).expect("stored");
    let first = store.snapshot();
    store.commit_embedded(batch(5000..5010)).expect("stored");
    let second = store.snapshot();
    assert_eq!((first.len(), second.len()), (5000, 5010));
    assert_eq!(first.epoch(), second.epoch());
    assert!(second.generation() > first.generation());
    assert!(std::sync::Arc::ptr_eq(&first.parts().chunks[0], &second.parts().chunks[0]));
    store.remove_missing(&HashSet::new(), &[], &[]).expect("no root, nothing missing");
    assert_eq!(store.snapshot().len(), 5010);
    assert_eq!(first.vector(4999), Some(embedding(4999).as_slice()), "an old snapshot stays readable");
}

#[test]
fn a_changed_file_replaces_its_item_and_keeps_its_name() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = open(dir.path());
    store.commit_embedded(batch(0..5)).expect("stored");
    let (id, epoch) = (store.snapshot().item(2).expect("there").id, store.snapshot().epoch());
    let changed = NewItem { path: "/photos/2.jpg".into(), ..item("", 77) };
    assert!(!known(&store, &changed));
    store.commit_embedded(vec![(changed.clone(), embedding(77))]).expect("stored");
    assert!(known(&store, &changed));
    assert_eq!(store.snapshot().item(2).expect("there").id, id);
    assert!(store.snapshot().epoch() > epoch, "a vector in a row changed");
    assert_holds(&store, [0, 1, 77, 3, 4]);
    drop(store);
    assert_holds(&open(dir.path()), [0, 1, 77, 3, 4]);
}

#[test]
fn renamed_copied_and_touched_files_need_no_embedding() {
    let dir = tempfile::tempdir().expect("a folder");
    let photos = tempfile::tempdir().expect("a folder");
    let at = |name: &str| photos.path().join(name);
    let mut store = open(&dir.path().join("library"));
    store.add_root(photos.path()).expect("writable");
    for n in 1..4_u32 {
        fs::write(at(&format!("{n}.jpg")), [n as u8]).expect("written");
        store.commit_embedded(vec![(item(at(&format!("{n}.jpg")), n), embedding(n))]).expect("stored");
    }
    let ids: Vec<_> = store.snapshot().items().map(|item| item.id).collect();

    fs::rename(at("1.jpg"), at("moved.jpg")).expect("renamed");
    fs::copy(at("2.jpg"), at("copy.jpg")).expect("copied");
    let touched = NewItem { modified_ns: 999, ..item(at("3.jpg"), 3) };
    assert!((1..4).all(|n| store.has_vector(&hash(n), item("", n).modality)));
    let seen = vec![item(at("moved.jpg"), 1), item(at("copy.jpg"), 2), touched.clone()];
    store.commit_known(seen.clone()).expect("stored");
    let names = |store: &Store| store.snapshot().items().map(|item| item.name()).collect::<Vec<_>>();
    assert_eq!(names(&store), ["moved.jpg", "2.jpg", "3.jpg", "copy.jpg"]);
    assert_eq!(store.snapshot().items().take(3).map(|item| item.id).collect::<Vec<_>>(), ids, "a move keeps the item");
    assert!(seen.iter().all(|item| known(&store, item)));
    assert!(!known(&store, &item(at("1.jpg"), 1)), "the old place is forgotten");
    assert_holds(&store, [1, 2, 3, 2]);
    let size = fs::metadata(vector_file(store.dir())).expect("there").len();
    assert_eq!(size, 64 + 3 * DIM as u64 * 4, "no vector was written twice");
    drop(store);
    let store = open(&dir.path().join("library"));
    assert_eq!(names(&store), ["moved.jpg", "2.jpg", "3.jpg", "copy.jpg"]);
    assert_eq!(store.check(), [""; 0]);
}

#[test]
fn an_unplugged_disk_keeps_its_items_and_a_vanished_file_goes() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = open(dir.path());
    for root in ["/disk", "/photos"] {
        store.add_root(Path::new(root)).expect("writable");
    }
    store.commit_embedded(batch(0..4)).expect("stored");
    store.commit_embedded(vec![(item("/disk/10.jpg", 10), embedding(10))]).expect("stored");
    let epoch = store.snapshot().epoch();
    let seen = [0, 1, 3].map(|n| PathBuf::from(format!("/photos/{n}.jpg"))).into_iter().collect();
    let removed =
        store.remove_missing(&seen, &["/disk".into(), "/photos".into()], &[PathBuf::from("/disk")]).expect("writable");
    assert_eq!(removed, 1);
    assert_holds(&store, [0, 1, 3, 10]);
    assert!(store.snapshot().epoch() > epoch);
    let available: Vec<bool> = store.snapshot().parts().roots.iter().map(|root| root.available).collect();
    assert_eq!(available, [false, true]);
    assert!(store.has_vector(&hash(2), item("", 2).modality), "its vector stays for when it comes back");
    assert_eq!(store.remove_root(Path::new("/photos")).expect("writable"), 3);
    drop(store);
    let store = open(dir.path());
    assert_holds(&store, [10]);
    assert_eq!(store.roots().len(), 1);
}

fn stamp(bytes: u64, modified_ns: i64) -> FileStamp {
    FileStamp { bytes, modified_ns, change_mark: 0 }
}

#[test]
fn a_table_is_known_only_when_all_its_rows_are_stored() {
    let dir = tempfile::tempdir().expect("a folder");
    let row = |row: u32, n: u32| NewItem { part: Some(Part::Row(row)), bytes: 9, modified_ns: 9, ..item("/t.csv", n) };
    let mut store = open(dir.path());
    store.commit_embedded(vec![(row(1, 3), embedding(3)), (row(2, 6), embedding(6))]).expect("stored");
    drop(store);
    let mut store = open(dir.path());
    assert_eq!(
        store.known(Path::new("/t.csv"), stamp(9, 9)),
        FileStatus::Changed,
        "cut short: the rest is still to come"
    );
    store.commit_known(vec![row(1, 3), row(2, 6)]).expect("stored");
    store.commit_embedded(vec![(row(3, 9), embedding(9))]).expect("stored");
    store.finish_parts(Path::new("/t.csv"), stamp(9, 9), None).expect("stored");
    assert_eq!(store.known(Path::new("/t.csv"), stamp(9, 9)), FileStatus::Unchanged);
    assert_holds(&store, [3, 6, 9]);
    drop(store);
    let mut store = open(dir.path());
    assert_eq!(store.known(Path::new("/t.csv"), stamp(9, 9)), FileStatus::Unchanged);
    let shorter = NewItem { modified_ns: 10, ..row(1, 6) };
    store.commit_known(vec![shorter]).expect("stored");
    store.finish_parts(Path::new("/t.csv"), stamp(9, 10), None).expect("stored");
    assert_holds(&store, [6]);
    // The same file, read in another way, has another row alone.
    let other = NewItem { modified_ns: 10, ..row(2, 3) };
    store.commit_known(vec![other]).expect("stored");
    store.finish_parts(Path::new("/t.csv"), stamp(9, 10), None).expect("stored");
    assert_holds(&store, [6, 3]);
    store.finish_parts(Path::new("/t.csv"), stamp(9, 10), Some(&[2])).expect("stored");
    assert_holds(&store, [3]);
    assert_eq!(store.known(Path::new("/t.csv"), stamp(9, 10)), FileStatus::Unchanged);
}

#[test]
fn options_that_change_vectors_make_texts_new_and_pictures_not() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = open(dir.path());
    assert_eq!(store.import_options(), None);
    store.commit_embedded(batch(0..4)).expect("stored"); // 0 and 3 are texts
    let options = ImportOptions {
        excludes: vec!["*.tmp".into()],
        rows: false,
        pages: false,
        long_text: LongText::Mean,
        watch: true,
        ..ImportOptions::default()
    };
    store.set_import_options(&options).expect("stored");
    drop(store);
    let mut store = open(dir.path());
    assert_eq!(store.import_options(), Some(&options));
    let is_known = |store: &Store| [0, 1, 2, 3].map(|n| known(store, &item(format!("/photos/{n}.jpg"), n)));
    assert_eq!(is_known(&store), [false, true, true, false]);
    assert_eq!(store.snapshot().len(), 4, "they stay searchable meanwhile");
    assert!(!store.has_vector(&hash(3), Modality::Text));
    store.commit_embedded(batch(3..4)).expect("stored");
    assert_eq!(is_known(&store), [false, true, true, true]);
    store.set_import_options(&ImportOptions { long_text: LongText::Truncate, ..options }).expect("stored");
    assert_eq!(is_known(&store), [true; 4], "the earlier vectors are still there");
}

#[test]
fn failures_are_remembered_until_the_file_changes_is_read_or_retried() {
    let dir = tempfile::tempdir().expect("a folder");
    let failed = |n: u32| RejectedFile {
        parts: 1,
        cause: RejectionCause::Content,
        change_mark: 0,
        path: format!("/photos/{n}.jpg").into(),
        reason: "It is not a picture.".into(),
        bytes: 1000 + u64::from(n),
        modified_ns: i64::from(n),
    };
    let mut store = open(dir.path());
    store.record_rejected((1..5).map(failed).collect()).expect("stored");
    drop(store);
    let mut store = open(dir.path());
    assert_eq!(store.failures().len(), 4);
    let first = item("/photos/1.jpg", 1);
    assert_eq!(store.known(&first.path, first.stamp()), FileStatus::Failed, "not tried again");
    assert!(!known(&store, &item("/photos/1.jpg", 2)), "it changed");
    store.commit_embedded(batch(2..3)).expect("stored");
    store.clear_failures(&["/photos/3.jpg".into()]).expect("stored");
    assert_eq!(
        store.failures().iter().map(|f| f.path.clone()).collect::<Vec<_>>(),
        [PathBuf::from("/photos/1.jpg"), PathBuf::from("/photos/4.jpg")]
    );
    store.clear_failures(&[]).expect("stored");
    drop(store);
    assert_eq!(open(dir.path()).failures(), []);
}

#[test]
fn skipped_files_are_retried_if_the_reason_may_have_gone() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = open(dir.path());
    let left_out = |name: &str, reason| RejectedFile {
        parts: 1,
        path: PathBuf::from(name),
        reason: String::new(),
        cause: RejectionCause::LeftOut(reason),
        bytes: 1,
        modified_ns: 1,
        change_mark: 0,
    };
    let files = [
        left_out("/a.mkv", SkipReason::Video),
        left_out("/b.exe", SkipReason::Program),
        left_out("/c.dng", SkipReason::RawPhoto),
        left_out("/d.raf", SkipReason::Companion),
    ];
    store.record_rejected(files.to_vec()).expect("stored");
    assert_eq!(store.retried_files(), [Path::new("/a.mkv"), Path::new("/c.dng")]);
    assert_eq!(store.left_out_reason(Path::new("/b.exe")), Some(SkipReason::Program));
    assert_eq!(store.left_out_reason(Path::new("/e.jpg")), None);
}

#[cfg(unix)]
fn name_that_is_no_unicode() -> std::ffi::OsString {
    std::os::unix::ffi::OsStringExt::from_vec(b"caf\xe9 \xff.jpg".to_vec())
}

/// Half of a pair of surrogates, which NTFS allows.
#[cfg(windows)]
fn name_that_is_no_unicode() -> std::ffi::OsString {
    std::os::windows::ffi::OsStringExt::from_wide(&[0x63, 0xD83D, 0x2E, 0x6A, 0x70, 0x67])
}

#[test]
fn names_that_are_not_unicode_survive() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = &Path::new("/photos").join(name_that_is_no_unicode());
    assert!(path.to_str().is_none());
    let mut store = open(dir.path());
    store.commit_embedded(vec![(item(path, 1), embedding(1))]).expect("stored");
    drop(store);
    let store = open(dir.path());
    assert_eq!(&*store.snapshot().item(0).expect("there").path, path);
    assert!(known(&store, &item(path, 1)));
}

#[test]
fn models_have_spaces_of_their_own() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = open(dir.path());
    store.commit_embedded(batch(0..6)).expect("stored");
    drop(store);
    let other = ModelKey { preprocessing: "p2".into(), ..model() };
    let (mut store, _) = Store::open(dir.path(), &other).expect("opens");
    assert!(store.snapshot().is_empty());
    assert!(!known(&store, &item("/photos/0.jpg", 0)));
    let epoch = store.snapshot().epoch();
    store.commit_embedded(batch(2..6)).expect("stored");
    assert_eq!(store.snapshot().epoch(), epoch, "another model only appends");
    assert_holds(&store, 2..6);
    let wrong = Embedding::new(vec![1.0; 7]).expect("not zero");
    let error = store.commit_embedded(vec![(item("/x.jpg", 9), wrong)]).expect_err("another dimension");
    assert!(matches!(error, StoreError::Dimension { found: 7, wanted: DIM }));
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.snapshot().len(), 6, "the first model's vectors are all there");
    assert_eq!(store.check(), [""; 0]);
}

#[test]
fn a_second_opener_reads_and_follows() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = open(dir.path());
    writer.commit_embedded(batch(0..10)).expect("stored");
    let (mut reader, _) = Store::open(dir.path(), &model()).expect("opens");
    assert!(reader.read_only().expect("says why").contains("Another window"));
    assert_eq!(reader.snapshot().parts().read_only.as_deref(), reader.read_only());
    assert_holds(&reader, 0..10);
    let error = reader.commit_embedded(batch(10..11)).expect_err("may not write");
    assert!(matches!(error, StoreError::ReadOnly { .. }));
    reader.refresh().expect("readable");
    writer.commit_embedded(batch(10..20)).expect("stored");
    assert!(reader.refresh().expect("readable"));
    assert!(!reader.refresh().expect("readable"), "nothing new");
    assert_holds(&reader, 0..20);
    drop(writer);
    assert_eq!(open(dir.path()).snapshot().len(), 20, "a reader does not keep others from writing");
}

#[test]
fn reading_takes_no_lock_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("a folder");
    let missing = Store::open_to_read(dir.path(), &model()).err().expect("there is none");
    assert!(matches!(missing, StoreError::Missing { .. }), "{missing}");
    assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 0, "none is made");

    let library = dir.path().join("library");
    let mut writer = open(&library);
    writer.commit_embedded(batch(0..10)).expect("stored");
    let (reader, notices) = Store::open_to_read(&library, &model()).expect("opens beside a writer");
    assert_eq!(notices, []);
    assert_holds(&reader, 0..10);
    drop(writer);
    let mut writer = open(&library);
    writer.commit_embedded(batch(10..20)).expect("a reader keeps nobody from writing");
    drop((writer, reader));
    let list = || {
        let names = fs::read_dir(&library).expect("there").map(|entry| entry.expect("readable"));
        let mut names: Vec<_> = names.map(|e| (e.file_name(), e.metadata().expect("there").modified().ok())).collect();
        names.sort();
        names
    };
    let before = list();
    let (mut reader, _) = Store::open_to_read(&library, &model()).expect("opens");
    assert_holds(&reader, 0..20);
    assert_eq!(reader.check(), [""; 0]);
    let error = reader.commit_embedded(batch(20..21)).expect_err("may not write");
    assert!(matches!(error, StoreError::ReadOnly { .. }));
    drop(reader);
    assert_eq!(list(), before);
}

#[test]
fn a_writer_that_is_closing_is_waited_for() {
    let dir = tempfile::tempdir().expect("a folder");
    let writer = open(dir.path());
    writer.closing().expect("a writer").begin();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let closes = std::thread::spawn(move || {
        released.recv().expect("a word");
        drop(writer);
    });
    let dir_of_opener = dir.path().to_owned();
    let opens = std::thread::spawn(move || Store::open(&dir_of_opener, &model()).expect("opens").0);
    std::thread::sleep(std::time::Duration::from_millis(400));
    assert!(!opens.is_finished(), "it waits");
    release.send(()).expect("heard");
    let next = opens.join().expect("no panic");
    assert_eq!(next.read_only(), None, "nobody else has it");
    closes.join().expect("no panic");
}

#[test]
fn labels_stay_with_their_contents() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = open(dir.path());
    store.commit_embedded(batch(0..6)).expect("stored");
    assert_eq!(store.labels().expect("readable"), None);
    let set = LabelSet { name: "Mine".into(), labels: vec!["ship".into(), "tree".into()] };
    let give = |n: u32, label: &str| {
        let modality = item("", n).modality;
        AssignedLabel { hash: hash(n), modality, label: label.into(), score: 0.25, share: 0.5 }
    };
    store.assign_labels(&set, &[give(1, "ship"), give(2, "ship")], &[]).expect("stored");
    store.assign_labels(&set, &[give(0, "tree"), give(2, "tree"), give(3, "tree")], &[]).expect("stored");
    store.assign_labels(&set, &[], &[(hash(0), item("", 0).modality)]).expect("taken away again");
    let labelled = |store: &Store| {
        let snapshot = store.snapshot();
        let labels = store.labels().expect("readable")?.of_items(&snapshot)?;
        let label = |row| labels.best.get(&snapshot.item(row).expect("there").id).map(|s| s.label);
        Some(((0..snapshot.len()).map(label).collect::<Vec<_>>(), labels.set))
    };
    let expected = Some((vec![None, Some(0), Some(1), Some(1), None, None], set.clone()));
    assert_eq!(labelled(&store), expected);
    drop(store);
    assert_eq!(labelled(&open(dir.path())), expected, "after a restart");
    let other = ModelKey { preprocessing: "p2".into(), ..model() };
    let (mut store, _) = Store::open(dir.path(), &other).expect("opens");
    store.commit_embedded(batch(0..6)).expect("stored");
    assert_eq!(labelled(&store), expected, "with another model");
    drop(store);
    fs::write(dir.path().join("vectors/x.tmp"), []).expect("written");
    let mut store = open(dir.path());
    store.replace_labels(&set, &[give(4, "tree")]).expect("stored");
    assert_eq!(labelled(&store), Some((vec![None, None, None, None, Some(1), None], set)));
    let none = LabelSet { name: "Mine".into(), labels: Vec::new() };
    store.replace_labels(&none, &[]).expect("stored");
    assert_eq!(store.labels().expect("readable"), None);
}

#[test]
fn a_newer_library_is_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(open(dir.path()));
    let catalog = rusqlite::Connection::open(dir.path().join("catalog.sqlite")).expect("opens");
    catalog.pragma_update(None, "user_version", 99).expect("written");
    drop(catalog);
    let error = Store::open(dir.path(), &model()).err().expect("too new");
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
}

#[test]
fn thumbnails_and_layout_are_caches() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = open(dir.path());
    store.commit_embedded(batch(0..5)).expect("stored");
    let jpeg = [&[0xFF, 0xD8, 1, 2, 3][..], &[0xFF, 0xD9]].concat();
    store.put_thumbnail(&hash(1), &jpeg);
    store.put_thumbnail(&hash(2), &jpeg[..4]); // torn
    let cache = store.thumbnails();
    assert_eq!(std::thread::spawn(move || cache.get(&hash(1))).join().expect("no panic"), Some(jpeg.clone()));
    assert_eq!(store.thumbnail(&hash(2)), None);

    let positions: Vec<MapPos> = (0..5).map(|i| MapPos { x: i as f32, y: 0.5 }).collect();
    let epoch = store.snapshot().epoch();
    let layout =
        Layout { method: LayoutMethod::Umap, epoch, settled: 3, positions, trustworthiness: Some(0.99), generation: 7 };
    store.save_layout(&layout).expect("stored");
    store.add_root(Path::new("/photos")).expect("writable");
    let seen = [0, 2, 3, 4].map(|n| PathBuf::from(format!("/photos/{n}.jpg"))).into_iter().collect();
    store.remove_missing(&seen, &["/photos".into()], &[]).expect("writable");
    store.commit_embedded(batch(8..9)).expect("stored");
    let loaded = store.load_layout().expect("there");
    assert_eq!(loaded.positions.iter().map(|p| p.x).collect::<Vec<_>>(), [0.0, 2.0, 3.0, 4.0], "by item, not by row");
    assert_eq!((loaded.method, loaded.trustworthiness), (LayoutMethod::Umap, Some(0.99)));
    assert_eq!(loaded.epoch, store.snapshot().epoch());
    assert_eq!(loaded.settled, 2, "of the first three one is gone");

    fs::remove_dir_all(dir.path().join("thumbs")).expect("removed");
    assert_eq!(store.thumbnail(&hash(1)), None);
    store.put_thumbnail(&hash(1), &jpeg);
    assert_eq!(store.thumbnail(&hash(1)), Some(jpeg));
    let mut bytes = fs::read(layout_file(dir.path())).expect("there");
    *bytes.last_mut().expect("not empty") ^= 1;
    fs::write(layout_file(dir.path()), bytes).expect("written");
    assert_eq!(store.load_layout(), None, "damaged");
    fs::remove_file(layout_file(dir.path())).expect("removed");
    assert_eq!(store.load_layout(), None);
}

/// Compacts all vector files, as an idle library does it; the number of removed vectors.
fn compact(store: &mut Store) -> u64 {
    let mut removed = 0;
    for number in 0..store.compaction_tasks().expect("writable").len() {
        // in the order of the catalog, where a compacted one moves to the end
        let task = store.compaction_tasks().expect("writable").remove(0);
        let Some(prepared) = task.prepare(false, &|| false).expect("writable") else {
            assert_eq!(number, 0, "only the last may have nothing to do");
            continue;
        };
        assert!(store.adopt_compaction(&prepared).expect("writable"));
        removed += prepared.removed();
        prepared.finish().expect("writable");
    }
    removed
}

/// Items `numbers` of which only the odd ones are left.
fn half_removed(dir: &Path, numbers: std::ops::Range<u32>) -> Store {
    let mut store = open(dir);
    store.add_root(Path::new("/photos")).expect("writable");
    store.commit_embedded(batch(numbers.clone())).expect("stored");
    let seen = numbers.filter(|n| n % 2 == 1).map(|n| PathBuf::from(format!("/photos/{n}.jpg"))).collect();
    store.remove_missing(&seen, &["/photos".into()], &[]).expect("writable");
    store
}

#[test]
fn compacting_frees_what_removed_items_used_and_changes_nothing_else() {
    let dir = tempfile::tempdir().expect("a folder");
    let odd = || (0..6000).filter(|n| n % 2 == 1);
    let mut store = half_removed(dir.path(), 0..6000);
    store.set_dimensions(24).expect("stored");
    store.set_dimensions(DIM).expect("stored");
    let (mut reader, _) = Store::open_to_read(dir.path(), &model()).expect("opens");
    let (before, epoch, bytes) = (store.snapshot(), store.snapshot().epoch(), store.vector_bytes());
    assert_eq!(bytes, 64 + 6000 * DIM as u64 * 4);
    assert!(store.has_vector(&hash(2), item("", 2).modality));

    assert_eq!(compact(&mut store), 3000);
    assert_holds(&store, odd());
    assert_eq!(store.vector_bytes(), 64 + 3000 * DIM as u64 * 4);
    assert_eq!(store.snapshot().epoch(), epoch, "rows keep their items, so that the map stays");
    assert!(!store.has_vector(&hash(2), item("", 2).modality));
    assert_eq!(store.check(), [""; 0]);
    assert_eq!(compact(&mut store), 0, "nothing is left to do");

    assert_eq!(before.vector(7), Some(embedding(15).as_slice()), "an old snapshot stays readable");
    assert_holds(&reader, odd());
    assert!(reader.refresh().expect("readable"));
    assert_holds(&reader, odd());
    assert_eq!(reader.check(), [""; 0]);
    assert_holds(&Store::open_to_read(dir.path(), &model()).expect("opens").0, odd());

    store.commit_embedded(batch(6000..6010)).expect("stored");
    drop((store, reader));
    let mut store = open(dir.path());
    assert_holds(&store, odd().chain(6000..6010));
    let seen = HashSet::from([PathBuf::from("/photos/6001.jpg")]);
    store.remove_missing(&seen, &["/photos".into()], &[]).expect("writable");
    assert_eq!(compact(&mut store), 3009, "and again");
    drop(store);
    assert_holds(&open(dir.path()), [6001]);
}

#[test]
fn compacting_keeps_the_vectors_of_other_models_and_of_both_ways_of_reading() {
    let dir = tempfile::tempdir().expect("a folder");
    let other = ModelKey { preprocessing: "p2".into(), ..model() };
    drop(half_removed(dir.path(), 0..10));
    let (mut store, _) = Store::open(dir.path(), &other).expect("opens");
    store.commit_embedded(batch(0..10)).expect("stored");
    let refused = RejectedFile {
        parts: 1,
        cause: RejectionCause::Refused { hash: hash(20) },
        change_mark: 0,
        path: "/photos/20.jpg".into(),
        reason: "Too large.".into(),
        bytes: 1,
        modified_ns: 1,
    };
    store.record_rejected(vec![refused]).expect("stored");
    let mean = ImportOptions {
        excludes: Vec::new(),
        rows: false,
        pages: false,
        long_text: LongText::Mean,
        watch: true,
        ..ImportOptions::default()
    };
    store.set_import_options(&mean).expect("stored");
    store.commit_embedded(batch(3..4)).expect("stored");
    let seen = [0, 3, 6, 9, 20].map(|n| PathBuf::from(format!("/photos/{n}.jpg"))).into_iter().collect();
    store.remove_missing(&seen, &["/photos".into()], &[]).expect("writable");
    assert_eq!(compact(&mut store), 6 + 6, "of both models");
    assert_holds(&store, [0, 3, 6, 9]);
    store.set_import_options(&ImportOptions { long_text: LongText::Truncate, ..mean }).expect("stored");
    assert!(known(&store, &item("/photos/3.jpg", 3)), "its earlier vector is still there");
    assert_eq!(store.failures().len(), 1, "and what this model refused");
    assert_eq!(store.check(), [""; 0]);
    drop(store);
    assert_holds(&open(dir.path()), [0, 3, 6, 9]);
}

#[test]
fn a_compaction_of_a_collection_that_changes_meanwhile_is_dropped() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = half_removed(dir.path(), 0..10);
    let names = || {
        let files = fs::read_dir(dir.path().join("vectors")).expect("a folder");
        files.map(|file| file.expect("an entry").file_name()).collect::<Vec<_>>()
    };
    let before = names();
    let prepare = |store: &Store| {
        let task = store.compaction_tasks().expect("writable").remove(0);
        task.prepare(false, &|| false).expect("writable").expect("five are unused")
    };
    let prepared = prepare(&store);
    assert_eq!(store.check(), [""; 0], "what is prepared is no damage");
    store.commit_known(vec![item("/photos/again.jpg", 2)]).expect("its vector is still there");
    assert!(!store.adopt_compaction(&prepared).expect("writable"));
    prepared.finish().expect("writable");
    assert_eq!(names(), before);
    assert_holds(&store, [1, 3, 5, 7, 9, 2]);
    // as after a kill
    std::mem::forget(prepare(&store));
    assert_eq!(names().len(), 2);
    drop(store);
    let mut store = open(dir.path());
    assert_eq!((names(), store.check()), (before, Vec::new()));
    let task = store.compaction_tasks().expect("writable").remove(0);
    assert!(task.prepare(false, &|| true).expect("writable").is_none(), "cancelled");
    assert_eq!(names().len(), 1);
    assert_eq!(compact(&mut store), 4);
    // a damaged name costs nothing
    drop(store);
    let catalog = rusqlite::Connection::open(dir.path().join("catalog.sqlite")).expect("opens");
    catalog.execute("UPDATE models SET file = '../elsewhere'", ()).expect("changed");
    drop(catalog);
    assert_holds(&open(dir.path()), [1, 3, 5, 7, 9, 2]);
}

#[test]
fn a_library_is_used_before_it_is_verified_and_repaired_afterwards() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = open(dir.path());
    store.commit_embedded(batch(0..20)).expect("stored");
    store.save_sums().expect("stored");
    drop(store);
    let path = vector_file(dir.path());
    let mut bytes = fs::read(&path).expect("there");
    for n in [4, 7] {
        bytes[64 + n * DIM * 4..][..8].fill(0xFF); // no numbers at all
    }
    fs::write(&path, bytes).expect("written");

    let (mut store, notices) = Store::open_unverified(dir.path(), &model()).expect("opens");
    assert_eq!((store.snapshot().len(), notices), (20, Vec::new()), "no vector was read");
    let (epoch, rows) = (store.snapshot().epoch(), store.vector_rows());
    let findings = store.take_verification().expect("to be verified").run(&|| false);
    assert!(store.take_verification().is_none(), "once");
    let notices = store.apply_findings(findings).expect("writable");
    assert!(notices[0].text.starts_with("2 vectors in "), "{notices:?}");
    assert_holds(&store, (0..20).filter(|n| ![4, 7].contains(n)));
    assert!(store.snapshot().epoch() > epoch);
    assert!(!rows.has(&hash(7), item("", 7).modality, LongText::Truncate), "threads that read files see it");
    for n in [4, 7] {
        assert!(!known(&store, &item(format!("/photos/{n}.jpg"), n)));
        store.commit_embedded(batch(n..n + 1)).expect("stored");
    }
    assert_eq!((store.snapshot().len(), store.check()), (20, Vec::new()));
    drop(store);

    let catalog = rusqlite::Connection::open(dir.path().join("catalog.sqlite")).expect("opens");
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'items_by_hash'";
    let page: u64 = catalog.query_row(sql, (), |row| row.get::<_, i64>(0)).expect("there").cast_unsigned();
    drop(catalog);
    let path = dir.path().join("catalog.sqlite");
    let mut bytes = fs::read(&path).expect("there");
    bytes[(page as usize - 1) * 4096..][..4096].fill(0xEE);
    fs::write(&path, bytes).expect("written");
    let (mut store, _) = Store::open_unverified(dir.path(), &model()).expect("opens");
    let (before, rows) = (store.snapshot(), store.vector_rows());
    let findings = store.take_verification().expect("to be verified").run(&|| false);
    let notices = store.apply_findings(findings).expect("writable");
    assert!(notices[0].text.contains("An index of the catalog was damaged"), "{notices:?}");
    let after = store.snapshot();
    assert!(after.items().eq(before.items()) && after.epoch() > before.epoch());
    assert!(after.generation() > before.generation() && rows.has(&hash(5), Modality::Image, LongText::Truncate));
    assert_eq!((store.read_only(), store.check()), (None, Vec::new()));
    store.commit_embedded(batch(20..21)).expect("it is still ours to write");
    assert!(Store::open(dir.path(), &model()).expect("opens").0.read_only().is_some());
}

#[test]
fn means_are_stored_and_used_only_for_the_items_that_they_are_of() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = open(dir.path());
    store.commit_embedded(batch(0..20)).expect("stored");
    store.save_sums().expect("stored");
    drop(store);
    let change = |sql: &str| {
        let catalog = rusqlite::Connection::open(dir.path().join("catalog.sqlite")).expect("opens");
        catalog.execute(sql, ()).expect("changed")
    };
    // As nobody writes them; they are taken over, since no vector is read.
    let file = vector_file(dir.path());
    let bytes = fs::read(&file).expect("there");
    fs::write(&file, [&bytes[..64], &vec![0; bytes.len() - 64]].concat()).expect("written");
    let (store, _) = Store::open_to_read_unverified(dir.path(), &model()).expect("opens");
    assert!(store.snapshot().mean(Modality::Image).expect("has some").iter().any(|value| *value != 0.0));
    drop(store);
    fs::write(&file, bytes).expect("written");
    assert_eq!(change("UPDATE sums SET crc = crc + 1"), 1);
    assert_holds(&open(dir.path()), 0..20);
    // as an earlier version of the program does it, which knows nothing of sums
    let removed = change("DELETE FROM items WHERE id = 3") + change("DELETE FROM files WHERE id = 3");
    assert_eq!(removed, 2);
    assert_holds(&open(dir.path()), (0..20).filter(|n| *n != 2));
}

mod damage {
    use super::*;
    use std::io::{Seek, SeekFrom, Write};

    fn library() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        let mut store = open(dir.path());
        store.add_root(Path::new("/photos")).expect("writable");
        store.commit_embedded(batch(0..20)).expect("stored");
        dir
    }

    /// Opens; something was told; embeds what is missing; then all is well again.
    fn heals(dir: &Path, left: impl IntoIterator<Item = u32>) -> String {
        let (mut store, notices) = Store::open(dir, &model()).expect("opens in spite of it");
        assert_eq!(notices.len(), 1, "{notices:?}");
        let left: Vec<u32> = left.into_iter().collect();
        assert_holds(&store, left.iter().copied());
        let missing: Vec<u32> = (0..20).filter(|n| !known(&store, &item(format!("/photos/{n}.jpg"), *n))).collect();
        assert_eq!(missing, (0..20).filter(|n| !left.contains(n)).collect::<Vec<_>>());
        for n in &missing {
            store.commit_embedded(batch(*n..n + 1)).expect("stored");
        }
        assert_holds(&store, left.iter().copied().chain(missing.iter().copied()));
        assert_eq!(store.roots().len(), 1);
        assert_eq!(store.check(), [""; 0]);
        drop(store);
        assert_holds(&open(dir), left.into_iter().chain(missing));
        notices[0].text.clone()
    }

    fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
        let mut file = fs::OpenOptions::new().write(true).open(path).expect("opens");
        file.seek(SeekFrom::Start(at)).expect("seeks");
        file.write_all(bytes).expect("writes");
    }

    #[test]
    fn a_flipped_bit_costs_one_vector() {
        let dir = library();
        let path = vector_file(dir.path());
        let at = 64 + 7 * DIM as u64 * 4 + 5;
        let byte = fs::read(&path).expect("there")[at as usize];
        overwrite(&path, at, &[byte ^ 4]);
        heals(dir.path(), (0..20).filter(|n| *n != 7));
    }

    #[test]
    fn the_check_finds_what_happened_since_opening() {
        let dir = library();
        let store = open(dir.path());
        overwrite(&vector_file(dir.path()), 64 + 300, &[0xAA; 8]);
        assert_eq!(store.check().len(), 1);
        assert!(store.check()[0].contains("1 damaged vector "), "{:?}", store.check());
    }

    #[test]
    fn a_truncated_vector_file_costs_its_end() {
        let dir = library();
        let path = vector_file(dir.path());
        let file = fs::OpenOptions::new().write(true).open(path).expect("opens");
        file.set_len(64 + 12 * DIM as u64 * 4 + 17).expect("cut");
        assert!(heals(dir.path(), 0..12).contains("is truncated"));
    }

    #[test]
    fn a_deleted_vector_file_is_started_anew() {
        let dir = library();
        fs::remove_file(vector_file(dir.path())).expect("removed");
        assert!(heals(dir.path(), []).contains("is missing"));
    }

    #[test]
    fn a_foreign_vector_file_is_set_aside() {
        let dir = library();
        let path = vector_file(dir.path());
        overwrite(&path, 8, &[9]); // another dimension
        heals(dir.path(), []);
        assert!(path.with_extension("f32.damaged").exists());
    }

    #[test]
    fn a_torn_tail_is_cut_off() {
        let dir = library();
        let path = vector_file(dir.path());
        let len = fs::metadata(&path).expect("there").len();
        let mut file = fs::OpenOptions::new().append(true).open(&path).expect("opens");
        file.write_all(&[7; 1001]).expect("writes");
        let mut store = open(dir.path());
        assert_eq!(fs::metadata(&path).expect("there").len(), len);
        store.commit_embedded(batch(20..21)).expect("stored");
        assert_holds(&store, 0..21);
    }

    #[test]
    fn a_garbage_catalog_is_set_aside_and_a_new_one_started() {
        let dir = library();
        fs::write(dir.path().join("catalog.sqlite"), [0x5A; 9000]).expect("written");
        let (store, notices) = Store::open(dir.path(), &model()).expect("opens in spite of it");
        assert!(store.snapshot().is_empty());
        assert!(notices[0].text.contains("set aside"), "{notices:?}");
        let aside = fs::read_dir(dir.path()).expect("a folder").map(|e| e.expect("an entry").path());
        let aside = aside.into_iter().find(|p| p.to_string_lossy().contains("damaged-")).expect("the old one is kept");
        assert_eq!(fs::read(aside.join("catalog.sqlite")).expect("there"), [0x5A; 9000]);
    }

    #[test]
    fn a_catalog_with_damaged_pages_loses_its_items_and_keeps_its_folders() {
        let dir = library();
        let path = dir.path().join("catalog.sqlite");
        let catalog = rusqlite::Connection::open(&path).expect("opens");
        let page: i64 = catalog
            .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'items'", (), |row| row.get(0))
            .expect("there");
        drop(catalog);
        overwrite(&path, (page as u64 - 1) * 4096, &[0xEE; 4096]);
        assert!(heals(dir.path(), []).contains("set aside"));
    }

    #[test]
    fn a_damaged_index_is_built_again_and_costs_nothing() {
        let dir = library();
        let path = dir.path().join("catalog.sqlite");
        let catalog = rusqlite::Connection::open(&path).expect("opens");
        let page: i64 = catalog
            .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'items_by_hash'", (), |row| row.get(0))
            .expect("there");
        drop(catalog);
        overwrite(&path, (page as u64 - 1) * 4096, &[0xEE; 4096]);
        let (mut store, notices) = Store::open(dir.path(), &model()).expect("opens in spite of it");
        assert!(notices[0].text.contains("An index of the catalog was damaged"), "{notices:?}");
        assert_holds(&store, 0..20);
        assert_eq!(store.roots().len(), 1);
        let all: Vec<NewItem> = (0..20).map(|n| item(format!("/photos/{n}.jpg"), n)).collect();
        assert!(!all.iter().any(|item| known(&store, item)), "all files are looked at again");
        store.commit_known(all.clone()).expect("stored, and nothing is embedded");
        store.commit_embedded(batch(20..21)).expect("stored");
        assert!(all.iter().all(|item| known(&store, item)));
        assert_holds(&store, 0..21);
        assert_eq!(store.check(), [""; 0]);
        drop(store);
        assert_holds(&open(dir.path()), 0..21);
    }

    /// Changes the catalog as no program would, and gives the number of rows changed.
    fn spoil(dir: &Path, sql: &str) -> usize {
        let catalog = rusqlite::Connection::open(dir.join("catalog.sqlite")).expect("opens");
        catalog.execute(sql, ()).expect("changed")
    }

    #[test]
    fn one_value_out_of_range_costs_its_row_and_locks_nothing() {
        for (sql, left) in [
            ("UPDATE items SET id = 1 << 40 WHERE id = 20", 19),
            ("UPDATE items SET width = -1 WHERE id = 4", 19),
            ("UPDATE items SET hash = x'00' WHERE id = 4", 19),
            ("UPDATE items SET hash = zeroblob(32) WHERE id = 4", 19),
            ("UPDATE items SET modality = 1 - modality WHERE id = 4", 19),
            ("UPDATE items SET snippet = 'other words' WHERE id = 4", 19),
            ("UPDATE items SET row = 'x' WHERE id = 4", 19),
            ("UPDATE items SET file = 'x' WHERE id = 4", 19),
            ("UPDATE items SET file = 9999 WHERE id = 4", 19),
            ("UPDATE files SET bytes = 'many' WHERE id = 4", 19),
            ("UPDATE files SET path = 'text' WHERE id = 4", 19),
            ("UPDATE vectors SET row = 1 << 40 WHERE row = 4", 19),
            ("UPDATE vectors SET crc = -1 WHERE row = 4", 19),
            ("UPDATE vectors SET kind = 'x' WHERE row = 4", 19),
        ] {
            let dir = library();
            assert_eq!(spoil(dir.path(), sql), 1, "{sql}");
            let (reader, notices) = Store::open_to_read(dir.path(), &model()).expect("opens in spite of it");
            assert_eq!(reader.snapshot().len(), left, "{sql}");
            assert_eq!(notices.len(), 1, "{sql}: {notices:?}");
            assert!(!reader.check().is_empty(), "{sql}");
            drop(reader);
            let (mut store, notices) = Store::open(dir.path(), &model()).expect("opens in spite of it");
            assert_eq!((store.snapshot().len(), notices.len()), (left, 1), "{sql}: {notices:?}");
            let missing: Vec<u32> = (0..20).filter(|n| !known(&store, &item(format!("/photos/{n}.jpg"), *n))).collect();
            assert!(!missing.is_empty(), "{sql}: the file is read again");
            for n in missing {
                store.commit_embedded(batch(n..n + 1)).expect("stored");
            }
            store.commit_embedded(batch(20..21)).expect("new items are not kept out");
            assert_eq!((store.snapshot().len(), store.check()), (21, Vec::new()), "{sql}");
            drop(store);
            assert_eq!(open(dir.path()).snapshot().len(), 21, "{sql}");
        }
    }

    #[test]
    fn a_damaged_entry_of_the_model_costs_no_vectors() {
        for sql in [
            "UPDATE models SET rows = 3",
            "UPDATE models SET rows = -1",
            "UPDATE models SET rows = 1 << 40",
            "UPDATE models SET file = '../elsewhere'",
            "UPDATE models SET name = 'Tesu model'",
            "UPDATE models SET dim = 'x'",
            "UPDATE sqlite_sequence SET seq = 1 << 50",
            "PRAGMA user_version = 0",
        ] {
            let dir = library();
            if sql.starts_with("PRAGMA") {
                let catalog = rusqlite::Connection::open(dir.path().join("catalog.sqlite")).expect("opens");
                catalog.execute_batch(sql).expect("changed");
            } else {
                assert_eq!(spoil(dir.path(), sql), 1, "{sql}");
            }
            let (mut store, _) = Store::open(dir.path(), &model()).expect("opens in spite of it");
            assert_holds(&store, 0..20);
            store.commit_embedded(batch(20..30)).expect("stored");
            assert_eq!(store.check(), [""; 0], "{sql}");
            drop(store);
            assert_holds(&open(dir.path()), 0..30);
        }
    }

    #[test]
    fn damaged_roots_failures_and_settings_are_told() {
        for sql in [
            "UPDATE roots SET path = 7",
            "UPDATE roots SET available = 'x'",
            "UPDATE not_taken SET bytes = 'x'",
            "UPDATE meta SET value = replace(value, 'tmp', 'jpg') WHERE key = 'import'",
            "UPDATE meta SET value = 9 WHERE key = 'import'",
        ] {
            let dir = library();
            let mut store = open(dir.path());
            let excludes = vec!["*.tmp".to_owned()];
            let options = ImportOptions {
                excludes,
                rows: false,
                pages: false,
                long_text: LongText::Truncate,
                watch: true,
                ..ImportOptions::default()
            };
            store.set_import_options(&options).expect("stored");
            let failed = RejectedFile {
                parts: 1,
                cause: RejectionCause::Content,
                change_mark: 0,
                path: "/photos/x".into(),
                reason: "No.".into(),
                bytes: 1,
                modified_ns: 1,
            };
            store.record_rejected(vec![failed]).expect("stored");
            drop(store);
            assert_eq!(spoil(dir.path(), sql), 1, "{sql}");
            let (reader, notices) = Store::open_to_read(dir.path(), &model()).expect("opens in spite of it");
            assert_eq!((notices.len(), reader.check().len()), (1, 1), "{sql}: {notices:?}");
            drop(reader);
            let (store, notices) = Store::open(dir.path(), &model()).expect("opens in spite of it");
            assert_eq!(notices.len(), 1, "{sql}: {notices:?}");
            assert_ne!(store.import_options().map(|o| o.excludes.clone()), Some(vec!["*.jpg".to_owned()]), "{sql}");
            assert_holds(&store, 0..20);
            drop(store);
            open(dir.path());
        }
    }

    #[test]
    fn damage_is_told_to_whoever_only_reads() {
        let dir = library();
        overwrite(&vector_file(dir.path()), 64 + 7 * DIM as u64 * 4 + 5, &[0xAA; DIM * 4]);
        let before = fs::read(vector_file(dir.path())).expect("there");
        let (reader, notices) = Store::open_to_read(dir.path(), &model()).expect("opens");
        assert!(notices[0].text.contains("2 damaged vectors"), "{notices:?}");
        assert!(notices[0].text.contains("(rows 7 to 8): 2 items cannot be found"), "{notices:?}");
        assert_eq!(reader.check(), [notices[0].text.clone()]);
        assert_holds(&reader, (0..20).filter(|n| ![7, 8].contains(n)));
        assert_eq!(fs::read(vector_file(dir.path())).expect("there"), before, "nothing is repaired by reading");
        drop(reader);

        fs::write(dir.path().join("catalog.sqlite"), [0x5A; 9000]).expect("written");
        let error = Store::open_to_read(dir.path(), &model()).err().expect("it cannot be read").to_string();
        assert!(error.contains("damaged") && error.contains("vicinity index"), "{error}");
        drop(Store::open(dir.path(), &model()).expect("starts anew"));
        let (_, notices) = Store::open_to_read(dir.path(), &model()).expect("opens");
        assert!(notices[0].text.contains("A damaged catalog was set aside in"), "{notices:?}");
    }

    /// Flips one byte after the other all over the library.
    #[test]
    fn a_flipped_byte_anywhere_is_healed_or_told() {
        let whole = library();
        let mut store = open(whole.path());
        let given =
            AssignedLabel { hash: hash(1), modality: Modality::Image, label: "ship".into(), score: 0.3, share: 0.9 };
        store
            .assign_labels(&LabelSet { name: "Mine".into(), labels: vec!["ship".into()] }, &[given], &[])
            .expect("stored");
        store.put_thumbnail(&hash(1), &[0xFF, 0xD8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xFF, 0xD9]);
        drop(store);
        let files: Vec<PathBuf> = walk(whole.path()).into_iter().filter(|path| !path.ends_with("lock")).collect();
        let thumbnail = open(whole.path()).thumbnail(&hash(1));
        let labels = open(whole.path()).labels().expect("readable");
        for file in files {
            let bytes = fs::read(&file).expect("there");
            let name = file.strip_prefix(whole.path()).expect("below").to_owned();
            // a prime, so that all fields of the rows have their turn
            for at in (0..bytes.len()).step_by(if bytes.len() > 5000 { 397 } else { 1 }) {
                let dir = tempfile::tempdir().expect("a folder");
                copy(whole.path(), dir.path());
                overwrite(&dir.path().join(&name), at as u64, &[bytes[at] ^ 0x10]);
                let place = format!("{} at {at}", name.display());
                let (mut store, notices) = match Store::open(dir.path(), &model()) {
                    Ok(opened) => opened,
                    Err(StoreError::Newer { .. }) => continue, // the version of the format itself
                    Err(error) => panic!("{place}: {error}"),
                };
                for n in 0..20 {
                    if !known(&store, &item(format!("/photos/{n}.jpg"), n)) {
                        store.commit_embedded(batch(n..n + 1)).expect("stored");
                    }
                }
                let seen = (0..20).map(|n| PathBuf::from(format!("/photos/{n}.jpg"))).collect();
                store.remove_missing(&seen, &["/photos".into()], &[]).expect("writable");
                let contents: HashSet<_> = store.snapshot().items().map(|item| item.hash).collect();
                assert_eq!(contents, (0..20).map(hash).collect(), "{place}: {notices:?}");
                assert_eq!(store.snapshot().len(), 20, "{place}: {notices:?}");
                for row in 0..20 {
                    let snapshot = store.snapshot();
                    let n = (0..20).find(|n| hash(*n) == snapshot.item(row).expect("there").hash).expect("one of them");
                    let expected = item(format!("/photos/{n}.jpg"), n);
                    let found = snapshot.item(row).expect("there");
                    assert_eq!((found.modality, found.pixels), (expected.modality, expected.pixels), "{place}");
                    assert_eq!(found.snippet.as_deref(), expected.snippet.as_deref(), "{place}");
                    assert_eq!(snapshot.vector(row), Some(embedding(n).as_slice()), "{place}");
                }
                assert!(store.thumbnail(&hash(1)).is_none_or(|found| Some(found) == thumbnail), "{place}");
                let labelled = store.labels().expect("readable");
                assert!(labelled.is_none() || labelled == labels || !notices.is_empty(), "{place}: {labelled:?}");
                assert_eq!(store.check(), [""; 0], "{place}");
            }
        }
    }

    fn walk(dir: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("readable").path());
        entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
    }

    fn copy(from: &Path, to: &Path) {
        for path in walk(from) {
            let target = to.join(path.strip_prefix(from).expect("below"));
            fs::create_dir_all(target.parent().expect("has one")).expect("made");
            fs::copy(path, target).expect("copied");
        }
    }

    #[test]
    fn another_programs_database_is_left_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("catalog.sqlite");
        rusqlite::Connection::open(&path).expect("opens").execute_batch("CREATE TABLE t (a)").expect("made");
        let before = fs::read(&path).expect("there");
        assert!(matches!(Store::open(dir.path(), &model()).err(), Some(StoreError::Catalog { .. })));
        assert_eq!(fs::read(&path).expect("there"), before);
    }
}

/// A library of ITEMS items with DIMENSIONS dimensions: `ITEMS=1000000 DIMENSIONS=768 cargo nextest run -p vicinity-engine
/// --test engine store::figures_of_a_large_library --run-ignored only --no-capture`
#[test]
#[ignore = "prints figures; run by hand"]
fn figures_of_a_large_library() {
    use std::time::Instant;
    let number = |name: &str, default: u32| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (count, dim) = (number("ITEMS", 100_000), number("DIMENSIONS", 384));
    let dir = tempfile::tempdir().expect("a folder");
    let big = ModelKey { dim: dim as usize, ..model() };
    let vector = |n: u32| {
        let values = (0..dim).map(|i| ((n ^ i.wrapping_mul(2_654_435_761)) % 1000) as f32 - 499.5);
        Embedding::new(values.collect::<Vec<_>>()).expect("not zero")
    };
    let at = |n: u32| item(format!("/photos/some folder/{n}.jpg"), n);
    let timed = |what: &str, start: Instant| println!("{what}: {:.3} s", start.elapsed().as_secs_f64());
    let (mut store, _) = Store::open(dir.path(), &big).expect("opens");
    store.add_root(Path::new("/photos")).expect("writable");
    let start = Instant::now();
    for first in (0..count).step_by(4096) {
        let part = (first..count.min(first + 4096)).map(|n| (at(n), vector(n))).collect();
        store.commit_embedded(part).expect("stored");
    }
    timed("stored in batches of 4,096", start);
    let start = Instant::now();
    for n in count..count + 64 {
        store.commit_embedded(vec![(item(format!("/new/{n}.jpg"), n), vector(n))]).expect("stored");
    }
    timed("64 commits of one item", start);
    store.save_sums().expect("stored");
    drop(store);
    for _ in 0..3 {
        let start = Instant::now();
        let (store, notices) = Store::open_unverified(dir.path(), &big).expect("opens");
        timed("opened", start);
        assert_eq!((store.snapshot().len(), notices.len()), (count as usize + 64, 0));
    }
    let (mut store, _) = Store::open_unverified(dir.path(), &big).expect("opens");
    let start = Instant::now();
    assert!(store.take_verification().expect("to be verified").run(&|| false).is_empty());
    timed("verified", start);
    let start = Instant::now();
    assert!((0..count).all(|n| known(&store, &at(n))));
    timed("all files known", start);
    let seen = (0..count).filter(|n| n % 2 == 0).map(|n| at(n).path).collect();
    let start = Instant::now();
    store.remove_missing(&seen, &["/photos".into()], &[]).expect("writable");
    timed("half of the items removed", start);
    let task = store.compaction_tasks().expect("writable").remove(0);
    let start = Instant::now();
    let prepared = task.prepare(false, &|| false).expect("writable").expect("half is unused");
    timed("compaction prepared", start);
    let start = Instant::now();
    assert!(store.adopt_compaction(&prepared).expect("writable"));
    timed("compaction adopted, under the lock", start);
    let start = Instant::now();
    prepared.finish().expect("writable");
    timed("old file and list deleted", start);
}

/// The only layout that is kept.
fn layout_file(library: &Path) -> PathBuf {
    let names = fs::read_dir(library).expect("there").map(|entry| entry.expect("readable").path());
    let is_layout = |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("layout-"));
    names.into_iter().find(is_layout).expect("a layout was kept")
}

#[test]
fn names_of_clusters_survive_and_a_damaged_one_is_ignored() {
    use vicinity_core::cluster_name::MemberSample;
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = open(dir.path());
    let given = |name: &str, first: u64| {
        let members = MemberSample::new((first..first + 300).collect());
        std::sync::Arc::new(vicinity_core::GivenName {
            name: name.to_owned(),
            members,
            newest: vicinity_core::ItemId(7),
        })
    };
    assert!(store.cluster_names().expect("readable").is_empty());
    store.set_cluster_names(&vec![given("old", 0)]).expect("stored");
    let names = vec![given("summer", 1), given("garden", 2)];
    store.set_cluster_names(&names).expect("stored");
    drop(store);
    assert_eq!(open(dir.path()).cluster_names().expect("readable"), names, "as they were given, and no others");
    let catalog = rusqlite::Connection::open(dir.path().join("catalog.sqlite")).expect("a catalog");
    catalog.execute("UPDATE cluster_names SET name = 'winter' WHERE name = 'summer'", ()).expect("damaged");
    drop(catalog);
    assert_eq!(open(dir.path()).cluster_names().expect("readable"), names[1..]);
}
