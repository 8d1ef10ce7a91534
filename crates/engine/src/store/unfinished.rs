//! Whether an import was started and not completed: the window was closed, the process was killed, or the user cancelled.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, meta};

/// Key of the setting in the catalog.
const ROW: &str = "unfinished";

/// An import that was not completed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnfinishedImport {
    /// Whether the user cancelled it, so that it does not continue by itself.
    pub cancelled: bool,
    /// Number of remaining items as far as counted; 0 if unknown.
    pub left: u64,
}

fn load(connection: &Connection) -> rusqlite::Result<Option<UnfinishedImport>> {
    meta::get_json(connection, ROW)
}

impl Store {
    /// The import that was not completed, if any.
    pub fn unfinished(&self) -> Option<UnfinishedImport> {
        load(&self.connection).unwrap_or_else(|error| {
            log::warn!("the state of the last import could not be read: {error}");
            None
        })
    }

    /// Stores whether an import is unfinished.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn set_unfinished(&mut self, unfinished: Option<UnfinishedImport>) -> Result<(), StoreError> {
        self.writable()?;
        if self.unfinished() == unfinished {
            return Ok(());
        }
        self.in_transaction(|connection| match unfinished {
            Some(note) => meta::put_json(connection, ROW, &note),
            None => meta::remove(connection, ROW),
        })
    }
}
