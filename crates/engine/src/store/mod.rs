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
mod given;
mod layout;
mod lock;
mod meta;
mod not_taken;
mod open;
mod own;
pub(super) mod paths;
mod roots;
mod state;
mod thumbs;
mod unfinished;
mod vector_rows;
mod vectors;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

pub use consent::remote_hosts;
pub use error::StoreError;
pub use given::{GivenLabel, GivenLabels};
pub use layout::{load_layout, save_layout};
pub use lock::{Closing, Holder, holder};
pub use not_taken::{Cause, FailedFile};
pub use open::exists;
pub use own::{is_library, is_own};
pub use state::Stamp;
pub use thumbs::{CACHE_SIGNATURE, CACHE_TAG, ThumbnailCache};
pub use unfinished::Unfinished;
pub use vector_rows::VectorRows;

use self::catalog::ModelRow;
use self::lock::WriteLock;
use self::state::{Change, State, kind};
use self::vectors::VectorFile;
use super::{ImportOptions, Root, Snapshot};
use vicinity_core::{ContentHash, ItemId, LeftOut, Modality};
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
    /// See [`Stamp::change_mark`].
    pub change_mark: i64,
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
    /// As it was, and all of it is embedded by this model.
    Unchanged,
    /// As it was when it could not be read, or was refused by this model.
    Failed,
    /// As it was when it was left out.
    LeftOut(LeftOut),
    /// New, changed, or in part only: to be read and hashed.
    Changed,
}

impl NewItem {
    /// By which its file is told from an edited one.
    pub fn stamp(&self) -> Stamp {
        Stamp { bytes: self.bytes, modified_ns: self.modified_ns, change_mark: self.change_mark }
    }
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
    /// What could not be read at the last load.
    found: state::Found,
    /// The state of the catalog that a reader has loaded.
    seen_version: Option<i64>,
    /// Held for as long as we write; the system releases it when the process ends.
    lock: Option<WriteLock>,
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

    /// With which a writer announces that it closes the library.
    pub fn closing(&self) -> Option<Closing> {
        self.lock.as_ref().map(WriteLock::closing)
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
    pub fn known(&self, path: &Path, stamp: Stamp) -> Known {
        if self.state.files.get(path).is_some_and(|file| file.ready && file.is_as(stamp)) {
            return Known::Unchanged;
        }
        let noted = |f: &&FailedFile| {
            let FailedFile { bytes, modified_ns, change_mark, .. } = **f;
            stamp.is_as(Stamp { bytes, modified_ns, change_mark })
        };
        match self.state.not_taken.get(path).filter(noted).map(|f| f.cause) {
            Some(Cause::LeftOut(reason)) => Known::LeftOut(reason),
            Some(_) => Known::Failed,
            None => Known::Changed,
        }
    }

    /// Whether a file of the collection is known without its [`Stamp::change_mark`].
    pub fn lacks_mark(&self, path: &Path) -> bool {
        self.state.files.get(path).is_some_and(|file| file.change_mark == 0)
    }

    /// Notes the marks of files that are otherwise as they were.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn set_marks(&mut self, marks: &[(PathBuf, i64)]) -> Result<(), StoreError> {
        self.writable()?;
        let known = |path: &Path| self.state.files.get(path).map(|file| file.id);
        self.in_transaction(|connection| {
            let mut update = connection.prepare_cached("UPDATE files SET change_mark = ? WHERE id = ?")?;
            let mut known = marks.iter().filter_map(|(path, mark)| Some((*mark, known(path)?)));
            known.try_for_each(|(mark, id)| update.execute((mark, id)).map(|_| ()))
        })?;
        for (path, mark) in marks {
            if let Some(file) = self.state.files.get_mut(path.as_path()) {
                file.change_mark = *mark;
            }
        }
        Ok(())
    }

    /// The rows of vectors, for other threads.
    pub fn vector_rows(&self) -> VectorRows {
        self.state.vectors.clone()
    }

    /// Whether this content is embedded already by this model, in the way that the import options ask for.
    pub fn has_vector(&self, hash: &ContentHash, modality: Modality) -> bool {
        self.vector_row(hash, modality).is_some()
    }

    fn vector_row(&self, hash: &ContentHash, modality: Modality) -> Option<u32> {
        self.state.vectors.get(&(*hash, kind(modality, self.long_text())))
    }

    fn long_text(&self) -> LongText {
        self.options.as_ref().map(|options| options.long_text).unwrap_or_default()
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

    /// Removes the files that `which` picks, their items and failures; `also` runs in the same transaction.
    fn remove_files(
        &mut self,
        which: impl Fn(&Path) -> bool,
        also: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<usize, StoreError> {
        let files: Vec<(Arc<Path>, i64)> =
            self.state.files.iter().filter(|(path, _)| which(path)).map(|(path, f)| (path.clone(), f.id)).collect();
        let failed: Vec<PathBuf> = self.state.not_taken.keys().filter(|path| which(path)).cloned().collect();
        let removed = self.in_transaction(|connection| {
            let mut items = connection.prepare_cached("DELETE FROM items WHERE file = ? RETURNING id")?;
            let mut file = connection.prepare_cached("DELETE FROM files WHERE id = ?")?;
            let mut removed = Vec::new();
            for (_, id) in &files {
                for item in items.query_map([id], |row| row.get(0).map(ItemId))? {
                    removed.push(item?);
                }
                file.execute([id])?;
            }
            failed.iter().try_for_each(|path| not_taken::forget_all(connection, path))?;
            also(connection)?;
            Ok(removed)
        })?;
        for (path, _) in &files {
            self.state.files.remove(path);
        }
        for path in &failed {
            self.state.not_taken.remove(path);
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

    /// Names an SQLite error.
    fn sql(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::sql(&self.dir, error)
    }
}
