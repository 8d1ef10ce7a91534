//! The library as the engine's threads share it: the store behind a lock, the snapshot of now, the failures.

mod maintenance;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::scan::{Candidate, DEFAULT_EXCLUDES};
use super::store::{
    self, AssignedLabel, ClosingSignal, PreparedDimensions, ReadFacts, ReadTable, ReadText, ReadWords, Store,
    StoreError, TableFile, VectorRows,
};
pub use super::store::{FileStatus, NewItem, RejectedFile, RejectionCause, ThumbnailCache, UnfinishedImport};
use super::{Access, ImportOptions, Notice, OpenMode, Snapshot, Verify};
use vicinity_core::{
    ClusterNames, ContentHash, Embedding, Failure, ItemGroups, ItemId, LabelScore, LabelSet, LabelledItems, Layout,
    Modality, PhotoFacts, PictureText, SkipCounts, SkipReason, TextLanguages,
};
use vicinity_models::ModelKey;

struct Shared {
    store: Mutex<Store>,
    snapshot: Mutex<Arc<Snapshot>>,
    options: Mutex<ImportOptions>,
    cluster_names: Mutex<Arc<ClusterNames>>,
    failures: Mutex<BTreeMap<PathBuf, String>>,
    failures_changed: AtomicBool,
    unsaved: Mutex<Vec<RejectedFile>>,
    thumbnails: ThumbnailCache,
    vector_rows: VectorRows,
    read_only: Option<String>,
    closing: Option<ClosingSignal>,
    #[cfg(test)]
    faults: faults::Faults,
}

/// The open library. Cheap to clone.
#[derive(Clone)]
pub struct Library(Arc<Shared>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Library {
    /// Opens the library in a folder, and reports the problems found.
    pub fn open(dir: &Path, key: &ModelKey, access: Access) -> Result<(Self, Vec<Notice>), StoreError> {
        Self::open_in_mode(dir, key, OpenMode { access, verify: Verify::BeforeUse, ..OpenMode::default() })
    }

    /// The same, perhaps to be verified later ([`Self::verify`]).
    pub fn open_in_mode(dir: &Path, key: &ModelKey, mode: OpenMode) -> Result<(Self, Vec<Notice>), StoreError> {
        let (store, notices) = match (mode.access, mode.verify) {
            (Access::ReadWrite, Verify::BeforeUse) => Store::open(dir, key)?,
            (Access::ReadWrite, Verify::InBackground) => Store::open_unverified(dir, key)?,
            (Access::Read, Verify::BeforeUse) => Store::open_to_read(dir, key)?,
            (Access::Read, Verify::InBackground) => Store::open_to_read_unverified(dir, key)?,
        };
        let failures = store.failures().into_iter().map(|f| (f.path, f.reason)).collect();
        let shared = Shared {
            snapshot: Mutex::new(store.snapshot()),
            options: Mutex::new(store.import_options().cloned().unwrap_or_else(default_options)),
            cluster_names: Mutex::new(Arc::new(store.cluster_names()?)),
            failures: Mutex::new(failures),
            failures_changed: AtomicBool::new(false),
            unsaved: Mutex::default(),
            thumbnails: store.thumbnails(),
            vector_rows: store.vector_rows(),
            read_only: store.read_only().map(str::to_owned),
            closing: store.closing(),
            #[cfg(test)]
            faults: faults::Faults::default(),
            store: Mutex::new(store),
        };
        Ok((Self(Arc::new(shared)), notices))
    }

    /// Panics where a test asked for it.
    fn fault(&self) {
        #[cfg(test)]
        self.0.faults.hit();
    }

    /// A thread of this name panics the next time that it uses the library.
    #[cfg(test)]
    pub fn arm(&self, thread: &'static str) {
        self.0.faults.arm(thread);
    }

    /// Why this process may not write, where it may not.
    pub fn read_only(&self) -> Option<String> {
        self.0.read_only.clone()
    }

    /// With which a writer announces that it closes the library.
    pub fn closing(&self) -> Option<&ClosingSignal> {
        self.0.closing.as_ref()
    }

    /// The current collection. Never waits for a write.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.fault();
        Arc::clone(&lock(&self.0.snapshot))
    }

    /// The thumbnails.
    pub fn thumbnails(&self) -> &ThumbnailCache {
        self.fault();
        &self.0.thumbnails
    }

    /// What imports skip, and how they read.
    pub fn import_options(&self) -> ImportOptions {
        lock(&self.0.options).clone()
    }

    /// Changes that.
    pub fn set_import_options(&self, options: ImportOptions) -> Result<(), StoreError> {
        self.write(|store| store.set_import_options(&options))?;
        *lock(&self.0.options) = options;
        Ok(())
    }

    /// Looks at the first `dim` dimensions of each vector from now on.
    pub fn set_dimensions(&self, dim: usize) -> Result<(), StoreError> {
        // Reads all vectors, so not while the store is locked.
        let snapshot = self.snapshot();
        let prepared = (snapshot.dim() != dim).then(|| PreparedDimensions::of(&snapshot, dim));
        self.write(|store| store.set_prepared_dimensions(dim, prepared))
    }

    /// Services that may be sent items of this library, by host.
    pub fn remote_hosts(&self) -> Result<Vec<String>, StoreError> {
        lock(&self.0.store).remote_hosts()
    }

    /// Switches one on or off.
    pub fn allow_remote(&self, host: &str, on: bool) -> Result<(), StoreError> {
        self.write(|store| store.allow_remote(host, on))
    }

    /// Added folders and files.
    pub fn roots(&self) -> Vec<PathBuf> {
        self.snapshot().parts().roots.iter().map(|root| root.path.clone()).collect()
    }

    /// Adds a folder or file.
    pub fn add_root(&self, path: &Path) -> Result<(), StoreError> {
        self.write(|store| store.add_root(path).map(|_added| ()))
    }

    /// Drops a folder or file, its items and failures.
    pub fn remove_root(&self, path: &Path) -> Result<(), StoreError> {
        self.write(|store| store.remove_root(path).map(|_items| ()))?;
        self.read_failures();
        Ok(())
    }

    /// What is wrong with the library.
    pub fn check(&self) -> Vec<String> {
        lock(&self.0.store).check()
    }

    /// Whether a file is in the collection as it is.
    pub fn known(&self, file: &Candidate) -> FileStatus {
        self.fault();
        lock(&self.0.store).known(&file.path, file.stamp())
    }

    /// Whether a file of the collection is known without its mark, though it has one.
    pub fn lacks_change_mark(&self, file: &Candidate) -> bool {
        file.change_mark != 0 && lock(&self.0.store).lacks_change_mark(&file.path)
    }

    /// Notes such marks.
    pub fn set_change_marks(&self, marks: &[(PathBuf, i64)]) -> Result<(), StoreError> {
        if marks.is_empty() { Ok(()) } else { lock(&self.0.store).set_change_marks(marks) }
    }

    /// The import that was interrupted, if any.
    pub fn unfinished(&self) -> Option<UnfinishedImport> {
        lock(&self.0.store).unfinished()
    }

    /// Notes that an import is unfinished, or that none is.
    pub fn set_unfinished(&self, unfinished: Option<UnfinishedImport>) -> Result<(), StoreError> {
        lock(&self.0.store).set_unfinished(unfinished)
    }

    /// Folders below the roots that were on another disk than the folder around them.
    pub fn mounts(&self) -> Vec<PathBuf> {
        lock(&self.0.store).mounts()
    }

    /// Stores these folders.
    pub fn set_mounts(&self, mounts: &[PathBuf]) -> Result<(), StoreError> {
        lock(&self.0.store).set_mounts(mounts)
    }

    /// Calls a root by another path that leads to the same place.
    pub fn rename_root(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        self.write(|store| store.rename_root(from, to))
    }

    /// What was left out at the last look, for each reason.
    pub fn skipped(&self) -> SkipCounts {
        lock(&self.0.store).left_out()
    }

    /// Whether the content of an item has a vector. Never waits for a write.
    pub fn has_vector(&self, item: &NewItem) -> bool {
        self.fault();
        let long_text = lock(&self.0.options).long_text;
        self.0.vector_rows.has(&item.hash, item.modality, long_text)
    }

    /// Items whose content has a vector already.
    pub fn commit_known(&self, items: Vec<NewItem>) -> Result<(), StoreError> {
        if items.is_empty() {
            return Ok(());
        }
        self.clear_failures(items.iter());
        self.write(|store| store.commit_known(items))
    }

    /// Items with their vectors.
    pub fn commit_embedded(&self, items: Vec<(NewItem, Embedding)>) -> Result<(), StoreError> {
        self.fault();
        if items.is_empty() {
            return Ok(());
        }
        self.clear_failures(items.iter().map(|(item, _)| item));
        self.write(|store| store.commit_embedded(items))
    }

    /// Rows of a table with the vectors that the user brought for them.
    pub fn commit_brought(&self, items: Vec<(NewItem, Embedding)>) -> Result<(), StoreError> {
        if items.is_empty() {
            return Ok(());
        }
        self.clear_failures(items.iter().map(|(item, _)| item));
        self.write(|store| store.commit_brought(items))
    }

    /// Whether all parts of a file are stored with their vectors.
    pub fn has_all_parts(&self, path: &Path) -> bool {
        lock(&self.0.store).has_all_parts(path)
    }

    /// Drops the vectors of earlier contents of the file that the user brought.
    pub fn forget_earlier_revisions(&self) -> Result<(), StoreError> {
        self.write(Store::forget_earlier_revisions)
    }

    /// Takes items that are about to be stored off the list of failures.
    fn clear_failures<'a>(&self, items: impl Iterator<Item = &'a NewItem>) {
        let mut failures = lock(&self.0.failures);
        if !failures.is_empty() {
            let taken_off = items.filter(|item| failures.remove(&item.path).is_some()).count();
            self.0.failures_changed.fetch_or(taken_off > 0, Ordering::Relaxed);
        }
    }

    /// After a walk over the roots `walked`: drops the items of files that were not `seen`, but for those `out_of_reach`.
    pub fn remove_missing(
        &self,
        seen: &HashSet<PathBuf>,
        walked: &[PathBuf],
        out_of_reach: &[PathBuf],
    ) -> Result<(), StoreError> {
        self.write(|store| store.remove_missing(seen, walked, out_of_reach).map(|_items| ()))
    }

    /// All parts of a file are stored; see [`Store::finish_parts`].
    pub fn finish_parts(&self, file: &Candidate, kept: Option<&[u32]>) -> Result<(), StoreError> {
        self.write(|store| store.finish_parts(&file.path, file.stamp(), kept))
    }

    fn write(&self, change: impl FnOnce(&mut Store) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut store = lock(&self.0.store);
        let result = change(&mut store);
        *lock(&self.0.snapshot) = store.snapshot();
        result
    }

    /// All files that could not be read.
    pub fn failures(&self) -> Arc<Vec<Failure>> {
        let failures = lock(&self.0.failures);
        let list = failures.iter().map(|(path, reason)| Failure { path: path.clone(), reason: reason.clone() });
        Arc::new(list.collect())
    }

    /// The same, if it has changed since the last time.
    pub fn take_changed_failures(&self) -> Option<Arc<Vec<Failure>>> {
        self.0.failures_changed.swap(false, Ordering::Relaxed).then(|| self.failures())
    }

    /// Notes a file that could not be read, or was left out.
    pub fn add_failure(&self, failure: RejectedFile) {
        if failure.is_failure() {
            lock(&self.0.failures).insert(failure.path.clone(), failure.reason.clone());
            self.0.failures_changed.store(true, Ordering::Relaxed);
        }
        lock(&self.0.unsaved).push(failure);
    }

    /// Number of parts of a file that could not be read the last time; 1 for a whole file, and 0 if nothing failed.
    pub fn failed_parts(&self, path: &Path) -> usize {
        lock(&self.0.store).failed_parts(path)
    }

    /// Whether a file could not be read the last time.
    pub fn has_failed(&self, path: &Path) -> bool {
        lock(&self.0.failures).contains_key(path)
    }

    /// Why a file was left out the last time, if it was.
    pub fn left_out_reason(&self, path: &Path) -> Option<SkipReason> {
        lock(&self.0.store).left_out_reason(path)
    }

    /// The files that were left out, though that may be for a reason that has gone.
    pub fn retried_files(&self) -> Vec<PathBuf> {
        lock(&self.0.store).retried_files()
    }

    /// Takes these off the list of failures.
    pub fn forget_failures(&self, paths: &[PathBuf]) -> Result<(), StoreError> {
        if paths.is_empty() {
            return Ok(());
        }
        self.write(|store| store.clear_failures(paths))?;
        self.read_failures();
        Ok(())
    }

    /// Stores the failures of a run for the next time.
    pub fn save_failures(&self) -> Result<(), StoreError> {
        let unsaved = std::mem::take(&mut *lock(&self.0.unsaved));
        let saved = if unsaved.is_empty() { Ok(()) } else { self.write(|store| store.record_rejected(unsaved)) };
        self.read_failures();
        saved
    }

    fn read_failures(&self) {
        let stored = lock(&self.0.store).failures();
        let mut failures: BTreeMap<PathBuf, String> = stored.into_iter().map(|f| (f.path, f.reason)).collect();
        // those of the run under way are stored at its end
        let unsaved = lock(&self.0.unsaved);
        failures.extend(unsaved.iter().filter(|f| f.is_failure()).map(|f| (f.path.clone(), f.reason.clone())));
        *lock(&self.0.failures) = failures;
        self.0.failures_changed.store(true, Ordering::Relaxed);
    }

    /// The labels of the items in the current collection.
    pub fn labels(&self) -> Result<Option<LabelledItems>, StoreError> {
        let labels = lock(&self.0.store).labels()?;
        Ok(labels.and_then(|labels| labels.of_items(&self.snapshot())))
    }

    /// Stores labels given to items; `None` takes one away, and `all` drops those given before.
    pub fn store_labels(
        &self,
        labels: Vec<String>,
        given: &[(ItemId, Option<LabelScore>)],
        all: bool,
    ) -> Result<(), StoreError> {
        self.fault();
        let snapshot = self.snapshot();
        let (mut kept, mut taken) = (Vec::new(), Vec::new());
        for (id, score) in given {
            let Some(item) = snapshot.get(*id) else { continue };
            let (hash, modality) = (item.hash, item.modality);
            match score.and_then(|score| Some((labels.get(score.label)?.clone(), score))) {
                Some((label, LabelScore { score, share, .. })) => {
                    kept.push(AssignedLabel { hash, modality, label, score, share });
                }
                None => taken.push((hash, modality)),
            }
        }
        let set = LabelSet { name: "Labels".to_owned(), labels };
        let mut store = lock(&self.0.store);
        if all { store.replace_labels(&set, &kept) } else { store.assign_labels(&set, &kept, &taken) }
    }

    /// The names that the user gave clusters.
    pub fn cluster_names(&self) -> Arc<ClusterNames> {
        Arc::clone(&lock(&self.0.cluster_names))
    }

    /// Names clusters so from now on. Returns at once; [`Self::save_cluster_names`] stores it.
    pub fn set_cluster_names(&self, names: Arc<ClusterNames>) {
        *lock(&self.0.cluster_names) = names;
    }

    /// Stores the names of clusters.
    pub fn save_cluster_names(&self) -> Result<(), StoreError> {
        let names = self.cluster_names();
        lock(&self.0.store).set_cluster_names(&names)
    }

    /// Stores groups in place of all that there were, and shows them.
    pub fn store_groups(&self, groups: &Arc<ItemGroups>) -> Result<(), StoreError> {
        self.fault();
        self.write(|store| store.replace_groups(groups))
    }

    /// Stores facts of photos that were read, and shows these and others that are stored already.
    pub fn put_facts(&self, read: &[ReadFacts], known: &[(ItemId, PathBuf, PhotoFacts)]) -> Result<(), StoreError> {
        self.fault();
        self.write(|store| {
            if !known.is_empty() {
                store.show_facts(known);
            }
            if read.is_empty() { Ok(()) } else { store.put_facts(read) }
        })
    }

    /// Stores columns of tables that were read, and shows these and others that are stored already.
    pub fn put_tables(&self, read: &[ReadTable], known: &[TableFile]) -> Result<(), StoreError> {
        self.write(|store| {
            if !known.is_empty() {
                store.show_tables(known)?;
            }
            if read.is_empty() { Ok(()) } else { store.put_tables(read) }
        })
    }

    /// Number of tables whose columns are not loaded.
    pub fn left_out_tables(&self) -> usize {
        lock(&self.0.store).left_out_tables()
    }

    /// Stores words of files for the full text search.
    pub fn put_words(&self, read: &[ReadWords]) -> Result<(), StoreError> {
        lock(&self.0.store).put_words(read)
    }

    /// Deletes the words of items that have gone.
    pub fn forget_words(&self) -> Result<(), StoreError> {
        lock(&self.0.store).forget_words()
    }

    /// The files that were left out because they belong to a picture.
    pub fn companions(&self, picture: &Path) -> Vec<PathBuf> {
        lock(&self.0.store).companions(picture)
    }

    /// What is stored of a photo's facts; `None` where nothing is, or it is damaged.
    pub fn stored_facts(&self, path: &Path) -> Option<PhotoFacts> {
        self.fault();
        lock(&self.0.store).facts(path).unwrap_or_else(|error| {
            log::warn!("what is known of a photo could not be loaded: {error}");
            None
        })
    }

    /// Stores texts of pictures that were read in these languages.
    pub fn put_picture_texts(&self, read: &[ReadText], languages: &TextLanguages) -> Result<(), StoreError> {
        self.fault();
        lock(&self.0.store).put_picture_texts(read, languages)
    }

    /// The text that was read in a picture; empty where none was, or it is damaged.
    pub fn picture_text(&self, id: ItemId) -> PictureText {
        self.fault();
        lock(&self.0.store).picture_text(id).unwrap_or_else(|error| {
            log::warn!("the text in a picture could not be loaded: {error}");
            PictureText::default()
        })
    }

    /// The pictures in whose text all words of a query occur, the best first.
    pub fn find_picture_text(&self, query: &str) -> Result<Vec<ItemId>, StoreError> {
        self.fault();
        lock(&self.0.store).find_picture_text(query)
    }

    /// The items in which all words of a query occur, the best first.
    pub fn find_words(&self, query: &str) -> Result<Vec<ItemId>, StoreError> {
        lock(&self.0.store).find_words(query)
    }

    /// Stores a layout of the snapshot of now. Holds up nobody who writes the library meanwhile.
    pub fn save_layout(&self, layout: &Layout) {
        self.fault();
        if self.0.read_only.is_none()
            && let Err(error) = store::save_layout(&self.snapshot(), layout)
        {
            log::warn!("could not store the map: {error}");
        }
    }

    /// The layout stored last, where it still fits.
    pub fn load_layout(&self) -> Option<Layout> {
        store::load_layout(&self.snapshot())
    }
}

/// What a new library starts with.
fn default_options() -> ImportOptions {
    let excludes = DEFAULT_EXCLUDES.iter().map(|pattern| (*pattern).to_owned()).collect();
    ImportOptions { excludes, ..ImportOptions::default() }
}

impl NewItem {
    /// The file as a whole; its modality is known once it was read.
    pub(super) fn of(file: &Candidate, hash: ContentHash) -> Self {
        Self {
            path: file.path.clone(),
            part: None,
            modality: Modality::Text,
            bytes: file.len,
            modified_ns: file.modified_ns,
            change_mark: file.change_mark,
            hash,
            pixels: None,
            snippet: None,
        }
    }
}

/// Panics that tests ask for.
#[cfg(test)]
mod faults {
    use std::sync::{Mutex, PoisonError};

    use vicinity_core::worker::THREAD_PREFIX;

    #[derive(Default)]
    pub struct Faults(Mutex<Option<&'static str>>);

    impl Faults {
        /// The next thread whose name begins so panics at the next [`Self::hit`].
        pub fn arm(&self, thread: &'static str) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        }

        pub fn hit(&self) {
            let thread = std::thread::current();
            let name = thread.name().and_then(|name| name.strip_prefix(THREAD_PREFIX)).unwrap_or_default();
            let mut armed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let fault = armed.take_if(|armed| name.starts_with(*armed));
            drop(armed);
            assert!(fault.is_none(), "a fault that a test asked for");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_read_files_wait_for_no_write() {
        let dir = tempfile::tempdir().expect("a folder");
        let key = ModelKey { name: "m".into(), revision: "1".into(), preprocessing: "1".into(), dim: 2 };
        let (library, _) = Library::open(dir.path(), &key, Access::ReadWrite).expect("opens");
        let file = Candidate { path: "/a.jpg".into(), len: 1, modified_ns: 1, change_mark: 1 };
        let hash = ContentHash([1; 32]);
        let item = NewItem { modality: Modality::Image, ..NewItem::of(&file, hash) };
        let vector = Embedding::new(vec![1.0, 0.0]).expect("a vector");
        library.commit_embedded(vec![(item.clone(), vector)]).expect("stored");
        // as while a batch is on its way to the disk
        let _writing = lock(&library.0.store);
        assert!(library.has_vector(&item));
        assert!(!library.has_vector(&NewItem { modality: Modality::Text, ..item }));
        assert_eq!((library.snapshot().len(), library.failures().len()), (1, 0));
    }
}
