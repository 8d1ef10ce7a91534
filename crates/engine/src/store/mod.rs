//! A library on disk: a folder with a catalog (`catalog.sqlite`), one vector file a model (`vectors/`), and a cache
//! of thumbnails (`thumbs/`) and map positions (`layout.bin`). Whatever is not catalog or vectors may be deleted.
//!
//! One process writes a library (see `lock`); others read. Within a process a [`Store`] belongs to one thread, and
//! everyone else reads its [`Snapshot`]s.
//!
//! Order of writing: vectors appended and synced, then the catalog's transaction that makes them count. A process
//! killed in between leaves a tail of the vector file that nothing names, which the next opening cuts off.

mod catalog;
mod check;
mod commit;
mod consent;
mod dimensions;
mod error;
mod layout;
mod lock;
mod open;
pub(super) mod paths;
mod state;
mod thumbs;
mod vectors;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

pub use consent::remote_hosts;
pub use error::StoreError;
pub use lock::{Holder, holder};
pub use thumbs::ThumbnailCache;

use self::catalog::ModelRow;
use self::state::{Change, State, kind};
use self::vectors::VectorFile;
use super::{ImportOptions, Root, Snapshot};
use vicinity_core::{ContentHash, Failure, ItemId, Modality};
use vicinity_models::LongText;

/// An item to be stored. `hash` is that of the content to be embedded; for rows of a table, of the row's text.
#[derive(Debug, Clone, PartialEq)]
pub struct NewItem {
    /// Where the file lies (absolute).
    pub path: PathBuf,
    /// For a row of a table: its number, counted from 1.
    pub row: Option<u32>,
    /// Picture or text.
    pub modality: Modality,
    /// File size in bytes.
    pub bytes: u64,
    /// Modification time, nanoseconds since the Unix epoch.
    pub modified_ns: i64,
    /// Hash of the content.
    pub hash: ContentHash,
    /// Upright width and height of a picture.
    pub pixels: Option<[u32; 2]>,
    /// The beginning of a text.
    pub snippet: Option<String>,
}

/// Whether a file has to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Same path, length and date, and all of it is embedded by this model (or could not be read before).
    Unchanged,
    /// New, changed, or in part only: to be read and hashed.
    Changed,
}

/// A file that could not be taken in; not tried again while length and date stay the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedFile {
    /// The file or folder.
    pub path: PathBuf,
    /// A sentence for the user, without the path.
    pub reason: String,
    /// File size in bytes; 0 for a folder.
    pub bytes: u64,
    /// Modification time, nanoseconds since the Unix epoch.
    pub modified_ns: i64,
}

/// See the module's documentation.
pub struct Store {
    dir: PathBuf,
    connection: Connection,
    model: ModelRow,
    file: VectorFile,
    state: State,
    options: Option<ImportOptions>,
    snapshot: Arc<Snapshot>,
    thumbnails: ThumbnailCache,
    read_only: Option<String>,
    /// Rows of the vector file that were found damaged at the last load.
    damaged: Vec<u32>,
    /// The state of the catalog that a reader has loaded.
    seen_version: Option<i64>,
    /// Held for as long as we write; the system releases it when the process ends.
    _lock: Option<std::fs::File>,
}

impl Store {
    /// The library's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Why this process may not write, as a sentence.
    pub fn read_only(&self) -> Option<&str> {
        self.read_only.as_deref()
    }

    /// The library as of the last commit.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.clone()
    }

    /// Added folders and files, in the order in which they were added.
    pub fn roots(&self) -> &[Root] {
        &self.state.parts.roots
    }

    /// What imports skip and how they read texts; `None` until it is set for the first time.
    pub fn import_options(&self) -> Option<&ImportOptions> {
        self.options.as_ref()
    }

    /// Whether a file has to be read. Answered from memory.
    pub fn known(&self, path: &Path, bytes: u64, modified_ns: i64) -> Known {
        let ready =
            self.state.files.get(path).is_some_and(|f| f.ready && (f.bytes, f.modified_ns) == (bytes, modified_ns));
        let failed = || self.state.failures.get(path).is_some_and(|f| (f.bytes, f.modified_ns) == (bytes, modified_ns));
        if ready || failed() { Known::Unchanged } else { Known::Changed }
    }

    /// Whether this content is embedded already by this model, in the way that the import options ask for.
    pub fn has_vector(&self, hash: &ContentHash, modality: Modality) -> bool {
        self.vector_row(hash, modality).is_some()
    }

    fn vector_row(&self, hash: &ContentHash, modality: Modality) -> Option<u32> {
        self.state.vectors.get(&(*hash, kind(modality, self.long_text()))).copied()
    }

    fn long_text(&self) -> LongText {
        self.options.as_ref().map(|options| options.long_text).unwrap_or_default()
    }

    /// Files that could not be read, by path.
    pub fn failures(&self) -> Vec<Failure> {
        self.state.failures.values().map(|f| Failure { path: f.path.clone(), reason: f.reason.clone() }).collect()
    }

    /// A handle on the thumbnails for other threads.
    pub fn thumbnails(&self) -> ThumbnailCache {
        self.thumbnails.clone()
    }

    /// Keeps a thumbnail, a JPEG.
    pub fn put_thumbnail(&self, hash: &ContentHash, jpeg: &[u8]) {
        self.thumbnails.put(hash, jpeg);
    }

    /// The thumbnail of a content, a JPEG.
    pub fn thumbnail(&self, hash: &ContentHash) -> Option<Vec<u8>> {
        self.thumbnails.get(hash)
    }

    /// Adds a folder or file. False where it was added before.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn add_root(&mut self, path: &Path) -> Result<bool, StoreError> {
        self.writable()?;
        if self.roots().iter().any(|root| root.path == path) {
            return Ok(false);
        }
        self.connection
            .execute("INSERT INTO roots (path, available) VALUES (?, 1)", [paths::to_bytes(path)])
            .map_err(|error| self.sql(&error))?;
        self.state.parts.roots.push(Root { path: path.to_owned(), available: true });
        self.publish();
        Ok(true)
    }

    /// Drops a folder or file, with all items that lie below no other root. Their vectors stay, so that adding it
    /// again embeds nothing. Gives the number of items removed.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn remove_root(&mut self, path: &Path) -> Result<usize, StoreError> {
        self.writable()?;
        let others: Vec<PathBuf> =
            self.roots().iter().map(|root| root.path.clone()).filter(|root| root != path).collect();
        let orphan = |file: &Path| file.starts_with(path) && !others.iter().any(|root| file.starts_with(root));
        let root = paths::to_bytes(path);
        let removed = self.remove_files(orphan, |connection| {
            connection.execute("DELETE FROM roots WHERE path = ?", [&root]).map(|_| ())
        })?;
        self.state.parts.roots.retain(|root| root.path != path);
        self.publish();
        Ok(removed)
    }

    /// Called with all files that a scan has seen: items of vanished ones are removed. `out_of_reach` are the roots
    /// that are not there (an unplugged disk) and the folders that could not be listed; what lies below them stays.
    /// Roots among them are marked unavailable, the others available. Gives the number of items removed.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn remove_missing(&mut self, seen: &HashSet<PathBuf>, out_of_reach: &[PathBuf]) -> Result<usize, StoreError> {
        self.writable()?;
        let mut roots = self.state.parts.roots.clone();
        for root in &mut roots {
            root.available = !out_of_reach.contains(&root.path);
        }
        let reachable: Vec<PathBuf> = roots.iter().filter(|r| r.available).map(|r| r.path.clone()).collect();
        let gone = |file: &Path| {
            !seen.contains(file)
                && reachable.iter().any(|root| file.starts_with(root))
                && !out_of_reach.iter().any(|folder| file.starts_with(folder))
        };
        let removed = self.remove_files(gone, |connection| {
            let mut update = connection.prepare_cached("UPDATE roots SET available = ? WHERE path = ?")?;
            roots.iter().try_for_each(|root| update.execute((root.available, paths::to_bytes(&root.path))).map(|_| ()))
        })?;
        if removed > 0 || roots != self.state.parts.roots {
            self.state.parts.roots = roots;
            self.publish();
        }
        Ok(removed)
    }

    /// Remembers files that could not be taken in. Items that such a file had before stay until it is gone or read.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn set_failures(&mut self, failed: Vec<FailedFile>) -> Result<(), StoreError> {
        self.writable()?;
        self.in_transaction(|connection| {
            let mut insert = connection.prepare_cached(
                "INSERT OR REPLACE INTO failures (path, reason, bytes, modified_ns, program) VALUES (?, ?, ?, ?, ?)",
            )?;
            failed.iter().try_for_each(|f| {
                let path = paths::to_bytes(&f.path);
                insert.execute((path, &f.reason, f.bytes.cast_signed(), f.modified_ns, state::PROGRAM)).map(|_| ())
            })
        })?;
        self.state.failures.extend(failed.into_iter().map(|f| (f.path.clone(), f)));
        Ok(())
    }

    /// Forgets failures, so that these files are tried again; all of them where the list is empty.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn clear_failures(&mut self, files: &[PathBuf]) -> Result<(), StoreError> {
        self.writable()?;
        self.in_transaction(|connection| {
            if files.is_empty() {
                return connection.execute("DELETE FROM failures", ()).map(|_| ());
            }
            let mut delete = connection.prepare_cached("DELETE FROM failures WHERE path = ?")?;
            files.iter().try_for_each(|path| delete.execute([paths::to_bytes(path)]).map(|_| ()))
        })?;
        if files.is_empty() {
            self.state.failures.clear();
        }
        for path in files {
            self.state.failures.remove(path);
        }
        Ok(())
    }

    /// Removes the files that `which` picks, their items and failures; `also` runs in the same transaction.
    fn remove_files(
        &mut self,
        which: impl Fn(&Path) -> bool,
        also: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<usize, StoreError> {
        let files: Vec<(Arc<Path>, i64)> =
            self.state.files.iter().filter(|(path, _)| which(path)).map(|(path, f)| (path.clone(), f.id)).collect();
        let failed: Vec<PathBuf> = self.state.failures.keys().filter(|path| which(path)).cloned().collect();
        let removed = self.in_transaction(|connection| {
            let mut items = connection.prepare_cached("DELETE FROM items WHERE file = ? RETURNING id")?;
            let mut file = connection.prepare_cached("DELETE FROM files WHERE id = ?")?;
            let mut failure = connection.prepare_cached("DELETE FROM failures WHERE path = ?")?;
            let mut removed = Vec::new();
            for (_, id) in &files {
                for item in items.query_map([id], |row| row.get(0).map(ItemId))? {
                    removed.push(item?);
                }
                file.execute([id])?;
            }
            failed.iter().try_for_each(|path| failure.execute([paths::to_bytes(path)]).map(|_| ()))?;
            also(connection)?;
            Ok(removed)
        })?;
        for (path, _) in &files {
            self.state.files.remove(path);
        }
        for path in &failed {
            self.state.failures.remove(path);
        }
        let before = self.snapshot.len();
        self.apply(removed.into_iter().map(Change::Remove).collect())?;
        Ok(before - self.snapshot.len())
    }

    /// Runs `work` in one transaction: all of it, or nothing.
    fn in_transaction<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let run = || {
            let transaction = self.connection.unchecked_transaction()?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        run().map_err(|error: rusqlite::Error| self.sql(&error))
    }

    /// Makes committed changes visible.
    fn apply(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        let vectors =
            self.file.map(self.model.rows).map_err(|error| StoreError::io(&self.dir, self.file.path(), error))?;
        self.state.apply(changes, vectors);
        self.publish();
        Ok(())
    }

    fn publish(&mut self) {
        let dim = self.state.dim();
        self.snapshot = Arc::new(Snapshot::cut(self.state.publish(), dim));
    }

    fn writable(&self) -> Result<(), StoreError> {
        match &self.read_only {
            Some(why) => Err(StoreError::ReadOnly { why: why.clone() }),
            None => Ok(()),
        }
    }

    /// Names an SQLite error. Damage that shows while the library is in use is looked into at the next opening.
    fn sql(&self, error: &rusqlite::Error) -> StoreError {
        let error = StoreError::sql(&self.dir, error);
        if matches!(error, StoreError::Damaged { .. }) && self.read_only.is_none() {
            catalog::suspect(&self.dir);
        }
        error
    }
}
