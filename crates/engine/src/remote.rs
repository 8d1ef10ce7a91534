//! Whether a library may be embedded by a service, and what that would send.
//!
//! Nothing of a library leaves the machine until its user has switched the service on, host by host. The switch lies in
//! the library (never a key), is off in a new one, and is asked before a remote tower is built.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use tokio::runtime::Handle;

use super::device_check::LoadedModel;
use super::engine::{Engine, OpenError};
use super::model_loader::ModelFactory;
use super::model_source::ModelSource;
use super::runtime_settings::RuntimeSettings;
use super::scan::{self, Candidate, Excludes};
use super::service::Service;
use super::store;
use super::{Job, OpenMode, Snapshot, StoreError};
use vicinity_core::{Modality, NetworkLedger};
use vicinity_media::Glance;
use vicinity_models::remote::inference_mode::InferenceMode;
use vicinity_models::remote::{Estimate, Key, ProviderSpec, Remote, RemoteError, hybrid};
use vicinity_models::{Model, ModelInfo};

/// What a connection needs beside its address.
pub struct ServiceConnection {
    /// The key; `None` for someone's own server.
    pub key: Option<Key>,
    /// Runs the network.
    pub runtime: Handle,
    /// Told what is sent.
    pub network_log: NetworkLedger,
    /// Where the local model runs, in mode dynamic.
    pub settings: RuntimeSettings,
}

/// What embedding the whole collection with a service would send.
///
/// # Errors
/// When the provider is not configured correctly.
pub fn estimate(snapshot: &Snapshot, spec: &ProviderSpec) -> Result<Estimate, RemoteError> {
    let mut parts: HashMap<&Path, u64> = HashMap::new();
    for item in snapshot.items().filter(|item| item.part.is_some()) {
        *parts.entry(&item.path).or_default() += 1;
    }
    // a part's share of its file
    let bytes = |path: &Path, bytes: u64| parts.get(path).map_or(bytes, |parts| bytes.div_ceil(*parts));
    let of = |modality| snapshot.items().filter(move |item| item.modality == modality);
    let texts = of(Modality::Text).map(|item| bytes(&item.path, item.bytes));
    let pictures = of(Modality::Image).filter_map(|item| item.pixels).filter(|_| spec.takes_pictures());
    Estimate::of_sizes(spec, texts, pictures)
}

/// Bytes of the text of most pages.
const PAGE_TEXT: u64 = 3000;

/// The same for folders and files that are not in a collection yet, as far as their beginnings tell. Files that this
/// library skips are left out; those that it has already are counted again.
///
/// # Errors
/// When the provider is not configured correctly, or an exclude pattern is invalid.
pub fn estimate_files(paths: &[PathBuf], excludes: &[String], spec: &ProviderSpec) -> Result<Estimate, RemoteError> {
    let excludes = Excludes::new(excludes).map_err(|error| RemoteError::Setup(error.to_string()))?;
    let (mut texts, mut pictures) = (Vec::new(), Vec::new());
    let mut found = |found: Result<Candidate, _>| {
        let Ok(candidate) = found else { return };
        match vicinity_media::glance(&candidate.path) {
            Glance::Text => texts.push(candidate.len),
            Glance::Picture(size) if spec.takes_pictures() => pictures.push(size),
            Glance::Pages(count, size) => {
                texts.extend((0..count).map(|_| PAGE_TEXT));
                pictures.extend((0..count).filter(|_| spec.takes_pictures()).map(|_| size));
            }
            Glance::Picture(_) | Glance::Other => {}
        }
    };
    scan::scan(paths, &excludes, &AtomicBool::new(false), &mut found);
    Estimate::of_sizes(spec, texts, pictures)
}

/// Whether the library in a folder may be embedded by a service; false where there is no library.
///
/// # Errors
/// When the library cannot be read.
pub fn is_allowed(library: &Path, host: &str) -> Result<bool, StoreError> {
    Ok(store::remote_hosts(library)?.iter().any(|allowed| allowed == host))
}

/// Builds the client of a service that is switched on for the library.
fn connect(library: &Path, spec: &ProviderSpec, link: ServiceConnection) -> Result<(String, Remote), OpenError> {
    let host = spec.host()?;
    if !is_allowed(library, &host)? {
        return Err(OpenError::NotAllowed { host });
    }
    let remote = Remote::open_with_ledger(spec, link.key, link.runtime, link.network_log)?;
    Ok((host, remote))
}

/// The local model for mode dynamic, where that is wanted and the model is here.
fn local_model(service: &Service, settings: &RuntimeSettings) -> Option<Result<Model, OpenError>> {
    let name = service.open_weights().filter(|_| service.mode == InferenceMode::Dynamic)?;
    let source: ModelSource = name.parse().ok()?;
    Some(settings.load(&source, None).map(|loaded| loaded.model).map_err(OpenError::Model))
}

impl Engine {
    /// Opens the library in a folder with a service for its model. A service whose vectors' dimension is not known is
    /// asked for it first, so this may take a moment.
    ///
    /// # Errors
    /// [`OpenError::NotAllowed`] unless the user has switched this service on for this library; and as [`Self::open`].
    pub fn open_remote(
        library: &Path,
        spec: &ProviderSpec,
        key: Option<Key>,
        runtime: Handle,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        let link = ServiceConnection {
            key,
            runtime,
            network_log: NetworkLedger::default(),
            settings: RuntimeSettings::default(),
        };
        let (host, remote) = connect(library, spec, link)?;
        let (info, model) = (remote.info().clone(), remote.model());
        Self::open_with_service(library, host, remote, info, model, OpenMode::default(), waker)
    }

    /// Opens the library in a folder with a service that it remembers, or that its user has just chosen. In mode
    /// dynamic the local model of the same space serves too, where it is here and its vectors agree with the
    /// service's; the sentence says what was found. May take as long as loading that model.
    ///
    /// # Errors
    /// As [`Self::open_remote`].
    pub fn open_service(
        library: &Path,
        service: &Service,
        link: ServiceConnection,
        mode: OpenMode,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<(Self, Option<String>), OpenError> {
        let spec = service.spec();
        let settings = link.settings.clone();
        let (host, remote) = connect(library, &spec, link)?;
        let (model, note) = match local_model(service, &settings) {
            Some(local) => {
                let (model, found) = hybrid::join(local?, &remote, spec.takes_pictures())?;
                (model, Some(found.to_string()))
            }
            None => (remote.model(), None),
        };
        let engine = Self::open_with_service(library, host, remote, model.info.clone(), model, mode, waker)?;
        Ok((engine, note))
    }

    fn open_with_service(
        library: &Path,
        host: String,
        remote: Remote,
        info: ModelInfo,
        model: Model,
        mode: OpenMode,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        let loaded = LoadedModel { runs_on: "service".to_owned(), ..model.into() };
        let engine = Self::start(library, info, ModelFactory::given(loaded).of_service(), mode, waker)?;
        Ok(engine.with_service(host, remote))
    }

    /// Switches a service on or off for this library. Off also ends what it is doing for it, and shuts its towers.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn allow_remote(&self, host: &str, on: bool) -> Result<(), StoreError> {
        if let Some((_, service)) = self.service().filter(|(own, _)| own == host && !on) {
            service.shut();
            self.submit(Job::Cancel);
        }
        self.library().allow_remote(host, on)
    }

    /// Services that are switched on for this library, by host.
    ///
    /// # Errors
    /// When the library cannot be read.
    pub fn remote_hosts(&self) -> Result<Vec<String>, StoreError> {
        self.library().remote_hosts()
    }
}
