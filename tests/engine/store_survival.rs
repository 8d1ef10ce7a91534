//! The library under hostile conditions: killed writers, full disks, write-protected folders. The tests start this
//! very binary as a child process, and run one at a time: a child being forked holds its parent's locks for a moment.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vicinity_engine::store::{Store, StoreError};

use crate::support::library::{DIM, assert_holds, batch, model, open};
use crate::support::rerun;

fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This binary again, running the test `name` (which does nothing unless told to), with the library in `dir`.
fn child(name: &str, dir: &Path) -> Command {
    let mut command = rerun(module_path!(), name);
    command.arg("--nocapture").env("VICINITY_TEST_LIBRARY", dir);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The library that a child was started for.
fn told() -> Option<std::path::PathBuf> {
    std::env::var_os("VICINITY_TEST_LIBRARY").map(Into::into)
}

/// Largest batch of the writing children.
const BATCH: u32 = 16;

/// Commits batches without end, or until no more can be written, and says so after each.
#[test]
fn child_writes() {
    let Some(dir) = told() else { return };
    let mut store = open(&dir);
    loop {
        let at = store.snapshot().len() as u32;
        let end = at + 1 + at % BATCH;
        match store.commit_embedded(batch(at..end)) {
            Ok(()) => println!("\nstored {end}"),
            // SQLite tells a limit on file size as an I/O error; a full disk is told as such.
            Err(StoreError::Full { .. } | StoreError::Catalog { .. }) => break println!("\nfull at {at}"),
            Err(error) => panic!("{error}"),
        }
    }
    assert_holds(&store, 0..store.snapshot().len() as u32);
}

/// Kills a child within 60 ms after it first reported what it stored. Returns the last number it reported.
fn stored_when_killed(mut child: Command, seed: &mut u32) -> u32 {
    let mut process = child.spawn().expect("starts");
    let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let stored = |line: &str| line.strip_prefix("stored ").and_then(|n| n.parse::<u32>().ok());
    let first = lines.by_ref().find_map(|line| stored(&line)).expect("stores something");
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    std::thread::sleep(Duration::from_micros(u64::from(*seed >> 8) % 60_000));
    process.kill().expect("SIGKILL");
    process.wait().expect("ends");
    lines.filter_map(|line| stored(&line)).last().unwrap_or(first)
}

#[test]
fn killed_at_30_moments_nothing_committed_is_lost_and_nothing_is_stored_twice() {
    let _one = alone();
    let dir = tempfile::tempdir().expect("a folder");
    let mut seed = 0x2545_F491_u32;
    let mut total = 0;
    for round in 0..30 {
        let reported = stored_when_killed(child("child_writes", dir.path()), &mut seed);

        let store = open(dir.path());
        let found = store.snapshot().len() as u32;
        assert!(found >= reported, "round {round}: {reported} were reported, {found} are there");
        assert!(found <= reported + BATCH, "round {round}: more than the batch in flight was not reported");
        assert!(found > total, "round {round}: it went on where it had stopped");
        assert_holds(&store, 0..found);
        let file = fs::read_dir(dir.path().join("vectors")).expect("there").next().expect("one").expect("readable");
        assert_eq!(file.metadata().expect("there").len(), 64 + u64::from(found) * DIM as u64 * 4);
        assert_eq!(store.check(), [""; 0], "round {round}");
        total = found;
    }
    println!("{total} items after 30 kills");
}

/// Adds, removes and compacts without end, and says so after each round: of the first N contents every fourth is there.
#[test]
fn child_compacts() {
    let Some(dir) = told() else { return };
    let mut store = open(&dir);
    store.add_root(Path::new("/photos")).expect("writable");
    let mut end = store.snapshot().items().map(|item| number(item) + 1).max().unwrap_or(0).next_multiple_of(4);
    loop {
        store.commit_embedded(batch(end..end + 200)).expect("stored");
        end += 200;
        let seen = (0..end).step_by(4).map(|n| format!("/photos/{n}.jpg").into()).collect();
        store.remove_missing(&seen, &["/photos".into()], &[]).expect("writable");
        println!("\nstored {end}");
        let task = store.compaction_tasks().expect("writable").remove(0);
        let prepared = task.prepare(false, &|| false).expect("writable").expect("three of four are unused");
        assert!(store.adopt_compaction(&prepared).expect("writable"));
        prepared.finish().expect("writable");
    }
}

/// The number of the content of an item.
fn number(item: &vicinity_core::Item) -> u32 {
    let name = item.path.file_stem().expect("a name").to_str().expect("text");
    name.parse().expect("a number")
}

#[test]
fn killed_at_30_moments_of_compactions_nothing_is_lost_and_nothing_is_left_over() {
    let _one = alone();
    let dir = tempfile::tempdir().expect("a folder");
    let mut seed = 0x2545_F491_u32;
    let mut left_over = 0;
    for round in 0..30 {
        let reported = stored_when_killed(child("child_compacts", dir.path()), &mut seed);
        let files = || fs::read_dir(dir.path().join("vectors")).expect("a folder").count();
        left_over += usize::from(files() > 1);

        let (reader, notices) = Store::open_to_read(dir.path(), &model()).expect("opens before anything is cleaned up");
        assert_eq!(notices, []);
        let there: Vec<u32> = reader.snapshot().items().map(number).collect();
        assert_holds(&reader, there.iter().copied());
        assert!((0..reported).step_by(4).all(|n| there.contains(&n)), "round {round}: {reported} were reported");
        drop(reader);
        let store = open(dir.path());
        assert_holds(&store, there);
        assert_eq!((store.check(), files()), (Vec::new(), 1), "round {round}");
    }
    assert!(left_over > 0, "no kill came in the middle of a compaction; change the waits");
}

/// Reads a library that it may not write.
#[test]
fn child_reads() {
    let Some(dir) = told() else { return };
    let (mut store, notices) = Store::open(&dir, &model()).expect("opens");
    assert_eq!(notices, []);
    assert!(store.read_only().expect("says why").contains("write-protected"));
    assert_holds(&store, 0..20);
    assert!(matches!(store.commit_embedded(batch(20..21)), Err(StoreError::ReadOnly { .. })));
    store.put_thumbnail(&crate::support::library::hash(1), &[0xFF, 0xD8, 0xFF, 0xD9]);
    println!("\nread it");
}

/// This module, for tests of modules in it that start one of its tests.
#[cfg(unix)]
const HERE: &str = module_path!();

/// By means that only Unix has: a limit of the shell, a disk in memory, permissions.
#[cfg(unix)]
mod limited {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;

    use super::*;
    use crate::support::test_name;

    fn is_root() -> bool {
        fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0)
    }

    #[test]
    fn a_limit_on_file_size_stops_writing_and_loses_nothing() {
        let _one = alone();
        let dir = tempfile::tempdir().expect("a folder");
        // 2,000 blocks of 512 bytes (1,024 in some shells); a write beyond gives an error instead of a signal.
        let mut command = Command::new("sh");
        let exe = std::env::current_exe().expect("has a path");
        command.arg("-c").arg("trap '' XFSZ; ulimit -f 2000; exec \"$0\" --exact \"$1\" --nocapture");
        command.arg(exe).arg(test_name(HERE, "child_writes"));
        let output = command.env("VICINITY_TEST_LIBRARY", dir.path()).output().expect("runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        let at: u32 = said.lines().find_map(|line| line.strip_prefix("full at ")?.parse().ok()).expect("became full");
        let mut store = open(dir.path());
        assert_holds(&store, 0..at);
        store.commit_embedded(batch(at..at + 500)).expect("there is space now");
        assert_holds(&store, 0..at + 500);
        assert_eq!(store.check(), [""; 0]);
    }

    /// A file system of a few megabytes, for as long as it lives.
    struct TinyDisk(tempfile::TempDir);

    impl TinyDisk {
        fn mount(test: &str) -> Option<Self> {
            let dir = tempfile::tempdir().expect("a folder");
            let mut mount = Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(dir.path()).stderr(Stdio::null());
            if mount.status().is_ok_and(|status| status.success()) {
                return Some(Self(dir));
            }
            eprintln!("skipped: {test} (no right to mount a small disk)");
            None
        }

        /// Leaves just `free` bytes.
        fn fill(&self, free: u64) {
            let path = self.0.path().join("filler");
            fs::write(&path, []).expect("emptied");
            let space = fs4::available_space(self.0.path()).expect("known");
            fs::write(&path, vec![1; space.saturating_sub(free) as usize]).expect("fits");
        }
    }

    impl Drop for TinyDisk {
        fn drop(&mut self) {
            let _best_effort = Command::new("umount").arg(self.0.path()).status();
        }
    }

    #[test]
    fn a_full_disk_loses_nothing_wherever_it_strikes() {
        let _one = alone();
        let Some(disk) = TinyDisk::mount("a_full_disk_loses_nothing_wherever_it_strikes") else { return };
        let dir = disk.0.path().join("library");
        let mut store = open(&dir);
        store.commit_embedded(batch(0..100)).expect("stored");
        let (mut have, mut refused) = (100, 0);
        for free in (0..=200).step_by(8) {
            disk.fill(free * 1024);
            match store.commit_embedded(batch(have..have + 64)) {
                Ok(()) => have += 64,
                Err(StoreError::Full { .. }) => refused += 1,
                Err(error) => panic!("{free} KiB free: {error}"),
            }
            assert_holds(&store, 0..have);
            drop(store);
            // Still full: it may be opened for reading only, but it opens and has everything.
            let (full, notices) =
                Store::open(&dir, &model()).unwrap_or_else(|error| panic!("{free} KiB free: {error}"));
            assert_eq!(notices, []);
            assert_holds(&full, 0..have);
            drop(full);
            disk.fill(600 * 1024);
            store = open(&dir);
            assert_holds(&store, 0..have);
            assert_eq!(store.check(), [""; 0]);
        }
        assert!(refused >= 5 && have > 100, "{refused} refused, {have} stored");

        // The same store goes on once there is space.
        disk.fill(0);
        assert!(matches!(store.commit_embedded(batch(have..have + 64)), Err(StoreError::Full { .. })));
        disk.fill(600 * 1024);
        store.commit_embedded(batch(have..have + 64)).expect("there is space again");
        assert_holds(&store, 0..have + 64);
        drop(store);
        assert_holds(&open(&dir), 0..have + 64);
    }

    #[test]
    fn a_write_protected_library_is_read() {
        let _one = alone();
        let dir = tempfile::tempdir().expect("a folder");
        let live = dir.path().join("live");
        let mut store = open(&live);
        store.commit_embedded(batch(0..20)).expect("stored");
        // As a killed writer leaves it (with its log), and as one that ended leaves it.
        let (torn, whole) = (dir.path().join("torn"), dir.path().join("whole"));
        copy(&live, &torn);
        assert!(torn.join("catalog.sqlite-wal").exists());
        drop(store);
        copy(&live, &whole);
        assert!(!whole.join("catalog.sqlite-wal").exists());
        allow(dir.path(), 0o755);
        for library in [torn, whole] {
            protect(&library);
            let mut command = child("child_reads", &library);
            if is_root() {
                command.uid(65534).gid(65534); // the superuser may write everywhere
            }
            let output = match command.output() {
                Ok(output) => output,
                Err(error) => return eprintln!("skipped: a_write_protected_library_is_read (as nobody: {error})"),
            };
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.contains("read it"), "{}: {said}", library.display());
            for folder in [&library, &library.join("vectors")] {
                allow(folder, 0o755); // so that it can be removed
            }
        }
    }

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    }

    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("made");
        for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("readable")) {
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).expect("copied");
            }
        }
    }

    fn protect(folder: &Path) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path()) {
            if entry.is_dir() { protect(&entry) } else { allow(&entry, 0o444) }
        }
        allow(folder, 0o555);
    }
}
