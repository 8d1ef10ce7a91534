//! Which files have a picture of the same name beside them, to which they may belong. Only folders with raw photos or videos
//! are listed, once per look.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::scan::{Excludes, is_hidden};
use vicinity_media::has_companions;

/// Folders that are remembered at a time.
const MAX_FOLDERS: usize = 256;

/// Pictures of a folder, by their name without extension and in lower case.
type Pictures = HashMap<OsString, Vec<PathBuf>>;

/// The pictures in the folders that were asked for last.
#[derive(Debug, Default)]
pub struct Companions {
    /// `None`: nothing is looked at.
    excludes: Option<Excludes>,
    roots: Vec<PathBuf>,
    folders: HashMap<PathBuf, Pictures>,
}

impl Companions {
    /// For one look at a collection with these roots.
    pub fn new(excludes: Excludes, roots: Vec<PathBuf>) -> Self {
        Self { excludes: Some(excludes), roots, folders: HashMap::new() }
    }

    /// The pictures of the collection that have the name of this file, but for the extension and the case of letters, and are
    /// in its folder.
    pub fn pictures_of(&mut self, file: &Path) -> &[PathBuf] {
        let (Some(folder), Some(stem)) = (file.parent(), file.file_stem()) else { return &[] };
        if !self.folders.contains_key(folder) {
            if self.folders.len() >= MAX_FOLDERS {
                self.folders.clear();
            }
            let pictures = self.list(folder);
            self.folders.insert(folder.to_owned(), pictures);
        }
        let pictures = self.folders.get(folder).and_then(|pictures| pictures.get(&*stem.to_ascii_lowercase()));
        pictures.map_or(&[], Vec::as_slice)
    }

    /// A folder that cannot be listed has none.
    fn list(&self, folder: &Path) -> Pictures {
        let mut pictures = Pictures::new();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if !has_companions(Path::new(&name)) || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                continue;
            }
            let path = entry.path();
            if let Some(stem) = path.file_stem().map(OsStr::to_ascii_lowercase).filter(|_| self.is_wanted(&path, &name))
            {
                pictures.entry(stem).or_default().push(path);
            }
        }
        pictures
    }

    /// Whether a look at the collection meets this file of a folder in it.
    fn is_wanted(&self, path: &Path, name: &OsStr) -> bool {
        let name = Path::new(name);
        let skips = |excludes: &Excludes| is_hidden(name) || excludes.skips(name);
        self.roots.iter().any(|root| {
            path == root || (path.starts_with(root) && self.excludes.as_ref().is_some_and(|excludes| !skips(excludes)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_any_case_is_found_unless_it_is_no_part_of_the_collection() {
        let dir = tempfile::tempdir().expect("a folder");
        for name in ["IMG_1.CR2", "img_1.Jpg", "IMG_1.heic", "b.nef", "b.png", "c.nef", "c.skip.jpg", ".d.jpg"] {
            std::fs::write(dir.path().join(name), name).expect("written");
        }
        let of = |roots: &[&str], file: &str| {
            let excludes = Excludes::new(&["*.skip.*".to_owned()]).expect("valid");
            let mut companions = Companions::new(excludes, roots.iter().map(|root| dir.path().join(root)).collect());
            companions.pictures_of(&dir.path().join(file)).len()
        };
        assert_eq!(of(&[""], "IMG_1.CR2"), 2);
        assert_eq!([of(&[""], "b.nef"), of(&[""], "c.skip.nef"), of(&[""], ".d.nef"), of(&[""], "no/a.nef")], [0; 4]);
        assert_eq!(of(&["IMG_1.CR2"], "IMG_1.CR2"), 0, "the picture is not in the collection");
        assert_eq!(of(&["IMG_1.CR2", "img_1.Jpg"], "IMG_1.CR2"), 1);
    }
}
