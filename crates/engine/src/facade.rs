//! The engine: opens a library, owns the threads, takes jobs and gives events.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};
use thiserror::Error;

use super::choice::{Choice, ModelSource};
use super::control::Control;
use super::import::Coordinator;
use super::library::Library;
use super::looks::Looks;
use super::mailbox::Mailbox;
use super::model::{LazyModel, Loader};
use super::outbox::Outbox;
use super::projector::Projector;
use super::remote;
use super::running::Running;
use super::searcher::{Question, Searcher};
use super::store::StoreError;
use super::visible::{FilterWorker, VisibleCache};
use super::{Event, ImportOptions, Job, Notice, OpenMode, Severity, Snapshot, UnfinishedImport};
use vicinity_core::{Failure, LabelledItems, Layout, LeftOutCounts, Progress, Stage};
use vicinity_models::remote::{Remote, RemoteError, Usage};
use vicinity_models::{Model, ModelInfo, TowerError};

/// Why a library could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The library itself.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The model.
    #[error(transparent)]
    Model(#[from] TowerError),
    /// The service.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The user has not switched the service on.
    #[error("{host} is not switched on for this library; nothing was sent")]
    NotAllowed {
        /// The service.
        host: String,
    },
    /// The system gives no thread.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// Threads for heavy work: all but one, which stays with the window; both of a machine that has but two.
pub(super) fn spare_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores > 2 { cores - 1 } else { cores }
}

/// A library at work. Dropping it cancels what is under way and waits for the threads; what is stored stays.
pub struct Engine {
    jobs: Option<Sender<(u64, Job)>>,
    events: Receiver<Event>,
    library: Library,
    info: ModelInfo,
    model: LazyModel,
    control: Control,
    outbox: Outbox,
    searcher: Searcher,
    filters: FilterWorker,
    projector: Projector,
    looks: Looks,
    /// The service behind the model, by its host, where there is one.
    service: Option<(String, Remote)>,
    mailbox: Option<Mailbox>,
    /// What was found amiss on opening.
    found: Vec<Notice>,
    threads: Vec<JoinHandle<()>>,
}

impl Engine {
    /// Opens the library in a folder (made where there is none) with the model it was last opened with, at first the
    /// built-in one, which is loaded in the background. `waker` is called from another thread whenever there are new events.
    ///
    /// # Errors
    /// When the library cannot be used at all. One that can only be read is opened; its snapshot says so.
    pub fn open(library: &Path, waker: impl Fn() + Send + Sync + 'static) -> Result<Self, OpenError> {
        Self::open_through(library, None, waker)
    }

    /// The same with a model of the caller's choice, which the library remembers.
    ///
    /// # Errors
    /// As [`Self::open`], and when the model cannot be used.
    pub fn open_through(
        library: &Path,
        model: Option<ModelSource>,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        Self::open_on(library, model, &Running::default(), waker)
    }

    /// The same on a device that is chosen.
    ///
    /// # Errors
    /// As [`Self::open_through`].
    pub fn open_on(
        library: &Path,
        model: Option<ModelSource>,
        running: &Running,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        Self::open_as(library, model, running, OpenMode::default(), waker)
    }

    /// The same, for reading only or without layouts.
    ///
    /// # Errors
    /// As [`Self::open_through`].
    pub fn open_as(
        library: &Path,
        model: Option<ModelSource>,
        running: &Running,
        mode: OpenMode,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        let mut choice = Choice::for_library(library, model, running)?;
        let note = choice.take_note();
        let damage = choice.damage.take().into_iter().chain(remote::damage(library));
        let mut engine = Self::start(library, choice.info, choice.load, mode, waker)?;
        for text in damage {
            let notice = Notice { severity: Severity::Warning, text };
            engine.outbox.post(Event::Notice(notice.clone()));
            engine.found.push(notice);
        }
        if let Some(note) = note.filter(|_| engine.snapshot().parts().read_only.is_none()) {
            note(library);
        }
        Ok(engine)
    }

    /// The same with a model that is given.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(
        library: &Path,
        info: ModelInfo,
        load: Loader,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        Self::start(library, info, load, OpenMode::default(), waker)
    }

    pub(super) fn start(
        library: &Path,
        info: ModelInfo,
        load: Loader,
        mode: OpenMode,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        let (library, notices) = Library::open(library, &info.key, mode.access)?;
        if info.check_dim(library.snapshot().dim()).is_err() {
            library.set_dimensions(info.key.dim)?;
        }
        let (outbox, events, herald) = Outbox::start(waker)?;
        let (model, model_thread) = LazyModel::start(load, outbox.clone())?;
        let saved = library.load_layout();
        outbox.post(Event::Snapshot(library.snapshot()));
        outbox.post(Event::Failures(library.failures()));
        outbox.post(Event::LeftOut(Arc::new(library.left_out())));
        outbox.post(Event::Unfinished(library.unfinished()));
        if let Some(layout) = &saved {
            outbox.post(Event::Layout(Arc::new(layout.clone())));
        }
        if let Some(labels) = library.labels()? {
            outbox.post(Event::Labels(Arc::new(labels)));
        }
        notices.iter().for_each(|notice| outbox.post(Event::Notice(notice.clone())));
        let (projector, map_thread) = Projector::start(library.clone(), outbox.clone(), saved, mode.layout)?;
        let visible = VisibleCache::default();
        let (searcher, search_thread) =
            Searcher::start(library.clone(), model.clone(), visible.clone(), outbox.clone())?;
        let (filters, filter_thread) = FilterWorker::start(visible, outbox.clone())?;
        let (looks, looks_threads) = Looks::start(&library, &outbox)?;
        let control = Control::default();
        // Unbounded: these are a person's clicks, and submitting must never block the window.
        let (jobs, received) = unbounded();
        let coordinator = Coordinator {
            jobs: received,
            library: library.clone(),
            model: model.clone(),
            control: control.clone(),
            outbox: outbox.clone(),
            projector: projector.clone(),
            readers: pool("vicinity-decode", (spare_threads() / 2).max(1))?,
            towers: pool("vicinity-tower", spare_threads())?,
            stopped: Cell::new(false),
            waiting: RefCell::default(),
        };
        let main = std::thread::Builder::new().name("vicinity-import".to_owned()).spawn(move || coordinator.run())?;
        let snapshot = library.snapshot();
        if !snapshot.is_empty() {
            projector.collection_changed(snapshot);
        }
        let mut threads = vec![model_thread, map_thread, search_thread, filter_thread, main, herald];
        threads.extend(looks_threads);
        Ok(Self {
            jobs: Some(jobs),
            events,
            library,
            info,
            model,
            control,
            outbox,
            searcher,
            filters,
            projector,
            looks,
            service: None,
            mailbox: None,
            found: notices,
            threads,
        })
    }

    /// Keeps the service behind the model, to shut it when it is switched off.
    pub(super) fn with_service(mut self, host: String, remote: Remote) -> Self {
        self.service = Some((host, remote));
        self
    }

    /// For a window: whatever a second start of the program is given to open in this library arrives here, as
    /// [`Event::Called`]. A library that is open for reading only calls nobody.
    pub fn listen(&mut self) {
        if self.library.read_only().is_none() && self.mailbox.is_none() {
            let mailbox = Mailbox::open(&self.snapshot().parts().library, self.outbox.clone());
            self.mailbox =
                mailbox.map_err(|error| log::warn!("starting Vicinity again will open a second window: {error}")).ok();
        }
    }

    pub(super) fn service(&self) -> Option<&(String, Remote)> {
        self.service.as_ref()
    }

    /// What the service behind the model was sent and has counted so far, where there is one.
    pub fn usage(&self) -> Option<Usage> {
        self.service.as_ref().map(|(_, remote)| remote.usage())
    }

    pub(super) fn library(&self) -> &Library {
        &self.library
    }

    /// Takes a job and returns at once.
    pub fn submit(&self, job: Job) {
        match job {
            Job::Search { slot, ticket, query } => self.searcher.ask(Question::Search(slot, ticket, query)),
            Job::Label { ticket, targets, labels } => self.searcher.ask(Question::Label(ticket, targets, labels)),
            // suggestions that nobody asked for are worth no request to a service
            Job::Suggest { .. } if self.service.is_some() => {}
            Job::Suggest { ticket, filter } => self.searcher.ask(Question::Suggest(ticket, filter)),
            Job::Filter { snapshot, filter } => self.filters.request(snapshot, filter),
            Job::KeepLabels { labels, given, all } => self.searcher.ask(Question::Keep(labels, given, all)),
            Job::Thumbnails(ids) => self.looks.want_thumbnails(ids),
            Job::Preview(id) => self.looks.want_preview(id),
            Job::Project(method) => self.projector.ask(method),
            Job::CancelProjection => self.projector.cancel(),
            // a service has no memory to free and no device to move to
            Job::UnloadModel | Job::ReloadModel if self.service.is_some() => {}
            Job::UnloadModel => self.model.unload(),
            Job::ReloadModel => self.model.reload(),
            Job::Pause => self.pause(),
            Job::Cancel => {
                self.control.cancel();
                self.model.interrupt();
            }
            Job::Resume => {
                self.control.resume();
                self.send(Job::Resume);
            }
            Job::Remove(path) => {
                self.control.interrupt();
                self.model.interrupt();
                self.send(Job::Remove(path));
            }
            Job::SetDimensions(dim) => match self.info.check_dim(dim) {
                Ok(()) => self.send(job),
                Err(why) => self.outbox.notice(Severity::Error, why),
            },
            job => self.send(job),
        }
    }

    /// As [`Job::SetDimensions`], done when it returns.
    ///
    /// # Errors
    /// A sentence, when the model's vectors cannot be cut to so many dimensions, or the library cannot be written.
    pub fn set_dimensions(&self, dim: usize) -> Result<(), String> {
        self.info.check_dim(dim)?;
        self.library.set_dimensions(dim).map_err(|error| error.to_string())?;
        let snapshot = self.library.snapshot();
        self.outbox.post(Event::Snapshot(Arc::clone(&snapshot)));
        self.projector.collection_changed(snapshot);
        Ok(())
    }

    fn pause(&self) {
        if self.control.pause() {
            self.outbox.post(Event::Progress(Progress { stage: Stage::Paused, ..self.control.last_progress() }));
        }
    }

    fn send(&self, job: Job) {
        let job = (self.control.number(), job);
        if self.jobs.as_ref().is_none_or(|jobs| jobs.send(job).is_err()) {
            self.outbox.notice(Severity::Error, "The import stopped unexpectedly; open the library again");
        }
    }

    /// News, oldest first.
    pub fn events(&self) -> &Receiver<Event> {
        &self.events
    }

    /// What was found amiss with the library when it was opened; told as [`Event::Notice`]s, too.
    pub fn found_on_opening(&self) -> &[Notice] {
        &self.found
    }

    /// To be called where the engine is given away to be dropped by another thread: whoever opens the library from now
    /// on waits until that is done, instead of taking this engine for another writer. Returns at once.
    pub fn begin_closing(&self) {
        if let Some(closing) = self.library.closing() {
            closing.begin();
        }
    }

    /// The collection as of now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.library.snapshot()
    }

    /// The labels given to items.
    ///
    /// # Errors
    /// When the library cannot be read.
    pub fn labels(&self) -> Result<Option<LabelledItems>, StoreError> {
        self.library.labels()
    }

    /// The map that is stored, for the rows of the collection as of now; it may cover fewer of them.
    pub fn stored_layout(&self) -> Option<Layout> {
        self.library.load_layout()
    }

    /// The library's import options as of now.
    pub fn import_options(&self) -> ImportOptions {
        self.library.import_options()
    }

    /// The files that could not be read, as of now.
    pub fn failures(&self) -> Arc<Vec<Failure>> {
        self.library.failures()
    }

    /// How many files were left out at the last look, for each reason.
    pub fn left_out(&self) -> LeftOutCounts {
        self.library.left_out()
    }

    /// The import that did not come to its end, where there is one.
    pub fn unfinished(&self) -> Option<UnfinishedImport> {
        self.library.unfinished()
    }

    /// Reads the whole library and says what is wrong with it, a sentence each.
    pub fn check(&self) -> Vec<String> {
        self.library.check()
    }

    /// What the model is. Needs no waiting.
    pub fn model_info(&self) -> &ModelInfo {
        &self.info
    }

    /// The model, for whoever embeds outside the library; waits until it is loaded.
    ///
    /// # Errors
    /// A sentence, where it could not be loaded.
    pub fn model(&self) -> Result<Arc<Model>, String> {
        Ok(self.model.wait()?)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.begin_closing();
        self.mailbox = None;
        if let Some(closing) = self.library.closing() {
            closing.announce();
        }
        self.control.close();
        self.jobs = None;
        self.model.close();
        self.model.interrupt();
        self.searcher.close();
        self.filters.close();
        self.projector.close();
        self.looks.close();
        self.outbox.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                log::error!("a thread of the engine has panicked");
            }
        }
    }
}

fn pool(name: &'static str, threads: usize) -> std::io::Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(move |i| format!("{name}-{i}"))
        .build()
        .map_err(std::io::Error::other)
}
