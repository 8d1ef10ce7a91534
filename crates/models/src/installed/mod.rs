//! Getting, importing, checking and removing models.
//!
//! [`Models`] is driven by commands that return at once (`start`, `pause`, `resume`, `cancel`) and answers with
//! [`Models::status`], which is cheap enough for every frame; `changed` is called when it is worth another look.
//! Nothing is contacted before `start`, and then only the hub and where it redirects to; the [`Ledger`] says what for.

mod cache;
mod digest;
mod download;
mod error;
mod hub;
mod import;
mod options;
pub mod places;
mod plan;
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
use download::{Download, Wish};
pub use error::{ModelError, size};
pub use options::Options;
use places::{Manifest, Origin, Places, remove_all};
use plan::left_lying;
pub use transfer::Progress;
use transfer::Transfer;
use vicinity_core::Ledger;
use vicinity_core::desk::Desk;

/// One name for all commits of a model.
fn revision(sources: &[Origin]) -> String {
    match sources {
        [one] => one.commit.clone(),
        several => several.iter().map(|s| s.commit.get(..12).unwrap_or(&s.commit)).collect::<Vec<_>>().join("+"),
    }
}

/// Where a model stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// Nothing of it is here.
    NotHere,
    /// It is being got.
    Downloading(Progress),
    /// Part of it is here; `start` goes on.
    Paused(Progress),
    /// It is here.
    Here {
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
    pub known: Option<&'static CatalogueEntry>,
    /// Where it stands.
    pub standing: Standing,
}

struct Slot {
    standing: Standing,
    transfer: Arc<Transfer>,
    wish: watch::Sender<Wish>,
    thread: Option<JoinHandle<()>>,
}

impl Slot {
    fn new(standing: Standing) -> Self {
        Self { standing, transfer: Arc::default(), wish: watch::Sender::new(Wish::Run), thread: None }
    }

    fn ask(&self, wish: Wish) {
        // what was wished before does not matter
        let _before = self.wish.send_replace(wish);
    }

    fn sampled(&self) -> Standing {
        match &self.standing {
            Standing::Downloading(_) => Standing::Downloading(self.transfer.sample()),
            other => other.clone(),
        }
    }
}

/// What downloads share.
struct Shared {
    options: Options,
    places: Places,
    ledger: Ledger,
    changed: Box<dyn Fn() + Send + Sync>,
    slots: Desk<BTreeMap<String, Slot>>,
}

/// The models of this machine. Dropping it pauses what is being got.
pub struct Models {
    shared: Arc<Shared>,
    runtime: Handle,
}

impl Models {
    /// Looks at what is here; contacts nobody. Downloads use `runtime`, which must have threads of its own.
    pub fn open(options: Options, runtime: Handle, ledger: Ledger, changed: impl Fn() + Send + Sync + 'static) -> Self {
        let places = Places::new(options.dir.clone());
        let mut slots: BTreeMap<String, Slot> =
            places.all().into_iter().map(|m| (m.id.clone(), Slot::new(Standing::Here { bytes: m.bytes() }))).collect();
        for known in &MODELS {
            slots.entry(known.id.to_owned()).or_insert_with(|| Slot::new(first_standing(&places, known)));
        }
        let slots = Desk::new(slots);
        Self { shared: Arc::new(Shared { options, places, ledger, changed: Box::new(changed), slots }), runtime }
    }

    /// All models: those of the catalogue in its order, then imports by name.
    pub fn status(&self) -> Vec<Status> {
        let status =
            |id: &str, slot: &Slot| Status { id: id.to_owned(), known: catalogue::find(id), standing: slot.sampled() };
        self.shared.slots.look(|slots| {
            let known = MODELS.iter().filter_map(|known| Some(status(known.id, slots.get(known.id)?)));
            let others = slots.iter().filter(|(id, _)| catalogue::find(id).is_none());
            known.chain(others.map(|(id, slot)| status(id, slot))).collect()
        })
    }

    /// Where one model stands.
    pub fn standing(&self, id: &str) -> Option<Standing> {
        self.shared.slots.look(|slots| slots.get(id).map(Slot::sampled))
    }

    /// What the network was used for.
    pub fn ledger(&self) -> &Ledger {
        &self.shared.ledger
    }

    /// Where models lie.
    pub fn places(&self) -> &Places {
        &self.shared.places
    }

    /// The folder and the manifest of a model that is here.
    pub fn find(&self, id: &str) -> Option<(PathBuf, Manifest)> {
        let places = &self.shared.places;
        Some((places.model(id), places.manifest(id)?))
    }

    /// Begins to get a model, or goes on with it. A model that is here, or on its way, is left alone.
    ///
    /// # Errors
    /// When there is no such model in the catalogue, or no thread for it.
    pub fn start(&self, id: &str) -> Result<(), ModelError> {
        let known = catalogue::find(id).ok_or_else(|| ModelError::Unknown { id: id.to_owned() })?;
        let begun = self.shared.slots.update(|slots| {
            let slot = slots.entry(id.to_owned()).or_insert_with(|| Slot::new(Standing::NotHere));
            if known.is_built_in() || matches!(slot.standing, Standing::Downloading(_) | Standing::Here { .. }) {
                return None;
            }
            *slot = Slot::new(Standing::Downloading(Progress::default()));
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
        let thread = thread.map_err(ModelError::io(self.shared.places.root()));
        self.shared.slots.update(|slots| {
            if let Some(slot) = slots.get_mut(id) {
                match thread {
                    Ok(thread) => slot.thread = Some(thread),
                    Err(error) => {
                        slot.standing = Standing::NotHere;
                        return Err(error);
                    }
                }
            }
            Ok(())
        })
    }

    /// Holds a download; what has arrived stays.
    pub fn pause(&self, id: &str) {
        self.wish(id, Wish::Pause);
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
        self.wish(id, Wish::Cancel);
        let waiting = |standing: &Standing| matches!(standing, Standing::Paused(_) | Standing::Failed { .. });
        if !self.standing(id).is_some_and(|standing| waiting(&standing)) {
            return Ok(());
        }
        let _lock = self.shared.places.lock(id)?;
        remove_all(&self.shared.places.partial(id))?;
        self.shared.set(id, Standing::NotHere);
        Ok(())
    }

    fn wish(&self, id: &str, wish: Wish) {
        self.shared.slots.look(|slots| {
            if let Some(slot) = slots.get(id).filter(|slot| matches!(slot.standing, Standing::Downloading(_))) {
                slot.ask(wish);
            }
        });
    }

    /// Waits until a download ends in one way or another, calling `see` a few times a second.
    pub fn wait(&self, id: &str, mut see: impl FnMut(&Progress)) -> Option<Standing> {
        loop {
            let deadline = Instant::now() + Duration::from_millis(100);
            let ended = self.shared.slots.wait_until(deadline, |slots| match slots.get(id) {
                Some(Slot { standing: Standing::Downloading(_), .. }) => None,
                slot => Some(slot.map(Slot::sampled)),
            });
            match (ended, self.standing(id)) {
                (Some(ended), _) => return ended,
                (None, Some(Standing::Downloading(progress))) => see(&progress),
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
        let manifest = self.shared.take_in(path, id)?;
        self.shared.set(&manifest.id, Standing::Here { bytes: manifest.bytes() });
        Ok(manifest)
    }

    /// Re-reads all files of a model and compares their hashes; a sentence for each that is wrong. A damaged model is
    /// no longer listed as here; `start` gets the wrong files again. `see` is told of bytes read.
    ///
    /// # Errors
    /// When it is not here.
    pub fn verify(&self, id: &str, see: impl FnMut(u64)) -> Result<Vec<String>, ModelError> {
        self.own(id)?;
        let manifest = self.shared.places.manifest(id).ok_or_else(|| ModelError::NotHere { id: id.to_owned() })?;
        let troubles = self.shared.troubles(&manifest, see);
        if let Some(first) = troubles.first() {
            self.shared.places.condemn(id)?;
            self.shared.set(id, Standing::Failed { reason: first.clone() });
        }
        Ok(troubles)
    }

    /// Deletes a model and all that was gathered of it.
    ///
    /// # Errors
    /// When it is not here, is being got, or cannot be deleted.
    pub fn remove(&self, id: &str) -> Result<(), ModelError> {
        self.own(id)?;
        if matches!(self.standing(id), Some(Standing::Downloading(_))) {
            return Err(ModelError::Busy { id: id.to_owned() });
        }
        if !self.shared.places.model(id).exists() && !self.shared.places.partial(id).exists() {
            return Err(ModelError::NotHere { id: id.to_owned() });
        }
        let _lock = self.shared.places.lock(id)?;
        self.shared.places.remove(id)?;
        match catalogue::find(id) {
            Some(_) => self.shared.set(id, Standing::NotHere),
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
            None if !places::is_name(id) => Err(ModelError::Unknown { id: id.to_owned() }),
            _ => Ok(()),
        }
    }
}

impl Drop for Models {
    fn drop(&mut self) {
        let threads: Vec<JoinHandle<()>> = self.shared.slots.update(|slots| {
            slots.values().for_each(|slot| slot.ask(Wish::Pause));
            slots.values_mut().filter_map(|slot| slot.thread.take()).collect()
        });
        for thread in threads {
            // a panic there was told on stderr; what arrived is on the disk
            let _ended = thread.join();
        }
    }
}

fn first_standing(places: &Places, known: &CatalogueEntry) -> Standing {
    if known.is_built_in() {
        return Standing::Here { bytes: known.bytes };
    }
    match left_lying(&places.partial(known.id)) {
        Some((done, total)) => Standing::Paused(Progress { done, total, ..Progress::default() }),
        None => Standing::NotHere,
    }
}

impl Shared {
    fn set(&self, id: &str, standing: Standing) {
        self.slots.update(|slots| match slots.get_mut(id) {
            Some(slot) => slot.standing = standing,
            None => drop(slots.insert(id.to_owned(), Slot::new(standing))),
        });
        (self.changed)();
    }

    fn settled(&self, known: &CatalogueEntry, result: Result<Manifest, ModelError>, transfer: &Transfer, wish: Wish) {
        let standing = match result {
            Ok(manifest) => Standing::Here { bytes: manifest.bytes() },
            Err(ModelError::Stopped) if wish == Wish::Cancel => match remove_all(&self.places.partial(known.id)) {
                Ok(()) => Standing::NotHere,
                Err(error) => Standing::Failed { reason: error.to_string() },
            },
            Err(ModelError::Stopped) => {
                let Progress { done, total, .. } = transfer.sample();
                Standing::Paused(Progress { done, total, ..Progress::default() })
            }
            Err(error) => Standing::Failed { reason: error.to_string() },
        };
        self.set(known.id, standing);
    }
}
