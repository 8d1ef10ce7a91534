//! Loading the catalog: one query per table, those of a large library on several threads.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, Row};

use super::facts::PhotoList;
use super::loaded::{
    FileEntry, LoadReport, LoadedCatalog, UnreadableRows, VectorKind, item_checksum, part_kind, vector_kind,
};
use super::table_columns::TableList;
use super::vector_rows::Rows;
use super::{catalog, groups, paths, rejected};
use crate::own_vectors;
use crate::snapshot::Root;
use vicinity_core::{ContentHash, Item, ItemId, Modality, Part};
use vicinity_models::LongText;

/// Libraries with at least this many vectors are loaded on several threads.
const PARALLEL: u32 = 4096;

/// The list of the vectors of a model.
#[derive(Default)]
pub(super) struct VectorList {
    /// Row of each vector.
    pub rows: Rows,
    /// Row and checksum of each vector.
    pub checksums: Vec<(u32, u32)>,
    /// Unreadable entries: hash and kind.
    pub unreadable: Vec<[Value; 2]>,
}

impl VectorList {
    /// Reads the list.
    pub(super) fn load(connection: &Connection, model: i64, expected: u32) -> rusqlite::Result<Self> {
        // A damaged number of rows must not allocate gigabytes.
        let expected = expected.min(1 << 21) as usize;
        let mut list = Self {
            rows: Rows::with_capacity_and_hasher(expected, Default::default()),
            checksums: Vec::with_capacity(expected),
            unreadable: Vec::new(),
        };
        let read = |row: &Row<'_>| {
            let key = (ContentHash(row.get(0)?), row.get::<_, VectorKind>(1)?);
            Ok((key, row.get::<_, u32>(2)?, row.get::<_, u32>(3)?))
        };
        for_each_row(
            connection,
            "SELECT hash, kind, row, crc FROM vectors WHERE model = ?",
            [model],
            read,
            |(key, row, crc)| {
                list.rows.insert(key, row);
                list.checksums.push((row, crc));
            },
            |row| {
                list.unreadable.push([row.get(0)?, row.get(1)?]);
                Ok(())
            },
        )?;
        Ok(list)
    }

    /// Number of rows that the vector file must have.
    pub(super) fn end(&self) -> u32 {
        self.checksums.iter().map(|(row, _)| row.saturating_add(1)).max().unwrap_or(0)
    }

    /// Drops the vectors in rows that `keep` does not want.
    pub(super) fn retain(&mut self, keep: impl Fn(u32) -> bool) {
        self.rows.retain(|_, row| keep(*row));
        self.checksums.retain(|(row, _)| keep(*row));
    }
}

/// The files of the catalog in order of their ids.
struct FileList {
    files: Vec<(Arc<Path>, FileEntry)>,
    unreadable: Vec<i64>,
    /// Position of the file found last: items are mostly stored in the order of their files.
    last: usize,
}

impl FileList {
    fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mark = if catalog::has_column(connection, "files", "change_mark")? { "change_mark" } else { "0" };
        let sql = format!("SELECT id, path, bytes, modified_ns, complete, {mark} FROM files ORDER BY id");
        let read = |row: &Row<'_>| {
            let path = paths::from_bytes(row.get_ref(1)?.as_blob()?);
            let (id, bytes) = (row.get(0)?, row.get::<_, i64>(2)?.cast_unsigned());
            let entry = FileEntry { id, bytes, modified_ns: row.get(3)?, ready: row.get(4)?, change_mark: row.get(5)? };
            Ok((Arc::from(path), entry))
        };
        let (mut files, mut unreadable) = (Vec::new(), Vec::new());
        for_each_row(
            connection,
            &sql,
            (),
            read,
            |file| files.push(file),
            |row| {
                unreadable.push(row.get(0)?);
                Ok(())
            },
        )?;
        Ok(Self { files, unreadable, last: 0 })
    }

    fn get(&mut self, id: i64) -> Option<&mut (Arc<Path>, FileEntry)> {
        let is = |at: usize| self.files.get(at).is_some_and(|(_, file)| file.id == id);
        let at = match [self.last, self.last + 1].into_iter().find(|at| is(*at)) {
            Some(at) => at,
            None => self.files.binary_search_by_key(&id, |(_, file)| file.id).ok()?,
        };
        self.last = at;
        self.files.get_mut(at)
    }
}

/// An item as the catalog has it.
struct ItemRow {
    file: i64,
    /// Without the path, size and time of its file.
    item: Item,
}

/// The items of the catalog in order of their ids; of an unreadable one its id, and that of its file if known.
type ItemList = Vec<Result<ItemRow, (i64, Option<i64>)>>;

fn load_items(connection: &Connection) -> rusqlite::Result<ItemList> {
    let crc = if catalog::has_column(connection, "items", "crc")? { "crc" } else { "NULL" };
    let sql = format!("SELECT id, file, row, modality, hash, width, height, snippet, {crc} FROM items ORDER BY id");
    let no_path: Arc<Path> = Arc::from(Path::new(""));
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(())?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        items.push(match read_item(row, &no_path) {
            Ok(item) => Ok(item),
            Err(_) => Err((row.get(0)?, row.get(1).ok())),
        });
    }
    Ok(items)
}

fn read_item(row: &Row<'_>, no_path: &Arc<Path>) -> rusqlite::Result<ItemRow> {
    let [width, height]: [Option<u32>; 2] = [row.get(5)?, row.get(6)?];
    let (number, modality): (u32, u32) = (row.get(2)?, row.get(3)?);
    let hash: [u8; 32] = row.get(4)?;
    let snippet = row.get_ref(7)?.as_str_or_null()?;
    let intact = match row.get::<_, Option<u32>>(8)? {
        Some(crc) => crc == item_checksum(number, modality, &hash, [width, height], snippet),
        None => true, // stored by an earlier version
    };
    let part = NonZeroU32::new(number).map(Part::of_code);
    let (Some(part), true, 0..=1) = (part.map_or(Some(None), |part| part.map(Some)), intact, modality) else {
        return Err(rusqlite::Error::IntegralValueOutOfRange(3, i64::from(modality)));
    };
    let item = Item {
        id: ItemId(row.get(0)?),
        path: no_path.clone(),
        part,
        modality: if modality == 0 { Modality::Image } else { Modality::Text },
        bytes: 0,
        modified_ns: 0,
        hash: ContentHash(hash),
        pixels: width.zip(height).map(|(width, height)| [width, height]),
        snippet: snippet.map(Arc::from),
    };
    Ok(ItemRow { file: row.get(1)?, item })
}

/// The largest tables of the catalog.
pub(super) struct Tables {
    pub vectors: VectorList,
    files: FileList,
    items: ItemList,
    photos: PhotoList,
    columns: TableList,
}

impl Tables {
    /// Reads the tables, from one state of the catalog even while another process writes.
    pub(super) fn load(connection: &Connection, model: i64, rows: u32) -> rusqlite::Result<Self> {
        Ok(Self {
            vectors: VectorList::load(connection, model, rows)?,
            files: FileList::load(connection)?,
            items: load_items(connection)?,
            photos: PhotoList::load(connection),
            columns: TableList::load(connection),
        })
    }

    /// The same for the writer: as nobody else changes the catalog, several connections read the same state.
    pub(super) fn load_as_writer(dir: &Path, connection: &Connection, model: i64, rows: u32) -> rusqlite::Result<Self> {
        if rows < PARALLEL {
            return Self::load(connection, model, rows);
        }
        std::thread::scope(|scope| {
            let vectors = scope.spawn(|| VectorList::load(&catalog::open_shared(dir)?, model, rows));
            let files = scope.spawn(|| FileList::load(&catalog::open_shared(dir)?));
            let photos = scope.spawn(|| catalog::open_shared(dir).map(|connection| PhotoList::load(&connection)));
            let columns = scope.spawn(|| catalog::open_shared(dir).map(|connection| TableList::load(&connection)));
            let items = load_items(connection)?;
            let (vectors, files) = (joined(vectors)?, joined(files)?);
            Ok(Self { vectors, files, items, photos: joined(photos)?, columns: joined(columns)? })
        })
    }
}

pub(super) fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl LoadedCatalog {
    /// Takes over files, items, failures and roots. Items are ordered by id.
    pub(super) fn load(
        &mut self,
        connection: &Connection,
        model: i64,
        long_text: LongText,
        tables: Tables,
    ) -> rusqlite::Result<LoadReport> {
        let Tables { vectors, mut files, items, mut photos, columns } = tables;
        let VectorList { rows, checksums, unreadable } = vectors;
        let unreadable =
            UnreadableRows { vectors: unreadable, files: std::mem::take(&mut files.unreadable), ..Default::default() };
        let mut report = LoadReport { unreadable, checksums };
        let bad = &mut report.unreadable;
        self.parts.roots = load_roots(connection, &mut bad.roots)?;
        self.rejected = rejected::load(connection, model, &mut bad.rejected)?;
        let model_key = self.parts.model.clone();
        let mut last_file = None;
        let mut is_own_table = |file: i64, path: &Path| match last_file {
            Some((last, is_own)) if last == file => is_own,
            _ => last_file.insert((file, own_vectors::is_table_of(&model_key, path))).1,
        };
        let groups = groups::load(connection)?;
        let mut found = Vec::new();
        for row in items {
            if let (false, Ok(row)) = (groups.is_empty(), &row) {
                found.push(row.item.id);
            }
            let (id, file) = match row {
                Err(unreadable) => unreadable,
                Ok(ItemRow { file, item }) => match files.get(file) {
                    Some((path, entry)) => {
                        let FileEntry { bytes, modified_ns, .. } = *entry;
                        let item = Item { path: path.clone(), bytes, modified_ns, ..item };
                        let wanted = rows.get(&(item.hash, vector_kind(item.modality, long_text))).copied();
                        let wanted =
                            wanted.or_else(|| brought_vector(&rows, &item).filter(|_| is_own_table(file, &item.path)));
                        entry.ready &= wanted.is_some();
                        if let Some(vector) = wanted.or_else(|| content_vector(&rows, &item)) {
                            let has_photo = item.modality == Modality::Image;
                            let photo = if has_photo { photos.get(file, item.part) } else { None };
                            self.push(item, vector, photo);
                        }
                        continue;
                    }
                    None => (i64::from(item.id.0), Some(file)),
                },
            };
            bad.items.push(id);
            match file.and_then(|file| files.get(file)) {
                Some((_, entry)) => {
                    entry.ready = false;
                    bad.incomplete.push(entry.id);
                }
                None => bad.all_incomplete = true,
            }
        }
        if bad.all_incomplete {
            files.files.iter_mut().for_each(|(_, entry)| entry.ready = false);
        }
        found.sort_unstable();
        self.parts.groups = Arc::new(groups.retained(|id| found.binary_search(&id).is_ok()));
        self.texts = photos.texts;
        self.vectors.replace(rows);
        let mut path_of = |file: i64| files.get(file).map(|(path, _)| Arc::clone(path));
        let paths: Vec<_> = columns.tables.iter().map(|(file, ..)| path_of(*file)).collect();
        self.left_out_tables = columns.left_out.iter().filter_map(|file| path_of(*file)).collect();
        self.files = files.files.into_iter().collect::<HashMap<_, _>>();
        (self.parts.tables, self.table_bytes) = Default::default();
        for (path, (_, stamp, table)) in paths.into_iter().zip(columns.tables) {
            path.into_iter().for_each(|path| self.set_table(&path, stamp, Arc::clone(&table)));
        }
        Ok(report)
    }
}

/// A vector of this item's content, whichever way of reading long texts made it.
pub(super) fn content_vector(rows: &Rows, item: &Item) -> Option<u32> {
    let of_content = |way: &LongText| rows.get(&(item.hash, vector_kind(item.modality, *way))).copied();
    [LongText::Truncate, LongText::Mean].iter().find_map(of_content)
}

/// The vector that the user brought for the part that an item is, if the item is of the table that the space belongs to.
fn brought_vector(rows: &Rows, item: &Item) -> Option<u32> {
    rows.get(&(item.hash, part_kind(item.part?))).copied()
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
