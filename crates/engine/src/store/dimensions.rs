//! How many dimensions of the stored vectors are used, one number per model. Changing it embeds and rewrites nothing.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{Store, StoreError, meta};

/// Name of the numbers in the catalog.
const ROW: &str = "dimensions";

fn all(connection: &Connection) -> rusqlite::Result<BTreeMap<i64, usize>> {
    let json = meta::get(connection, ROW)?.intact();
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
}

/// The number stored for a model.
pub(super) fn load(connection: &Connection, model: i64) -> rusqlite::Result<Option<usize>> {
    Ok(all(connection)?.get(&model).copied().filter(|dim| *dim > 0))
}

impl Store {
    /// Uses only the first `dim` dimensions from now on and stores that number. A new epoch begins. In a read-only library
    /// this lasts until it is closed.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn set_dimensions(&mut self, dim: usize) -> Result<(), StoreError> {
        let whole = self.loaded.parts.model.dim;
        let dim = dim.clamp(1, whole);
        if dim == self.loaded.dim() {
            return Ok(());
        }
        if self.read_only.is_none() {
            let mut kept = all(&self.connection).map_err(|error| self.sql(&error))?;
            kept.remove(&self.model.id);
            if dim < whole {
                kept.insert(self.model.id, dim);
            }
            let json =
                serde_json::to_string(&kept).map_err(|error| StoreError::Catalog { reason: error.to_string() })?;
            self.in_transaction(|connection| meta::put(connection, ROW, &json))?;
        }
        self.loaded.use_dimensions(dim);
        self.publish();
        Ok(())
    }
}
