//! One writer a library: an advisory lock that the system lets go of when the process ends, however it ends. Beside it
//! stands who holds it; on Windows nobody could read that in the locked file itself.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The file that is locked.
const LOCK: &str = "lock";
/// The file that names the holder.
const HOLDER: &str = "holder.json";

/// Who writes a library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Name of the machine.
    pub host: String,
    /// Number of the process there.
    pub pid: u32,
    /// Whether it is a window, and can be asked to open more.
    pub window: bool,
}

impl Holder {
    /// This process.
    pub fn this(window: bool) -> Self {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        Self { host, pid: std::process::id(), window }
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
        Err(TryLockError::WouldBlock) => serde_json::from_slice(&std::fs::read(dir.join(HOLDER)).ok()?).ok(),
        _ => None,
    }
}

/// Outcome of an attempt to become the writer.
pub(super) enum Attempt {
    /// We are; for as long as the file is open.
    Writer(File),
    /// We are not; a sentence that says why.
    Reader(String),
}

/// Tries to become the writer of the library in `dir`.
pub(super) fn attempt(dir: &Path) -> Attempt {
    let path = dir.join(LOCK);
    // Never truncated or deleted: a second process must find the very same file.
    let file = match OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path) {
        Ok(file) => file,
        Err(error) => return Attempt::Reader(unwritable(dir, &error)),
    };
    match try_lock(&file) {
        Ok(()) => {
            Holder::this(false).announce(dir);
            Attempt::Writer(file)
        }
        Err(TryLockError::WouldBlock) => Attempt::Reader(
            "Another window or command has this library open; here it can be searched, but not changed.".to_owned(),
        ),
        // Some network file systems know no locks; the user is better served by a writer than by none.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Attempt::Writer(file),
        Err(TryLockError::Error(error)) => Attempt::Reader(unwritable(dir, &error)),
    }
}

/// Tries for a tenth of a second: the lock of a process that was killed just now, or is starting a child, lingers.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    for _ in 0..4 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(25)),
            other => return other,
        }
    }
    file.try_lock()
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
