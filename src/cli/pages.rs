//! Shell completions and manual pages, generated from the arguments.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use super::args::Arguments;
use super::outcome::Outcome;

/// Prints the completions for `shell`.
pub fn completions(shell: clap_complete::Shell) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "vicinity", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Outcome::Done)
}

/// Writes `vicinity.1` and one page per command into `dir`.
pub fn manual(dir: &Path) -> anyhow::Result<Outcome> {
    std::fs::create_dir_all(dir).with_context(|| format!("could not create {}", dir.display()))?;
    // `help` only prints the other pages.
    let command = Arguments::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, dir).with_context(|| format!("could not write to {}", dir.display()))?;
    Ok(Outcome::Done)
}
