//! Splits tables into one text per row while they are read: memory is bounded by one row, whatever the table's size.

use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use encoding_rs::UTF_8;
use encoding_rs_io::DecodeReaderBytesBuilder;
use serde_json::Value;

use super::dialect::{Dialect, TEXT_FIELDS, dialect};
use super::encoding::{self, TextEncoding};
use super::error::{ReadError, RowProblem};
use super::{sniff, text};

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
/// The most bytes that a row may have.
const MAX_ROW_BYTES: usize = 16 << 20;
/// The most cells that a row may have.
const MAX_ROW_CELLS: usize = 1 << 16;
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
    /// What it says.
    pub text: String,
}

/// Why a row is skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The line of the file where the row begins, from 1.
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

/// The rows of a table, read one by one. Blank rows are skipped.
pub struct TableRows {
    source: Source,
    number: u32,
    failures: u32,
    ended: bool,
}

impl std::fmt::Debug for TableRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableRows").field("number", &self.number).finish_non_exhaustive()
    }
}

type Text = Box<dyn BufRead + Send>;

enum Source {
    Separated(Box<Separated>),
    JsonLines { text: Text, line: u64 },
}

/// The result of one step through a table: the row's text, and the line where it begins.
type Step = Result<String, RowError>;

impl TableRows {
    /// Rows of a table that begins with `beginning` and goes on with `rest`; without one the beginning is all of it.
    ///
    /// # Errors
    /// When the encoding is known but cannot be decoded, or the file cannot be read.
    pub fn new(beginning: Vec<u8>, rest: Option<Box<dyn Read + Send>>, kind: TableKind) -> Result<Self, ReadError> {
        let whole = rest.is_none();
        let (encoding, mark) = text::encoding_of(&beginning, whole)?;
        let sample = &beginning[mark..beginning.len().min(mark + SAMPLE)];
        let is_all = whole && sample.len() + mark == beginning.len();
        let sample = encoding::decode(sample, encoding, is_all);
        let text = decoded(beginning, mark, rest, encoding)?;
        let source = match kind {
            TableKind::JsonLines => Source::JsonLines { text, line: 0 },
            TableKind::Separated(usual) => {
                Source::Separated(Box::new(Separated::new(text, dialect(&sample, is_all, usual))))
            }
        };
        Ok(Self { source, number: 0, failures: 0, ended: false })
    }

    /// All rows that can be read as one text, a line each.
    pub fn joined(self) -> String {
        self.flatten().map(|row| row.text).collect::<Vec<_>>().join("\n")
    }

    fn step(&mut self) -> Option<Step> {
        match &mut self.source {
            Source::Separated(table) => table.next_row(),
            Source::JsonLines { text, line } => next_line(text, line),
        }
    }

    fn line(&self) -> u64 {
        match &self.source {
            Source::Separated(table) => table.line(),
            Source::JsonLines { line, .. } => *line,
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
            if self.number == MAX_ROWS {
                return self.end(RowProblem::TooManyRows { max: MAX_ROWS });
            }
            self.number += 1;
            match step.map(|text| text::shown(&text)) {
                Ok(Some(text)) => return Some(Ok(TableRow { number: self.number, text })),
                Ok(None) => {}
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

/// A table of cells between separators.
struct Separated {
    text: Text,
    reader: csv_core::Reader,
    dialect: Dialect,
    at_start: bool,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

impl Separated {
    fn new(text: Text, dialect: Dialect) -> Self {
        let reader = csv_core::ReaderBuilder::new().delimiter(dialect.separator).quoting(dialect.quoted).build();
        Self { text, reader, dialect, at_start: true, cells: vec![0; 1 << 12], ends: vec![0; 64] }
    }

    fn line(&self) -> u64 {
        self.reader.line()
    }

    fn next_row(&mut self) -> Option<Step> {
        if std::mem::take(&mut self.at_start) {
            for _ in 0..self.dialect.lines_before {
                skip_line(&mut self.text).ok()?;
                self.reader.set_line(self.reader.line() + 1);
            }
            if self.dialect.has_header {
                let header = self.record()?;
                if let Err(error) = header {
                    return Some(Err(error));
                }
            }
        }
        let cells = match self.record()? {
            Ok(cells) => cells,
            Err(error) => return Some(Err(error)),
        };
        let starts = std::iter::once(0).chain(self.ends[..cells].iter().copied());
        let mut cells =
            starts.zip(&self.ends[..cells]).map(|(start, end)| String::from_utf8_lossy(&self.cells[start..*end]));
        Some(Ok(match self.dialect.text_column {
            Some(column) => cells.nth(column).unwrap_or_default().trim().to_owned(),
            None => {
                let cells: Vec<_> = cells.map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect();
                cells.join(" | ")
            }
        }))
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

fn skip_line(text: &mut Text) -> io::Result<()> {
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

/// The text of the next line of a table in JSON.
fn next_line(text: &mut Text, line: &mut u64) -> Option<Step> {
    let mut bytes = Vec::new();
    *line += 1;
    let line = *line;
    let failed = |error: io::Error| Some(Err(RowError { line, problem: ReadError::from(error).into() }));
    match text.by_ref().take(MAX_ROW_BYTES as u64).read_until(b'\n', &mut bytes) {
        Ok(0) => return None,
        Ok(_) => {}
        Err(error) => {
            *text = Box::new(io::empty());
            return failed(error);
        }
    }
    if bytes.len() == MAX_ROW_BYTES && !bytes.ends_with(b"\n") {
        return match skip_line(text) {
            Ok(()) => Some(Err(RowError { line, problem: RowProblem::LineTooLong { megabytes: MAX_ROW_BYTES >> 20 } })),
            Err(error) => failed(error),
        };
    }
    let json = String::from_utf8_lossy(&bytes);
    let json = json.trim();
    if json.is_empty() {
        return Some(Ok(String::new()));
    }
    let value = serde_json::from_str(json).or_else(|error| {
        // Python writes numbers that JSON does not have.
        serde_json::from_str(&without_odd_numbers(json)).map_err(|_| error)
    });
    Some(match value {
        Ok(value) => Ok(json_text(&value)),
        Err(error) => {
            let column = error.column();
            let text = error.to_string();
            // The line of a text of one line says nothing.
            let reason = text.split(" at line ").next().unwrap_or_default().to_owned();
            Err(RowError { line, problem: RowProblem::NotJson { reason, column } })
        }
    })
}

/// JSON with `null` for `NaN` and the infinities, outside of strings.
fn without_odd_numbers(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    let (mut quoted, mut escaped) = (false, false);
    let mut rest = json;
    while let Some(c) = rest.chars().next() {
        let odd = ["NaN", "-NaN", "Infinity", "-Infinity"].into_iter().find(|odd| !quoted && rest.starts_with(odd));
        if let Some(odd) = odd {
            plain.push_str("null");
            rest = &rest[odd.len()..];
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        plain.push(c);
        rest = &rest[c.len_utf8()..];
    }
    plain
}

fn json_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let named = |name: &&str| fields.get(*name).and_then(Value::as_str);
            let title = named(&"title").unwrap_or_default();
            match TEXT_FIELDS.iter().find_map(named) {
                Some(text) if text != title && !title.is_empty() => format!("{title}. {text}"),
                Some(text) => text.to_owned(),
                None => strings(fields.values()),
            }
        }
        Value::Array(values) => strings(values.iter()),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn strings<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    values.filter_map(Value::as_str).collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: TableKind = TableKind::Separated(b',');

    fn read(bytes: &[u8], kind: TableKind) -> (Vec<(u32, String)>, Vec<RowError>) {
        let (mut rows, mut errors) = (Vec::new(), Vec::new());
        // In two pieces, as a large file is read.
        let (beginning, rest) = bytes.split_at(bytes.len() - 1);
        let rest: Box<dyn Read + Send> = Box::new(Cursor::new(rest.to_vec()));
        for row in TableRows::new(bytes.to_vec(), None, kind).unwrap() {
            match row {
                Ok(row) => rows.push((row.number, row.text)),
                Err(error) => errors.push(error),
            }
        }
        let again: Vec<_> = TableRows::new(beginning.to_vec(), Some(rest), kind).unwrap().collect();
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
            let mut rows = TableRows::new(start.to_vec(), Some(Box::new(Endless(1 << 26))), kind).unwrap();
            assert!(rows.next().unwrap().is_ok());
            assert_eq!(rows.next().unwrap().unwrap_err().line, 2, "{kind:?}");
            assert!(rows.next().is_none());
        }
        let many: Vec<u8> = b"{\n".repeat(5000);
        assert_eq!(read(&many, TableKind::JsonLines).1.len(), 1001);
    }
}
