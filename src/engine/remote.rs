//! Whether a library may be embedded by a service, and what that would send.
//!
//! Nothing of a library leaves the machine until its user has switched the service on, host by host. The switch lies in
//! the library (never a key), is off in a new one, and is asked before a remote tower is built.

use std::collections::HashMap;
use std::path::Path;

use tokio::runtime::Handle;

use super::facade::{Engine, OpenError};
use super::model::Loader;
use super::store;
use super::trust::Chosen;
use super::{Job, Snapshot, StoreError};
use crate::domain::Modality;
use crate::towers::remote::{Estimate, Key, Remote, RemoteError, Spec};

/// What embedding the whole collection with a service would send.
///
/// # Errors
/// When the provider is not set up rightly.
pub fn estimate(snapshot: &Snapshot, spec: &Spec) -> Result<Estimate, RemoteError> {
    let mut rows: HashMap<&Path, u64> = HashMap::new();
    for item in snapshot.items().filter(|item| item.row.is_some()) {
        *rows.entry(&item.path).or_default() += 1;
    }
    // a row's share of its table
    let bytes = |path: &Path, bytes: u64| rows.get(path).map_or(bytes, |rows| bytes.div_ceil(*rows));
    let of = |modality| snapshot.items().filter(move |item| item.modality == modality);
    let texts = of(Modality::Text).map(|item| bytes(&item.path, item.bytes));
    Estimate::of_sizes(spec, texts, of(Modality::Image).filter_map(|item| item.pixels))
}

/// Whether the library in a folder may be embedded by a service; false where there is no library.
///
/// # Errors
/// When the library cannot be read.
pub fn is_allowed(library: &Path, host: &str) -> Result<bool, StoreError> {
    Ok(store::remote_hosts(library)?.iter().any(|allowed| allowed == host))
}

impl Engine {
    /// Opens the library in a folder with a service for its model. A service whose vectors' dimension is not known is
    /// asked for it first, so this may take a moment.
    ///
    /// # Errors
    /// [`OpenError::NotAllowed`] unless the user has switched this service on for this library; and as [`Self::open`].
    pub fn open_remote(
        library: &Path,
        spec: &Spec,
        key: Option<Key>,
        runtime: Handle,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        let host = spec.host()?;
        if !is_allowed(library, &host)? {
            return Err(OpenError::NotAllowed { host });
        }
        let remote = Remote::open(spec, key, runtime)?;
        let model = remote.model();
        let model = Chosen { place: host.clone(), ..model.into() };
        let engine = Self::open_with(library, remote.info().clone(), Loader::given(model), waker)?;
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
