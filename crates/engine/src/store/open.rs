//! Opening a library, and repairing damage on the way.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::assigned_labels::AssignedLabels;
use super::catalog::{self, ModelRow};
use super::loaded::{self, LoadedCatalog};
use super::lock::{self, LockOutcome};
use super::meta::{self, StoredSetting};
use super::vectors::{self, FileCheck, VectorFile};
use super::{Store, StoreError, ThumbnailCache, dimensions};
use crate::snapshot::{Snapshot, SnapshotParts, Vectors};
use crate::{ImportOptions, Notice, Severity};
use vicinity_core::atomic_file;
use vicinity_models::{LongText, ModelKey};

/// Import options as they are stored.
#[derive(Serialize, Deserialize)]
struct StoredOptions {
    excludes: Vec<String>,
    rows: bool,
    long_text: LongText,
}

/// Name of the import options among the settings.
const IMPORT: &str = "import";

/// What the user can do about damage found while reading.
pub(super) const REPAIR_HINT: &str = "`vicinity index` repairs this and re-embeds what is lost";

/// Data recovered from a damaged catalog.
#[derive(Default)]
pub(super) struct Salvaged {
    /// The added folders.
    pub roots: Vec<PathBuf>,
    /// The assigned labels.
    pub labels: Option<AssignedLabels>,
}

impl Store {
    /// Opens the library in `dir`, or creates one. If another process writes it, or the disk is write-protected or full,
    /// it is opened for reading ([`Store::read_only`] says why). Damage is repaired where possible and reported in the
    /// notices: a damaged catalog is set aside, and damaged vectors are removed so that their items are embedded again.
    ///
    /// # Errors
    /// When the folder cannot be created or read, or belongs to a newer version of the program.
    pub fn open(dir: &Path, model: &ModelKey) -> Result<(Self, Vec<Notice>), StoreError> {
        if let Err(error) = std::fs::create_dir_all(dir)
            && !dir.is_dir()
        {
            return Err(StoreError::io(dir, dir, error));
        }
        let dir = &std::path::absolute(dir).map_err(|error| StoreError::io(dir, dir, error))?;
        let mut notices = Vec::new();
        let lock = match lock::acquire(dir) {
            LockOutcome::Reader(why) => return Self::open_reader(dir, model, why),
            LockOutcome::Writer(lock) => lock,
        };
        let mut salvaged = Salvaged::default();
        let mut opened = Self::open_writer(dir, model, &mut notices);
        if matches!(opened, Err(StoreError::Damaged { .. })) && catalog::rebuild(dir) {
            let what = "An index of the catalog was damaged and has been rebuilt; all files are checked again, and nothing is lost.";
            notices.push(warning(what.to_owned()));
            opened = Self::open_writer(dir, model, &mut notices);
        }
        if let Err(StoreError::Damaged { what }) = &opened {
            let (aside, found) = catalog::set_aside(dir)?;
            notices.push(warning(format!(
                "{what}. It was set aside in {}, and the library was rebuilt: everything is embedded again.",
                aside.display()
            )));
            salvaged = found;
            opened = Self::open_writer(dir, model, &mut notices);
        }
        match opened {
            Ok(mut store) => {
                store.lock = Some(lock);
                for root in salvaged.roots {
                    store.add_root(&root)?;
                }
                if let Some(labels) = &salvaged.labels {
                    store.replace_labels(&labels.set, &labels.given)?;
                }
                Ok((store, notices))
            }
            Err(StoreError::ReadOnly { .. }) => {
                let why =
                    format!("The library {} is write-protected: it can be searched, but not changed.", dir.display());
                Self::open_reader(dir, model, why)
            }
            Err(full @ StoreError::Full { .. }) => {
                let why = "The disk is full, so the library can be searched, but not changed. Free some space and open it again.";
                Self::open_reader(dir, model, why.to_owned()).map_err(|_| full)
            }
            Err(error) => Err(error),
        }
    }

    fn open_writer(dir: &Path, model: &ModelKey, notices: &mut Vec<Notice>) -> Result<Self, StoreError> {
        let connection = catalog::open_to_write(dir)?;
        // Beside the loading, on another processor.
        let check = std::thread::Builder::new().name("vicinity-check".to_owned()).spawn({
            let dir = dir.to_owned();
            move || catalog::examine(&dir)
        });
        let loaded = Self::load_writer(dir, connection, model, notices);
        match check.map(std::thread::JoinHandle::join) {
            Ok(Ok(Some(found))) => {
                let what = format!("the catalog of the library {} is damaged ({found})", dir.display());
                Err(StoreError::Damaged { what })
            }
            Ok(Ok(None)) => loaded,
            Ok(Err(_)) | Err(_) => {
                log::warn!("the catalog of {} could not be checked", dir.display());
                loaded
            }
        }
    }

    fn load_writer(
        dir: &Path,
        connection: Connection,
        model: &ModelKey,
        notices: &mut Vec<Notice>,
    ) -> Result<Self, StoreError> {
        let sql = |error: rusqlite::Error| StoreError::sql(dir, &error);
        catalog::repair_sequence(&connection).map_err(sql)?;
        let mut row = match catalog::find_model(&connection, model).map_err(sql)? {
            Some(row) => row,
            None => catalog::add_model(&connection, model, &vectors::file_name(model)).map_err(sql)?,
        };
        let file = repair_name(dir, &connection, model, &mut row).map_err(sql)?;
        repair_file(dir, &connection, &mut row, &file, notices)?;
        let mut store = Self::load(dir, connection, model, row, file, None)?;
        store.drop_unreadable(notices)?;
        store.drop_damaged(notices)?;
        Ok(store)
    }

    /// Opens the library in `dir` for reading, even while another process writes it. Takes no lock, and creates and
    /// repairs nothing; damage is reported in the notices.
    ///
    /// # Errors
    /// When there is no library, it cannot be read, or it belongs to a newer version of the program.
    pub fn open_to_read(dir: &Path, model: &ModelKey) -> Result<(Self, Vec<Notice>), StoreError> {
        let dir = &std::path::absolute(dir).map_err(|error| StoreError::io(dir, dir, error))?;
        if !exists(dir) {
            return Err(StoreError::Missing { dir: dir.to_owned() });
        }
        Self::open_reader(dir, model, "The library is open for reading only.".to_owned())
    }

    fn open_reader(dir: &Path, model: &ModelKey, why: String) -> Result<(Self, Vec<Notice>), StoreError> {
        let mut notices = Vec::new();
        if !exists(dir) {
            return Err(StoreError::ReadOnly {
                why: format!("There is no library in {} yet, and none can be created. {why}", dir.display()),
            });
        }
        let store = Self::load_reader(dir, model, why).map_err(|error| match error {
            StoreError::Damaged { what } => StoreError::Damaged { what: format!("{what}; {REPAIR_HINT}") },
            error => error,
        })?;
        if store.found.unreadable.count() > 0 {
            let many = count_of(store.found.unreadable.count(), "entry", "entries");
            notices
                .push(warning(format!("The catalog has {many} that cannot be read and were ignored; {REPAIR_HINT}.")));
        }
        if let Some(what) = store.damage() {
            notices.push(warning(what));
        }
        for aside in catalog::earlier_set_aside(dir) {
            let text = format!(
                "A damaged catalog was set aside in {}. `vicinity index` embeds its files again; then that folder can be \
                 deleted.",
                aside.display()
            );
            notices.push(Notice { severity: Severity::Info, text });
        }
        Ok((store, notices))
    }

    fn load_reader(dir: &Path, model: &ModelKey, why: String) -> Result<Self, StoreError> {
        let connection = catalog::open_to_read(dir)?;
        let row = catalog::find_model(&connection, model).map_err(|error| StoreError::sql(dir, &error))?;
        let row = row.unwrap_or(ModelRow { id: -1, file: vectors::file_name(model), rows: 0 });
        let file = VectorFile::new(dir.join("vectors").join(&row.file), model);
        Self::load(dir, connection, model, row, file, Some(why))
    }

    /// The damage found in the vectors of the current model when they were loaded.
    pub(super) fn damage(&self) -> Option<String> {
        if self.found.damaged.is_empty() {
            return None;
        }
        let rows: Vec<u32> = self.found.damaged.values().copied().collect();
        Some(damaged_vectors(self.file.path(), &rows, self.found.lost))
    }

    /// Loads everything into memory, from one state of the catalog even while another process writes.
    fn load(
        dir: &Path,
        connection: Connection,
        model: &ModelKey,
        row: ModelRow,
        file: VectorFile,
        read_only: Option<String>,
    ) -> Result<Self, StoreError> {
        let parts = SnapshotParts {
            library: dir.to_owned(),
            epoch: 1,
            generation: 0,
            roots: Vec::new(),
            chunks: Vec::new(),
            vector_rows: Vec::new(),
            vectors: Vectors::Owned(Arc::new([])),
            model: model.clone(),
            means: [Arc::new([]), Arc::new([])],
            counts: [0, 0],
            read_only: read_only.clone(),
        };
        let dim = dimensions::load(&connection, row.id).map_err(|error| StoreError::sql(dir, &error))?;
        let dim = dim.unwrap_or(model.dim).min(model.dim);
        let mut store = Self {
            dir: dir.to_owned(),
            connection,
            model: row,
            file,
            snapshot: Arc::new(Snapshot::new(parts.clone())),
            loaded: LoadedCatalog::new(parts, Default::default(), dim),
            options: None,
            found: Default::default(),
            seen_version: None,
            thumbnails: ThumbnailCache::new(dir, read_only.is_none()),
            read_only,
            lock: None,
        };
        store.reload()?;
        Ok(store)
    }

    /// Loads the catalog again; a new epoch begins.
    pub(super) fn reload(&mut self) -> Result<(), StoreError> {
        let found = self.file.inspect().map_err(|error| StoreError::io(&self.dir, self.file.path(), error))?;
        let vectors = match found {
            FileCheck::Rows(_) => self.file.map(self.model.rows),
            FileCheck::Missing | FileCheck::Foreign => Ok(Vectors::Owned(Arc::new([]))),
        };
        let vectors = vectors.map_err(|error| StoreError::io(&self.dir, self.file.path(), error))?;
        let mut parts = self.loaded.parts.clone();
        parts.epoch += 1;
        (parts.chunks, parts.vector_rows, parts.counts) = (Vec::new(), Vec::new(), [0, 0]);
        parts.vectors = vectors;
        let load = || {
            let _one_state = self.connection.unchecked_transaction()?;
            let (options, options_damaged) = load_options(&self.connection)?;
            let long_text = options.as_ref().map(|options| options.long_text).unwrap_or_default();
            let loaded = loaded::load_vectors(&self.connection, &self.model, &parts.vectors, parts.model.dim)?;
            let mut next = LoadedCatalog::new(parts, self.loaded.vectors.clone(), self.loaded.dim());
            let mut found = next.load(&self.connection, self.model.id, long_text, loaded)?;
            found.unreadable.options = options_damaged;
            Ok((options, next, found))
        };
        let (options, next, found) = load().map_err(|error: rusqlite::Error| self.sql(&error))?;
        (self.options, self.loaded, self.found) = (options, next, found);
        self.publish();
        Ok(())
    }

    /// Loads what the writer has committed since the last load; for readers. True if there was anything.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn refresh(&mut self) -> Result<bool, StoreError> {
        if self.read_only.is_none() {
            return Ok(false);
        }
        let version = self.connection.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0));
        let version = version.map_err(|error| self.sql(&error))?;
        if self.seen_version.replace(version) == Some(version) {
            return Ok(false);
        }
        let key = self.loaded.parts.model.clone();
        if let Some(row) = catalog::find_model(&self.connection, &key).map_err(|error| self.sql(&error))? {
            self.file = VectorFile::new(self.dir.join("vectors").join(&row.file), &key);
            self.model = row;
        }
        self.reload()?;
        Ok(true)
    }

    /// Removes unreadable entries from the catalog, so that their files are read again.
    fn drop_unreadable(&mut self, notices: &mut Vec<Notice>) -> Result<(), StoreError> {
        let bad = std::mem::take(&mut self.found.unreadable);
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
                meta::remove(connection, IMPORT)?;
            }
            catalog::repair_sequence(connection)
        })?;
        let mut what = format!(
            "{} of the catalog could not be read and were removed; their files are read again.",
            count_of(bad.count(), "entry", "entries")
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

    /// Removes damaged vectors from the catalog, so that exactly their items are embedded again.
    fn drop_damaged(&mut self, notices: &mut Vec<Notice>) -> Result<(), StoreError> {
        let damaged = std::mem::take(&mut self.found.damaged);
        if damaged.is_empty() {
            return Ok(());
        }
        let model = self.model.id;
        self.in_transaction(|connection| {
            let mut delete = connection.prepare("DELETE FROM vectors WHERE model = ? AND row = ?")?;
            damaged.values().try_for_each(|row| delete.execute((model, row)).map(|_| ()))
        })?;
        notices.push(warning(format!(
            "{} in {} were damaged and removed; their items are embedded again.",
            count_of(damaged.len(), "vector", "vectors"),
            self.file.path().display()
        )));
        Ok(())
    }

    /// Changes what imports skip and how they read texts. Files that are read differently from now on count as changed;
    /// their items stay until the files are imported again.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn set_import_options(&mut self, options: &ImportOptions) -> Result<(), StoreError> {
        self.writable()?;
        let (rows, long_text) = self.options.as_ref().map_or((false, LongText::default()), |o| (o.rows, o.long_text));
        let stale: Vec<i64> = match rows == options.rows {
            true => Vec::new(),
            false => self
                .loaded
                .files
                .iter()
                .filter(|(path, _)| vicinity_media::is_table(path))
                .map(|(_, file)| file.id)
                .collect(),
        };
        let stored =
            StoredOptions { excludes: options.excludes.clone(), rows: options.rows, long_text: options.long_text };
        let json = serde_json::to_string(&stored).map_err(|error| StoreError::Catalog { reason: error.to_string() })?;
        self.in_transaction(|connection| {
            meta::put(connection, IMPORT, &json)?;
            let mut incomplete = connection.prepare_cached("UPDATE files SET complete = 0 WHERE id = ?")?;
            stale.iter().try_for_each(|id| incomplete.execute([id]).map(|_| ()))
        })?;
        self.options = Some(options.clone());
        if rows != options.rows || long_text != options.long_text {
            self.reload()?;
        }
        Ok(())
    }
}

/// Whether there is a library in a folder.
pub fn exists(dir: &Path) -> bool {
    catalog::file(dir).is_file()
}

/// The stored import options, and whether they are damaged.
fn load_options(connection: &Connection) -> rusqlite::Result<(Option<ImportOptions>, bool)> {
    let kept = meta::get(connection, IMPORT)?;
    let missing = kept == StoredSetting::Missing;
    let stored = kept.intact().and_then(|json| serde_json::from_str::<StoredOptions>(&json).ok());
    let options = stored.map(|s| ImportOptions { excludes: s.excludes, rows: s.rows, long_text: s.long_text });
    let damaged = options.is_none() && !missing;
    Ok((options, damaged))
}

/// Makes the vector file and the number of rows in the catalog agree.
fn repair_file(
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
fn repair_name(
    dir: &Path,
    connection: &Connection,
    model: &ModelKey,
    row: &mut ModelRow,
) -> rusqlite::Result<VectorFile> {
    let at = |name: &str| VectorFile::new(dir.join("vectors").join(name), model);
    let ours = vectors::file_name(model);
    if row.file != ours && !matches!(at(&row.file).inspect(), Ok(FileCheck::Rows(_))) {
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
    let [vectors, items] =
        [count_of(rows.len(), "damaged vector", "damaged vectors"), count_of(items, "item", "items")];
    format!("{} has {vectors}{place}: {items} cannot be found; {REPAIR_HINT}.", file.display())
}

pub(super) fn count_of(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn warning(text: String) -> Notice {
    Notice { severity: Severity::Warning, text }
}
