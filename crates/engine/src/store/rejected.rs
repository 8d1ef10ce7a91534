//! Files that were examined and have no items: unreadable files, files that a model refused, and skipped files. They are
//! not examined again until they change or a later version of the program, which may read more, opens the library.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, Row};

use super::load::for_each_row;
use super::loaded::{FileEntry, ItemChange, PROGRAM_VERSION};
use super::{Store, StoreError, facts, paths, table_columns};
use vicinity_core::{ContentHash, Failure, ItemId, SkipCounts, SkipReason};
use vicinity_media::has_companions;

/// Model id of entries that hold for every model.
const EVERY_MODEL: i64 = 0;

/// The table, named before the module was. Versions of the program before it used `failures`, which nothing reads now.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS not_taken (
    path BLOB NOT NULL, model INTEGER NOT NULL, cause TEXT NOT NULL, reason TEXT NOT NULL, bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL, change_mark INTEGER NOT NULL, program TEXT NOT NULL,
    parts INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (path, model)) WITHOUT ROWID";

/// Adds the table, or what an earlier version of it lacks.
pub(super) fn add_table(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute(TABLE, ())?;
    if !super::catalog::has_column(connection, "not_taken", "parts")? {
        connection.execute("ALTER TABLE not_taken ADD COLUMN parts INTEGER NOT NULL DEFAULT 1", ())?;
    }
    Ok(())
}

/// Why a file has no items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionCause {
    /// The system denied access; its content is unknown.
    Access,
    /// Its content cannot be read.
    Content,
    /// Some of its rows cannot be read; the other rows are items.
    Partial,
    /// This model, or the service behind it, refused its content; another one may accept it.
    Refused {
        /// The refused content.
        hash: ContentHash,
    },
    /// It is neither a picture nor a text, or is excluded.
    LeftOut(SkipReason),
}

impl RejectionCause {
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
            // the hash is only needed while the refusal is being stored
            "refused" => Self::Refused { hash: ContentHash([0; 32]) },
            other => Self::LeftOut(SkipReason::from_name(other).unwrap_or(SkipReason::Other)),
        }
    }
}

/// A file that was rejected and is not tried again until it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedFile {
    /// The file or folder.
    pub path: PathBuf,
    /// A sentence for the user, without the path; empty for a skipped file.
    pub reason: String,
    /// Why it was rejected.
    pub cause: RejectionCause,
    /// File size in bytes; 0 for a folder.
    pub bytes: u64,
    /// Modification time, nanoseconds since the Unix epoch.
    pub modified_ns: i64,
    /// See [`crate::scan::Candidate::change_mark`].
    pub change_mark: i64,
    /// How many of its parts could not be read; 1 for a whole file.
    pub parts: u32,
}

impl RejectedFile {
    /// Whether it belongs in the list of failures.
    pub fn is_failure(&self) -> bool {
        !matches!(self.cause, RejectionCause::LeftOut(_))
    }

    fn model(&self, model: i64) -> i64 {
        if matches!(self.cause, RejectionCause::Refused { .. }) { model } else { EVERY_MODEL }
    }
}

/// Loads the entries of this program version and model; `bad` receives path and model of unreadable rows.
pub(super) fn load(
    connection: &Connection,
    model: i64,
    bad: &mut Vec<[Value; 2]>,
) -> rusqlite::Result<BTreeMap<PathBuf, RejectedFile>> {
    if !super::catalog::has_column(connection, "not_taken", "path")? {
        return Ok(BTreeMap::new());
    }
    let read = |row: &Row<'_>| {
        let path = paths::from_bytes(row.get_ref(0)?.as_blob()?);
        let failed = RejectedFile {
            path: path.clone(),
            cause: RejectionCause::from_name(row.get_ref(1)?.as_str()?),
            reason: row.get(2)?,
            bytes: row.get::<_, i64>(3)?.cast_unsigned(),
            modified_ns: row.get(4)?,
            change_mark: row.get(5)?,
            parts: row.get(7)?,
        };
        Ok((path, failed))
    };
    let mut rejected = BTreeMap::new();
    let keep = |(path, failed)| {
        rejected.insert(path, failed);
    };
    let parts = if super::catalog::has_column(connection, "not_taken", "parts")? { "parts" } else { "1" };
    let sql = format!(
        "SELECT path, cause, reason, bytes, modified_ns, change_mark, model, {parts} FROM not_taken
         WHERE program = ? AND model IN (?, ?) ORDER BY model DESC"
    );
    for_each_row(connection, &sql, (PROGRAM_VERSION, EVERY_MODEL, model), read, keep, |row| {
        bad.push([row.get(0)?, row.get(6)?]);
        Ok(())
    })?;
    Ok(rejected)
}

/// Deletes the entries of a file for every model and for this one.
pub(super) fn forget(connection: &Connection, path: &Path, model: i64) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM not_taken WHERE path = ? AND model IN (?, ?)")?;
    delete.execute((paths::to_bytes(path), EVERY_MODEL, model)).map(|_| ())
}

/// Deletes all entries of a file that no longer exists.
pub(super) fn forget_all(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM not_taken WHERE path = ?")?;
    delete.execute([paths::to_bytes(path)]).map(|_| ())
}

fn insert(connection: &Connection, failed: &RejectedFile, model: i64) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO not_taken (path, model, cause, reason, bytes, modified_ns, change_mark, program, parts)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let RejectedFile { path, reason, cause, bytes, modified_ns, change_mark, parts } = failed;
    let (path, bytes, model) = (paths::to_bytes(path), bytes.cast_signed(), failed.model(model));
    insert
        .execute((path, model, cause.as_str(), reason, bytes, modified_ns, change_mark, PROGRAM_VERSION, parts))
        .map(|_| ())
}

impl Store {
    /// Files that could not be read or were refused by this model, by path.
    pub fn failures(&self) -> Vec<Failure> {
        let failed = self.loaded.rejected.values().filter(|f| f.is_failure());
        failed.map(|f| Failure { path: f.path.clone(), reason: f.reason.clone() }).collect()
    }

    /// Number of parts of a file that could not be read; 1 for a whole file, and 0 if nothing failed.
    pub fn failed_parts(&self, path: &Path) -> usize {
        self.loaded.rejected.get(path).filter(|f| f.is_failure()).map_or(0, |f| f.parts as usize)
    }

    /// Number of skipped files by reason.
    pub fn left_out(&self) -> SkipCounts {
        let mut counts = SkipCounts::new();
        for failed in self.loaded.rejected.values() {
            if let RejectionCause::LeftOut(reason) = failed.cause {
                *counts.entry(reason).or_default() += 1;
            }
        }
        counts
    }

    /// Why a file was left out; `None` if it was not.
    pub fn left_out_reason(&self, path: &Path) -> Option<SkipReason> {
        match self.loaded.rejected.get(path)?.cause {
            RejectionCause::LeftOut(reason) => Some(reason),
            _ => None,
        }
    }

    /// The files that were left out for a reason that may have gone, by path.
    pub fn retried_files(&self) -> Vec<PathBuf> {
        let may_change =
            |file: &&RejectedFile| matches!(file.cause, RejectionCause::LeftOut(reason) if reason.may_change());
        self.loaded.rejected.values().filter(may_change).map(|file| file.path.clone()).collect()
    }

    /// The files that were left out because they belong to a picture, by path.
    pub fn companions(&self, picture: &Path) -> Vec<PathBuf> {
        let Some(folder) = picture.parent().filter(|_| has_companions(picture)) else { return Vec::new() };
        let below = self.loaded.rejected.range(folder.to_owned()..).take_while(|(path, _)| path.starts_with(folder));
        let is_companion = |(path, file): &(&PathBuf, &RejectedFile)| {
            file.cause == RejectionCause::LeftOut(SkipReason::Companion)
                && path.parent() == Some(folder)
                && path.file_stem().zip(picture.file_stem()).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
        };
        below.filter(is_companion).map(|(path, _)| path.clone()).collect()
    }

    /// Stores rejected files. Their earlier items are removed, unless the current content is unknown.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn record_rejected(&mut self, failed: Vec<RejectedFile>) -> Result<(), StoreError> {
        self.writable()?;
        let model = self.model.id;
        let known: Vec<Option<(Arc<Path>, FileEntry)>> = failed
            .iter()
            .map(|f| self.loaded.files.get_key_value(f.path.as_path()).map(|(path, file)| (path.clone(), *file)))
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
            if let Some((path, _)) = file.filter(|_| removes_file(failed.cause)) {
                self.loaded.files.remove(&path);
            }
            self.loaded.rejected.insert(failed.path.clone(), failed);
        }
        if stale.is_empty() { Ok(()) } else { self.apply(stale.into_iter().map(ItemChange::Remove).collect()) }
    }

    /// Deletes failures, so that these files are tried again; an empty list means all.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn clear_failures(&mut self, files: &[PathBuf]) -> Result<(), StoreError> {
        self.writable()?;
        let model = self.model.id;
        let all = || self.loaded.rejected.values().filter(|f| f.is_failure()).map(|f| f.path.clone()).collect();
        let files: Vec<PathBuf> = if files.is_empty() { all() } else { files.to_vec() };
        self.in_transaction(|connection| files.iter().try_for_each(|path| forget(connection, path, model)))?;
        for path in &files {
            self.loaded.rejected.remove(path);
        }
        Ok(())
    }
}

/// Whether what is known of a rejected file goes.
fn removes_file(cause: RejectionCause) -> bool {
    match cause {
        RejectionCause::LeftOut(reason) => reason != SkipReason::VideoWithoutFfmpeg,
        cause => cause == RejectionCause::Content,
    }
}

/// Removes the items that a rejected file no longer contains.
fn remove_stale(
    connection: &Connection,
    cause: RejectionCause,
    file: i64,
    stale: &mut HashSet<ItemId>,
) -> rusqlite::Result<()> {
    let mut take = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| {
        let mut delete = connection.prepare_cached(sql)?;
        for id in delete.query_map(parameters, |row| row.get(0).map(ItemId))? {
            stale.insert(id?);
        }
        Ok::<_, rusqlite::Error>(())
    };
    match cause {
        RejectionCause::Access | RejectionCause::Partial => Ok(()),
        RejectionCause::Refused { hash } => {
            take("DELETE FROM items WHERE file = ? AND row = 0 AND hash <> ? RETURNING id", &[&file, &hash.0])
        }
        // Nothing is known of what it contains now.
        RejectionCause::LeftOut(SkipReason::VideoWithoutFfmpeg) => Ok(()),
        RejectionCause::Content | RejectionCause::LeftOut(_) => {
            take("DELETE FROM items WHERE file = ? RETURNING id", &[&file])?;
            connection.prepare_cached("DELETE FROM files WHERE id = ?")?.execute([file])?;
            facts::forget(connection, file)?;
            table_columns::forget(connection, file)
        }
    }
}
