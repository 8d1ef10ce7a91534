//! Layer 4: the window. Draws from [`crate::context::Ctx`], sends commands; never touches files or the engine.

pub mod file_drop;
pub mod format;
pub mod grid;
pub mod keys;
pub mod map;
pub mod panels;
pub mod shell;
pub mod style;
pub mod theme;
pub mod widgets;

pub use shell::Shell;
