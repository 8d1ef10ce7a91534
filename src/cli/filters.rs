//! Options of commands that choose among the items of the library.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use vicinity_core::{Filter, Modality};
use vicinity_engine::scan;

/// Which items to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModalityArg {
    /// Pictures and texts.
    All,
    /// Only pictures.
    Image,
    /// Only texts.
    Text,
}

/// Which items a command works on; all by default.
#[derive(Debug, Args)]
pub struct FilterArgs {
    /// Kind of items to find.
    #[arg(long, value_enum, default_value_t = ModalityArg::All)]
    pub modality: ModalityArg,
    /// Find only items in this folder and its subfolders.
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

impl FilterArgs {
    /// The filter that these options describe.
    pub fn filter(&self) -> Filter {
        let modality = match self.modality {
            ModalityArg::All => None,
            ModalityArg::Image => Some(Modality::Image),
            ModalityArg::Text => Some(Modality::Text),
        };
        Filter { modality, folder: self.folder.as_deref().map(scan::canonical_path), ..Filter::default() }
    }
}
