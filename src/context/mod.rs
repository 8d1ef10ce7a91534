//! Layer 3: what the window's code may see: read-only state, and commands to ask for changes.
//!
//! The UI draws from `&Ctx` and sends commands; `app` is the one place that applies them. No files here, no engine calls.

pub mod command;
pub mod state;

pub use crate::engine::{Root, Snapshot};
pub use command::{Command, CommandSender, SystemCommand, UiCommand};
pub use state::{Centre, ColourBy, MapTool, RightTab, State, ThemeChoice};

/// What a panel gets to draw itself.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    /// Read-only.
    pub state: &'a State,
    /// Where wishes go.
    pub commands: &'a CommandSender,
}
