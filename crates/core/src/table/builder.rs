//! Collects the cells of a table row by row, within bounded memory.

use super::judge;
use super::parse::Decimal;
use super::values::CellTexts;
use super::{Column, ColumnKind, Table, TableFormat};

/// Most columns of a table; those beyond are left out.
pub const MAX_COLUMNS: usize = 256;
/// What is kept of a cell, bytes; less in tables whose texts would take more than `MAX_BYTES`.
pub const TEXT_KEPT: usize = 200;
/// What is kept of all cells of a table, bytes.
const MAX_BYTES: usize = 256 << 20;
/// Cells of a table; columns that would make it larger are left out, the last first.
const MAX_CELLS: usize = 32 << 20;

/// Collects the cells of a table.
#[derive(Debug)]
pub struct TableBuilder {
    columns: Vec<Collected>,
    /// Number of columns with those that are left out.
    added: usize,
    bytes: usize,
    rows: usize,
    limit: usize,
}

#[derive(Debug)]
struct Collected {
    name: String,
    texts: CellTexts,
    declared: Option<ColumnKind>,
    kept: usize,
}

impl Default for TableBuilder {
    fn default() -> Self {
        Self { columns: Vec::new(), added: 0, bytes: 0, rows: 0, limit: MAX_BYTES }
    }
}

impl TableBuilder {
    /// Adds the next column; `declared` is what its values are, if the table says so.
    pub fn add_column(&mut self, name: &str, declared: Option<ColumnKind>) {
        let is_next = self.added == self.columns.len() && self.added < MAX_COLUMNS;
        self.added += 1;
        if is_next {
            let name = name.trim();
            let name = name.get(..name.floor_char_boundary(TEXT_KEPT)).unwrap_or_default().to_owned();
            self.columns.push(Collected { name, texts: CellTexts::default(), declared, kept: TEXT_KEPT });
        }
    }

    /// Number of columns so far, with those that are left out.
    pub fn added(&self) -> usize {
        self.added
    }

    /// Adds a cell; rows are counted from 1 and come in order. Cells of columns that are left out are ignored.
    pub fn push(&mut self, row: u32, column: usize, text: &str) {
        self.rows = self.rows.max(row as usize);
        while self.columns.len() > 1 && self.rows.saturating_mul(self.columns.len()) > MAX_CELLS {
            self.columns.pop();
        }
        let Some(column) = self.columns.get_mut(column) else { return };
        if column.texts.len() >= row as usize {
            return; // a second value of the same row
        }
        self.bytes += column.push(row, text.trim());
        if self.bytes > self.limit {
            self.shrink();
        }
    }

    /// Keeps less of each text of the longest column.
    fn shrink(&mut self) {
        if let Some(longest) = self.columns.iter_mut().max_by_key(|column| column.texts.text.len()) {
            longest.shrink();
        }
        self.bytes = self.columns.iter().map(|column| column.texts.text.len()).sum();
    }

    /// The table. Its decimal sign is judged by its cells unless `format` has one.
    pub fn finish(self, format: TableFormat) -> Table {
        let decimal = format.decimal.or_else(|| judge::decimal(self.columns.iter().map(|column| &column.texts)));
        let read = decimal.unwrap_or(Decimal::Point);
        let mut names = std::collections::HashSet::new();
        let columns = self.columns.into_iter().enumerate().map(|(at, Collected { name, texts, declared, .. })| {
            let name = unique(&name, at, &mut names);
            Column::new(&name, judge::values(texts, read, declared))
        });
        Table { columns: columns.collect(), format: TableFormat { decimal, ..format } }
    }
}

impl Collected {
    /// Bytes that were added.
    fn push(&mut self, row: u32, text: &str) -> usize {
        let CellTexts { text: all, ends } = &mut self.texts;
        ends.resize((row as usize).saturating_sub(1), all.len() as u32);
        let kept = text.get(..text.floor_char_boundary(self.kept)).unwrap_or_default();
        all.push_str(kept);
        ends.push(all.len() as u32);
        kept.len()
    }

    fn shrink(&mut self) {
        self.kept /= 2;
        let texts = std::mem::take(&mut self.texts);
        let mut row = 0;
        for text in texts.iter() {
            row += 1;
            self.push(row, text);
        }
    }
}

/// A name that no other column of the table has: nameless ones are called by their place, repeated ones get a number.
fn unique(name: &str, at: usize, names: &mut std::collections::HashSet<String>) -> String {
    let name = if name.is_empty() { format!("column {}", at + 1) } else { name.to_owned() };
    let mut candidates = std::iter::once(name.clone()).chain((2..).map(|n| format!("{name} {n}")));
    let free = candidates.find(|name| names.insert(crate::name::fold(name)));
    free.unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::super::{Cell, ColumnName};
    use super::*;

    #[test]
    fn cells_are_found_by_row_and_column_and_gaps_are_unknown() {
        let mut builder = TableBuilder::default();
        for name in [" Price ", "colour", "", "price"] {
            builder.add_column(name, None);
        }
        for (row, column, text) in
            [(1, 0, "1,5"), (1, 1, "red"), (3, 0, " 2,5 "), (3, 1, "red"), (3, 1, "blue"), (3, 9, "x"), (4, 2, "é")]
        {
            builder.push(row, column, text);
        }
        let table = builder.finish(TableFormat::default());
        let names: Vec<&str> = table.columns.iter().map(Column::name).collect();
        assert_eq!(names, ["Price", "colour", "column 3", "price 2"]);
        assert_eq!(table.format.decimal, Some(Decimal::Comma));
        let cells = |row| table.cells(row).collect::<Vec<_>>();
        assert_eq!(cells(1), [("Price", Cell::Number(1.5)), ("colour", Cell::Text("red"))]);
        assert_eq!((cells(2), cells(0), cells(9)), (Vec::new(), Vec::new(), Vec::new()));
        assert_eq!(cells(3), [("Price", Cell::Number(2.5)), ("colour", Cell::Text("red"))]);
        assert_eq!(table.position(&ColumnName::new("PRICE")), Some(0));
    }

    #[test]
    fn long_tables_keep_the_beginnings_of_their_texts() {
        let mut builder = TableBuilder { limit: 10_000, ..TableBuilder::default() };
        builder.add_column("number", None);
        builder.add_column("text", None);
        for row in 1..=500 {
            builder.push(row, 0, &row.to_string());
            builder.push(row, 1, &format!("{row} {}", "long ".repeat(100)));
        }
        assert!(builder.bytes <= 10_000, "{}", builder.bytes);
        let table = builder.finish(TableFormat::default());
        assert_eq!(table.columns[0].values().cell(500), Some(Cell::Number(500.0)), "short texts are not cut");
        let Some(Cell::Text(text)) = table.columns[1].values().cell(499) else { panic!("no text") };
        assert!(text.starts_with("499") && text.len() < TEXT_KEPT, "{text}");
        let mut wide = TableBuilder::default();
        (0..1000).for_each(|_| wide.add_column("", None));
        assert_eq!((wide.added(), wide.columns.len()), (1000, MAX_COLUMNS));
    }
}
