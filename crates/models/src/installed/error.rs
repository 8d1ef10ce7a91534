//! Why a model could not be downloaded, imported, verified or removed. Each error is a sentence for the user.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::http::HttpError;

/// Why a model could not be downloaded, imported, verified or removed.
#[derive(Debug, Error)]
pub enum ModelError {
    /// No model has this name.
    #[error("unknown model {id}; run `vicinity models list`")]
    Unknown {
        /// The name asked for.
        id: String,
    },
    /// It has not been downloaded.
    #[error("{id} is not installed; run `vicinity models download {id}`")]
    NotInstalled {
        /// Name of the model.
        id: String,
    },
    /// It is part of the program.
    #[error("{id} is built in: it needs no files and cannot be removed")]
    BuiltIn {
        /// Name of the model.
        id: String,
    },
    /// It is installed already.
    #[error("{id} is already installed; remove it first, or import under another name")]
    Exists {
        /// Name of the model.
        id: String,
    },
    /// Another process is downloading or importing it.
    #[error("another window or command is downloading {id}")]
    Busy {
        /// Name of the model.
        id: String,
    },
    /// `HF_ENDPOINT` cannot be used.
    #[error("{endpoint} is not a valid address for downloads: {reason}")]
    Endpoint {
        /// The address given.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The hub has no such file.
    #[error("{host} has no {file} of {repo} (404)")]
    Missing {
        /// Host that responded.
        host: String,
        /// Repository and revision.
        repo: String,
        /// Path of the file.
        file: String,
    },
    /// The hub wants another token, or one at all.
    #[error("{repo} on {host} needs permission ({status}): set HF_TOKEN to a token with read access")]
    Refused {
        /// Host that responded.
        host: String,
        /// Repository and revision.
        repo: String,
        /// HTTP status.
        status: u16,
    },
    /// A response that is no file.
    #[error("{host} answered with status {status}")]
    Status {
        /// Host that responded.
        host: String,
        /// HTTP status.
        status: u16,
        /// Seconds after which to try again, if the host says so.
        retry_after: Option<u64>,
    },
    /// No connection, or a broken one.
    #[error("could not reach {host} ({reason}); offline, import the model from a folder or an archive")]
    Network {
        /// Host that was contacted.
        host: String,
        /// The system's reason.
        reason: String,
    },
    /// The system allows no connections at all.
    #[error("could not create connections ({reason}); offline, import the model from a folder or an archive")]
    NoNetwork {
        /// The system's reason.
        reason: String,
    },
    /// A response that cannot be trusted or understood.
    #[error("{host} {problem}")]
    Response {
        /// Host that responded.
        host: String,
        /// What is wrong with the response.
        problem: ResponseProblem,
    },
    /// The content is not what was promised.
    #[error("{file} is damaged: its SHA-256 differs from the one that {expected_by}")]
    ChecksumMismatch {
        /// The file.
        file: String,
        /// Where the expected hash comes from.
        expected_by: HashSource,
    },
    /// Too little space.
    #[error("{} has {free} free, but {need} are needed: free up {missing}", dir.display())]
    Space {
        /// The folder.
        dir: PathBuf,
        /// Space needed, for display.
        need: String,
        /// Free space, for display.
        free: String,
        /// What has to be freed, for display.
        missing: String,
    },
    /// The disk is full.
    #[error("the disk is full: nothing more can be stored in {}; free up some space and try again", dir.display())]
    Full {
        /// The folder.
        dir: PathBuf,
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
        /// Why not.
        reason: ImportError,
    },
    /// The user paused or cancelled it.
    #[error("stopped")]
    Stopped,
}

/// Where an expected hash comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HashSource {
    /// The hub's metadata.
    #[error("the hub names")]
    Hub,
    /// The catalogue of this program.
    #[error("the program expects")]
    Program,
}

/// What is wrong with a response of the hub.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResponseProblem {
    /// A redirect that is not followed.
    #[error(transparent)]
    Redirect(#[from] crate::http::RedirectProblem),
    /// A longer response than expected.
    #[error("sent more than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// Headers without a length or a hash.
    #[error("names no length or no hash of {file}")]
    NoHash {
        /// Path of the file.
        file: String,
    },
    /// Headers without a commit.
    #[error("names no commit for {revision}")]
    NoCommit {
        /// The revision asked for.
        revision: String,
    },
    /// Another range than the one asked for.
    #[error("returned a different part of the file than requested")]
    WrongRange,
}

/// Why a folder or archive cannot be imported; a part of a sentence.
#[derive(Debug, Error)]
pub enum ImportError {
    /// Its name, or the one given, cannot name a model.
    #[error("{name:?} is not a valid model name (a-z, 0-9, - . _); choose one with --as NAME")]
    InvalidName {
        /// The name.
        name: String,
    },
    /// It holds no model.
    #[error("it contains no model: a config.json (or open_clip_config.json) next to a .safetensors file is needed")]
    ModelUnavailable,
    /// It holds another model than its name says.
    #[error("{file} differs from that of {id}; choose another name with --as NAME")]
    OtherModel {
        /// A file that differs.
        file: String,
        /// The name.
        id: String,
    },
    /// More bytes than any model has, or than there is space for.
    #[error("it contains more than a model can, or than there is space for")]
    TooLarge,
    /// More files than any model has.
    #[error("it contains too many files")]
    TooManyFiles,
    /// A path that leads out of the archive.
    #[error("the archive contains a path outside it: {name:?}")]
    PathOutside {
        /// The path.
        name: String,
    },
    /// A link or a device.
    #[error("the archive contains a link or a device: {name:?}")]
    Link {
        /// Its path.
        name: String,
    },
    /// A file too large for the format of the archive.
    #[error("it contains a file above 8 GiB; unpack it and import the folder")]
    LargeFile,
    /// A file stored with holes.
    #[error("it contains a sparse file; unpack it and import the folder")]
    SparseFile,
    /// An archive that cannot be read.
    #[error("it is not a readable archive ({reason})")]
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The archive could not be read to its end.
    #[error(transparent)]
    Read(#[from] io::Error),
}

impl From<HttpError> for ModelError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Network { host, reason } => Self::Network { host, reason },
            HttpError::Timeout { host } => Self::Network { host, reason: "no answer in time".to_owned() },
            HttpError::Redirect { host, problem } => Self::Response { host, problem: problem.into() },
            HttpError::TooLarge { host, limit } => {
                Self::Response { host, problem: ResponseProblem::TooLarge { limit } }
            }
            HttpError::InvalidUrl { reason } | HttpError::Client { reason } => Self::NoNetwork { reason },
        }
    }
}

impl ModelError {
    /// Whether trying again may help.
    pub(super) fn is_temporary(&self) -> bool {
        match self {
            Self::Network { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..),
            _ => false,
        }
    }

    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full { dir: path.parent().unwrap_or(&path).to_owned() }
            }
            _ => Self::Io { path, source },
        }
    }
}
