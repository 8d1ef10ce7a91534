//! Verification of an open library against its checksums. It needs no store, so that nobody waits for it: a library is
//! used as soon as its catalog is loaded, and what turns out to be damaged is taken out of it afterwards.

use std::collections::HashSet;
use std::path::PathBuf;

use super::loaded::ItemChange;
use super::repair::{counted, damaged_vectors, warning};
use super::sums::VectorSums;
use super::{Store, StoreError, catalog, load, vectors};
use crate::Notice;
use crate::snapshot::Vectors;

/// Everything that is verified after a library was opened.
pub struct Verification {
    dir: PathBuf,
    vectors: Vectors,
    dim: usize,
    checksums: Vec<(u32, u32)>,
    /// Whether the catalog is verified too: only its writer can repair it.
    catalog: bool,
}

/// What a verification found.
#[derive(Debug, Default)]
pub struct Findings {
    /// The first fault of the catalog.
    catalog: Option<String>,
    /// Rows of damaged vectors.
    vectors: Vec<u32>,
}

impl Findings {
    /// Whether nothing is damaged.
    pub fn is_empty(&self) -> bool {
        self.catalog.is_none() && self.vectors.is_empty()
    }
}

impl Verification {
    /// Reads everything that has a checksum. Finds nothing more once `cancelled` says so.
    pub fn run(self, cancelled: &(dyn Fn() -> bool + Sync)) -> Findings {
        let Self { dir, vectors, dim, checksums, catalog } = self;
        std::thread::scope(|scope| {
            let catalog = catalog.then(|| scope.spawn(|| catalog::examine(&dir, cancelled)));
            let vectors = vectors::damaged(&vectors, dim, checksums, cancelled);
            let catalog = catalog.and_then(load::joined);
            Findings { catalog, vectors }
        })
    }
}

impl Store {
    /// What is to be verified since the library was opened; `None` from the second call on.
    pub fn take_verification(&mut self) -> Option<Verification> {
        Some(Verification {
            dir: self.dir.clone(),
            vectors: self.loaded.parts.vectors.clone(),
            dim: self.loaded.parts.model.dim,
            checksums: self.unverified.take()?,
            catalog: self.read_only.is_none(),
        })
    }

    /// Repairs what a verification found, where the library can be written: a damaged catalog is rebuilt or set aside,
    /// damaged vectors are removed so that their items are embedded again. A reader only stops using damaged vectors.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn apply_findings(&mut self, findings: Findings) -> Result<Vec<Notice>, StoreError> {
        let mut notices = Vec::new();
        if let Some(fault) = findings.catalog {
            let what = format!("the catalog of the library {} is damaged ({fault})", self.dir.display());
            if !self.repair_catalog(what, &mut notices)? {
                // It was set aside together with the vectors.
                return Ok(notices);
            }
        }
        if !findings.vectors.is_empty() {
            notices.push(self.drop_damaged(&findings.vectors.into_iter().collect())?);
        }
        Ok(notices)
    }

    /// Verifies the library now.
    pub(super) fn verify(&mut self) -> Result<Vec<Notice>, StoreError> {
        let findings = self.take_verification().map(|verification| verification.run(&|| false)).unwrap_or_default();
        self.apply_findings(findings)
    }

    /// Takes damaged vectors out of the library, so that exactly their items are embedded again.
    fn drop_damaged(&mut self, rows: &HashSet<u32>) -> Result<Notice, StoreError> {
        let writable = self.read_only.is_none();
        if writable {
            let model = self.model.id;
            // By key, as there is no index of the rows.
            let keys: Vec<_> =
                self.loaded.vectors.read().iter().filter(|(_, row)| rows.contains(row)).map(|(k, _)| *k).collect();
            self.in_transaction(|connection| {
                let mut delete = connection.prepare("DELETE FROM vectors WHERE model = ? AND hash = ? AND kind = ?")?;
                keys.iter().try_for_each(|(hash, kind)| delete.execute((model, hash.0, kind)).map(|_| ()))
            })?;
        }
        self.damaged.extend(rows);
        self.loaded.vectors.retain(|row| !rows.contains(&row));
        let changes = self.without_vectors_in(rows);
        let lost = changes.iter().filter(|change| matches!(change, ItemChange::Remove(_))).count();
        self.apply(changes)?;
        // The sums may include damaged numbers, which cannot be subtracted again.
        self.loaded.set_sums(VectorSums::of(&self.loaded.parts, self.loaded.dim()));
        self.publish();
        let path = self.file.path();
        Ok(match writable {
            true => warning(format!(
                "{} in {} were damaged and removed; their items are embedded again.",
                counted(rows.len(), "vector", "vectors"),
                path.display()
            )),
            false => warning(damaged_vectors(path, &rows.iter().copied().collect::<Vec<_>>(), lost)),
        })
    }

    /// Items in these rows go, or get the other vector of their content. Their files are not ready any more.
    fn without_vectors_in(&mut self, rows: &HashSet<u32>) -> Vec<ItemChange> {
        let (mut changes, parts) = (Vec::new(), &self.loaded.parts);
        let known = self.loaded.vectors.read();
        for (items, vectors) in parts.chunks.iter().zip(&parts.vector_rows) {
            for (item, _) in items.iter().zip(vectors.iter()).filter(|(_, row)| rows.contains(row)) {
                changes.push(match load::content_vector(&known, item) {
                    Some(row) => ItemChange::Update(item.clone(), row),
                    None => ItemChange::Remove(item.id),
                });
                if let Some(file) = self.loaded.files.get_mut(&*item.path) {
                    file.ready = false;
                }
            }
        }
        drop(known);
        changes
    }

    /// Repairs the catalog of an open library: it is loaded again from what could be repaired. False if it was set aside
    /// and a new one was started.
    fn repair_catalog(&mut self, what: String, notices: &mut Vec<Notice>) -> Result<bool, StoreError> {
        let (dir, model) = (self.dir.clone(), self.loaded.parts.model.clone());
        // The file is replaced: nothing may be open any more.
        let nothing = rusqlite::Connection::open_in_memory().map_err(|error| self.sql(&error))?;
        drop(std::mem::replace(&mut self.connection, nothing));
        let opened = Self::open_repaired(&dir, &model, Some(what), notices);
        let (mut store, set_aside) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.read_only = Some(format!("{error}; the library has to be opened again"));
                return Err(error);
            }
        };
        store.lock = self.lock.take();
        store.continue_from(&self.loaded);
        *self = store;
        Ok(!set_aside)
    }
}
