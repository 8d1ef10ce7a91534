//! The import options of a library, stored in its catalog.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::meta::{self, StoredSetting};
use super::{Store, StoreError, catalog, table_columns};
use crate::ImportOptions;
use vicinity_core::table::TableOptions;
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
    #[serde(default)]
    row_tables: Vec<PathBuf>,
    #[serde(default)]
    tables: TableOptions,
}

fn watches() -> bool {
    true
}

/// A change mark that no file has.
const NO_MARK: i64 = -1;

/// Name of the import options among the settings.
pub(super) const ROW: &str = "import";

/// The stored import options, and whether they are damaged.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<(Option<ImportOptions>, bool)> {
    let kept = meta::get(connection, ROW)?;
    let missing = kept == StoredSetting::Missing;
    let stored = kept.intact().and_then(|json| serde_json::from_str::<StoredOptions>(&json).ok());
    let options =
        stored.map(|StoredOptions { excludes, rows, pages, long_text, watch, read_text, row_tables, tables }| {
            ImportOptions {
                excludes,
                rows,
                row_tables,
                tables,
                pages,
                long_text,
                watch,
                read_text: read_text.and_then(|languages| languages.parse().ok()),
            }
        });
    let damaged = options.is_none() && !missing;
    Ok((options, damaged))
}

/// What is stored of how tables are read in the library in `dir`, without opening it; the default if nothing is.
pub fn stored_table_options(dir: &Path) -> TableOptions {
    let options = catalog::open_to_read(dir).ok().and_then(|connection| load(&connection).ok()?.0);
    options.map(|options| options.tables).unwrap_or_default()
}

impl Store {
    /// Changes what imports skip and how they read texts. Files that are read differently from now on count as changed;
    /// their items stay until the files are imported again.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn set_import_options(&mut self, options: &ImportOptions) -> Result<(), StoreError> {
        self.writable()?;
        let before = self.options.clone().unwrap_or_default();
        let tables_change =
            |path: &Path| before.reads_rows(path) != options.reads_rows(path) && vicinity_media::is_table(path);
        let pages_change = before.pages != options.pages;
        let is_stale = |path: &Path| tables_change(path) || pages_change && vicinity_media::may_have_pages(path);
        // Some tables are nothing unless they are taken apart.
        let not_taken: Vec<_> = self.loaded.rejected.keys().filter(|path| is_stale(path)).cloned().collect();
        if !not_taken.is_empty() {
            self.clear_failures(&not_taken)?;
        }
        let files = self.loaded.files.iter().filter(|(path, _)| is_stale(path));
        let stale: Vec<i64> = files.map(|(_, file)| file.id).collect();
        let is_reread =
            |path: &Path| before.tables != options.tables && options.reads_rows(path) && vicinity_media::is_table(path);
        let files = self.loaded.files.iter().filter(|(path, _)| is_reread(path));
        let reread: Vec<i64> = files.map(|(_, file)| file.id).collect();
        let ImportOptions { excludes, rows, row_tables, tables, pages, long_text: how, watch, read_text } =
            options.clone();
        let read_text = read_text.map(|languages| languages.to_string());
        let stored = StoredOptions { excludes, rows, pages, long_text: how, watch, read_text, row_tables, tables };
        let json = serde_json::to_string(&stored).map_err(|error| StoreError::Catalog { reason: error.to_string() })?;
        self.in_transaction(|connection| {
            meta::put(connection, ROW, &json)?;
            let mut incomplete = connection.prepare_cached("UPDATE files SET complete = 0 WHERE id = ?")?;
            stale.iter().try_for_each(|id| incomplete.execute([id]).map(|_| ()))?;
            // Its rows may be others: as of a file that has changed, none of them is kept.
            let mut changed =
                connection.prepare_cached("UPDATE files SET complete = 0, change_mark = ? WHERE id = ?")?;
            reread.iter().try_for_each(|id| {
                changed.execute((NO_MARK, id))?;
                table_columns::forget(connection, *id)
            })
        })?;
        self.options = Some(options.clone());
        if !(stale.is_empty() && reread.is_empty()) || before.long_text != options.long_text {
            self.reload()?;
        }
        Ok(())
    }
}
