//! How many dimensions of the stored vectors are looked at, one number a model. Nothing is embedded or written again.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{Store, StoreError, meta};

/// Name of the numbers in the catalog.
const ROW: &str = "dimensions";

fn all(connection: &Connection) -> rusqlite::Result<BTreeMap<i64, usize>> {
    let json = meta::get(connection, ROW)?.whole();
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
}

/// The number kept for a model.
pub(super) fn load(connection: &Connection, model: i64) -> rusqlite::Result<Option<usize>> {
    Ok(all(connection)?.get(&model).copied().filter(|dim| *dim > 0))
}

impl Store {
    /// Looks at the first `dim` dimensions from now on, and remembers it; all of them where there are not more.
    /// A new epoch begins. A library that cannot be written keeps to it until it is closed.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn set_dimensions(&mut self, dim: usize) -> Result<(), StoreError> {
        let whole = self.state.parts.model.dim;
        let dim = dim.clamp(1, whole);
        if dim == self.state.dim() {
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
        self.state.look_at(dim);
        self.publish();
        Ok(())
    }
}
