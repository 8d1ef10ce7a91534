//! Errors of a library, each a sentence for the user.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;

/// Free bytes below which an unexplained write error counts as a full disk: SQLite reports some of these, for example of
/// its shared-memory file, as plain I/O errors.
const NEARLY_FULL: u64 = 256 * 1024;

/// Why a library could not be opened, read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process is writing.
    #[error("the library is being written to by another window or command; try again in a moment")]
    Locked,
    /// This process may only read the library.
    #[error("{why}")]
    ReadOnly {
        /// A sentence.
        why: String,
    },
    /// There is no library in the folder.
    #[error("there is no library in {}; `vicinity index FOLDER` creates one", dir.display())]
    Missing {
        /// The folder.
        dir: PathBuf,
    },
    /// No space left on the device.
    #[error(
        "the disk is full: nothing more can be stored in {}; what was stored is safe; free some space and try again",
        dir.display()
    )]
    Full {
        /// The library's folder.
        dir: PathBuf,
    },
    /// A file of the library is damaged.
    #[error("{what}")]
    Damaged {
        /// A sentence that names the file.
        what: String,
    },
    /// Created by a later version of the program.
    #[error(
        "the library {} was created by a newer version of Vicinity (format {found}, this one reads up to {known}); please update",
        dir.display()
    )]
    Newer {
        /// The library's folder.
        dir: PathBuf,
        /// Its format.
        found: i64,
        /// The latest format this program knows.
        known: i64,
    },
    /// The file system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The database refused.
    #[error("the library's catalog could not be used: {reason}")]
    Catalog {
        /// SQLite's reason.
        reason: String,
    },
    /// A vector with the wrong number of dimensions.
    #[error("a vector has {found} dimensions, but the library stores {wanted}")]
    Dimension {
        /// Dimensions of the vector.
        found: usize,
        /// Dimensions of the library's model.
        wanted: usize,
    },
    /// All 4,294,967,295 item numbers are used up.
    #[error("the library is full: all item numbers are in use; create a new one")]
    TooMany,
}

impl StoreError {
    /// An I/O error at `path`, or [`Self::Full`] for a lack of space.
    pub(super) fn io(dir: &Path, path: &Path, source: io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull, WriteZero};
        match source.kind() {
            StorageFull | QuotaExceeded | FileTooLarge | WriteZero => Self::Full { dir: dir.to_owned() },
            _ => Self::Io { path: path.to_owned(), source },
        }
    }

    /// An SQLite error of the library in `dir`.
    pub(super) fn sql(dir: &Path, error: &rusqlite::Error) -> Self {
        let full = || Self::Full { dir: dir.to_owned() };
        if has_other_columns(error) {
            return Self::Damaged {
                what: format!("the catalog of the library {} is damaged ({error})", dir.display()),
            };
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => full(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged { what: format!("the catalog of the library {} is damaged ({error})", dir.display()) }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::ReadOnly { why: format!("The library {} cannot be written to.", dir.display()) }
            }
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) if nearly_full(dir) => full(),
            _ => Self::Catalog { reason: error.to_string() },
        }
    }
}

/// Whether a table or column is missing that every catalog of ours has: its definition is damaged.
fn has_other_columns(error: &rusqlite::Error) -> bool {
    let (rusqlite::Error::SqlInputError { msg, .. } | rusqlite::Error::SqliteFailure(_, Some(msg))) = error else {
        return false;
    };
    ["no such column", "no such table", "has no column named"].iter().any(|fault| msg.contains(fault))
}

/// Whether the disk of `dir` is (nearly) full.
pub(super) fn nearly_full(dir: &Path) -> bool {
    fs4::available_space(dir).is_ok_and(|free| free < NEARLY_FULL)
}
