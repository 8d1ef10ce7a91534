//! Hosts that items of a library may be sent to: a list in the catalog, empty at first. API keys are never stored here.

use std::path::Path;

use rusqlite::Connection;

use super::{Store, StoreError, catalog, meta};

/// Name of the list in the catalog.
const ROW: &str = "remote";

fn load(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    // a list that cannot be read allows nothing
    Ok(meta::get_json(connection, ROW)?.unwrap_or_default())
}

/// The hosts enabled for the library in a folder; empty if there is no library.
///
/// # Errors
/// When the catalog cannot be read.
pub fn remote_hosts(dir: &Path) -> Result<Vec<String>, StoreError> {
    if !catalog::file(dir).exists() {
        return Ok(Vec::new());
    }
    load(&catalog::open_to_read(dir)?).map_err(|error| StoreError::sql(dir, &error))
}

impl Store {
    /// The enabled hosts.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn remote_hosts(&self) -> Result<Vec<String>, StoreError> {
        load(&self.connection).map_err(|error| self.sql(&error))
    }

    /// Enables or disables a host.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn allow_remote(&mut self, host: &str, on: bool) -> Result<(), StoreError> {
        self.writable()?;
        let mut hosts = self.remote_hosts()?;
        hosts.retain(|other| other != host);
        if on {
            hosts.push(host.to_owned());
        }
        self.in_transaction(|connection| meta::put_json(connection, ROW, &hosts))
    }
}
