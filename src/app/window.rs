//! The window as eframe sees it: state, engine, and the order of a frame.

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use super::backend::{Backend, ModelOverride, Network, Opener, Waker};
use super::history::History;
use super::keys::{KeyStore, MemoryKeyStore};
use super::listing::ListingState;
use super::model_list::ModelListWorker;
use super::preferences::{self, PreferencesWriter};
use super::search::Search;
use super::services::{ConsentChange, ServiceReply};
use super::textures::ThumbnailTextures;
use super::visible::{FilterRequest, LabelCountRequest};
use super::{errors, receive};
use crate::context::listing::{Listing, ListingRequest};
use crate::context::view::Overrides;
use crate::context::{CommandSender, Ctx, PathPurpose, Preferences, State, ThemeChoice, View};
use crate::ui::{Shell, style};
use vicinity_core::{LabelSet, NetworkLedger, Picture};
use vicinity_engine::Severity;
use vicinity_engine::model_selection::ModelSource;
use vicinity_engine::runtime_settings::{DevicePreferences, DeviceSummary, RuntimeSettings};
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
    /// The model to see it through; `None`: the one that it remembers.
    pub model: Option<ModelSource>,
    /// A theme for this run.
    pub theme: Option<ThemeChoice>,
    /// Where settings are kept; `None`: nowhere.
    pub settings: Option<PathBuf>,
    /// Where libraries of folders are made; `None`: nowhere.
    pub data: Option<PathBuf>,
    /// The report of a crash that the user was not told of yet.
    pub crash: Option<PathBuf>,
    /// Opens libraries.
    pub opener: Opener,
    /// How models are run, shared with whatever `opener` opens.
    pub running: RuntimeSettings,
    /// What lies outside of the window.
    pub environment: Environment,
}

/// What the window reaches beside libraries: models, keys, news. Nothing of any unless it is given.
pub struct Environment {
    /// Where models lie and come from; `None`: they are not managed here.
    pub models: Option<models::InstallOptions>,
    /// Keys of services.
    pub keys: Arc<dyn KeyStore>,
    /// Address of the file that names the newest version; `None`: nobody is asked, whatever the settings allow.
    pub updates: Option<String>,
    /// Whether the system's file dialogs are used; otherwise paths are typed.
    pub dialogs: bool,
}

impl Default for Environment {
    fn default() -> Self {
        Self { models: None, keys: Arc::new(MemoryKeyStore::default()), updates: None, dialogs: false }
    }
}

/// News from helper threads of the window (never from the engine).
pub(super) enum Message {
    /// A library was opened, or could not be. The number tells which attempt it was.
    Opened(u64, Result<Box<dyn Backend>, String>),
    /// A file dialog was closed.
    Chosen(PathPurpose, Vec<PathBuf>),
    /// This system shows no file dialog: the path has to be typed.
    NoDialog(PathPurpose),
    /// What a typed path turned out to be.
    Typed(PathPurpose, Result<PathBuf, String>),
    /// Labels were read from a file.
    Labels(Result<LabelSet, String>),
    /// The sample collection was written, or could not be.
    Sample(Result<PathBuf, String>),
    /// A picture was pasted.
    Pasted(Arc<Picture>),
    /// A small version of a file that is asked with.
    ChipPicture(PathBuf, Arc<Picture>),
    /// A list for the gallery; `None` where it could not be made.
    Listed(Box<ListingRequest>, Option<Listing>),
    /// Visible items of each label, and what they were counted for.
    LabelCounts(LabelCountRequest, Vec<usize>),
    /// Something about services.
    Service(ServiceReply),
    /// The newest version of the program.
    Newest(String),
    /// The devices of this machine.
    Devices(Vec<DeviceSummary>),
    /// A sentence for the status bar.
    Failed(String),
}

/// See the module's documentation.
pub struct App {
    pub(super) ctx: egui::Context,
    pub(super) state: State,
    pub(super) commands: CommandSender,
    pub(super) shell: Shell,
    pub(super) opener: Opener,
    pub(super) data: Option<PathBuf>,
    pub(super) backend: Option<Box<dyn Backend>>,
    pub(super) attempt: u64,
    /// ModelOverride what the next library is to be seen.
    pub(super) model_override: ModelOverride,
    /// What its user has agreed to, or no longer does.
    pub(super) consent: Option<ConsentChange>,
    pub(super) network: Network,
    pub(super) model_list_worker: Option<ModelListWorker>,
    /// Where to ask for the newest version.
    pub(super) updates: Option<String>,
    pub(super) dialogs: bool,
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
    pub(super) search: Search,
    pub(super) lists: ListingState,
    pub(super) filter_request: FilterRequest,
    pub(super) label_count_request: Option<LabelCountRequest>,
    pub(super) notice_at: f64,
    pub(super) pointed_at: Option<vicinity_core::ItemId>,
    pub(super) running: RuntimeSettings,
    title: String,
}

impl App {
    /// Builds the window's state; opens what `start` asks for in the background.
    pub fn new(cc: &eframe::CreationContext<'_>, start: AppConfig) -> Self {
        let ctx = cc.egui_ctx.clone();
        style::install(&ctx);
        let preferences = start.settings.as_deref().map(preferences::read).unwrap_or_default();
        let (runtime, network) = network(start.environment.keys);
        let waker: Waker = {
            let ctx = ctx.clone();
            Arc::new(move || ctx.request_repaint())
        };
        let model_list_worker = start.environment.models.zip(runtime.as_ref()).map(|(options, runtime)| {
            ModelListWorker::start(options, runtime.handle().clone(), network.network_log.clone(), waker)
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
            dialogs: start.environment.dialogs,
            switching: false,
            may_resume: false,
            then_add: Vec::new(),
            // Bounded generously: one message a user's action.
            inbox: crossbeam_channel::bounded(256),
            preferences_writer: PreferencesWriter::new(start.settings),
            textures: ThumbnailTextures::default(),
            history: History::default(),
            search: Search::default(),
            lists: ListingState::default(),
            filter_request: None,
            label_count_request: None,
            notice_at: 0.0,
            pointed_at: None,
            running: start.running,
            title: String::new(),
            ctx,
        };
        app.state.view.update_host = app.updates.as_deref().map(updates::host);
        app.shell.set_render_state(cc.wgpu_render_state.as_ref());
        if let Some(report) = start.crash {
            let told = format!("Vicinity closed unexpectedly last time; a report is in {}", report.display());
            receive::notice(&mut app, Severity::Warning, told);
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

    pub(super) fn waker(&self) -> Waker {
        let ctx = self.ctx.clone();
        Arc::new(move || ctx.request_repaint())
    }

    pub(super) fn now(&self) -> f64 {
        self.ctx.input(|i| i.time)
    }

    fn set_title(&mut self) {
        let title = match &self.state.library {
            Some(library) => format!("{} – Vicinity", library.name),
            None => "Vicinity".to_owned(),
        };
        if title != self.title {
            self.ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    fn set_theme(&self) {
        self.ctx.set_theme(match self.state.theme() {
            ThemeChoice::System => egui::ThemePreference::System,
            ThemeChoice::Light => egui::ThemePreference::Light,
            ThemeChoice::Dark => egui::ThemePreference::Dark,
        });
    }

    pub(super) fn save_preferences(&self) {
        self.preferences_writer.save(&self.state.preferences);
    }
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

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        receive::messages(self);
        receive::events(self);
        self.receive_models();
        self.refresh_network();
        self.check_for_updates();
        if self.textures.upload(ctx, &mut self.state.library_mut().thumbnails) {
            ctx.request_repaint();
        }
        self.search_when_due();
        self.follow_filter();
        self.count_labels();
        self.update_gallery();
        self.suggest_when_idle();
        self.state.view.can_undo = self.history.can();
        self.set_title();
        self.set_theme();
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        errors::started();
        self.shell.show(ui, &Ctx { state: &self.state, commands: &self.commands });
        self.run_background_work();
        self.apply_commands();
        self.follow_pointer();
        self.request_thumbnails();
    }

    fn save(&mut self, _storage: &mut dyn eframe::Storage) {
        self.save_preferences();
    }

    fn on_exit(&mut self) {
        self.remember_library();
        self.save_preferences();
        self.backend = None;
        self.model_list_worker = None;
        if let Some(runtime) = self.runtime.take() {
            // a request that nobody waits for any more holds nobody up
            runtime.shutdown_background();
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}
