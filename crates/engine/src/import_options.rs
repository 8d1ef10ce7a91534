//! What an import skips, and how it reads texts.

use std::path::{Path, PathBuf};

use vicinity_core::table::TableOptions;

/// What an import skips, and how it reads texts. Stored in the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// Glob patterns of file or folder names to skip (`node_modules`, `*.tmp`).
    pub excludes: Vec<String>,
    /// Treat each row of a table as an item.
    pub rows: bool,
    /// Tables whose rows are items even without that, by their canonical paths: those with vectors of the user.
    pub row_tables: Vec<PathBuf>,
    /// How tables are read, where that is not detected.
    pub tables: TableOptions,
    /// Treat each page of a TIFF file, and each frame of an animation that differs from the others, as an item.
    pub pages: bool,
    /// What to do with texts longer than the model's window.
    pub long_text: vicinity_models::LongText,
    /// Whether changes in the folders are followed while a window has the library open.
    pub watch: bool,
    /// The languages in which text in pictures is read, if it is.
    pub read_text: Option<vicinity_core::TextLanguages>,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            excludes: Vec::new(),
            rows: false,
            row_tables: Vec::new(),
            tables: TableOptions::default(),
            pages: false,
            long_text: vicinity_models::LongText::default(),
            watch: true,
            read_text: None,
        }
    }
}

impl ImportOptions {
    /// Whether the rows of this file are items if it is a table.
    pub fn reads_rows(&self, path: &Path) -> bool {
        self.rows || self.row_tables.iter().any(|table| table == path)
    }
}
