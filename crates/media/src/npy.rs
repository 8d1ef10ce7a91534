//! Reads matrices of NumPy (`.npy`, format versions 1 to 3), row by row, whatever their size.
//!
//! Source: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use half::f16;
use thiserror::Error;

use super::error::ReadError;

/// How every file begins.
const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The longest header that is read, bytes. NumPy itself refuses more than 10,000 characters.
const MAX_HEADER_BYTES: usize = 64 << 10;
/// The most columns that are read.
pub const MAX_COLUMNS: usize = 1 << 16;
/// Bytes of rows that are read at once.
const BLOCK_BYTES: usize = 4 << 20;

/// Why a file is not a matrix of numbers that can be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NpyError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It does not begin as a NumPy file does.
    #[error("It is not a NumPy file (.npy)")]
    NotNpy,
    /// A version that came later.
    #[error("NumPy files of version {major} cannot be read")]
    Version {
        /// The version.
        major: u8,
    },
    /// Its header is not what the format demands.
    #[error("The header of the NumPy file is damaged")]
    Header,
    /// Its numbers are no floating point numbers.
    #[error("It holds numbers of type {kind}; save it as float32 (`numpy.save(path, array.astype('float32'))`)")]
    Type {
        /// The type, as NumPy writes it.
        kind: String,
    },
    /// It is not a matrix.
    #[error("It has {dimensions} dimensions instead of two, rows and columns")]
    Dimensions {
        /// How many it has.
        dimensions: usize,
    },
    /// It has no columns, or too many.
    #[error("It has {columns} columns; from 1 to {MAX_COLUMNS} can be read")]
    Columns {
        /// How many it has.
        columns: u64,
    },
    /// The file ends before its last row.
    #[error("The NumPy file is truncated: the header promises {rows} rows of {columns} numbers")]
    Truncated {
        /// Rows, as the header says.
        rows: u64,
        /// Columns, as the header says.
        columns: usize,
    },
}

impl From<io::Error> for NpyError {
    fn from(error: io::Error) -> Self {
        Self::Read(error.into())
    }
}

/// The type of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Float {
    Half,
    Single,
    Double,
}

impl Float {
    fn bytes(self) -> usize {
        match self {
            Self::Half => 2,
            Self::Single => 4,
            Self::Double => 8,
        }
    }
}

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    float: Float,
    big_endian: bool,
    /// Whether columns are stored one after the other, instead of rows.
    by_columns: bool,
    rows: u64,
    columns: usize,
}

/// The rows of a matrix, read in order, with memory for about 4 MiB of them.
pub struct NpyRows {
    file: File,
    header: Header,
    /// Where the numbers begin.
    start: u64,
    /// The rows in `block`: the first, and the one after the last.
    held: [u64; 2],
    block: Vec<u8>,
}

impl std::fmt::Debug for NpyRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NpyRows").field("header", &self.header).finish_non_exhaustive()
    }
}

impl NpyRows {
    /// Opens a file, and checks its header and its length.
    ///
    /// # Errors
    /// When it is not a matrix of floating point numbers.
    pub fn open(path: &Path) -> Result<Self, NpyError> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(if metadata.is_dir() { ReadError::IsFolder.into() } else { NpyError::NotNpy });
        }
        let (header, start) = read_header(&mut file)?;
        let Header { float, rows, columns, .. } = header;
        let row_bytes = (columns * float.bytes()) as u64;
        let end = rows.checked_mul(row_bytes).and_then(|bytes| bytes.checked_add(start));
        if end.is_none_or(|end| end > metadata.len()) {
            return Err(NpyError::Truncated { rows, columns });
        }
        Ok(Self { file, header, start, held: [0, 0], block: Vec::new() })
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.header.rows
    }

    /// Numbers of a row.
    pub fn columns(&self) -> usize {
        self.header.columns
    }

    /// A row, counted from 0. Fast where rows are asked for in order.
    ///
    /// # Errors
    /// When the file cannot be read, or has no such row.
    pub fn row(&mut self, row: u64) -> Result<Vec<f64>, NpyError> {
        if !(self.held[0]..self.held[1]).contains(&row) {
            self.load(row)?;
        }
        let at = (row - self.held[0]) as usize;
        let (held, columns) = ((self.held[1] - self.held[0]) as usize, self.header.columns);
        let (size, by_columns) = (self.header.float.bytes(), self.header.by_columns);
        let number = |column: usize| {
            let place = if by_columns { column * held + at } else { at * columns + column };
            self.block.get(place * size..(place + 1) * size).and_then(|bytes| self.header.number(bytes))
        };
        (0..columns).map(number).collect::<Option<Vec<f64>>>().ok_or(NpyError::Header)
    }

    /// Reads as many rows from `first` on as a block holds.
    fn load(&mut self, first: u64) -> Result<(), NpyError> {
        let Header { float, rows, columns, by_columns, .. } = self.header;
        let (size, left) = (float.bytes(), rows.saturating_sub(first));
        if left == 0 {
            return Err(NpyError::Truncated { rows, columns });
        }
        let count = left.min((BLOCK_BYTES / (columns * size)).max(1) as u64);
        self.held = [0, 0];
        self.block.resize(count as usize * columns * size, 0);
        let at = |number: u64| SeekFrom::Start(self.start + number * size as u64);
        if by_columns {
            for (column, part) in (0..).zip(self.block.chunks_exact_mut(count as usize * size)) {
                self.file.seek(at(column * rows + first))?;
                self.file.read_exact(part)?;
            }
        } else {
            self.file.seek(at(first * columns as u64))?;
            self.file.read_exact(&mut self.block)?;
        }
        self.held = [first, first + count];
        Ok(())
    }
}

impl Header {
    fn number(&self, bytes: &[u8]) -> Option<f64> {
        let big = self.big_endian;
        Some(match self.float {
            Float::Half => {
                let bytes = bytes.try_into().ok()?;
                if big { f16::from_be_bytes(bytes) } else { f16::from_le_bytes(bytes) }.to_f64()
            }
            Float::Single => {
                let bytes = bytes.try_into().ok()?;
                f64::from(if big { f32::from_be_bytes(bytes) } else { f32::from_le_bytes(bytes) })
            }
            Float::Double => {
                let bytes = bytes.try_into().ok()?;
                if big { f64::from_be_bytes(bytes) } else { f64::from_le_bytes(bytes) }
            }
        })
    }
}

/// Reads the header; returns where the numbers begin, too.
fn read_header(file: &mut impl Read) -> Result<(Header, u64), NpyError> {
    let mut take = |bytes: &mut [u8], missing: NpyError| match file.read_exact(bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(missing),
        result => result.map_err(NpyError::from),
    };
    let mut first = [0; 8];
    take(&mut first, NpyError::NotNpy)?;
    let [.., major, _minor] = first;
    if !first.starts_with(MAGIC) {
        return Err(NpyError::NotNpy);
    }
    let (before, length) = match major {
        1 => {
            let mut length = [0; 2];
            take(&mut length, NpyError::Header)?;
            (10, usize::from(u16::from_le_bytes(length)))
        }
        2 | 3 => {
            let mut length = [0; 4];
            take(&mut length, NpyError::Header)?;
            (12, u32::from_le_bytes(length) as usize)
        }
        major => return Err(NpyError::Version { major }),
    };
    if length > MAX_HEADER_BYTES {
        return Err(NpyError::Header);
    }
    let mut text = vec![0; length];
    take(&mut text, NpyError::Header)?;
    let text = std::str::from_utf8(&text).map_err(|_| NpyError::Header)?;
    Ok((parse(text)?, (before + length) as u64))
}

/// Parses the header, a Python dictionary of three entries.
fn parse(text: &str) -> Result<Header, NpyError> {
    let inner = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or(NpyError::Header)?;
    let (mut kind, mut by_columns, mut shape) = (None, None, None);
    let mut rest = inner.trim();
    while !rest.is_empty() {
        let (key, after) = quoted(rest).ok_or(NpyError::Header)?;
        let value = after.trim_start().strip_prefix(':').ok_or(NpyError::Header)?.trim_start();
        let end = match key {
            "descr" if value.starts_with('[') => {
                return Err(NpyError::Type { kind: "record".to_owned() });
            }
            "descr" => {
                let (name, after) = quoted(value).ok_or(NpyError::Header)?;
                kind = Some(name);
                after
            }
            "fortran_order" => {
                let word = value.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
                by_columns = Some(match word {
                    "True" => true,
                    "False" => false,
                    _ => return Err(NpyError::Header),
                });
                value.get(word.len()..).unwrap_or_default()
            }
            "shape" => {
                let (numbers, after) =
                    value.strip_prefix('(').and_then(|rest| rest.split_once(')')).ok_or(NpyError::Header)?;
                shape = Some(sizes(numbers)?);
                after
            }
            _ => return Err(NpyError::Header),
        };
        let end = end.trim_start();
        rest = match end.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if end.is_empty() => end,
            None => return Err(NpyError::Header),
        };
    }
    let (Some(kind), Some(by_columns), Some(shape)) = (kind, by_columns, shape) else { return Err(NpyError::Header) };
    let (float, big_endian) = float(kind)?;
    let [rows, columns] = shape[..] else { return Err(NpyError::Dimensions { dimensions: shape.len() }) };
    let in_range = usize::try_from(columns).ok().filter(|columns| (1..=MAX_COLUMNS).contains(columns));
    let columns = in_range.ok_or(NpyError::Columns { columns })?;
    Ok(Header { float, big_endian, by_columns, rows, columns })
}

/// A quoted word without escapes, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text.get(1..)?.split_once(quote).filter(|(word, _)| !word.contains('\\'))
}

/// The numbers of a tuple; Python 2 wrote an `L` behind large ones.
fn sizes(text: &str) -> Result<Vec<u64>, NpyError> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let (last, others) = parts.split_last().ok_or(NpyError::Header)?;
    let parts = if last.is_empty() { others } else { &parts[..] };
    let size = |part: &&str| part.strip_suffix('L').unwrap_or(part).parse().map_err(|_| NpyError::Header);
    parts.iter().map(size).collect()
}

/// The type that NumPy calls so, and whether it is big-endian.
fn float(kind: &str) -> Result<(Float, bool), NpyError> {
    let unknown = || NpyError::Type { kind: kind.chars().take(20).collect() };
    let (order, name) = kind.split_at_checked(1).ok_or_else(unknown)?;
    let float = match name {
        "f2" => Float::Half,
        "f4" => Float::Single,
        "f8" => Float::Double,
        _ => return Err(unknown()),
    };
    match order {
        "<" => Ok((float, false)),
        ">" => Ok((float, true)),
        "=" => Ok((float, cfg!(target_endian = "big"))),
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests;
