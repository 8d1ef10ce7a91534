//! The towers: batches of pictures and of texts become embeddings, as many at once as the device has room for.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::super::Severity;
use super::super::library::NewItem;
use super::super::meter::Meter;
use super::super::room::Room;
use super::{Done, Pipeline, Ready, send};
use vicinity_core::Embedding;
use vicinity_models::{Model, Pixels, TextOptions, TowerError};

/// The first batch of a run is small, so that the map shows something soon.
const FIRST_BATCH: usize = 4;
/// A batch that is not full goes off after this long.
const PATIENCE: Duration = Duration::from_millis(150);

impl Pipeline {
    pub(super) fn embed_images(&self, pool: &rayon::ThreadPool, work: &Receiver<Ready<Pixels>>, done: &Sender<Done>) {
        drop(self.model.wait());
        let mut room = Room::new(self.full()[0]);
        self.batches(work, |batch| {
            let (items, pixels): (Vec<_>, Vec<_>) = batch.into_iter().map(|r| (r.item, r.content)).unzip();
            let results =
                self.attempt(&pixels, &mut room, |model, pixels| pool.install(|| model.image.embed_each(pixels)));
            send_results(items, results, done);
            room.most
        });
    }

    pub(super) fn embed_texts(&self, pool: &rayon::ThreadPool, work: &Receiver<Ready<String>>, done: &Sender<Done>) {
        let options = TextOptions { long_text: self.options.long_text, ..Default::default() };
        drop(self.model.wait());
        let mut room = Room::new(self.full()[1]);
        self.batches(work, |batch| {
            let (items, texts): (Vec<_>, Vec<_>) = batch.into_iter().map(|r| (r.item, r.content)).unzip();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let results = self.attempt(&texts, &mut room, |model, texts| {
                let embedded = pool.install(|| model.text.embed_each(texts, options));
                embedded.into_iter().map(|result| result.map(|text| text.embedding)).collect()
            });
            send_results(items, results, done);
            room.most
        });
    }

    /// Gathers batches, the first one small; a batch that stays short goes off after a moment. `embed` says how large
    /// the next one may be.
    fn batches<T>(&self, work: &Receiver<T>, mut embed: impl FnMut(Vec<T>) -> usize) {
        let mut size = FIRST_BATCH;
        while let Ok(first) = work.recv() {
            let mut batch = vec![first];
            let deadline = Instant::now() + PATIENCE;
            while batch.len() < size {
                match work.recv_deadline(deadline) {
                    Ok(next) => batch.push(next),
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                }
            }
            if self.control.go_on() {
                size = embed(batch);
            }
        }
    }

    /// Embeds a batch; `None` for what is left for another run, because this one was cancelled or cannot go on.
    fn attempt<T>(
        &self,
        batch: &[T],
        room: &mut Room,
        embed: impl Fn(&Model, &[T]) -> Vec<Result<Embedding, TowerError>>,
    ) -> Vec<Option<Result<Embedding, String>>> {
        let model = match self.model.wait() {
            Ok(model) => model,
            Err(error) => {
                self.no_model(&error);
                return batch.iter().map(|_| None).collect();
            }
        };
        let judge = |result: Result<Embedding, TowerError>| match result {
            Err(error) if error.ends_run() || matches!(error, TowerError::Panicked(_)) => {
                self.give_up(error.to_string());
                None
            }
            result => Some(result.map_err(|error| error.to_string())),
        };
        let before = room.most;
        let embedded = Meter::clock(&self.meter.embed, || room.embed(batch, |part| embed(&model, part)));
        if room.most < before {
            let text = format!("Not enough device memory for batches of {before}; using {}", room.most);
            self.outbox.notice(Severity::Info, text);
        }
        embedded.into_iter().map(judge).collect()
    }
}

fn send_results(items: Vec<NewItem>, results: Vec<Option<Result<Embedding, String>>>, done: &Sender<Done>) {
    let mut embedded = Vec::with_capacity(items.len());
    for (item, result) in items.into_iter().zip(results) {
        match result {
            Some(Ok(embedding)) => embedded.push((item, embedding)),
            Some(Err(reason)) => send(done, Done::Refused(item, reason)),
            None => {}
        }
    }
    send(done, Done::Embedded(embedded));
}
