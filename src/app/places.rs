//! Where the program keeps its things, and where it finds what came with it.

use std::path::{Path, PathBuf};

/// The folder of the user's settings; `None` on a system without a home.
pub fn settings_file() -> Option<PathBuf> {
    Some(directories::BaseDirs::new()?.config_dir().join("vicinity").join("settings.json"))
}

/// The folder of the program's own data.
pub fn data() -> Option<PathBuf> {
    Some(directories::BaseDirs::new()?.data_dir().join("vicinity"))
}

/// The library in `data` that belongs to a folder: named after it, told apart from namesakes by a hash of its path.
pub fn library_for(data: &Path, folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy();
    let mut slug: String =
        name.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    slug.truncate(slug.char_indices().nth(40).map_or(slug.len(), |(i, _)| i));
    let hash = blake3::hash(folder.as_os_str().as_encoded_bytes()).to_hex();
    data.join("libraries").join(format!("{}-{}", slug.trim_matches('-'), &hash[..8]))
}

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
    fn namesakes_get_libraries_of_their_own() {
        let library = |folder| library_for(Path::new("/data"), Path::new(folder));
        let (a, b) = (library("/a/My Photos"), library("/b/My Photos"));
        assert_ne!(a, b);
        assert!(a.starts_with("/data/libraries"));
        assert!(a.file_name().is_some_and(|n| n.to_string_lossy().starts_with("my-photos-")));
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
