//! The columns of tables, a row per column. They are derived from the user's files: a table of which anything is damaged
//! counts as not read yet, and is read again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use rusqlite::{Connection, Row, params};

use super::loaded::{FileEntry, FileStamp, LoadedCatalog};
use super::{Store, StoreError, catalog, paths};
use vicinity_core::Table;
use vicinity_core::table::{CellTexts, Column, ColumnValues, TableFormat};

/// Version of the reader. Increase it when it finds more: tables that an older one has read are read again.
pub const TABLE_READER: u32 = 2;

/// What the columns of all tables may take in memory, bytes.
pub(super) const MAX_MEMORY: usize = 512 << 20;

/// `table_files` has what the columns of a file were taken from.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS table_files (
        file INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, change_mark INTEGER NOT NULL,
        reader INTEGER NOT NULL, columns INTEGER NOT NULL, format TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS table_columns (
        id INTEGER PRIMARY KEY, file INTEGER NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL, kind INTEGER NOT NULL,
        data BLOB NOT NULL, crc INTEGER NOT NULL, UNIQUE (file, place));
";
const FILE_COLUMNS: &str = "file, bytes, modified_ns, change_mark, reader, columns, format";

/// Files of a page.
const PAGE: usize = 4096;

/// A table of the library.
#[derive(Debug)]
pub struct TableFile {
    file: i64,
    /// Its path.
    pub path: PathBuf,
    /// Its size and times at the last import.
    pub stamp: FileStamp,
    /// Whether its columns were taken from just that.
    pub is_current: bool,
}

/// The columns of a table that was read, to be stored.
#[derive(Debug)]
pub struct ReadTable {
    /// The table.
    pub file: TableFile,
    /// Its columns.
    pub table: Arc<Table>,
}

/// Makes the tables; drops them before that where they cannot be used.
pub(super) fn repair_tables(connection: &Connection) -> rusqlite::Result<()> {
    let is_usable = connection.prepare(&format!("SELECT {FILE_COLUMNS} FROM table_files")).is_ok()
        && connection.prepare("SELECT file, place, name, kind, data, crc FROM table_columns").is_ok();
    if !is_usable {
        connection.execute_batch("DROP TABLE IF EXISTS table_files; DROP TABLE IF EXISTS table_columns;")?;
    }
    connection.execute_batch(TABLES)
}

/// Deletes the columns of a file.
pub(super) fn forget(connection: &Connection, file: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM table_files WHERE file = ?")?.execute([file])?;
    connection.prepare_cached("DELETE FROM table_columns WHERE file = ?")?.execute([file]).map(|_| ())
}

/// Deletes the columns of all files that are not in the catalog.
pub(super) fn forget_orphans(connection: &Connection) -> rusqlite::Result<()> {
    for table in ["table_files", "table_columns"] {
        connection.execute(&format!("DELETE FROM {table} WHERE file NOT IN (SELECT id FROM files)"), ())?;
    }
    Ok(())
}

fn is_there(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(catalog::has_column(connection, "table_files", "format")?
        && catalog::has_column(connection, "table_columns", "crc")?)
}

fn stamp(row: &Row<'_>, first: usize) -> rusqlite::Result<FileStamp> {
    let bytes = row.get::<_, i64>(first)?.cast_unsigned();
    Ok(FileStamp { bytes, modified_ns: row.get(first + 1)?, change_mark: row.get(first + 2)? })
}

/// The tables of the catalog by the ids of their files.
#[derive(Default)]
pub(super) struct TableList {
    /// Their columns, with what these were read from.
    pub tables: Vec<(i64, FileStamp, Arc<Table>)>,
    /// Those whose columns would take more than [`MAX_MEMORY`] together with the others.
    pub left_out: Vec<i64>,
}

impl TableList {
    /// Reads the tables. What cannot be read is as good as missing.
    pub(super) fn load(connection: &Connection) -> Self {
        let read = || {
            if !is_there(connection)? {
                return Ok(Self::default());
            }
            let mut find = connection.prepare("SELECT file FROM table_files ORDER BY file")?;
            let files = find.query_map((), |row| row.get::<_, i64>(0))?.flatten().collect::<Vec<_>>();
            let (mut list, mut bytes) = (Self::default(), 0);
            for file in files {
                let size = stored_bytes(connection, file)?;
                if bytes + size > MAX_MEMORY {
                    list.left_out.push(file);
                } else if let Some(table) = load_one(connection, file)? {
                    bytes += size;
                    list.tables.push(table);
                }
            }
            Ok(list)
        };
        read().unwrap_or_else(|error: rusqlite::Error| {
            log::warn!("the columns of tables cannot be read: {error}");
            Self::default()
        })
    }
}

/// A column as it is stored.
struct StoredColumn {
    name: String,
    kind: u8,
    data: Vec<u8>,
    crc: u32,
}

/// The columns of a file, unless they are missing, damaged, or of another version of the reader.
fn load_one(connection: &Connection, file: i64) -> rusqlite::Result<Option<(i64, FileStamp, Arc<Table>)>> {
    let mut find = connection.prepare_cached(&format!("SELECT {FILE_COLUMNS} FROM table_files WHERE file = ?"))?;
    let mut found = find.query([file])?;
    let Some(row) = found.next()? else { return Ok(None) };
    let intact = || {
        let is_current = row.get::<_, u32>(4).ok()? == TABLE_READER;
        let format: TableFormat = serde_json::from_str(row.get_ref(6).ok()?.as_str().ok()?).ok()?;
        is_current.then_some((stamp(row, 1).ok()?, row.get::<_, u32>(5).ok()?, format))
    };
    let Some((stamp, count, format)) = intact() else { return Ok(None) };
    let mut find =
        connection.prepare_cached("SELECT name, kind, data, crc FROM table_columns WHERE file = ? ORDER BY place")?;
    let column = |row: &Row<'_>| {
        let read = || {
            let (name, kind) = (row.get(0)?, row.get(1)?);
            Ok::<_, rusqlite::Error>(StoredColumn { name, kind, data: row.get(2)?, crc: row.get(3)? })
        };
        Ok(read().ok())
    };
    let stored = find.query_map([file], column)?.collect::<rusqlite::Result<Option<Vec<_>>>>()?;
    let Some(stored) = stored.filter(|stored| stored.len() == count as usize) else { return Ok(None) };
    let columns: Option<Vec<Column>> = stored.into_par_iter().enumerate().map(|(at, column)| column.read(at)).collect();
    Ok(columns.map(|columns| (file, stamp, Arc::new(Table { format, columns }))))
}

/// Bytes of the columns of a file, which are about what they take in memory.
fn stored_bytes(connection: &Connection, file: i64) -> rusqlite::Result<usize> {
    let mut find =
        connection.prepare_cached("SELECT coalesce(sum(length(data)), 0) FROM table_columns WHERE file = ?")?;
    find.query_row([file], |row| row.get::<_, i64>(0)).map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX / 2))
}

fn checksum(place: usize, name: &str, kind: u8, data: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(place as u64).to_le_bytes());
    hasher.update(&[kind]);
    hasher.update(&(name.len() as u64).to_le_bytes());
    hasher.update(name.as_bytes());
    hasher.update(data);
    hasher.finalize()
}

impl StoredColumn {
    fn new(column: &Column, place: usize) -> Self {
        let (kind, data) = match column.values() {
            ColumnValues::Number(values) => (0, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            ColumnValues::Date(values) => (1, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            ColumnValues::Category { names, places } => {
                let mut ends = Vec::with_capacity(names.len());
                let mut text = String::new();
                for name in names {
                    text.push_str(name);
                    ends.push(text.len() as u32);
                }
                let mut data = with_lengths(&text, &ends);
                data.extend(places.iter().flat_map(|place| place.to_le_bytes()));
                (2, data)
            }
            ColumnValues::Text(texts) => {
                let (text, ends) = texts.parts();
                (3, with_lengths(text, ends))
            }
        };
        let name = column.name().to_owned();
        Self { crc: checksum(place, &name, kind, &data), name, kind, data }
    }

    /// `None` if it is damaged.
    fn read(self, place: usize) -> Option<Column> {
        let Self { name, kind, data, crc } = self;
        if crc != checksum(place, &name, kind, &data) {
            return None;
        }
        let values = match kind {
            0 => ColumnValues::Number(data.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()),
            1 => ColumnValues::Date(data.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()),
            2 => {
                let (names, rest) = texts(&data)?;
                let places = rest.as_chunks().0.iter().map(|bytes| u16::from_le_bytes(*bytes)).collect();
                ColumnValues::Category { names: names.iter().map(Arc::from).collect(), places }
            }
            3 => ColumnValues::Text(texts(&data)?.0),
            _ => return None,
        };
        Some(Column::new(&name, values))
    }
}

/// Number of texts, where each ends, and the texts.
fn with_lengths(text: &str, ends: &[u32]) -> Vec<u8> {
    let mut data = Vec::with_capacity(8 + 4 * ends.len() + text.len());
    data.extend((ends.len() as u64).to_le_bytes());
    data.extend(ends.iter().flat_map(|end| end.to_le_bytes()));
    data.extend(text.as_bytes());
    data
}

/// The texts that data begin with, and the rest.
fn texts(data: &[u8]) -> Option<(CellTexts, &[u8])> {
    let (count, rest) = data.split_first_chunk()?;
    let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
    let (ends, rest) = rest.split_at_checked(count.checked_mul(4)?)?;
    let ends: Vec<u32> = ends.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
    let (text, rest) = rest.split_at_checked(ends.last().map_or(0, |end| *end as usize))?;
    Some((CellTexts::new(String::from_utf8(text.to_vec()).ok()?, ends)?, rest))
}

impl ReadTable {
    fn store(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Self { file: TableFile { file, path, stamp, .. }, table } = self;
        forget(connection, *file)?;
        let format = serde_json::to_string(&table.format);
        let format = format.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        // Numbers of files are used again: only for the one that was read.
        let mut insert = connection.prepare_cached(
            "INSERT INTO table_files SELECT id, ?3, ?4, ?5, ?6, ?7, ?8 FROM files WHERE id = ?1 AND path = ?2",
        )?;
        let (path, bytes) = (paths::to_bytes(path), stamp.bytes.cast_signed());
        let count = table.columns.len() as i64;
        let (time, mark) = (stamp.modified_ns, stamp.change_mark);
        if insert.execute(params![file, path, bytes, time, mark, TABLE_READER, count, format])? == 0 {
            return Ok(());
        }
        let mut insert = connection.prepare_cached(
            "INSERT INTO table_columns (file, place, name, kind, data, crc) VALUES (?, ?, ?, ?, ?, ?)",
        )?;
        for (place, column) in table.columns.iter().enumerate() {
            let StoredColumn { name, kind, data, crc } = StoredColumn::new(column, place);
            insert.execute(params![file, place as i64, name, kind, data, crc])?;
        }
        Ok(())
    }
}

/// Looks through the tables of a library in the order of their files, on a connection of its own.
pub struct TableFiles {
    dir: PathBuf,
    connection: Connection,
    after: i64,
}

impl TableFiles {
    /// Opens a library that this process writes.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let connection = catalog::open_shared(dir).map_err(|error| StoreError::sql(dir, &error))?;
        Ok(Self { dir: dir.to_owned(), connection, after: i64::MIN })
    }

    /// The tables among the next files, whose rows are items; `None` at the end.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn next_page(&mut self) -> Result<Option<Vec<TableFile>>, StoreError> {
        let find = || {
            let mut find = self.connection.prepare_cached(
                "SELECT files.id, path, files.bytes, files.modified_ns, files.change_mark,
                     t.bytes, t.modified_ns, t.change_mark, t.reader
                 FROM files LEFT JOIN table_files t ON t.file = files.id WHERE files.id > ? ORDER BY files.id LIMIT ?",
            )?;
            let read = |row: &Row<'_>| {
                let id: i64 = row.get(0)?;
                // A damaged row is repaired by whoever loads the library.
                Ok((id, TableFile::read(id, row).ok().filter(|file| vicinity_media::is_table(&file.path))))
            };
            find.query_map((self.after, PAGE as i64), read)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        let page = find().map_err(|error| StoreError::sql(&self.dir, &error))?;
        let Some((last, _)) = page.last() else { return Ok(None) };
        self.after = *last;
        let mut tables = Vec::new();
        for file in page.into_iter().filter_map(|(_, file)| file) {
            if self.has_rows(file.file).map_err(|error| StoreError::sql(&self.dir, &error))? {
                tables.push(file);
            }
        }
        Ok(Some(tables))
    }

    fn has_rows(&self, file: i64) -> rusqlite::Result<bool> {
        let mut find = self.connection.prepare_cached("SELECT 1 FROM items WHERE file = ? AND row > 0 LIMIT 1")?;
        find.exists([file])
    }
}

impl TableFile {
    fn read(id: i64, row: &Row<'_>) -> rusqlite::Result<Self> {
        let now = stamp(row, 2)?;
        let is_current =
            || Ok::<_, rusqlite::Error>(stamp(row, 5)?.matches(now) && row.get::<_, u32>(8)? == TABLE_READER);
        let is_current = is_current().unwrap_or(false);
        Ok(Self { file: id, path: paths::from_bytes(row.get_ref(1)?.as_blob()?), stamp: now, is_current })
    }
}

impl LoadedCatalog {
    /// Takes over the columns of a file, unless it has changed since, or they would take too much memory.
    pub(super) fn set_table(&mut self, path: &Path, read_from: FileStamp, table: Arc<Table>) {
        let Some((path, _)) = self.files.get_key_value(path).filter(|(_, file)| file.matches(read_from)) else {
            return;
        };
        let path = Arc::clone(path);
        self.take_out_table(&path);
        if !self.has_memory_for(table.bytes()) {
            self.left_out_tables.insert(path);
            return;
        }
        self.table_bytes += table.bytes();
        Arc::make_mut(&mut self.parts.tables).insert(&path, table);
        self.table_stamps.insert(path, read_from);
    }

    fn has_memory_for(&self, bytes: usize) -> bool {
        self.table_bytes.saturating_add(bytes) <= self.table_limit
    }

    fn take_out_table(&mut self, path: &Path) {
        self.left_out_tables.remove(path);
        self.table_stamps.remove(path);
        if let Some(before) = self.parts.tables.get(path) {
            self.table_bytes = self.table_bytes.saturating_sub(before.bytes());
            Arc::make_mut(&mut self.parts.tables).remove(path);
        }
    }

    /// Drops the columns of a file unless they were read from it as it is.
    pub(super) fn drop_table_unless(&mut self, path: &Path, file: Option<FileEntry>) {
        let is_kept = |stamp: &FileStamp| file.is_some_and(|file| file.matches(*stamp));
        let is_left_out = self.left_out_tables.contains(path);
        if is_left_out || self.table_stamps.get(path).is_some_and(|stamp| !is_kept(stamp)) {
            self.take_out_table(path);
        }
    }
}

impl Store {
    /// Stores the columns of tables, and publishes a snapshot with them.
    ///
    /// # Errors
    /// When the library cannot be written. Nothing has changed then.
    pub fn put_tables(&mut self, read: &[ReadTable]) -> Result<(), StoreError> {
        self.writable()?;
        self.in_transaction(|connection| read.iter().try_for_each(|table| table.store(connection)))?;
        for ReadTable { file, table } in read {
            self.loaded.set_table(&file.path, file.stamp, Arc::clone(table));
        }
        self.publish_tables();
        Ok(())
    }

    /// Publishes a snapshot with columns that are stored, but that it lacks. Those that turn out to be damaged are deleted, so
    /// that they are read again.
    ///
    /// # Errors
    /// When the library cannot be read or written.
    pub fn show_tables(&mut self, files: &[TableFile]) -> Result<(), StoreError> {
        let (mut damaged, mut is_news) = (Vec::new(), false);
        for TableFile { file, path, .. } in files {
            let bytes = stored_bytes(&self.connection, *file).map_err(|error| self.sql(&error))?;
            if !self.loaded.has_memory_for(bytes) {
                let known = self.loaded.files.get_key_value(path.as_path());
                self.loaded.left_out_tables.extend(known.map(|(path, _)| Arc::clone(path)));
                continue;
            }
            is_news = true;
            match load_one(&self.connection, *file).map_err(|error| self.sql(&error))? {
                Some((_, stamp, table)) => self.loaded.set_table(path, stamp, table),
                None => damaged.push(*file),
            }
        }
        if !damaged.is_empty() && self.read_only.is_none() {
            self.in_transaction(|connection| damaged.iter().try_for_each(|file| forget(connection, *file)))?;
        }
        if is_news {
            self.publish_tables();
        }
        Ok(())
    }

    /// Number of tables whose columns are not loaded, as those of all tables would take too much memory.
    pub fn left_out_tables(&self) -> usize {
        self.loaded.left_out_tables.len()
    }

    fn publish_tables(&mut self) {
        self.loaded.photo_generations += 1;
        self.publish();
    }
}

/// What the user should know of tables whose columns are not loaded; `None` if there are none.
pub fn left_out_sentence(tables: usize) -> Option<String> {
    let which = match tables {
        0 => return None,
        1 => "one table are".to_owned(),
        tables => format!("{tables} tables are"),
    };
    Some(format!(
        "The columns of {which} not loaded, as those of all tables would take more than {} MB of memory: conditions, colours \
         and the list of columns do not see them",
        MAX_MEMORY >> 20
    ))
}

#[cfg(test)]
mod tests {
    use super::super::NewItem;
    use super::*;
    use vicinity_core::{ContentHash, Embedding, Modality, Part};
    use vicinity_models::ModelKey;

    #[test]
    fn columns_that_would_take_too_much_memory_are_left_out_and_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let key = ModelKey { name: "m".into(), revision: "1".into(), preprocessing: "1".into(), dim: 1 };
        let mut store = Store::open(dir.path(), &key).expect("opens").0;
        let row = |n: u8| NewItem {
            path: format!("/{n}.csv").into(),
            part: Some(Part::Row(1)),
            modality: Modality::Text,
            bytes: 1,
            modified_ns: 1,
            change_mark: 0,
            hash: ContentHash([n; 32]),
            pixels: None,
            snippet: None,
        };
        let vector = || Embedding::new(vec![1.0]).expect("a vector");
        store.commit_embedded((0..3).map(|n| (row(n), vector())).collect()).expect("stored");
        let table = || Table { columns: columns(), ..Table::default() };
        store.loaded.table_limit = 2 * table().bytes();
        let mut files = TableFiles::open(dir.path()).expect("opens").next_page().expect("readable").expect("files");
        let last = files.pop().expect("three");
        let read: Vec<_> = files.into_iter().map(|file| ReadTable { file, table: Arc::new(table()) }).collect();
        store.put_tables(&read).expect("stored");
        assert_eq!((store.left_out_tables(), store.snapshot().tables().iter().count()), (0, 2));
        let third = ReadTable { file: last, table: Arc::new(table()) };
        store.put_tables(std::slice::from_ref(&third)).expect("stored");
        store.show_tables(std::slice::from_ref(&third.file)).expect("shown");
        assert_eq!((store.left_out_tables(), store.snapshot().tables().iter().count()), (1, 2));
        assert!(left_out_sentence(1).is_some_and(|text| text.contains("one table")) && left_out_sentence(0).is_none());
        // One is smaller now, so that there is memory for all.
        let small = Arc::new(Table { columns: columns().into_iter().take(1).collect(), ..Table::default() });
        for read in read {
            store.put_tables(&[ReadTable { file: read.file, table: Arc::clone(&small) }]).expect("stored");
        }
        store.show_tables(&[third.file]).expect("shown");
        assert_eq!((store.left_out_tables(), store.snapshot().tables().iter().count()), (0, 3));
        let bytes: usize = store.snapshot().tables().iter().map(|(_, table)| table.bytes()).sum();
        assert_eq!(store.loaded.table_bytes, bytes);
    }

    fn columns() -> Vec<Column> {
        let texts = |all: &[&str]| {
            let ends = all.iter().scan(0, |end, text| {
                *end += text.len() as u32;
                Some(*end)
            });
            CellTexts::new(all.concat(), ends.collect()).expect("texts")
        };
        let names: Box<[Arc<str>]> = ["red", "grün"].map(Arc::from).into();
        vec![
            Column::new("n", ColumnValues::Number([1.5, -2.0].into())),
            Column::new("d", ColumnValues::Date([5, i64::MIN].into())),
            Column::new("c", ColumnValues::Category { names, places: [1, 0, u16::MAX].into() }),
            Column::new("t", ColumnValues::Text(texts(&["", "é", "long"]))),
            Column::new("empty", ColumnValues::Text(texts(&[]))),
        ]
    }

    #[test]
    fn columns_are_read_as_they_were_stored_and_damage_is_found() {
        for (place, column) in columns().into_iter().enumerate() {
            let store = || StoredColumn::new(&column, place);
            assert_eq!(store().read(place).as_ref(), Some(&column));
            assert_eq!(store().read(place + 1), None, "of another place");
            for at in 0..store().data.len() {
                let mut damaged = store();
                damaged.data[at] ^= 0x81;
                assert_eq!(damaged.read(place), None, "{} {at}", column.name());
            }
            // Even where the checksum was forged nothing panics.
            for length in 0..store().data.len() {
                let mut short = store();
                short.data.truncate(length);
                short.crc = checksum(place, &short.name, short.kind, &short.data);
                let _any = short.read(place);
            }
        }
    }
}
