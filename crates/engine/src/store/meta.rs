//! Settings in the catalog, by name, each with a checksum: a damaged one is reported, never taken for what was chosen.

use rusqlite::{Connection, OptionalExtension};

/// What is stored under a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Nothing.
    Missing,
    /// What was put there.
    Whole(String),
    /// Something else than was put there.
    Damaged,
}

impl Kept {
    /// The value, where it is there and whole.
    pub(super) fn whole(self) -> Option<String> {
        match self {
            Self::Whole(value) => Some(value),
            Self::Missing | Self::Damaged => None,
        }
    }
}

/// Name of the row that holds the checksum of another. Values of earlier versions have none.
fn beside(key: &str) -> String {
    format!("{key}.crc")
}

/// Looks a value up.
pub(super) fn get(connection: &Connection, key: &str) -> rusqlite::Result<Kept> {
    let find = |key: &str| {
        // A damaged row may hold something else than text.
        let read = |row: &rusqlite::Row<'_>| Ok(row.get::<_, String>(0).ok());
        connection.query_row("SELECT value FROM meta WHERE key = ?", [key], read).optional()
    };
    let value = match find(key)? {
        None => return Ok(Kept::Missing),
        Some(None) => return Ok(Kept::Damaged),
        Some(Some(value)) => value,
    };
    let sound = match find(&beside(key))? {
        None => true,
        Some(sum) => sum.is_some_and(|sum| sum == crc32fast::hash(value.as_bytes()).to_string()),
    };
    Ok(if sound { Kept::Whole(value) } else { Kept::Damaged })
}

/// Puts a value in place of the one before.
pub(super) fn put(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)")?;
    insert.execute([key, value])?;
    insert.execute([beside(key), crc32fast::hash(value.as_bytes()).to_string()])?;
    Ok(())
}

/// Drops a value.
pub(super) fn remove(connection: &Connection, key: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM meta WHERE key IN (?, ?)", [key, &beside(key)]).map(|_| ())
}
