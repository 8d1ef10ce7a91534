//! How many items lie below each folder of the collection, kept up to date as items are appended.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use vicinity_core::Modality;

use super::Snapshot;

/// Rows looked at in one go, so that a frame never waits for a large library.
const ROWS_AT_ONCE: usize = 50_000;

/// A folder by its place in [`FolderCounts`]; good until the next epoch of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderId(usize);

/// One folder, or a file that was added by itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FolderCount {
    /// Its own name; of an added one the whole path.
    name: OsString,
    parent: Option<usize>,
    /// Items below it, at any depth.
    pub items: usize,
    children: BTreeMap<OsString, usize>,
}

/// See the module's documentation.
#[derive(Debug, Clone, Default)]
pub struct FolderCounts {
    /// Items counted of each modality.
    pub counts: [usize; 2],
    /// In the order added: whether each was there at the last scan, and its place in `folders`.
    roots: Vec<(bool, usize)>,
    folders: Vec<FolderCount>,
    epoch: u64,
    rows: usize,
    changes: u64,
    /// Whether single files were added.
    files: bool,
    /// The folder of the item counted last, and its places: the next one is mostly beside it.
    last: Option<(PathBuf, Vec<usize>)>,
}

impl FolderCounts {
    /// Counts what is new in `snapshot`; returns whether more is left for the next time.
    pub fn update(&mut self, snapshot: &Snapshot) -> bool {
        let roots = &snapshot.parts().roots;
        let same = self.epoch == snapshot.epoch()
            && self.rows <= snapshot.len()
            && self.roots.len() == roots.len()
            && self.roots.iter().zip(roots).all(|((_, at), theirs)| self.folders[*at].name == theirs.path.as_os_str());
        if !same {
            let folder = |path: &PathBuf| FolderCount { name: path.clone().into_os_string(), ..Default::default() };
            let folders = roots.iter().map(|root| folder(&root.path)).collect();
            let roots = (0..roots.len()).map(|at| (true, at)).collect();
            *self = Self { roots, folders, epoch: snapshot.epoch(), changes: self.changes + 1, ..Default::default() };
        }
        for ((available, _), theirs) in self.roots.iter_mut().zip(roots) {
            self.changes += u64::from(*available != theirs.available);
            *available = theirs.available;
        }
        let until = snapshot.len().min(self.rows + ROWS_AT_ONCE);
        for row in self.rows..until {
            if let Some(item) = snapshot.item(row) {
                self.count(&item.path, item.modality);
            }
        }
        self.changes += u64::from(until > self.rows);
        self.rows = until;
        until < snapshot.len()
    }

    /// Grows whenever something is another.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The added folders, in the order added, and whether each was there at the last scan.
    pub fn roots(&self) -> impl ExactSizeIterator<Item = (FolderId, bool)> {
        self.roots.iter().map(|(available, at)| (FolderId(*at), *available))
    }

    /// A folder.
    pub fn get(&self, id: FolderId) -> Option<&FolderCount> {
        self.folders.get(id.0)
    }

    /// The folders right below one, by name.
    pub fn children(&self, id: FolderId) -> impl Iterator<Item = FolderId> {
        self.get(id).into_iter().flat_map(|folder| folder.children.values().map(|at| FolderId(*at)))
    }

    /// What a folder is called: its own name.
    pub fn name(&self, id: FolderId) -> String {
        let path = self.get(id).map(|folder| Path::new(&folder.name)).unwrap_or(Path::new(""));
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    }

    /// The whole path of a folder.
    pub fn path(&self, id: FolderId) -> PathBuf {
        let mut names = Vec::new();
        let mut at = Some(id.0);
        while let Some(folder) = at.and_then(|at| self.folders.get(at)) {
            names.push(&folder.name);
            at = folder.parent;
        }
        names.into_iter().rev().collect()
    }

    fn count(&mut self, path: &Path, modality: Modality) {
        self.counts[modality.index()] += 1;
        let folder = path.parent().unwrap_or(path);
        let beside = self.last.take().filter(|(last, _)| last.as_os_str() == folder.as_os_str());
        let (folder, places) = beside.unwrap_or_else(|| (folder.to_owned(), self.find(path, folder)));
        for place in &places {
            let mut up = Some(*place);
            while let Some(folder) = up.and_then(|at| self.folders.get_mut(at)) {
                folder.items += 1;
                up = folder.parent;
            }
        }
        // A file that was added by itself stands for itself: its neighbours count for other places.
        self.last = Some((folder, places)).filter(|_| !self.files);
    }

    /// The places of the folder that an item counts for, one below each added folder that holds it; made where new.
    fn find(&mut self, path: &Path, folder: &Path) -> Vec<usize> {
        let holding: Vec<usize> =
            self.roots.iter().map(|(_, at)| *at).filter(|at| path.starts_with(&self.folders[*at].name)).collect();
        holding.into_iter().map(|root| self.place_below(root, folder)).collect()
    }

    fn place_below(&mut self, root: usize, folder: &Path) -> usize {
        let Ok(rest) = folder.strip_prefix(&self.folders[root].name) else {
            self.files = true;
            return root;
        };
        let names: Vec<OsString> = rest.components().map(|part| part.as_os_str().to_owned()).collect();
        names.into_iter().fold(root, |at, name| {
            if let Some(child) = self.folders[at].children.get(&name) {
                return *child;
            }
            let child = self.folders.len();
            self.folders.push(FolderCount { name: name.clone(), parent: Some(at), ..Default::default() });
            self.folders[at].children.insert(name, child);
            child
        })
    }
}

impl FolderCount {
    /// Whether there are folders below it.
    pub fn has_children(&self) -> bool {
        !self.children.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(roots: &[&str], files: &[&str]) -> FolderCounts {
        let folder = |path: &&str| FolderCount { name: path.into(), ..Default::default() };
        let mut counts = FolderCounts {
            roots: (0..roots.len()).map(|at| (true, at)).collect(),
            folders: roots.iter().map(folder).collect(),
            ..Default::default()
        };
        files.iter().for_each(|file| counts.count(Path::new(file), Modality::Image));
        counts
    }

    fn lines(counts: &FolderCounts, of: FolderId, depth: usize) -> Vec<String> {
        let items = counts.get(of).expect("a folder").items;
        let below = counts.children(of).flat_map(|child| lines(counts, child, depth + 1));
        std::iter::once(format!("{}{} {items}", "-".repeat(depth), counts.name(of))).chain(below).collect()
    }

    #[test]
    fn counts_every_depth_and_knows_the_paths() {
        let files = ["/a/b/x.jpg", "/a/b/c/d/y.jpg", "/a/b/c/z.jpg", "/a/b/c/d/w.jpg", "/a/bc/v.jpg", "/e.jpg"];
        let counts = counted(&["/a/b", "/a/bc", "/e.jpg"], &files);
        let all: Vec<String> = counts.roots().flat_map(|(root, _)| lines(&counts, root, 0)).collect();
        assert_eq!(all, ["b 4", "-c 3", "--d 2", "bc 1", "e.jpg 1"]);
        let c = counts.children(counts.roots().next().expect("a root").0).next().expect("a folder");
        assert_eq!(counts.path(counts.children(c).next().expect("a folder")), Path::new("/a/b/c/d"));
    }

    #[test]
    fn an_item_below_two_added_folders_counts_for_both_as_a_filter_finds_it_below_both() {
        let counts = counted(&["/a", "/a/b"], &["/a/x.jpg", "/a/b/y.jpg"]);
        let items: Vec<usize> = counts.roots().filter_map(|(root, _)| Some(counts.get(root)?.items)).collect();
        assert_eq!(items, [2, 1]);
    }
}
