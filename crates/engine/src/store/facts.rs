//! What the metadata of pictures say, a row per file. It is derived from the user's files: a row that is damaged counts as
//! missing, and the whole table may be dropped, as both are filled again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::loaded::{FileStamp, LoadedCatalog};
use super::picture_files::{HAS_FACTS, PictureFile};
use super::{Store, StoreError, catalog, paths};
use crate::snapshot::PhotoChunk;
use vicinity_core::photo_summary::Texts;
use vicinity_core::{ItemId, Part, PhotoFacts, PhotoSummary};

/// Version of the reader. Increase it when it finds more: files that an older one has read are read again.
pub const READER: u32 = 1;

/// Added with format 2. `sidecar` is 0 without one, else its place among those of `sidecar_paths`, counted from 1.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS facts (
    file INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, change_mark INTEGER NOT NULL,
    sidecar INTEGER NOT NULL, sidecar_bytes INTEGER NOT NULL, sidecar_modified_ns INTEGER NOT NULL,
    sidecar_change_mark INTEGER NOT NULL, reader INTEGER NOT NULL, facts TEXT NOT NULL, crc INTEGER NOT NULL)";

/// The columns of a row, in the order in which [`StoredFacts::read`] takes them.
pub(super) const COLUMNS: &str = "facts.file, facts.bytes, facts.modified_ns, facts.change_mark, facts.sidecar,
    facts.sidecar_bytes, facts.sidecar_modified_ns, facts.sidecar_change_mark, facts.reader, facts.facts, facts.crc";
#[cfg(test)]
const COLUMN_COUNT: usize = 11;

/// Rows that are taken apart together, on several threads.
const AT_ONCE: usize = 4096;

/// The sidecar of a picture, as it was when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SidecarStamp {
    /// Which of the paths where sidecars are kept, counted from 1.
    pub place: u8,
    /// Its size and times.
    pub stamp: FileStamp,
}

/// What facts were read from: they are read again when any of it has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactsOrigin {
    /// The picture.
    pub file: FileStamp,
    /// The sidecar beside it, if any.
    pub sidecar: Option<SidecarStamp>,
    /// Version of the reader.
    pub reader: u32,
}

impl FactsOrigin {
    /// Whether the same would be read from a file with this stamp and this sidecar.
    pub fn is_current(&self, file: FileStamp, sidecar: Option<SidecarStamp>) -> bool {
        let same_sidecar = match (self.sidecar, sidecar) {
            (Some(old), Some(new)) => old.place == new.place && old.stamp.matches(new.stamp),
            (old, new) => old.is_none() && new.is_none(),
        };
        self.reader == READER && self.file.matches(file) && same_sidecar
    }
}

/// An intact row of the table.
#[derive(Debug)]
pub struct StoredFacts {
    file: i64,
    /// What it was read from.
    pub origin: FactsOrigin,
    json: String,
}

impl StoredFacts {
    /// `None` for a row that is damaged or not there.
    pub(super) fn read(row: &Row<'_>, first: usize) -> Option<Self> {
        let number = |at: usize| row.get::<_, i64>(first + at).ok();
        let stamp = |at: usize| {
            let (bytes, modified_ns, change_mark) = (number(at)?.cast_unsigned(), number(at + 1)?, number(at + 2)?);
            Some(FileStamp { bytes, modified_ns, change_mark })
        };
        let sidecar = match u8::try_from(number(4)?).ok()? {
            0 => None,
            place => Some(SidecarStamp { place, stamp: stamp(5)? }),
        };
        let reader = u32::try_from(number(8)?).ok()?;
        let origin = FactsOrigin { file: stamp(1)?, sidecar, reader };
        let stored = Self { file: number(0)?, origin, json: row.get(first + 9).ok()? };
        (number(10)? == i64::from(checksum(stored.file, &origin, &stored.json))).then_some(stored)
    }

    /// The facts; `None` where they are not as this version writes them.
    pub fn facts(&self) -> Option<PhotoFacts> {
        serde_json::from_str(&self.json).ok()
    }
}

fn checksum(file: i64, origin: &FactsOrigin, json: &str) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    let (place, sidecar) = sidecar_columns(origin);
    let numbers = [file, i64::from(place), i64::from(origin.reader)];
    let stamps = [origin.file, sidecar].map(|stamp| [stamp.bytes.cast_signed(), stamp.modified_ns, stamp.change_mark]);
    numbers.iter().chain(stamps.as_flattened()).for_each(|number| hasher.update(&number.to_le_bytes()));
    hasher.update(json.as_bytes());
    hasher.finalize()
}

fn sidecar_columns(origin: &FactsOrigin) -> (u8, FileStamp) {
    let none = FileStamp { bytes: 0, modified_ns: 0, change_mark: 0 };
    origin.sidecar.map_or((0, none), |sidecar| (sidecar.place, sidecar.stamp))
}

/// Drops a table that is not as this version makes it, and makes it again.
pub(super) fn repair_table(connection: &Connection) -> rusqlite::Result<()> {
    if connection.prepare(&format!("SELECT {COLUMNS} FROM facts")).is_err() {
        connection.execute("DROP TABLE IF EXISTS facts", ())?;
    }
    connection.execute(TABLE, ()).map(|_| ())
}

/// Deletes the facts of a file.
pub(super) fn forget(connection: &Connection, file: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM facts WHERE file = ?")?.execute([file]).map(|_| ())
}

/// Deletes the facts of all files that are not in the catalog.
pub(super) fn forget_orphans(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM facts WHERE file NOT IN (SELECT id FROM files)", ()).map(|_| ())
}

/// What filters compare of each picture, in the order of the files' ids.
#[derive(Default)]
pub(super) struct PhotoList {
    photos: Vec<(i64, Option<PhotoSummary>)>,
    /// Texts that the photos share.
    pub texts: Texts,
    /// Position of the file found last: items are mostly stored in the order of their files.
    last: usize,
}

impl PhotoList {
    /// Reads the table. One that cannot be read is as good as empty: whoever writes the library finds the damage when it
    /// is verified, and repairs it.
    pub(super) fn load(connection: &Connection) -> Self {
        let mut list = Self::default();
        if let Err(error) = list.read(connection) {
            log::warn!("what is known of the photos cannot be read: {error}");
        }
        list
    }

    fn read(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if !catalog::has_column(connection, "facts", "crc")? {
            return Ok(());
        }
        let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM facts ORDER BY file"))?;
        let mut rows = statement.query(())?;
        let mut stored = Vec::new();
        while let Some(row) = rows.next()? {
            stored.extend(StoredFacts::read(row, 0));
            if stored.len() == AT_ONCE {
                self.take_apart(&stored);
                stored.clear();
            }
        }
        self.take_apart(&stored);
        Ok(())
    }

    fn take_apart(&mut self, stored: &[StoredFacts]) {
        let facts: Vec<_> = stored.par_iter().map(|row| Some((row.file, row.facts()?))).collect();
        for (file, facts) in facts.into_iter().flatten() {
            self.photos.push((file, Some(PhotoSummary::new(&facts, &mut self.texts))));
        }
    }

    /// What is known of the picture of a file, or of a part of it.
    pub(super) fn get(&mut self, file: i64, part: Option<Part>) -> Option<PhotoSummary> {
        let is = |at: usize| self.photos.get(at).is_some_and(|(found, _)| *found == file);
        let at = match [self.last, self.last + 1].into_iter().find(|at| is(*at)) {
            Some(at) => at,
            None => self.photos.binary_search_by_key(&file, |(found, _)| *found).ok()?,
        };
        self.last = at;
        match part {
            None => self.photos.get_mut(at)?.1.take(),
            Some(part) => self.photos.get(at)?.1.clone()?.of_part(part),
        }
    }
}

/// Facts that were read, to be stored.
#[derive(Debug)]
pub struct ReadFacts {
    /// The picture.
    pub picture: PictureFile,
    /// What they were read from.
    pub origin: FactsOrigin,
    /// The facts.
    pub facts: PhotoFacts,
}

impl ReadFacts {
    fn store(&self, connection: &Connection) -> rusqlite::Result<()> {
        let json = serde_json::to_string(&self.facts);
        let json = json.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let (picture, origin) = (&self.picture, &self.origin);
        let (place, sidecar) = sidecar_columns(origin);
        // Numbers of files are used again: only for the one that was read.
        let mut insert = connection.prepare_cached(
            "INSERT OR REPLACE INTO facts
             SELECT id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 FROM files WHERE id = ?1 AND path = ?2",
        )?;
        let inserted = insert.execute(params![
            picture.file,
            paths::to_bytes(&picture.path),
            origin.file.bytes.cast_signed(),
            origin.file.modified_ns,
            origin.file.change_mark,
            place,
            sidecar.bytes.cast_signed(),
            sidecar.modified_ns,
            sidecar.change_mark,
            origin.reader,
            json,
            checksum(picture.file, origin, &json),
        ]);
        inserted.map(|_| ())
    }
}

impl LoadedCatalog {
    /// Takes over what is known of a picture, unless the item has another file by now.
    fn set_photo(&mut self, id: ItemId, path: &Path, facts: &PhotoFacts) {
        let Some((chunk, at)) = self.position_of(id) else { return };
        let is_same =
            self.parts.chunks.get(chunk).and_then(|items| items.get(at)).is_some_and(|item| &*item.path == path);
        if is_same && let Some(photos) = self.parts.photos.get_mut(chunk) {
            let part = self.parts.chunks.get(chunk).and_then(|items| items.get(at)).and_then(|item| item.part);
            let photo = PhotoSummary::new(facts, &mut self.texts);
            put(photos, at, part.map_or(Some(photo.clone()), |part| photo.of_part(part)));
        }
    }
}

/// Sets what is known of the photo at a place of a chunk.
pub(super) fn put(photos: &mut Arc<PhotoChunk>, at: usize, photo: Option<PhotoSummary>) {
    if photo.is_none() && photos.get(at).is_none_or(Option::is_none) {
        return;
    }
    let photos = Arc::make_mut(photos);
    if photos.len() <= at {
        photos.resize(at + 1, None);
    }
    photos[at] = photo;
}

/// All items that have the facts of a picture's file.
fn items_of(connection: &Connection, picture: &PictureFile) -> rusqlite::Result<Vec<ItemId>> {
    if picture.part.is_none() {
        return Ok(vec![picture.item]);
    }
    let sql = format!("SELECT id FROM items WHERE file = ? AND {HAS_FACTS}");
    let mut find = connection.prepare_cached(&sql)?;
    find.query_map([picture.file], |row| row.get(0).map(ItemId))?.collect()
}

impl Store {
    /// Stores facts, and publishes a snapshot with them.
    ///
    /// # Errors
    /// When the library cannot be written. Nothing has changed then.
    pub fn put_facts(&mut self, read: &[ReadFacts]) -> Result<(), StoreError> {
        self.writable()?;
        let items = self.in_transaction(|connection| {
            read.iter().try_for_each(|facts| facts.store(connection))?;
            read.iter().map(|facts| items_of(connection, &facts.picture)).collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let of_files = read.iter().zip(items);
        let all = of_files
            .flat_map(|(read, items)| items.into_iter().map(move |item| (item, &*read.picture.path, &read.facts)));
        self.publish_photos(all);
        Ok(())
    }

    /// Publishes a snapshot with facts that are stored, but that it lacks: of items that were stored after them.
    pub fn show_facts(&mut self, known: &[(ItemId, PathBuf, PhotoFacts)]) {
        self.publish_photos(known.iter().map(|(item, path, facts)| (*item, &**path, facts)));
    }

    fn publish_photos<'a>(&mut self, photos: impl Iterator<Item = (ItemId, &'a Path, &'a PhotoFacts)>) {
        for (item, path, facts) in photos {
            self.loaded.set_photo(item, path, facts);
        }
        self.loaded.photo_generations += 1;
        self.publish();
    }

    /// The facts of a picture; `None` where none are stored, or they are damaged.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn facts(&self, path: &Path) -> Result<Option<PhotoFacts>, StoreError> {
        let Some(file) = self.loaded.files.get(path) else { return Ok(None) };
        let find = || {
            if !catalog::has_column(&self.connection, "facts", "crc")? {
                return Ok(None);
            }
            let mut find = self.connection.prepare_cached(&format!("SELECT {COLUMNS} FROM facts WHERE file = ?"))?;
            find.query_row([file.id], |row| Ok(StoredFacts::read(row, 0))).optional()
        };
        let stored = find().map_err(|error: rusqlite::Error| self.sql(&error))?.flatten();
        Ok(stored.and_then(|stored| stored.facts()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_as_many_as_are_read() {
        assert_eq!(COLUMNS.split(',').count(), COLUMN_COUNT);
        let catalog = Connection::open_in_memory().expect("opens");
        repair_table(&catalog).expect("made");
        assert_eq!(catalog.prepare("SELECT * FROM facts").expect("there").column_count(), COLUMN_COUNT);
    }

    #[test]
    fn a_table_of_another_shape_is_made_again() {
        let catalog = Connection::open_in_memory().expect("opens");
        catalog.execute_batch("CREATE TABLE facts (file INTEGER PRIMARY KEY, bytos INTEGER)").expect("made");
        repair_table(&catalog).expect("made again");
        catalog.prepare(&format!("SELECT {COLUMNS} FROM facts")).expect("as it should be");
    }

    #[test]
    fn facts_are_read_again_when_the_file_the_sidecar_or_the_reader_changes() {
        let file = FileStamp { bytes: 10, modified_ns: 20, change_mark: 30 };
        let sidecar = SidecarStamp { place: 1, stamp: FileStamp { bytes: 1, modified_ns: 2, change_mark: 3 } };
        let origin = FactsOrigin { file, sidecar: Some(sidecar), reader: READER };
        assert!(origin.is_current(file, Some(sidecar)));
        assert!(origin.is_current(FileStamp { change_mark: 0, ..file }, Some(sidecar)), "an unknown mark");
        for changed in [FileStamp { bytes: 11, ..file }, FileStamp { change_mark: 31, ..file }] {
            assert!(!origin.is_current(changed, Some(sidecar)));
        }
        for other in [None, Some(SidecarStamp { place: 2, ..sidecar }), Some(SidecarStamp { stamp: file, ..sidecar })] {
            assert!(!origin.is_current(file, other), "{other:?}");
        }
        assert!(!FactsOrigin { sidecar: None, ..origin }.is_current(file, Some(sidecar)));
        assert!(!FactsOrigin { reader: READER - 1, ..origin }.is_current(file, Some(sidecar)));
    }
}
