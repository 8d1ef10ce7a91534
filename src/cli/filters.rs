//! Options of commands that choose among the items of the library.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use vicinity_core::filter::{DateRange, Period};
use vicinity_core::{Condition, Filter, Modality};
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
    /// Find only items that meet a condition, such as: taken >= 2023-06 and camera ~ "X100" and rating >= 3
    ///
    /// Fields: taken, modified (times); camera, lens, colour, keyword, format, folder, name, group (texts); focal, aperture,
    /// exposure, iso, rating, width, height, size (numbers); place; type (image, text); and columns of tables (column price,
    /// column "unit price").
    ///
    /// Comparisons: = != < <= > >=; ~ (contains) and !~; keyword in (dog, cat); has place; place near 47.37,8.54 10 km;
    /// place within 45.8,5.9 47.8,10.5; joined by and, or, not and parentheses. Times are 2023, 2023-06, 2023-06-14 or
    /// 2023-06-14 15:30; numbers may have a unit: size > 2 MB, exposure <= 1/250. Texts are compared regardless of case;
    /// quotation marks are needed around several words. Facts that are not known meet no comparison except != and !~.
    #[arg(long = "where", value_name = "CONDITION", value_parser = condition)]
    pub condition: Option<Arc<Condition>>,
}

/// Parses `--where`; an error shows the place in the condition.
fn condition(text: &str) -> Result<Arc<Condition>, String> {
    let parsed = Condition::parse(text, &TimeZone::system());
    parsed.map(Arc::new).map_err(|error| format!("{error}\n\n{}", indented(&error.marked(text))))
}

fn indented(lines: &str) -> String {
    lines.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
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
        let folder = self.folder.as_deref().map(scan::canonical_path);
        Filter { modality, modified, folder, condition: self.condition.clone(), ..Filter::default() }
    }
}
