//! The catalog in memory, and how it is loaded.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use rusqlite::types::Value;
use rusqlite::{Connection, Row};

use super::catalog::{self, ModelRow};
use super::vector_rows::VectorRows;
use super::{RejectedFile, paths, rejected, vectors};
use crate::snapshot::{CHUNK, Root, SnapshotParts, Vectors};
use vicinity_core::{ContentHash, Item, ItemId, Modality};
use vicinity_models::LongText;

/// Kind of vector: a picture has one, a text has one per way of reading long texts.
pub(super) type VectorKind = u8;

/// The kind of vector for a modality and a way of reading long texts.
pub(super) fn vector_kind(modality: Modality, long_text: LongText) -> VectorKind {
    match (modality, long_text) {
        (Modality::Image, _) => 0,
        (Modality::Text, LongText::Truncate) => 1,
        (Modality::Text, LongText::Mean) => 2,
    }
}

/// Program version stored with failures: a later version may read more.
pub(super) const PROGRAM_VERSION: &str = env!("CARGO_PKG_VERSION");

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
    sums: [Vec<f64>; 2],
}

/// Intact and damaged vectors.
pub(super) struct LoadedVectors {
    pub whole: HashMap<(ContentHash, VectorKind), u32>,
    pub damaged: HashMap<(ContentHash, VectorKind), u32>,
    /// Unreadable entries: hash and kind.
    pub unreadable: Vec<[Value; 2]>,
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

/// Damage found while loading.
#[derive(Debug, Default)]
pub(super) struct LoadReport {
    pub unreadable: UnreadableRows,
    /// Damaged vectors with their rows.
    pub damaged: HashMap<(ContentHash, VectorKind), u32>,
    /// Number of items without an intact vector.
    pub lost: usize,
}

/// Reads every row of a query. A row that `read` cannot convert goes to `bad` and does not end the loading: one damaged
/// number must not make the library unusable.
pub(super) fn for_each_row<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    mut good: impl FnMut(T),
    mut bad: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(parameters)?;
    while let Some(row) = rows.next()? {
        match read(row) {
            Ok(value) => good(value),
            Err(_) => bad(row)?,
        }
    }
    Ok(())
}

/// Reads the list of vectors and checks each against the file.
pub(super) fn load_vectors(
    connection: &Connection,
    model: &ModelRow,
    vectors: &Vectors,
    dim: usize,
) -> rusqlite::Result<LoadedVectors> {
    let (mut whole, mut checks, mut unreadable) = (HashMap::new(), Vec::new(), Vec::new());
    let read = |row: &Row<'_>| {
        let key = (ContentHash(row.get(0)?), row.get::<_, VectorKind>(1)?);
        Ok((key, row.get::<_, u32>(2)?, row.get::<_, u32>(3)?))
    };
    for_each_row(
        connection,
        "SELECT hash, kind, row, crc FROM vectors WHERE model = ?",
        [model.id],
        read,
        |(key, row, crc)| {
            whole.insert(key, row);
            checks.push((row, crc));
        },
        |row| {
            unreadable.push([row.get(0)?, row.get(1)?]);
            Ok(())
        },
    )?;
    let bad: HashSet<u32> = vectors::damaged(vectors, dim, checks).into_iter().collect();
    let mut damaged = HashMap::new();
    if !bad.is_empty() {
        damaged = whole.extract_if(|_, row| bad.contains(row)).collect();
    }
    Ok(LoadedVectors { whole, damaged, unreadable })
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
        let sums = [vec![0.0; dim], vec![0.0; dim]];
        Self { files: HashMap::new(), vectors, rejected: BTreeMap::new(), parts, sums }
    }

    /// Loads files, items, failures and roots with one query each. Items are ordered by id.
    pub(super) fn load(
        &mut self,
        connection: &Connection,
        model: i64,
        long_text: LongText,
        vectors: LoadedVectors,
    ) -> rusqlite::Result<LoadReport> {
        let LoadedVectors { whole, damaged, unreadable } = vectors;
        self.vectors.replace(whole);
        let mut found = LoadReport {
            unreadable: UnreadableRows { vectors: unreadable, ..Default::default() },
            ..Default::default()
        };
        let bad = &mut found.unreadable;
        self.parts.roots = load_roots(connection, &mut bad.roots)?;
        self.rejected = rejected::load(connection, model, &mut bad.rejected)?;
        let mut files = load_files(connection, &mut bad.files)?;
        let crc = if catalog::has_column(connection, "items", "crc")? { "crc" } else { "NULL" };
        let sql = format!("SELECT id, file, row, modality, hash, width, height, snippet, {crc} FROM items ORDER BY id");
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let file: Option<i64> = row.get(1).ok();
            let known = file.and_then(|file| files.get_mut(&file));
            let item = known.and_then(|(path, entry)| Some((read_item(row, path, entry).ok()?, entry)));
            let Some((item, entry)) = item else {
                bad.items.push(row.get(0)?);
                match file.and_then(|file| files.get_mut(&file)) {
                    Some((_, entry)) => {
                        entry.ready = false;
                        bad.incomplete.push(entry.id);
                    }
                    None => bad.all_incomplete = true,
                }
                continue;
            };
            let key = (item.hash, vector_kind(item.modality, long_text));
            let wanted = self.vectors.get(&key);
            entry.ready &= wanted.is_some();
            match wanted.or_else(|| self.any_vector(&item.hash, item.modality)) {
                Some(vector) => self.push(item, vector),
                None => found.lost += usize::from(damaged.contains_key(&key)),
            }
        }
        if bad.all_incomplete {
            files.values_mut().for_each(|(_, entry)| entry.ready = false);
        }
        self.files = files.into_values().collect();
        self.sum_all();
        found.damaged = damaged;
        Ok(found)
    }

    /// A vector of this content, whichever way of reading long texts made it.
    fn any_vector(&self, hash: &ContentHash, modality: Modality) -> Option<u32> {
        [LongText::Truncate, LongText::Mean]
            .iter()
            .find_map(|way| self.vectors.get(&(*hash, vector_kind(modality, *way))))
    }

    /// Number of dimensions in use.
    pub(super) fn dim(&self) -> usize {
        self.sums[0].len()
    }

    /// Uses the first `dim` dimensions from now on. A new epoch begins, as layouts differ.
    pub(super) fn use_dimensions(&mut self, dim: usize) {
        self.sums = [vec![0.0; dim], vec![0.0; dim]];
        self.sum_all();
        self.parts.epoch += 1;
    }

    fn push(&mut self, item: Item, vector: u32) {
        let parts = &mut self.parts;
        parts.counts[item.modality.index()] += 1;
        if parts.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            parts.chunks.push(Arc::new(Vec::new()));
            parts.vector_rows.push(Arc::new(Vec::new()));
        }
        if let (Some(items), Some(rows)) = (parts.chunks.last_mut(), parts.vector_rows.last_mut()) {
            Arc::make_mut(items).push(item);
            Arc::make_mut(rows).push(vector);
        }
    }

    /// Sums all vectors per modality, in a fixed order, so that means are the same each time the library is opened.
    fn sum_all(&mut self) {
        let (parts, dim) = (&self.parts, self.dim());
        let sums: Vec<[Vec<f64>; 2]> = parts
            .chunks
            .par_iter()
            .zip(&parts.vector_rows)
            .map(|(items, rows)| {
                let mut sums = [vec![0.0; dim], vec![0.0; dim]];
                for (item, row) in items.iter().zip(rows.iter()) {
                    accumulate(&mut sums[item.modality.index()], parts.vectors.row(*row, parts.model.dim), 1.0);
                }
                if let (Some(first), Some(last)) = (rows.iter().min(), rows.iter().max()) {
                    parts.vectors.release(*first..last.saturating_add(1), parts.model.dim);
                }
                sums
            })
            .collect();
        self.sums = [vec![0.0; dim], vec![0.0; dim]];
        for chunk in &sums {
            for (total, part) in self.sums.iter_mut().zip(chunk) {
                total.iter_mut().zip(part).for_each(|(total, value)| *total += value);
            }
        }
    }

    /// Applies committed changes. `vectors` map the file as it is now.
    pub(super) fn apply(&mut self, changes: Vec<ItemChange>, vectors: Vectors) {
        self.parts.vectors = vectors;
        let mut removed = HashSet::new();
        for change in changes {
            match change {
                ItemChange::Add(item, row) => {
                    self.add_to_sum(item.modality, row, 1.0);
                    self.push(item, row);
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

    fn add_to_sum(&mut self, modality: Modality, row: u32, factor: f64) {
        let vector = self.parts.vectors.row(row, self.parts.model.dim);
        accumulate(&mut self.sums[modality.index()], vector, factor);
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
            self.add_to_sum(old_modality, old_row, -1.0);
            self.add_to_sum(item.modality, row, 1.0);
            self.parts.counts[old_modality.index()] -= 1;
            self.parts.counts[item.modality.index()] += 1;
            self.parts.epoch += 1;
            Arc::make_mut(&mut self.parts.vector_rows[chunk])[at] = row;
        }
        Arc::make_mut(&mut self.parts.chunks[chunk])[at] = item;
    }

    /// Removes items. Later rows move up, so a new epoch begins.
    fn remove(&mut self, ids: &HashSet<ItemId>) {
        let chunks = std::mem::take(&mut self.parts.chunks);
        let rows = std::mem::take(&mut self.parts.vector_rows);
        self.parts.counts = [0, 0];
        let mut found = false;
        for (items, rows) in chunks.iter().zip(&rows) {
            for (item, row) in items.iter().zip(rows.iter()) {
                if ids.contains(&item.id) {
                    self.add_to_sum(item.modality, *row, -1.0);
                    found = true;
                } else {
                    self.push(item.clone(), *row);
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
                _ => self.sums[at].iter().map(|sum| (sum / count as f64) as f32).collect(),
            };
        }
        self.parts.clone()
    }
}

/// Adds the dimensions of a vector that are in use, scaled to unit length.
fn accumulate(sum: &mut [f64], vector: Option<&[f32]>, mut factor: f64) {
    let Some(vector) = vector else { return };
    let seen = &vector[..vector.len().min(sum.len())];
    if seen.len() < vector.len() {
        let length = seen.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        factor = if length > 0.0 { factor / length } else { 0.0 };
    }
    for (sum, value) in sum.iter_mut().zip(seen) {
        *sum += f64::from(*value) * factor;
    }
}

fn read_item(row: &Row<'_>, path: &Arc<Path>, file: &FileEntry) -> rusqlite::Result<Item> {
    let [width, height]: [Option<u32>; 2] = [row.get(5)?, row.get(6)?];
    let (number, modality): (u32, u32) = (row.get(2)?, row.get(3)?);
    let hash: [u8; 32] = row.get(4)?;
    let snippet = row.get_ref(7)?.as_str_or_null()?;
    let sound = match row.get::<_, Option<u32>>(8)? {
        Some(crc) => crc == item_checksum(number, modality, &hash, [width, height], snippet),
        None => true, // stored by an earlier version
    };
    if !sound || modality > 1 {
        return Err(rusqlite::Error::IntegralValueOutOfRange(3, i64::from(modality)));
    }
    Ok(Item {
        id: ItemId(row.get(0)?),
        path: path.clone(),
        row: Some(number).filter(|row| *row > 0),
        modality: if modality == 0 { Modality::Image } else { Modality::Text },
        bytes: file.bytes,
        modified_ns: file.modified_ns,
        hash: ContentHash(hash),
        pixels: width.zip(height).map(|(width, height)| [width, height]),
        snippet: snippet.map(Arc::from),
    })
}

fn load_files(connection: &Connection, bad: &mut Vec<i64>) -> rusqlite::Result<HashMap<i64, (Arc<Path>, FileEntry)>> {
    let mark = if catalog::has_column(connection, "files", "change_mark")? { "change_mark" } else { "0" };
    let sql = format!("SELECT id, path, bytes, modified_ns, complete, {mark} FROM files");
    let read = |row: &Row<'_>| {
        let path = paths::from_bytes(row.get_ref(1)?.as_blob()?);
        let (id, bytes) = (row.get(0)?, row.get::<_, i64>(2)?.cast_unsigned());
        let entry = FileEntry { id, bytes, modified_ns: row.get(3)?, ready: row.get(4)?, change_mark: row.get(5)? };
        Ok((id, (Arc::from(path), entry)))
    };
    let mut files = HashMap::new();
    let keep = |(id, file)| {
        files.insert(id, file);
    };
    for_each_row(connection, &sql, (), read, keep, |row| {
        bad.push(row.get(0)?);
        Ok(())
    })?;
    Ok(files)
}

fn load_roots(connection: &Connection, bad: &mut Vec<i64>) -> rusqlite::Result<Vec<Root>> {
    let read = |row: &Row<'_>| Ok(Root { path: paths::from_bytes(row.get_ref(0)?.as_blob()?), available: row.get(1)? });
    let mut roots = Vec::new();
    for_each_row(
        connection,
        "SELECT path, available, id FROM roots ORDER BY id",
        (),
        read,
        |root| roots.push(root),
        |row| {
            bad.push(row.get(2)?);
            Ok(())
        },
    )?;
    Ok(roots)
}
