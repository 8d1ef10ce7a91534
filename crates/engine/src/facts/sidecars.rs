//! Which pictures have a sidecar beside them. Folders are listed once, as asking for two files per picture takes long on
//! a network drive.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::scan;
use crate::store::SidecarStamp;
use vicinity_media::photo_facts::sidecar_paths;

/// Folders that are remembered at a time.
const MAX_FOLDERS: usize = 256;

/// A sidecar, and what tells it from an edited one.
#[derive(Debug, Clone, PartialEq)]
pub struct Sidecar {
    /// Its path.
    pub path: PathBuf,
    /// Its place, size and times.
    pub stamp: SidecarStamp,
}

/// The sidecars in the folders that were asked for last.
#[derive(Debug, Default)]
pub struct Sidecars {
    /// The names of the sidecars in each folder, by that with the extension in lower case; `None` for a folder that
    /// cannot be listed.
    folders: HashMap<PathBuf, Option<HashMap<OsString, OsString>>>,
}

impl Sidecars {
    /// The sidecar of a picture, if any.
    ///
    /// # Errors
    /// When its folder cannot be listed, so that nothing is known.
    pub fn of(&mut self, picture: &Path) -> Result<Option<Sidecar>, FolderUnavailable> {
        let folder = picture.parent().ok_or(FolderUnavailable)?;
        if !self.folders.contains_key(folder) {
            if self.folders.len() >= MAX_FOLDERS {
                self.folders.clear();
            }
            self.folders.insert(folder.to_owned(), list(folder));
        }
        let names = self.folders.get(folder).and_then(Option::as_ref).ok_or(FolderUnavailable)?;
        if names.is_empty() {
            return Ok(None);
        }
        let found =
            (1..).zip(sidecar_paths(picture)).find_map(|(place, path)| Some((place, names.get(path.file_name()?)?)));
        let Some((place, name)) = found else { return Ok(None) };
        let Ok(file) = scan::candidate(folder.join(name)) else { return Ok(None) };
        let stamp = SidecarStamp { place, stamp: file.stamp() };
        Ok(Some(Sidecar { path: file.path, stamp }))
    }
}

/// A folder that is not there, or may not be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderUnavailable;

fn list(folder: &Path) -> Option<HashMap<OsString, OsString>> {
    let entries = std::fs::read_dir(folder).ok()?;
    let names = entries.flatten().map(|entry| entry.file_name());
    Some(names.filter_map(|name| Some((with_lower_extension(&name)?, name))).collect())
}

/// `IMG_1.XMP` as `IMG_1.xmp`; `None` for what is not a sidecar.
fn with_lower_extension(name: &OsStr) -> Option<OsString> {
    let path = Path::new(name);
    let is_sidecar = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xmp"));
    is_sidecar.then(|| path.with_extension("xmp").into_os_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sidecar_is_found_by_either_name_and_any_case_of_its_extension() {
        let dir = tempfile::tempdir().expect("a folder");
        for name in ["a.jpg.xmp", "a.xmp", "b.XMP", "c.txt"] {
            std::fs::write(dir.path().join(name), name).expect("written");
        }
        let mut sidecars = Sidecars::default();
        let mut of = |picture: &str| {
            let found = sidecars.of(&dir.path().join(picture))?;
            Ok(found.map(|found| (found.path.file_name().unwrap_or_default().to_owned(), found.stamp.place)))
        };
        assert_eq!(of("a.jpg"), Ok(Some(("a.jpg.xmp".into(), 1))));
        assert_eq!(of("a.png"), Ok(Some(("a.xmp".into(), 2))));
        assert_eq!(of("b.jpg"), Ok(Some(("b.XMP".into(), 2))));
        assert_eq!((of("c.jpg"), of("missing/a.jpg")), (Ok(None), Err(FolderUnavailable)));
    }
}
