//! Writes a table of items as Parquet, uncompressed.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

use super::item_table::{ExportedItems, ItemColumn, ItemValue, ItemValueKind, check_cancelled};
use vicinity_core::atomic_file::AtomicFile;

/// Rows of a group: as many as are in memory at once.
const GROUP: usize = 100_000;

/// Writes all rows and columns.
///
/// # Errors
/// When the file cannot be written.
pub fn write(table: &ExportedItems<'_>, file: &mut AtomicFile) -> io::Result<()> {
    write_groups(table, file).map_err(|error| match error {
        ParquetError::External(error) if error.downcast_ref::<io::Error>().is_some() => {
            error.downcast::<io::Error>().map_or_else(io::Error::other, |error| *error)
        }
        error => io::Error::other(error),
    })
}

fn write_groups(table: &ExportedItems<'_>, file: &mut AtomicFile) -> Result<(), ParquetError> {
    let columns = table.columns();
    let fields = columns.iter().map(|column| Ok(Arc::new(field(*column)?))).collect::<Result<_, ParquetError>>()?;
    let schema = Type::group_type_builder("items").with_fields(fields).build()?;
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(WriterProperties::builder().build()))?;
    for start in (0..table.rows.len()).step_by(GROUP) {
        let rows = start..(start + GROUP).min(table.rows.len());
        let mut group = writer.next_row_group()?;
        for column in &columns {
            check_cancelled(table.go_on).map_err(|error| ParquetError::External(Box::new(error)))?;
            if let Some(mut values) = group.next_column()? {
                write_column(table, *column, rows.clone(), &mut values)?;
                values.close()?;
            }
        }
        group.close()?;
    }
    writer.close().map(drop)
}

fn field(column: ItemColumn) -> Result<Type, ParquetError> {
    let (physical, logical) = match column.kind() {
        ItemValueKind::Integer => (PhysicalType::INT64, None),
        ItemValueKind::Similarity => (PhysicalType::FLOAT, None),
        ItemValueKind::Number => (PhysicalType::DOUBLE, None),
        ItemValueKind::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let field = Type::primitive_type_builder(column.name(), physical).with_repetition(Repetition::OPTIONAL);
    field.with_logical_type(logical).build()
}

fn write_column(
    table: &ExportedItems<'_>,
    column: ItemColumn,
    rows: Range<usize>,
    out: &mut SerializedColumnWriter<'_>,
) -> Result<(), ParquetError> {
    let cells: Vec<Option<ItemValue>> = rows.map(|at| table.cell(at, column)).collect();
    match column.kind() {
        ItemValueKind::Integer => write_values::<Int64Type>(&cells, out, |cell| {
            if let ItemValue::Integer(value) = cell { Some(*value) } else { None }
        }),
        ItemValueKind::Similarity => write_values::<FloatType>(&cells, out, |cell| {
            if let ItemValue::Similarity(value) = cell { Some(*value) } else { None }
        }),
        ItemValueKind::Number => write_values::<DoubleType>(&cells, out, |cell| {
            if let ItemValue::Number(value) = cell { Some(*value) } else { None }
        }),
        ItemValueKind::Text => write_values::<ByteArrayType>(&cells, out, |cell| {
            if let ItemValue::Text(value) = cell { Some(ByteArray::from(value.as_str())) } else { None }
        }),
    }
}

fn write_values<T: DataType>(
    cells: &[Option<ItemValue>],
    out: &mut SerializedColumnWriter<'_>,
    value: impl Fn(&ItemValue) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let values: Vec<Option<T::T>> = cells.iter().map(|cell| value(cell.as_ref()?)).collect();
    let is_there: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    out.typed::<T>().write_batch(&values, Some(&is_there), None).map(drop)
}
