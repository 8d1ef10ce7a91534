//! An immutable picture of a library at one moment: its items and their vectors.
//!
//! The store publishes a new snapshot after each commit; readers keep the `Arc` they have. Never mutated in place.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use memmap2::Mmap;

use vicinity_core::{Embedding, Item, ItemFacts, ItemGroups, ItemId, Modality, PhotoSummary, TableSet};
use vicinity_models::ModelKey;

/// Items a chunk: a new snapshot shares all full chunks with the one before.
pub const CHUNK: usize = 4096;

/// A folder or file that the user added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Where it lies (absolute).
    pub path: PathBuf,
    /// Whether it was there at the last scan.
    pub available: bool,
}

/// Rows of `dim` little-endian f32, unit L2 norm.
#[derive(Clone)]
pub enum Vectors {
    /// The library's vector file.
    Mapped {
        /// The mapping.
        map: Arc<Mmap>,
        /// Bytes before the first row; a multiple of 4.
        offset: usize,
    },
    /// In memory (tests, benchmarks).
    Owned(Arc<[f32]>),
}

impl Vectors {
    /// Row `row` of rows of `dim` numbers; `None` behind the last whole one.
    pub fn row(&self, row: u32, dim: usize) -> Option<&[f32]> {
        let start = (row as usize).checked_mul(dim)?;
        self.as_slice().get(start..start.checked_add(dim)?)
    }

    /// Lets the system take back the memory that holds these rows of a mapped file; they are read again when they are
    /// needed. For whoever goes through all of a large file once.
    pub fn release(&self, rows: std::ops::Range<u32>, dim: usize) {
        // Tested here; macOS has the same call. Windows takes such pages back by itself.
        #[cfg(unix)]
        if let Self::Mapped { map, offset } = self {
            let [start, end] = [rows.start, rows.end].map(|row| offset + row as usize * dim * 4);
            let (start, end) = (start.min(map.len()), end.min(map.len()));
            // SAFETY: the mapping is of a file, shared and never written through, so dropped pages are read again as
            // they were.
            let released = unsafe {
                map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, end.saturating_sub(start))
            };
            if let Err(error) = released {
                log::debug!("could not release pages of a vector file: {error}");
            }
        }
        #[cfg(not(unix))] // Compiled by `scripts/windows`: it only uses its arguments up.
        let _nothing_to_do = (rows, dim);
    }

    fn as_slice(&self) -> &[f32] {
        match self {
            Self::Mapped { map, offset } => {
                let bytes = map.get(*offset..).unwrap_or_default();
                let whole = bytes.len() - bytes.len() % 4;
                bytemuck::try_cast_slice(&bytes[..whole]).unwrap_or_default()
            }
            Self::Owned(values) => values,
        }
    }
}

/// What is known of the photos of a chunk: an entry per item, up to the last of which something is known.
pub type PhotoChunk = Vec<Option<PhotoSummary>>;

/// What a snapshot is made of.
#[derive(Clone)]
pub struct SnapshotParts {
    /// The library's folder.
    pub library: PathBuf,
    /// Within one epoch items are only appended: rows keep their item, path and vector (size and date may be
    /// brought up to date).
    pub epoch: u64,
    /// Counts snapshots.
    pub generation: u64,
    /// Added folders and files.
    pub roots: Vec<Root>,
    /// All items by ascending id, in chunks of [`CHUNK`] (the last may be shorter).
    pub chunks: Vec<Arc<Vec<Item>>>,
    /// What is known of the photos in each chunk; it takes no memory where nothing is.
    pub photos: Vec<Arc<PhotoChunk>>,
    /// The columns of tables whose rows are items.
    pub tables: Arc<TableSet>,
    /// Items that the user keeps under names.
    pub groups: Arc<ItemGroups>,
    /// For each item, the row of its vector; `u32::MAX` where it has none.
    pub vector_rows: Vec<Arc<Vec<u32>>>,
    /// The vectors of `model`.
    pub vectors: Vectors,
    /// Which space the vectors lie in.
    pub model: ModelKey,
    /// The mean of the unit vectors of each modality, in [`Modality::ALL`] order; empty while it has no items.
    pub means: [Arc<[f32]>; 2],
    /// Number of items of each modality.
    pub counts: [usize; 2],
    /// Whether this window may not write (another one has the library open, or the disk is read-only), and why.
    pub read_only: Option<String>,
}

/// See the module's documentation.
#[derive(Clone)]
pub struct Snapshot {
    parts: SnapshotParts,
    len: usize,
    dim: usize,
}

impl Snapshot {
    /// Takes the parts as they are.
    pub fn new(parts: SnapshotParts) -> Self {
        let dim = parts.model.dim;
        Self::truncated(parts, dim)
    }

    /// Takes the parts, but sees only the first `dim` numbers of each vector; the means are those of unit vectors of
    /// so many dimensions.
    pub fn truncated(parts: SnapshotParts, dim: usize) -> Self {
        let len = parts.chunks.iter().map(|c| c.len()).sum();
        Self { dim: dim.min(parts.model.dim), parts, len }
    }

    /// The same with other groups.
    #[must_use]
    pub fn with_groups(&self, groups: Arc<ItemGroups>) -> Self {
        let mut other = self.clone();
        other.parts.groups = groups;
        other
    }

    /// Everything the snapshot is made of.
    pub fn parts(&self) -> &SnapshotParts {
        &self.parts
    }

    /// Number of items; rows are `0..len()`.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the library has no items.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Within one epoch items are only appended.
    pub fn epoch(&self) -> u64 {
        self.parts.epoch
    }

    /// Counts snapshots.
    pub fn generation(&self) -> u64 {
        self.parts.generation
    }

    /// How many items of one modality there are.
    pub fn count(&self, modality: Modality) -> usize {
        self.parts.counts[modality.index()]
    }

    /// The item in a row.
    pub fn item(&self, row: usize) -> Option<&Item> {
        self.parts.chunks.get(row / CHUNK)?.get(row % CHUNK)
    }

    /// All items in row order.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.parts.chunks.iter().flat_map(|c| c.iter())
    }

    /// The row of an item.
    pub fn row_of(&self, id: ItemId) -> Option<usize> {
        let chunk = self.parts.chunks.partition_point(|c| c.last().is_some_and(|last| last.id < id));
        let at = self.parts.chunks.get(chunk)?.binary_search_by_key(&id, |item| item.id).ok()?;
        Some(chunk * CHUNK + at)
    }

    /// The item of that name.
    pub fn get(&self, id: ItemId) -> Option<&Item> {
        self.item(self.row_of(id)?)
    }

    /// What is compared of the photo in a row; `None` for texts, and while it is unknown.
    pub fn photo(&self, row: usize) -> Option<&PhotoSummary> {
        self.parts.photos.get(row / CHUNK)?.get(row % CHUNK)?.as_ref()
    }

    /// The columns of tables.
    pub fn tables(&self) -> &Arc<TableSet> {
        &self.parts.tables
    }

    /// Items that the user keeps under names.
    pub fn groups(&self) -> &Arc<ItemGroups> {
        &self.parts.groups
    }

    /// What is known of the item in a row beside its content.
    pub fn facts(&self, row: usize) -> ItemFacts<'_> {
        ItemFacts { photo: self.photo(row), tables: Some(&self.parts.tables), groups: Some(&self.parts.groups) }
    }

    /// What is compared of the photo of an item.
    pub fn photo_of(&self, id: ItemId) -> Option<&PhotoSummary> {
        self.photo(self.row_of(id)?)
    }

    /// Whether nothing was read again about the photos near an item since this snapshot.
    pub fn shares_photo_of(&self, later: &Self, id: ItemId) -> bool {
        let chunk = |of: &Self| of.parts.photos.get(of.row_of(id)? / CHUNK).cloned();
        match (chunk(self), chunk(later)) {
            (Some(before), Some(now)) => Arc::ptr_eq(&before, &now),
            (before, now) => before.is_none() && now.is_none(),
        }
    }

    /// Dimensions that are looked at: all that are stored, or the first of them.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Whether vectors are stored with more dimensions than are looked at.
    pub fn is_truncated(&self) -> bool {
        self.dim < self.parts.model.dim
    }

    /// The vector of a row, [`Self::dim`] numbers; `None` where it is not embedded by this model. It has unit length
    /// unless [`Self::is_truncated`].
    pub fn vector(&self, row: usize) -> Option<&[f32]> {
        let vector_row = *self.parts.vector_rows.get(row / CHUNK)?.get(row % CHUNK)?;
        self.parts.vectors.row(vector_row, self.parts.model.dim)?.get(..self.dim)
    }

    /// The same, scaled to unit length where it has another.
    pub fn unit(&self, row: usize) -> Option<Cow<'_, [f32]>> {
        let vector = self.vector(row)?;
        if !self.is_truncated() {
            return Some(Cow::Borrowed(vector));
        }
        Some(Cow::Owned(Embedding::new(vector).ok()?.into()))
    }

    /// The mean vector of a modality in this library; `None` while it has no items.
    pub fn mean(&self, modality: Modality) -> Option<&[f32]> {
        let mean = &self.parts.means[modality.index()];
        (!mean.is_empty()).then_some(mean.as_ref())
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({} items, epoch {}, generation {})", self.len, self.epoch(), self.generation())
    }
}
