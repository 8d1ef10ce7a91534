//! Files that were looked at and are no items: unreadable ones, ones that a model refused, and ones that were left out.
//! They are not looked at again while they stay as they are and the program is the same; a later one may read more.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, Row};

use super::state::{Change, FileEntry, PROGRAM, each};
use super::{Store, StoreError, paths};
use vicinity_core::{ContentHash, Failure, ItemId, LeftOut, LeftOutCounts};

/// Model number of what is so whatever the model is.
const EVERY_MODEL: i64 = 0;

/// The table. Versions of the program before it know only `failures`, which nothing reads any more.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS not_taken (
    path BLOB NOT NULL, model INTEGER NOT NULL, cause TEXT NOT NULL, reason TEXT NOT NULL, bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL, change_mark INTEGER NOT NULL, program TEXT NOT NULL, PRIMARY KEY (path, model))
    WITHOUT ROWID";

/// Why a file is no item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The system did not let us read it; what it holds is unknown.
    Access,
    /// What it holds cannot be read.
    Content,
    /// Some of its rows cannot be read; the others are items.
    Partial,
    /// This model, or the service behind it, does not take what it holds; another one may.
    Refused {
        /// The content that was refused.
        hash: ContentHash,
    },
    /// It is neither a picture nor a text.
    LeftOut(LeftOut),
}

impl Cause {
    fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Content => "content",
            Self::Partial => "partial",
            Self::Refused { .. } => "refused",
            Self::LeftOut(reason) => reason.as_str(),
        }
    }

    fn from_name(name: &str) -> Self {
        match name {
            "access" => Self::Access,
            "content" => Self::Content,
            "partial" => Self::Partial,
            // which content it was is only needed while it is being stored
            "refused" => Self::Refused { hash: ContentHash([0; 32]) },
            other => Self::LeftOut(LeftOut::from_name(other).unwrap_or(LeftOut::Other)),
        }
    }
}

/// A file that could not be taken in; not tried again while it stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedFile {
    /// The file or folder.
    pub path: PathBuf,
    /// A sentence for the user, without the path; empty for what was only left out.
    pub reason: String,
    /// Whose fault it is.
    pub cause: Cause,
    /// File size in bytes; 0 for a folder.
    pub bytes: u64,
    /// Modification time, nanoseconds since the Unix epoch.
    pub modified_ns: i64,
    /// See [`crate::scan::Candidate::change_mark`].
    pub change_mark: i64,
}

impl FailedFile {
    /// Whether it is worth a line in the list of failures.
    pub fn is_failure(&self) -> bool {
        !matches!(self.cause, Cause::LeftOut(_))
    }

    fn model(&self, model: i64) -> i64 {
        if matches!(self.cause, Cause::Refused { .. }) { model } else { EVERY_MODEL }
    }
}

/// Those of this version of the program and this model; `bad` gets path and model of rows that cannot be read.
pub(super) fn load(
    connection: &Connection,
    model: i64,
    bad: &mut Vec<[Value; 2]>,
) -> rusqlite::Result<BTreeMap<PathBuf, FailedFile>> {
    if !super::catalog::has_column(connection, "not_taken", "path")? {
        return Ok(BTreeMap::new());
    }
    let read = |row: &Row<'_>| {
        let path = paths::from_bytes(row.get_ref(0)?.as_blob()?);
        let failed = FailedFile {
            path: path.clone(),
            cause: Cause::from_name(row.get_ref(1)?.as_str()?),
            reason: row.get(2)?,
            bytes: row.get::<_, i64>(3)?.cast_unsigned(),
            modified_ns: row.get(4)?,
            change_mark: row.get(5)?,
        };
        Ok((path, failed))
    };
    let mut not_taken = BTreeMap::new();
    let keep = |(path, failed)| {
        not_taken.insert(path, failed);
    };
    let sql = "SELECT path, cause, reason, bytes, modified_ns, change_mark, model FROM not_taken
               WHERE program = ? AND model IN (?, ?) ORDER BY model DESC";
    each(connection, sql, (PROGRAM, EVERY_MODEL, model), read, keep, |row| {
        bad.push([row.get(0)?, row.get(6)?]);
        Ok(())
    })?;
    Ok(not_taken)
}

/// What holds for every model and what holds for this one is forgotten.
pub(super) fn forget(connection: &Connection, path: &Path, model: i64) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM not_taken WHERE path = ? AND model IN (?, ?)")?;
    delete.execute((paths::to_bytes(path), EVERY_MODEL, model)).map(|_| ())
}

/// The file has gone: whatever was noted of it is forgotten.
pub(super) fn forget_all(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM not_taken WHERE path = ?")?;
    delete.execute([paths::to_bytes(path)]).map(|_| ())
}

fn insert(connection: &Connection, failed: &FailedFile, model: i64) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO not_taken (path, model, cause, reason, bytes, modified_ns, change_mark, program)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let FailedFile { path, reason, cause, bytes, modified_ns, change_mark } = failed;
    let (path, bytes, model) = (paths::to_bytes(path), bytes.cast_signed(), failed.model(model));
    insert.execute((path, model, cause.as_str(), reason, bytes, modified_ns, change_mark, PROGRAM)).map(|_| ())
}

impl Store {
    /// Files that could not be read or that this model refused, by path.
    pub fn failures(&self) -> Vec<Failure> {
        let failed = self.state.not_taken.values().filter(|f| f.is_failure());
        failed.map(|f| Failure { path: f.path.clone(), reason: f.reason.clone() }).collect()
    }

    /// How many files were left out, for each reason, as far as that is remembered.
    pub fn left_out(&self) -> LeftOutCounts {
        let mut counts = LeftOutCounts::new();
        for failed in self.state.not_taken.values() {
            if let Cause::LeftOut(reason) = failed.cause {
                *counts.entry(reason).or_default() += 1;
            }
        }
        counts
    }

    /// Remembers files that could not be taken in. Items that such a file had before go, unless nothing is known of
    /// what it holds now.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn set_failures(&mut self, failed: Vec<FailedFile>) -> Result<(), StoreError> {
        self.writable()?;
        let model = self.model.id;
        let known: Vec<Option<(Arc<Path>, FileEntry)>> = failed
            .iter()
            .map(|f| self.state.files.get_key_value(f.path.as_path()).map(|(path, file)| (path.clone(), *file)))
            .collect();
        let stale = self.in_transaction(|connection| {
            let mut stale = HashSet::new();
            for (failed, file) in failed.iter().zip(&known) {
                forget(connection, &failed.path, model)?;
                insert(connection, failed, model)?;
                if let Some((_, file)) = file {
                    remove_stale(connection, failed.cause, file.id, &mut stale)?;
                }
            }
            Ok(stale)
        })?;
        for (failed, file) in failed.into_iter().zip(known) {
            if let Some((path, _)) = file.filter(|_| matches!(failed.cause, Cause::Content | Cause::LeftOut(_))) {
                self.state.files.remove(&path);
            }
            self.state.not_taken.insert(failed.path.clone(), failed);
        }
        if stale.is_empty() { Ok(()) } else { self.apply(stale.into_iter().map(Change::Remove).collect()) }
    }

    /// Forgets failures, so that these files are tried again; all of them where the list is empty.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn clear_failures(&mut self, files: &[PathBuf]) -> Result<(), StoreError> {
        self.writable()?;
        let model = self.model.id;
        let all = || self.state.not_taken.values().filter(|f| f.is_failure()).map(|f| f.path.clone()).collect();
        let files: Vec<PathBuf> = if files.is_empty() { all() } else { files.to_vec() };
        self.in_transaction(|connection| files.iter().try_for_each(|path| forget(connection, path, model)))?;
        for path in &files {
            self.state.not_taken.remove(path);
        }
        Ok(())
    }
}

/// Takes out what a file no longer holds.
fn remove_stale(connection: &Connection, cause: Cause, file: i64, stale: &mut HashSet<ItemId>) -> rusqlite::Result<()> {
    let mut take = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| {
        let mut delete = connection.prepare_cached(sql)?;
        for id in delete.query_map(parameters, |row| row.get(0).map(ItemId))? {
            stale.insert(id?);
        }
        Ok::<_, rusqlite::Error>(())
    };
    match cause {
        Cause::Access | Cause::Partial => Ok(()),
        Cause::Refused { hash } => {
            take("DELETE FROM items WHERE file = ? AND row = 0 AND hash <> ? RETURNING id", &[&file, &hash.0])
        }
        Cause::Content | Cause::LeftOut(_) => {
            take("DELETE FROM items WHERE file = ? RETURNING id", &[&file])?;
            connection.prepare_cached("DELETE FROM files WHERE id = ?")?.execute([file]).map(|_| ())
        }
    }
}
