//! Commands about embedding services.

use vicinity_engine::service::Service;
use vicinity_models::remote::{Key, Provider};

use super::{actions, always};

actions! {
    /// Actions on services.
    ServiceAction {
        /// Services that embed instead of this machine.
        ShowServices("Embedding services…", "Embed a library with Nomic, Gemini or your own server", [], always);
    }
}

/// Commands about services that have a payload.
#[derive(Debug, Clone)]
pub enum ServiceCommand {
    /// Find out where keys are.
    FindKeys,
    /// Work out what a service would be sent; keeps the key first, if one was typed.
    Prepare(Service, Option<Key>),
    /// Agree to the request: switch the service on for the open library.
    SwitchOn,
    /// Back to choosing.
    Back,
    /// Switch the service off for the open library.
    SwitchOff,
    /// Delete a key from the system's key store.
    ForgetKey(Provider),
}
