//! Vicinity: see and search a collection of images and texts by meaning.
//!
//! The program above the crates: [`cli`] (the command line), and with the feature `window` `context` (what the window's
//! code may see), `ui` (draws it) and `app` (runs it). Models, storage, search and the rest are crates in `crates`.

#[cfg(feature = "window")]
pub mod app;
pub mod cli;
#[cfg(feature = "window")]
pub mod context;
pub mod settings;
#[cfg(feature = "window")]
pub mod ui;
