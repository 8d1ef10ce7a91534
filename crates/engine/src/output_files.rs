//! What may be written for the user where: never over a file of the collection, never into the library, never two files
//! under one name.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Snapshot;
use vicinity_core::atomic_file::{is_same, target};

/// Why a file is not, or could not be, written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OutputError {
    /// Two outputs have one name.
    #[error("{} and {} are the same file; choose different names", other.display(), path.display())]
    SameFile {
        /// One of them.
        path: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// It would be a part of the library.
    #[error("{} is inside the library; choose another folder", path.display())]
    InLibrary {
        /// The file.
        path: PathBuf,
    },
    /// It would replace a file of the user.
    #[error("{} is a file of the collection; choose another name", path.display())]
    InCollection {
        /// The file.
        path: PathBuf,
    },
    /// Nobody has asked whether to replace it.
    #[error("{} already exists; choose another name", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is a folder of this name.
    #[error("{} is a folder; pass a file name", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// There is a file of this name.
    #[error("{} is a file; pass a folder", path.display())]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// There is something else of this name.
    #[error("{} is a device, pipe or socket; pass a file name", path.display())]
    Special {
        /// The name.
        path: PathBuf,
    },
    /// Its folder does not exist.
    #[error("could not write {}: the folder {} does not exist; create it first", path.display(), folder.display())]
    NoFolder {
        /// The file.
        path: PathBuf,
        /// The missing folder.
        folder: PathBuf,
    },
    /// The extension names no format.
    #[error("{}: unknown format; use one of the extensions {known}", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// The known extensions.
        known: String,
    },
    /// The extension is not that of the only format.
    #[error("{}: {content} written as .{extension}; use that file name extension", path.display())]
    WrongExtension {
        /// The file.
        path: PathBuf,
        /// What is written, with its verb.
        content: &'static str,
        /// Its extension.
        extension: &'static str,
    },
    /// The user has cancelled it.
    #[error("cancelled; nothing was written")]
    Cancelled,
    /// The system, or an encoder, failed.
    #[error("{} could not be written: {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
}

impl OutputError {
    /// Why the system could not write a file.
    pub fn io(output: &Path, error: &std::io::Error) -> Self {
        let path = output.to_owned();
        let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
        match (error.kind(), folder) {
            (std::io::ErrorKind::NotFound, Some(folder)) if !folder.is_dir() => {
                Self::NoFolder { path, folder: folder.to_owned() }
            }
            _ => Self::Write { path, reason: error.to_string() },
        }
    }
}

/// What the ending of a file's name stands for, in any case.
///
/// # Errors
/// When it is none of the `known` ones; the message lists them.
pub fn by_extension<T: Copy>(path: &Path, known: &[(&str, T)]) -> Result<T, OutputError> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    known.iter().find(|(name, _)| *name == ending).map(|(_, format)| *format).ok_or_else(|| {
        let names: Vec<String> = known.iter().map(|(name, _)| format!(".{name}")).collect();
        OutputError::UnknownFormat { path: path.to_owned(), known: names.join(", ") }
    })
}

/// Refuses files that would be lost or would destroy something, before any of them is written.
///
/// # Errors
/// For the first such file.
pub fn check(snapshot: &Snapshot, outputs: &[&Path]) -> Result<(), OutputError> {
    for (at, output) in outputs.iter().enumerate() {
        let path = || output.to_path_buf();
        check_target(output)?;
        if let Some(other) = outputs[..at].iter().find(|other| is_same(output, other).unwrap_or(false)) {
            return Err(OutputError::SameFile { path: path(), other: other.to_path_buf() });
        }
        let file = target(output).map_err(|error| OutputError::io(output, &error))?;
        let library = std::fs::canonicalize(&snapshot.parts().library);
        if library.is_ok_and(|library| file.starts_with(library)) {
            return Err(OutputError::InLibrary { path: path() });
        }
        if is_collection_file(snapshot, &file) {
            return Err(OutputError::InCollection { path: path() });
        }
    }
    Ok(())
}

/// Refuses a place where no file can be written: without a folder, or where something else is.
///
/// # Errors
/// When it is such a place.
pub fn check_target(output: &Path) -> Result<(), OutputError> {
    let (file, path) = (target(output).map_err(|error| OutputError::io(output, &error))?, output.to_owned());
    match std::fs::metadata(&file) {
        Ok(found) if found.is_dir() => Err(OutputError::Folder { path }),
        Ok(found) if !found.is_file() => Err(OutputError::Special { path }),
        _ => Ok(()),
    }
}

/// Whether a file, with its links resolved, is one that items were made of.
fn is_collection_file(snapshot: &Snapshot, file: &Path) -> bool {
    let named = |path: &Path| path.file_name() == file.file_name();
    snapshot
        .items()
        .any(|item| named(&item.path) && (*item.path == *file || is_same(&item.path, file).unwrap_or(false)))
}
