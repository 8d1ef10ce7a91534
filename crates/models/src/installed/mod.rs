//! Getting, importing, checking and removing models.
//!
//! [`Models`] is driven by commands that return at once (`start`, `pause`, `resume`, `cancel`) and answers with
//! [`Models::status`], which is cheap enough for every frame; `changed` is called when it is worth another look.
//! Nothing is contacted before `start`, and then only the hub and where it redirects to; the [`NetworkLedger`] says what for.

mod cache;
mod checksum;
mod download;
mod download_plan;
mod error;
mod hub;
mod import;
pub mod model_store;
mod options;
mod transfer;
mod unpack;
mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::catalogue::{self, CatalogueEntry, MODELS};
use download::{Download, RequestedState};
use download_plan::interrupted;
pub use error::{ModelError, size};
use model_store::{Manifest, ModelStore, Origin, remove_all};
pub use options::InstallOptions;
pub use transfer::DownloadProgress;
use transfer::Transfer;
use vicinity_core::NetworkLedger;
use vicinity_core::monitor::Monitor;

/// One name for all commits of a model.
fn revision(sources: &[Origin]) -> String {
    match sources {
        [one] => one.commit.clone(),
        several => several.iter().map(|s| s.commit.get(..12).unwrap_or(&s.commit)).collect::<Vec<_>>().join("+"),
    }
}

/// Where a model stands.
#[derive(Debug, Clone, PartialEq)]
pub enum InstallState {
    /// Nothing of it is here.
    NotInstalled,
    /// It is being got.
    Downloading(DownloadProgress),
    /// Part of it is here; `start` goes on.
    Paused(DownloadProgress),
    /// It is here.
    Installed {
        /// Length of its files, bytes.
        bytes: u64,
    },
    /// It could not be got, or was found damaged; `start` tries again and takes what is sound.
    Failed {
        /// A sentence for the user.
        reason: String,
    },
}

/// A model and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// Its name.
    pub id: String,
    /// What the program knows of it; `None` for an import under a name of its own.
    pub entry: Option<&'static CatalogueEntry>,
    /// Where it stands.
    pub state: InstallState,
}

struct Slot {
    state: InstallState,
    transfer: Arc<Transfer>,
    wish: watch::Sender<RequestedState>,
    thread: Option<JoinHandle<()>>,
}

impl Slot {
    fn new(state: InstallState) -> Self {
        Self { state, transfer: Arc::default(), wish: watch::Sender::new(RequestedState::Run), thread: None }
    }

    fn ask(&self, wish: RequestedState) {
        // what was wished before does not matter
        let _before = self.wish.send_replace(wish);
    }

    fn sampled(&self) -> InstallState {
        match &self.state {
            InstallState::Downloading(_) => InstallState::Downloading(self.transfer.sample()),
            other => other.clone(),
        }
    }
}

/// What downloads share.
struct Shared {
    options: InstallOptions,
    store: ModelStore,
    network_log: NetworkLedger,
    changed: Box<dyn Fn() + Send + Sync>,
    slots: Monitor<BTreeMap<String, Slot>>,
}

/// The models of this machine. Dropping it pauses what is being got.
pub struct Models {
    shared: Arc<Shared>,
    runtime: Handle,
}

impl Models {
    /// Looks at what is here; contacts nobody. Downloads use `runtime`, which must have threads of its own.
    pub fn open(
        options: InstallOptions,
        runtime: Handle,
        network_log: NetworkLedger,
        changed: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let store = ModelStore::new(options.dir.clone());
        let mut slots: BTreeMap<String, Slot> = store
            .all()
            .into_iter()
            .map(|m| (m.id.clone(), Slot::new(InstallState::Installed { bytes: m.bytes() })))
            .collect();
        for known in &MODELS {
            slots.entry(known.id.to_owned()).or_insert_with(|| Slot::new(initial_state(&store, known)));
        }
        let slots = Monitor::new(slots);
        Self { shared: Arc::new(Shared { options, store, network_log, changed: Box::new(changed), slots }), runtime }
    }

    /// All models: those of the catalogue in its order, then imports by name.
    pub fn status(&self) -> Vec<Status> {
        let status =
            |id: &str, slot: &Slot| Status { id: id.to_owned(), entry: catalogue::find(id), state: slot.sampled() };
        self.shared.slots.read(|slots| {
            let known = MODELS.iter().filter_map(|known| Some(status(known.id, slots.get(known.id)?)));
            let others = slots.iter().filter(|(id, _)| catalogue::find(id).is_none());
            known.chain(others.map(|(id, slot)| status(id, slot))).collect()
        })
    }

    /// Where one model stands.
    pub fn state(&self, id: &str) -> Option<InstallState> {
        self.shared.slots.read(|slots| slots.get(id).map(Slot::sampled))
    }

    /// What the network was used for.
    pub fn network_log(&self) -> &NetworkLedger {
        &self.shared.network_log
    }

    /// Where models lie.
    pub fn store(&self) -> &ModelStore {
        &self.shared.store
    }

    /// The folder and the manifest of a model that is here.
    pub fn find(&self, id: &str) -> Option<(PathBuf, Manifest)> {
        let store = &self.shared.store;
        Some((store.dir(id), store.manifest(id)?))
    }

    /// Begins to get a model, or goes on with it. A model that is here, or on its way, is left alone.
    ///
    /// # Errors
    /// When there is no such model in the catalogue, or no thread for it.
    pub fn start(&self, id: &str) -> Result<(), ModelError> {
        let known = catalogue::find(id).ok_or_else(|| ModelError::Unknown { id: id.to_owned() })?;
        let begun = self.shared.slots.update(|slots| {
            let slot = slots.entry(id.to_owned()).or_insert_with(|| Slot::new(InstallState::NotInstalled));
            if known.is_built_in()
                || matches!(slot.state, InstallState::Downloading(_) | InstallState::Installed { .. })
            {
                return None;
            }
            *slot = Slot::new(InstallState::Downloading(DownloadProgress::default()));
            Some((Arc::clone(&slot.transfer), slot.wish.subscribe()))
        });
        let Some((transfer, wish)) = begun else { return Ok(()) };
        let (shared, runtime) = (Arc::clone(&self.shared), self.runtime.clone());
        let work = move || {
            let result = Download::new(known, &shared, &transfer, wish.clone())
                .and_then(|download| runtime.block_on(download.run()));
            shared.settled(known, result, &transfer, *wish.borrow());
        };
        let thread = std::thread::Builder::new().name("vicinity-download".to_owned()).spawn(work);
        let thread = thread.map_err(ModelError::io(self.shared.store.root()));
        self.shared.slots.update(|slots| {
            if let Some(slot) = slots.get_mut(id) {
                match thread {
                    Ok(thread) => slot.thread = Some(thread),
                    Err(error) => {
                        slot.state = InstallState::NotInstalled;
                        return Err(error);
                    }
                }
            }
            Ok(())
        })
    }

    /// Holds a download; what has arrived stays.
    pub fn pause(&self, id: &str) {
        self.wish(id, RequestedState::Pause);
    }

    /// Goes on with a download.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn resume(&self, id: &str) -> Result<(), ModelError> {
        self.start(id)
    }

    /// Ends a download and drops what has arrived.
    ///
    /// # Errors
    /// When files that were left lying cannot be removed.
    pub fn cancel(&self, id: &str) -> Result<(), ModelError> {
        self.wish(id, RequestedState::Cancel);
        let waiting = |state: &InstallState| matches!(state, InstallState::Paused(_) | InstallState::Failed { .. });
        if !self.state(id).is_some_and(|state| waiting(&state)) {
            return Ok(());
        }
        let _lock = self.shared.store.lock(id)?;
        remove_all(&self.shared.store.partial(id))?;
        self.shared.set(id, InstallState::NotInstalled);
        Ok(())
    }

    fn wish(&self, id: &str, wish: RequestedState) {
        self.shared.slots.read(|slots| {
            if let Some(slot) = slots.get(id).filter(|slot| matches!(slot.state, InstallState::Downloading(_))) {
                slot.ask(wish);
            }
        });
    }

    /// Waits until a download ends in one way or another, calling `see` a few times a second.
    pub fn wait(&self, id: &str, mut see: impl FnMut(&DownloadProgress)) -> Option<InstallState> {
        loop {
            let deadline = Instant::now() + Duration::from_millis(100);
            let ended = self.shared.slots.wait_until(deadline, |slots| match slots.get(id) {
                Some(Slot { state: InstallState::Downloading(_), .. }) => None,
                slot => Some(slot.map(Slot::sampled)),
            });
            match (ended, self.state(id)) {
                (Some(ended), _) => return ended,
                (None, Some(InstallState::Downloading(progress))) => see(&progress),
                (None, _) => {}
            }
        }
    }

    /// Copies a model in from a folder or an archive (zip, tar, tar.gz), under the name `id` or that of the file.
    /// Takes as long as copying and hashing do.
    ///
    /// # Errors
    /// When there is no model in it, it is not what its name says, an archive is hostile, or there is no room.
    pub fn import(&self, path: &Path, id: Option<&str>) -> Result<Manifest, ModelError> {
        let manifest = self.shared.import(path, id)?;
        self.shared.set(&manifest.id, InstallState::Installed { bytes: manifest.bytes() });
        Ok(manifest)
    }

    /// Re-reads all files of a model and compares their hashes; a sentence for each that is wrong. A damaged model is
    /// no longer listed as here; `start` gets the wrong files again. `see` is told of bytes read.
    ///
    /// # Errors
    /// When it is not here.
    pub fn verify(&self, id: &str, see: impl FnMut(u64)) -> Result<Vec<String>, ModelError> {
        self.own(id)?;
        let manifest = self.shared.store.manifest(id).ok_or_else(|| ModelError::NotHere { id: id.to_owned() })?;
        let troubles = self.shared.troubles(&manifest, see);
        if let Some(first) = troubles.first() {
            self.shared.store.mark_damaged(id)?;
            self.shared.set(id, InstallState::Failed { reason: first.clone() });
        }
        Ok(troubles)
    }

    /// Deletes a model and all that was gathered of it.
    ///
    /// # Errors
    /// When it is not here, is being got, or cannot be deleted.
    pub fn remove(&self, id: &str) -> Result<(), ModelError> {
        self.own(id)?;
        if matches!(self.state(id), Some(InstallState::Downloading(_))) {
            return Err(ModelError::Busy { id: id.to_owned() });
        }
        if !self.shared.store.dir(id).exists() && !self.shared.store.partial(id).exists() {
            return Err(ModelError::NotHere { id: id.to_owned() });
        }
        let _lock = self.shared.store.lock(id)?;
        self.shared.store.remove(id)?;
        match catalogue::find(id) {
            Some(_) => self.shared.set(id, InstallState::NotInstalled),
            None => {
                self.shared.slots.update(|slots| slots.remove(id));
                (self.shared.changed)();
            }
        }
        Ok(())
    }

    /// Refuses what is no name of a model with files of its own.
    fn own(&self, id: &str) -> Result<(), ModelError> {
        match catalogue::find(id) {
            Some(known) if known.is_built_in() => Err(ModelError::BuiltIn { id: id.to_owned() }),
            None if !model_store::is_name(id) => Err(ModelError::Unknown { id: id.to_owned() }),
            _ => Ok(()),
        }
    }
}

impl Drop for Models {
    fn drop(&mut self) {
        let threads: Vec<JoinHandle<()>> = self.shared.slots.update(|slots| {
            slots.values().for_each(|slot| slot.ask(RequestedState::Pause));
            slots.values_mut().filter_map(|slot| slot.thread.take()).collect()
        });
        for thread in threads {
            // a panic there was told on stderr; what arrived is on the disk
            let _ended = thread.join();
        }
    }
}

fn initial_state(store: &ModelStore, known: &CatalogueEntry) -> InstallState {
    if known.is_built_in() {
        return InstallState::Installed { bytes: known.bytes };
    }
    match interrupted(&store.partial(known.id)) {
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
        (self.changed)();
    }

    fn settled(
        &self,
        known: &CatalogueEntry,
        result: Result<Manifest, ModelError>,
        transfer: &Transfer,
        wish: RequestedState,
    ) {
        let state = match result {
            Ok(manifest) => InstallState::Installed { bytes: manifest.bytes() },
            Err(ModelError::Stopped) if wish == RequestedState::Cancel => {
                match remove_all(&self.store.partial(known.id)) {
                    Ok(()) => InstallState::NotInstalled,
                    Err(error) => InstallState::Failed { reason: error.to_string() },
                }
            }
            Err(ModelError::Stopped) => {
                let DownloadProgress { done, total, .. } = transfer.sample();
                InstallState::Paused(DownloadProgress { done, total, ..DownloadProgress::default() })
            }
            Err(error) => InstallState::Failed { reason: error.to_string() },
        };
        self.set(known.id, state);
    }
}
