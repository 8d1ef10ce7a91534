//! One writer a library: an advisory lock that the system lets go of when the process ends, however it ends. Beside it
//! stands who holds it; on Windows nobody could read that in the locked file itself.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// The file that is locked.
const LOCK: &str = "lock";
/// The file that names the holder.
const HOLDER: &str = "holder.json";
/// How long a writer that is closing the library is waited for. Closing takes as long as the batch at hand: seconds,
/// with large models on slow machines a minute.
const CLOSING: Duration = Duration::from_secs(120);
/// How often the lock of another process is tried meanwhile.
const POLL: Duration = Duration::from_millis(25);

/// Who writes a library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Name of the machine.
    pub host: String,
    /// Number of the process there.
    pub pid: u32,
    /// Whether it is a window, and can be asked to open more.
    pub window: bool,
    /// Whether it is closing the library, so that waiting for it makes sense.
    #[serde(default)]
    pub closing: bool,
}

impl Holder {
    /// This process.
    pub fn this(window: bool) -> Self {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        Self { host, pid: std::process::id(), window, closing: false }
    }

    /// Whether it runs on this machine.
    pub fn is_here(&self) -> bool {
        self.host == Self::this(false).host
    }

    /// Names the holder. Only for whoever has the lock; where it cannot be written nobody is named.
    pub fn announce(&self, dir: &Path) {
        let beside = dir.join("holder.tmp");
        let write = || {
            std::fs::write(&beside, serde_json::to_vec(self)?)?;
            std::fs::rename(&beside, dir.join(HOLDER))
        };
        if let Err(error) = write() {
            log::info!("who has the library open could not be noted: {error}: {}", dir.display());
        }
    }
}

/// Who writes the library in `dir` now; `None` where nobody does, or where that was not noted.
pub fn holder(dir: &Path) -> Option<Holder> {
    let file = OpenOptions::new().read(true).write(true).open(dir.join(LOCK)).ok()?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => named(dir),
        _ => None,
    }
}

/// Outcome of an attempt to become the writer.
pub(super) enum Attempt {
    /// We are; for as long as this is kept.
    Writer(WriteLock),
    /// We are not; a sentence that says why.
    Reader(String),
}

/// The libraries that this process writes, by folder; true where one is being closed.
type Held = BTreeMap<PathBuf, Arc<AtomicBool>>;
static HELD: (Mutex<Held>, Condvar) = (Mutex::new(BTreeMap::new()), Condvar::new());

fn held() -> MutexGuard<'static, Held> {
    HELD.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The right to write a library. Dropping it lets the next one write.
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
        held().insert(dir.clone(), Arc::clone(&closing));
        Holder::this(false).announce(&dir);
        Self { dir, file: Some(file), closing }
    }

    /// Announces that the library is being closed.
    pub(super) fn closing(&self) -> Closing {
        Closing { dir: self.dir.clone(), closing: Arc::clone(&self.closing) }
    }
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        // In one step for those who look here: whoever gets the lock next enters itself afterwards.
        let mut held = held();
        self.file = None;
        held.remove(&self.dir);
        drop(held);
        HELD.1.notify_all();
    }
}

/// Announces to whoever opens a library next that its writer is about to let go of it.
#[derive(Clone)]
pub struct Closing {
    dir: PathBuf,
    closing: Arc<AtomicBool>,
}

impl Closing {
    /// Announces it within this process. Never waits.
    pub fn begin(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Announces it to other processes as well. Only while the lock is held.
    pub fn announce(&self) {
        self.begin();
        Holder { closing: true, ..Holder::this(false) }.announce(&self.dir);
    }
}

/// Tries to become the writer of the library in `dir`. A writer that is closing it is waited for.
pub(super) fn attempt(dir: &Path) -> Attempt {
    let path = dir.join(LOCK);
    // Never truncated or deleted: a second process must find the very same file.
    let file = match OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path) {
        Ok(file) => file,
        Err(error) => return Attempt::Reader(unwritable(dir, &error)),
    };
    match try_lock(dir, &file) {
        Ok(()) => Attempt::Writer(WriteLock::new(dir, file)),
        Err(TryLockError::WouldBlock) => Attempt::Reader(
            match named(dir) {
                Some(holder) if holder.closing => {
                    "The library is still being closed; until it is opened again it can be searched, but not changed."
                }
                _ => "Another window or command has this library open; here it can be searched, but not changed.",
            }
            .to_owned(),
        ),
        // Some network file systems know no locks; the user is better served by a writer than by none.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
            Attempt::Writer(WriteLock::new(dir, file))
        }
        Err(TryLockError::Error(error)) => Attempt::Reader(unwritable(dir, &error)),
    }
}

/// Tries for a tenth of a second, since the lock of a process that was killed just now, or is starting a child, lingers;
/// and as long as it takes while the holder is closing the library.
fn try_lock(dir: &Path, file: &File) -> Result<(), TryLockError> {
    let start = Instant::now();
    let mut tries = 0;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if start.elapsed() < CLOSING => {}
            other => return other,
        }
        tries += 1;
        if !wait_for_own(dir, start + CLOSING) {
            if tries > 4 && !is_closing(dir) {
                return file.try_lock();
            }
            std::thread::sleep(POLL);
        }
    }
}

/// Waits until this process has let go of the library in `dir`; false where it is not about to.
fn wait_for_own(dir: &Path, until: Instant) -> bool {
    let dir = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let mut held = held();
    let mut waited = false;
    while held.get(&dir).is_some_and(|closing| closing.load(Ordering::Acquire)) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        waited = true;
        held = HELD.1.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    waited
}

/// Whether a process of this machine that has the lock is about to let go of it.
fn is_closing(dir: &Path) -> bool {
    named(dir).is_some_and(|holder| holder.closing && holder.is_here())
}

fn named(dir: &Path) -> Option<Holder> {
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
