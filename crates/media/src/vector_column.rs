//! Reads vectors from a field of a table of JSON lines, one per row.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde_json::Value;

use super::error::ReadError;
use super::npy::MAX_COLUMNS;

/// The most bytes that a line may have, as in a table.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// The vectors in one field of every line. Blank lines count as rows, as they do in a table.
pub struct VectorColumn {
    lines: BufReader<File>,
    name: String,
}

impl std::fmt::Debug for VectorColumn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VectorColumn").field("name", &self.name).finish_non_exhaustive()
    }
}

impl VectorColumn {
    /// Opens a table.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path, name: &str) -> Result<Self, ReadError> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(ReadError::IsFolder);
        }
        Ok(Self { lines: BufReader::with_capacity(1 << 16, file), name: name.to_owned() })
    }

    /// The vector of the next row: `None` after the last, `Some(None)` for one without a list of numbers in this field.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn next_row(&mut self) -> Result<Option<Option<Vec<f64>>>, ReadError> {
        let mut line = Vec::new();
        self.lines.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() as u64 == MAX_LINE_BYTES && !line.ends_with(b"\n") {
            self.lines.skip_until(b'\n')?;
            return Ok(Some(None));
        }
        let fields = serde_json::from_slice::<Value>(&line).ok();
        Ok(Some(fields.and_then(|fields| numbers(fields.get(&self.name)?))))
    }
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    let list = value.as_array().filter(|list| (1..=MAX_COLUMNS).contains(&list.len()))?;
    list.iter().map(Value::as_f64).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn every_line_has_a_vector_or_none() {
        let mut file = tempfile::NamedTempFile::with_suffix(".jsonl").expect("a file");
        let text =
            "{\"text\": \"a\", \"v\": [1, -0.5]}\n\n{\"v\": [1, \"2\"]}\nno JSON\n{\"v\": []}\n[1]\n{\"v\": [2, 3]}";
        file.write_all(text.as_bytes()).expect("written");
        let mut column = VectorColumn::open(file.path(), "v").expect("opens");
        let mut rows = Vec::new();
        while let Some(row) = column.next_row().expect("readable") {
            rows.push(row);
        }
        let (first, last) = (Some(vec![1.0, -0.5]), Some(vec![2.0, 3.0]));
        assert_eq!(rows, [first, None, None, None, None, None, last]);
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(VectorColumn::open(folder.path(), "v").expect_err("a folder"), ReadError::IsFolder);
    }
}
