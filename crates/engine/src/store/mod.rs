//! A library on disk: a folder with a catalog (`catalog.sqlite`), one vector file per model (`vectors/`), and caches of
//! thumbnails (`thumbs/`) and map positions (`layout-*.bin`). Everything except the catalog and the vectors may be deleted.
//!
//! One process writes a library (see `lock`); others read. Within a process one thread at a time uses a [`Store`];
//! everyone else reads its [`Snapshot`]s.
//!
//! Write order: vectors appended and synced, then the catalog's transaction that makes them count. A process
//! killed in between leaves an unreferenced tail in the vector file, which is truncated when the library is next opened.

mod assigned_labels;
mod catalog;
mod check;
mod cluster_names;
mod commit;
mod compact;
mod consent;
mod dimensions;
mod error;
mod facts;
mod groups;
mod import_options;
mod layout;
mod library_dir;
mod load;
mod loaded;
mod lock;
mod meta;
mod mounts;
mod open;
mod own_spaces;
pub(super) mod paths;
mod picture_files;
mod picture_texts;
mod rejected;
mod repair;
mod roots;
mod sums;
mod table_columns;
mod thumbnails;
mod unfinished;
mod vector_rows;
mod vectors;
mod verify;
mod words;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

pub use assigned_labels::{AssignedLabel, AssignedLabels};
pub use compact::{Compaction, CompactionTask, PreparedCompaction};
pub use consent::remote_hosts;
pub use dimensions::PreparedDimensions;
pub use error::StoreError;
pub use facts::{FactsOrigin, READER, ReadFacts, SidecarStamp, StoredFacts};
pub use import_options::stored_table_options;
pub use layout::{load_layout, save_layout};
pub use library_dir::{is_library, is_library_file};
pub use loaded::FileStamp;
pub use lock::{ClosingSignal, LockHolder, holder};
pub use open::exists;
pub use picture_files::{PictureFile, PictureFiles};
pub use picture_texts::{ReadText, UnreadPicture, UnreadPictures};
pub use rejected::{RejectedFile, RejectionCause};
pub use table_columns::{ReadTable, TABLE_READER, TableFile, TableFiles, left_out_sentence};
pub use thumbnails::{CACHE_SIGNATURE, CACHE_TAG, ThumbnailCache};
pub use unfinished::UnfinishedImport;
pub use vector_rows::VectorRows;
pub use verify::{Findings, Verification};
pub use words::{ReadWords, Words, WordsFile, WordsFiles, WordsOrigin};

use self::catalog::ModelRow;
use self::loaded::{ItemChange, LoadedCatalog, vector_kind};
use self::lock::WriteLock;
use self::vectors::VectorFile;
use super::{ImportOptions, Root, Snapshot};
use vicinity_core::{ContentHash, ItemId, Modality, Part, SkipReason};
use vicinity_models::LongText;

/// An item to be stored. `hash` covers the content to be embedded: for rows of a table, the text of the row.
#[derive(Debug, Clone, PartialEq)]
pub struct NewItem {
    /// Absolute path of the file.
    pub path: PathBuf,
    /// Which part of the file it is; `None` for a whole file.
    pub part: Option<Part>,
    /// Picture or text.
    pub modality: Modality,
    /// File size in bytes.
    pub bytes: u64,
    /// Modification time, nanoseconds since the Unix epoch.
    pub modified_ns: i64,
    /// See [`FileStamp::change_mark`].
    pub change_mark: i64,
    /// Hash of the content.
    pub hash: ContentHash,
    /// Upright width and height of a picture.
    pub pixels: Option<[u32; 2]>,
    /// The beginning of a text.
    pub snippet: Option<String>,
}

/// Whether a file has to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileStatus {
    /// Unchanged, and fully embedded by this model.
    Unchanged,
    /// Unchanged since it could not be read or was refused by this model.
    Failed,
    /// Unchanged since it was skipped.
    LeftOut(SkipReason),
    /// New, changed or incomplete: has to be read and hashed.
    Changed,
}

impl NewItem {
    /// Size and times that tell an unchanged file from an edited one.
    pub fn stamp(&self) -> FileStamp {
        FileStamp { bytes: self.bytes, modified_ns: self.modified_ns, change_mark: self.change_mark }
    }
}

/// An open library: its catalog, vector file and current snapshot.
pub struct Store {
    dir: PathBuf,
    connection: Connection,
    model: ModelRow,
    file: VectorFile,
    loaded: LoadedCatalog,
    options: Option<ImportOptions>,
    snapshot: Arc<Snapshot>,
    thumbnails: ThumbnailCache,
    read_only: Option<String>,
    /// Unreadable entries found by the last load.
    unreadable: loaded::UnreadableRows,
    /// Row and checksum of the vectors that are still to be verified.
    unverified: Option<Vec<(u32, u32)>>,
    /// Rows found to be damaged.
    damaged: HashSet<u32>,
    /// Identity of the sums in the catalog.
    saved_sums: Option<(u64, usize)>,
    /// SQLite data version that a reader loaded last.
    seen_version: Option<i64>,
    /// Held while this process may write; the system releases it when the process ends.
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

    /// Lets a writer announce that it is closing the library.
    pub fn closing(&self) -> Option<ClosingSignal> {
        self.lock.as_ref().map(WriteLock::closing)
    }

    /// The collection after the last commit.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.clone()
    }

    /// Added folders and files, in the order in which they were added.
    pub fn roots(&self) -> &[Root] {
        &self.loaded.parts.roots
    }

    /// What imports skip and how they read texts; `None` until set for the first time.
    pub fn import_options(&self) -> Option<&ImportOptions> {
        self.options.as_ref()
    }

    /// Whether a file has to be read again, answered from memory.
    pub fn known(&self, path: &Path, stamp: FileStamp) -> FileStatus {
        if self.loaded.files.get(path).is_some_and(|file| file.ready && file.matches(stamp)) {
            return FileStatus::Unchanged;
        }
        let noted = |f: &&RejectedFile| {
            let RejectedFile { bytes, modified_ns, change_mark, .. } = **f;
            stamp.matches(FileStamp { bytes, modified_ns, change_mark })
        };
        match self.loaded.rejected.get(path).filter(noted).map(|f| f.cause) {
            Some(RejectionCause::LeftOut(reason)) => FileStatus::LeftOut(reason),
            // Another model, or other vectors, may have all of its parts; or the import was cancelled.
            Some(RejectionCause::Partial) => FileStatus::Changed,
            Some(_) => FileStatus::Failed,
            None => FileStatus::Changed,
        }
    }

    /// Whether all parts of a file are stored with their vectors.
    pub fn has_all_parts(&self, path: &Path) -> bool {
        self.loaded.files.get(path).is_some_and(|file| file.ready)
    }

    /// Whether the stored stamp of a file has no [`FileStamp::change_mark`].
    pub fn lacks_change_mark(&self, path: &Path) -> bool {
        self.loaded.files.get(path).is_some_and(|file| file.change_mark == 0)
    }

    /// Stores the change marks of files that are otherwise unchanged.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn set_change_marks(&mut self, marks: &[(PathBuf, i64)]) -> Result<(), StoreError> {
        self.writable()?;
        let known = |path: &Path| self.loaded.files.get(path).map(|file| file.id);
        self.in_transaction(|connection| {
            let mut update = connection.prepare_cached("UPDATE files SET change_mark = ? WHERE id = ?")?;
            let mut known = marks.iter().filter_map(|(path, mark)| Some((*mark, known(path)?)));
            known.try_for_each(|(mark, id)| update.execute((mark, id)).map(|_| ()))
        })?;
        for (path, mark) in marks {
            if let Some(file) = self.loaded.files.get_mut(path.as_path()) {
                file.change_mark = *mark;
            }
        }
        Ok(())
    }

    /// Shared lookup of vector rows, for other threads.
    pub fn vector_rows(&self) -> VectorRows {
        self.loaded.vectors.clone()
    }

    /// Whether this model has already embedded this content in the way that the import options ask for.
    pub fn has_vector(&self, hash: &ContentHash, modality: Modality) -> bool {
        self.vector_row(hash, modality).is_some()
    }

    fn vector_row(&self, hash: &ContentHash, modality: Modality) -> Option<u32> {
        self.loaded.vectors.get(&(*hash, vector_kind(modality, self.long_text())))
    }

    fn long_text(&self) -> LongText {
        self.options.as_ref().map(|options| options.long_text).unwrap_or_default()
    }

    /// A handle to the thumbnail cache, for other threads.
    pub fn thumbnails(&self) -> ThumbnailCache {
        self.thumbnails.clone()
    }

    /// Stores a thumbnail (JPEG).
    pub fn put_thumbnail(&self, hash: &ContentHash, jpeg: &[u8]) {
        self.thumbnails.put(hash, jpeg);
    }

    /// The thumbnail (JPEG) of this content.
    pub fn thumbnail(&self, hash: &ContentHash) -> Option<Vec<u8>> {
        self.thumbnails.get(hash)
    }

    /// Removes the files selected by `which`, with their items and failures. `also` runs in the same transaction.
    fn remove_files(
        &mut self,
        which: impl Fn(&Path) -> bool,
        also: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<usize, StoreError> {
        let files: Vec<(Arc<Path>, i64)> =
            self.loaded.files.iter().filter(|(path, _)| which(path)).map(|(path, f)| (path.clone(), f.id)).collect();
        let failed: Vec<PathBuf> = self.loaded.rejected.keys().filter(|path| which(path)).cloned().collect();
        let removed = self.in_transaction(|connection| {
            let mut items = connection.prepare_cached("DELETE FROM items WHERE file = ? RETURNING id")?;
            let mut file = connection.prepare_cached("DELETE FROM files WHERE id = ?")?;
            let mut removed = Vec::new();
            for (_, id) in &files {
                for item in items.query_map([id], |row| row.get(0).map(ItemId))? {
                    removed.push(item?);
                }
                file.execute([id])?;
                facts::forget(connection, *id)?;
                table_columns::forget(connection, *id)?;
            }
            failed.iter().try_for_each(|path| rejected::forget_all(connection, path))?;
            also(connection)?;
            Ok(removed)
        })?;
        for (path, _) in &files {
            self.loaded.files.remove(path);
            self.loaded.drop_table_unless(path, None);
        }
        for path in &failed {
            self.loaded.rejected.remove(path);
        }
        let before = self.snapshot.len();
        self.apply(removed.into_iter().map(ItemChange::Remove).collect())?;
        Ok(before - self.snapshot.len())
    }

    /// Runs `work` in one transaction.
    fn in_transaction<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let run = || {
            let transaction = self.connection.unchecked_transaction()?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        run().map_err(|error: rusqlite::Error| self.sql(&error))
    }

    /// Publishes committed changes as a new snapshot.
    fn apply(&mut self, changes: Vec<ItemChange>) -> Result<(), StoreError> {
        let vectors =
            self.file.map(self.model.rows).map_err(|error| StoreError::io(&self.dir, self.file.path(), error))?;
        self.loaded.apply(changes, vectors);
        self.publish();
        Ok(())
    }

    fn publish(&mut self) {
        let dim = self.loaded.dim();
        self.snapshot = Arc::new(Snapshot::truncated(self.loaded.publish(), dim));
    }

    fn writable(&self) -> Result<(), StoreError> {
        match &self.read_only {
            Some(why) => Err(StoreError::ReadOnly { why: why.clone() }),
            None => Ok(()),
        }
    }

    /// Converts an SQLite error.
    fn sql(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::sql(&self.dir, error)
    }
}
