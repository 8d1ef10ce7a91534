//! What an import skips, and how it reads texts.

/// What an import skips, and how it reads texts. Stored in the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// Glob patterns of file or folder names to skip (`node_modules`, `*.tmp`).
    pub excludes: Vec<String>,
    /// Treat each row of a CSV, TSV or JSONL file as an item.
    pub rows: bool,
    /// Treat each page of a TIFF file as an item.
    pub pages: bool,
    /// What to do with texts longer than the model's window.
    pub long_text: vicinity_models::LongText,
    /// Whether changes in the folders are followed while a window has the library open.
    pub watch: bool,
    /// The languages in which text in pictures is read, if it is.
    pub read_text: Option<vicinity_core::TextLanguages>,
}
