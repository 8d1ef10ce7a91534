//! Which library is meant, and what libraries are called.

use std::path::{Component, Path, PathBuf};

use crate::context::format::file_name;
use vicinity_core::app_dirs;

/// The library that is meant where folders or files are to be opened, and what is to be added to it: the one that is
/// named, or a library (`NAME.vicinity`) given alone, or in `data` the one that belongs to the first folder.
pub fn resolve(named: Option<PathBuf>, given: Vec<PathBuf>, data: Option<&Path>) -> Option<(PathBuf, Vec<PathBuf>)> {
    match (named, given.as_slice()) {
        (Some(library), _) => Some((library, given)),
        (None, [alone]) if is_library(alone) => Some((alone.clone(), Vec::new())),
        (None, [first, ..]) => {
            let first = plain(&std::path::absolute(first).unwrap_or_else(|_| first.clone()));
            Some((app_dirs::library_for(data?, &first), given))
        }
        (None, []) => None,
    }
}

/// A path without `..`, so that one folder has one library however it is spelled. Links are not followed: this is asked
/// where nothing may wait for a disk.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// Whether a path given to the program names a library, to be opened as it is, and not a folder of pictures and texts.
pub fn is_library(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "vicinity")
}

/// What to call a library with these folders in it.
pub fn library_name(roots: &[PathBuf]) -> Option<String> {
    let name = |path: &PathBuf| file_name(path);
    match roots {
        [] => None,
        [one] => Some(name(one)),
        [one, two] => Some(format!("{} and {}", name(one), name(two))),
        [one, rest @ ..] => Some(format!("{} and {} more", name(one), rest.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_before_an_ending_and_that_before_the_first_folder() {
        let resolve = |named: Option<&str>, given: &[&str]| {
            let (library, add) =
                resolve(named.map(Into::into), given.iter().map(Into::into).collect(), Some(Path::new("/data")))?;
            Some((library, add.len()))
        };
        assert_eq!(resolve(Some("/l"), &["/p/a.vicinity"]), Some(("/l".into(), 1)));
        assert_eq!(resolve(None, &["/p/a.vicinity"]), Some(("/p/a.vicinity".into(), 0)));
        // On Windows it is a folder of the current drive.
        let folder = std::path::absolute("/p").expect("a path");
        let library = app_dirs::library_for(Path::new("/data"), &folder);
        assert_eq!(resolve(None, &["/p", "/q"]), Some((library.clone(), 2)));
        assert_eq!(resolve(None, &["/x/../p"]), Some((library, 1)));
        assert_eq!(resolve(Some("/l"), &[]), Some(("/l".into(), 0)));
        assert_eq!(resolve(None, &[]), None);
    }

    #[test]
    fn a_library_is_known_by_its_ending() {
        assert!(is_library(Path::new("/home/a/Photos.vicinity")));
        assert!(!is_library(Path::new("/home/a/vicinity")));
    }

    #[test]
    fn a_library_is_called_after_its_folders() {
        let roots: Vec<PathBuf> = ["/x/Photos", "/x/Notes", "/x/Art"].map(PathBuf::from).to_vec();
        assert_eq!(library_name(&roots[..1]).as_deref(), Some("Photos"));
        assert_eq!(library_name(&roots[..2]).as_deref(), Some("Photos and Notes"));
        assert_eq!(library_name(&roots).as_deref(), Some("Photos and 2 more"));
    }
}
