//! Options of commands that choose among the items of the library.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use vicinity_core::filter::{DateRange, Period};
use vicinity_core::{Filter, Modality};
use vicinity_engine::scan;

/// Which items to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModalityArg {
    /// Images and texts.
    All,
    /// Only images.
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
    /// Find only items modified on this date or later: 2024-05-31, 2024-05 (from the first day of the month) or 2024
    /// (from the first day of the year), in the local time zone.
    #[arg(long, value_name = "DATE")]
    pub after: Option<Period>,
    /// Find only items modified before this date: 2024-05-31 (not on that day), 2024-05 (before the month) or 2024
    /// (before the year), in the local time zone.
    #[arg(long, value_name = "DATE")]
    pub before: Option<Period>,
}

impl FilterArgs {
    /// The filter that these options describe.
    pub fn filter(&self) -> Filter {
        let modality = match self.modality {
            ModalityArg::All => None,
            ModalityArg::Image => Some(Modality::Image),
            ModalityArg::Text => Some(Modality::Text),
        };
        let [after, before] = [self.after, self.before].map(|period| period.map(|period| period.start));
        let modified = DateRange::new(after, before, &TimeZone::system());
        Filter { modality, modified, folder: self.folder.as_deref().map(scan::canonical_path), ..Filter::default() }
    }
}
