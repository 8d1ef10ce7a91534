//! Models that are installed on this machine: downloading, importing, verifying and removing them.
//!
//! [`Models`] is driven by commands that return at once (`start`, `pause`, `resume`, `cancel`) and answers with
//! [`Models::status`], which is cheap enough to call every frame; `changed` is called when it is worth another look.
//! Nothing is contacted before `start`, and then only the hub and the hosts it redirects to; the network log
//! ([`vicinity_core::NetworkLedger`]) records each of them with its purpose.

mod checksum;
mod context;
mod download;
mod download_plan;
mod error;
mod hub;
mod hub_cache;
mod import;
pub mod model_store;
mod models;
mod options;
mod transfer;
mod unpack;
mod verify;

pub use error::ModelError;
pub use models::{InstallState, Models, Status};
pub use options::InstallOptions;
pub use transfer::DownloadProgress;
