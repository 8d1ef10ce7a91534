//! A process that imports is killed at thirty random moments: nothing that was stored is lost, nothing is embedded twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use vicinity_core::ContentHash;
use vicinity_engine::store::Store;
use vicinity_models::builtin;

const KILLS: u64 = 30;
const FILES_A_ROUND: u64 = 10;

fn index(library: &Path, files: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_vicinity"))
        .args(["index", "--json", "--library"])
        .args([library, files])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Numbers that look random and are the same in every run.
fn random(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0xbf58_476d_1ce4_e5b9);
    z ^= z >> 29;
    z = z.wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 32)
}

/// What is stored, once the killed process is gone; and that the library is sound.
fn stored(library: &Path) -> BTreeMap<PathBuf, ContentHash> {
    let (store, notices) = Store::open(library, &builtin::info().unwrap().key).unwrap();
    assert_eq!(store.check(), Vec::<String>::new());
    assert!(store.read_only().is_none(), "{notices:?}");
    let snapshot = store.snapshot();
    for row in 0..snapshot.len() {
        assert!(snapshot.vector(row).is_some(), "an item without its vector");
    }
    snapshot.items().map(|item| (item.path.to_path_buf(), item.hash)).collect()
}

#[test]
fn nothing_stored_is_lost_and_nothing_is_embedded_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (library, files) = (dir.path().join("library"), dir.path().join("files"));
    fs::create_dir(&files).unwrap();
    let mut before: BTreeMap<PathBuf, ContentHash> = BTreeMap::new();
    let mut caught_in_the_middle = 0;
    for round in 0..KILLS {
        for i in 0..FILES_A_ROUND {
            // every fifth text is a copy of another
            let text = format!("Note {} is about {} ships.", i % 8, round * 100 + i % 8);
            fs::write(files.join(format!("{round:02}-{i:02}.txt")), text).unwrap();
        }
        let mut child = index(&library, &files);
        std::thread::sleep(Duration::from_millis(20 + random(round) % 700));
        child.kill().unwrap();
        child.wait().unwrap();
        if !library.exists() {
            continue;
        }
        let after = stored(&library);
        for (path, hash) in &before {
            assert_eq!(after.get(path), Some(hash), "{} was stored before kill {round}", path.display());
        }
        caught_in_the_middle += usize::from((after.len() as u64) < (round + 1) * FILES_A_ROUND);
        before = after;
    }
    assert!(caught_in_the_middle > 0, "no kill came before the end of an import; shorten the waits");

    let last = index(&library, &files).wait_with_output().unwrap();
    assert!(last.status.success());
    let all = stored(&library);
    assert_eq!(all.len() as u64, KILLS * FILES_A_ROUND);
    let contents: BTreeSet<&ContentHash> = all.values().collect();
    let dim = builtin::info().unwrap().key.dim as u64;
    let rows: u64 = fs::read_dir(library.join("vectors"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len() / (4 * dim))
        .sum();
    assert_eq!(rows, contents.len() as u64, "one vector a content");
}

/// How many rows a table of the catalog has.
fn rows(library: &Path, table: &str) -> usize {
    let catalog = rusqlite::Connection::open(library.join("catalog.sqlite")).unwrap();
    let count = catalog.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get::<_, u32>(0));
    count.unwrap_or(0) as usize
}

#[cfg(unix)] // Tested here.
#[test]
fn a_kill_while_facts_and_text_in_pictures_are_read_loses_nothing_that_was_read() {
    use std::os::unix::fs::PermissionsExt;
    const PICTURES: usize = 36;
    let dir = tempfile::tempdir().unwrap();
    let (library, files, calls) = (dir.path().join("library"), dir.path().join("files"), dir.path().join("calls"));
    fs::create_dir(&files).unwrap();
    for n in 0..PICTURES as u32 {
        let picture =
            image::RgbImage::from_fn(32, 24, |x, y| image::Rgb([(x * 8) as u8, (y * 10) as u8, (n * 7) as u8]));
        picture.save(files.join(format!("{n}.png"))).unwrap();
    }
    // Notes each picture, takes a while, and reads the same word in all of them.
    let program = dir.path().join("tesseract");
    let word = "5\\t1\\t1\\t1\\t1\\t1\\t1\\t1\\t9\\t9\\t96\\tinvoice\\n";
    let script = format!(
        "#!/bin/sh\ncase $1 in --list-langs) printf 'in a folder:\\neng\\n'; exit;; esac\n\
         cat >/dev/null; echo x >>'{}'; sleep 0.05; printf '{word}'\n",
        calls.display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let index = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vicinity"));
        command.args(["index", "--json", "--read-text", "eng", "--library"]).args([&library, &files]);
        command.env("VICINITY_TESSERACT", &program).stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(Stdio::null()).spawn().unwrap()
    };
    let called = || fs::read_to_string(&calls).unwrap_or_default().lines().count();
    let mut before = 0;
    for round in 1..=3 {
        let mut child = index();
        // In the middle of reading, however fast this computer is.
        while called() < round * 9 && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        stored(&library);
        let read = rows(&library, "picture_texts");
        assert!(read >= before, "{read} of {before} texts are left after kill {round}");
        before = read;
    }
    assert!((1..PICTURES).contains(&before), "no kill came in the middle: {before}");
    // What the last kill left running has ended by then.
    std::thread::sleep(Duration::from_millis(500));
    let called_before = called();
    let last = index().wait_with_output().unwrap();
    assert!(last.status.success());
    assert_eq!(called() - called_before, PICTURES - before, "what was stored is not read again");
    let counts = ["picture_texts", "facts", "file_words"].map(|table| rows(&library, table));
    assert_eq!(counts, [PICTURES; 3]);
    let found = Command::new(env!("CARGO_BIN_EXE_vicinity"))
        .args(["search", "--words", "invoice", "--json", "-k", "100", "--library"])
        .arg(&library)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout).lines().count(), PICTURES);
}

#[test]
fn a_kill_at_the_end_of_an_import_leaves_the_facts_to_the_next_one() {
    const PICTURES: usize = 60;
    let dir = tempfile::tempdir().unwrap();
    let (library, files) = (dir.path().join("library"), dir.path().join("files"));
    fs::create_dir(&files).unwrap();
    for n in 0..PICTURES as u32 {
        image::RgbImage::from_pixel(16, 16, image::Rgb([n as u8, 90, 7])).save(files.join(format!("{n}.png"))).unwrap();
    }
    for wait in [0, 15, 40] {
        let mut child = index(&library, &files);
        let all_stored = || library.join("catalog.sqlite").exists() && rows(&library, "items") == PICTURES;
        while !all_stored() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(stored(&library).len(), PICTURES);
    }
    assert!(index(&library, &files).wait_with_output().unwrap().status.success());
    assert_eq!(["items", "facts", "file_words"].map(|table| rows(&library, table)), [PICTURES; 3]);
}
