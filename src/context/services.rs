//! Embedding services as the window shows them. No key is ever kept here.

pub use vicinity_engine::service::Service;
pub use vicinity_models::remote::inference_mode::InferenceMode;
pub use vicinity_models::remote::{Estimate, Key, Provider, Usage};

/// The service of the open library, and the dialog about it.
#[derive(Debug, Clone, Default)]
pub struct Services {
    /// What is being waited for, as a sentence.
    pub busy: Option<String>,
    /// What the user is asked to agree to.
    pub consent_request: Option<ConsentRequest>,
    /// The service that the open library is seen through.
    pub active: Option<ActiveService>,
    /// What went wrong last.
    pub error: Option<ServiceError>,
    /// Something to know that is no trouble.
    pub note: Option<String>,
}

/// Where a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyLocation {
    /// Nowhere.
    #[default]
    Nowhere,
    /// In this variable of the environment.
    Environment(&'static str),
    /// In the system's key store.
    Store,
    /// In this window's memory, until it is closed.
    Memory,
}

/// A service, and what switching it on would send.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsentRequest {
    /// Which, and how.
    pub service: Service,
    /// What of the collection as it is now.
    pub estimate: Estimate,
    /// Pictures that it does not take.
    pub skipped_pictures: u64,
}

/// A service at work.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveService {
    /// Which, and how.
    pub service: Service,
    /// Who is sent what.
    pub host: String,
    /// What was sent and counted since the library was opened.
    pub usage: Usage,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceError {
    /// A sentence.
    pub text: String,
    /// Whether the key was turned down.
    pub key: bool,
}
