//! Which contents have a vector, and in which row. Shared with the threads that read files, so that they never wait for a
//! write to reach the disk.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::loaded::{VectorKind, vector_kind};
use vicinity_core::{ContentHash, Modality};
use vicinity_models::LongText;

/// Rows by content. Content hashes are random already, so that a cheap hasher will do.
pub(super) type Rows = HashMap<(ContentHash, VectorKind), u32, rustc_hash::FxBuildHasher>;

/// Vector rows by content. Cheap to clone; clones share the same rows.
#[derive(Clone, Default)]
pub struct VectorRows(Arc<RwLock<Rows>>);

impl VectorRows {
    /// Whether this content is embedded with this way of reading long texts.
    pub fn has(&self, hash: &ContentHash, modality: Modality, long_text: LongText) -> bool {
        self.get(&(*hash, vector_kind(modality, long_text))).is_some()
    }

    pub(super) fn get(&self, key: &(ContentHash, VectorKind)) -> Option<u32> {
        self.read().get(key).copied()
    }

    pub(super) fn replace(&self, rows: Rows) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = rows;
    }

    pub(super) fn extend(&self, rows: impl IntoIterator<Item = ((ContentHash, VectorKind), u32)>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).extend(rows);
    }

    /// Takes out the vectors in rows that `keep` does not want.
    pub(super) fn retain(&self, keep: impl Fn(u32) -> bool) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|_, row| keep(*row));
    }

    /// Gives the vectors new rows; those in rows without a new one (`u32::MAX`) go.
    pub(super) fn renumber(&self, new: impl Fn(u32) -> u32) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|_, row| {
            *row = new(*row);
            *row != u32::MAX
        });
    }

    /// The rows as they are now, for longer work.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Rows> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
