//! The built-in model: small, in the program itself, so that everything works offline in the first second.
//!
//! Pictures: EfficientNet-Lite2 with a small head (`image`). Texts: all-MiniLM-L6-v2 with a small adapter
//! (`text`). Both end in one space of 384 dimensions. The files and the exact forward passes are described in
//! `docs/models.md`.

mod config;
mod image;
mod text;

use super::compute_target::ComputeTarget;
use super::weights::Weights;
use crate::{Model, ModelInfo, ModelKey, TowerError};
use config::Config;

/// Name of the model.
pub const NAME: &str = "vicinity-starter";
/// First 16 digits of the BLAKE3 hash of the weights file; a test holds it.
pub const REVISION: &str = "144e71413a58aeee";
/// Goes up whenever the preparation of pictures or texts changes their vectors.
const PREPROCESSING: &str = "1";

/// The files of the model.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    /// All weights, safetensors.
    pub weights: &'a [u8],
    /// Sizes and constants, JSON.
    pub config: &'a [u8],
    /// Tokens, one per line.
    pub vocabulary: &'a [u8],
}

/// The files in the program.
pub static FILES: Files<'static> = Files {
    weights: include_bytes!("../../../../../assets/starter/model.safetensors"),
    config: include_bytes!("../../../../../assets/starter/config.json"),
    vocabulary: include_bytes!("../../../../../assets/starter/vocab.txt"),
};

/// Loads the built-in model.
///
/// # Errors
/// When the program was built from damaged files.
pub fn load() -> Result<Model, TowerError> {
    load_on(&ComputeTarget::cpu())
}

/// As [`load`], onto a device.
///
/// # Errors
/// As for [`load`], and when the device has no room.
pub fn load_on(target: &ComputeTarget) -> Result<Model, TowerError> {
    load_files(FILES, target)
}

/// What the built-in model is, without loading it.
///
/// # Errors
/// When the program was built from a damaged file.
pub fn info() -> Result<ModelInfo, TowerError> {
    Ok(describe(&Config::parse(FILES.config)?))
}

/// Loads the model from files of the same form.
///
/// # Errors
/// When a file is damaged, or the files do not fit one another; the message names the tensor.
pub fn load_from(files: Files<'_>) -> Result<Model, TowerError> {
    load_files(files, &ComputeTarget::cpu())
}

fn load_files(files: Files<'_>, target: &ComputeTarget) -> Result<Model, TowerError> {
    let config = Config::parse(files.config)?;
    let weights = Weights::parse("model.safetensors", files.weights)?;
    let (image, text) = rayon::join(
        || image::BuiltinImageTower::load(&weights, &config, target),
        || text::BuiltinTextTower::load(&weights, &config, files.vocabulary, target),
    );
    Ok(Model { info: describe(&config), image: Box::new(image?), text: Box::new(text?) }.guarded())
}

fn describe(config: &Config) -> ModelInfo {
    ModelInfo {
        key: ModelKey {
            name: NAME.to_owned(),
            revision: REVISION.to_owned(),
            preprocessing: PREPROCESSING.to_owned(),
            dim: config.dim,
        },
        title: "Vicinity starter".to_owned(),
        about: "Good at everyday things, animals and simple scenes in photos, and at short English texts.\n\
                Weak at rare names, word order, counts, art, text in images, and languages other than English."
            .to_owned(),
        licence: "Backbones Apache-2.0; the head was trained on non-commercial research images".to_owned(),
        label_scale: config.softmax_scale_names,
        label_prompt: "a photo of a {}".to_owned(),
        max_tokens: config.text.max_tokens,
        matryoshka: Vec::new(),
    }
}
