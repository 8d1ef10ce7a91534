//! The catalog in memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::types::Value;

use super::sums::VectorSums;
use super::vector_rows::VectorRows;
use super::{RejectedFile, facts, table_columns};
use crate::snapshot::{CHUNK, PhotoChunk, SnapshotParts, Vectors};
use vicinity_core::photo_summary::Texts;
use vicinity_core::{Item, ItemId, Modality, Part, PhotoSummary};
use vicinity_models::LongText;

/// Kind of vector: of what a model computed, a picture has one, and a text one per way of reading long texts. Vectors that
/// the user brought belong to a part of a file, such as a row, and not to its content: see [`part_kind`].
pub(super) type VectorKind = u32;

/// Kinds from this one on name a part, by its code.
pub(super) const FIRST_PART_KIND: VectorKind = 16;

/// The kind of a vector that was brought for this part of a file.
pub(super) fn part_kind(part: Part) -> VectorKind {
    FIRST_PART_KIND.saturating_add(part.code().get())
}

/// The kind of vector for a modality and a way of reading long texts.
pub(super) fn vector_kind(modality: Modality, long_text: LongText) -> VectorKind {
    match (modality, long_text) {
        (Modality::Image, _) => 0,
        (Modality::Text, LongText::Truncate) => 1,
        (Modality::Text, LongText::Mean) => 2,
    }
}

/// Stored with files that were not taken, which are tried again where it differs: the version of the program, and a number to
/// be increased whenever more formats are read.
pub(super) const PROGRAM_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+3");

/// A file in the catalog.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileEntry {
    pub id: i64,
    pub bytes: u64,
    pub modified_ns: i64,
    /// 0 if unknown.
    pub change_mark: i64,
    /// All of its items are stored and have the vector that the import options ask for.
    pub ready: bool,
}

impl FileEntry {
    /// Whether the file is unchanged, judged without reading it.
    pub(super) fn matches(&self, stamp: FileStamp) -> bool {
        FileStamp { bytes: self.bytes, modified_ns: self.modified_ns, change_mark: self.change_mark }.matches(stamp)
    }
}

/// Size and times that tell an unchanged file from an edited one without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    /// File size in bytes.
    pub bytes: u64,
    /// Modification time, nanoseconds since the Unix epoch; before it, negative.
    pub modified_ns: i64,
    /// See [`crate::scan::Candidate::change_mark`]; 0 if unknown, which matches any other.
    pub change_mark: i64,
}

impl FileStamp {
    /// Whether both may belong to one unchanged file.
    pub fn matches(self, other: Self) -> bool {
        let marks = [self.change_mark, other.change_mark];
        (self.bytes, self.modified_ns) == (other.bytes, other.modified_ns)
            && (marks[0] == marks[1] || marks.contains(&0))
    }
}

/// A change to the items, published after it is committed.
pub(super) enum ItemChange {
    Add(Item, u32),
    Update(Item, u32),
    Remove(ItemId),
}

/// The catalog of a library in memory.
pub(super) struct LoadedCatalog {
    pub files: HashMap<Arc<Path>, FileEntry>,
    pub vectors: VectorRows,
    pub rejected: BTreeMap<PathBuf, RejectedFile>,
    /// Parts of the next snapshot. It contains an item exactly if the item has a vector of the model, so that embedding
    /// with another model only appends.
    pub parts: SnapshotParts,
    /// Texts that photos share.
    pub texts: Texts,
    /// What the columns of each table were read from.
    pub table_stamps: HashMap<Arc<Path>, FileStamp>,
    /// Bytes of the columns of all tables.
    pub table_bytes: usize,
    /// The most that they may take.
    pub table_limit: usize,
    /// Tables whose columns would take more.
    pub left_out_tables: HashSet<Arc<Path>>,
    /// Number of snapshots that only brought news of photos, columns or groups.
    pub photo_generations: u64,
    /// What is known of the photos of a chunk where nothing is.
    no_photos: Arc<PhotoChunk>,
    sums: VectorSums,
}

/// Unreadable rows of the catalog, to be removed.
#[derive(Debug, Default)]
pub(super) struct UnreadableRows {
    /// Hash and kind.
    pub vectors: Vec<[Value; 2]>,
    pub files: Vec<i64>,
    pub items: Vec<i64>,
    pub roots: Vec<i64>,
    /// Path and model of rejected files.
    pub rejected: Vec<[Value; 2]>,
    /// Whether the import options are damaged.
    pub options: bool,
    /// Files that have lost items and have to be read again.
    pub incomplete: Vec<i64>,
    /// Whether all files have to be read again, as it is unknown which have lost items.
    pub all_incomplete: bool,
}

impl UnreadableRows {
    /// Number of rows.
    pub(super) fn count(&self) -> usize {
        let lists = self.files.len() + self.items.len() + self.roots.len() + self.rejected.len();
        lists + self.vectors.len() + usize::from(self.options)
    }
}

/// What was found while loading.
#[derive(Debug, Default)]
pub(super) struct LoadReport {
    pub unreadable: UnreadableRows,
    /// Row and checksum of each vector.
    pub checksums: Vec<(u32, u32)>,
}

/// Checksum of an item's fields except its file and id.
pub(super) fn item_checksum(
    row: u32,
    modality: u32,
    hash: &[u8; 32],
    [width, height]: [Option<u32>; 2],
    snippet: Option<&str>,
) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for number in [row, modality, width.unwrap_or(u32::MAX), height.unwrap_or(u32::MAX)] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(hash);
    hasher.update(snippet.unwrap_or("\0").as_bytes());
    hasher.finalize()
}

impl LoadedCatalog {
    /// An empty catalog that uses the first `dim` dimensions of its vectors.
    pub(super) fn new(parts: SnapshotParts, vectors: VectorRows, dim: usize) -> Self {
        let sums = VectorSums::new(dim);
        Self {
            files: HashMap::new(),
            vectors,
            rejected: BTreeMap::new(),
            parts,
            texts: Texts::default(),
            table_stamps: HashMap::new(),
            table_bytes: 0,
            table_limit: table_columns::MAX_MEMORY,
            left_out_tables: HashSet::new(),
            photo_generations: 0,
            no_photos: Arc::default(),
            sums,
        }
    }

    /// Number of dimensions in use.
    pub(super) fn dim(&self) -> usize {
        self.sums.dim()
    }

    /// Sums of all vectors.
    pub(super) fn sums(&self) -> &VectorSums {
        &self.sums
    }

    /// Takes over the sums of all vectors; their dimensions are in use from now on. A change of these begins a new epoch,
    /// as layouts differ.
    pub(super) fn set_sums(&mut self, sums: VectorSums) {
        self.parts.epoch += u64::from(self.sums.dim() != sums.dim());
        self.sums = sums;
    }

    /// The vectors have other rows now.
    pub(super) fn renumber_sums(&mut self) {
        let before = std::mem::replace(&mut self.sums, VectorSums::new(0));
        self.sums = before.with_rows_of(&self.parts);
    }

    /// Counts snapshots with other items or vectors than the one before.
    pub(super) fn item_generation(&self) -> u64 {
        self.parts.generation.saturating_sub(self.photo_generations)
    }

    pub(super) fn push(&mut self, item: Item, vector: u32, photo: Option<PhotoSummary>) {
        let parts = &mut self.parts;
        parts.counts[item.modality.index()] += 1;
        if parts.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            parts.chunks.push(Arc::new(Vec::new()));
            parts.vector_rows.push(Arc::new(Vec::new()));
            parts.photos.push(Arc::clone(&self.no_photos));
        }
        if let (Some(items), Some(photos)) = (parts.chunks.last(), parts.photos.last_mut()) {
            facts::put(photos, items.len(), photo);
        }
        if let (Some(items), Some(rows)) = (parts.chunks.last_mut(), parts.vector_rows.last_mut()) {
            Arc::make_mut(items).push(item);
            Arc::make_mut(rows).push(vector);
        }
    }

    /// Applies committed changes. `vectors` map the file as it is now.
    pub(super) fn apply(&mut self, changes: Vec<ItemChange>, vectors: Vectors) {
        self.parts.vectors = vectors;
        let mut removed = HashSet::new();
        for change in changes {
            match change {
                ItemChange::Add(item, row) => {
                    self.add_to_sums(item.id, item.modality, row);
                    self.push(item, row, None);
                }
                ItemChange::Update(item, row) => self.update(item, row),
                ItemChange::Remove(id) => {
                    removed.insert(id);
                }
            }
        }
        if !removed.is_empty() {
            self.remove(&removed);
        }
    }

    fn add_to_sums(&mut self, id: ItemId, modality: Modality, row: u32) {
        self.sums.add(id, modality, row, &self.parts.vectors, self.parts.model.dim);
    }

    fn subtract_from_sums(&mut self, id: ItemId, modality: Modality, row: u32) {
        self.sums.subtract(id, modality, row, &self.parts.vectors, self.parts.model.dim);
    }

    /// Chunk of an item, and its index within.
    pub(super) fn position_of(&self, id: ItemId) -> Option<(usize, usize)> {
        let chunk = self.parts.chunks.partition_point(|c| c.last().is_some_and(|last| last.id < id));
        let at = self.parts.chunks.get(chunk)?.binary_search_by_key(&id, |item| item.id).ok()?;
        Some((chunk, at))
    }

    fn update(&mut self, item: Item, row: u32) {
        let Some((chunk, at)) = self.position_of(item.id) else { return };
        let (old, old_row) = (&self.parts.chunks[chunk][at], self.parts.vector_rows[chunk][at]);
        let same = old_row == row && old.path == item.path && old.hash == item.hash && old.modality == item.modality;
        if !same {
            let old_modality = old.modality;
            self.subtract_from_sums(item.id, old_modality, old_row);
            self.add_to_sums(item.id, item.modality, row);
            self.parts.counts[old_modality.index()] -= 1;
            self.parts.counts[item.modality.index()] += 1;
            self.parts.epoch += 1;
            Arc::make_mut(&mut self.parts.vector_rows[chunk])[at] = row;
        }
        if item.modality == Modality::Text {
            facts::put(&mut self.parts.photos[chunk], at, None);
        }
        Arc::make_mut(&mut self.parts.chunks[chunk])[at] = item;
    }

    /// Removes items. Later rows move up, so a new epoch begins.
    fn remove(&mut self, ids: &HashSet<ItemId>) {
        let chunks = std::mem::take(&mut self.parts.chunks);
        let rows = std::mem::take(&mut self.parts.vector_rows);
        let photos = std::mem::take(&mut self.parts.photos);
        self.parts.counts = [0, 0];
        let mut found = false;
        for ((items, rows), photos) in chunks.iter().zip(&rows).zip(&photos) {
            for (at, (item, row)) in items.iter().zip(rows.iter()).enumerate() {
                if ids.contains(&item.id) {
                    self.subtract_from_sums(item.id, item.modality, *row);
                    found = true;
                } else {
                    self.push(item.clone(), *row, photos.get(at).cloned().flatten());
                }
            }
        }
        self.parts.epoch += u64::from(found);
    }

    /// The parts of the next snapshot.
    pub(super) fn publish(&mut self) -> SnapshotParts {
        self.parts.generation += 1;
        for modality in Modality::ALL {
            let (at, count) = (modality.index(), self.parts.counts[modality.index()]);
            self.parts.means[at] = match count {
                0 => Arc::new([]),
                _ => self.sums.mean(modality, count).collect(),
            };
        }
        self.parts.clone()
    }
}
