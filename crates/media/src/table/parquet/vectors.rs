//! The vectors in a column of a Parquet file: lists of floating point numbers, one per row.

use std::fs::File;
use std::path::Path;

use half::f16;
use parquet::basic::{LogicalType, Type as PhysicalType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{DataType, DoubleType, FixedLenByteArrayType, FloatType};
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::FileReader;

use super::footer::{check_column, read_metadata};
use super::lists::ListLimits;
use super::pages::PagedFile;
use crate::error::{ReadError, TableError};
use crate::guard::guarded;
use crate::npy::MAX_COLUMNS;

/// Rows that are read at once.
const BATCH: usize = 64;
/// What a column of vectors may have.
const LIMITS: ListLimits = ListLimits { values: 1 << 29, row: MAX_COLUMNS as u64, bytes: u64::MAX };

/// The vectors of a column, row by row.
pub struct ParquetVectors {
    file: PagedFile,
    leaf: Option<Leaf>,
    /// The row group that is read next.
    group: usize,
    reader: Option<ColumnReader>,
    /// Rows that were read, the next one last.
    rows: Vec<Option<Vec<f64>>>,
}

/// A column of lists of numbers.
#[derive(Debug, Clone, Copy)]
struct Leaf {
    column: usize,
    /// Level of definition of a number that is known.
    known: i16,
    /// Whether a number may be unknown.
    optional: bool,
}

impl ParquetVectors {
    /// The vectors of the column `name` of the file at `path`.
    ///
    /// # Errors
    /// When the file is damaged, too large, or compressed in a way that is not read.
    pub fn open(path: &Path, name: &str) -> Result<Self, ReadError> {
        let mut file = File::open(path)?;
        guarded(|| {
            let metadata = read_metadata(&mut file, 0)?.0;
            let leaf = leaf(&metadata, name);
            if let Some(leaf) = leaf {
                metadata.row_groups().iter().try_for_each(|group| check_column(group.column(leaf.column)))?;
            }
            let file = PagedFile::new(file, metadata, LIMITS);
            Ok(Self { file, leaf, group: 0, reader: None, rows: Vec::new() })
        })
    }

    /// The vector of the next row: `None` after the last, `Some(None)` for one without a list of numbers.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn next_row(&mut self) -> Result<Option<Option<Vec<f64>>>, ReadError> {
        let Some(leaf) = self.leaf else { return Ok(None) };
        while self.rows.is_empty() {
            if self.reader.is_none() && self.group >= self.file.num_row_groups() {
                return Ok(None);
            }
            guarded(|| self.read(leaf).map_err(|_| TableError::Damaged.into()))?;
        }
        Ok(self.rows.pop())
    }

    fn read(&mut self, leaf: Leaf) -> ParquetResult<()> {
        // Taken out, so that nothing is read again after an error.
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => {
                self.group += 1;
                self.file.get_row_group(self.group - 1)?.get_column_reader(leaf.column)?
            }
        };
        self.reader = match reader {
            ColumnReader::FloatColumnReader(mut reader) => {
                let rows = batch::<FloatType>(&mut reader, leaf, |value| f64::from(*value))?;
                self.take(rows).then_some(ColumnReader::FloatColumnReader(reader))
            }
            ColumnReader::DoubleColumnReader(mut reader) => {
                let rows = batch::<DoubleType>(&mut reader, leaf, |value| *value)?;
                self.take(rows).then_some(ColumnReader::DoubleColumnReader(reader))
            }
            ColumnReader::FixedLenByteArrayColumnReader(mut reader) => {
                let half = |value: &[u8]| value.try_into().map_or(f64::NAN, |bytes| f16::from_le_bytes(bytes).to_f64());
                let rows = batch::<FixedLenByteArrayType>(&mut reader, leaf, |value| half(value.data()))?;
                self.take(rows).then_some(ColumnReader::FixedLenByteArrayColumnReader(reader))
            }
            _ => None,
        };
        Ok(())
    }

    /// Whether there were any.
    fn take(&mut self, mut rows: Vec<Option<Vec<f64>>>) -> bool {
        rows.reverse();
        self.rows = rows;
        !self.rows.is_empty()
    }
}

/// The next rows of a row group; none at its end.
fn batch<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    leaf: Leaf,
    number: impl Fn(&T::T) -> f64,
) -> ParquetResult<Vec<Option<Vec<f64>>>> {
    let (mut known, mut repeated, mut values) = (Vec::new(), Vec::new(), Vec::new());
    reader.read_records(BATCH, Some(&mut known), Some(&mut repeated), &mut values)?;
    let mut values = values.iter();
    let mut rows: Vec<Option<Vec<f64>>> = Vec::new();
    for (known, repeated) in known.into_iter().zip(repeated) {
        if repeated == 0 {
            rows.push(None);
        }
        let value = match known {
            known if known == leaf.known => values.next().map(&number),
            // A number that is not known is none that can be used.
            known if leaf.optional && known == leaf.known - 1 => Some(f64::NAN),
            _ => None,
        };
        if let (Some(row), Some(value)) = (rows.last_mut(), value) {
            row.get_or_insert_default().push(value);
        }
    }
    let is_vector = |row: Option<Vec<f64>>| row.filter(|numbers| (1..=MAX_COLUMNS).contains(&numbers.len()));
    Ok(rows.into_iter().map(is_vector).collect())
}

/// The column of this name, if it is one of lists of floating point numbers.
fn leaf(metadata: &ParquetMetaData, name: &str) -> Option<Leaf> {
    let schema = metadata.file_metadata().schema_descr();
    let mut found = (0..schema.num_columns()).filter(|at| schema.get_column_root(*at).name() == name);
    let (column, None) = (found.next()?, found.next()) else { return None };
    let column_type = schema.column(column);
    let is_half = || column_type.logical_type_ref() == Some(&LogicalType::Float16);
    let is_float = match column_type.physical_type() {
        PhysicalType::FLOAT | PhysicalType::DOUBLE => true,
        PhysicalType::FIXED_LEN_BYTE_ARRAY => is_half(),
        _ => false,
    };
    let optional = column_type.self_type().is_optional();
    (is_float && column_type.max_rep_level() == 1).then(|| Leaf {
        column,
        known: column_type.max_def_level(),
        optional,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn rows(file: &str, name: &str) -> Result<Vec<Option<Vec<f64>>>, ReadError> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/tables").join(file);
        let mut column = ParquetVectors::open(&path, name)?;
        std::iter::from_fn(|| column.next_row().transpose()).collect()
    }

    #[test]
    fn lists_of_all_kinds_of_floats_are_vectors() {
        let whole = |n: f64| Some(vec![n, n + 0.5, -n]);
        for name in ["single", "double", "half", "fixed"] {
            let expected = [whole(1.0), whole(2.0), None, whole(4.0), whole(5.0)];
            assert_eq!(rows("vectors.parquet", name), Ok(expected.to_vec()), "{name}");
        }
        let ragged = rows("vectors.parquet", "ragged").expect("readable");
        assert_eq!(ragged[..3], [Some(vec![1.0]), None, Some(vec![1.0, 2.0])]);
        assert!(ragged[3].as_ref().is_some_and(|row| row[0] == 1.0 && row[1].is_nan()), "{ragged:?}");
        assert_eq!(ragged.len(), 5);
        for name in ["text", "nested", "missing", "whole"] {
            assert_eq!(rows("vectors.parquet", name), Ok(Vec::new()), "{name}");
        }
        assert_eq!(rows("zstd.parquet", "vector").expect("readable")[3], Some(vec![3.0; 4]));
    }

    #[test]
    fn a_row_without_end_is_an_error() {
        use parquet::file::writer::SerializedFileWriter;
        let schema = "message m { required group v (LIST) { repeated group list { required float element; } } }";
        let schema = parquet::schema::parser::parse_message_type(schema).expect("a schema");
        let file = tempfile::NamedTempFile::new().expect("a file");
        for (length, is_read) in [(MAX_COLUMNS, true), (MAX_COLUMNS + 1, false)] {
            let target = File::create(file.path()).expect("created");
            let mut writer =
                SerializedFileWriter::new(target, schema.clone().into(), Arc::default()).expect("a writer");
            let mut group = writer.next_row_group().expect("a group");
            let mut column = group.next_column().expect("a column").expect("one");
            let mut repeated = vec![1; length];
            repeated[0] = 0;
            let (known, values) = (vec![1; length], vec![0.5; length]);
            column.typed::<FloatType>().write_batch(&values, Some(&known), Some(&repeated)).expect("written");
            column.close().expect("closed");
            group.close().expect("closed");
            writer.close().expect("closed");
            let row = ParquetVectors::open(file.path(), "v").and_then(|mut column| column.next_row());
            let length_read = row.map(|row| row.flatten().map(|row| row.len()));
            let expected = if is_read { Ok(Some(length)) } else { Err(TableError::Damaged.into()) };
            assert_eq!(length_read, expected);
        }
    }
}
