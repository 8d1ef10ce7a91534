//! What is wrong with a page.

use parquet::errors::ParquetError;

/// It holds what the format does not allow.
pub fn damaged() -> ParquetError {
    ParquetError::General("the page is damaged".to_owned())
}

/// It exceeds a limit.
pub fn too_large() -> ParquetError {
    ParquetError::General("the page is too large".to_owned())
}
