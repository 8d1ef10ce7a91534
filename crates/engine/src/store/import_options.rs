//! The import options of a library, stored in its catalog.

use std::path::Path;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::meta::{self, StoredSetting};
use super::{Store, StoreError};
use crate::ImportOptions;
use vicinity_models::LongText;

/// Import options as they are stored.
#[derive(Serialize, Deserialize)]
struct StoredOptions {
    excludes: Vec<String>,
    rows: bool,
    long_text: LongText,
    // Added after the first format.
    #[serde(default = "watches")]
    watch: bool,
    #[serde(default)]
    pages: bool,
    /// `eng+deu`.
    #[serde(default)]
    read_text: Option<String>,
}

fn watches() -> bool {
    true
}

/// Name of the import options among the settings.
pub(super) const ROW: &str = "import";

/// The stored import options, and whether they are damaged.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<(Option<ImportOptions>, bool)> {
    let kept = meta::get(connection, ROW)?;
    let missing = kept == StoredSetting::Missing;
    let stored = kept.intact().and_then(|json| serde_json::from_str::<StoredOptions>(&json).ok());
    let options = stored.map(|StoredOptions { excludes, rows, pages, long_text, watch, read_text }| ImportOptions {
        excludes,
        rows,
        pages,
        long_text,
        watch,
        read_text: read_text.and_then(|languages| languages.parse().ok()),
    });
    let damaged = options.is_none() && !missing;
    Ok((options, damaged))
}

impl Store {
    /// Changes what imports skip and how they read texts. Files that are read differently from now on count as changed;
    /// their items stay until the files are imported again.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn set_import_options(&mut self, options: &ImportOptions) -> Result<(), StoreError> {
        self.writable()?;
        let before = self.options.as_ref();
        let long_text = before.map_or_else(LongText::default, |options| options.long_text);
        let tables_change = before.is_some_and(|before| before.rows) != options.rows;
        let pages_change = before.is_some_and(|before| before.pages) != options.pages;
        let is_stale = |path: &Path| {
            tables_change && vicinity_media::is_table(path) || pages_change && vicinity_media::may_have_pages(path)
        };
        // Some tables are nothing unless they are taken apart.
        let not_taken: Vec<_> = self.loaded.rejected.keys().filter(|path| is_stale(path)).cloned().collect();
        if !not_taken.is_empty() {
            self.clear_failures(&not_taken)?;
        }
        let files = self.loaded.files.iter().filter(|(path, _)| is_stale(path));
        let stale: Vec<i64> = files.map(|(_, file)| file.id).collect();
        let ImportOptions { excludes, rows, pages, long_text: how, watch, read_text } = options.clone();
        let read_text = read_text.map(|languages| languages.to_string());
        let stored = StoredOptions { excludes, rows, pages, long_text: how, watch, read_text };
        let json = serde_json::to_string(&stored).map_err(|error| StoreError::Catalog { reason: error.to_string() })?;
        self.in_transaction(|connection| {
            meta::put(connection, ROW, &json)?;
            let mut incomplete = connection.prepare_cached("UPDATE files SET complete = 0 WHERE id = ?")?;
            stale.iter().try_for_each(|id| incomplete.execute([id]).map(|_| ()))
        })?;
        self.options = Some(options.clone());
        if tables_change || pages_change || long_text != options.long_text {
            self.reload()?;
        }
        Ok(())
    }
}
