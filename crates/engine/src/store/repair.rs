//! Repairs of a library: unreadable entries of the catalog, and vector files that do not fit it.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::catalog::{self, ModelRow};
use super::vectors::{self, FileCheck, VectorFile};
use super::{Store, StoreError, facts, import_options, meta, table_columns};
use crate::{Notice, Severity};
use vicinity_core::atomic_file;
use vicinity_models::ModelKey;

/// What the user can do about damage found while reading.
pub(super) const REPAIR_HINT: &str = "`vicinity index` repairs this and re-embeds what is lost";

impl Store {
    /// Removes unreadable entries from the catalog, so that their files are read again.
    pub(super) fn drop_unreadable(&mut self, notices: &mut Vec<Notice>) -> Result<(), StoreError> {
        let bad = std::mem::take(&mut self.unreadable);
        if bad.count() == 0 {
            return Ok(());
        }
        let model = self.model.id;
        self.in_transaction(|connection| {
            for (table, ids) in [("files", &bad.files), ("items", &bad.items), ("roots", &bad.roots)] {
                let mut delete = connection.prepare(&format!("DELETE FROM {table} WHERE rowid = ?"))?;
                ids.iter().try_for_each(|id| delete.execute([id]).map(|_| ()))?;
            }
            let mut delete = connection.prepare("DELETE FROM vectors WHERE model = ? AND hash IS ? AND kind IS ?")?;
            bad.vectors.iter().try_for_each(|[hash, kind]| delete.execute((model, hash, kind)).map(|_| ()))?;
            let mut delete = connection.prepare("DELETE FROM not_taken WHERE path IS ? AND model IS ?")?;
            bad.rejected.iter().try_for_each(|key| delete.execute(rusqlite::params_from_iter(key)).map(|_| ()))?;
            let mut incomplete = connection.prepare("UPDATE files SET complete = 0 WHERE id = ?")?;
            bad.incomplete.iter().try_for_each(|id| incomplete.execute([id]).map(|_| ()))?;
            if bad.all_incomplete {
                connection.execute("UPDATE files SET complete = 0", ())?;
            }
            if bad.options {
                meta::remove(connection, import_options::ROW)?;
            }
            facts::forget_orphans(connection)?;
            table_columns::forget_orphans(connection)?;
            catalog::repair_sequence(connection)
        })?;
        let mut what = format!(
            "{} of the catalog could not be read and were removed; their files are read again.",
            counted(bad.count(), "entry", "entries")
        );
        if bad.options {
            what.push_str(" The import settings were among them and were reset to their defaults.");
        }
        if !bad.roots.is_empty() {
            what.push_str(" An added folder was among them: please check that all folders are still listed.");
        }
        notices.push(warning(what));
        Ok(())
    }
}

/// Makes the vector file and the number of rows in the catalog agree.
pub(super) fn repair_file(
    dir: &Path,
    connection: &Connection,
    model: &mut ModelRow,
    file: &VectorFile,
    notices: &mut Vec<Notice>,
) -> Result<(), StoreError> {
    let io = |error| StoreError::io(dir, file.path(), error);
    let found = file.inspect().map_err(io)?;
    let whole = match found {
        FileCheck::Rows(rows) => u32::try_from(rows).unwrap_or(u32::MAX),
        FileCheck::Missing | FileCheck::Foreign => 0,
    };
    if whole >= model.rows && matches!(found, FileCheck::Rows(_)) {
        file.cut(model.rows);
        return Ok(());
    }
    if whole < model.rows {
        let what = match found {
            FileCheck::Rows(_) => "is truncated",
            FileCheck::Missing => "is missing",
            FileCheck::Foreign => "is not a vector file of this model",
        };
        let lost = forget_rows(connection, model, whole).map_err(|error| StoreError::sql(dir, &error))?;
        let path = file.path().display();
        notices.push(warning(format!("The vector file {path} {what}; {lost} contents are embedded again.")));
    }
    match found {
        FileCheck::Rows(_) => file.cut(whole),
        FileCheck::Missing => file.create().map_err(io)?,
        FileCheck::Foreign => {
            // Not overwritten: the user may want to look at it.
            let mut aside = file.path().as_os_str().to_owned();
            aside.push(".damaged");
            atomic_file::rename(file.path(), &PathBuf::from(aside)).map_err(io)?;
            file.create().map_err(io)?;
        }
    }
    Ok(())
}

/// Keeps only the first `whole` rows of a vector file. Returns the number of lost vectors.
fn forget_rows(connection: &Connection, model: &mut ModelRow, whole: u32) -> rusqlite::Result<usize> {
    let transaction = connection.unchecked_transaction()?;
    let lost = transaction.execute("DELETE FROM vectors WHERE model = ? AND row >= ?", (model.id, whole))?;
    transaction.execute("UPDATE models SET rows = ? WHERE id = ?", (whole, model.id))?;
    transaction.commit()?;
    model.rows = whole;
    Ok(lost)
}

/// The vector file of a model. Its name is derived from the model; another name is damage unless that file exists.
pub(super) fn repair_name(
    dir: &Path,
    connection: &Connection,
    model: &ModelKey,
    row: &mut ModelRow,
) -> rusqlite::Result<VectorFile> {
    let at = |name: &str| VectorFile::named(dir, name, model);
    let ours = vectors::file_name(model);
    if row.file != ours && !matches!(at(&row.file).inspect(), Ok(FileCheck::Rows(_))) {
        let ours = vectors::find_file(&dir.join("vectors"), model).unwrap_or(ours);
        connection.execute("UPDATE models SET file = ? WHERE id = ?", (&ours, row.id))?;
        row.file = ours;
    }
    Ok(at(&row.file))
}

/// A sentence about damaged vectors.
pub(super) fn damaged_vectors(file: &Path, rows: &[u32], items: usize) -> String {
    let (first, last) = (rows.iter().min(), rows.iter().max());
    let place = match (first, last) {
        (Some(first), Some(last)) if first < last => format!(" (rows {first} to {last})"),
        (Some(row), _) => format!(" (row {row})"),
        _ => String::new(),
    };
    let [vectors, items] = [counted(rows.len(), "damaged vector", "damaged vectors"), counted(items, "item", "items")];
    format!("{} has {vectors}{place}: {items} cannot be found; {REPAIR_HINT}.", file.display())
}

pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

pub(super) fn warning(text: String) -> Notice {
    Notice { severity: Severity::Warning, text }
}
