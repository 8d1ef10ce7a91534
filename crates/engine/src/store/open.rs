//! Opening a library, and repairing damage on the way.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use super::assigned_labels::AssignedLabels;
use super::catalog::{self, ModelRow};
use super::load::Tables;
use super::loaded::{LoadReport, LoadedCatalog};
use super::lock::{self, LockOutcome};
use super::picture_texts::SalvagedText;
use super::repair::{REPAIR_HINT, counted, repair_file, repair_name, warning};
use super::sums::VectorSums;
use super::table_columns::left_out_sentence;
use super::vectors::{self, FileCheck, VectorFile};
use super::{Store, StoreError, ThumbnailCache, UnfinishedImport, compact, dimensions, import_options};
use crate::snapshot::{Snapshot, SnapshotParts, Vectors};
use crate::{ImportOptions, Notice, Severity};
use vicinity_core::ClusterNames;
use vicinity_models::ModelKey;

/// Data recovered from a damaged catalog.
#[derive(Default)]
pub(super) struct Salvaged {
    /// The added folders.
    pub roots: Vec<PathBuf>,
    /// The assigned labels.
    pub labels: Option<AssignedLabels>,
    /// The names of clusters.
    pub cluster_names: ClusterNames,
    /// How many groups there were. They name items by numbers that nothing has any more.
    pub groups: usize,
    /// The import options.
    pub options: Option<ImportOptions>,
    /// The text that was read in pictures.
    pub picture_texts: Vec<SalvagedText>,
}

/// A catalog that was loaded.
struct Loaded {
    options: Option<ImportOptions>,
    next: LoadedCatalog,
    report: LoadReport,
    saved_sums: Option<(u64, usize)>,
}

impl Store {
    /// Opens the library in `dir`, or creates one, and verifies it. If another process writes it, or the disk is
    /// write-protected or full, it is opened for reading ([`Store::read_only`] says why). Damage is repaired where possible
    /// and reported in the notices: a damaged catalog is set aside, and damaged vectors are removed so that their items are
    /// embedded again.
    ///
    /// # Errors
    /// When the folder cannot be created or read, or belongs to a newer version of the program.
    pub fn open(dir: &Path, model: &ModelKey) -> Result<(Self, Vec<Notice>), StoreError> {
        let (mut store, mut notices) = Self::open_unverified(dir, model)?;
        notices.extend(store.verify()?);
        Ok((store, notices))
    }

    /// The same, but reads no vector: what [`Store::take_verification`] returns has to run, and what it finds to be
    /// applied, before anything is embedded or stored.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_unverified(dir: &Path, model: &ModelKey) -> Result<(Self, Vec<Notice>), StoreError> {
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
        match Self::open_repaired(dir, model, None, &mut notices) {
            Ok((mut store, _)) => {
                store.lock = Some(lock);
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

    /// Opens a library for writing and repairs its catalog if it cannot be read, or is known to be damaged: `fault` is a
    /// sentence. Returns whether the catalog was set aside.
    pub(super) fn open_repaired(
        dir: &Path,
        model: &ModelKey,
        fault: Option<String>,
        notices: &mut Vec<Notice>,
    ) -> Result<(Self, bool), StoreError> {
        let mut opened = match fault {
            Some(what) => Err(StoreError::Damaged { what }),
            None => Self::open_writer(dir, model, notices),
        };
        if matches!(opened, Err(StoreError::Damaged { .. })) && catalog::rebuild(dir) {
            let what = "An index of the catalog was damaged and has been rebuilt; all files are checked again, and nothing is lost.";
            notices.push(warning(what.to_owned()));
            opened = match catalog::examine(dir, &|| false) {
                Some(found) => Err(StoreError::Damaged { what: found }),
                None => Self::open_writer(dir, model, notices),
            };
        }
        let Err(StoreError::Damaged { what }) = &opened else { return Ok((opened?, false)) };
        let (aside, salvaged) = catalog::set_aside(dir)?;
        notices.push(warning(format!(
            "{what}. It was set aside in {}, and the library was rebuilt: everything is embedded again.",
            aside.display()
        )));
        if salvaged.groups > 0 {
            let groups = counted(salvaged.groups, "group", "groups");
            notices.push(warning(format!("{groups} of items could not be recovered; create them again")));
        }
        let mut store = Self::open_writer(dir, model, notices)?;
        for root in salvaged.roots {
            store.add_root(&root)?;
        }
        // What was recovered of the text in pictures is kept for the items that are still to come.
        store.set_unfinished(Some(UnfinishedImport::default()))?;
        if let Some(options) = &salvaged.options {
            store.set_import_options(options)?;
        }
        store.restore_picture_texts(&salvaged.picture_texts)?;
        if let Some(labels) = &salvaged.labels {
            store.replace_labels(&labels.set, &labels.given)?;
        }
        if !salvaged.cluster_names.is_empty() {
            store.set_cluster_names(&salvaged.cluster_names)?;
        }
        Ok((store, true))
    }

    fn open_writer(dir: &Path, model: &ModelKey, notices: &mut Vec<Notice>) -> Result<Self, StoreError> {
        let connection = catalog::open_to_write(dir)?;
        let sql = |error: rusqlite::Error| StoreError::sql(dir, &error);
        catalog::repair_sequence(&connection).map_err(sql)?;
        compact::clean_up(dir, &connection).map_err(sql)?;
        let mut row = match catalog::find_model(&connection, model).map_err(sql)? {
            Some(row) => row,
            None => {
                let name = vectors::find_file(&dir.join("vectors"), model);
                let name = name.unwrap_or_else(|| vectors::file_name(model));
                catalog::add_model(&connection, model, &name).map_err(sql)?
            }
        };
        let file = repair_name(dir, &connection, model, &mut row).map_err(sql)?;
        let mut store = Self::load(dir, connection, model, row, file, None, notices)?;
        store.drop_unreadable(notices)?;
        notices.extend(left_out_sentence(store.left_out_tables()).map(warning));
        if let Err(error) = store.save_sums() {
            log::info!("the library will open more slowly: {error}");
        }
        Ok(store)
    }

    /// Opens the library in `dir` for reading, even while another process writes it. Takes no lock, and creates and
    /// repairs nothing; damage is reported in the notices.
    ///
    /// # Errors
    /// When there is no library, it cannot be read, or it belongs to a newer version of the program.
    pub fn open_to_read(dir: &Path, model: &ModelKey) -> Result<(Self, Vec<Notice>), StoreError> {
        let (mut store, mut notices) = Self::open_to_read_unverified(dir, model)?;
        notices.extend(store.verify()?);
        Ok((store, notices))
    }

    /// The same, but reads no vector; see [`Store::open_unverified`].
    ///
    /// # Errors
    /// As [`Store::open_to_read`].
    pub fn open_to_read_unverified(dir: &Path, model: &ModelKey) -> Result<(Self, Vec<Notice>), StoreError> {
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
        if store.unreadable.count() > 0 {
            let many = counted(store.unreadable.count(), "entry", "entries");
            notices
                .push(warning(format!("The catalog has {many} that cannot be read and were ignored; {REPAIR_HINT}.")));
        }
        notices.extend(left_out_sentence(store.left_out_tables()).map(warning));
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
        let row = ModelRow { id: -1, file: vectors::file_name(model), rows: 0 };
        let file = VectorFile::named(dir, &row.file, model);
        Self::load(dir, connection, model, row, file, Some(why), &mut Vec::new())
    }

    /// Loads everything but the vectors into memory.
    fn load(
        dir: &Path,
        connection: Connection,
        model: &ModelKey,
        row: ModelRow,
        file: VectorFile,
        read_only: Option<String>,
        notices: &mut Vec<Notice>,
    ) -> Result<Self, StoreError> {
        let parts = SnapshotParts {
            library: dir.to_owned(),
            epoch: 1,
            generation: 0,
            photos: Vec::new(),
            tables: Arc::default(),
            groups: Arc::default(),
            roots: Vec::new(),
            chunks: Vec::new(),
            vector_rows: Vec::new(),
            vectors: Vectors::Owned(Arc::new([])),
            model: model.clone(),
            means: [Arc::new([]), Arc::new([])],
            counts: [0, 0],
            read_only: read_only.clone(),
        };
        let mut store = Self {
            dir: dir.to_owned(),
            connection,
            model: row,
            file,
            snapshot: Arc::new(Snapshot::new(parts.clone())),
            loaded: LoadedCatalog::new(parts, Default::default(), model.dim),
            options: None,
            unreadable: Default::default(),
            unverified: None,
            damaged: HashSet::new(),
            saved_sums: None,
            seen_version: None,
            thumbnails: ThumbnailCache::new(dir, read_only.is_none()),
            read_only,
            lock: None,
        };
        store.unverified = Some(store.load_again(notices)?);
        Ok(store)
    }

    /// Goes on where another state of the same library ends: epochs and generations only grow, and handles stay valid.
    pub(super) fn continue_from(&mut self, before: &LoadedCatalog) {
        let rows = self.loaded.vectors.read().clone();
        before.vectors.replace(rows);
        self.loaded.vectors = before.vectors.clone();
        self.loaded.parts.epoch = before.parts.epoch + 1;
        self.loaded.parts.generation = before.parts.generation;
        self.publish();
    }

    /// Loads the catalog again; a new epoch begins.
    pub(super) fn reload(&mut self) -> Result<(), StoreError> {
        self.load_again(&mut Vec::new()).map(|_checksums| ())
    }

    /// Loads the catalog. Returns row and checksum of each vector.
    fn load_again(&mut self, notices: &mut Vec<Notice>) -> Result<Vec<(u32, u32)>, StoreError> {
        if self.read_only.is_some() {
            return self.load_as_reader();
        }
        let (model, rows) = (self.model.id, self.model.rows);
        let tables = Tables::load_as_writer(&self.dir, &self.connection, model, rows);
        let tables = tables.map_err(|error| self.sql(&error))?;
        self.model.rows = rows.max(tables.vectors.end());
        repair_file(&self.dir, &self.connection, &mut self.model, &self.file, notices)?;
        let loaded = self.assemble(&self.model, &self.file, tables)?;
        Ok(self.adopt(loaded))
    }

    /// Loads one state of the catalog, even while another process writes or compacts the library.
    fn load_as_reader(&mut self) -> Result<Vec<(u32, u32)>, StoreError> {
        let key = &self.loaded.parts.model;
        for last in [false, false, true] {
            let one_state = self.connection.unchecked_transaction().map_err(|error| self.sql(&error))?;
            let found = catalog::find_model(&self.connection, key).map_err(|error| self.sql(&error))?;
            let mut model = found.unwrap_or(ModelRow { id: -1, file: vectors::file_name(key), rows: 0 });
            let file = VectorFile::named(&self.dir, &model.file, key);
            let tables = Tables::load(&self.connection, model.id, model.rows).map_err(|error| self.sql(&error))?;
            model.rows = model.rows.max(tables.vectors.end());
            if !last && model.rows > 0 && matches!(file.inspect(), Ok(FileCheck::Missing)) {
                // A compaction has put another file in its place just now.
                continue;
            }
            let loaded = self.assemble(&model, &file, tables)?;
            drop(one_state);
            if model.file != self.model.file {
                self.damaged.clear();
            }
            (self.model, self.file) = (model, file);
            return Ok(self.adopt(loaded));
        }
        Ok(Vec::new())
    }

    /// Matches the tables with the vector file.
    fn assemble(&self, model: &ModelRow, file: &VectorFile, mut tables: Tables) -> Result<Loaded, StoreError> {
        if tables.vectors.end() > model.rows || !self.damaged.is_empty() {
            tables.vectors.retain(|row| row < model.rows && !self.damaged.contains(&row));
        }
        let vectors = file.inspect().and_then(|found| match found {
            FileCheck::Rows(_) => file.map(model.rows),
            FileCheck::Missing | FileCheck::Foreign => Ok(Vectors::Owned(Arc::new([]))),
        });
        let vectors = vectors.map_err(|error| StoreError::io(&self.dir, file.path(), error))?;
        let mut parts = self.loaded.parts.clone();
        parts.epoch += 1;
        (parts.chunks, parts.photos, parts.vector_rows, parts.counts) = (Vec::new(), Vec::new(), Vec::new(), [0, 0]);
        parts.vectors = vectors;
        let load = || {
            let (options, options_damaged) = import_options::load(&self.connection)?;
            let long_text = options.as_ref().map(|options| options.long_text).unwrap_or_default();
            let dim = dimensions::load(&self.connection, model.id)?.unwrap_or(parts.model.dim).min(parts.model.dim);
            let mut next = LoadedCatalog::new(parts, self.loaded.vectors.clone(), dim);
            let mut report = next.load(&self.connection, model.id, long_text, tables)?;
            report.unreadable.options = options_damaged;
            let stored = VectorSums::load(&self.connection, model.id, &next.parts, dim)?;
            let saved_sums = stored.as_ref().map(VectorSums::identity);
            next.set_sums(stored.unwrap_or_else(|| VectorSums::of(&next.parts, dim)));
            Ok(Loaded { options, next, report, saved_sums })
        };
        load().map_err(|error: rusqlite::Error| self.sql(&error))
    }

    fn adopt(&mut self, loaded: Loaded) -> Vec<(u32, u32)> {
        let Loaded { options, next, report, saved_sums } = loaded;
        (self.options, self.loaded, self.unreadable, self.saved_sums) = (options, next, report.unreadable, saved_sums);
        self.publish();
        report.checksums
    }

    /// Stores the sums of the vectors, if they have changed: the library opens faster with them.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn save_sums(&mut self) -> Result<(), StoreError> {
        let identity = self.loaded.sums().identity();
        if self.read_only.is_none() && self.saved_sums != Some(identity) {
            self.loaded.sums().save(&self.connection, self.model.id).map_err(|error| self.sql(&error))?;
            self.saved_sums = Some(identity);
        }
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
        self.reload()?;
        Ok(true)
    }
}

/// Whether there is a library in a folder.
pub fn exists(dir: &Path) -> bool {
    catalog::file(dir).is_file()
}
