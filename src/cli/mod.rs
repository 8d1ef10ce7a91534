//! Layer 4: the command line, over the same engine.
//!
//! Results go to stdout, everything else to stderr. Exit codes are those of ripgrep: 0 when there is something to show
//! (or the work is done), 1 when nothing was found, 2 after an error; where some of many files fail, the others are
//! done and the end is 2.

mod args;
mod commands;
mod consent;
mod embed;
mod index;
mod models;
mod output;
mod pages;
mod report;
mod serve;
mod session;

use std::process::ExitCode;

pub use args::{Arguments, Command, Place};
pub use output::{complain, escaped};

/// What a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Something, or the work is done.
    Done,
    /// Nothing.
    Nothing,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Nothing => Self::from(1),
        }
    }
}

/// Runs a command. A reader that goes away early (`| head`) is no error.
///
/// # Errors
/// A chain of sentences for the user.
pub fn run(command: Command, place: &Place) -> anyhow::Result<Outcome> {
    match commands::run(command, place) {
        Err(error) if output::is_broken_pipe(&error) => Ok(Outcome::Done),
        result => result,
    }
}
