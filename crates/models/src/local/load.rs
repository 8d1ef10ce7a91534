//! Loads a model from its folder, whatever its architecture.

use std::path::Path;

use super::compute_target::ComputeTarget;
use super::model_dir::{Architecture, ModelDir, shown};
use super::{clip, guard, mobileclip, nomic, siglip};
use crate::{Model, TowerError};

/// Loads whatever model is in the folder.
///
/// # Errors
/// When a file is missing or damaged, the model is of no known architecture, or is one half of a pair; the message
/// names the file and says what to do.
pub fn load(dir: &Path) -> Result<Model, TowerError> {
    load_on(dir, &ComputeTarget::cpu())
}

/// As [`load`], onto a device.
///
/// # Errors
/// As for [`load`], and when the device has no room.
pub fn load_on(dir: &Path, target: &ComputeTarget) -> Result<Model, TowerError> {
    // What the checks of files miss must not end the program.
    guard::catch(|| load_unguarded(dir, target)).map(Model::guarded).map_err(|error| match error {
        TowerError::Panicked(why) => {
            TowerError::file(dir.display().to_string(), format!("it cannot be loaded ({why})"))
        }
        other => other,
    })
}

fn load_unguarded(dir: &Path, target: &ComputeTarget) -> Result<Model, TowerError> {
    let (text, vision) = (dir.join("text"), dir.join("vision"));
    match (text.is_dir(), vision.is_dir()) {
        (true, true) => return load_pair(&ModelDir::open(&text)?, &ModelDir::open(&vision)?, target),
        (true, false) => return Err(half(dir, "vision", "text")),
        (false, true) => return Err(half(dir, "text", "vision")),
        (false, false) => {}
    }
    let folder = ModelDir::open(dir)?;
    match folder.architecture()? {
        Architecture::NomicText => Err(half(dir, "vision", "text")),
        Architecture::NomicVision => Err(half(dir, "text", "vision")),
        Architecture::MobileClip => mobileclip::load(&folder, target),
        Architecture::Clip => clip::load(&folder, target),
        Architecture::Siglip => siglip::load(&folder, target),
    }
}

/// Two folders that embed into one space.
fn load_pair(text: &ModelDir, vision: &ModelDir, target: &ComputeTarget) -> Result<Model, TowerError> {
    match (text.architecture()?, vision.architecture()?) {
        (Architecture::NomicText, Architecture::NomicVision) => nomic::load(text, vision, target),
        _ => {
            let reason = "text/ and vision/ must contain the two halves of Nomic Embed";
            Err(TowerError::file(shown(text.dir(), text.config_file()), reason))
        }
    }
}

/// The error for half a model.
fn half(dir: &Path, missing: &str, present: &str) -> TowerError {
    let reason = format!(
        "only the {present} half of the model was found; choose a folder that contains both halves, in text/ and vision/"
    );
    TowerError::file(shown(dir, missing), reason)
}
