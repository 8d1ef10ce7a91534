//! What the writer knows of the library without asking the disk, and how it is loaded.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use rusqlite::{Connection, Row};

use super::catalog::{self, ModelRow};
use super::vector_rows::VectorRows;
use super::{FailedFile, not_taken, paths, vectors};
use crate::snapshot::{CHUNK, Root, SnapshotParts, Vectors};
use vicinity_core::{ContentHash, Item, ItemId, Modality};
use vicinity_models::LongText;

/// Which of the vectors that one content may have: pictures have one, texts one a way of reading long ones.
pub(super) type Kind = u8;

/// The kind of vector wanted.
pub(super) fn kind(modality: Modality, long_text: LongText) -> Kind {
    match (modality, long_text) {
        (Modality::Image, _) => 0,
        (Modality::Text, LongText::Truncate) => 1,
        (Modality::Text, LongText::Mean) => 2,
    }
}

/// The version of the program that failures belong to: a later one may read more.
pub(super) const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// A file that the catalog knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileEntry {
    pub id: i64,
    pub bytes: u64,
    pub modified_ns: i64,
    /// 0 where it is not known.
    pub change_mark: i64,
    /// All of its items are there and have the vector wanted.
    pub ready: bool,
}

impl FileEntry {
    /// Whether the file is the one that was stored, as far as can be told without reading it.
    pub(super) fn is_as(&self, stamp: Stamp) -> bool {
        Stamp { bytes: self.bytes, modified_ns: self.modified_ns, change_mark: self.change_mark }.is_as(stamp)
    }
}

/// By which a file is told from an edited one without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// File size in bytes.
    pub bytes: u64,
    /// Modification time, nanoseconds since the Unix epoch; before it, negative.
    pub modified_ns: i64,
    /// See [`crate::scan::Candidate::change_mark`]; 0 where it is not known, which fits any other.
    pub change_mark: i64,
}

impl Stamp {
    /// Whether both may be of one unchanged file.
    pub fn is_as(self, other: Self) -> bool {
        let marks = [self.change_mark, other.change_mark];
        (self.bytes, self.modified_ns) == (other.bytes, other.modified_ns)
            && (marks[0] == marks[1] || marks.contains(&0))
    }
}

/// A change of the visible items, made known after the catalog has committed it.
pub(super) enum Change {
    Add(Item, u32),
    Update(Item, u32),
    Remove(ItemId),
}

/// The state of the library in memory.
pub(super) struct State {
    pub files: HashMap<Arc<Path>, FileEntry>,
    pub vectors: VectorRows,
    pub not_taken: BTreeMap<PathBuf, FailedFile>,
    /// The snapshot in the making. An item is in it exactly when it has a vector of the model, so that embedding
    /// with another model only ever appends.
    pub parts: SnapshotParts,
    sums: [Vec<f64>; 2],
}

/// Numbers and checksums of the vectors, as far as they are whole, and the damaged ones.
pub(super) struct LoadedVectors {
    pub whole: HashMap<(ContentHash, Kind), u32>,
    pub damaged: Vec<u32>,
}

/// Reads which vectors there are, and checks each against the file.
pub(super) fn load_vectors(
    connection: &Connection,
    model: &ModelRow,
    vectors: &Vectors,
    dim: usize,
) -> rusqlite::Result<LoadedVectors> {
    let mut statement = connection.prepare("SELECT hash, kind, row, crc FROM vectors WHERE model = ?")?;
    let mut whole = HashMap::new();
    let mut checks = Vec::new();
    let mut rows = statement.query([model.id])?;
    while let Some(row) = rows.next()? {
        let at: u32 = row.get(2)?;
        whole.insert((ContentHash(row.get(0)?), row.get::<_, Kind>(1)?), at);
        checks.push((at, row.get(3)?));
    }
    let damaged = vectors::damaged(vectors, dim, &checks);
    if !damaged.is_empty() {
        let bad: HashSet<u32> = damaged.iter().copied().collect();
        whole.retain(|_, row| !bad.contains(row));
    }
    Ok(LoadedVectors { whole, damaged })
}

impl State {
    /// A library without items, of whose vectors the first `dim` dimensions are looked at.
    pub(super) fn new(parts: SnapshotParts, vectors: VectorRows, dim: usize) -> Self {
        let sums = [vec![0.0; dim], vec![0.0; dim]];
        Self { files: HashMap::new(), vectors, not_taken: BTreeMap::new(), parts, sums }
    }

    /// Reads files, items, failures and roots. One query each; the order of items is that of their numbers.
    pub(super) fn load(&mut self, connection: &Connection, model: i64, long_text: LongText) -> rusqlite::Result<()> {
        self.parts.roots = load_roots(connection)?;
        self.not_taken = not_taken::load(connection, model)?;
        let mut files = load_files(connection)?;
        let mut statement = connection
            .prepare("SELECT id, file, row, modality, hash, width, height, snippet FROM items ORDER BY id")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let Some((path, entry)) = files.get_mut(&row.get::<_, i64>(1)?) else { continue };
            let item = read_item(row, path, entry)?;
            let wanted = self.vectors.get(&(item.hash, kind(item.modality, long_text)));
            entry.ready &= wanted.is_some();
            if let Some(vector) = wanted.or_else(|| self.any_vector(&item.hash, item.modality)) {
                self.push(item, vector);
            }
        }
        self.files = files.into_values().collect();
        self.sum_all();
        Ok(())
    }

    /// A vector of this content, whichever way its long text was read.
    fn any_vector(&self, hash: &ContentHash, modality: Modality) -> Option<u32> {
        [LongText::Truncate, LongText::Mean].iter().find_map(|way| self.vectors.get(&(*hash, kind(modality, *way))))
    }

    /// Dimensions that are looked at.
    pub(super) fn dim(&self) -> usize {
        self.sums[0].len()
    }

    /// Looks at the first `dim` dimensions from now on; a new epoch begins, as layouts are others.
    pub(super) fn look_at(&mut self, dim: usize) {
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

    /// Sums all vectors, a modality apart; in a fixed order, so that means are the same at every opening.
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

    /// Takes over what was committed. `vectors` map the file as it is now.
    pub(super) fn apply(&mut self, changes: Vec<Change>, vectors: Vectors) {
        self.parts.vectors = vectors;
        let mut removed = HashSet::new();
        for change in changes {
            match change {
                Change::Add(item, row) => {
                    self.add_to_sum(item.modality, row, 1.0);
                    self.push(item, row);
                }
                Change::Update(item, row) => self.update(item, row),
                Change::Remove(id) => {
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

    /// Where an item stands: its chunk, and its place within.
    pub(super) fn place_of(&self, id: ItemId) -> Option<(usize, usize)> {
        let chunk = self.parts.chunks.partition_point(|c| c.last().is_some_and(|last| last.id < id));
        let at = self.parts.chunks.get(chunk)?.binary_search_by_key(&id, |item| item.id).ok()?;
        Some((chunk, at))
    }

    fn update(&mut self, item: Item, row: u32) {
        let Some((chunk, at)) = self.place_of(item.id) else { return };
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

    /// Takes items out; all rows behind them move up, so a new epoch begins.
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

/// Adds as many dimensions of a vector as are looked at, scaled to unit length.
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
    let width: Option<u32> = row.get(5)?;
    let height: Option<u32> = row.get(6)?;
    Ok(Item {
        id: ItemId(row.get(0)?),
        path: path.clone(),
        row: Some(row.get::<_, u32>(2)?).filter(|row| *row > 0),
        modality: if row.get::<_, u8>(3)? == 0 { Modality::Image } else { Modality::Text },
        bytes: file.bytes,
        modified_ns: file.modified_ns,
        hash: ContentHash(row.get(4)?),
        pixels: width.zip(height).map(|(width, height)| [width, height]),
        snippet: row.get_ref(7)?.as_str_or_null().unwrap_or_default().map(Arc::from),
    })
}

fn load_files(connection: &Connection) -> rusqlite::Result<HashMap<i64, (Arc<Path>, FileEntry)>> {
    let mark = if catalog::has_column(connection, "files", "change_mark")? { "change_mark" } else { "0" };
    let mut statement =
        connection.prepare(&format!("SELECT id, path, bytes, modified_ns, complete, {mark} FROM files"))?;
    let read = |row: &Row<'_>| {
        let path = paths::from_bytes(row.get_ref(1)?.as_blob().unwrap_or_default());
        let (id, bytes) = (row.get(0)?, row.get::<_, i64>(2)?.cast_unsigned());
        let entry = FileEntry { id, bytes, modified_ns: row.get(3)?, ready: row.get(4)?, change_mark: row.get(5)? };
        Ok((id, (Arc::from(path), entry)))
    };
    statement.query_map((), read)?.collect()
}

fn load_roots(connection: &Connection) -> rusqlite::Result<Vec<Root>> {
    let mut statement = connection.prepare("SELECT path, available FROM roots ORDER BY id")?;
    let read = |row: &Row<'_>| Ok(Root { path: paths::from_bytes(&row.get::<_, Vec<u8>>(0)?), available: row.get(1)? });
    statement.query_map((), read)?.collect()
}
