//! What a library's folder is known by, and which files in it are the program's own. A folder may be a library and hold
//! its user's photos, too.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::catalog;

/// Where SQLite keeps the number of the program that a database belongs to (<https://sqlite.org/fileformat.html>, 1.3.19).
const APPLICATION_ID: std::ops::Range<usize> = 68..72;

/// Names of our files and folders in a library; those that go with the catalog, and numbered ones, are known by their
/// beginnings.
const OWN: &[&str] =
    &["vectors", "thumbs", "lock", "model.json", "model.tmp", "service.json", "service.tmp", "mailbox", "labels.json"];
/// Beginnings of such names.
const OWN_BEGINNINGS: &[&str] = &["catalog.s", "layout-", "layout.", "holder.", "damaged-"];

/// Whether a folder is a library, by what its catalog is.
pub fn is_library(dir: &Path) -> bool {
    let mut header = [0; APPLICATION_ID.end];
    let read = File::open(catalog::file(dir)).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok()
        && header.starts_with(b"SQLite format 3\0")
        && header[APPLICATION_ID] == catalog::APPLICATION_ID.to_be_bytes()
}

/// Whether something in the folder of a library is a part of it.
pub fn is_own(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    OWN.contains(&name) || OWN_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}
