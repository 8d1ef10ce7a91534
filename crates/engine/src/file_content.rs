//! One file as a whole, for queries and previews.

use std::path::Path;

use vicinity_media::{Content, ReadError, ReadOptions};

/// Refuses what is not a regular file: to open a pipe would wait for whoever writes into it, and a device may never end.
///
/// # Errors
/// A sentence that names it.
pub fn check_regular_file(path: &Path) -> Result<(), String> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(found) if found.is_dir() => Err(format!("{}: this is a folder", path.display())),
        Ok(_) => Err(format!("{}: not a file but a pipe, socket or device", path.display())),
        Err(error) => Err(format!("{}: {}", path.display(), ReadError::from(error))),
    }
}

/// Reads a picture or text; `rows` takes tables apart.
///
/// # Errors
/// A sentence, where the file cannot be read or is neither.
pub fn open(path: &Path, rows: bool) -> Result<Content, String> {
    check_regular_file(path)?;
    let read = || -> Result<_, ReadError> {
        let mut file = vicinity_media::open(path)?;
        file.fill()?;
        file.content(path, &ReadOptions { rows })
    };
    match read() {
        Ok(Some((_, content))) => Ok(content),
        Ok(None) => Err(format!("{}: this is neither an image nor a text", path.display())),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}
