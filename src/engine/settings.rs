//! Where libraries lie when nobody says so, and what import options a new one starts with.

use std::path::PathBuf;

/// Names the library folder of commands and of the window where none is given.
pub const LIBRARY_VARIABLE: &str = "VICINITY_LIBRARY";

/// The library that is used when none is named: `$VICINITY_LIBRARY`, or `default` in [`libraries_dir`].
/// `None` where the system names no home folder.
pub fn default_library() -> Option<PathBuf> {
    match std::env::var_os(LIBRARY_VARIABLE) {
        Some(path) if !path.is_empty() => Some(PathBuf::from(path)),
        _ => Some(libraries_dir()?.join("default")),
    }
}

/// The folder for libraries in the user's data folder (on Linux `~/.local/share/vicinity`).
pub fn libraries_dir() -> Option<PathBuf> {
    Some(directories::ProjectDirs::from("", "", "vicinity")?.data_dir().to_owned())
}
