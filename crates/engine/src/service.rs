//! Which embedding service a library uses, if any.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::checked_json::{self, Checked};
use vicinity_models::remote::inference_mode::InferenceMode;
use vicinity_models::remote::{Provider, ProviderSpec};

/// A service as a library remembers it: everything but the key. Kept in `service.json` in the library's folder; where
/// the file is deleted the local model is used again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Who.
    pub provider: Provider,
    /// Name of the model, as the service calls it.
    pub model: String,
    /// Another address than the provider's own.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Fewer dimensions than the model has.
    #[serde(default)]
    pub dimensions: Option<usize>,
    /// `remote`, or `dynamic` beside the local model of the same space.
    pub mode: InferenceMode,
}

impl Service {
    /// As the client takes it.
    pub fn spec(&self) -> ProviderSpec {
        let base_url = self.base_url.clone().filter(|url| !url.trim().is_empty());
        ProviderSpec { base_url, dimensions: self.dimensions, ..ProviderSpec::new(self.provider, Some(&self.model)) }
    }

    /// Name of the open weights that make the same vectors; `None` where there are none.
    pub fn open_weights(&self) -> Option<&'static str> {
        self.spec().open_weights()
    }
}

/// The service that a library uses, if any.
pub fn saved(library: &Path) -> Option<Service> {
    checked_json::read(&file(library)).valid()
}

/// What is wrong with the note of a library's service: a sentence.
pub fn damage(library: &Path) -> Option<String> {
    match checked_json::read::<Service>(&file(library)) {
        Checked::Damaged(what) => {
            Some(format!("{what}, so the local model is used. Choose the service again to switch back."))
        }
        Checked::Missing | Checked::Valid(_) => None,
    }
}

/// Makes a library remember a service, or none.
///
/// # Errors
/// When its folder cannot be written.
pub fn save(library: &Path, service: Option<&Service>) -> io::Result<()> {
    checked_json::save(&file(library), service)
}

fn file(library: &Path) -> PathBuf {
    library.join("service.json")
}
