//! The path of one file from candidate to stored vectors, as a pipeline of threads between channels:
//! readers (decode, hash, prepare) -> one thread per tower (embed in batches) -> writer (store).
//!
//! After a cancel every stage keeps receiving but discards what it receives, so that no stage waits for another. A stage
//! that panics ends the run like an error of the model does: nothing is stored about the files in progress.

mod own_rows;
mod reading;
mod towers;
mod writing;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::{Sender, bounded, unbounded};

use super::derived::Artefacts;
use super::event_queue::EventSender;
use super::import_control::ImportControl;
use super::import_stats::ImportStats;
use super::library::{Library, NewItem, RejectedFile, RejectionCause};
use super::model_loader::LazyModel;
use super::model_unavailable::ModelUnavailable;
use super::own_vectors::OwnVectorsError;
use super::scan::Candidate;
use super::store::StoreError;
use super::{Event, ImportOptions};
use vicinity_core::worker;
use vicinity_core::{ContentHash, Embedding, Modality, SkipReason};
use vicinity_media::{ReadError, VideoError};
use vicinity_models::{Pixels, TowerError};

/// Pictures per batch.
const IMAGE_BATCH: usize = 16;
/// Texts per batch.
const TEXT_BATCH: usize = 32;

/// What all stages share.
pub struct Pipeline {
    /// Where items go.
    pub library: Library,
    /// What embeds them.
    pub model: LazyModel,
    /// Pause and cancel.
    pub control: ImportControl,
    /// Where events go.
    pub event_sender: EventSender,
    /// Notified of every stored item.
    pub artefacts: Artefacts,
    /// Counts.
    pub stats: ImportStats,
    /// How files are read.
    pub options: ImportOptions,
    /// Candidates that are somewhere in the chain.
    pub in_flight: AtomicUsize,
    /// What ended the run for good.
    pub store_error: Mutex<Option<StoreError>>,
    /// Why nothing more can be embedded: a model that cannot be loaded, a service that is not there, a fault of ours.
    pub failure: Mutex<Option<String>>,
    /// Files of which every part is on its way.
    pub in_parts: Mutex<Vec<ReadParts>>,
    in_progress: Mutex<HashMap<(ContentHash, Modality), Vec<NewItem>>>,
}

/// A file of several parts, all of which are on their way.
pub struct ReadParts {
    /// The file.
    pub file: Candidate,
    /// The codes of its parts, in order; `None` if some could not be read.
    pub parts: Option<Vec<u32>>,
}

impl ReadParts {
    fn new(file: Candidate, mut parts: Vec<u32>, failures: usize) -> Self {
        parts.sort_unstable();
        Self { file, parts: (failures == 0).then_some(parts) }
    }
}

/// A text or picture that is ready for its tower.
struct TowerInput<T> {
    item: NewItem,
    content: T,
}

/// News for the writer.
enum ImportOutcome {
    Known(NewItem),
    Embedded(Vec<(NewItem, Embedding)>),
    /// Rows of a table with the vectors that the user brought.
    Brought(Vec<(NewItem, Embedding)>),
    /// Its content could not be embedded by this model.
    Refused(NewItem, String),
    /// The file could not be read, or was left out.
    Failed(RejectedFile),
}

/// Why a file is not imported. Only the first three are the file's own, and are stored.
#[derive(Debug)]
enum FileError {
    /// The system does not let us read it.
    Access(ReadError),
    /// Its content cannot be read.
    Content(ReadError),
    /// It is neither a picture nor a text.
    Skipped(SkipReason),
    /// There is no model; the run ends.
    Model(ModelUnavailable),
    /// The run was cancelled while the file was being read.
    Cancelled,
    /// The vectors that the user brought cannot be used; the run ends.
    OwnVectors(OwnVectorsError),
}

impl From<ReadError> for FileError {
    /// An error of decoding.
    fn from(error: ReadError) -> Self {
        match error {
            // Another start may decode it.
            ReadError::NoDecoder => Self::Access(error),
            ReadError::Cancelled | ReadError::Video(VideoError::Cancelled) => Self::Cancelled,
            ReadError::Video(ref problem) if !problem.concerns_file() => Self::Access(error),
            error => Self::Content(error),
        }
    }
}

impl From<OwnVectorsError> for FileError {
    fn from(error: OwnVectorsError) -> Self {
        Self::OwnVectors(error)
    }
}

impl From<ModelUnavailable> for FileError {
    fn from(error: ModelUnavailable) -> Self {
        Self::Model(error)
    }
}

struct Senders {
    images: Sender<TowerInput<Pixels>>,
    texts: Sender<TowerInput<String>>,
    outcomes: Sender<ImportOutcome>,
}

impl Pipeline {
    /// A chain for one run.
    pub fn new(
        library: Library,
        model: LazyModel,
        control: ImportControl,
        event_sender: EventSender,
        artefacts: Artefacts,
        stats: ImportStats,
        options: ImportOptions,
    ) -> Self {
        let (in_flight, store_error, failure, in_parts, in_progress) = Default::default();
        Self {
            library,
            model,
            control,
            event_sender,
            artefacts,
            stats,
            options,
            in_flight,
            store_error,
            failure,
            in_parts,
            in_progress,
        }
    }

    /// Starts the threads, hands `scan` the end where candidates go in, and returns once all that it sent is stored.
    pub fn run(
        &self,
        readers: &rayon::ThreadPool,
        towers: &rayon::ThreadPool,
        scan: impl FnOnce(&CandidateSender<'_>),
    ) {
        // Unbounded, so that all files are counted within seconds while the first ones are being embedded: some 200 bytes
        // per new file.
        let (candidates, to_read) = unbounded::<Candidate>();
        let [full_images, full_texts] = self.batch_sizes();
        let (images, image_work) = bounded(2 * full_images);
        let (texts, text_work) = bounded(2 * full_texts);
        let (outcomes, to_store) = bounded(64);
        let senders = Senders { images, texts, outcomes: outcomes.clone() };
        std::thread::scope(|scope| {
            let image_outcomes = outcomes.clone();
            let failed = |stage: &'static str| move |reason: String| self.stage_failed(stage, &reason);
            let read = move || self.read_all(readers, &to_read, senders);
            let embed_images = move || self.embed_images(towers, &image_work, &image_outcomes);
            let embed_texts = move || self.embed_texts(towers, &text_work, &outcomes);
            let store = move || self.store_all(&to_store);
            let threads = [
                worker::scoped(scope, "decode", read, failed("reader")),
                worker::scoped(scope, "image-tower", embed_images, failed("image model")),
                worker::scoped(scope, "text-tower", embed_texts, failed("text model")),
                worker::scoped(scope, "writer", store, failed("writer")),
            ];
            if let Some(error) = threads.into_iter().find_map(Result::err) {
                self.abort(format!("a thread could not be started: {error}"));
            }
            let scan = || scan(&CandidateSender { pipeline: self, candidates });
            if let Err(reason) = worker::catch_panic(scan) {
                self.stage_failed("search for files", &reason);
            }
        });
    }

    /// A panic of a stage ends the run. The stage's ends of channels are gone by then, so that those before and after it
    /// do not wait for it.
    fn stage_failed(&self, stage: &str, reason: &str) {
        self.abort(format!("the {stage} failed ({reason}); items already imported are kept"));
    }

    /// Ends the run: nothing more can be embedded for now. Returns whether this is the first reason, which counts.
    fn abort(&self, reason: String) -> bool {
        if self.control.is_cancelled() {
            return false;
        }
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = failure.is_none();
        failure.get_or_insert(reason);
        drop(failure);
        self.control.stop();
        is_first
    }

    /// Ends the run because the model or its service failed.
    fn abort_by(&self, error: &TowerError) {
        let is_first = self.abort(error.to_string());
        if let (true, TowerError::Remote(error)) = (is_first, error) {
            self.event_sender.send(Event::ServiceFailed(error.clone()));
        }
    }

    /// There is no model. When the library is being closed there is nothing to tell.
    fn abort_without_model(&self, error: &ModelUnavailable) {
        match error {
            ModelUnavailable::Failed(reason) => self.abort(format!("the model cannot be used: {reason}")),
            ModelUnavailable::OwnVectors => self.abort(error.to_string()),
            ModelUnavailable::Closing => false,
        };
    }

    /// Reports the progress of the run, a few times per second.
    pub fn report(&self) {
        if self.control.is_paused() {
            return self.stats.restart_clock();
        }
        if let Some(progress) = self.stats.sample() {
            self.control.set_last_progress(progress);
            self.event_sender.send(Event::Progress(progress));
            if let Some(failures) = self.library.take_changed_failures() {
                self.event_sender.send(Event::Failures(failures));
            }
        }
    }

    /// Notes a file that could not be read, or was left out.
    pub fn failed(&self, failure: RejectedFile) {
        match failure.cause {
            RejectionCause::LeftOut(reason) => self.stats.add_skipped(reason),
            _ => ImportStats::add(&self.stats.failed, failure.parts as usize),
        }
        self.library.add_failure(failure);
    }

    /// What a batch of pictures and one of texts hold, as far as the model is there to ask.
    fn batch_sizes(&self) -> [usize; 2] {
        let model = self.model.ready();
        let [images, texts] =
            model.map_or([None; 2], |model| [model.image.preferred_batch_size(), model.text.preferred_batch_size()]);
        [images.unwrap_or(IMAGE_BATCH), texts.unwrap_or(TEXT_BATCH)]
    }

    /// Takes an item's content off the list of those on their way; the items that waited for it.
    fn finish(&self, content: (ContentHash, Modality)) -> Vec<NewItem> {
        let mut in_progress = self.in_progress.lock().unwrap_or_else(PoisonError::into_inner);
        in_progress.remove(&content).unwrap_or_default()
    }
}

/// Where candidates go into the chain.
pub struct CandidateSender<'a> {
    pipeline: &'a Pipeline,
    candidates: Sender<Candidate>,
}

impl CandidateSender<'_> {
    /// Sends a file on its way.
    pub fn send(&self, candidate: Candidate) {
        ImportStats::add(&self.pipeline.stats.total, 1);
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
