//! Models as the window shows them: plain copies of what `vicinity_models::installed` knows, made again when something
//! changes.

use serde::{Deserialize, Serialize};

pub use vicinity_engine::model_source::ModelSource;
pub use vicinity_models::catalogue::{Recommendation, Terms, recommended};
use vicinity_models::installed::Status;
pub use vicinity_models::installed::{DownloadProgress, InstallState};

/// All models: those of the catalogue, then imports by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelList {
    /// In this order.
    pub models: Vec<ModelEntry>,
    /// Name of the folder or archive that is being copied in.
    pub importing: Option<String>,
    /// The outcome of the last import.
    pub message: Option<StatusMessage>,
}

/// A model, its state, and what is being done with it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelEntry {
    /// Name, catalogue entry, standing.
    pub status: Status,
    /// Display name.
    pub title: String,
    /// Name of the licence.
    pub licence: String,
    /// Terms of use; `None` if unknown.
    pub terms: Option<Terms>,
    /// Where it is loaded from.
    pub source: ModelSource,
    /// What is being done with it, if it takes long.
    pub work: Option<ModelWork>,
    /// The outcome of that.
    pub message: Option<StatusMessage>,
}

/// Something slow that is being done with a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ModelWork {
    /// Its files are read again; share done.
    Verifying(f32),
    /// It is being deleted.
    Removing,
}

/// The outcome of something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusMessage {
    /// Whether it succeeded.
    pub success: bool,
    /// The sentence.
    pub text: String,
}

/// How fast a model embedded the last import on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelSpeed {
    /// Items per second.
    pub per_second: f32,
    /// Whether these were nearly all pictures.
    pub pictures: bool,
    /// On which device.
    pub device: String,
}

impl ModelList {
    /// The model of that name.
    pub fn find(&self, id: &str) -> Option<&ModelEntry> {
        self.models.iter().find(|model| model.status.id == id)
    }

    /// Models that are being downloaded.
    pub fn downloads(&self) -> impl Iterator<Item = (&ModelEntry, DownloadProgress)> {
        self.models.iter().filter_map(|model| match model.status.state {
            InstallState::Downloading(progress) => Some((model, progress)),
            _ => None,
        })
    }
}

impl ModelEntry {
    /// Bytes on the disk if it is installed; otherwise the size of the download.
    pub fn bytes(&self) -> u64 {
        match (&self.status.state, self.status.entry) {
            (InstallState::Installed { bytes }, _) => *bytes,
            (InstallState::Downloading(progress) | InstallState::Paused(progress), _) if progress.total > 0 => {
                progress.total
            }
            (_, known) => known.map_or(0, |known| known.bytes),
        }
    }

    /// Whether it is installed.
    pub fn is_installed(&self) -> bool {
        matches!(self.status.state, InstallState::Installed { .. })
    }

    /// Whether it is part of the program.
    pub fn is_built_in(&self) -> bool {
        self.status.entry.is_some_and(|known| known.is_built_in())
    }
}
