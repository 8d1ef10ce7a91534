//! Named settings in the catalog, each with a checksum, so that a damaged setting is detected and not used.

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The state of a stored setting.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StoredSetting {
    /// There is none.
    Missing,
    /// Its value as written.
    Intact(String),
    /// Its checksum differs.
    Damaged,
}

impl StoredSetting {
    /// The value if it is present and intact.
    pub(super) fn intact(self) -> Option<String> {
        match self {
            Self::Intact(value) => Some(value),
            Self::Missing | Self::Damaged => None,
        }
    }
}

/// Key of the row with the checksum of `key`. Values of earlier versions have none.
fn checksum_key(key: &str) -> String {
    format!("{key}.crc")
}

/// Reads a setting.
pub(super) fn get(connection: &Connection, key: &str) -> rusqlite::Result<StoredSetting> {
    let find = |key: &str| {
        // A damaged row may not be text.
        let read = |row: &rusqlite::Row<'_>| Ok(row.get::<_, String>(0).ok());
        connection.query_row("SELECT value FROM meta WHERE key = ?", [key], read).optional()
    };
    let value = match find(key)? {
        None => return Ok(StoredSetting::Missing),
        Some(None) => return Ok(StoredSetting::Damaged),
        Some(Some(value)) => value,
    };
    let sound = match find(&checksum_key(key))? {
        None => true,
        Some(sum) => sum.is_some_and(|sum| sum == crc32fast::hash(value.as_bytes()).to_string()),
    };
    Ok(if sound { StoredSetting::Intact(value) } else { StoredSetting::Damaged })
}

/// Writes a setting.
pub(super) fn put(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)")?;
    insert.execute([key, value])?;
    insert.execute([checksum_key(key), crc32fast::hash(value.as_bytes()).to_string()])?;
    Ok(())
}

/// Reads a setting stored as JSON; `None` if it is missing or damaged.
pub(super) fn get_json<T: DeserializeOwned>(connection: &Connection, key: &str) -> rusqlite::Result<Option<T>> {
    Ok(get(connection, key)?.intact().and_then(|json| serde_json::from_str(&json).ok()))
}

/// Writes a setting as JSON.
pub(super) fn put_json(connection: &Connection, key: &str, value: &impl Serialize) -> rusqlite::Result<()> {
    let json = serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    put(connection, key, &json)
}

/// Removes a setting.
pub(super) fn remove(connection: &Connection, key: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM meta WHERE key IN (?, ?)", [key, &checksum_key(key)]).map(|_| ())
}
