//! Groups of files with the same content, and how they are found.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::snapshot::Snapshot;
use vicinity_core::{ContentHash, Item, ItemId, Modality};

/// Files with the same content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// Groups of at least two, those with the most bytes to spare first; within a group the file added first comes first.
    pub groups: Vec<Vec<ItemId>>,
    /// Bytes that all but one file of each group take up.
    pub bytes_to_spare: u64,
}

impl Duplicates {
    /// Finds all duplicates of a snapshot; fewer once `cancelled` is set. Files of several parts (tables, documents, videos)
    /// are compared as files, for which their first item stands. The catalog knows only the words of texts and the content
    /// of parts, so texts with the same words and size, and files of parts of the same size, are told apart by `hash_of`, the
    /// hash of a whole file; those that it cannot read are no duplicates.
    pub fn of(snapshot: &Snapshot, hash_of: impl Fn(&Path) -> Option<ContentHash>, cancelled: &AtomicBool) -> Self {
        let mut contents: HashMap<(ContentHash, Modality, u64), Vec<&Item>> = HashMap::new();
        let mut in_parts: HashMap<u64, Vec<&Item>> = HashMap::new();
        let mut seen: HashSet<&Path> = HashSet::new();
        for item in snapshot.items().take_while(|_| !cancelled.load(Ordering::Relaxed)) {
            if item.part.is_none() {
                contents.entry((item.hash, item.modality, item.bytes)).or_default().push(item);
            } else if seen.insert(&item.path) {
                in_parts.entry(item.bytes).or_default().push(item);
            }
        }
        let known = contents.into_iter().map(|((_, modality, _), group)| (modality == Modality::Image, group));
        let in_parts = in_parts.into_values().map(|group| (false, group));
        let candidates = known.chain(in_parts).filter(|(_, group)| group.len() > 1);
        let whole = |(is_known, group): (bool, Vec<_>)| match is_known {
            true => vec![group],
            false => by_hash(group, &hash_of, cancelled),
        };
        let spare = |group: &[&Item]| group.iter().skip(1).map(|item| item.bytes).sum::<u64>();
        let mut groups: Vec<Vec<&Item>> = candidates.flat_map(whole).collect();
        groups.sort_by_cached_key(|group| (std::cmp::Reverse(spare(group)), group.first().map(|item| item.id)));
        Self {
            bytes_to_spare: groups.iter().map(|group| spare(group)).sum(),
            groups: groups.iter().map(|group| group.iter().map(|item| item.id).collect()).collect(),
        }
    }

    /// Number of files that could be deleted without losing any content.
    pub fn to_spare(&self) -> usize {
        self.groups.iter().map(|group| group.len() - 1).sum()
    }
}

/// Splits files by the hash of their content; files without a partner are dropped.
fn by_hash<'a>(
    files: Vec<&'a Item>,
    hash_of: impl Fn(&Path) -> Option<ContentHash>,
    cancelled: &AtomicBool,
) -> Vec<Vec<&'a Item>> {
    let mut contents: HashMap<ContentHash, Vec<&Item>> = HashMap::new();
    for file in files.into_iter().take_while(|_| !cancelled.load(Ordering::Relaxed)) {
        if let Some(hash) = hash_of(&file.path) {
            contents.entry(hash).or_default().push(file);
        }
    }
    contents.into_values().filter(|group| group.len() > 1).collect()
}

/// The hash of a whole file; `None` if it cannot be read.
pub fn hash_of(file: &Path) -> Option<ContentHash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(file).ok()?).ok()?;
    Some(ContentHash(*hasher.finalize().as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::snapshot::{Root, SnapshotParts, Vectors};
    use vicinity_core::Part;
    use vicinity_models::ModelKey;

    /// A snapshot of items with a content, a modality, a row and a size each.
    fn snapshot(items: &[(u8, Modality, Option<u32>, u64)]) -> Snapshot {
        let item = |(n, (content, modality, row, bytes)): (usize, &(u8, Modality, Option<u32>, u64))| Item {
            id: ItemId(n as u32),
            // Rows are those of one table.
            path: std::path::PathBuf::from(row.map_or(format!("/{n}"), |_| "/table".to_owned())).into(),
            part: row.map(Part::Row),
            modality: *modality,
            bytes: *bytes,
            modified_ns: 0,
            hash: ContentHash([*content; 32]),
            pixels: None,
            snippet: None,
        };
        Snapshot::new(SnapshotParts {
            library: "/".into(),
            epoch: 1,
            generation: 1,
            photos: Vec::new(),
            tables: Arc::default(),
            groups: Arc::default(),
            roots: Vec::<Root>::new(),
            chunks: vec![Arc::new(items.iter().enumerate().map(item).collect())],
            vector_rows: vec![Arc::new(vec![0; items.len()])],
            vectors: Vectors::Owned(Arc::new([1.0])),
            model: ModelKey { name: "m".into(), revision: "1".into(), preprocessing: "1".into(), dim: 1 },
            means: [Arc::new([]), Arc::new([])],
            counts: [0, 0],
            read_only: None,
        })
    }

    #[test]
    fn files_with_the_same_content_are_grouped_and_the_largest_come_first() {
        use Modality::{Image, Text};
        let found = Duplicates::of(
            &snapshot(&[
                (1, Text, None, 10),
                (2, Image, None, 900),
                (1, Text, None, 10),
                (3, Image, None, 5000),
                (2, Image, None, 900),
                (1, Text, None, 10),
                (1, Text, None, 12),   // the same words, another size
                (1, Text, None, 10),   // the same words and size, another content
                (3, Text, None, 5000), // another modality
                (4, Text, Some(1), 7), // rows of one table
                (4, Text, Some(2), 7),
            ]),
            |path| Some(ContentHash([u8::from(path == Path::new("/7")); 32])),
            &AtomicBool::new(false),
        );
        let group = |ids: &[u32]| ids.iter().copied().map(ItemId).collect::<Vec<_>>();
        assert_eq!(found.groups, [group(&[1, 4]), group(&[0, 2, 5])]);
        assert_eq!((found.to_spare(), found.bytes_to_spare), (3, 920));
        let unreadable = snapshot(&[(1, Text, None, 10), (1, Text, None, 10)]);
        assert_eq!(Duplicates::of(&unreadable, |_| None, &AtomicBool::new(false)), Duplicates::default());
    }

    #[test]
    fn files_of_parts_are_compared_as_files() {
        // Four documents of two pages; the third has another content, the fourth another size.
        let mut all = snapshot(&[(1, Modality::Image, Some(1), 10); 8]).parts().clone();
        let mut items = all.chunks.remove(0).to_vec();
        for (at, item) in items.iter_mut().enumerate() {
            item.path = std::path::PathBuf::from(format!("/{}", at / 2)).into();
            item.part = Some(Part::Page(at as u32 % 2 + 1));
            item.bytes = if at < 6 { 10 } else { 11 };
        }
        all.chunks = vec![Arc::new(items)];
        let content = |path: &Path| Some(ContentHash([u8::from(path == Path::new("/2")); 32]));
        let found = Duplicates::of(&Snapshot::new(all), content, &AtomicBool::new(false));
        assert_eq!(found.groups, [[ItemId(0), ItemId(2)]]);
        assert_eq!(found.bytes_to_spare, 10);
    }
}
