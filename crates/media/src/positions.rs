//! Reads the positions of a map from a table with columns `x` and `y`, or from a NumPy matrix of two columns.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use csv::ByteRecord;
use thiserror::Error;

use super::error::ReadError;
use super::npy::{NpyError, NpyRows};
use super::sniff;

/// The largest table that is read, bytes: 256 for each of a million rows.
const MAX_TABLE_BYTES: u64 = 256 << 20;
/// The most positions that are read.
const MAX_POSITIONS: u64 = 1_000_000;
/// Bytes of a table that decide how its cells are separated.
const SAMPLE: u64 = 4 << 10;
/// The three bytes that some programs write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Why positions cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PositionsError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The NumPy file cannot be read.
    #[error(transparent)]
    Npy(#[from] NpyError),
    /// The table has neither the columns `x` and `y`, nor two columns of numbers.
    #[error("It has no columns `x` and `y`")]
    NoColumns,
    /// A matrix has more or fewer than two columns.
    #[error("It has {columns} columns instead of two, x and y")]
    Columns {
        /// How many it has.
        columns: usize,
    },
    /// A row has no position.
    #[error("Row {row} has no position of two finite numbers")]
    Row {
        /// Which row, from 1, without a header.
        row: u64,
    },
    /// There are too many rows.
    #[error("It has over {MAX_POSITIONS} rows")]
    TooMany,
}

/// Reads positions, one per row: x rightwards, y upwards, in any unit.
///
/// # Errors
/// When the file cannot be read, or a row has no position.
pub fn read_positions(path: &Path) -> Result<Vec<[f64; 2]>, PositionsError> {
    if sniff::extension(path) == "npy" { matrix(path) } else { table(path) }
}

fn matrix(path: &Path) -> Result<Vec<[f64; 2]>, PositionsError> {
    let mut rows = NpyRows::open(path)?;
    if rows.columns() != 2 {
        return Err(PositionsError::Columns { columns: rows.columns() });
    }
    if rows.rows() > MAX_POSITIONS {
        return Err(PositionsError::TooMany);
    }
    let mut positions = Vec::new();
    for row in 0..rows.rows() {
        let position = <[f64; 2]>::try_from(rows.row(row)?).ok().filter(|at| at.iter().all(|v| v.is_finite()));
        positions.push(position.ok_or(PositionsError::Row { row: row + 1 })?);
    }
    Ok(positions)
}

fn table(path: &Path) -> Result<Vec<[f64; 2]>, PositionsError> {
    let io = |error: std::io::Error| PositionsError::Read(error.into());
    let mut file = File::open(path).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    if bytes > MAX_TABLE_BYTES {
        return Err(ReadError::FileTooLarge { bytes }.into());
    }
    let mut sample = Vec::new();
    file.by_ref().take(SAMPLE).read_to_end(&mut sample).map_err(io)?;
    let mark = if sample.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let separator = separator(sample.get(mark..).unwrap_or_default());
    file.seek(SeekFrom::Start(mark as u64)).map_err(io)?;
    let text = BufReader::new(file.take(MAX_TABLE_BYTES));
    let mut rows = csv::ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(text);
    let mut record = ByteRecord::new();
    let (mut columns, mut positions) = (None, Vec::new());
    while rows.read_byte_record(&mut record).map_err(|error| io(error.into()))? {
        let columns = match columns {
            Some(columns) => columns,
            None => {
                let (found, is_header) = columns_of(&record, separator).ok_or(PositionsError::NoColumns)?;
                columns = Some(found);
                if is_header {
                    continue;
                }
                found
            }
        };
        if positions.len() as u64 == MAX_POSITIONS {
            return Err(PositionsError::TooMany);
        }
        let row = positions.len() as u64 + 1;
        let [x, y] = columns.map(|column| number(&record, column, separator));
        positions.push(x.zip(y).map(|(x, y)| [x, y]).ok_or(PositionsError::Row { row })?);
    }
    if positions.is_empty() && columns.is_none() { Err(PositionsError::NoColumns) } else { Ok(positions) }
}

/// What separates the cells, judged by the first line.
fn separator(sample: &[u8]) -> u8 {
    let line = sample.split(|byte| *byte == b'\n').next().unwrap_or_default();
    [b'\t', b';'].into_iter().find(|separator| line.contains(separator)).unwrap_or(b',')
}

/// The columns of x and y as the first row tells, and whether that row is a header.
fn columns_of(first: &ByteRecord, separator: u8) -> Option<([usize; 2], bool)> {
    let named = |name: &[u8]| first.iter().position(|cell| cell.trim_ascii().eq_ignore_ascii_case(name));
    match (named(b"x"), named(b"y")) {
        (Some(x), Some(y)) => Some(([x, y], true)),
        _ if first.len() == 2 => {
            // A row of two numbers, or else a header in other words.
            let is_header = [0, 1].into_iter().all(|column| number(first, column, separator).is_none());
            Some(([0, 1], is_header))
        }
        _ => None,
    }
}

/// A finite number; where cells are separated by semicolons, it may have a decimal comma.
fn number(record: &ByteRecord, column: usize, separator: u8) -> Option<f64> {
    let text = std::str::from_utf8(record.get(column)?).ok()?.trim();
    let parsed = match separator {
        b';' if text.contains(',') => text.replacen(',', ".", 1).parse(),
        _ => text.parse::<f64>(),
    };
    parsed.ok().filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(text: &[u8]) -> Result<Vec<[f64; 2]>, PositionsError> {
        let mut file = tempfile::NamedTempFile::with_suffix(".csv").expect("a file");
        file.write_all(text).expect("written");
        read_positions(file.path())
    }

    #[test]
    fn positions_are_read_however_the_table_is_written() {
        let wanted = Ok(vec![[1.5, -2.0], [0.0, 1e3]]);
        for text in [
            &b"1.5,-2\n0,1e3"[..],
            b"x,y\n1.5,-2\n0,1e3\n",
            b"\xef\xbb\xbfX\tY\r\n1.5\t-2\r\n0\t1000\r\n",
            b"x;y\n1,5;-2,0\n0;1000\n",
            b"path,y,x\n\"a,b.txt\",-2, 1.5\n\nc.txt,1000,0\n",
            b"east,north\n1.5,-2\n0,1000",
        ] {
            assert_eq!(read(text), wanted, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn what_has_no_positions_is_refused_by_row() {
        assert_eq!(read(b""), Err(PositionsError::NoColumns));
        assert_eq!(read(b"1,2,3\n"), Err(PositionsError::NoColumns));
        assert_eq!(read(b"x,y\n1,2\n1\n"), Err(PositionsError::Row { row: 2 }));
        assert_eq!(read(b"x,y\n1,NaN\n"), Err(PositionsError::Row { row: 1 }));
        assert_eq!(read(b"1,2\n1,inf\n"), Err(PositionsError::Row { row: 2 }));
        assert_eq!(read(b"x,y\n1,2\n\xff,3\n"), Err(PositionsError::Row { row: 2 }));
        assert_eq!(read(b"x,y\n"), Ok(Vec::new()));
    }

    #[test]
    fn a_matrix_of_two_columns_is_read() {
        let matrix = |columns: usize, values: &[f32]| {
            let header = format!(
                "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {columns}), }}\n",
                values.len() / columns
            );
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend((header.len() as u16).to_le_bytes());
            bytes.extend(header.as_bytes());
            bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
            let mut file = tempfile::NamedTempFile::with_suffix(".npy").expect("a file");
            file.write_all(&bytes).expect("written");
            read_positions(file.path())
        };
        assert_eq!(matrix(2, &[1.0, 2.0, 3.0, 4.0]), Ok(vec![[1.0, 2.0], [3.0, 4.0]]));
        assert_eq!(matrix(3, &[1.0, 2.0, 3.0]), Err(PositionsError::Columns { columns: 3 }));
        assert_eq!(matrix(2, &[1.0, 2.0, f32::NAN, 4.0]), Err(PositionsError::Row { row: 2 }));
    }
}
