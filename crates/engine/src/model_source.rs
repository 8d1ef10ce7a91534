//! Where models come from.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use vicinity_core::app_dirs;
use vicinity_models::compute_target::ComputeTarget;
use vicinity_models::installed::model_store::{Manifest, ModelStore};
use vicinity_models::{Model, TowerError, builtin};

/// Where a model comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelSource {
    /// The program itself.
    #[default]
    Starter,
    /// A folder with its weights and sizes.
    Folder(PathBuf),
}

impl std::str::FromStr for ModelSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = Path::new(text);
        match text {
            "starter" | builtin::NAME => Ok(Self::Starter),
            _ if path.is_dir() => std::path::absolute(path).map(Self::Folder).map_err(|error| error.to_string()),
            _ => {
                installed().into_iter().find(|model| model.id == text).map(|model| model.source).ok_or_else(|| {
                    "model not installed; run `vicinity models list` to see what is available".to_owned()
                })
            }
        }
    }
}

/// A model that was downloaded or imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledModel {
    /// Its name, as `vicinity models list` shows it.
    pub id: String,
    /// Where it is.
    pub source: ModelSource,
}

/// The models that were downloaded or imported, by name. Reads the folder of models.
pub fn installed() -> Vec<InstalledModel> {
    let Some(store) = app_dirs::models().map(ModelStore::new) else { return Vec::new() };
    let model = |manifest: Manifest| {
        let source = ModelSource::Folder(store.dir(&manifest.id));
        InstalledModel { id: manifest.id, source }
    };
    store.all().into_iter().map(model).collect()
}

impl ModelSource {
    /// Loads the model onto the CPU.
    ///
    /// # Errors
    /// When it cannot be used; the message names the file.
    pub fn load(&self) -> Result<Model, TowerError> {
        self.load_on(&ComputeTarget::cpu())
    }

    /// Loads the model onto a device.
    ///
    /// # Errors
    /// As for [`Self::load`], and when the device has no room.
    pub fn load_on(&self, target: &ComputeTarget) -> Result<Model, TowerError> {
        match self {
            Self::Starter => builtin::load_on(target),
            Self::Folder(dir) => vicinity_models::load_on(dir, target),
        }
    }
}
