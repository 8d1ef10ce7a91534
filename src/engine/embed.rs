//! The way of one file from candidate to stored vectors, as a chain of threads between bounded channels:
//! readers (decode, hash, prepare) -> one thread a tower (embed in batches) -> writer (store).
//!
//! After a cancel every stage goes on receiving, but throws away what it gets, so that nobody waits for anybody.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::control::Control;
use super::library::{FailedFile, Library, NewItem};
use super::meter::Meter;
use super::model::LazyModel;
use super::outbox::Outbox;
use super::projector::Projector;
use super::read::{self, Content, ReadOptions};
use super::room::Room;
use super::scan::Candidate;
use super::store::StoreError;
use super::thumbnail;
use super::{Event, ImportOptions, Severity};
use crate::domain::{ContentHash, Embedding, Modality, Picture};
use crate::towers::{Model, Pixels, TextOptions, TowerError};

/// Candidates that wait for a reader.
const CANDIDATES: usize = 256;
/// Pictures a batch.
const IMAGE_BATCH: usize = 16;
/// Texts a batch.
const TEXT_BATCH: usize = 32;
/// The first batch of a run is small, so that the map shows something soon.
const FIRST_BATCH: usize = 4;
/// A batch that is not full goes off after this long.
const PATIENCE: Duration = Duration::from_millis(150);
/// Items that are stored in one transaction, at most.
const COMMIT: usize = 256;
/// Longest side of a thumbnail, pixels.
const THUMBNAIL: u32 = 256;
/// Characters of a text that are kept as its snippet.
const SNIPPET: usize = 300;

/// What all stages share.
pub struct Pipeline {
    /// Where items go.
    pub library: Library,
    /// What embeds them.
    pub model: LazyModel,
    /// Pause and cancel.
    pub control: Control,
    /// News.
    pub outbox: Outbox,
    /// Told of every item stored.
    pub projector: Projector,
    /// Counts.
    pub meter: Meter,
    /// How files are read.
    pub options: ImportOptions,
    /// Candidates that are somewhere in the chain.
    pub in_flight: AtomicUsize,
    /// What ended the run for good.
    pub fatal: Mutex<Option<StoreError>>,
    /// Why the model takes nothing more: a service that is not there, a wrong key.
    pub gave_up: Mutex<Option<String>>,
    /// Tables of which every row is on its way.
    pub tables: Mutex<Vec<Candidate>>,
    flying: Mutex<HashMap<(ContentHash, Modality), Vec<NewItem>>>,
}

/// A text or picture that is ready for its tower.
struct Ready<T> {
    item: NewItem,
    content: T,
}

/// News for the writer.
enum Done {
    Known(Vec<NewItem>),
    Embedded(Vec<(NewItem, Embedding)>),
    /// Its content could not be embedded.
    Refused(NewItem, String),
    /// The file could not be read.
    Failed(FailedFile),
}

struct Ends {
    images: Sender<Ready<Pixels>>,
    texts: Sender<Ready<String>>,
    done: Sender<Done>,
}

impl Pipeline {
    /// A chain for one run.
    pub fn new(
        library: Library,
        model: LazyModel,
        control: Control,
        outbox: Outbox,
        projector: Projector,
        meter: Meter,
        options: ImportOptions,
    ) -> Self {
        let (in_flight, fatal, gave_up, tables, flying) = Default::default();
        Self { library, model, control, outbox, projector, meter, options, in_flight, fatal, gave_up, tables, flying }
    }

    /// Starts the threads, hands `feed` the end where candidates go in, and returns once all that it sent is stored.
    pub fn run<R>(
        &self,
        readers: &rayon::ThreadPool,
        towers: &rayon::ThreadPool,
        feed: impl FnOnce(&Feed<'_>) -> R,
    ) -> R {
        let (candidates, to_read) = bounded::<Candidate>(CANDIDATES);
        let [full_images, full_texts] = self.full();
        let (images, image_work) = bounded(2 * full_images);
        let (texts, text_work) = bounded(2 * full_texts);
        let (done, to_store) = bounded(64);
        let ends = Ends { images, texts, done: done.clone() };
        std::thread::scope(|scope| {
            let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
            let image_done = done.clone();
            let threads = [
                named("vicinity-decode").spawn_scoped(scope, move || self.read_all(readers, &to_read, ends)),
                named("vicinity-image-tower")
                    .spawn_scoped(scope, move || self.embed_images(towers, &image_work, &image_done)),
                named("vicinity-text-tower").spawn_scoped(scope, move || self.embed_texts(towers, &text_work, &done)),
                named("vicinity-writer").spawn_scoped(scope, move || self.store_all(&to_store)),
            ];
            if let Some(error) = threads.into_iter().find_map(Result::err) {
                log::error!("a thread could not be started: {error}");
                self.control.cancel();
            }
            feed(&Feed { pipeline: self, candidates })
        })
    }

    /// Says how far the run has come, a few times a second.
    pub fn report(&self) {
        if self.control.is_paused() {
            return self.meter.rest();
        }
        if let Some(progress) = self.meter.sample() {
            self.control.note_progress(progress);
            self.outbox.post(Event::Progress(progress));
            if let Some(failures) = self.library.changed_failures() {
                self.outbox.post(Event::Failures(failures));
            }
        }
    }

    /// Notes a file that could not be read.
    pub fn failed(&self, failure: FailedFile) {
        Meter::add(&self.meter.failed, 1);
        self.library.add_failure(failure);
    }

    /// What a batch of pictures and one of texts hold, as far as the model is there to ask.
    fn full(&self) -> [usize; 2] {
        let model = self.model.ready();
        let [images, texts] = model.map_or([None; 2], |model| [model.image.call_size(), model.text.call_size()]);
        [images.unwrap_or(IMAGE_BATCH), texts.unwrap_or(TEXT_BATCH)]
    }

    fn read_all(&self, pool: &rayon::ThreadPool, candidates: &Receiver<Candidate>, ends: Ends) {
        let ends = &ends;
        pool.scope(|scope| {
            for _ in 0..pool.current_num_threads() {
                scope.spawn(move |_| {
                    for candidate in candidates {
                        if self.control.go_on() {
                            self.read_one(&candidate, ends);
                        }
                        self.in_flight.fetch_sub(1, Ordering::AcqRel);
                    }
                });
            }
        });
    }

    fn read_one(&self, candidate: &Candidate, ends: &Ends) {
        if let Err(reason) = self.take_in(candidate, ends) {
            Meter::take(&self.meter.total, 1);
            let Candidate { path, len: bytes, modified_ns } = candidate.clone();
            send(&ends.done, Done::Failed(FailedFile { path, reason, bytes, modified_ns }));
        }
    }

    /// Reads a file and sends what is to be embedded on to the towers.
    fn take_in(&self, candidate: &Candidate, ends: &Ends) -> Result<(), String> {
        let options = ReadOptions { rows: self.options.rows };
        let (hash, content) = Meter::clock(&self.meter.read, || -> Result<_, String> {
            let bytes = read::load(&candidate.path)?;
            let hash = ContentHash(*blake3::hash(&bytes).as_bytes());
            Ok((hash, read::read(&candidate.path, &bytes, &options)?))
        })?;
        let whole = NewItem::of(candidate, hash);
        match content {
            None => Meter::take(&self.meter.total, 1),
            Some(Content::Image { picture, original }) => self.take_image(whole, &picture, original, ends)?,
            Some(Content::Text(text)) => self.take_text(whole, text, ends),
            Some(Content::Rows(rows)) => self.take_rows(candidate, rows, ends),
        }
        Ok(())
    }

    fn take_image(&self, item: NewItem, picture: &Picture, original: [u32; 2], ends: &Ends) -> Result<(), String> {
        let model = self.model.wait()?;
        self.expect(1);
        let item = NewItem { modality: Modality::Image, pixels: Some(original), ..item };
        let thumbnails = self.library.thumbnails();
        Meter::clock(&self.meter.read, || {
            if thumbnails.get(&item.hash).is_none() {
                thumbnails.put(&item.hash, &thumbnail::encode(&thumbnail::shrink(picture, THUMBNAIL)));
            }
        });
        if let Some(item) = self.first_of_its_kind(item, ends) {
            let content = Meter::clock(&self.meter.read, || model.image.prepare(picture));
            send(&ends.images, Ready { item, content });
        }
        Ok(())
    }

    fn take_text(&self, item: NewItem, text: String, ends: &Ends) {
        self.expect(1);
        let item = NewItem { modality: Modality::Text, snippet: Some(snippet(&text)), ..item };
        if let Some(item) = self.first_of_its_kind(item, ends) {
            send(&ends.texts, Ready { item, content: text });
        }
    }

    fn take_rows(&self, candidate: &Candidate, rows: Vec<String>, ends: &Ends) {
        Meter::add(&self.meter.total, rows.len());
        Meter::take(&self.meter.total, 1);
        for (row, text) in (1..).zip(rows) {
            if self.control.is_cancelled() {
                return;
            }
            let hash = ContentHash(*blake3::hash(text.as_bytes()).as_bytes());
            self.take_text(NewItem { row: Some(row), ..NewItem::of(candidate, hash) }, text, ends);
        }
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).push(candidate.clone());
    }

    /// The item, unless its content is embedded already or on its way.
    fn first_of_its_kind(&self, item: NewItem, ends: &Ends) -> Option<NewItem> {
        let mut flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (item.hash, item.modality);
        if let Some(waiting) = flying.get_mut(&key) {
            waiting.push(item);
            return None;
        }
        if self.library.has_vector(&item) {
            drop(flying);
            self.reused(vec![item], ends);
            return None;
        }
        flying.insert(key, Vec::new());
        Some(item)
    }

    fn expect(&self, items: usize) {
        self.in_flight.fetch_add(items, Ordering::AcqRel);
    }

    fn reused(&self, items: Vec<NewItem>, ends: &Ends) {
        send(&ends.done, Done::Known(items));
    }

    fn embed_images(&self, pool: &rayon::ThreadPool, work: &Receiver<Ready<Pixels>>, done: &Sender<Done>) {
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

    fn embed_texts(&self, pool: &rayon::ThreadPool, work: &Receiver<Ready<String>>, done: &Sender<Done>) {
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
            Err(reason) => return batch.iter().map(|_| Some(Err(reason.clone()))).collect(),
        };
        let judge = |result: Result<Embedding, TowerError>| match result {
            Err(error) if error.ends_run() => {
                self.give_up(&error);
                None
            }
            result => Some(result.map_err(|error| error.to_string())),
        };
        let before = room.most;
        let embedded = Meter::clock(&self.meter.embed, || room.embed(batch, |part| embed(&model, part)));
        if room.most < before {
            let text = format!("The device has not enough memory for {before} at once; going on with {}", room.most);
            self.outbox.notice(Severity::Info, text);
        }
        embedded.into_iter().map(judge).collect()
    }

    /// Ends the run: nothing more can be embedded for now.
    fn give_up(&self, error: &TowerError) {
        if !self.control.is_cancelled() {
            *self.gave_up.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            self.control.cancel();
        }
    }

    fn store_all(&self, news: &Receiver<Done>) {
        while let Ok(first) = news.recv() {
            let mut batch = Batch::default();
            batch.add(first, self);
            while batch.len() < COMMIT
                && let Ok(next) = news.try_recv()
            {
                batch.add(next, self);
            }
            if !self.control.is_cancelled() || !batch.embedded.is_empty() {
                self.commit(batch);
            }
            self.report();
        }
    }

    fn commit(&self, batch: Batch) {
        if self.fatal.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return;
        }
        match Meter::clock(&self.meter.store, || self.store(batch)) {
            Ok((embedded, known)) => {
                Meter::add(&self.meter.done, embedded);
                Meter::add(&self.meter.reused, known);
                Meter::take(&self.meter.total, known);
                self.in_flight.fetch_sub(embedded + known, Ordering::AcqRel);
                if embedded + known > 0 {
                    let snapshot = self.library.snapshot();
                    self.outbox.post(Event::Snapshot(Arc::clone(&snapshot)));
                    self.projector.collection_grows(snapshot);
                }
            }
            Err(error) => {
                *self.fatal.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                self.control.cancel();
            }
        }
    }

    /// Counts of items embedded and taken over.
    fn store(&self, batch: Batch) -> Result<(usize, usize), StoreError> {
        let Batch { mut known, embedded } = batch;
        let contents: Vec<_> = embedded.iter().map(|(item, _)| (item.hash, item.modality)).collect();
        self.library.commit_embedded(embedded)?;
        // only now: until its vector is stored, a content counts as on its way
        for content in &contents {
            known.extend(self.land(*content));
        }
        let count = known.len();
        self.library.commit_known(known)?;
        Ok((contents.len(), count))
    }

    /// Takes an item's content off the list of those on their way; the items that waited for it.
    fn land(&self, content: (ContentHash, Modality)) -> Vec<NewItem> {
        let mut flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
        flying.remove(&content).unwrap_or_default()
    }
}

/// What one transaction stores.
#[derive(Default)]
struct Batch {
    known: Vec<NewItem>,
    embedded: Vec<(NewItem, Embedding)>,
}

impl Batch {
    fn len(&self) -> usize {
        self.known.len() + self.embedded.len()
    }

    fn add(&mut self, news: Done, pipeline: &Pipeline) {
        match news {
            Done::Known(items) => self.known.extend(items),
            Done::Embedded(items) => self.embedded.extend(items),
            Done::Failed(failure) => pipeline.failed(failure),
            Done::Refused(item, reason) => {
                let mut refused = pipeline.land((item.hash, item.modality));
                refused.push(item);
                Meter::take(&pipeline.meter.total, refused.len());
                pipeline.in_flight.fetch_sub(refused.len(), Ordering::AcqRel);
                for item in refused {
                    let NewItem { path, bytes, modified_ns, .. } = item;
                    pipeline.failed(FailedFile { path, reason: reason.clone(), bytes, modified_ns });
                }
            }
        }
    }
}

/// Where candidates go into the chain.
pub struct Feed<'a> {
    pipeline: &'a Pipeline,
    candidates: Sender<Candidate>,
}

impl Feed<'_> {
    /// Sends a file on its way; waits while the chain is full.
    pub fn send(&self, candidate: Candidate) {
        Meter::add(&self.pipeline.meter.total, 1);
        self.pipeline.in_flight.fetch_add(1, Ordering::AcqRel);
        send(&self.candidates, candidate);
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

/// The receiver lives as long as the senders do, unless its thread could not be started: then the run ends anyway.
fn send<T>(channel: &Sender<T>, value: T) {
    if channel.send(value).is_err() {
        log::error!("a stage of the import is gone");
    }
}

/// The beginning of a text, white space collapsed.
fn snippet(text: &str) -> String {
    let mut short = String::new();
    for word in text.split_whitespace() {
        if !short.is_empty() {
            short.push(' ');
        }
        let left = SNIPPET.saturating_sub(short.chars().count());
        short.extend(word.chars().take(left));
        if left <= word.len() && short.chars().count() >= SNIPPET {
            break;
        }
    }
    short
}
