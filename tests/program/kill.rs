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
