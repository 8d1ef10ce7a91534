//! A map as a web page that is one file: points, names, small pictures, a search by name and a legend, to be moved and
//! enlarged in any browser, offline.
//!
//! The page may load nothing: its content policy allows its own script and style by their hashes, and pictures within the
//! page. It has no folders and no metadata of photos unless paths are asked for, but what names and legend say: keywords and labels that clusters
//! are named with, and folders where these have the colours. Its pictures are encoded again; of texts it has the beginning.

mod atlas;
mod content;
mod page;

use std::path::Path;

use super::map_image::MapDrawing;
use super::output_files::{self, OutputError};
use super::threads;
use atlas::Atlas;
use content::ReportContent;
use vicinity_core::atomic_file;
use vicinity_core::format::number;

/// The most items of a report: browsers draw more only slowly.
const MAX_ITEMS: usize = 250_000;

/// What a report says beside the map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportOptions {
    /// Its title.
    pub title: String,
    /// Whether it has the path of each item, and not only the name of its file.
    pub paths: bool,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportSize {
    /// Items with a position.
    pub items: usize,
    /// Items with a picture.
    pub pictures: usize,
    /// Bytes of the file.
    pub bytes: usize,
}

/// Writes a report.
///
/// # Errors
/// When there are too many items, the file would replace one of the collection or cannot be written, or it was cancelled.
pub fn write(map: &MapDrawing<'_>, options: &ReportOptions, path: &Path) -> Result<ReportSize, OutputError> {
    output_files::check(map.snapshot, &[path])?;
    let items = map.layout.positions.len().min(map.snapshot.len());
    let failed = |reason: String| OutputError::Write { path: path.to_owned(), reason };
    if items > MAX_ITEMS {
        let (items, most) = (number(items as u64), number(MAX_ITEMS as u64));
        return Err(failed(format!(
            "a report has at most {most} items, and the map has {items}; write a .png or .svg file"
        )));
    }
    let content = ReportContent::new(map, options.paths);
    // With threads of its own: decoding thousands of photos, it would hold up searches and filters.
    let pool = threads::pool("vicinity-report", threads::spare_threads()).map_err(|error| failed(error.to_string()))?;
    let thumbnail = |item| if (map.go_on)() { (map.thumbnail)(item) } else { None };
    let atlas = pool.install(|| Atlas::new(&content.wanted_pictures(map), &thumbnail));
    if !(map.go_on)() {
        return Err(OutputError::Cancelled);
    }
    let json = content.json(&options.title, &atlas).map_err(|error| failed(error.to_string()))?;
    let page = page::build(&options.title, &json);
    atomic_file::write(path, page.as_bytes()).map_err(|error| OutputError::io(path, &error))?;
    Ok(ReportSize { items: content.len(), pictures: atlas.len(), bytes: page.len() })
}
