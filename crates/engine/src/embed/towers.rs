//! The towers: batches of pictures and of texts become embeddings, as many at once as the device has room for.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::super::Severity;
use super::super::adaptive_batch::AdaptiveBatch;
use super::super::import_stats::ImportStats;
use super::super::library::NewItem;
use super::{ImportOutcome, Pipeline, TowerInput, send};
use vicinity_core::Embedding;
use vicinity_models::{Model, Pixels, TextOptions, TowerError};

/// The first batch of a run is small, so that the map shows something soon.
const FIRST_BATCH: usize = 4;
/// A batch that is not full is embedded after this long.
const BATCH_TIMEOUT: Duration = Duration::from_millis(150);

impl Pipeline {
    pub(super) fn embed_images(
        &self,
        pool: &rayon::ThreadPool,
        work: &Receiver<TowerInput<Pixels>>,
        outcomes: &Sender<ImportOutcome>,
    ) {
        drop(self.model.wait());
        let mut batch_size = AdaptiveBatch::new(self.batch_sizes()[0]);
        self.for_each_batch(work, |batch| {
            let (items, pixels): (Vec<_>, Vec<_>) = batch.into_iter().map(|r| (r.item, r.content)).unzip();
            let results = self
                .embed_batch(&pixels, &mut batch_size, |model, pixels| pool.install(|| model.image.embed_each(pixels)));
            send_results(items, results, outcomes);
            batch_size.max
        });
    }

    pub(super) fn embed_texts(
        &self,
        pool: &rayon::ThreadPool,
        work: &Receiver<TowerInput<String>>,
        outcomes: &Sender<ImportOutcome>,
    ) {
        let options = TextOptions { long_text: self.options.long_text, ..Default::default() };
        drop(self.model.wait());
        let mut batch_size = AdaptiveBatch::new(self.batch_sizes()[1]);
        self.for_each_batch(work, |batch| {
            let (items, texts): (Vec<_>, Vec<_>) = batch.into_iter().map(|r| (r.item, r.content)).unzip();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let results = self.embed_batch(&texts, &mut batch_size, |model, texts| {
                let embedded = pool.install(|| model.text.embed_each(texts, options));
                embedded.into_iter().map(|result| result.map(|text| text.embedding)).collect()
            });
            send_results(items, results, outcomes);
            batch_size.max
        });
    }

    /// Gathers batches, the first one small; a batch that stays short is embedded after a moment. `embed` says how large
    /// the next one may be.
    fn for_each_batch<T>(&self, work: &Receiver<T>, mut embed: impl FnMut(Vec<T>) -> usize) {
        let mut size = FIRST_BATCH;
        while let Ok(first) = work.recv() {
            let mut batch = vec![first];
            let deadline = Instant::now() + BATCH_TIMEOUT;
            while batch.len() < size {
                match work.recv_deadline(deadline) {
                    Ok(next) => batch.push(next),
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                }
            }
            if self.control.wait_if_paused() {
                size = embed(batch);
            }
        }
    }

    /// Embeds a batch; `None` for items left to another run because this one was cancelled or aborted.
    fn embed_batch<T>(
        &self,
        batch: &[T],
        batch_size: &mut AdaptiveBatch,
        embed: impl Fn(&Model, &[T]) -> Vec<Result<Embedding, TowerError>>,
    ) -> Vec<Option<Result<Embedding, String>>> {
        let model = match self.model.wait() {
            Ok(model) => model,
            Err(error) => {
                self.abort_without_model(&error);
                return batch.iter().map(|_| None).collect();
            }
        };
        let keep_or_abort = |result: Result<Embedding, TowerError>| match result {
            Err(error) if error.ends_run() => {
                self.abort_by(&error);
                None
            }
            result => Some(result.map_err(|error| error.to_string())),
        };
        let before = batch_size.max;
        let embedded = ImportStats::measure(&self.stats.embed, || batch_size.embed(batch, |part| embed(&model, part)));
        if batch_size.max < before {
            let text = format!("Not enough device memory for batches of {before}; using {}", batch_size.max);
            self.event_sender.notice(Severity::Info, text);
        }
        embedded.into_iter().map(keep_or_abort).collect()
    }
}

fn send_results(
    items: Vec<NewItem>,
    results: Vec<Option<Result<Embedding, String>>>,
    outcomes: &Sender<ImportOutcome>,
) {
    let mut embedded = Vec::with_capacity(items.len());
    for (item, result) in items.into_iter().zip(results) {
        match result {
            Some(Ok(embedding)) => embedded.push((item, embedding)),
            Some(Err(reason)) => send(outcomes, ImportOutcome::Refused(item, reason)),
            None => {}
        }
    }
    send(outcomes, ImportOutcome::Embedded(embedded));
}
