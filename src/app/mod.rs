//! Puts everything together: the window, its engine, its preferences. The only place that changes the state.

mod asked_query;
mod axes;
mod backend;
mod clusters;
mod collection;
mod commands;
mod devices;
pub mod engine;
mod errors;
mod export;
mod file_dialogs;
mod frame;
mod go_back;
mod graphics;
mod groups;
mod history;
mod items;
mod keys;
mod labels;
mod library_path;
mod listing;
mod map;
mod messages;
mod model_list;
mod models;
mod navigation;
mod notices;
mod open_library;
mod pasted;
mod pending;
mod picture_text;
pub mod preferences;
mod receive;
mod search;
mod services;
mod tasks;
mod textures;
mod updates;
mod view;
mod visible;
mod window;

use std::path::PathBuf;

use crate::settings::{SharedSettings, ThemeChoice};
use vicinity_core::app_dirs;
use vicinity_engine::model_source::ModelSource;
use vicinity_engine::picture_text::Tesseract;
use vicinity_engine::runtime_settings::{DevicePreferences, RuntimeSettings};
use vicinity_engine::{crash, single_instance};

use graphics::{Graphics, KeptApp};

pub use backend::{Backend, ModelOverride, Network, OpenNote, OpenOptions, Opener, Waker};
pub use keys::{KeyStore, MemoryKeyStore, SystemKeyStore};
pub use window::{App, AppConfig, Environment};

/// How the window is started.
#[derive(Debug, Clone, Default)]
pub struct LaunchOptions {
    /// Folders or files to open.
    pub folders: Vec<PathBuf>,
    /// The library to open them in.
    pub library: Option<PathBuf>,
    /// The model to open it with.
    pub model: Option<ModelSource>,
    /// A theme for this run.
    pub theme: Option<ThemeChoice>,
    /// How models are run in this run; `None`: as the settings say.
    pub running: Option<DevicePreferences>,
}

/// Forwards what is to be opened to the window that already has the library open; false if there is none. Waits up to a
/// second for its answer.
pub fn forward(options: &LaunchOptions) -> bool {
    let meant = library_path::resolve(options.library.clone(), options.folders.clone(), app_dirs::data().as_deref());
    meant.is_some_and(|(library, add)| single_instance::forward(&library, &add))
}

/// Identifies the program to the system: the desktop entry, the bundle and the installers use the same (`packaging/identity`).
const ID: &str = "io.github.vicinity.Vicinity";
/// Rendered by `scripts/icons` from the one drawing that all packages use.
const ICON: &[u8] = include_bytes!("../../assets/icons/vicinity.png");

/// Shows the window until it is closed.
///
/// # Errors
/// When there is no usable display or graphics driver, or the graphics device is lost again and again: one line that says
/// what is missing and how to get it.
pub fn run(options: LaunchOptions) -> anyhow::Result<()> {
    let running = RuntimeSettings::new(options.running.unwrap_or_else(|| SharedSettings::load().running));
    let start = AppConfig {
        folders: options.folders,
        library: options.library,
        model: options.model,
        theme: options.theme,
        settings: app_dirs::settings_file(),
        data: app_dirs::data(),
        crash: app_dirs::crashes().and_then(|dir| crash::unseen(&dir)),
        opener: engine::opener(running.clone()),
        running,
        environment: Environment {
            models: vicinity_models::installed::InstallOptions::from_environment(),
            keys: std::sync::Arc::new(SystemKeyStore::default()),
            updates: Some(vicinity_engine::updates::address()),
            text_languages: || {
                Tesseract::find().and_then(|program| program.languages()).map_err(|error| error.to_string())
            },
            file_dialogs: true,
        },
    };
    let graphics = Graphics::remembered_in(graphics_file());
    let kept = KeptApp::new(start, graphics.clone());
    let outcome = loop {
        let windows = kept.windows();
        let outcome = open_window(&kept, &graphics);
        // After a panic the windowing library first ends its previous run, without opening a window.
        let is_unopened = outcome.is_ok() && windows > 0 && kept.windows() == windows;
        if kept.running().is_none() || !(graphics.is_lost() || is_unopened) {
            break outcome;
        }
        if let Err(reason) = graphics.recover() {
            kept.end();
            anyhow::bail!("{reason}; install the newest driver of your graphics card, or start with WGPU_BACKEND=gl");
        }
    };
    kept.end();
    outcome.map_err(|line| anyhow::anyhow!("the window could not be opened: {line}"))
}

/// Shows the app in a window until that is closed, or its graphics device is lost.
fn open_window(kept: &KeptApp, graphics: &Graphics) -> Result<(), String> {
    let (shown, context) = (kept.clone(), kept.running());
    let window = || {
        let create = |cc: &eframe::CreationContext<'_>| -> Result<Box<dyn eframe::App>, Box<dyn std::error::Error + Send + Sync>> {
            Ok(Box::new(shown.show(cc)))
        };
        let options = native_options(graphics.configuration());
        eframe::run_native_ext("Vicinity", options, context, Box::new(create)).map_err(|e| format!("{e:?}"))
    };
    errors::guarded(window).inspect_err(|_| {
        if errors::is_graphics_lost() {
            graphics.lose("the graphics library could not go on");
        }
    })
}

/// The graphics adapters that there are, with their drivers, and which of them drew the window last.
pub fn graphics() -> Vec<String> {
    graphics::list(graphics_file())
}

/// Where the choice of graphics adapter is remembered.
fn graphics_file() -> Option<PathBuf> {
    app_dirs::data().map(|data| data.join("graphics.json"))
}

fn native_options(wgpu_options: egui_wgpu::WgpuConfiguration) -> eframe::NativeOptions {
    let mut viewport = egui::ViewportBuilder::default()
        .with_title("Vicinity")
        .with_app_id(ID)
        .with_inner_size([1440.0, 900.0])
        .with_min_inner_size([480.0, 360.0])
        .with_drag_and_drop(true);
    match eframe::icon_data::from_png_bytes(ICON) {
        Ok(icon) => viewport = viewport.with_icon(icon),
        Err(error) => log::warn!("the icon is damaged: {error}"),
    }
    // Where egui keeps the sizes of window and panels.
    let persistence_path = app_dirs::data().map(|data| data.join("window.ron"));
    eframe::NativeOptions { viewport, persistence_path, wgpu_options, ..Default::default() }
}
