//! One file as a whole, for queries and previews.

use std::path::Path;

use vicinity_media::{Content, ReadOptions};

/// Reads a picture or text; `rows` takes tables apart.
///
/// # Errors
/// A sentence, where the file cannot be read or is neither.
pub fn open(path: &Path, rows: bool) -> Result<Content, String> {
    let of_file = |reason: String| format!("{}: {reason}", path.display());
    let mut file = vicinity_media::open(path).map_err(of_file)?;
    file.fill().map_err(of_file)?;
    let content = file.content(path, &ReadOptions { rows }).map_err(of_file)?;
    content.map(|(_, content)| content).ok_or_else(|| of_file("this is neither a picture nor a text".to_owned()))
}
