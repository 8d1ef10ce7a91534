//! Why vectors or positions that the user brought cannot be used.

use std::path::PathBuf;

use thiserror::Error;

use vicinity_core::format::number;
use vicinity_media::npy::NpyError;
use vicinity_media::{PositionsError, ReadError, RowProblem};

/// Why vectors or positions that the user brought cannot be used.
#[derive(Debug, Error)]
pub enum OwnVectorsError {
    /// The vectors cannot be read.
    #[error("{}: {reason}", path.display())]
    Vectors {
        /// Their file.
        path: PathBuf,
        /// What is wrong with it.
        reason: NpyError,
    },
    /// The table cannot be read.
    #[error("{}: {reason}", path.display())]
    Table {
        /// The table.
        path: PathBuf,
        /// What is wrong with it.
        reason: ReadError,
    },
    /// The table is not read to its end.
    #[error("{}: {reason}", path.display())]
    Rows {
        /// The table.
        path: PathBuf,
        /// Why not.
        reason: RowProblem,
    },
    /// The file is no table.
    #[error("{} is not a table; vectors belong to the rows of a .csv, .tsv, .tab, .jsonl, .ndjson, .parquet or .xlsx file", path.display())]
    NoTable {
        /// The file.
        path: PathBuf,
    },
    /// Cells of this kind of table are no lists of numbers.
    #[error("{}: vectors are read from a field of .jsonl, .ndjson and .parquet files only; save them as .npy and pass --vectors", table.display())]
    NoFields {
        /// The table.
        table: PathBuf,
    },
    /// No row has a vector in this field.
    #[error("{} has no list of numbers in a field `{field}`", table.display())]
    NoField {
        /// The table.
        table: PathBuf,
        /// Name of the field.
        field: String,
    },
    /// Table and vectors do not belong together.
    #[error(
        "{} has {} rows, but {} has {}; row n of the vectors belongs to row n of the table",
        table.display(), number(*table_rows), vectors.display(), number(*vector_rows)
    )]
    RowCount {
        /// The table.
        table: PathBuf,
        /// Its rows, without a header.
        table_rows: u64,
        /// The file with the vectors.
        vectors: PathBuf,
        /// Its rows.
        vector_rows: u64,
    },
    /// The vectors are not those that the open library was made with.
    #[error("{} has changed since it was imported; run `vicinity index` with the table and --vectors again", path.display())]
    Changed {
        /// The file with the vectors.
        path: PathBuf,
    },
    /// The positions cannot be read.
    #[error("{}: {reason}", path.display())]
    Positions {
        /// Their file.
        path: PathBuf,
        /// What is wrong with it.
        reason: PositionsError,
    },
    /// Table and positions do not belong together.
    #[error(
        "{} has {} positions, but the table has {} rows; position n belongs to row n of the table",
        path.display(), number(*positions), number(*rows)
    )]
    PositionCount {
        /// The file with the positions.
        path: PathBuf,
        /// How many it has.
        positions: u64,
        /// The last row of the table that is an item.
        rows: u64,
    },
}
