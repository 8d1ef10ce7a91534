//! Where other disks were mounted below the collection's folders, as the last walk found it: when such a disk is taken
//! away, its place is a folder without files, or gone, and the items on it are kept.

use std::path::PathBuf;

use super::{Store, StoreError, meta, paths};

/// Key of the setting in the catalog.
const ROW: &str = "mounts";

impl Store {
    /// Folders below the roots that were on another disk than the folder around them.
    pub fn mounts(&self) -> Vec<PathBuf> {
        let stored = meta::get_json::<Vec<Vec<u8>>>(&self.connection, ROW).unwrap_or_else(|error| {
            log::warn!("the list of mounted disks could not be read: {error}");
            None
        });
        stored.unwrap_or_default().iter().map(|bytes| paths::from_bytes(bytes)).collect()
    }

    /// Stores these folders.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn set_mounts(&mut self, mounts: &[PathBuf]) -> Result<(), StoreError> {
        self.writable()?;
        if self.mounts() == mounts {
            return Ok(());
        }
        let bytes: Vec<Vec<u8>> = mounts.iter().map(|path| paths::to_bytes(path)).collect();
        self.in_transaction(|connection| meta::put_json(connection, ROW, &bytes))
    }
}
