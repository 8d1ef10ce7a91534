//! The command line: runs the engine without a window.
//!
//! Results go to stdout, everything else to stderr. Exit codes are those of ripgrep: 0 for results or finished work, 1
//! if nothing was found, 2 after an error; if some of many files fail, the others are processed and the exit code is 2.

mod args;
mod axes;
mod clusters;
mod commands;
mod compact;
mod consent;
mod embed;
mod excludes;
mod export;
mod facts;
mod filters;
mod groups;
mod hits;
mod index;
mod interrupt;
mod items;
mod map;
mod map_quality;
mod models;
mod outcome;
mod output;
mod own_vectors;
mod pages;
mod report;
mod serve;
mod session;
mod tables;
mod values;
mod words;

pub use args::{Arguments, CliCommand, GlobalArgs};
pub use outcome::Outcome;
pub use output::{escaped, print_error};

/// Runs a command. `graphics` returns the graphics adapters, or `None` in
/// a build without a window. It is not an error if the reader of stdout stops early (`| head`).
///
/// # Errors
/// When the command fails, as a chain of sentences for the user.
pub fn run(command: CliCommand, global: &GlobalArgs, graphics: fn() -> Option<Vec<String>>) -> anyhow::Result<Outcome> {
    match commands::run(command, global, graphics) {
        Err(error) if output::is_broken_pipe(&error) => Ok(Outcome::Done),
        result => result,
    }
}
