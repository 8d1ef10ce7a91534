//! The columns of tables whose rows are items, in memory: column by column, equal texts once, so that a million rows of ten
//! columns take about 80 MB. Shared by all snapshots of a library.

mod builder;
mod judge;
pub mod parse;
mod values;

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

pub use builder::{MAX_COLUMNS, TEXT_KEPT, TableBuilder};
pub use parse::Decimal;
pub use values::{Cell, CellTexts, ColumnValues, MAX_CATEGORIES};

use crate::item::Item;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// Numbers.
    Number,
    /// Days, some with a time.
    Date,
    /// A few texts, each in many rows.
    Category,
    /// CellTexts.
    Text,
}

impl ColumnKind {
    /// Lower-case word, as printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Date => "date",
            Self::Category => "category",
            Self::Text => "text",
        }
    }

    /// Its values, in a sentence.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Number => "numbers",
            Self::Date => "dates",
            Self::Category => "categories",
            Self::Text => "texts",
        }
    }
}

/// How a table is written, as detected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableFormat {
    /// The character between cells; `None` for formats without one, and for a single column.
    pub separator: Option<char>,
    /// Whether the first row names the columns; `None` for formats in which every value is named.
    pub has_header: Option<bool>,
    /// How decimals are written, if that was detected or chosen.
    pub decimal: Option<Decimal>,
    /// The column that is embedded; `None` if all cells are.
    pub content_column: Option<String>,
}

/// How tables are read, where that is chosen instead of detected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableOptions {
    /// The character between cells of csv and tsv files.
    pub separator: Option<char>,
    /// How these write decimals.
    pub decimal: Option<Decimal>,
    /// Whether their first row names the columns.
    pub has_header: Option<bool>,
    /// The column that is embedded, in tables that have it; compared regardless of case. `column 2` is the second one of a
    /// table without names.
    pub text_column: Option<String>,
}

impl TableOptions {
    /// Whether a column is the one that is embedded: `place` is counted from 0, and `name` is empty if it has none.
    pub fn is_text_column(&self, place: usize, name: &str) -> bool {
        let Some(wanted) = self.text_column.as_ref().map(|wanted| crate::name::fold(wanted.trim())) else {
            return false;
        };
        match name.trim() {
            "" => wanted == format!("column {}", place + 1),
            name => wanted == crate::name::fold(name),
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    name: ColumnName,
    values: ColumnValues,
}

impl Column {
    /// A column with one value per row.
    pub fn new(name: &str, values: ColumnValues) -> Self {
        Self { name: ColumnName::new(name), values }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name.typed
    }

    /// Its values.
    pub fn values(&self) -> &ColumnValues {
        &self.values
    }

    /// What its values are.
    pub fn kind(&self) -> ColumnKind {
        self.values.kind()
    }
}

/// The name of a column, compared regardless of case.
#[derive(Debug, Clone)]
pub struct ColumnName {
    typed: Arc<str>,
    folded: Arc<str>,
}

impl ColumnName {
    /// A name as typed.
    pub fn new(name: &str) -> Self {
        let typed: Arc<str> = name.trim().into();
        let folded = crate::name::fold(&typed);
        let folded = if folded == *typed { Arc::clone(&typed) } else { folded.into() };
        Self { typed, folded }
    }

    /// The name as typed.
    pub fn as_str(&self) -> &str {
        &self.typed
    }
}

impl PartialEq for ColumnName {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for ColumnName {}

impl std::hash::Hash for ColumnName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

/// The columns of one table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// How it is written.
    pub format: TableFormat,
    /// Its columns in their order.
    pub columns: Vec<Column>,
}

impl Table {
    /// The place of a column.
    pub fn position(&self, name: &ColumnName) -> Option<usize> {
        self.columns.iter().position(|column| column.name == *name)
    }

    /// Number of rows up to the last with a cell.
    pub fn rows(&self) -> usize {
        self.columns.iter().map(|column| column.values.len()).max().unwrap_or(0)
    }

    /// About how much memory its columns take, bytes.
    pub fn bytes(&self) -> usize {
        self.columns.iter().map(|column| column.values.bytes()).sum()
    }

    /// The known cells of a row, counted from 1, with the names of their columns.
    pub fn cells(&self, row: u32) -> impl Iterator<Item = (&str, Cell<'_>)> {
        self.columns.iter().filter_map(move |column| Some((column.name(), column.values.cell(row)?)))
    }
}

/// The tables of a library, by their paths.
#[derive(Debug, Clone, Default)]
pub struct TableSet(FxHashMap<Box<OsStr>, Arc<Table>>);

impl TableSet {
    /// The columns of a file; `None` if it is no table or has not been read yet.
    pub fn get(&self, path: &Path) -> Option<&Arc<Table>> {
        self.0.get(path.as_os_str())
    }

    /// Sets or replaces the columns of a file.
    pub fn insert(&mut self, path: &Path, table: Arc<Table>) {
        self.0.insert(path.as_os_str().into(), table);
    }

    /// Removes the columns of a file; whether there were any.
    pub fn remove(&mut self, path: &Path) -> bool {
        self.0.remove(path.as_os_str()).is_some()
    }

    /// Whether no file has columns.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All tables, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &Arc<Table>)> {
        self.0.iter().map(|(path, table)| (Path::new(path), table))
    }

    /// The table of an item that is a row, and the row.
    pub fn row_of(&self, item: &Item) -> Option<(&Table, u32)> {
        let row = item.part?.row()?;
        Some((self.get(&item.path)?, row))
    }

    /// The cell of an item in a column; `None` if it is unknown.
    pub fn cell(&self, item: &Item, name: &ColumnName) -> Option<Cell<'_>> {
        let (table, row) = self.row_of(item)?;
        table.columns.get(table.position(name)?)?.values.cell(row)
    }

    /// Whether any table has a column of this name.
    pub fn has_column(&self, name: &ColumnName) -> bool {
        self.0.values().any(|table| table.position(name).is_some())
    }

    /// The names of all columns and the kind of the first of each name, ordered by name.
    pub fn columns(&self) -> Vec<(&str, ColumnKind)> {
        let mut seen: FxHashMap<&ColumnName, (&Path, usize, ColumnKind)> = FxHashMap::default();
        for (path, table) in self.iter() {
            for (at, column) in table.columns.iter().enumerate() {
                let found = (path, at, column.kind());
                let first = seen.entry(&column.name).or_insert(found);
                if (found.0, found.1) < (first.0, first.1) {
                    *first = found;
                }
            }
        }
        let mut columns: Vec<_> = seen.into_iter().collect();
        columns.sort_by(|(a, _), (b, _)| a.folded.cmp(&b.folded));
        columns.into_iter().map(|(name, (.., kind))| (&*name.typed, kind)).collect()
    }
}
