//! The window: its state, the open library, and its helper threads. What it does is in a file for each area.

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use super::backend::{Backend, ConsentChange, ModelOverride, Network, Opener, Waker};
use super::history::History;
use super::keys::{KeyStore, MemoryKeyStore};
use super::messages::{Message, MessageSender};
use super::model_list::ModelListWorker;
use super::navigation::Navigation;
use super::pending::GroupCountRequest;
use super::pending::{
    AxesRequest, ClusterCountRequest, FilterRequest, LabelCountRequest, Labelling, ListingState, Search,
};
use super::preferences::{self, PreferencesWriter};
use super::textures::ThumbnailTextures;
use crate::context::view::Overrides;
use crate::context::{CommandSender, Preferences, State, ThemeChoice, View};
use crate::ui::{Shell, style};
use vicinity_core::{ClusterNames, NetworkLedger};
use vicinity_engine::Severity;
use vicinity_engine::model_source::ModelSource;
use vicinity_engine::runtime_settings::{DevicePreferences, RuntimeSettings};
use vicinity_engine::updates;
use vicinity_models::installed as models;

/// Threads of the network: they wait, mostly.
const NETWORK_THREADS: usize = 2;

/// How the window starts.
pub struct AppConfig {
    /// Folders or files to open with.
    pub folders: Vec<PathBuf>,
    /// The library to open.
    pub library: Option<PathBuf>,
    /// The model to open it with; `None`: the one that it remembers.
    pub model: Option<ModelSource>,
    /// A theme for this run.
    pub theme: Option<ThemeChoice>,
    /// Where settings are kept; `None`: nowhere.
    pub settings: Option<PathBuf>,
    /// Where libraries of folders are made; `None`: nowhere.
    pub data: Option<PathBuf>,
    /// The report of a crash that the user has not seen yet.
    pub crash: Option<PathBuf>,
    /// Opens libraries.
    pub opener: Opener,
    /// How models are run, shared with the libraries that `opener` opens.
    pub running: RuntimeSettings,
    /// What the window uses beside libraries.
    pub environment: Environment,
}

/// What the window uses beside libraries: models, keys, news of versions. None of them by default.
pub struct Environment {
    /// Where models are installed and downloaded from; `None`: they are not managed here.
    pub models: Option<models::InstallOptions>,
    /// Keys of services.
    pub keys: Arc<dyn KeyStore>,
    /// URL of the file that names the newest version; `None`: no request is made, even if the preferences allow it.
    pub updates: Option<String>,
    /// Finds the languages in which text in pictures can be read; the error is a sentence. Called on its own thread.
    pub text_languages: fn() -> Result<Vec<String>, String>,
    /// Whether the system's file dialogs are used; otherwise paths are typed.
    pub file_dialogs: bool,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            models: None,
            keys: Arc::new(MemoryKeyStore::default()),
            updates: None,
            text_languages: || Err("Text in pictures cannot be read here".to_owned()),
            file_dialogs: false,
        }
    }
}

/// The window, and everything behind it.
pub struct App {
    pub(super) ctx: egui::Context,
    pub(super) state: State,
    pub(super) commands: CommandSender,
    pub(super) shell: Shell,
    pub(super) opener: Opener,
    pub(super) data: Option<PathBuf>,
    pub(super) backend: Option<Box<dyn Backend>>,
    pub(super) attempt: u64,
    /// Which model or service the next library is opened with.
    pub(super) model_override: ModelOverride,
    /// What its user has agreed to, or no longer does.
    pub(super) consent: Option<ConsentChange>,
    pub(super) network: Network,
    pub(super) model_list_worker: Option<ModelListWorker>,
    /// Where to ask for the newest version.
    pub(super) updates: Option<String>,
    /// Whether the system's file dialogs are used.
    pub(super) text_languages: fn() -> Result<Vec<String>, String>,
    pub(super) file_dialogs: bool,
    /// The network's threads; taken down after everything that uses them.
    pub(super) runtime: Option<tokio::runtime::Runtime>,
    /// Whether the library that is being opened goes from one model to another.
    pub(super) switching: bool,
    /// Whether an unfinished import of the library that was opened just now may go on by itself.
    pub(super) may_resume: bool,
    pub(super) then_add: Vec<PathBuf>,
    pub(super) inbox: (Sender<Message>, Receiver<Message>),
    pub(super) preferences_writer: PreferencesWriter,
    pub(super) textures: ThumbnailTextures,
    pub(super) history: History,
    pub(super) navigation: Navigation,
    pub(super) group_count_request: Option<GroupCountRequest>,
    pub(super) search: Search,
    pub(super) labelling: Labelling,
    pub(super) axes: AxesRequest,
    pub(super) lists: ListingState,
    pub(super) filter_request: FilterRequest,
    pub(super) label_count_request: Option<LabelCountRequest>,
    pub(super) cluster_count_request: Option<ClusterCountRequest>,
    /// Epoch, items and dimensions for which neighbours were asked for last.
    pub(super) graph_request: Option<(u64, usize, usize)>,
    /// The names with which clusters were asked for last.
    pub(super) named_with: Arc<ClusterNames>,
    pub(super) notice_at: f64,
    pub(super) pointed_at: Option<vicinity_core::ItemId>,
    pub(super) running: RuntimeSettings,
    pub(super) title: String,
}

impl App {
    /// Builds the window's state; opens what `start` asks for in the background.
    pub fn new(cc: &eframe::CreationContext<'_>, start: AppConfig) -> Self {
        let ctx = cc.egui_ctx.clone();
        style::install(&ctx);
        let preferences = start.settings.as_deref().map(preferences::read).unwrap_or_default();
        let (runtime, network) = network(start.environment.keys);
        // Bounded generously: one message per action of the user.
        let inbox = crossbeam_channel::bounded(256);
        let messages = MessageSender { sender: inbox.0.clone(), waker: waker(&ctx) };
        let model_list_worker = start.environment.models.zip(runtime.as_ref()).map(|(options, runtime)| {
            ModelListWorker::start(options, runtime.handle().clone(), network.network_log.clone(), messages)
        });
        let mut app = Self {
            state: state_from(preferences, start.theme, start.running.preferences()),
            commands: CommandSender::default(),
            shell: Shell::default(),
            opener: start.opener,
            data: start.data,
            backend: None,
            attempt: 0,
            model_override: start.model.map_or(ModelOverride::Remembered, ModelOverride::Model),
            consent: None,
            runtime,
            network,
            model_list_worker,
            updates: start.environment.updates,
            text_languages: start.environment.text_languages,
            file_dialogs: start.environment.file_dialogs,
            switching: false,
            may_resume: false,
            then_add: Vec::new(),
            inbox,
            preferences_writer: PreferencesWriter::new(start.settings),
            textures: ThumbnailTextures::default(),
            history: History::default(),
            navigation: Navigation::default(),
            group_count_request: None,
            search: Search::default(),
            labelling: Labelling::default(),
            axes: AxesRequest::default(),
            lists: ListingState::default(),
            filter_request: None,
            label_count_request: None,
            cluster_count_request: None,
            graph_request: None,
            named_with: Arc::default(),
            notice_at: 0.0,
            pointed_at: None,
            running: start.running,
            title: String::new(),
            ctx,
        };
        app.state.view.update_host = app.updates.as_deref().map(updates::host);
        app.shell.set_render_state(cc.wgpu_render_state.as_ref());
        if let Some(report) = start.crash {
            let text = format!("Vicinity closed unexpectedly last time; a report is in {}", report.display());
            app.notice(Severity::Warning, text);
        }
        match start.library {
            Some(library) => app.open_library(library, start.folders),
            None if !start.folders.is_empty() => app.add(start.folders),
            None => {}
        }
        app
    }

    /// What the window draws; for tests.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Where threads of the window report.
    pub(super) fn messages(&self) -> MessageSender {
        MessageSender { sender: self.inbox.0.clone(), waker: waker(&self.ctx) }
    }

    pub(super) fn now(&self) -> f64 {
        self.ctx.input(|i| i.time)
    }

    pub(super) fn save_preferences(&self) {
        self.preferences_writer.save(&self.state.preferences);
    }
}

fn waker(ctx: &egui::Context) -> Waker {
    let ctx = ctx.clone();
    Arc::new(move || ctx.request_repaint())
}

/// The network's threads. Where the system gives none, services and downloads say so when they are asked for.
fn network(keys: Arc<dyn KeyStore>) -> (Option<tokio::runtime::Runtime>, Network) {
    let runtime = vicinity_engine::runtime::network(NETWORK_THREADS);
    let runtime = runtime.map_err(|error| log::error!("the network is unavailable: {error}")).ok();
    let handle = runtime.as_ref().map(|runtime| runtime.handle().clone());
    (runtime, Network { runtime: handle, network_log: NetworkLedger::default(), keys })
}

fn state_from(preferences: Preferences, theme: Option<ThemeChoice>, devices: DevicePreferences) -> State {
    let overrides = Overrides { theme, devices: Some(devices).filter(|devices| *devices != preferences.devices) };
    let view = View { overrides, now: seconds_since_epoch(), ..View::default() };
    State { preferences, view, ..State::default() }
}

/// The clock on the wall.
pub(super) fn seconds_since_epoch() -> i64 {
    jiff::Timestamp::now().as_second()
}
