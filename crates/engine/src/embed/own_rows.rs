//! Rows of a table with the vectors that the user brought for them: nothing is embedded.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::super::import_stats::ImportStats;
use super::super::library::{NewItem, RejectionCause};
use super::super::own_vectors::{OwnVectors, OwnVectorsError, VectorRowProblems};
use super::super::scan::Candidate;
use super::reading::{reject, snippet};
use super::{ImportOutcome, Pipeline, ReadParts, Senders, send};
use vicinity_core::{ContentHash, Embedding, Modality, Part};
use vicinity_media::{RowError, TableRow, TableRows};

/// Rows that are sent to the writer at once: enough to cost little, and few enough for the queue to stay small.
const BATCH: usize = 128;

impl Pipeline {
    /// Sends every row that has a vector to the writer. A row without one is a failure of that row.
    pub(super) fn import_own_rows(
        &self,
        candidate: &Candidate,
        rows: TableRows,
        own_vectors: &OwnVectors,
        senders: &Senders,
    ) -> Result<(), OwnVectorsError> {
        self.check_unchanged(own_vectors)?;
        let mut vectors = own_vectors.open()?;
        ImportStats::subtract(&self.stats.total, 1);
        let (mut unreadable, mut without) = (Vec::new(), VectorRowProblems::default());
        let (mut batch, mut found) = (Vec::with_capacity(BATCH), Vec::new());
        for row in rows {
            if !self.control.wait_if_paused() {
                return Ok(());
            }
            let TableRow { number, text, .. } = match row {
                Ok(row) => row,
                Err(error) => {
                    unreadable.push(error);
                    continue;
                }
            };
            let vector = ImportStats::measure(&self.stats.read, || vectors.row(number));
            match vector.map_err(|reason| own_vectors.unreadable_row(reason))? {
                Ok(vector) => {
                    found.push(Part::Row(number).code().get());
                    batch.push((own_row(candidate, number, &text), vector));
                }
                Err(problem) => without.add(number, problem),
            }
            if batch.len() == BATCH {
                self.send_brought(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)), senders);
            }
        }
        self.send_brought(batch, senders);
        let read = ReadParts::new(candidate.clone(), found, unreadable.len() + without.len());
        self.in_parts.lock().unwrap_or_else(PoisonError::into_inner).push(read);
        self.report_rows(candidate, &unreadable, &without, senders);
        Ok(())
    }

    /// Rows that are no items make one failure of their file.
    fn report_rows(
        &self,
        candidate: &Candidate,
        unreadable: &[RowError],
        without: &VectorRowProblems,
        senders: &Senders,
    ) {
        let sentences: Vec<String> = RowError::sentence(unreadable).into_iter().chain(without.sentence()).collect();
        if sentences.is_empty() {
            return;
        }
        let failures = unreadable.len() + without.len();
        reject(candidate, RejectionCause::Partial, sentences.join(". "), failures, senders);
    }

    /// The library was opened with certain vectors; others must not be mixed with them.
    fn check_unchanged(&self, own_vectors: &OwnVectors) -> Result<(), OwnVectorsError> {
        let found = own_vectors.examine(&self.options.tables)?;
        if found.key == self.library.snapshot().parts().model {
            return Ok(());
        }
        Err(OwnVectorsError::Changed { path: own_vectors.file().to_owned() })
    }

    fn send_brought(&self, batch: Vec<(NewItem, Embedding)>, senders: &Senders) {
        ImportStats::add(&self.stats.total, batch.len());
        self.in_flight.fetch_add(batch.len(), Ordering::AcqRel);
        send(&senders.outcomes, ImportOutcome::Brought(batch));
    }
}

fn own_row(candidate: &Candidate, number: u32, text: &str) -> NewItem {
    let hash = ContentHash(*blake3::hash(text.as_bytes()).as_bytes());
    let snippet = Some(snippet(text));
    NewItem { part: Some(Part::Row(number)), modality: Modality::Text, snippet, ..NewItem::of(candidate, hash) }
}
