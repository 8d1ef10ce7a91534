//! One writer a library: an advisory lock that the system lets go of when the process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

/// Outcome of an attempt to become the writer.
pub(super) enum Attempt {
    /// We are; for as long as the file is open.
    Writer(File),
    /// We are not; a sentence that says why.
    Reader(String),
}

/// Tries to become the writer of the library in `dir`.
pub(super) fn attempt(dir: &Path) -> Attempt {
    let path = dir.join("lock");
    // Never truncated or deleted: a second process must find the very same file.
    let file = match OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path) {
        Ok(file) => file,
        Err(error) => return Attempt::Reader(unwritable(dir, &error)),
    };
    match try_lock(&file) {
        Ok(()) => Attempt::Writer(file),
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
