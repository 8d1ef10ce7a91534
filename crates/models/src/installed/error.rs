//! What can go wrong with getting a model, each as a sentence for the user.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::http::HttpError;

/// Why a model could not be got, imported, checked or removed.
#[derive(Debug, Error)]
pub enum ModelError {
    /// No such name.
    #[error("unknown model {id}; run `vicinity models list`")]
    Unknown {
        /// As asked for.
        id: String,
    },
    /// It has not been got.
    #[error("{id} is not installed; run `vicinity models download {id}`")]
    NotHere {
        /// Name of the model.
        id: String,
    },
    /// Part of the program.
    #[error("{id} is built in: it needs no files and cannot be removed")]
    BuiltIn {
        /// Name of the model.
        id: String,
    },
    /// It exists already.
    #[error("{id} is already installed; remove it first, or import under another name")]
    Exists {
        /// Name of the model.
        id: String,
    },
    /// Someone else is at it.
    #[error("another window or command is downloading {id}")]
    Busy {
        /// Name of the model.
        id: String,
    },
    /// `HF_ENDPOINT` is no address.
    #[error("{endpoint} is not a valid address for downloads: {reason}")]
    Endpoint {
        /// As given.
        endpoint: String,
        /// What is wrong.
        reason: String,
    },
    /// The file is not there.
    #[error("{host} has no {file} of {repo} (404)")]
    Missing {
        /// Who was asked.
        host: String,
        /// Repository and revision.
        repo: String,
        /// The file.
        file: String,
    },
    /// Only for some.
    #[error("{repo} on {host} needs permission ({status}): set HF_TOKEN to a token with read access")]
    Refused {
        /// Who was asked.
        host: String,
        /// Repository and revision.
        repo: String,
        /// HTTP status.
        status: u16,
    },
    /// An answer that is no file.
    #[error("{host} answered with status {status}")]
    Status {
        /// Who was asked.
        host: String,
        /// HTTP status.
        status: u16,
        /// Seconds after which to ask again, where it says so.
        after: Option<u64>,
    },
    /// No connection, or a broken one.
    #[error("could not reach {host} ({reason}); offline, import the model from a folder or an archive")]
    Network {
        /// Who was asked.
        host: String,
        /// The library's reason.
        reason: String,
    },
    /// An answer that cannot be trusted or understood.
    #[error("{host} {what}")]
    Answer {
        /// Who was asked.
        host: String,
        /// What it did.
        what: String,
    },
    /// The content is not what was promised.
    #[error("{file} is damaged: its SHA-256 differs from the one that {source_of_hash}")]
    Wrong {
        /// The file.
        file: String,
        /// "the hub names", "the program expects".
        source_of_hash: &'static str,
    },
    /// Too little space.
    #[error("{} has {free} free, but {need} are needed: free up {missing}", dir.display())]
    Space {
        /// Where.
        dir: PathBuf,
        /// Needed, in words.
        need: String,
        /// Free, in words.
        free: String,
        /// What has to be made free, in words.
        missing: String,
    },
    /// The file system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// What was to be imported is no model.
    #[error("{} cannot be imported: {reason}", path.display())]
    Import {
        /// The folder or archive.
        path: PathBuf,
        /// A part of a sentence.
        reason: String,
    },
    /// Paused or cancelled by the user.
    #[error("stopped")]
    Stopped,
}

impl From<HttpError> for ModelError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Network { host, reason } => Self::Network { host, reason },
            HttpError::Answer { host, what } => Self::Answer { host, what },
        }
    }
}

impl ModelError {
    /// Whether asking again may help.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Network { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..),
            _ => false,
        }
    }

    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::Space {
                dir: path.parent().unwrap_or(&path).to_owned(),
                need: "more".to_owned(),
                free: "nothing".to_owned(),
                missing: "some".to_owned(),
            },
            _ => Self::Io { path, source },
        }
    }
}

/// A number of bytes in words: decimal units, three digits.
pub fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    let (value, unit) = match bytes {
        b if b >= 999.5e6 => (b / 1e9, "GB"),
        b if b >= 999.5e3 => (b / 1e6, "MB"),
        b if b >= 1e3 => (b / 1e3, "kB"),
        b => return format!("{b:.0} bytes"),
    };
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_words() {
        let words = [0, 999, 1_500, 23_700_000, 999_600_000, 1_535_000_000, 12_345_678_901].map(size);
        assert_eq!(words, ["0 bytes", "999 bytes", "1.5 kB", "24 MB", "1.0 GB", "1.5 GB", "12 GB"]);
    }
}
