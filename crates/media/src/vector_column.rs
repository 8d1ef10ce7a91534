//! Reads vectors from a field of a table, one per row.

use std::path::Path;

use serde_json::Value;

use super::error::{ReadError, RowProblem};
use super::npy::MAX_COLUMNS;
use super::sniff;
use super::table::{JsonLines, ParquetVectors};

/// The vectors in one field of every row. Blank and damaged rows count, as they do in a table.
pub struct VectorColumn {
    source: Source,
    name: String,
}

enum Source {
    JsonLines(JsonLines),
    Parquet(Box<ParquetVectors>),
}

impl std::fmt::Debug for VectorColumn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VectorColumn").field("name", &self.name).finish_non_exhaustive()
    }
}

impl VectorColumn {
    /// Whether a file of this name may have vectors in a field.
    pub fn is_possible(path: &Path) -> bool {
        sniff::is_parquet_name(path) || matches!(sniff::extension(path).as_str(), "jsonl" | "ndjson")
    }

    /// Opens a table of JSON lines or a Parquet file, as its name says.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path, name: &str) -> Result<Self, ReadError> {
        let source = match sniff::is_parquet_name(path) {
            true => Source::Parquet(Box::new(ParquetVectors::open(path, name)?)),
            false => Source::JsonLines(super::json_lines(path)?),
        };
        Ok(Self { source, name: name.to_owned() })
    }

    /// The vector of the next row: `None` after the last, `Some(None)` for one without a list of numbers in this field. A
    /// number that is unknown is NaN.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn next_row(&mut self) -> Result<Option<Option<Vec<f64>>>, ReadError> {
        let lines = match &mut self.source {
            Source::JsonLines(lines) => lines,
            Source::Parquet(vectors) => return vectors.next_row(),
        };
        Ok(match lines.next_value() {
            None => None,
            Some(Ok(fields)) => Some(fields.and_then(|fields| numbers(fields.get(&self.name)?))),
            Some(Err(error)) => match error.problem {
                RowProblem::Read(error) => return Err(error),
                _ => Some(None),
            },
        })
    }
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    let list = value.as_array().filter(|list| (1..=MAX_COLUMNS).contains(&list.len()))?;
    list.iter().map(|value| if value.is_null() { Some(f64::NAN) } else { value.as_f64() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<Option<Vec<f64>>> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, bytes).expect("written");
        let mut column = VectorColumn::open(&path, "v").expect("opens");
        std::iter::from_fn(|| column.next_row().expect("readable")).collect()
    }

    #[test]
    fn every_line_has_a_vector_or_none() {
        let text =
            "{\"text\": \"a\", \"v\": [1, -0.5]}\n\n{\"v\": [1, \"2\"]}\nno JSON\n{\"v\": []}\n[1]\n{\"v\": [2, 3]}";
        let (first, last) = (Some(vec![1.0, -0.5]), Some(vec![2.0, 3.0]));
        let expected = [first, None, None, None, None, None, last];
        assert_eq!(read(text.as_bytes()), expected);
        let utf16: Vec<u8> = [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&utf16), expected, "in every encoding that rows are read in");
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(VectorColumn::open(folder.path(), "v").expect_err("a folder"), ReadError::IsFolder);
    }

    #[test]
    fn lines_are_read_as_those_of_the_table_are() {
        let rows = read(b"\xef\xbb\xbf{\"v\": [1, 2]}\n  \n{\"v\": [NaN, -Infinity]}\n");
        assert_eq!(rows[..2], [Some(vec![1.0, 2.0]), None], "a mark at the beginning, and a blank line");
        assert!(rows[2].as_ref().is_some_and(|row| row.iter().all(|number| number.is_nan())), "{rows:?}");
    }
}
