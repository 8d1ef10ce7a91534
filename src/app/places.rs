//! What libraries are called.

use std::path::{Path, PathBuf};

/// Whether a path given to the program names a library, to be opened as it is, and not a folder of pictures and texts.
pub fn is_library(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "vicinity")
}

/// What to call a library with these folders in it.
pub fn library_name(roots: &[PathBuf]) -> Option<String> {
    let name = |p: &PathBuf| p.file_name().unwrap_or(p.as_os_str()).to_string_lossy().into_owned();
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
