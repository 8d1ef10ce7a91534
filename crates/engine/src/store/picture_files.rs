//! Looks through the pictures of a library, to find those whose facts have to be read. Pages of documents and frames of videos
//! are among them: they have the facts of their file. Rows of tables have columns instead.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row};

use super::facts::{COLUMNS, StoredFacts};
use super::loaded::FileStamp;
use super::{StoreError, catalog, paths};
use vicinity_core::{ItemId, Part};

/// Pictures of a page.
const PAGE: usize = 4096;

/// Which items have the facts of their file. Codes of rows are the smallest of all parts, see [`Part::code`].
pub(super) const HAS_FACTS: &str = "items.modality = 0 AND (items.row = 0 OR items.row >= 1 << 28)";

/// A picture of the library, and what is stored of its facts.
#[derive(Debug)]
pub struct PictureFile {
    /// The item.
    pub item: ItemId,
    /// Which part of its file it is, if any.
    pub part: Option<Part>,
    /// Number of its file.
    pub(crate) file: i64,
    /// Its path.
    pub path: PathBuf,
    /// Its size and times at the last import.
    pub stamp: FileStamp,
    /// Its facts; `None` where they are missing or damaged.
    pub stored: Option<StoredFacts>,
}

impl PictureFile {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let stamp = FileStamp {
            bytes: row.get::<_, i64>(3)?.cast_unsigned(),
            modified_ns: row.get(4)?,
            change_mark: row.get(5)?,
        };
        Ok(Self {
            item: ItemId(row.get(0)?),
            file: row.get(1)?,
            path: paths::from_bytes(row.get_ref(2)?.as_blob()?),
            stamp,
            part: NonZeroU32::new(row.get(6)?).and_then(Part::of_code),
            stored: StoredFacts::read(row, 7),
        })
    }
}

/// Looks through the pictures of a library in the order of their items, on a connection of its own, so that nobody waits
/// for it.
pub struct PictureFiles {
    dir: PathBuf,
    connection: Connection,
    after: i64,
}

impl PictureFiles {
    /// Opens a library that this process writes.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let connection = catalog::open_shared(dir).map_err(|error| StoreError::sql(dir, &error))?;
        Ok(Self { dir: dir.to_owned(), connection, after: -1 })
    }

    /// The next pictures; empty at the end.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn next_page(&mut self) -> Result<Vec<PictureFile>, StoreError> {
        let page = self.find("items.id > ? ORDER BY items.id LIMIT ?", (self.after, PAGE as i64))?;
        if let Some(last) = page.last() {
            self.after = i64::from(last.item.0);
        }
        Ok(page)
    }

    /// One picture; `None` if it is no longer there.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn get(&self, item: ItemId) -> Result<Option<PictureFile>, StoreError> {
        self.find("items.id = ?", [item.0]).map(|mut found| found.pop())
    }

    fn find(&self, which: &str, parameters: impl rusqlite::Params) -> Result<Vec<PictureFile>, StoreError> {
        let sql = format!(
            "SELECT items.id, files.id, files.path, files.bytes, files.modified_ns, files.change_mark, items.row, {COLUMNS}
             FROM items JOIN files ON files.id = items.file LEFT JOIN facts ON facts.file = files.id
             WHERE {HAS_FACTS} AND {which}"
        );
        let find = || {
            let mut statement = self.connection.prepare_cached(&sql)?;
            // A damaged row is repaired by whoever loads the library.
            let found = statement.query_map(parameters, |row| Ok(PictureFile::read(row).ok()))?;
            found.filter_map(Result::transpose).collect::<rusqlite::Result<Vec<_>>>()
        };
        find().map_err(|error| StoreError::sql(&self.dir, &error))
    }
}
