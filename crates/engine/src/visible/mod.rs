//! Which items are visible: the rows of a snapshot that a filter admits, one bit per row.
//!
//! This is the only notion of visibility. Search, map, gallery, counts and suggestions read these rows; none of them
//! evaluates a filter itself, so a new criterion in [`Filter`] reaches all of them.

mod bin_index;
mod columns;
mod facts;
mod field_values;
mod folders;
mod histograms;
pub mod worker;

use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::snapshot::{CHUNK, Snapshot};
use vicinity_core::{Condition, Filter, Item, ItemFacts, ItemId, Modality};

pub use columns::ColumnCounts;
pub use facts::{FactCounter, FactCounts};
pub use field_values::FactValue;
pub use folders::{FolderCounts, FolderId, FolderIndex};
pub use histograms::{AttributeHistogram, HistogramCounter, Histograms};

/// Bits per word.
const BITS: usize = u64::BITS as usize;

/// The rows of one snapshot that one filter admits. Immutable.
pub struct VisibleRows {
    snapshot: Arc<Snapshot>,
    filter: Filter,
    /// One entry per chunk of the snapshot; none if the filter admits everything.
    chunks: Vec<Arc<ChunkRows>>,
    len: usize,
    by_modality: [usize; 2],
}

/// The rows of one chunk.
struct ChunkRows {
    bits: [u64; CHUNK / BITS],
    len: usize,
    by_modality: [usize; 2],
}

impl VisibleRows {
    /// Every row of a snapshot. Takes no time.
    pub fn everything(snapshot: Arc<Snapshot>) -> Self {
        let by_modality = Modality::ALL.map(|modality| snapshot.count(modality));
        let len = snapshot.len();
        Self { snapshot, filter: Filter::default(), chunks: Vec::new(), len, by_modality }
    }

    /// Evaluates a filter. Chunks of items that `before` has evaluated with the same filter are taken from there.
    pub fn new(snapshot: Arc<Snapshot>, filter: Filter, before: Option<&Self>) -> Self {
        if filter.is_empty() {
            return Self::everything(snapshot);
        }
        let by_columns = filter.condition.as_deref().is_some_and(Condition::has_columns);
        let same_columns = |before: &Snapshot| !by_columns || Arc::ptr_eq(before.tables(), snapshot.tables());
        let by_groups = filter.condition.as_deref().is_some_and(Condition::has_groups);
        let same_groups = |before: &Snapshot| !by_groups || Arc::ptr_eq(before.groups(), snapshot.groups());
        let is_same = |of: &Snapshot| same_columns(of) && same_groups(of);
        let before = before.filter(|before| before.filter == filter && is_same(&before.snapshot));
        let known = |at: usize, items: &Arc<Vec<Item>>| {
            let before = before?;
            let [old, new] = [&before.snapshot, &snapshot].map(|snapshot| snapshot.parts().photos.get(at));
            let same_photos = match (old, new) {
                (Some(old), Some(new)) => Arc::ptr_eq(old, new),
                (old, new) => old.is_none() && new.is_none(),
            };
            let same = same_photos && Arc::ptr_eq(before.snapshot.parts().chunks.get(at)?, items);
            before.chunks.get(at).filter(|_| same).cloned()
        };
        let all_types = Filter { modality: None, ..filter.clone() };
        let chunks = snapshot.parts().chunks.par_iter().enumerate();
        let rows = |(at, items): (usize, &Arc<Vec<Item>>)| {
            let facts = |at_in_chunk| snapshot.facts(at * CHUNK + at_in_chunk);
            known(at, items).unwrap_or_else(|| Arc::new(ChunkRows::new(items, facts, filter.modality, &all_types)))
        };
        let chunks: Vec<Arc<ChunkRows>> = chunks.map(rows).collect();
        let len = chunks.iter().map(|chunk| chunk.len).sum();
        let by_modality = [0, 1].map(|m: usize| chunks.iter().map(|chunk| chunk.by_modality[m]).sum());
        Self { snapshot, filter, chunks, len, by_modality }
    }

    /// The snapshot whose rows these are.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The filter that admits them.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Whether these are the rows of `snapshot` that `filter` admits.
    pub fn are_of(&self, snapshot: &Arc<Snapshot>, filter: &Filter) -> bool {
        Arc::ptr_eq(&self.snapshot, snapshot) && self.filter == *filter
    }

    /// Whether the filter admits every item.
    pub fn are_everything(&self) -> bool {
        self.filter.is_empty()
    }

    /// Number of visible rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no row is visible.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of items of a modality that would be visible if the filter admitted both modalities: what the user sees
    /// after choosing that one.
    pub fn count(&self, modality: Modality) -> usize {
        self.by_modality[modality.index()]
    }

    /// Whether a row is visible.
    pub fn contains(&self, row: usize) -> bool {
        if self.are_everything() {
            return row < self.len;
        }
        let word = self.chunks.get(row / CHUNK).and_then(|chunk| chunk.bits.get(row % CHUNK / BITS));
        word.is_some_and(|word| word >> (row % BITS) & 1 == 1)
    }

    /// Whether an item of the collection is visible.
    pub fn contains_item(&self, id: ItemId) -> bool {
        self.snapshot.row_of(id).is_some_and(|row| self.contains(row))
    }

    /// The visible rows, ascending.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        (0..self.snapshot.len()).filter(|row| self.contains(*row))
    }

    /// The visible items, in row order.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.rows().filter_map(|row| self.snapshot.item(row))
    }

    /// The same for several threads.
    pub fn par_items(&self) -> impl ParallelIterator<Item = &Item> {
        self.snapshot.parts().chunks.par_iter().enumerate().flat_map_iter(move |(at, items)| {
            let rows = items.iter().enumerate();
            rows.filter(move |(i, _)| self.contains(at * CHUNK + i)).map(|(_, item)| item)
        })
    }
}

impl ChunkRows {
    fn new<'a>(
        items: &[Item],
        facts: impl Fn(usize) -> ItemFacts<'a>,
        modality: Option<Modality>,
        all_types: &Filter,
    ) -> Self {
        let mut rows = Self { bits: [0; CHUNK / BITS], len: 0, by_modality: [0; 2] };
        for (at, (word, items)) in rows.bits.iter_mut().zip(items.chunks(BITS)).enumerate() {
            let admitted = |bit: usize, item: &Item| all_types.admits(item, facts(at * BITS + bit));
            for (bit, item) in items.iter().enumerate().filter(|(bit, item)| admitted(*bit, item)) {
                rows.by_modality[item.modality.index()] += 1;
                let admitted = modality.is_none_or(|modality| modality == item.modality);
                *word |= u64::from(admitted) << bit;
                rows.len += usize::from(admitted);
            }
        }
        rows
    }
}

impl std::fmt::Debug for VisibleRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VisibleRows({} of {:?}, {:?})", self.len, self.snapshot, self.filter)
    }
}

/// The visible rows evaluated last, shared by the threads of one library.
#[derive(Clone, Default)]
pub struct VisibleCache(Arc<Mutex<Option<Arc<VisibleRows>>>>);

impl VisibleCache {
    /// The rows of `snapshot` that `filter` admits.
    pub fn rows(&self, snapshot: &Arc<Snapshot>, filter: &Filter) -> Arc<VisibleRows> {
        if filter.is_empty() {
            return Arc::new(VisibleRows::everything(Arc::clone(snapshot)));
        }
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(rows) = before.as_ref().filter(|rows| rows.are_of(snapshot, filter)) {
            return Arc::clone(rows);
        }
        let rows = Arc::new(VisibleRows::new(Arc::clone(snapshot), filter.clone(), before.as_deref()));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&rows));
        rows
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::snapshot::PhotoChunk;
    use crate::{Root, SnapshotParts, Vectors};
    use vicinity_core::{ContentHash, NamePattern, PhotoSummary};
    use vicinity_models::ModelKey;

    /// Every third item is a text, every fifth is in folder `/b`.
    pub fn item(i: usize) -> Item {
        Item {
            id: ItemId(i as u32 * 2),
            path: Path::new(if i.is_multiple_of(5) { "/b" } else { "/a" }).join(format!("{i}.x")).into(),
            part: None,
            modality: Modality::ALL[usize::from(i.is_multiple_of(3))],
            bytes: 0,
            modified_ns: 0,
            hash: ContentHash([0; 32]),
            pixels: None,
            snippet: None,
        }
    }

    fn of_chunks(chunks: Vec<Arc<Vec<Item>>>) -> Arc<Snapshot> {
        of_chunks_with_roots(chunks, &[])
    }

    pub fn of_chunks_with_roots(chunks: Vec<Arc<Vec<Item>>>, roots: &[&str]) -> Arc<Snapshot> {
        let count = |modality| chunks.iter().flat_map(|c| c.iter()).filter(|i| i.modality == modality).count();
        Arc::new(Snapshot::new(SnapshotParts {
            library: PathBuf::new(),
            epoch: 0,
            generation: 0,
            photos: Vec::new(),
            tables: Arc::default(),
            groups: Arc::default(),
            roots: roots.iter().map(|path| Root { path: path.into(), available: true }).collect(),
            vector_rows: chunks.iter().map(|chunk| Arc::new(vec![u32::MAX; chunk.len()])).collect(),
            vectors: Vectors::Owned(Arc::new([])),
            model: ModelKey { name: String::new(), revision: String::new(), preprocessing: String::new(), dim: 1 },
            means: [Arc::new([]), Arc::new([])],
            counts: Modality::ALL.map(count),
            chunks,
            read_only: None,
        }))
    }

    fn snapshot(items: usize) -> Arc<Snapshot> {
        let all: Vec<Item> = (0..items).map(item).collect();
        of_chunks(all.chunks(CHUNK).map(|chunk| Arc::new(chunk.to_vec())).collect())
    }

    fn texts_in_b() -> Filter {
        Filter { modality: Some(Modality::Text), folder: Some("/b".into()), ..Filter::default() }
    }

    #[test]
    fn exactly_the_admitted_rows_are_visible() {
        let snapshot = snapshot(2 * CHUNK + 100);
        for filter in [texts_in_b(), Filter { name: NamePattern::new("77"), ..Filter::default() }, Filter::default()] {
            let visible = VisibleRows::new(Arc::clone(&snapshot), filter.clone(), None);
            let admitted: Vec<usize> = snapshot
                .items()
                .enumerate()
                .filter(|(_, i)| filter.admits(i, ItemFacts::default()))
                .map(|(row, _)| row)
                .collect();
            assert_eq!(visible.rows().collect::<Vec<_>>(), admitted);
            assert_eq!((visible.len(), visible.items().count(), visible.par_items().count()), {
                let n = admitted.len();
                (n, n, n)
            });
            assert!(!visible.contains(snapshot.len()));
            let by_id = snapshot.items().filter(|item| visible.contains_item(item.id)).count();
            assert!(by_id == admitted.len() && !visible.contains_item(ItemId(1)));
        }
    }

    #[test]
    fn a_type_is_counted_as_if_it_were_chosen() {
        let snapshot = snapshot(3_000);
        let visible = VisibleRows::new(Arc::clone(&snapshot), texts_in_b(), None);
        let in_b = |modality: Modality| {
            snapshot.items().filter(|i| i.path.starts_with("/b") && i.modality == modality).count()
        };
        assert_eq!(visible.count(Modality::Text), visible.len());
        assert_eq!(Modality::ALL.map(|m| visible.count(m)), Modality::ALL.map(in_b));
        let everything = VisibleRows::everything(Arc::clone(&snapshot));
        assert_eq!(Modality::ALL.map(|m| everything.count(m)), Modality::ALL.map(|m| snapshot.count(m)));
    }

    #[test]
    fn only_chunks_that_changed_are_evaluated_again() {
        let first = snapshot(CHUNK + 10);
        let before = VisibleRows::new(Arc::clone(&first), texts_in_b(), None);
        let mut chunks = first.parts().chunks.clone();
        chunks[1] = Arc::new((CHUNK..CHUNK + 50).map(item).collect());
        let after = VisibleRows::new(of_chunks(chunks), texts_in_b(), Some(&before));
        assert!(Arc::ptr_eq(&before.chunks[0], &after.chunks[0]));
        assert!(!Arc::ptr_eq(&before.chunks[1], &after.chunks[1]));
        let afresh = VisibleRows::new(snapshot(CHUNK + 50), texts_in_b(), None);
        assert!(after.rows().eq(afresh.rows()) && after.len() == afresh.len());
        let other = VisibleRows::new(first, Filter { modality: None, ..texts_in_b() }, Some(&after));
        assert!(!Arc::ptr_eq(&other.chunks[0], &after.chunks[0]), "another filter");
    }

    #[test]
    fn chunks_whose_photos_changed_are_evaluated_again() {
        let with_photos = |snapshot: &Snapshot, first: &Arc<PhotoChunk>| {
            let photos = vec![Arc::clone(first), Arc::default()];
            Arc::new(Snapshot::new(SnapshotParts { photos, ..snapshot.parts().clone() }))
        };
        let (without, known) = (snapshot(CHUNK), Arc::new(vec![Some(PhotoSummary::default())]));
        let rows = |snapshot: &Arc<Snapshot>, before| VisibleRows::new(Arc::clone(snapshot), texts_in_b(), before);
        let before = rows(&without, None);
        let same = rows(&without, Some(&before));
        assert!(Arc::ptr_eq(&before.chunks[0], &same.chunks[0]));
        let filled = rows(&with_photos(&without, &known), Some(&before));
        assert!(!Arc::ptr_eq(&before.chunks[0], &filled.chunks[0]), "its photos became known");
        let again = rows(&with_photos(&without, &known), Some(&filled));
        assert!(Arc::ptr_eq(&filled.chunks[0], &again.chunks[0]));
        let other = rows(&with_photos(&without, &Arc::new(Vec::new())), Some(&filled));
        assert!(!Arc::ptr_eq(&filled.chunks[0], &other.chunks[0]), "they changed");
    }

    #[test]
    fn threads_share_the_rows_evaluated_last() {
        let (snapshot, cache) = (snapshot(100), VisibleCache::default());
        let rows = cache.rows(&snapshot, &texts_in_b());
        assert!(cache.clone().rows(&snapshot, &Filter::default()).are_everything());
        assert!(Arc::ptr_eq(&rows, &cache.clone().rows(&snapshot, &texts_in_b())));
        assert!(!Arc::ptr_eq(&rows, &cache.rows(&of_chunks(snapshot.parts().chunks.clone()), &texts_in_b())));
    }
}
