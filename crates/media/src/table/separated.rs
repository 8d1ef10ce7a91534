//! Tables of cells between separators.

use std::borrow::Cow;
use std::io::{self, BufRead};

use vicinity_core::table::TableFormat;

use super::row::{Columns, MAX_ROW_BYTES, RowContent, RowError, Step, Text};
use crate::dialect::Dialect;
use crate::error::{ReadError, RowProblem};

/// The most cells that a row may have.
const MAX_ROW_CELLS: usize = 1 << 16;

/// A table of cells between separators.
pub struct Separated {
    text: Text,
    reader: csv_core::Reader,
    dialect: Dialect,
    at_start: bool,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

impl Separated {
    /// The rows of a text that is written so.
    pub fn new(text: Text, dialect: Dialect) -> Self {
        let reader = csv_core::ReaderBuilder::new().delimiter(dialect.separator).quoting(dialect.quoted).build();
        Self { text, reader, dialect, at_start: true, cells: vec![0; 1 << 12], ends: vec![0; 64] }
    }

    /// The line at which the reader is, from 1.
    pub fn line(&self) -> u64 {
        self.reader.line()
    }

    /// How it is written.
    pub fn format(&self) -> TableFormat {
        TableFormat {
            separator: self.dialect.separator(),
            has_header: Some(self.dialect.has_header),
            ..TableFormat::default()
        }
    }

    /// The name of the column that holds the text.
    pub fn content_column(&self, columns: &Columns) -> Option<String> {
        columns.all.get(self.dialect.text_column?).map(|column| column.name.clone())
    }

    /// The next row; `None` at the end.
    pub fn next_row(&mut self, columns: &mut Columns) -> Option<Step> {
        if std::mem::take(&mut self.at_start) {
            for _ in 0..self.dialect.lines_before {
                skip_line(&mut self.text).ok()?;
                self.reader.set_line(self.reader.line() + 1);
            }
            if self.dialect.has_header {
                match self.record()? {
                    Ok(cells) => columns.name(self.cells(cells)),
                    Err(error) => return Some(Err(error)),
                }
            }
        }
        let cells = match self.record()? {
            Ok(cells) => cells,
            Err(error) => return Some(Err(error)),
        };
        let text = match self.dialect.text_column {
            Some(column) => self.cells(cells).nth(column).unwrap_or_default().trim().to_owned(),
            None => {
                let cells: Vec<_> = self.cells(cells).filter(|cell| !cell.trim().is_empty()).collect();
                cells.iter().map(|cell| cell.trim()).collect::<Vec<_>>().join(" | ")
            }
        };
        let mut row = RowContent { text, ..RowContent::default() };
        if columns.wanted {
            columns.reach(cells);
            let known = self.cells(cells).take(columns.all.len()).enumerate();
            row.cells = known.map(|(at, cell)| (at, cell.into_owned())).collect();
        }
        Some(Ok(row))
    }

    /// The cells of the record that was read last.
    fn cells(&self, count: usize) -> impl Iterator<Item = Cow<'_, str>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let spans = starts.zip(self.ends.iter().copied()).take(count);
        spans.map(|(start, end)| String::from_utf8_lossy(self.cells.get(start..end).unwrap_or_default()))
    }

    /// Reads one record; how many cells it has.
    fn record(&mut self) -> Option<Result<usize, RowError>> {
        use csv_core::ReadRecordResult::{End, InputEmpty, OutputEndsFull, OutputFull, Record};
        let (mut filled, mut count, mut too_long) = (0, 0, false);
        let line = self.reader.line();
        loop {
            let input = match self.text.fill_buf() {
                Ok(input) => input,
                Err(error) => {
                    // Nothing comes behind that.
                    self.text = Box::new(io::empty());
                    return Some(Err(RowError { line, problem: ReadError::from(error).into() }));
                }
            };
            let (result, read, written, ended) =
                self.reader.read_record(input, &mut self.cells[filled..], &mut self.ends[count..]);
            self.text.consume(read);
            (filled, count) = (filled + written, count + ended);
            match result {
                End => return None,
                InputEmpty => {}
                OutputFull if self.cells.len() < MAX_ROW_BYTES => self.cells.resize(self.cells.len() * 2, 0),
                OutputEndsFull if self.ends.len() < MAX_ROW_CELLS => self.ends.resize(self.ends.len() * 2, 0),
                OutputFull | OutputEndsFull => (filled, count, too_long) = (0, 0, true),
                Record if too_long => {
                    let problem = RowProblem::RowTooLong { megabytes: MAX_ROW_BYTES >> 20 };
                    return Some(Err(RowError { line, problem }));
                }
                Record => return Some(Ok(count)),
            }
        }
    }
}

/// Passes over the rest of a line.
pub fn skip_line(text: &mut Text) -> io::Result<()> {
    loop {
        let buffer = text.fill_buf()?;
        let end = buffer.iter().position(|b| *b == b'\n');
        let (read, done) = (end.map_or(buffer.len(), |end| end + 1), end.is_some() || buffer.is_empty());
        text.consume(read);
        if done {
            return Ok(());
        }
    }
}
