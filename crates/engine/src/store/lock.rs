//! One writer per library: an advisory lock that the system releases when the process ends, however it ends. A separate
//! file names the holder, as a locked file cannot be read on Windows.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use vicinity_core::atomic_file;

/// The file that is locked.
const LOCK: &str = "lock";
/// The file that names the holder.
const HOLDER: &str = "holder.json";
/// How long to wait for a writer that is closing the library. Closing takes as long as the current batch: seconds, or a
/// minute with large models on slow machines.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(120);
/// Interval between attempts to take a lock that another process holds.
const POLL: Duration = Duration::from_millis(25);

/// Who writes a library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// Name of the machine.
    pub host: String,
    /// Process id on that machine.
    pub pid: u32,
    /// Whether it is a window, which can be asked to open files.
    pub window: bool,
    /// Whether it is closing the library, so that it is worth waiting.
    #[serde(default)]
    pub closing: bool,
}

impl LockHolder {
    /// This process.
    pub fn this(window: bool) -> Self {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        Self { host, pid: std::process::id(), window, closing: false }
    }

    /// Whether it runs on this machine.
    pub fn is_here(&self) -> bool {
        self.host == Self::this(false).host
    }

    /// Writes the holder file, best effort. Only the holder of the lock may call this.
    pub fn announce(&self, dir: &Path) {
        let json = serde_json::to_vec(self).map_err(std::io::Error::from);
        // Not synced: after a power cut nobody holds the lock.
        if let Err(error) = json.and_then(|json| atomic_file::write_cache(&dir.join(HOLDER), &json)) {
            log::info!("the holder file could not be written: {error}: {}", dir.display());
        }
    }
}

/// The process that has the library in `dir` open for writing; `None` if there is none, or it is unknown.
pub fn holder(dir: &Path) -> Option<LockHolder> {
    let file = OpenOptions::new().read(true).write(true).open(dir.join(LOCK)).ok()?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => read_holder(dir),
        _ => None,
    }
}

/// Outcome of an attempt to become the writer.
pub(super) enum LockOutcome {
    /// This process is the writer until the lock is dropped.
    Writer(WriteLock),
    /// Another process is, or writing is impossible: a sentence that says why.
    Reader(String),
}

/// The libraries that this process writes, by folder; true for one that is being closed.
type OwnLocks = BTreeMap<PathBuf, Arc<AtomicBool>>;
static OWN_LOCKS: (Mutex<OwnLocks>, Condvar) = (Mutex::new(BTreeMap::new()), Condvar::new());

fn own_locks() -> MutexGuard<'static, OwnLocks> {
    OWN_LOCKS.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The right to write a library, released on drop.
pub(super) struct WriteLock {
    /// The library's folder, without links.
    dir: PathBuf,
    file: Option<File>,
    closing: Arc<AtomicBool>,
}

impl WriteLock {
    fn new(dir: &Path, file: File) -> Self {
        let dir = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
        let closing = Arc::new(AtomicBool::new(false));
        own_locks().insert(dir.clone(), Arc::clone(&closing));
        LockHolder::this(false).announce(&dir);
        Self { dir, file: Some(file), closing }
    }

    /// Announces that the library is being closed.
    pub(super) fn closing(&self) -> ClosingSignal {
        ClosingSignal { dir: self.dir.clone(), closing: Arc::clone(&self.closing) }
    }
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        // The entry and the lock go together: the next writer adds its own entry afterwards.
        let mut held = own_locks();
        self.file = None;
        held.remove(&self.dir);
        drop(held);
        OWN_LOCKS.1.notify_all();
    }
}

/// Announces that the writer of a library is about to close it.
#[derive(Clone)]
pub struct ClosingSignal {
    dir: PathBuf,
    closing: Arc<AtomicBool>,
}

impl ClosingSignal {
    /// Announces it within this process. Does not block.
    pub fn begin(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Announces it to other processes too. Only while the lock is held.
    pub fn announce(&self) {
        self.begin();
        LockHolder { closing: true, ..LockHolder::this(false) }.announce(&self.dir);
    }
}

/// Tries to become the writer of the library in `dir`. Waits for a writer that is closing it.
pub(super) fn acquire(dir: &Path) -> LockOutcome {
    let path = dir.join(LOCK);
    // Never truncated or deleted: a second process must find the very same file.
    let file = match OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path) {
        Ok(file) => file,
        Err(error) => return LockOutcome::Reader(unwritable(dir, &error)),
    };
    match try_lock(dir, &file) {
        Ok(()) => LockOutcome::Writer(WriteLock::new(dir, file)),
        Err(TryLockError::WouldBlock) => LockOutcome::Reader(
            match read_holder(dir) {
                Some(holder) if holder.closing => {
                    "The library is still being closed; it can be searched, but not changed, until it is opened again."
                }
                _ => "Another window or command has this library open; it can be searched here, but not changed.",
            }
            .to_owned(),
        ),
        // Some network file systems have no locks; a writer without a lock serves the user better than none.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
            LockOutcome::Writer(WriteLock::new(dir, file))
        }
        Err(TryLockError::Error(error)) => LockOutcome::Reader(unwritable(dir, &error)),
    }
}

/// Tries for a tenth of a second, as the lock of a process that was just killed or is starting a child lingers, and
/// longer while the holder is closing the library.
fn try_lock(dir: &Path, file: &File) -> Result<(), TryLockError> {
    let start = Instant::now();
    let mut tries = 0;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if start.elapsed() < CLOSING_TIMEOUT => {}
            other => return other,
        }
        tries += 1;
        if !wait_for_own(dir, start + CLOSING_TIMEOUT) {
            if tries > 4 && !is_closing(dir) {
                return file.try_lock();
            }
            std::thread::sleep(POLL);
        }
    }
}

/// Waits until this process has closed the library in `dir`; false if it is not closing it.
fn wait_for_own(dir: &Path, until: Instant) -> bool {
    let dir = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let mut held = own_locks();
    let mut waited = false;
    while held.get(&dir).is_some_and(|closing| closing.load(Ordering::Acquire)) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        waited = true;
        held = OWN_LOCKS.1.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    waited
}

/// Whether the holder runs on this machine and is closing the library.
fn is_closing(dir: &Path) -> bool {
    read_holder(dir).is_some_and(|holder| holder.closing && holder.is_here())
}

fn read_holder(dir: &Path) -> Option<LockHolder> {
    serde_json::from_slice(&std::fs::read(dir.join(HOLDER)).ok()?).ok()
}

fn unwritable(dir: &Path, error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("The folder {} is write-protected, so the library can be searched, but not changed.", dir.display())
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "The disk is full, so the library can be searched, but not changed.".to_owned()
        }
        _ => format!("The library in {} can be searched, but not changed: {error}.", dir.display()),
    }
}
