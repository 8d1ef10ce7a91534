//! Layer 5: puts everything together: the window, its engine, its settings. The only place that knows everyone.

mod apply;
mod backend;
mod dialogs;
pub mod engine;
mod errors;
mod history;
mod opening;
mod places;
mod receive;
mod search;
mod settings;
mod textures;
mod window;

use std::path::PathBuf;

use crate::context::ThemeChoice;
use crate::engine::choice::ModelSource;

pub use backend::{Backend, Opener, Waker};
pub use settings::Settings;
pub use window::{App, Start};

/// How the window is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Folders or files to open.
    pub folders: Vec<PathBuf>,
    /// The library to open them in.
    pub library: Option<PathBuf>,
    /// The model to see it through.
    pub model: Option<ModelSource>,
    /// A theme for this run.
    pub theme: Option<ThemeChoice>,
}

/// Names the program to the system: the desktop entry, the bundle and the installers use the same (`packaging/identity`).
const ID: &str = "io.github.vicinity.Vicinity";
/// Rendered by `scripts/icons` from the one drawing that all packages use.
const ICON: &[u8] = include_bytes!("../../assets/icons/vicinity.png");

/// Shows the window until it is closed.
///
/// # Errors
/// When there is no usable display or graphics driver: one line that says what is missing and how to get it.
pub fn run(options: Options) -> anyhow::Result<()> {
    let start = Start {
        folders: options.folders,
        library: options.library,
        model: options.model,
        theme: options.theme,
        settings: places::settings_file(),
        data: places::data(),
        opener: engine::opener(),
    };
    let window = || {
        let create = |cc: &eframe::CreationContext<'_>| -> Result<Box<dyn eframe::App>, Box<dyn std::error::Error + Send + Sync>> {
            Ok(Box::new(App::new(cc, start)))
        };
        eframe::run_native("Vicinity", native_options(), Box::new(create)).map_err(|e| format!("{e:?}"))
    };
    errors::guarded(window).map_err(|line| anyhow::anyhow!("the window could not be opened: {line}"))
}

fn native_options() -> eframe::NativeOptions {
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
    // Where the window stood is kept with the program's own data, whatever the system calls the program.
    let persistence_path = places::data().map(|folder| folder.join("app.ron"));
    eframe::NativeOptions { viewport, persistence_path, ..Default::default() }
}
