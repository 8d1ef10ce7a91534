//! Layer 4: the window. Draws from [`crate::context::Ctx`], sends commands; never touches files or the engine.

pub mod map;
pub mod theme;
