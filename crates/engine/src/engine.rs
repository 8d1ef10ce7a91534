//! The engine: opens a library, owns the threads, takes jobs and gives events.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::Receiver;
use thiserror::Error;

use super::background_pass::BackgroundPass;
use super::cluster_names::ClusterNameWriter;
use super::derived::{Artefacts, Context, LatestGraph};
use super::event_queue::EventSender;
use super::facts;
use super::import::{Coordinator, IdleCompaction, NumberedJob};
use super::import_control::ImportControl;
use super::library::Library;
use super::model_loader::{LazyModel, ModelFactory};
use super::model_selection::ModelSelection;
use super::model_source::ModelSource;
use super::own_vectors::{OwnVectors, OwnVectorsError};
use super::picture_text;
use super::previews::{Previewer, Thumbnails};
use super::runtime_settings::RuntimeSettings;
use super::searcher::{self, SearchRequest, Searcher};
use super::service;
use super::single_instance::InstanceListener;
use super::store::{self, StoreError};
use super::threads::{pool, spare_threads};
use super::visible::VisibleCache;
use super::visible::worker::FilterWorker;
use super::watch::FolderWatcher;
use super::{
    Event, ImportOptions, ImportSummary, Job, LayoutUpdates, Notice, OpenMode, Severity, Snapshot, UnfinishedImport,
};
use vicinity_core::table::TableOptions;
use vicinity_core::worker::{Inbox, Worker};
use vicinity_core::{Failure, ItemId, LabelledItems, Layout, PhotoFacts, PictureText, Progress, SkipCounts, Stage};
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
    /// The vectors that the user brought.
    #[error(transparent)]
    OwnVectors(#[from] OwnVectorsError),
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

/// A library at work. Dropping it cancels what is under way and waits for the threads; what is stored stays.
pub struct Engine {
    /// Unbounded: these are a person's clicks, and submitting must never block the window.
    jobs: Inbox<VecDeque<NumberedJob>>,
    events: Receiver<Event>,
    library: Library,
    info: ModelInfo,
    model: LazyModel,
    control: ImportControl,
    event_sender: EventSender,
    searcher: Searcher,
    filters: FilterWorker,
    cluster_names: ClusterNameWriter,
    artefacts: Artefacts,
    previewer: Previewer,
    picture_text: BackgroundPass,
    /// The service behind the model, with its host, if any.
    service: Option<(String, Remote)>,
    listener: Option<InstanceListener>,
    watcher: Option<FolderWatcher>,
    /// Problems found on opening.
    opening_notices: Vec<Notice>,
    workers: Vec<Worker>,
}

impl Engine {
    /// Opens the library in a folder (created if it does not exist) with the model it was last opened with, at first the
    /// built-in one, which is loaded in the background. `waker` is called from another thread whenever there are new events.
    ///
    /// # Errors
    /// When the library cannot be used at all. One that can only be read is opened; its snapshot says so.
    pub fn open(library: &Path, waker: impl Fn() + Send + Sync + 'static) -> Result<Self, OpenError> {
        Self::open_with_model(library, None, waker)
    }

    /// The same with a model of the caller's choice, which the library remembers.
    ///
    /// # Errors
    /// As [`Self::open`], and when the model cannot be used.
    pub fn open_with_model(
        library: &Path,
        model: Option<ModelSource>,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        Self::open_with_settings(library, model, &RuntimeSettings::default(), waker)
    }

    /// The same on a device that is chosen.
    ///
    /// # Errors
    /// As [`Self::open_with_model`].
    pub fn open_with_settings(
        library: &Path,
        model: Option<ModelSource>,
        settings: &RuntimeSettings,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        Self::open_in_mode(library, model, settings, OpenMode::default(), waker)
    }

    /// The same, for reading only or without layouts.
    ///
    /// # Errors
    /// As [`Self::open_with_model`].
    pub fn open_in_mode(
        library: &Path,
        model: Option<ModelSource>,
        settings: &RuntimeSettings,
        mode: OpenMode,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        let selection = ModelSelection::for_library(library, model, settings)?;
        Self::open_with_selection(library, selection, mode, waker)
    }

    /// The same with vectors that the user brought instead of a model; the library remembers them.
    ///
    /// # Errors
    /// As [`Self::open`], and when the vectors cannot be read or do not fit to their table.
    pub fn open_with_own_vectors(
        library: &Path,
        own_vectors: OwnVectors,
        mode: OpenMode,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        let tables = store::stored_table_options(library);
        Self::open_with_own_vectors_of(library, own_vectors, &tables, mode, waker)
    }

    /// The same with a table that is to be read as `tables` say from now on.
    ///
    /// # Errors
    /// As [`Self::open_with_own_vectors`].
    pub fn open_with_own_vectors_of(
        library: &Path,
        own_vectors: OwnVectors,
        tables: &TableOptions,
        mode: OpenMode,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        let selection = ModelSelection::for_own_vectors(library, own_vectors, tables)?;
        Self::open_with_selection(library, selection, mode, waker)
    }

    fn open_with_selection(
        library: &Path,
        mut selection: ModelSelection,
        mode: OpenMode,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        let save_selection = selection.take_unsaved();
        let damage = selection.damage.take().into_iter().chain(service::damage(library));
        let mut engine = Self::start(library, selection.info, selection.load, mode, waker)?;
        for text in damage {
            let notice = Notice { severity: Severity::Warning, text };
            engine.event_sender.send(Event::Notice(notice.clone()));
            engine.opening_notices.push(notice);
        }
        if let Some(save_selection) = save_selection.filter(|_| engine.snapshot().parts().read_only.is_none()) {
            save_selection(library);
        }
        Ok(engine)
    }

    /// The same with a model that is given.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with_factory(
        library: &Path,
        info: ModelInfo,
        load: ModelFactory,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        Self::start(library, info, load, OpenMode::default(), waker)
    }

    pub(super) fn start(
        library: &Path,
        info: ModelInfo,
        load: ModelFactory,
        mode: OpenMode,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        let (library, notices) = Library::open_in_mode(library, &info.key, mode)?;
        if info.check_dim(library.snapshot().dim()).is_err() {
            library.set_dimensions(info.key.dim)?;
        }
        let (event_sender, events, forwarder) = EventSender::start(waker)?;
        let (model, model_worker) = LazyModel::start(load, event_sender.clone())?;
        event_sender.send(Event::Snapshot(library.snapshot()));
        event_sender.send(Event::Failures(library.failures()));
        event_sender.send(Event::Skipped(Arc::new(library.skipped())));
        event_sender.send(Event::Unfinished(library.unfinished()));
        if let Some(labels) = library.labels()? {
            event_sender.send(Event::StoredLabels(Arc::new(labels)));
        }
        event_sender.send(Event::ClusterNames(library.cluster_names()));
        notices.iter().for_each(|notice| event_sender.send(Event::Notice(notice.clone())));
        let context = Context {
            library: library.clone(),
            event_sender: event_sender.clone(),
            model: model.clone(),
            graph: LatestGraph::default(),
            updates: mode.layout,
        };
        let (artefacts, mut workers) = Artefacts::start(&context)?;
        let visible = VisibleCache::default();
        let (searcher, search_worker) =
            Searcher::start(library.clone(), model.clone(), visible.clone(), event_sender.clone())?;
        let (filters, filter_worker) = FilterWorker::start(visible, event_sender.clone())?;
        let (cluster_names, names_worker) = ClusterNameWriter::start(library.clone(), event_sender.clone())?;
        let (previewer, preview_workers) = Previewer::start(&library, &event_sender)?;
        let automatic = mode.layout == LayoutUpdates::Automatic;
        let (facts, facts_worker) = facts::start(library.clone(), event_sender.clone(), automatic)?;
        let (picture_text, text_worker) = picture_text::start(library.clone(), event_sender.clone(), automatic)?;
        let control = ImportControl::default();
        // First of all: nothing changes before.
        let jobs = Inbox::new(VecDeque::from([(0, Job::Verify)]));
        let coordinator = Coordinator {
            jobs: jobs.clone(),
            library: library.clone(),
            model: model.clone(),
            control: control.clone(),
            event_sender: event_sender.clone(),
            artefacts: artefacts.clone(),
            facts,
            picture_text: picture_text.clone(),
            readers: pool("vicinity-decode", (spare_threads() / 2).max(1))?,
            towers: pool("vicinity-tower", spare_threads())?,
            stopped: Cell::new(false),
            deferred: RefCell::default(),
            interrupted: None,
            idle: IdleCompaction::default(),
        };
        let import_worker = Worker::serve("import", &jobs, coordinator)?;
        let snapshot = library.snapshot();
        if !snapshot.is_empty() {
            artefacts.collection_changed(&snapshot);
        }
        workers.extend([model_worker, search_worker, filter_worker, facts_worker, text_worker, import_worker]);
        workers.extend(preview_workers);
        workers.push(names_worker);
        // last, as all others send events
        workers.push(forwarder);
        Ok(Self {
            jobs,
            events,
            library,
            info,
            model,
            control,
            event_sender,
            searcher,
            filters,
            cluster_names,
            artefacts,
            previewer,
            picture_text,
            service: None,
            listener: None,
            watcher: None,
            opening_notices: notices,
            workers,
        })
    }

    /// Keeps the service behind the model, to shut it down when it is switched off.
    pub(super) fn with_service(mut self, host: String, remote: Remote) -> Self {
        self.service = Some((host, remote));
        self
    }

    /// For a window: whatever a second start of the program is given to open in this library arrives here, as
    /// [`Event::OpenRequested`]. A library that is open for reading only calls nobody.
    pub fn listen(&mut self) {
        if self.library.read_only().is_none() && self.listener.is_none() {
            let listener = InstanceListener::open(&self.snapshot().parts().library, self.event_sender.clone());
            self.listener =
                listener.map_err(|error| log::warn!("starting Vicinity again will open a second window: {error}")).ok();
        }
    }

    /// For a window: follows changes in the folders from now on, as far as [`ImportOptions::watch`] says so. Nothing is sent
    /// to a service without a request, and a library that is open for reading only stays as it is.
    pub fn watch(&mut self) {
        if self.library.read_only().is_none() && self.service.is_none() && self.watcher.is_none() {
            let (library, control, jobs) = (self.library.clone(), self.control.clone(), self.jobs.clone());
            let watcher = FolderWatcher::start(library, control, jobs, self.event_sender.clone());
            self.watcher = watcher.map_err(|error| log::warn!("changes in the folders are not noticed: {error}")).ok();
        }
    }

    pub(super) fn service(&self) -> Option<&(String, Remote)> {
        self.service.as_ref()
    }

    /// What has been sent to the service so far, and what it has counted; `None` without a service.
    pub fn usage(&self) -> Option<Usage> {
        self.service.as_ref().map(|(_, remote)| remote.usage())
    }

    pub(super) fn library(&self) -> &Library {
        &self.library
    }

    /// Takes a job and returns at once.
    pub fn submit(&self, job: Job) {
        match job {
            Job::Search { slot, ticket, query } => self.search(SearchRequest::Search(slot, ticket, query)),
            Job::Label { ticket, targets, labels } => self.search(SearchRequest::Label(ticket, targets, labels)),
            Job::PlaceOnAxes { ticket, axes } => self.search(SearchRequest::Axes(ticket, axes)),
            // suggestions that nobody asked for are worth no request to a service
            Job::Suggest { .. } if self.service.is_some() => {}
            Job::Suggest { ticket, filter } => self.search(SearchRequest::Suggest(ticket, filter)),
            Job::Filter { snapshot, filter } => self.filters.request(snapshot, filter),
            Job::NameClusters(names) => {
                self.library.set_cluster_names(names);
                self.cluster_names.save();
            }
            Job::StoreLabels { labels, given, all } => self.search(SearchRequest::StoreLabels(labels, given, all)),
            Job::StoreGroups(groups) => self.search(SearchRequest::StoreGroups(groups)),
            Job::Thumbnails(ids) => self.previewer.want_thumbnails(ids, &self.event_sender),
            Job::Facts(id) => self.previewer.want_facts(id, &self.event_sender),
            Job::PictureText(id) => self.previewer.want_picture_text(id, &self.event_sender),
            Job::FindPictureText(query) => self.previewer.find_picture_text(query, &self.event_sender),
            Job::PausePictureText(paused) => self.picture_text.pause(paused),
            Job::Preview(id) => self.previewer.want_preview(id, &self.event_sender),
            job if self.artefacts.submit(&job) => {}
            // a service has no memory to free and no device to move to
            Job::UnloadModel | Job::ReloadModel if self.service.is_some() => {}
            Job::UnloadModel => self.model.request_unload(),
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
                Err(error) => self.event_sender.notice(Severity::Error, error.to_string()),
            },
            job => self.send(job),
        }
    }

    /// As [`Job::SetDimensions`], done when it returns.
    ///
    /// # Errors
    /// A sentence, when the model's vectors cannot be cut to so many dimensions, or the library cannot be written.
    pub fn set_dimensions(&self, dim: usize) -> Result<(), String> {
        self.info.check_dim(dim).map_err(|error| error.to_string())?;
        self.library.set_dimensions(dim).map_err(|error| error.to_string())?;
        let snapshot = self.library.snapshot();
        self.event_sender.send(Event::Snapshot(Arc::clone(&snapshot)));
        self.artefacts.collection_changed(&snapshot);
        Ok(())
    }

    fn search(&self, request: SearchRequest) {
        if let Err(request) = self.searcher.request(request) {
            searcher::report_failure(&self.event_sender, &request, "its thread has stopped; open the library again");
        }
    }

    fn pause(&self) {
        if self.control.pause() {
            self.event_sender.send(Event::Progress(Progress { stage: Stage::Paused, ..self.control.last_progress() }));
        }
    }

    fn send(&self, job: Job) {
        let job = (self.control.next_number(), job);
        if self.jobs.is_closed() {
            self.event_sender.notice(Severity::Error, "The import stopped unexpectedly; open the library again");
            // whoever waits for the end of an import waits no longer
            self.event_sender.send(Event::ImportFinished(ImportSummary { cancelled: true, ..Default::default() }));
        } else {
            self.jobs.update(|jobs| jobs.push_back(job));
        }
    }

    /// Ends the thread that searches, as a panic that it cannot recover from does.
    #[cfg(test)]
    pub(super) fn stop_search(&self) {
        self.searcher.stop();
    }

    /// Ends the thread that imports, as a panic that it cannot recover from does.
    #[cfg(test)]
    pub(super) fn stop_import(&self) {
        self.jobs.close();
    }

    /// Events, oldest first.
    pub fn events(&self) -> &Receiver<Event> {
        &self.events
    }

    /// Problems found when the library was opened; sent as [`Event::Notice`]s, too.
    pub fn opening_notices(&self) -> &[Notice] {
        &self.opening_notices
    }

    /// To be called where the engine is given away to be dropped by another thread: whoever opens the library from now
    /// on waits until that is done, instead of taking this engine for another writer. Returns at once.
    pub fn begin_closing(&self) {
        if let Some(closing) = self.library.closing() {
            closing.begin();
        }
    }

    /// The current collection.
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

    /// What is known of a photo: what is stored, else what its file says. Empty for texts.
    pub fn facts(&self, id: ItemId) -> PhotoFacts {
        facts::of_item(&self.library, id)
    }

    /// The text that was read in a picture; empty where none was.
    pub fn picture_text(&self, id: ItemId) -> PictureText {
        self.library.picture_text(id)
    }

    /// The items in which all words of a query occur: in their name, folder, keywords, caption or text, or in the text that
    /// was read in a picture. The best first; words in double quotes are a phrase.
    ///
    /// # Errors
    /// When the library cannot be read.
    pub fn find_words(&self, query: &str) -> Result<Vec<ItemId>, StoreError> {
        self.library.find_words(query)
    }

    /// The thumbnails of its items.
    pub fn thumbnails(&self) -> Thumbnails {
        Thumbnails::new(&self.library)
    }

    /// The stored map, for the rows of the current collection; it may cover fewer of them.
    pub fn stored_layout(&self) -> Option<Layout> {
        self.library.load_layout()
    }

    /// The library's current import options.
    pub fn import_options(&self) -> ImportOptions {
        self.library.import_options()
    }

    /// The files that could not be read.
    pub fn failures(&self) -> Arc<Vec<Failure>> {
        self.library.failures()
    }

    /// How many files the last scan skipped, for each reason.
    pub fn skipped(&self) -> SkipCounts {
        self.library.skipped()
    }

    /// The import that was interrupted, if any.
    pub fn unfinished(&self) -> Option<UnfinishedImport> {
        self.library.unfinished()
    }

    /// Reads the whole library and says what is wrong with it, a sentence each.
    pub fn check(&self) -> Vec<String> {
        self.library.check()
    }

    /// What the user brought instead of a model.
    pub fn own_vectors(&self) -> Option<&OwnVectors> {
        self.model.own_vectors().map(AsRef::as_ref)
    }

    /// What the model is. Needs no waiting.
    pub fn model_info(&self) -> &ModelInfo {
        &self.info
    }

    /// The model, for whoever embeds outside the library; waits until it is loaded.
    ///
    /// # Errors
    /// A message, if it could not be loaded.
    pub fn model(&self) -> Result<Arc<Model>, String> {
        Ok(self.model.wait()?)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.begin_closing();
        self.listener = None;
        self.watcher = None;
        if let Some(closing) = self.library.closing() {
            closing.announce();
        }
        self.control.close();
        self.workers.iter().for_each(Worker::close);
        self.model.interrupt();
    }
}
