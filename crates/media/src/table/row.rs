//! What all kinds of tables have in common: rows, columns, and what is wrong with them.

use std::io::BufRead;

use vicinity_core::table::{ColumnKind, MAX_COLUMNS};

use super::picture::RowPicture;
use crate::error::RowProblem;

/// The most bytes that a row may have.
pub const MAX_ROW_BYTES: usize = 16 << 20;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name; empty if it has none.
    pub name: String,
    /// What its values are, if the table says so.
    pub kind: Option<ColumnKind>,
}

/// Why a row is skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The line of the file where the row begins, from 1; of a Parquet file, the row.
    pub line: u64,
    /// What is wrong with it.
    pub problem: RowProblem,
}

impl RowError {
    /// What is wrong with a table, in one sentence; `None` if nothing is.
    pub fn sentence(all: &[Self]) -> Option<String> {
        let (first, others) = all.split_first()?;
        let more = match others {
            [] => String::new(),
            [other] => format!(" (also line {})", other.line),
            _ => {
                let lines: Vec<String> = others.iter().take(8).map(|error| error.line.to_string()).collect();
                let rest = if others.len() > 8 { format!(" and {} more", others.len() - 8) } else { String::new() };
                format!(" (also lines {}{rest})", lines.join(", "))
            }
        };
        Some(format!("Line {}: {}{more}", first.line, first.problem))
    }
}

/// The text of a table, decoded.
pub type Text = Box<dyn BufRead + Send>;

/// What a row has to say.
#[derive(Debug, Default)]
pub struct RowContent {
    /// Its text.
    pub text: String,
    /// Its picture.
    pub picture: Option<RowPicture>,
    /// Whether it is an item even without a text.
    pub is_item: bool,
    /// Its cells by the places of their columns.
    pub cells: Vec<(usize, String)>,
}

/// The result of one step through a table.
pub type Step = Result<RowContent, RowError>;

/// The columns that a table has so far.
#[derive(Debug, Default)]
pub struct Columns {
    /// In their order.
    pub all: Vec<TableColumn>,
    /// Whether the cells of rows are wanted.
    pub wanted: bool,
}

impl Columns {
    /// Takes these as the first columns.
    pub fn name(&mut self, names: impl Iterator<Item = impl AsRef<str>>) {
        let names = names.take(MAX_COLUMNS).map(|name| name.as_ref().trim().to_owned());
        self.all = names.map(|name| TableColumn { name, kind: None }).collect();
    }

    /// Makes sure that there are so many columns; whether that many are possible.
    pub fn reach(&mut self, count: usize) -> bool {
        let count_possible = count.min(MAX_COLUMNS);
        if self.all.len() < count_possible {
            self.all.resize(count_possible, TableColumn { name: String::new(), kind: None });
        }
        count <= MAX_COLUMNS
    }
}
