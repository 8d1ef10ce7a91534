//! The pictures of rows.

use std::path::PathBuf;

/// The picture of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowPicture {
    /// In the table.
    Bytes(Vec<u8>),
    /// In a file below the folder of the table.
    File(PathBuf),
}
