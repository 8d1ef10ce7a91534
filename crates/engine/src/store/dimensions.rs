//! How many dimensions of the stored vectors are used, one number per model. Changing it embeds and rewrites nothing.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::sums::VectorSums;
use super::{Store, StoreError, meta};
use crate::Snapshot;

/// Name of the numbers in the catalog.
const ROW: &str = "dimensions";

fn all(connection: &Connection) -> rusqlite::Result<BTreeMap<i64, usize>> {
    Ok(meta::get_json(connection, ROW)?.unwrap_or_default())
}

/// The number stored for a model.
pub(super) fn load(connection: &Connection, model: i64) -> rusqlite::Result<Option<usize>> {
    Ok(all(connection)?.get(&model).copied().filter(|dim| *dim > 0))
}

/// A model has another id now.
pub(super) fn rename(connection: &Connection, from: i64, to: i64) -> rusqlite::Result<()> {
    let mut stored = all(connection)?;
    let Some(dim) = stored.remove(&from) else { return Ok(()) };
    stored.insert(to, dim);
    meta::put_json(connection, ROW, &stored)
}

/// The sums of all vectors of a snapshot, cut to a number of dimensions.
pub struct PreparedDimensions(VectorSums);

impl PreparedDimensions {
    /// Reads all vectors of a snapshot.
    pub fn of(snapshot: &Snapshot, dim: usize) -> Self {
        Self(VectorSums::of(snapshot.parts(), dim.clamp(1, snapshot.parts().model.dim)))
    }
}

impl Store {
    /// Uses only the first `dim` dimensions from now on and stores that number. A new epoch begins. In a read-only library
    /// this lasts until it is closed.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn set_dimensions(&mut self, dim: usize) -> Result<(), StoreError> {
        self.set_prepared_dimensions(dim, None)
    }

    /// The same with what [`PreparedDimensions::of`] has computed, so that all vectors need not be read here.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn set_prepared_dimensions(
        &mut self,
        dim: usize,
        prepared: Option<PreparedDimensions>,
    ) -> Result<(), StoreError> {
        let prepared = prepared.map(|PreparedDimensions(sums)| sums);
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
            self.in_transaction(|connection| meta::put_json(connection, ROW, &kept))?;
        }
        let sums = prepared.filter(|sums| sums.dim() == dim && sums.covers_same(self.loaded.sums()));
        let sums = sums.unwrap_or_else(|| VectorSums::of(&self.loaded.parts, dim));
        self.loaded.set_sums(sums);
        self.publish();
        Ok(())
    }
}
