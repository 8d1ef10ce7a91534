//! The way of one file from candidate to stored vectors, as a chain of threads between bounded channels:
//! readers (decode, hash, prepare) -> one thread a tower (embed in batches) -> writer (store).
//!
//! After a cancel every stage goes on receiving, but throws away what it gets, so that nobody waits for anybody.

mod reading;
mod towers;
mod writing;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::{Sender, bounded};

use super::control::Control;
use super::library::{FailedFile, Library, NewItem};
use super::meter::Meter;
use super::model::LazyModel;
use super::outbox::Outbox;
use super::projector::Projector;
use super::scan::Candidate;
use super::store::StoreError;
use super::{Event, ImportOptions};
use vicinity_core::{ContentHash, Embedding, Modality};
use vicinity_models::Pixels;

/// Candidates that wait for a reader.
const CANDIDATES: usize = 256;
/// Pictures a batch.
const IMAGE_BATCH: usize = 16;
/// Texts a batch.
const TEXT_BATCH: usize = 32;

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

    /// Takes an item's content off the list of those on their way; the items that waited for it.
    fn land(&self, content: (ContentHash, Modality)) -> Vec<NewItem> {
        let mut flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
        flying.remove(&content).unwrap_or_default()
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

/// The receiver lives as long as the senders do, unless its thread could not be started: then the run ends anyway.
fn send<T>(channel: &Sender<T>, value: T) {
    if channel.send(value).is_err() {
        log::error!("a stage of the import is gone");
    }
}
