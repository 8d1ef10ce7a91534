//! All models of this machine, and the downloads under way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::context::InstallContext;
use super::download::{Download, RequestedState};
use super::download_plan::interrupted;
use super::error::ModelError;
use super::model_store::{Manifest, ModelStore, is_model_name, remove_dir_if_present};
use super::options::InstallOptions;
use super::transfer::{DownloadProgress, Transfer};
use super::{import, verify};
use crate::catalogue::{self, CatalogueEntry, MODELS};
use vicinity_core::NetworkLedger;
use vicinity_core::monitor::Monitor;
use vicinity_core::worker::Worker;

/// Whether a model is installed.
#[derive(Debug, Clone, PartialEq)]
pub enum InstallState {
    /// No file of it is here.
    NotInstalled,
    /// It is being downloaded.
    Downloading(DownloadProgress),
    /// Part of it is here; `start` resumes.
    Paused(DownloadProgress),
    /// It can be used.
    Installed {
        /// Length of its files, bytes.
        bytes: u64,
    },
    /// The download failed, or files were found damaged; `start` tries again and reuses intact files.
    Failed {
        /// A sentence for the user.
        reason: String,
    },
}

/// A model and whether it is installed.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// Name of the model.
    pub id: String,
    /// Its entry in the catalogue; `None` for an import under another name.
    pub entry: Option<&'static CatalogueEntry>,
    /// Whether it is installed.
    pub state: InstallState,
}

struct Slot {
    state: InstallState,
    transfer: Arc<Transfer>,
    requested: watch::Sender<RequestedState>,
    worker: Option<Worker>,
}

impl Slot {
    fn new(state: InstallState) -> Self {
        Self { state, transfer: Arc::default(), requested: watch::Sender::new(RequestedState::Run), worker: None }
    }

    fn request(&self, state: RequestedState) {
        // What was requested before does not matter.
        let _before = self.requested.send_replace(state);
    }

    /// The state, with the progress of this moment.
    fn sampled(&self) -> InstallState {
        match &self.state {
            InstallState::Downloading(_) => InstallState::Downloading(self.transfer.sample()),
            other => other.clone(),
        }
    }
}

/// Shared with the download threads.
struct Shared {
    context: InstallContext,
    slots: Monitor<BTreeMap<String, Slot>>,
}

/// The models of this machine. Dropping it pauses all downloads.
pub struct Models {
    shared: Arc<Shared>,
    runtime: Handle,
}

impl Models {
    /// Lists what is installed; contacts nobody. Downloads use `runtime`, which must have threads of its own.
    pub fn open(
        options: InstallOptions,
        runtime: Handle,
        network_log: NetworkLedger,
        changed: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let store = ModelStore::new(options.dir.clone());
        let installed = |manifest: Manifest| {
            let state = InstallState::Installed { bytes: manifest.bytes() };
            (manifest.id, Slot::new(state))
        };
        let mut slots: BTreeMap<String, Slot> = store.all().into_iter().map(installed).collect();
        for entry in &MODELS {
            slots.entry(entry.id.to_owned()).or_insert_with(|| Slot::new(initial_state(&store, entry)));
        }
        let context = InstallContext { options, store, network_log, changed: Box::new(changed) };
        Self { shared: Arc::new(Shared { context, slots: Monitor::new(slots) }), runtime }
    }

    /// All models: those of the catalogue in its order, then imports by name.
    pub fn status(&self) -> Vec<Status> {
        let status =
            |id: &str, slot: &Slot| Status { id: id.to_owned(), entry: catalogue::find(id), state: slot.sampled() };
        self.shared.slots.read(|slots| {
            let listed = MODELS.iter().filter_map(|entry| Some(status(entry.id, slots.get(entry.id)?)));
            let others = slots.iter().filter(|(id, _)| catalogue::find(id).is_none());
            listed.chain(others.map(|(id, slot)| status(id, slot))).collect()
        })
    }

    /// Whether one model is installed; `None` for a name that neither the catalogue nor the disk has.
    pub fn state(&self, id: &str) -> Option<InstallState> {
        self.shared.slots.read(|slots| slots.get(id).map(Slot::sampled))
    }

    /// The network log.
    pub fn network_log(&self) -> &NetworkLedger {
        &self.shared.context.network_log
    }

    /// The folder of installed models.
    pub fn store(&self) -> &ModelStore {
        &self.shared.context.store
    }

    /// The folder and the manifest of an installed model.
    pub fn find(&self, id: &str) -> Option<(PathBuf, Manifest)> {
        Some((self.store().dir(id), self.store().manifest(id)?))
    }

    /// Starts or resumes a download. Does nothing for a model that is installed or being downloaded.
    ///
    /// # Errors
    /// When the catalogue has no such model, or no thread can be started.
    pub fn start(&self, id: &str) -> Result<(), ModelError> {
        let entry = catalogue::find(id).ok_or_else(|| ModelError::Unknown { id: id.to_owned() })?;
        let begun = self.shared.slots.update(|slots| {
            let slot = slots.entry(id.to_owned()).or_insert_with(|| Slot::new(InstallState::NotInstalled));
            if entry.is_built_in()
                || matches!(slot.state, InstallState::Downloading(_) | InstallState::Installed { .. })
            {
                return None;
            }
            let before = std::mem::replace(slot, Slot::new(InstallState::Downloading(DownloadProgress::default())));
            Some((Arc::clone(&slot.transfer), slot.requested.clone(), before.worker))
        });
        let Some((transfer, requested, before)) = begun else { return Ok(()) };
        // outside the lock, which its last act may need
        drop(before);
        let worker = self.spawn_download(entry, transfer, requested);
        self.shared.slots.update(|slots| {
            let Some(slot) = slots.get_mut(id) else { return Ok(()) };
            match worker {
                Ok(worker) => slot.worker = Some(worker),
                Err(error) => {
                    slot.state = InstallState::NotInstalled;
                    return Err(error);
                }
            }
            Ok(())
        })
    }

    fn spawn_download(
        &self,
        entry: &'static CatalogueEntry,
        transfer: Arc<Transfer>,
        requested: watch::Sender<RequestedState>,
    ) -> Result<Worker, ModelError> {
        let (shared, runtime) = (Arc::clone(&self.shared), self.runtime.clone());
        let (reporting, received) = (Arc::clone(&self.shared), requested.subscribe());
        let work = move || {
            let result = Download::new(entry, &shared.context, &transfer, received.clone())
                .and_then(|download| runtime.block_on(download.run()));
            shared.finished(entry, result, &transfer, *received.borrow());
        };
        let failed = move |why: String| {
            let reason = format!("the download failed unexpectedly ({why}); start it again to resume");
            reporting.set(entry.id, InstallState::Failed { reason });
        };
        let pause = move || {
            let _before = requested.send_replace(RequestedState::Pause);
        };
        Worker::once("download", pause, work, failed).map_err(ModelError::io(self.store().root()))
    }

    /// Pauses a download; what has arrived stays.
    pub fn pause(&self, id: &str) {
        self.request(id, RequestedState::Pause);
    }

    /// Resumes a download.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn resume(&self, id: &str) -> Result<(), ModelError> {
        self.start(id)
    }

    /// Cancels a download and deletes what has arrived.
    ///
    /// # Errors
    /// When files of an interrupted download cannot be deleted.
    pub fn cancel(&self, id: &str) -> Result<(), ModelError> {
        self.request(id, RequestedState::Cancel);
        let interrupted = |state: &InstallState| matches!(state, InstallState::Paused(_) | InstallState::Failed { .. });
        if !self.state(id).is_some_and(|state| interrupted(&state)) {
            return Ok(());
        }
        let _lock = self.store().lock(id)?;
        remove_dir_if_present(&self.store().partial(id))?;
        self.shared.set(id, InstallState::NotInstalled);
        Ok(())
    }

    fn request(&self, id: &str, state: RequestedState) {
        self.shared.slots.read(|slots| {
            if let Some(slot) = slots.get(id).filter(|slot| matches!(slot.state, InstallState::Downloading(_))) {
                slot.request(state);
            }
        });
    }

    /// Waits until a download ends, however it ends; calls `on_progress` a few times per second.
    pub fn wait(&self, id: &str, mut on_progress: impl FnMut(&DownloadProgress)) -> Option<InstallState> {
        loop {
            let deadline = Instant::now() + Duration::from_millis(100);
            let ended = self.shared.slots.wait_until(deadline, |slots| match slots.get(id) {
                Some(Slot { state: InstallState::Downloading(_), .. }) => None,
                slot => Some(slot.map(Slot::sampled)),
            });
            match (ended, self.state(id)) {
                (Some(ended), _) => return ended,
                (None, Some(InstallState::Downloading(progress))) => on_progress(&progress),
                (None, _) => {}
            }
        }
    }

    /// Copies a model in from a folder or an archive (zip, tar, tar.gz), under the name `id` or that of the file.
    /// Takes as long as copying and hashing do.
    ///
    /// # Errors
    /// When it holds no model, or another one than the name says; when an archive is hostile, or the disk is full.
    pub fn import(&self, path: &Path, id: Option<&str>) -> Result<Manifest, ModelError> {
        let manifest = import::import(&self.shared.context, path, id)?;
        self.shared.set(&manifest.id, InstallState::Installed { bytes: manifest.bytes() });
        Ok(manifest)
    }

    /// Re-reads all files of a model and compares their hashes; returns a sentence for each file that is wrong. A damaged
    /// model no longer counts as installed; `start` fetches the wrong files again. `on_read` receives bytes read.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn verify(&self, id: &str, on_read: impl FnMut(u64)) -> Result<Vec<String>, ModelError> {
        check_has_files(id)?;
        let manifest = self.store().manifest(id).ok_or_else(|| ModelError::NotInstalled { id: id.to_owned() })?;
        let problems: Vec<String> =
            verify::problems(self.store(), &manifest, on_read).iter().map(ToString::to_string).collect();
        if let Some(first) = problems.first() {
            self.store().mark_damaged(id)?;
            self.shared.set(id, InstallState::Failed { reason: first.clone() });
        }
        Ok(problems)
    }

    /// Deletes a model and its partial downloads.
    ///
    /// # Errors
    /// When it is not installed, is being downloaded, or cannot be deleted.
    pub fn remove(&self, id: &str) -> Result<(), ModelError> {
        check_has_files(id)?;
        if matches!(self.state(id), Some(InstallState::Downloading(_))) {
            return Err(ModelError::Busy { id: id.to_owned() });
        }
        if !self.store().dir(id).exists() && !self.store().partial(id).exists() {
            return Err(ModelError::NotInstalled { id: id.to_owned() });
        }
        let _lock = self.store().lock(id)?;
        self.store().remove(id)?;
        match catalogue::find(id) {
            Some(_) => self.shared.set(id, InstallState::NotInstalled),
            None => {
                self.shared.slots.update(|slots| slots.remove(id));
                (self.shared.context.changed)();
            }
        }
        Ok(())
    }
}

impl Drop for Models {
    fn drop(&mut self) {
        let workers: Vec<Worker> = self.shared.slots.update(|slots| {
            slots.values().for_each(|slot| slot.request(RequestedState::Pause));
            slots.values_mut().filter_map(|slot| slot.worker.take()).collect()
        });
        // joined outside the lock, which their last acts need
        drop(workers);
    }
}

/// Refuses names that cannot be those of a model with files of its own.
fn check_has_files(id: &str) -> Result<(), ModelError> {
    match catalogue::find(id) {
        Some(entry) if entry.is_built_in() => Err(ModelError::BuiltIn { id: id.to_owned() }),
        None if !is_model_name(id) => Err(ModelError::Unknown { id: id.to_owned() }),
        _ => Ok(()),
    }
}

fn initial_state(store: &ModelStore, entry: &CatalogueEntry) -> InstallState {
    if entry.is_built_in() {
        return InstallState::Installed { bytes: entry.bytes };
    }
    match interrupted(&store.partial(entry.id)) {
        Some((done, total)) => InstallState::Paused(DownloadProgress { done, total, ..DownloadProgress::default() }),
        None => InstallState::NotInstalled,
    }
}

impl Shared {
    fn set(&self, id: &str, state: InstallState) {
        self.slots.update(|slots| match slots.get_mut(id) {
            Some(slot) => slot.state = state,
            None => drop(slots.insert(id.to_owned(), Slot::new(state))),
        });
        (self.context.changed)();
    }

    /// Records how a download ended.
    fn finished(
        &self,
        entry: &CatalogueEntry,
        result: Result<Manifest, ModelError>,
        transfer: &Transfer,
        requested: RequestedState,
    ) {
        let failed = |error: &ModelError| InstallState::Failed { reason: error.to_string() };
        let state = match result {
            Ok(manifest) => InstallState::Installed { bytes: manifest.bytes() },
            Err(ModelError::Stopped) if requested == RequestedState::Cancel => {
                match remove_dir_if_present(&self.context.store.partial(entry.id)) {
                    Ok(()) => InstallState::NotInstalled,
                    Err(error) => failed(&error),
                }
            }
            Err(ModelError::Stopped) => {
                let DownloadProgress { done, total, .. } = transfer.sample();
                InstallState::Paused(DownloadProgress { done, total, ..DownloadProgress::default() })
            }
            Err(error) => failed(&error),
        };
        self.set(entry.id, state);
    }
}
