//! The text that was read in pictures, a row per content. It is derived from the user's files, though it takes long: a row
//! that is damaged counts as missing, and the whole table may be dropped, as both are filled again.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::loaded::FileStamp;
use super::words::match_query;
use super::{Store, StoreError, catalog, paths};
use vicinity_core::{ContentHash, ItemId, Part, PictureText, PictureWord, TextLanguages};

/// Version of the reader. Increase it when it finds more: pictures that an older one has read are read again.
const TEXT_READER: u32 = 1;

/// How often a picture is tried that takes too long: the computer may have been busy.
const MAX_TRIES: u8 = 3;

/// Added after format 2. `failed` says how often a picture could not be read.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS picture_texts (
    hash BLOB PRIMARY KEY, languages TEXT NOT NULL, reader INTEGER NOT NULL, failed INTEGER NOT NULL,
    words TEXT NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID";

const COLUMNS: &str = "t.hash, t.languages, t.reader, t.failed, t.words, t.crc";

/// Texts of pictures that have gone.
const ORPHANS: &str = "picture_texts WHERE hash NOT IN (SELECT hash FROM items)";

/// Identifies the texts with words in the pictures of a file: for the words of the full text search.
pub(super) const WORDS_CRC: &str =
    "(SELECT sum(t.crc) & 0x7fffffff FROM items i JOIN picture_texts t ON t.hash = i.hash
    WHERE i.file = files.id AND i.modality = 0 AND t.words <> '[]')";

/// Which pictures are read: whole files, and pages without a text of their own (its code is that of the page with the next
/// kind); frames of videos are not.
const IS_READ: &str = "items.modality = 0 AND (items.row = 0 OR items.row >> 28 = 1 AND NOT EXISTS (
    SELECT 1 FROM items other WHERE other.file = items.file AND other.row = items.row + (1 << 28)))";

/// Pictures of a page.
const PAGE: usize = 4096;
/// Areas are stored as parts of this.
const UNIT: f32 = 10_000.0;

/// A word as it is stored: its text, its area, its line.
type StoredWord = (String, [u16; 4], u32);

fn to_json(text: &PictureText) -> rusqlite::Result<String> {
    let stored = |word: &PictureWord| (word.text.clone(), word.area.map(|at| (at * UNIT).round() as u16), word.line);
    let words: Vec<StoredWord> = text.words.iter().map(stored).collect();
    serde_json::to_string(&words).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn from_json(json: &str) -> Option<PictureText> {
    let words: Vec<StoredWord> = serde_json::from_str(json).ok()?;
    let word = |(text, area, line): StoredWord| PictureWord { text, area: area.map(|at| f32::from(at) / UNIT), line };
    Some(PictureText { words: words.into_iter().map(word).collect() })
}

/// An intact row of the table.
struct StoredText {
    languages: String,
    reader: u32,
    failed: u8,
    words: String,
}

impl StoredText {
    /// `None` for a row that is damaged or not there.
    fn read(row: &Row<'_>, first: usize) -> Option<Self> {
        let hash: [u8; 32] = row.get(first).ok()?;
        let (languages, reader) = (row.get(first + 1).ok()?, row.get(first + 2).ok()?);
        let (failed, words): (u8, String) = (row.get(first + 3).ok()?, row.get(first + 4).ok()?);
        let crc: u32 = row.get(first + 5).ok()?;
        let stored = Self { languages, reader, failed, words };
        (crc == checksum(&hash, &stored.languages, reader, failed, &stored.words)).then_some(stored)
    }
}

fn checksum(hash: &[u8; 32], languages: &str, reader: u32, failed: u8, words: &str) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in [&hash[..], languages.as_bytes(), &[0], &reader.to_le_bytes(), &[failed], words.as_bytes()] {
        hasher.update(part);
    }
    hasher.finalize()
}

/// Drops a table that is not as this version makes it, and makes it again.
pub(super) fn repair_table(connection: &Connection) -> rusqlite::Result<()> {
    if connection.prepare(&format!("SELECT {COLUMNS} FROM picture_texts t")).is_err() {
        connection.execute("DROP TABLE IF EXISTS picture_texts", ())?;
    }
    connection.execute(TABLE, ()).map(|_| ())
}

/// Takes the table over into the catalog that is attached as `fresh`.
pub(super) fn copy(connection: &Connection) -> rusqlite::Result<()> {
    let table = TABLE.replacen("picture_texts", "fresh.picture_texts", 1);
    let copied = connection.execute_batch(&format!(
        "SAVEPOINT texts; {table};
         INSERT OR IGNORE INTO fresh.picture_texts SELECT {COLUMNS} FROM main.picture_texts t;
         RELEASE texts"
    ));
    if copied.is_err() {
        connection.execute_batch("ROLLBACK TO texts; RELEASE texts")?;
    }
    copied
}

/// An intact row of a damaged catalog.
pub(super) struct SalvagedText {
    hash: [u8; 32],
    text: StoredText,
}

/// The intact rows of a damaged catalog, as far as they can be read.
pub(super) fn salvage(connection: &Connection) -> Vec<SalvagedText> {
    let read = || {
        let mut find = connection.prepare(&format!("SELECT {COLUMNS} FROM picture_texts t"))?;
        let row = |row: &Row<'_>| {
            let text = StoredText::read(row, 0);
            Ok(text.and_then(|text| Some(SalvagedText { hash: row.get(0).ok()?, text })))
        };
        let rows = find.query_map((), row)?;
        Ok::<_, rusqlite::Error>(rows.map_while(Result::ok).flatten().collect())
    };
    read().unwrap_or_default()
}

/// Whether there are texts of pictures that have gone.
pub(super) fn has_orphans(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(&format!("SELECT EXISTS (SELECT 1 FROM {ORPHANS})"), (), |row| row.get(0))
}

/// Deletes them.
pub(super) fn forget_orphans(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute(&format!("DELETE FROM {ORPHANS}"), ()).map(|_| ())
}

/// A picture whose text has to be read.
#[derive(Debug, Clone)]
pub struct UnreadPicture {
    /// The item.
    pub item: ItemId,
    /// Its content.
    pub hash: ContentHash,
    /// Its path.
    pub path: PathBuf,
    /// Which part of the file it is, if not all.
    pub part: Option<Part>,
    /// Its size and times at the last import.
    pub stamp: FileStamp,
    /// How often it could not be read.
    pub failed: u8,
}

/// Looks for the pictures of a library whose text was not read in some languages, in the order of their items, on a
/// connection of its own, so that nobody waits for it.
pub struct UnreadPictures {
    dir: PathBuf,
    connection: Connection,
    languages: String,
    after: i64,
}

impl UnreadPictures {
    /// Opens a library that this process writes.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn open(dir: &Path, languages: &TextLanguages) -> Result<Self, StoreError> {
        let connection = catalog::open_shared(dir).map_err(|error| StoreError::sql(dir, &error))?;
        Ok(Self { dir: dir.to_owned(), connection, languages: languages.to_string(), after: -1 })
    }

    /// Some of the next pictures; `None` at the end.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn next_page(&mut self) -> Result<Option<Vec<ItemId>>, StoreError> {
        let page = self.find("items.id > ? ORDER BY items.id LIMIT ?", (self.after, PAGE as i64))?;
        let Some((last, _)) = page.last() else { return Ok(None) };
        self.after = i64::from(last.0);
        Ok(Some(page.into_iter().filter_map(|(id, unread)| unread.map(|_| id)).collect()))
    }

    /// A picture, if it is still there and its text still unread.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn get(&self, item: ItemId) -> Result<Option<UnreadPicture>, StoreError> {
        self.find("items.id = ?", [item.0]).map(|mut found| found.pop().and_then(|(_, unread)| unread))
    }

    fn find(
        &self,
        which: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<Vec<(ItemId, Option<UnreadPicture>)>, StoreError> {
        let sql = format!(
            "SELECT items.id, items.hash, files.path, files.bytes, files.modified_ns, files.change_mark,
                 items.row, {COLUMNS}
             FROM items JOIN files ON files.id = items.file LEFT JOIN picture_texts t ON t.hash = items.hash
             WHERE {IS_READ} AND {which}"
        );
        let find = || {
            let mut statement = self.connection.prepare_cached(&sql)?;
            // A damaged row is repaired by whoever loads the library.
            let found = statement.query_map(parameters, |row| Ok(self.read(row).ok()))?;
            found.filter_map(Result::transpose).collect::<rusqlite::Result<Vec<_>>>()
        };
        find().map_err(|error| StoreError::sql(&self.dir, &error))
    }

    fn read(&self, row: &Row<'_>) -> rusqlite::Result<(ItemId, Option<UnreadPicture>)> {
        let item = ItemId(row.get(0)?);
        let is_current = |stored: &StoredText| stored.reader == TEXT_READER && stored.languages == self.languages;
        let failed = match StoredText::read(row, 7).filter(is_current) {
            Some(StoredText { failed: 0 | MAX_TRIES.., .. }) => return Ok((item, None)),
            Some(stored) => stored.failed,
            None => 0,
        };
        let bytes = row.get::<_, i64>(3)?.cast_unsigned();
        let stamp = FileStamp { bytes, modified_ns: row.get(4)?, change_mark: row.get(5)? };
        let (hash, path) = (ContentHash(row.get(1)?), paths::from_bytes(row.get_ref(2)?.as_blob()?));
        let part = NonZeroU32::new(row.get(6)?).and_then(Part::of_code);
        Ok((item, Some(UnreadPicture { item, hash, path, part, stamp, failed })))
    }
}

/// What became of a picture, to be stored.
#[derive(Debug, Clone)]
pub struct ReadText {
    /// The content.
    pub hash: ContentHash,
    /// What was read, or how often it could not be.
    pub text: Result<PictureText, u8>,
}

impl ReadText {
    /// A picture that could not be read once more: it is tried again the next time, unless that is useless.
    pub fn failed(picture: &UnreadPicture, useless: bool) -> Self {
        let failed = if useless { MAX_TRIES } else { picture.failed.saturating_add(1) };
        Self { hash: picture.hash, text: Err(failed) }
    }

    fn store(&self, connection: &Connection, languages: &str) -> rusqlite::Result<()> {
        let (failed, words) = match &self.text {
            Ok(text) => (0, to_json(text)?),
            Err(failed) => (*failed, "[]".to_owned()),
        };
        let crc = checksum(&self.hash.0, languages, TEXT_READER, failed, &words);
        let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO picture_texts VALUES (?, ?, ?, ?, ?, ?)")?;
        insert.execute(params![self.hash.0, languages, TEXT_READER, failed, words, crc]).map(|_| ())
    }
}

impl Store {
    /// Stores texts that were read in these languages.
    ///
    /// # Errors
    /// When the library cannot be written. Nothing has changed then.
    pub fn put_picture_texts(&mut self, read: &[ReadText], languages: &TextLanguages) -> Result<(), StoreError> {
        self.writable()?;
        let languages = languages.to_string();
        self.in_transaction(|connection| read.iter().try_for_each(|text| text.store(connection, &languages)))
    }

    /// Stores what was recovered from a damaged catalog.
    pub(super) fn restore_picture_texts(&mut self, texts: &[SalvagedText]) -> Result<(), StoreError> {
        self.in_transaction(|connection| {
            let mut insert = connection.prepare("INSERT OR IGNORE INTO picture_texts VALUES (?, ?, ?, ?, ?, ?)")?;
            texts.iter().try_for_each(|SalvagedText { hash, text }| {
                let crc = checksum(hash, &text.languages, text.reader, text.failed, &text.words);
                let StoredText { languages, reader, failed, words } = text;
                insert.execute(params![hash, languages, reader, failed, words, crc]).map(|_| ())
            })
        })
    }

    /// The text that was read in a picture; empty where none was, or it is damaged.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn picture_text(&self, item: ItemId) -> Result<PictureText, StoreError> {
        let find = || {
            // A library that is open for reading may come from an earlier version.
            if !catalog::has_column(&self.connection, "picture_texts", "crc")? {
                return Ok(None);
            }
            let mut find = self.connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM picture_texts t JOIN items ON items.hash = t.hash
                 WHERE items.id = ? AND items.modality = 0"
            ))?;
            find.query_row([item.0], |row| Ok(StoredText::read(row, 0))).optional()
        };
        let stored = find().map_err(|error: rusqlite::Error| self.sql(&error))?.flatten();
        Ok(stored.and_then(|stored| from_json(&stored.words)).unwrap_or_default())
    }

    /// The pictures in whose text all words of a query occur, the best first. Words in double quotes are a phrase.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn find_picture_text(&self, query: &str) -> Result<Vec<ItemId>, StoreError> {
        let query = match_query(query);
        if query.is_empty() {
            return Ok(Vec::new());
        }
        let has_column = catalog::has_column(&self.connection, "words", "picture").map_err(|error| self.sql(&error))?;
        if has_column { self.find_items(&format!("picture : ({query})")) } else { Ok(Vec::new()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_another_shape_is_made_again() {
        let catalog = Connection::open_in_memory().expect("opens");
        catalog.execute_batch("CREATE TABLE picture_texts (hash BLOB PRIMARY KEY, wurds TEXT)").expect("made");
        repair_table(&catalog).expect("made again");
        catalog.prepare(&format!("SELECT {COLUMNS} FROM picture_texts t")).expect("as it should be");
    }

    #[test]
    fn words_come_back_as_they_were_stored() {
        let word = |text: &str, area, line| PictureWord { text: text.to_owned(), area, line };
        let text = PictureText {
            words: vec![word("\"Straße\"", [0.0, 0.25, 0.5, 1.0], 1), word("東京", [0.1234, 0.2, 0.3, 0.4], 2)],
        };
        assert_eq!(from_json(&to_json(&text).expect("json")), Some(text));
        assert_eq!(from_json("[]"), Some(PictureText::default()));
        assert_eq!(from_json("[[1]]"), None);
    }
}
