//! Splits tables into rows while they are read: memory is bounded by one row, whatever the table's size.

mod json_lines;
mod parquet;
mod picture;
mod row;
mod separated;
mod workbook;

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::Path;

use encoding_rs::UTF_8;
use encoding_rs_io::DecodeReaderBytesBuilder;
use vicinity_core::table::{TableFormat, TableOptions};

pub use self::parquet::ParquetVectors;
use self::parquet::{ParquetRows, Wanted};
use super::budget::Reservation;
use super::dialect::dialect;
use super::encoding::{self, TextEncoding};
use super::error::{ReadError, RowProblem};
use super::guard::guarded;
use super::{sniff, text};
pub use json_lines::JsonLines;
pub use picture::RowPicture;
use row::{Columns, Step, Text};
pub use row::{RowError, TableColumn};
use separated::Separated;
pub use workbook::MEMORY as WORKBOOK_MEMORY;
use workbook::WorkbookRows;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// Cells between separators, of which this one is usual under the file's name (RFC 4180 and its relatives).
    Separated(u8),
    /// One JSON value per line.
    JsonLines,
}

/// The most rows that one file may add.
const MAX_ROWS: u32 = 1_000_000;
/// After this number of unreadable rows, the rest of a file is skipped.
const MAX_FAILURES: u32 = 1000;
/// Bytes of a table that decide how its cells are separated.
const SAMPLE: usize = 64 << 10;
/// The most bytes of a table in an encoding that cannot be decoded piece by piece.
const WHOLE_BYTES: u64 = 64 << 20;

/// The kind of table that a file name promises.
pub fn kind(path: &Path) -> Option<TableKind> {
    match sniff::extension(path).as_str() {
        "csv" => Some(TableKind::Separated(b',')),
        "tsv" | "tab" => Some(TableKind::Separated(b'\t')),
        "jsonl" | "ndjson" => Some(TableKind::JsonLines),
        _ => None,
    }
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    /// Which row of the table it is, from 1, without a header; blank and damaged rows count.
    pub number: u32,
    /// What it says; of a row that is a picture, what is written about it.
    pub text: String,
    /// Its picture, if it is one.
    pub picture: Option<RowPicture>,
    /// Its cells by the places of their columns, if they were asked for ([`TableRows::with_cells`]); those that say nothing
    /// may be left out.
    pub cells: Vec<(usize, String)>,
}

/// The rows of a table, read one by one. Blank rows are skipped.
pub struct TableRows {
    source: Source,
    columns: Columns,
    format: TableFormat,
    number: u32,
    failures: u32,
    ended: bool,
}

impl std::fmt::Debug for TableRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableRows").field("number", &self.number).finish_non_exhaustive()
    }
}

enum Source {
    Separated(Box<Separated>),
    JsonLines(JsonLines),
    Parquet(Box<ParquetRows>),
    Workbook(Box<WorkbookRows>),
}

impl TableRows {
    /// Rows of a table that begins with `beginning` and goes on with `rest`; without one the beginning is all of it.
    ///
    /// # Errors
    /// When the encoding is known but cannot be decoded, or the file cannot be read.
    pub fn new(
        beginning: Vec<u8>,
        rest: Option<Box<dyn Read + Send>>,
        kind: TableKind,
        options: &TableOptions,
    ) -> Result<Self, ReadError> {
        let (source, format) = match kind {
            TableKind::JsonLines => {
                let lines = json_lines(beginning, rest, options.text_column.clone())?;
                (Source::JsonLines(lines), TableFormat::default())
            }
            TableKind::Separated(usual) => {
                let whole = rest.is_none();
                let (encoding, mark) = text::encoding_of(&beginning, whole)?;
                let sample = &beginning[mark..beginning.len().min(mark + SAMPLE)];
                let is_all = whole && sample.len() + mark == beginning.len();
                let sample = encoding::decode(sample, encoding, is_all);
                let text = decoded(beginning, mark, rest, encoding)?;
                let table = Separated::new(text, dialect(&sample, is_all, usual, options));
                let format = TableFormat { decimal: options.decimal, ..table.format() };
                (Source::Separated(Box::new(table)), format)
            }
        };
        Ok(Self { source, columns: Columns::default(), format, number: 0, failures: 0, ended: false })
    }

    /// Rows of a Parquet file: their texts alone, or their pictures where they have some. Rows before the `first`, counted
    /// from 1, may be left out.
    ///
    /// # Errors
    /// When the file is damaged, too large, or compressed in a way that is not read.
    pub fn parquet(
        file: File,
        path: &Path,
        options: &TableOptions,
        texts_only: bool,
        first: u32,
    ) -> Result<Self, ReadError> {
        let wanted = if texts_only { Wanted::Text } else { Wanted::Content };
        let rows = ParquetRows::open(file, path, wanted, options, u64::from(first.saturating_sub(1)))?;
        let (number, format) = (u32::try_from(rows.number()).unwrap_or(u32::MAX), rows.format());
        let source = Source::Parquet(Box::new(rows));
        Ok(Self { source, columns: Columns::default(), format, number, failures: 0, ended: false })
    }

    /// Rows of the first sheet of a workbook that has a table.
    ///
    /// # Errors
    /// When the file is damaged or encrypted, or too large.
    pub fn workbook(source: impl Read + Seek, options: &TableOptions) -> Result<Self, ReadError> {
        let rows = WorkbookRows::open(source, options)?;
        let (format, source) = (rows.format(), Source::Workbook(Box::new(rows)));
        Ok(Self { source, columns: Columns::default(), format, number: 0, failures: 0, ended: false })
    }

    /// The same rows of a workbook, with the memory that they take.
    pub(crate) fn holding(mut self, held: Reservation<'static>) -> Self {
        if let Source::Workbook(rows) = &mut self.source {
            rows.hold(held);
        }
        self
    }

    /// The same rows with their cells.
    pub fn with_cells(mut self) -> Self {
        self.columns.wanted = true;
        if let Source::Parquet(rows) = &mut self.source {
            rows.want_cells();
        }
        self
    }

    /// The columns that the rows so far have; only with [`Self::with_cells`].
    pub fn columns(&self) -> &[TableColumn] {
        &self.columns.all
    }

    /// How the table is written, as far as the rows so far show it.
    pub fn format(&self) -> TableFormat {
        let content = match &self.source {
            Source::Separated(table) => table.content_column(&self.columns),
            Source::JsonLines(_) => None,
            Source::Parquet(_) | Source::Workbook(_) => self.format.content_column.clone(),
        };
        TableFormat { content_column: content, ..self.format.clone() }
    }

    /// How many rows were read so far; blank and damaged ones count.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// All rows that can be read as one text, a line each.
    pub fn joined(self) -> String {
        self.flatten().map(|row| row.text).collect::<Vec<_>>().join("\n")
    }

    fn step(&mut self) -> Option<Step> {
        match &mut self.source {
            Source::Separated(table) => table.next_row(&mut self.columns),
            Source::JsonLines(lines) => lines.next_row(&mut self.columns),
            Source::Workbook(rows) => rows.next_row(&mut self.columns),
            Source::Parquet(rows) => guarded(|| Ok(rows.next_row(&mut self.columns))).unwrap_or_else(|error| {
                self.ended = true;
                Some(Err(RowError { line: rows.number() + 1, problem: error.into() }))
            }),
        }
    }

    fn line(&self) -> u64 {
        match &self.source {
            Source::Separated(table) => table.line(),
            Source::JsonLines(lines) => lines.line(),
            Source::Parquet(rows) => rows.number(),
            Source::Workbook(rows) => rows.line(),
        }
    }

    /// Leaves the rest alone.
    fn end(&mut self, problem: RowProblem) -> Option<Result<TableRow, RowError>> {
        self.ended = true;
        Some(Err(RowError { line: self.line(), problem }))
    }
}

impl Iterator for TableRows {
    type Item = Result<TableRow, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let step = self.step()?;
            if self.number >= MAX_ROWS {
                return self.end(RowProblem::TooManyRows { max: MAX_ROWS });
            }
            self.number += 1;
            match step.map(|row| (text::shown(&row.text), row)) {
                Ok((None, row)) if row.picture.is_none() && !row.is_item => {}
                Ok((text, row)) => {
                    let (number, text) = (self.number, text.unwrap_or_default());
                    return Some(Ok(TableRow { number, text, picture: row.picture, cells: row.cells }));
                }
                Err(error) => {
                    self.failures += 1;
                    if self.failures > MAX_FAILURES {
                        return self.end(RowProblem::TooManyFailures { max: MAX_FAILURES });
                    }
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// The lines of a file that begins with `beginning` and goes on with `rest`; `text_field` is the field that holds the text.
///
/// # Errors
/// As [`TableRows::new`].
pub fn json_lines(
    beginning: Vec<u8>,
    rest: Option<Box<dyn Read + Send>>,
    text_field: Option<String>,
) -> Result<JsonLines, ReadError> {
    let (encoding, mark) = text::encoding_of(&beginning, rest.is_none())?;
    Ok(JsonLines::new(decoded(beginning, mark, rest, encoding)?, text_field))
}

/// The table as UTF-8, piece by piece.
fn decoded(
    beginning: Vec<u8>,
    mark: usize,
    rest: Option<Box<dyn Read + Send>>,
    encoding: TextEncoding,
) -> io::Result<Text> {
    let mut start = Cursor::new(beginning);
    start.set_position(mark as u64);
    let bytes: Box<dyn Read + Send> = match rest {
        Some(rest) => Box::new(start.chain(rest)),
        None => Box::new(start),
    };
    Ok(match encoding {
        // Invalid characters are replaced cell by cell.
        TextEncoding::Known(encoding) if encoding == UTF_8 => Box::new(BufReader::with_capacity(SAMPLE, bytes)),
        TextEncoding::Known(encoding) => {
            let reader = DecodeReaderBytesBuilder::new().encoding(Some(encoding)).build(bytes);
            Box::new(BufReader::with_capacity(SAMPLE, reader))
        }
        other => {
            let mut all = Vec::new();
            bytes.take(WHOLE_BYTES).read_to_end(&mut all)?;
            Box::new(Cursor::new(encoding::decode(&all, other, true).into_bytes()))
        }
    })
}

#[cfg(test)]
mod tests {
    use vicinity_core::table::MAX_COLUMNS;

    use super::*;

    /// A row: its number, and its cells by column.
    type RowCells = (u32, Vec<(usize, String)>);

    /// Nothing is chosen.
    const DETECTED: TableOptions = TableOptions { separator: None, decimal: None, has_header: None, text_column: None };

    const CSV: TableKind = TableKind::Separated(b',');

    fn read(bytes: &[u8], kind: TableKind) -> (Vec<(u32, String)>, Vec<RowError>) {
        let (mut rows, mut errors) = (Vec::new(), Vec::new());
        // In two pieces, as a large file is read.
        let (beginning, rest) = bytes.split_at(bytes.len() - 1);
        let rest: Box<dyn Read + Send> = Box::new(Cursor::new(rest.to_vec()));
        for row in TableRows::new(bytes.to_vec(), None, kind, &DETECTED).unwrap() {
            match row {
                Ok(row) => rows.push((row.number, row.text)),
                Err(error) => errors.push(error),
            }
        }
        let again: Vec<_> = TableRows::new(beginning.to_vec(), Some(rest), kind, &DETECTED).unwrap().collect();
        assert_eq!(again.len(), rows.len() + errors.len(), "in pieces");
        (rows, errors)
    }

    fn texts(bytes: &[u8], kind: TableKind) -> Vec<String> {
        read(bytes, kind).0.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn takes_the_text_column_or_all_cells() {
        assert_eq!(texts(b"id,text\n1,\"a dog, running\"\n2,a cat\n", CSV), ["a dog, running", "a cat"]);
        assert_eq!(texts(b"1,red,round\n2,blue,\n", CSV), ["1 | red | round", "2 | blue"]);
        assert_eq!(texts(b"caption\tx\nhello\t1\n", TableKind::Separated(b'\t')), ["hello"]);
        assert_eq!(texts(b"animal,legs\ndog,4\nbird,2\n", CSV), ["dog | 4", "bird | 2"], "a header is no item");
        assert_eq!(texts(b"id,text\n", CSV), [""; 0]);
    }

    #[test]
    fn rows_end_where_they_end() {
        let table = b"\xef\xbb\xbfid,text\r\n1,\"two\r\nlines\"\r\n\r\n2,\"a \"\"cat\"\"\"\r\n3\r\n4,x,y\r\n";
        let (rows, errors) = read(table, CSV);
        let wanted = [(1, "two\nlines"), (2, "a \"cat\""), (4, "x")].map(|(n, text)| (n, text.to_owned()));
        assert_eq!(rows, wanted);
        assert_eq!(errors, []);
        assert_eq!(texts(b"id,text\r1,dog\r2,cat\r", CSV), ["dog", "cat"], "old Macintosh");
    }

    #[test]
    fn reads_json_lines_and_names_the_bad_ones() {
        let lines = b"{\"title\":\"T\",\"text\":\"body\"}\n\n\"plain\"\r\n{\"a\":\"x\",\"b\":\"y\"}\n{\"text\":\"cut\n{\"text\":\"c\"}";
        let (rows, errors) = read(lines, TableKind::JsonLines);
        let wanted = [(1, "T. body"), (3, "plain"), (4, "x | y"), (6, "c")].map(|(n, text)| (n, text.to_owned()));
        assert_eq!(rows, wanted);
        assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [5]);
        assert!(errors[0].problem.to_string().contains("not JSON"), "{errors:?}");
    }

    #[test]
    fn numbers_that_json_does_not_have_are_none() {
        let lines =
            b"{\"text\":\"NaN \\\" Infinity\",\"a\":NaN,\"b\":[-Infinity, Infinity]}\n{\"text\":\"x\",\"a\":NaNa}\n";
        let (rows, errors) = read(lines, TableKind::JsonLines);
        assert_eq!(rows, [(1, "NaN \" Infinity".to_owned())]);
        assert_eq!(errors.len(), 1);
    }

    #[test]
    fn other_encodings_are_decoded_piece_by_piece() {
        let table = "id;text\n1;\"größer; als\"\n2;süß\n";
        let utf16: Vec<u8> = [0xfeff].into_iter().chain(table.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let latin1: Vec<u8> = table.chars().map(|c| c as u8).collect();
        for bytes in [table.as_bytes(), &utf16, &latin1] {
            assert_eq!(texts(bytes, CSV), ["größer; als", "süß"]);
        }
    }

    #[test]
    fn the_field_that_holds_the_text_can_be_chosen() {
        let lines = b"{\"text\":\"a\",\"of\":{\"Note\":\"b\"},\"n\":3}\n{\"text\":\"c\"}\n\"d\"\n";
        let texts = |field: &str| {
            let options = TableOptions { text_column: Some(field.to_owned()), ..DETECTED };
            let rows = TableRows::new(lines.to_vec(), None, TableKind::JsonLines, &options).unwrap();
            rows.map(|row| row.unwrap().text).collect::<Vec<_>>()
        };
        assert_eq!(texts("of.note"), ["b", "c", "d"]);
        assert_eq!(texts("N"), ["3", "c", "d"]);
        assert_eq!(texts("of"), ["a", "c", "d"]);
    }

    /// The names of the columns, and the cells of each row with its number.
    fn cells(bytes: &[u8], kind: TableKind) -> (Vec<String>, Vec<RowCells>) {
        let mut table = TableRows::new(bytes.to_vec(), None, kind, &DETECTED).unwrap().with_cells();
        let rows = table.by_ref().flatten().map(|row| (row.number, row.cells)).collect();
        (table.columns().iter().map(|column| column.name.clone()).collect(), rows)
    }

    #[test]
    fn cells_are_given_by_column_where_they_are_asked_for() {
        let cell = |at: usize, text: &str| (at, text.to_owned());
        let (names, rows) = cells(b"id, text ,price\n1,\"a dog\",\"2,5\"\n\n2,a cat\n3,,9\n4,x,5,6\n", CSV);
        assert_eq!(names, ["id", "text", "price", ""]);
        let wanted = [
            (1, vec![cell(0, "1"), cell(1, "a dog"), cell(2, "2,5")]),
            (2, vec![cell(0, "2"), cell(1, "a cat")]),
            (4, vec![cell(0, "4"), cell(1, "x"), cell(2, "5"), cell(3, "6")]),
        ];
        assert_eq!(rows, wanted, "a row without a text is no item");
        let (names, rows) = cells(b"1,red\n2,blue\n", CSV);
        assert_eq!((names, rows.len()), (vec![String::new(); 2], 2));
        let lines = b"{\"text\":\"a\",\"n\":1.5,\"tags\":[\"x\",2,null],\"of\":{\"who\":true}}\n{\"text\":\"b\",\"late\":null,\"n\":2}\n\"c\"\n";
        let (names, rows) = cells(lines, TableKind::JsonLines);
        assert_eq!(names, ["n", "of.who", "tags", "text"]);
        assert_eq!(rows[0].1, [cell(0, "1.5"), cell(1, "true"), cell(2, "x, 2"), cell(3, "a")]);
        assert_eq!((&rows[1].1, &rows[2].1), (&vec![cell(0, "2"), cell(3, "b")], &Vec::new()));
        let rows: Vec<_> = TableRows::new(b"a,text\n1,b\n".to_vec(), None, CSV, &DETECTED).unwrap().flatten().collect();
        assert!(rows[0].cells.is_empty(), "not asked for");
    }

    #[test]
    fn what_is_detected_is_told() {
        let format = |bytes: &[u8]| {
            let mut table = TableRows::new(bytes.to_vec(), None, CSV, &DETECTED).unwrap().with_cells();
            table.by_ref().for_each(drop);
            table.format()
        };
        let found = format(b"id;text\n1;a\n2;b\n");
        assert_eq!(
            (found.separator, found.has_header, found.content_column.as_deref()),
            (Some(';'), Some(true), Some("text"))
        );
        let found = format(b"just words\nand more words\n");
        assert_eq!((found.separator, found.has_header, found.content_column), (None, Some(false), None));
    }

    #[test]
    fn columns_without_end_are_bounded() {
        let wide = format!("text{}\nx{}\n", ",c".repeat(2000), ",1".repeat(2000));
        let (names, rows) = cells(wide.as_bytes(), CSV);
        assert_eq!((names.len(), rows[0].1.len()), (MAX_COLUMNS, MAX_COLUMNS));
        let lines: String = (0..2000).map(|i| format!("{{\"text\":\"x\",\"k{i}\":1}}\n")).collect();
        assert_eq!(cells(lines.as_bytes(), TableKind::JsonLines).0.len(), MAX_COLUMNS);
    }

    /// A table that goes on for ever.
    struct Endless(u64);

    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(usize::try_from(self.0).unwrap_or(usize::MAX));
            buffer[..count].fill(b'x');
            self.0 -= count as u64;
            Ok(count)
        }
    }

    #[test]
    fn a_row_without_end_is_one_failure_and_takes_bounded_memory() {
        for (start, kind) in [(&b"1,a\n2,\"b"[..], CSV), (&b"\"a\"\n\"b"[..], TableKind::JsonLines)] {
            let mut rows = TableRows::new(start.to_vec(), Some(Box::new(Endless(1 << 26))), kind, &DETECTED).unwrap();
            assert!(rows.next().unwrap().is_ok());
            assert_eq!(rows.next().unwrap().unwrap_err().line, 2, "{kind:?}");
            assert!(rows.next().is_none());
        }
        let many: Vec<u8> = b"{\n".repeat(5000);
        assert_eq!(read(&many, TableKind::JsonLines).1.len(), 1001);
    }
}
