//! Full text search: the words of names, folders, keywords, captions, texts and text in pictures, an entry per item. It is
//! derived from the user's files and from what was read in them: damaged tables are dropped, and filled again.
//!
//! Words are split by SQLite's `unicode61`, without marks on letters (`Strasse` is not `Straße`, but `uber` finds `über`).
//! Its `trigram` would find parts of words, but nothing shorter than three letters, and takes about four times the space.
//! Chinese and Japanese have no spaces between words, so each of their characters is a word here, and a run of them in a
//! query is a phrase: any part of a text is found, whatever its length.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::loaded::FileStamp;
use super::picture_texts::{WORDS_CRC, forget_orphans, has_orphans};
use super::{Store, StoreError, catalog, paths};
use vicinity_core::ItemId;
use vicinity_core::picture_text::is_word_alone;

/// Version of what is taken from files. Increase it when that changes: all files are read again.
pub const WORDS_READER: u32 = 1;

/// Added with format 2. `file_words` has what the words of a file were taken from.
const TABLES: &str = "
    CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
        name, folder, keywords, caption, text, picture, content = '', contentless_delete = 1,
        tokenize = 'unicode61 remove_diacritics 2');
    CREATE TABLE IF NOT EXISTS file_words (
        file INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, change_mark INTEGER NOT NULL,
        facts INTEGER NOT NULL, items INTEGER NOT NULL, reader INTEGER NOT NULL);
";

/// Words of items that have gone.
const ORPHANS: &str = "words WHERE rowid NOT IN (SELECT id FROM items)";
/// Notes of files that have gone.
const ORPHANED_FILES: &str = "file_words WHERE file NOT IN (SELECT id FROM files)";

/// Files of a page.
const PAGE: usize = 4096;

/// What the words of a file were taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordsOrigin {
    /// The file.
    pub file: FileStamp,
    /// Checksums of its facts and of the text in the picture; 0 without any.
    pub facts: i64,
    /// Identifies its path and items.
    pub items: i64,
    /// Version of the reader.
    pub reader: u32,
}

/// The words of an item.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Words {
    /// Its name, without the extension.
    pub name: String,
    /// Its folders.
    pub folder: String,
    /// Its keywords.
    pub keywords: String,
    /// Title and caption.
    pub caption: String,
    /// What it says.
    pub text: String,
    /// For a picture: the text that was read in it.
    pub picture: String,
}

/// A file with its items, and whether their words are as they should be.
#[derive(Debug)]
pub struct WordsFile {
    file: i64,
    /// Its path.
    pub path: PathBuf,
    /// What its words would be taken from now.
    pub origin: WordsOrigin,
    /// Whether they were taken from just that.
    pub is_current: bool,
    /// Whether all of its items are pictures.
    pub is_picture: bool,
}

impl WordsFile {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let stamp = |at: usize| {
            let (bytes, modified_ns, change_mark) = (row.get::<_, i64>(at)?, row.get(at + 1)?, row.get(at + 2)?);
            Ok::<_, rusqlite::Error>(FileStamp { bytes: bytes.cast_unsigned(), modified_ns, change_mark })
        };
        let bytes = row.get_ref(1)?.as_blob()?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(bytes);
        for at in [5, 6, 7] {
            hasher.update(&row.get::<_, i64>(at)?.to_le_bytes());
        }
        let crc = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.unwrap_or(0));
        let facts = crc(9)? | (crc(16)? << 32);
        let origin = WordsOrigin { file: stamp(2)?, facts, items: i64::from(hasher.finalize()), reader: WORDS_READER };
        let stored = || {
            let file = stamp(10)?;
            Ok::<_, rusqlite::Error>(WordsOrigin {
                file,
                facts: row.get(13)?,
                items: row.get(14)?,
                reader: row.get(15)?,
            })
        };
        Ok(Self {
            file: row.get(0)?,
            path: paths::from_bytes(bytes),
            origin,
            is_current: stored().is_ok_and(|stored| stored == origin),
            is_picture: row.get::<_, i64>(8)? == 0,
        })
    }
}

/// Looks through the files of a library on a connection of its own.
pub struct WordsFiles {
    dir: PathBuf,
    connection: Connection,
    after: i64,
}

impl WordsFiles {
    /// Opens a library that this process writes.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let connection = catalog::open_shared(dir).map_err(|error| StoreError::sql(dir, &error))?;
        Ok(Self { dir: dir.to_owned(), connection, after: i64::MIN })
    }

    /// The next files; empty at the end.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn next_page(&mut self) -> Result<Vec<WordsFile>, StoreError> {
        let find = || {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT files.id, files.path, files.bytes, files.modified_ns, files.change_mark,
                     count(*), min(items.id), max(items.id), max(items.modality), facts.crc,
                     w.bytes, w.modified_ns, w.change_mark, w.facts, w.items, w.reader, {WORDS_CRC}
                 FROM files JOIN items ON items.file = files.id LEFT JOIN facts ON facts.file = files.id
                     LEFT JOIN file_words w ON w.file = files.id
                 WHERE files.id > ? GROUP BY files.id ORDER BY files.id LIMIT ?"
            ))?;
            // A damaged row is repaired by whoever loads the library.
            let found = statement.query_map((self.after, PAGE as i64), |row| Ok(WordsFile::read(row).ok()))?;
            found.filter_map(Result::transpose).collect::<rusqlite::Result<Vec<_>>>()
        };
        let page = find().map_err(|error| StoreError::sql(&self.dir, &error))?;
        if let Some(last) = page.last() {
            self.after = last.file;
        }
        Ok(page)
    }

    /// Whether there are words of items or files that have gone.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn has_orphans(&self) -> Result<bool, StoreError> {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {ORPHANS}) OR EXISTS (SELECT 1 FROM {ORPHANED_FILES})");
        let find = || Ok(self.connection.query_row(&sql, (), |row| row.get(0))? || has_orphans(&self.connection)?);
        find().map_err(|error: rusqlite::Error| StoreError::sql(&self.dir, &error))
    }

    /// The items of a file: code of the part (0 for a whole file) and id.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn items(&self, file: &WordsFile) -> Result<Vec<(u32, ItemId)>, StoreError> {
        let find = || {
            let mut find = self.connection.prepare_cached("SELECT row, id FROM items WHERE file = ? ORDER BY row")?;
            let found = find.query_map([file.file], |row| Ok((row.get(0)?, ItemId(row.get(1)?))))?;
            found.collect::<rusqlite::Result<Vec<_>>>()
        };
        find().map_err(|error| StoreError::sql(&self.dir, &error))
    }
}

/// Words of items of a file, to be stored.
#[derive(Debug)]
pub struct ReadWords {
    /// The file, once these are its last items.
    pub file: Option<WordsFile>,
    /// Its items.
    pub items: Vec<(ItemId, Words)>,
}

impl ReadWords {
    /// Bytes of the words, roughly.
    pub fn size(&self) -> usize {
        let size = |words: &Words| [&words.text, &words.picture, &words.caption, &words.keywords].map(String::len);
        let sizes = self.items.iter().map(|(_, words)| size(words).iter().sum::<usize>());
        sizes.sum::<usize>() + 200 * self.items.len()
    }

    fn store(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut insert = connection.prepare_cached(
            "INSERT OR REPLACE INTO words (rowid, name, folder, keywords, caption, text, picture)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?;
        for (id, words) in &self.items {
            let Words { name, folder, keywords, caption, text, picture } = words;
            let [name, folder, keywords, caption, text, picture] =
                [name, folder, keywords, caption, text, picture].map(|part| apart(part));
            insert.execute(params![id.0, name, folder, keywords, caption, text, picture])?;
        }
        let Some(WordsFile { file: id, path, origin, .. }) = &self.file else { return Ok(()) };
        let WordsOrigin { file, facts, items, reader } = *origin;
        // Numbers of files are used again: only for the one that was read.
        let mut note = connection.prepare_cached(
            "INSERT OR REPLACE INTO file_words
             SELECT id, ?3, ?4, ?5, ?6, ?7, ?8 FROM files WHERE id = ?1 AND path = ?2",
        )?;
        let (bytes, path) = (file.bytes.cast_signed(), paths::to_bytes(path));
        note.execute(params![id, path, bytes, file.modified_ns, file.change_mark, facts, items, reader]).map(|_| ())
    }
}

/// Makes the tables; drops them before that where they cannot be used.
pub(super) fn repair_tables(connection: &Connection) -> rusqlite::Result<()> {
    let is_usable = connection.prepare("SELECT rowid, picture FROM words WHERE words MATCH 'a'").is_ok()
        && connection.prepare("SELECT bytes, modified_ns, change_mark, facts, items, reader FROM file_words").is_ok();
    if !is_usable {
        connection.execute_batch("DROP TABLE IF EXISTS words; DROP TABLE IF EXISTS file_words;")?;
    }
    connection.execute_batch(TABLES)
}

impl Store {
    /// Stores the words of files.
    ///
    /// # Errors
    /// When the library cannot be written. Nothing has changed then.
    pub fn put_words(&mut self, read: &[ReadWords]) -> Result<(), StoreError> {
        self.writable()?;
        self.in_transaction(|connection| read.iter().try_for_each(|words| words.store(connection)))
    }

    /// Deletes the words of items that have gone, and the texts of pictures that have gone.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn forget_words(&mut self) -> Result<(), StoreError> {
        self.writable()?;
        self.in_transaction(|connection| {
            connection.execute(&format!("DELETE FROM {ORPHANS}"), ())?;
            connection.execute(&format!("DELETE FROM {ORPHANED_FILES}"), ())?;
            forget_orphans(connection)
        })
    }

    /// The items in which all words of a query occur, the best first. Words in double quotes are a phrase.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn find_words(&self, query: &str) -> Result<Vec<ItemId>, StoreError> {
        self.find_items(&match_query(query))
    }

    /// The items that match a query in the language of FTS5, the best first.
    pub(super) fn find_items(&self, query: &str) -> Result<Vec<ItemId>, StoreError> {
        let find = || {
            let table = "SELECT 1 FROM sqlite_schema WHERE name = 'words'";
            let is_there = self.connection.query_row(table, (), |_| Ok(())).optional()?.is_some();
            if query.is_empty() || !is_there {
                return Ok(Vec::new());
            }
            let mut find = self.connection.prepare_cached(
                "SELECT rowid FROM words WHERE words MATCH ? AND rowid IN (SELECT id FROM items) ORDER BY rank",
            )?;
            find.query_map([query], |row| row.get(0).map(ItemId))?.collect()
        };
        find().map_err(|error: rusqlite::Error| self.sql(&error))
    }
}

/// A query in the language of FTS5: each word, and each phrase in quotes, is a string of it, so that nothing in it is an
/// operator.
pub(super) fn match_query(query: &str) -> String {
    let mut terms = Vec::new();
    for (at, part) in query.split('"').enumerate() {
        if at % 2 == 1 {
            terms.push(part);
        } else {
            terms.extend(part.split_whitespace());
        }
    }
    let terms = terms.into_iter().filter(|term| term.chars().any(char::is_alphanumeric));
    terms.map(|term| format!("\"{}\"", apart(term).replace('\0', " "))).collect::<Vec<_>>().join(" ")
}

/// With spaces around the characters of scripts that have none between words.
fn apart(text: &str) -> String {
    if text.is_ascii() || !text.chars().any(is_word_alone) {
        return text.to_owned();
    }
    let mut parts = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if is_word_alone(c) {
            parts.extend([' ', c, ' ']);
        } else {
            parts.push(c);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_query_is_an_operator() {
        assert_eq!(match_query("red  dog"), r#""red" "dog""#);
        assert_eq!(match_query(r#"NOT a OR "red dog" * ^ -b"#), r#""NOT" "a" "OR" "red dog" "-b""#);
        assert_eq!(match_query(r#"unclosed "red dog"#), r#""unclosed" "red dog""#);
        assert_eq!((match_query("\"\" * \""), match_query("")), (String::new(), String::new()));
        assert_eq!(match_query("图书x"), "\" 图  书 x\"");
    }
}
