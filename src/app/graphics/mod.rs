//! Which graphics adapter draws the window, and what happens when its device is lost.

mod adapters;
mod choice;
mod kept_app;
mod trial;

pub use adapters::{Graphics, list};
pub use kept_app::KeptApp;
