//! The way of one file from candidate to stored vectors, as a chain of threads between channels:
//! readers (decode, hash, prepare) -> one thread a tower (embed in batches) -> writer (store).
//!
//! After a cancel every stage goes on receiving, but throws away what it gets, so that nobody waits for anybody. A stage
//! that panics ends the run like an error of the model does: nothing is noted of the files that were on their way.

mod reading;
mod towers;
mod writing;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::{Sender, bounded, unbounded};

use super::control::Control;
use super::guard;
use super::library::{Library, NewItem, RejectedFile, RejectionCause};
use super::meter::Meter;
use super::model::{LazyModel, NoModel};
use super::outbox::Outbox;
use super::projector::Projector;
use super::scan::Candidate;
use super::store::StoreError;
use super::{Event, ImportOptions};
use vicinity_core::{ContentHash, Embedding, LeftOut, Modality};
use vicinity_models::Pixels;

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
    /// Why nothing more can be embedded: a model that cannot be loaded, a service that is not there, a fault of ours.
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
    /// Its content could not be embedded by this model.
    Refused(NewItem, String),
    /// The file could not be read, or was left out.
    Failed(RejectedFile),
}

/// Why a file does not go on. Only the first three are the file's own, and are remembered.
#[derive(Debug)]
enum Setback {
    /// The system does not let us read it: a sentence.
    Access(String),
    /// What it holds cannot be read: a sentence.
    Content(String),
    /// It is neither a picture nor a text.
    LeftOut(LeftOut),
    /// There is no model; the run ends.
    Model(NoModel),
}

impl From<NoModel> for Setback {
    fn from(error: NoModel) -> Self {
        Self::Model(error)
    }
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
    pub fn run(&self, readers: &rayon::ThreadPool, towers: &rayon::ThreadPool, feed: impl FnOnce(&Feed<'_>)) {
        // Unbounded, so that all files are counted within seconds while the first ones are being embedded: some 200 bytes
        // a file that is new.
        let (candidates, to_read) = unbounded::<Candidate>();
        let [full_images, full_texts] = self.full();
        let (images, image_work) = bounded(2 * full_images);
        let (texts, text_work) = bounded(2 * full_texts);
        let (done, to_store) = bounded(64);
        let ends = Ends { images, texts, done: done.clone() };
        std::thread::scope(|scope| {
            let named = |name: &str| std::thread::Builder::new().name(format!("{}{name}", guard::THREADS));
            let image_done = done.clone();
            let threads = [
                named("decode").spawn_scoped(scope, move || {
                    self.stage("reader", || self.read_all(readers, &to_read, ends));
                }),
                named("image-tower").spawn_scoped(scope, move || {
                    self.stage("image model", || self.embed_images(towers, &image_work, &image_done));
                }),
                named("text-tower").spawn_scoped(scope, move || {
                    self.stage("text model", || self.embed_texts(towers, &text_work, &done));
                }),
                named("writer").spawn_scoped(scope, move || {
                    self.stage("writer", || self.store_all(&to_store));
                }),
            ];
            if let Some(error) = threads.into_iter().find_map(Result::err) {
                self.give_up(format!("a thread could not be started: {error}"));
            }
            self.stage("search for files", || feed(&Feed { pipeline: self, candidates }));
        });
    }

    /// Does the work of a stage; a panic there ends the run. The stage's ends of channels are gone then, so that those
    /// before and after it do not wait for it.
    fn stage(&self, name: &str, work: impl FnOnce()) {
        if let Err(reason) = guard::caught(work) {
            self.give_up(format!("the {name} failed ({reason}); items already imported are kept"));
        }
    }

    /// Ends the run: nothing more can be embedded for now. The first reason counts.
    fn give_up(&self, reason: String) {
        if !self.control.is_cancelled() {
            self.gave_up.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
            self.control.stop();
        }
    }

    /// There is no model. When the library is being closed there is nothing to tell.
    fn no_model(&self, error: &NoModel) {
        if let NoModel::Failed(reason) = error {
            self.give_up(format!("the model cannot be used: {reason}"));
        }
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

    /// Notes a file that could not be read, or was left out.
    pub fn failed(&self, failure: RejectedFile) {
        match failure.cause {
            RejectionCause::LeftOut(reason) => self.meter.leave_out(reason),
            _ => Meter::add(&self.meter.failed, 1),
        }
        self.library.add_failure(failure);
    }

    /// What a batch of pictures and one of texts hold, as far as the model is there to ask.
    fn full(&self) -> [usize; 2] {
        let model = self.model.ready();
        let [images, texts] =
            model.map_or([None; 2], |model| [model.image.preferred_batch_size(), model.text.preferred_batch_size()]);
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
    /// Sends a file on its way.
    pub fn send(&self, candidate: Candidate) {
        Meter::add(&self.pipeline.meter.total, 1);
        self.pipeline.in_flight.fetch_add(1, Ordering::AcqRel);
        send(&self.candidates, candidate);
    }
}

/// The receiver lives as long as the senders do, unless its thread could not be started, or has panicked: then the run
/// ends anyway.
fn send<T>(channel: &Sender<T>, value: T) {
    if channel.send(value).is_err() {
        log::debug!("a stage of the import has stopped");
    }
}
