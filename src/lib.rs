//! Vicinity: see and search a collection of pictures and texts by meaning.
//!
//! Layers, each importing only those above it in this list:
//! [`domain`] (plain types), [`towers`] (models), [`engine`] (files, threads, storage, search, projection),
//! [`context`] (what the window's code may see), [`serve`] (other programs), [`ui`] and [`cli`] (two ways to drive it),
//! [`app`] (puts it together).

pub mod app;
pub mod cli;
pub mod context;
pub mod ui;
