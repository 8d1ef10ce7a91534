//! The window: draws from [`crate::context::Ctx`] and sends commands; never accesses files or the engine.

pub mod file_drop;
pub mod filter_switch;
pub mod grid;
pub mod keys;
pub mod map;
pub mod panels;
pub mod shell;
pub mod split;
pub mod style;
pub mod theme;
pub mod widgets;

pub use shell::Shell;
