//! How many items below each folder are visible.
//!
//! A folder is counted as if it were chosen: by what the filter admits apart from its folder.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::VisibleRows;
use crate::snapshot::{Root, Snapshot};

/// A folder by its index in one [`FolderCounts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderId(usize);

/// The folders of a collection and the number of visible items below each. Immutable.
#[derive(Debug, Clone, Default)]
pub struct FolderCounts {
    tree: Arc<Tree>,
    /// Of each added folder, whether it was available at the last scan.
    available: Vec<bool>,
    /// Of each folder, the visible items at any depth.
    items: Vec<usize>,
}

#[derive(Debug, Clone, Default)]
struct Tree {
    /// The added folders and files come first, in the order added.
    roots: usize,
    folders: Vec<Node>,
}

/// One folder, or a file that was added by itself.
#[derive(Debug, Clone, Default)]
struct Node {
    /// Its own name; the whole path of an added one.
    name: OsString,
    parent: Option<usize>,
    children: BTreeMap<OsString, usize>,
}

impl FolderCounts {
    /// The added folders, in the order added, and whether each was available at the last scan.
    pub fn roots(&self) -> impl ExactSizeIterator<Item = (FolderId, bool)> {
        (0..self.tree.roots).map(|at| (FolderId(at), self.available.get(at).copied().unwrap_or(true)))
    }

    /// Visible items below a folder, at any depth.
    pub fn items(&self, id: FolderId) -> usize {
        self.items.get(id.0).copied().unwrap_or(0)
    }

    /// The folders directly below one, by name.
    pub fn children(&self, id: FolderId) -> impl Iterator<Item = FolderId> {
        self.tree.folders.get(id.0).into_iter().flat_map(|folder| folder.children.values().map(|at| FolderId(*at)))
    }

    /// Whether there are folders below it.
    pub fn has_children(&self, id: FolderId) -> bool {
        self.children(id).next().is_some()
    }

    /// The folder's own name.
    pub fn name(&self, id: FolderId) -> String {
        let path = self.tree.folders.get(id.0).map_or(Path::new(""), |folder| Path::new(&folder.name));
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    }

    /// The folder's absolute path.
    pub fn path(&self, id: FolderId) -> PathBuf {
        let mut names = Vec::new();
        let mut at = Some(id.0);
        while let Some(folder) = at.and_then(|at| self.tree.folders.get(at)) {
            names.push(&folder.name);
            at = folder.parent;
        }
        names.into_iter().rev().collect()
    }
}

/// In which folders each row of a collection lies; extended as items are appended.
#[derive(Default)]
pub struct FolderIndex {
    tree: Arc<Tree>,
    epoch: u64,
    /// Of each row, its entry of `places`.
    place_of_row: Vec<u32>,
    /// The folders in which items lie: one below each added folder that contains the item.
    places: Vec<Vec<usize>>,
    place_of_folders: HashMap<Vec<usize>, u32>,
    /// Whether single files were added.
    has_files: bool,
    /// The parent folder of the latest item and its place: the next item is usually beside it.
    latest: Option<(PathBuf, u32)>,
}

impl FolderIndex {
    /// Counts the items of `visible` below every folder.
    pub fn count(&mut self, visible: &VisibleRows) -> FolderCounts {
        self.extend(visible.snapshot());
        let mut of_place = vec![0; self.places.len()];
        for row in visible.rows() {
            if let Some(count) = self.place_of_row.get(row).and_then(|place| of_place.get_mut(*place as usize)) {
                *count += 1;
            }
        }
        let mut items = vec![0; self.tree.folders.len()];
        for (folders, count) in self.places.iter().zip(of_place) {
            folders.iter().for_each(|folder| items[*folder] += count);
        }
        // A folder comes before those below it.
        for at in (0..items.len()).rev() {
            if let Some(parent) = self.tree.folders[at].parent {
                items[parent] += items[at];
            }
        }
        let available = visible.snapshot().parts().roots.iter().map(|root| root.available).collect();
        FolderCounts { tree: Arc::clone(&self.tree), available, items }
    }

    /// Takes the new rows of a snapshot; starts over if it is of another epoch or has other added folders.
    fn extend(&mut self, snapshot: &Snapshot) {
        let roots = &snapshot.parts().roots;
        let same = self.epoch == snapshot.epoch()
            && self.place_of_row.len() <= snapshot.len()
            && self.tree.roots == roots.len()
            && self.tree.folders.iter().zip(roots).all(|(ours, theirs)| ours.name == theirs.path.as_os_str());
        if !same {
            *self = Self::of_roots(roots, snapshot.epoch());
        }
        for row in self.place_of_row.len()..snapshot.len() {
            let path = snapshot.item(row).map_or(Path::new(""), |item| &item.path);
            let place = self.place(path);
            self.place_of_row.push(place);
        }
    }

    fn of_roots(roots: &[Root], epoch: u64) -> Self {
        let node = |root: &Root| Node { name: root.path.clone().into_os_string(), ..Node::default() };
        let tree = Tree { roots: roots.len(), folders: roots.iter().map(node).collect() };
        Self { tree: Arc::new(tree), epoch, ..Self::default() }
    }

    fn place(&mut self, path: &Path) -> u32 {
        let folder = path.parent().unwrap_or(path);
        // A file that was added by itself stands for itself: its neighbours lie elsewhere.
        let beside =
            self.latest.as_ref().filter(|(latest, _)| !self.has_files && latest.as_os_str() == folder.as_os_str());
        if let Some((_, place)) = beside {
            return *place;
        }
        let folders = self.folders_of(path, folder);
        let place = *self.place_of_folders.entry(folders).or_insert_with_key(|folders| {
            self.places.push(folders.clone());
            self.places.len() as u32 - 1
        });
        self.latest = Some((folder.to_owned(), place));
        place
    }

    /// The folder in which an item lies below each added folder that contains it; inserted if new.
    fn folders_of(&mut self, path: &Path, folder: &Path) -> Vec<usize> {
        let roots = 0..self.tree.roots;
        let holding: Vec<usize> = roots.filter(|at| path.starts_with(&self.tree.folders[*at].name)).collect();
        holding.into_iter().map(|root| self.folder_below(root, folder)).collect()
    }

    fn folder_below(&mut self, root: usize, folder: &Path) -> usize {
        let Ok(rest) = folder.strip_prefix(&self.tree.folders[root].name) else {
            self.has_files = true;
            return root;
        };
        rest.components().fold(root, |at, part| {
            let name = part.as_os_str();
            if let Some(child) = self.tree.folders[at].children.get(name) {
                return *child;
            }
            let tree = Arc::make_mut(&mut self.tree);
            let child = tree.folders.len();
            tree.folders.push(Node { name: name.to_owned(), parent: Some(at), ..Node::default() });
            tree.folders[at].children.insert(name.to_owned(), child);
            child
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::of_chunks_with_roots;
    use super::*;
    use vicinity_core::{Filter, Item, Modality};

    /// Files with an even number are pictures, the others texts.
    fn snapshot(roots: &[&str], files: &[&str]) -> Arc<Snapshot> {
        let item = |(at, file): (usize, &&str)| Item {
            path: Path::new(file).into(),
            modality: Modality::ALL[at % 2],
            ..super::super::tests::item(at)
        };
        of_chunks_with_roots(vec![Arc::new(files.iter().enumerate().map(item).collect())], roots)
    }

    fn counted(roots: &[&str], files: &[&str], filter: Filter) -> FolderCounts {
        FolderIndex::default().count(&VisibleRows::new(snapshot(roots, files), filter, None))
    }

    fn lines(counts: &FolderCounts, of: FolderId, depth: usize) -> Vec<String> {
        let below = counts.children(of).flat_map(|child| lines(counts, child, depth + 1));
        let line = format!("{}{} {}", "-".repeat(depth), counts.name(of), counts.items(of));
        std::iter::once(line).chain(below).collect()
    }

    fn all(counts: &FolderCounts) -> Vec<String> {
        counts.roots().flat_map(|(root, _)| lines(counts, root, 0)).collect()
    }

    const ROOTS: [&str; 3] = ["/a/b", "/a/bc", "/e.jpg"];
    const FILES: [&str; 6] =
        ["/a/b/x.jpg", "/a/b/c/d/y.jpg", "/a/b/c/z.jpg", "/a/b/c/d/w.jpg", "/a/bc/v.jpg", "/e.jpg"];

    #[test]
    fn counts_every_depth_and_knows_the_paths() {
        let counts = counted(&ROOTS, &FILES, Filter::default());
        assert_eq!(all(&counts), ["b 4", "-c 3", "--d 2", "bc 1", "e.jpg 1"]);
        let c = counts.children(counts.roots().next().expect("a root").0).next().expect("a folder");
        assert_eq!(counts.path(counts.children(c).next().expect("a folder")), Path::new("/a/b/c/d"));
    }

    #[test]
    fn only_visible_items_are_counted() {
        let texts = Filter { modality: Some(Modality::Text), ..Filter::default() };
        assert_eq!(all(&counted(&ROOTS, &FILES, texts)), ["b 2", "-c 2", "--d 2", "bc 0", "e.jpg 1"]);
    }

    #[test]
    fn an_item_below_two_added_folders_counts_for_both_as_a_filter_finds_it_below_both() {
        let counts = counted(&["/a", "/a/b"], &["/a/x.jpg", "/a/b/y.jpg"], Filter::default());
        let items: Vec<usize> = counts.roots().map(|(root, _)| counts.items(root)).collect();
        assert_eq!(items, [2, 1]);
    }

    #[test]
    fn appended_items_are_added_to_what_is_known() {
        let mut index = FolderIndex::default();
        let mut count = |files: &[&str]| all(&index.count(&VisibleRows::everything(snapshot(&ROOTS, files))));
        assert_eq!(count(&FILES[..2]), ["b 2", "-c 1", "--d 1", "bc 0", "e.jpg 0"]);
        assert_eq!(count(&FILES), ["b 4", "-c 3", "--d 2", "bc 1", "e.jpg 1"]);
    }
}
