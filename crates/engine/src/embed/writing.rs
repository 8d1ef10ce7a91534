//! The writer: vectors, then the catalog, then news of both.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use crossbeam_channel::Receiver;

use super::super::Event;
use super::super::import_stats::ImportStats;
use super::super::library::{NewItem, RejectedFile, RejectionCause};
use super::super::store::StoreError;
use super::{ImportOutcome, Pipeline};
use vicinity_core::Embedding;

/// Items that are stored in one transaction, at most: those that wait by the time the one before is on the disk. Each
/// costs two waits for the disk, whatever it holds.
const COMMIT: usize = 4096;

impl Pipeline {
    pub(super) fn store_all(&self, news: &Receiver<ImportOutcome>) {
        while let Ok(first) = news.recv() {
            let mut batch = Batch::default();
            batch.add(first, self);
            while batch.len() < COMMIT
                && let Ok(next) = news.try_recv()
            {
                batch.add(next, self);
            }
            if !self.control.is_cancelled() || !batch.embedded.is_empty() || !batch.brought.is_empty() {
                self.commit(batch);
            }
            self.report();
        }
    }

    fn commit(&self, batch: Batch) {
        if self.store_error.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return;
        }
        match ImportStats::measure(&self.stats.store, || self.store(batch)) {
            Ok((embedded, known)) => {
                ImportStats::add(&self.stats.done, embedded);
                ImportStats::add(&self.stats.reused, known);
                ImportStats::subtract(&self.stats.total, known);
                self.in_flight.fetch_sub(embedded + known, Ordering::AcqRel);
                if embedded + known > 0 {
                    let snapshot = self.library.snapshot();
                    self.event_sender.send(Event::Snapshot(Arc::clone(&snapshot)));
                    self.artefacts.collection_grows(&snapshot);
                }
            }
            Err(error) => {
                *self.store_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                self.control.stop();
            }
        }
    }

    /// Counts of items embedded and taken over.
    fn store(&self, batch: Batch) -> Result<(usize, usize), StoreError> {
        let Batch { mut known, embedded, brought } = batch;
        let from_user = brought.len();
        self.library.commit_brought(brought)?;
        let contents: Vec<_> = embedded.iter().map(|(item, _)| (item.hash, item.modality)).collect();
        self.library.commit_embedded(embedded)?;
        // only now: until its vector is stored, a content counts as on its way
        for content in &contents {
            known.extend(self.finish(*content));
        }
        let count = known.len();
        self.library.commit_known(known)?;
        Ok((contents.len() + from_user, count))
    }
}

/// What one transaction stores.
#[derive(Default)]
struct Batch {
    known: Vec<NewItem>,
    embedded: Vec<(NewItem, Embedding)>,
    brought: Vec<(NewItem, Embedding)>,
}

impl Batch {
    fn len(&self) -> usize {
        self.known.len() + self.embedded.len() + self.brought.len()
    }

    fn add(&mut self, news: ImportOutcome, pipeline: &Pipeline) {
        match news {
            ImportOutcome::Known(item) => self.known.push(item),
            ImportOutcome::Embedded(items) => self.embedded.extend(items),
            ImportOutcome::Brought(items) => self.brought.extend(items),
            ImportOutcome::Failed(failure) => pipeline.failed(failure),
            ImportOutcome::Refused(item, reason) => {
                let mut refused = pipeline.finish((item.hash, item.modality));
                refused.push(item);
                ImportStats::subtract(&pipeline.stats.total, refused.len());
                pipeline.in_flight.fetch_sub(refused.len(), Ordering::AcqRel);
                for item in refused {
                    let NewItem { path, bytes, modified_ns, change_mark, hash, .. } = item;
                    let (cause, reason) = (RejectionCause::Refused { hash }, reason.clone());
                    pipeline.failed(RejectedFile { path, reason, cause, bytes, modified_ns, change_mark, parts: 1 });
                }
            }
        }
    }
}
