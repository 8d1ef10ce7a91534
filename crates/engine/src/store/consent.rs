//! Which services may be sent items of a library: a list of hosts in the catalog, empty in a new one. Keys never lie here.

use std::path::Path;

use rusqlite::Connection;

use super::{Store, StoreError, catalog, meta};

/// Name of the list in the catalog.
const ROW: &str = "remote";

fn load(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let json = meta::get(connection, ROW)?.whole();
    // what cannot be understood allows nothing
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
}

/// The hosts that are switched on for the library in a folder; none where there is no library.
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
    /// The hosts that are switched on.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn remote_hosts(&self) -> Result<Vec<String>, StoreError> {
        load(&self.connection).map_err(|error| self.sql(&error))
    }

    /// Switches a host on or off.
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
        let json = serde_json::to_string(&hosts).map_err(|error| StoreError::Catalog { reason: error.to_string() })?;
        self.in_transaction(|connection| meta::put(connection, ROW, &json))
    }
}
