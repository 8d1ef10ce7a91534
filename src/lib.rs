//! Vicinity: see and search a collection of images and texts by meaning.
//!
//! The program above the crates: [`context`] (what the window's code may see), [`ui`] and [`cli`] (two ways to drive the
//! engine), [`app`] (puts the window together). Models, storage, search and the rest are crates of their own in `crates`.

pub mod app;
pub mod cli;
pub mod context;
pub mod ui;
