//! How many items lie below each folder that the left panel lists, kept up to date as items are appended.

use std::collections::BTreeMap;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use vicinity_core::Modality;

use super::Snapshot;

/// Rows looked at in one go, so that a frame never waits for a large library.
const ROWS_AT_ONCE: usize = 50_000;

/// Items of one added folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RootCount {
    /// The folder or file added.
    pub path: PathBuf,
    /// Whether it was there at the last scan.
    pub available: bool,
    /// Items below it.
    pub items: usize,
    /// Items below each of its sub-folders.
    pub children: BTreeMap<String, usize>,
}

/// See the module's documentation.
#[derive(Debug, Clone, Default)]
pub struct FolderCounts {
    /// In the order added.
    pub roots: Vec<RootCount>,
    /// Items counted of each modality.
    pub counts: [usize; 2],
    epoch: u64,
    rows: usize,
}

impl FolderCounts {
    /// Counts what is new in `snapshot`; returns whether more is left for the next time.
    pub fn update(&mut self, snapshot: &Snapshot) -> bool {
        let roots = &snapshot.parts().roots;
        let same = self.epoch == snapshot.epoch()
            && self.rows <= snapshot.len()
            && self.roots.len() == roots.len()
            && self.roots.iter().zip(roots).all(|(ours, theirs)| ours.path == theirs.path);
        if !same {
            let roots = roots.iter().map(|r| RootCount { path: r.path.clone(), ..Default::default() }).collect();
            *self = Self { roots, epoch: snapshot.epoch(), ..Default::default() };
        }
        for (ours, theirs) in self.roots.iter_mut().zip(roots) {
            ours.available = theirs.available;
        }
        let until = snapshot.len().min(self.rows + ROWS_AT_ONCE);
        for row in self.rows..until {
            if let Some(item) = snapshot.item(row) {
                self.count(&item.path, item.modality);
            }
        }
        self.rows = until;
        until < snapshot.len()
    }

    fn count(&mut self, path: &Path, modality: Modality) {
        self.counts[modality.index()] += 1;
        let Some((root, rest)) = self.roots.iter_mut().find_map(|r| below(&r.path, path).map(|rest| (r, rest))) else {
            return;
        };
        root.items += 1;
        if let Some((child, _)) = rest.split_once(MAIN_SEPARATOR) {
            match root.children.get_mut(child) {
                Some(count) => *count += 1,
                None => _ = root.children.insert(child.to_owned(), 1),
            }
        }
    }
}

/// What follows `folder` in `path`; `None` where it does not lie below (or at) it.
fn below<'a>(folder: &Path, path: &'a Path) -> Option<&'a str> {
    // Bytes, not components: this runs once an item of a library that may hold a million.
    let (folder, path) = (folder.as_os_str().as_encoded_bytes(), path.as_os_str().as_encoded_bytes());
    let rest = path.strip_prefix(folder)?;
    let rest = match rest.first() {
        None => rest,
        Some(byte) if *byte == MAIN_SEPARATOR as u8 => &rest[1..],
        Some(_) if folder.last() == Some(&(MAIN_SEPARATOR as u8)) => rest,
        Some(_) => return None,
    };
    Some(std::str::from_utf8(rest).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_lies_below_a_folder() {
        assert_eq!(below(Path::new("/a/b"), Path::new("/a/b/c/d.jpg")), Some("c/d.jpg"));
        assert_eq!(below(Path::new("/a/b"), Path::new("/a/bc/d.jpg")), None);
        assert_eq!(below(Path::new("/a/b.jpg"), Path::new("/a/b.jpg")), Some(""));
        assert_eq!(below(Path::new("/"), Path::new("/a/b.jpg")), Some("a/b.jpg"));
    }
}
