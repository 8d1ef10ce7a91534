//! What packages carry about the command line: completions and the manual, both made from the arguments themselves.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use super::{Arguments, Outcome};

/// Prints the completions for `shell`.
pub fn completions(shell: clap_complete::Shell) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "vicinity", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Outcome::Done)
}

/// Writes `vicinity.1` and one page a command into `dir`.
pub fn manual(dir: &Path) -> anyhow::Result<Outcome> {
    std::fs::create_dir_all(dir).with_context(|| format!("{} could not be made", dir.display()))?;
    // `help` has no page: it prints the others.
    let command = Arguments::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, dir).with_context(|| format!("{} could not be written", dir.display()))?;
    Ok(Outcome::Done)
}
