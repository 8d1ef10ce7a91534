//! Recognises the folder of a library and the program's own files in it. A library folder may also hold the user's photos.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::catalog;

/// Position of the application id in the SQLite header (<https://sqlite.org/fileformat.html>, 1.3.19).
const APPLICATION_ID: std::ops::Range<usize> = 68..72;

/// Names of our files and folders in a library.
const LIBRARY_FILES: &[&str] = &[
    "vectors",
    "thumbs",
    "derived",
    "lock",
    "model.json",
    "model.tmp",
    "service.json",
    "service.tmp",
    "mailbox",
    "labels.json",
];
/// Beginnings of the names of further files: those of the catalog, and numbered ones.
const LIBRARY_FILE_PREFIXES: &[&str] = &["catalog.s", "layout-", "layout.", "holder.", "damaged-"];

/// Whether a folder is a library, by the header of its catalog.
pub fn is_library(dir: &Path) -> bool {
    let mut header = [0; APPLICATION_ID.end];
    let read = File::open(catalog::file(dir)).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok()
        && header.starts_with(b"SQLite format 3\0")
        && header[APPLICATION_ID] == catalog::APPLICATION_ID.to_be_bytes()
}

/// Whether a file or folder inside a library folder belongs to the library.
pub fn is_library_file(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    LIBRARY_FILES.contains(&name) || LIBRARY_FILE_PREFIXES.iter().any(|beginning| name.starts_with(beginning))
}
