//! Workbooks of spreadsheet programs (`.xlsx`, ECMA-376 part 1): the first sheet that has a table. Cells are kept as numbers
//! and places in lists of texts, within limits; formulas are their last results.

mod parts;
mod sheet;
mod styles;
mod texts;

use std::io::{Read, Seek};

use csv::StringRecord;
use vicinity_core::table::{Decimal, TableFormat, TableOptions};

use self::parts::WorkbookParts;
use self::sheet::{CellValue, Sheet, SheetRow};
use self::styles::Styles;
use self::texts::SheetTexts;
use super::row::{Columns, MAX_ROW_BYTES, RowContent, RowError, Step};
use crate::budget::Reservation;
use crate::dialect::{self, Dialect};
use crate::document::{Archive, DocumentFormat};
use crate::error::{ReadError, RowProblem, TableError};

/// The most memory that a workbook takes, bytes: its cells, its texts, and a token of its markup.
pub const MEMORY: u64 = 256 << 20;
/// The most that the parts of a workbook unpack to, bytes.
const MAX_UNPACKED: u64 = 1 << 30;
/// Rows that decide what the columns are.
const SAMPLE: usize = 200;
/// The most that is kept of a cell and of a row, bytes, where it is decided what the columns are.
const SAMPLE_CELL: usize = 256;
const SAMPLE_ROW: usize = 1 << 20;
/// Sheets that are looked through for a table.
const MAX_SHEETS: usize = 50;

/// The rows of a sheet.
pub struct WorkbookRows {
    sheet: Sheet,
    texts: SheetTexts,
    styles: Styles,
    dialect: Dialect,
    /// The row of the sheet in front of the next, from 1.
    at: u32,
    /// Place of the next row among those that have cells.
    next: usize,
    header: Vec<String>,
    /// The memory that all this takes.
    held: Option<Reservation<'static>>,
}

impl WorkbookRows {
    /// Reads a workbook.
    ///
    /// # Errors
    /// When it is damaged or encrypted, or too large.
    pub fn open(source: impl Read + Seek, options: &TableOptions) -> Result<Self, ReadError> {
        let mut archive = Archive::with_limit(source, DocumentFormat::Workbook, MAX_UNPACKED)?;
        let parts = WorkbookParts::read(&mut archive)?;
        let mut texts = SheetTexts::default();
        parts::read_shared_texts(&mut archive, &parts, &mut texts)?;
        let styles = Styles::read(&mut archive, &parts)?;
        let shared = texts.count();
        let (mut best, mut found) = (Sheet::default(), parts.sheets.is_empty());
        for name in parts.sheets.iter().take(MAX_SHEETS) {
            let before = texts.count();
            let Some(sheet) = Sheet::read(&mut archive, name, &mut texts, shared)? else { continue };
            found = true;
            if sheet.is_not_computed() {
                return Err(TableError::NotComputed.into());
            }
            let has_table = sheet.rows.iter().filter(|row| sheet.cells(row).len() > 1).take(2).count() > 1;
            if has_table || (best.rows.is_empty() && !sheet.rows.is_empty()) {
                best = sheet;
            } else {
                texts.truncate(before);
            }
            if has_table {
                break;
            }
        }
        if !found {
            return Err(TableError::Damaged.into());
        }
        Ok(Self::of_sheet(best, texts, styles, options))
    }

    fn of_sheet(sheet: Sheet, texts: SheetTexts, styles: Styles, options: &TableOptions) -> Self {
        let dialect = Dialect::PLAIN;
        let mut rows = Self { sheet, texts, styles, dialect, at: 0, next: 0, header: Vec::new(), held: None };
        // What stands above a table is no row of it.
        let first = rows.sheet.rows.iter().position(|row| rows.sheet.cells(row).len() > 1);
        rows.next = first.unwrap_or(0);
        let sample = rows.sheet.rows.iter().skip(rows.next).take(SAMPLE).map(|row| rows.record(row)).collect();
        rows.dialect = dialect::of_rows(sample, options);
        rows.at = rows.sheet.rows.get(rows.next).map_or(0, |row| row.number.saturating_sub(1));
        if rows.dialect.has_header
            && let Some(row) = rows.sheet.rows.get(rows.next)
        {
            rows.header = rows.record(row).iter().map(str::to_owned).collect();
            (rows.at, rows.next) = (row.number, rows.next + 1);
        }
        rows
    }

    /// Keeps memory reserved as long as there are rows.
    pub fn hold(&mut self, held: Reservation<'static>) {
        self.held = Some(held);
    }

    /// The row of the sheet that was read last, from 1.
    pub fn line(&self) -> u64 {
        self.at.into()
    }

    /// How it is written.
    pub fn format(&self) -> TableFormat {
        let content = self.dialect.text_column.and_then(|column| self.header.get(column));
        TableFormat {
            separator: None,
            has_header: Some(self.dialect.has_header),
            decimal: Some(Decimal::Point),
            content_column: content.filter(|name| !name.is_empty()).cloned(),
        }
    }

    /// The next row; `None` at the end.
    pub fn next_row(&mut self, columns: &mut Columns) -> Option<Step> {
        if columns.wanted && columns.all.is_empty() {
            columns.name(self.header.iter());
        }
        let row = *self.sheet.rows.get(self.next)?;
        self.at += 1;
        if row.number > self.at {
            return Some(Ok(RowContent::default()));
        }
        self.next += 1;
        Some(self.content(&row, columns))
    }

    fn content(&self, row: &SheetRow, columns: &mut Columns) -> Step {
        let cells = self.sheet.cells(row);
        if self.is_too_long(cells) {
            let problem = RowProblem::RowTooLong { megabytes: MAX_ROW_BYTES >> 20 };
            return Err(RowError { line: row.number.into(), problem });
        }
        let shown: Vec<(usize, String)> =
            cells.iter().map(|(column, value)| (*column as usize, value.shown(&self.texts, &self.styles))).collect();
        let text = match self.dialect.text_column {
            Some(wanted) => shown.iter().find(|(at, _)| *at == wanted).map(|(_, text)| text.trim().to_owned()),
            None => {
                let filled = shown.iter().map(|(_, text)| text.trim()).filter(|text| !text.is_empty());
                Some(filled.collect::<Vec<_>>().join(" | "))
            }
        };
        let mut content = RowContent { text: text.unwrap_or_default(), ..RowContent::default() };
        if columns.wanted {
            columns.reach(shown.last().map_or(0, |(at, _)| at + 1));
            content.cells = shown.into_iter().filter(|(at, _)| *at < columns.all.len()).collect();
        }
        Ok(content)
    }

    fn is_too_long(&self, cells: &[(u32, CellValue)]) -> bool {
        cells.iter().map(|(_, value)| value.length(&self.texts)).sum::<usize>() > MAX_ROW_BYTES
    }

    /// The beginnings of the cells of a row, from the first column on, as far as they are needed to tell what the columns
    /// are.
    fn record(&self, row: &SheetRow) -> StringRecord {
        let mut record = StringRecord::new();
        let cells = self.sheet.cells(row);
        if self.is_too_long(cells) {
            return record;
        }
        for (column, value) in cells {
            while record.len() < *column as usize {
                record.push_field("");
            }
            let text = value.shown(&self.texts, &self.styles);
            let text = text.get(..text.floor_char_boundary(SAMPLE_CELL)).unwrap_or_default();
            if record.as_slice().len() + text.len() > SAMPLE_ROW {
                break;
            }
            record.push_field(text);
        }
        record
    }
}

#[cfg(test)]
mod tests;
