//! What keeps a library sound and small: verification, compaction, and what makes it open fast.

use super::{Library, lock};
use crate::Notice;
use crate::store::{Compaction, CompactionTask, StoreError};
use vicinity_models::ModelKey;

impl Library {
    /// Verifies a library that was opened without that, and repairs it; returns what was damaged. Nothing may be embedded
    /// or stored before. Takes as long as reading all vectors; ends soon once `cancelled` says so.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn verify(&self, cancelled: &(dyn Fn() -> bool + Sync)) -> Result<Vec<Notice>, StoreError> {
        let Some(verification) = lock(&self.0.store).take_verification() else { return Ok(Vec::new()) };
        let findings = verification.run(cancelled);
        if findings.is_empty() {
            return Ok(Vec::new());
        }
        let mut notices = Vec::new();
        self.write(|store| {
            notices = store.apply_findings(findings)?;
            store.save_sums()
        })?;
        self.read_failures();
        Ok(notices)
    }

    /// Stores what makes the library open fast.
    pub fn save_sums(&self) {
        if let Err(error) = lock(&self.0.store).save_sums() {
            log::info!("the library will open more slowly: {error}");
        }
    }

    /// Removes the vectors that no item needs any more from the library's files; where `only_worthwhile`, from those that
    /// are mostly unused. `None` if there are none.
    ///
    /// # Errors
    /// When the library cannot be read or written. It is as it was then.
    pub fn compact(
        &self,
        only_worthwhile: bool,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Compaction>, StoreError> {
        let bytes_before = lock(&self.0.store).vector_bytes();
        let models: Vec<ModelKey> = self.compaction_tasks()?.iter().map(|task| task.model().clone()).collect();
        let mut vectors_removed = 0;
        for model in models {
            let Some(task) = self.compaction_tasks()?.into_iter().find(|task| *task.model() == model) else { continue };
            let Some(prepared) = task.prepare(only_worthwhile, cancelled)? else { continue };
            let mut adopted = false;
            self.write(|store| {
                adopted = store.adopt_compaction(&prepared)?;
                store.save_sums()
            })?;
            vectors_removed += if adopted { prepared.removed() } else { 0 };
            prepared.finish()?;
        }
        let bytes_after = lock(&self.0.store).vector_bytes();
        Ok((vectors_removed > 0).then_some(Compaction { bytes_before, bytes_after, vectors_removed }))
    }

    fn compaction_tasks(&self) -> Result<Vec<CompactionTask>, StoreError> {
        lock(&self.0.store).compaction_tasks()
    }

    /// Whether compacting may be worthwhile.
    pub fn may_be_worth_compacting(&self) -> bool {
        lock(&self.0.store).may_be_worth_compacting()
    }

    /// Number of bytes of all vector files.
    pub fn vector_bytes(&self) -> u64 {
        lock(&self.0.store).vector_bytes()
    }
}
