//! What the window needs of an engine. A trait, so that tests drive the window with answers of their own.

use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::Receiver;
use tokio::runtime::Handle;

use super::keys::KeyStore;
use crate::context::services::ActiveService;
use vicinity_core::NetworkLedger;
use vicinity_engine::model_source::ModelSource;
use vicinity_engine::service::Service;
use vicinity_engine::{Event, ImportOptions, Job, Thumbnails};
use vicinity_models::ModelInfo;
use vicinity_models::remote::RemoteError;

/// Wakes the window up; called from any thread.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// A library that is open.
pub trait Backend: Send {
    /// Sends a job; returns at once.
    fn submit(&self, job: Job);
    /// Where its events arrive.
    fn events(&self) -> &Receiver<Event>;
    /// To be called before it is given away to be dropped by another thread, so that opening the same library waits for
    /// that. Returns at once.
    fn begin_closing(&self) {}
    /// The model in use.
    fn model(&self) -> Option<ModelInfo>;
    /// Where the model runs.
    fn device(&self) -> String;
    /// The library's import options.
    fn import(&self) -> ImportOptions;
    /// The service behind the model, if any.
    fn service(&self) -> Option<ActiveService> {
        None
    }
    /// The thumbnails of its items, for any thread; `None` where it keeps none.
    fn thumbnails(&self) -> Option<Thumbnails> {
        None
    }
    /// A note about how the library was opened.
    fn open_note(&self) -> Option<OpenNote> {
        None
    }
    /// Switches a service on or off for the library; may wait for the store, so not for the window's thread.
    ///
    /// # Errors
    /// A sentence.
    fn allow_remote(&self, _host: &str, _on: bool) -> Result<(), String> {
        Err("services are not available for this library".to_owned())
    }
}

/// A note about how a library was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenNote {
    /// The service that it remembers is unavailable; the local model is used.
    Fallback(String),
    /// What the comparison of local and remote vectors found.
    Found(String),
}

/// Which model or service embeds a library.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ModelOverride {
    /// What the library remembers.
    #[default]
    Remembered,
    /// The local model that it remembers, and no service any more.
    Local,
    /// A local model.
    Model(ModelSource),
    /// A service, to be switched on for it.
    Service(Service),
}

/// The network, and the keys to those who are spoken to over it.
#[derive(Clone)]
pub struct Network {
    /// Its runtime; `None` if the system gave no threads for it.
    pub runtime: Option<Handle>,
    /// The record of its use.
    pub network_log: NetworkLedger,
    /// Keys of services.
    pub keys: Arc<dyn KeyStore>,
}

impl Network {
    /// The runtime.
    ///
    /// # Errors
    /// If there is none.
    pub fn handle(&self) -> Result<Handle, RemoteError> {
        self.runtime.clone().ok_or_else(|| RemoteError::Setup("the network is unavailable".to_owned()))
    }
}

/// A change of the list of services that may be sent items of the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConsentChange {
    /// The service's host.
    pub host: String,
    /// On or off.
    pub on: bool,
}

/// How a library is to be opened.
pub struct OpenOptions {
    /// Which model or service.
    pub model_override: ModelOverride,
    /// For services.
    pub network: Network,
    /// Called when events arrive.
    pub waker: Waker,
}

/// Opens a library; called on its own thread. The error is a sentence for the user.
pub type Opener = Arc<dyn Fn(&Path, OpenOptions) -> Result<Box<dyn Backend>, String> + Send + Sync>;
