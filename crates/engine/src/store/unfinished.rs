//! Whether an import has begun and not come to its end: by a closed window, a killed process, or its user's wish.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, meta};

/// Name of the note in the catalog.
const ROW: &str = "unfinished";

/// An import that did not come to its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// Whether the user has ended it, so that it is not gone on with unasked.
    pub cancelled: bool,
    /// Items that were still to come, as far as they had been counted; 0 where that is not known.
    pub left: u64,
}

fn load(connection: &Connection) -> rusqlite::Result<Option<Unfinished>> {
    let json = meta::get(connection, ROW)?.whole();
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}

impl Store {
    /// The import that did not come to its end, where there is one.
    pub fn unfinished(&self) -> Option<Unfinished> {
        load(&self.connection).unwrap_or_else(|error| {
            log::warn!("whether an import is unfinished is not known: {error}");
            None
        })
    }

    /// Notes that an import is unfinished, or that none is.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn set_unfinished(&mut self, unfinished: Option<Unfinished>) -> Result<(), StoreError> {
        self.writable()?;
        if self.unfinished() == unfinished {
            return Ok(());
        }
        let json = unfinished.map(|note| serde_json::to_string(&note)).transpose();
        let json = json.map_err(|error| StoreError::Catalog { reason: error.to_string() })?;
        self.in_transaction(|connection| match json {
            Some(json) => meta::put(connection, ROW, &json),
            None => meta::remove(connection, ROW),
        })
    }
}
