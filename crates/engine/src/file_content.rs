//! One file as a whole, for queries and previews.

use std::path::{Path, PathBuf};

use thiserror::Error;
use vicinity_core::Part;
use vicinity_core::table::TableOptions;
use vicinity_media::{Content, PartContent, ReadError, ReadOptions};

/// Why a file that the user names cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}: {problem}", path.display())]
pub struct FileContentError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: ContentProblem,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContentProblem {
    /// It is no file.
    #[error("this is a folder")]
    Folder,
    /// It is no regular file.
    #[error("not a file but a pipe, socket or device")]
    Special,
    /// It is neither an image nor a text.
    #[error("this is neither an image nor a text")]
    Unsupported,
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Refuses what is not a regular file: to open a pipe would wait for whoever writes into it, and a device may never end.
///
/// # Errors
/// When it is something else, or is missing.
pub fn check_regular_file(path: &Path) -> Result<(), FileContentError> {
    let problem = match std::fs::metadata(path) {
        Ok(found) if found.is_file() => return Ok(()),
        Ok(found) if found.is_dir() => ContentProblem::Folder,
        Ok(_) => ContentProblem::Special,
        Err(error) => ContentProblem::Read(error.into()),
    };
    Err(FileContentError { path: path.to_owned(), problem })
}

/// Reads a picture or text.
///
/// # Errors
/// When the file cannot be read or is neither.
pub fn open(path: &Path, options: ReadOptions) -> Result<Content, FileContentError> {
    check_regular_file(path)?;
    let read = || -> Result<_, ReadError> {
        let mut file = vicinity_media::open(path)?;
        file.fill()?;
        file.content(path, &options)
    };
    let problem = match read() {
        Ok(Some((_, content))) => return Ok(content),
        Ok(None) => ContentProblem::Unsupported,
        Err(error) => ContentProblem::Read(error),
    };
    Err(FileContentError { path: path.to_owned(), problem })
}

/// Reads one part of a file; `None` if there is no such part now.
///
/// # Errors
/// When it cannot be read.
pub fn open_part(path: &Path, part: Part) -> Result<Option<PartContent>, FileContentError> {
    open_part_of_table(path, part, &TableOptions::default())
}

/// The same of a file that may be a table, which is read as `tables` say.
///
/// # Errors
/// As [`open_part`].
pub fn open_part_of_table(
    path: &Path,
    part: Part,
    tables: &TableOptions,
) -> Result<Option<PartContent>, FileContentError> {
    check_regular_file(path)?;
    let problem = |error| FileContentError { path: path.to_owned(), problem: ContentProblem::Read(error) };
    vicinity_media::read_part_of_table(path, part, tables).map_err(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_is_a_value_and_its_message_begins_with_the_path() {
        let dir = tempfile::tempdir().expect("a folder");
        let problem = |path: &Path| open(path, ReadOptions::default()).expect_err("no content").problem;
        assert_eq!(problem(dir.path()), ContentProblem::Folder);
        assert_eq!(problem(&dir.path().join("missing")), ContentProblem::Read(ReadError::NotFound));
        let program = dir.path().join("a.bin");
        std::fs::write(&program, b"\x7fELF\x02\x01\x01\0\0\0").expect("written");
        assert_eq!(problem(&program), ContentProblem::Unsupported);
        let message = open(&program, ReadOptions::default()).expect_err("no content").to_string();
        assert!(message.starts_with(&program.display().to_string()), "{message}");
    }
}
