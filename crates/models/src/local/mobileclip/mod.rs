//! MobileCLIP S1 and S2 (and the S0 and S2 of MobileCLIP 2, which are built alike) in the layout of open_clip: a
//! FastViT for pictures, a transformer for texts. Fast for what they can do.

mod config;
mod fuse;
mod image;
mod text;

use super::compute_target::ComputeTarget;
use super::model_dir::ModelDir;
use super::preprocess::Recipe;
use super::tokenize::clip::ClipTokenizer;
use crate::{Model, ModelInfo, ModelKey, TowerError};
pub use config::{MobileClipConfig, MobileClipTextConfig};
pub use image::FastVit;
pub use text::MobileClipTextTower;

/// Goes up whenever the preparation of pictures or texts changes their vectors.
const PREPROCESSING: &str = "1";
/// open_clip never lets the factor of a softmax become larger.
const MAX_SCALE: f32 = 100.0;

/// The two towers, and the factor on cosines that they were trained with.
pub struct MobileClipTowers {
    /// Pictures.
    pub image: FastVit,
    /// Texts.
    pub text: MobileClipTextTower,
    scale: f32,
    config: MobileClipConfig,
}

/// Loads the towers from a folder with `open_clip_config.json`.
///
/// # Errors
/// When a file is missing or damaged; the message names it, and the tensor if any.
pub fn open(folder: &ModelDir) -> Result<MobileClipTowers, TowerError> {
    open_on(folder, &ComputeTarget::cpu())
}

fn open_on(folder: &ModelDir, target: &ComputeTarget) -> Result<MobileClipTowers, TowerError> {
    let config = MobileClipConfig::parse(folder.config())?;
    let recipe = Recipe::parse_open_clip(&folder.config()["preprocess_cfg"])?;
    let tokenizer = ClipTokenizer::open(folder)?;
    let weights = folder.weights()?;
    let (image, text) = rayon::join(
        || FastVit::load(&weights, &config, recipe, target),
        || MobileClipTextTower::load(&weights, &config, tokenizer, target),
    );
    let scale = weights.vector("logit_scale", 1)?.first().map_or(1.0, |scale| scale.exp());
    Ok(MobileClipTowers { image: image?, text: text?, scale: scale.min(MAX_SCALE), config })
}

/// Loads the model from a folder with `open_clip_config.json`.
///
/// # Errors
/// As for [`open`].
pub fn load(folder: &ModelDir, target: &ComputeTarget) -> Result<Model, TowerError> {
    let (revision, towers) = rayon::join(|| folder.revision(), || open_on(folder, target));
    let (revision, MobileClipTowers { image, text, scale, config }) = (revision?, towers?);
    let key = ModelKey { name: folder.name(), revision, preprocessing: PREPROCESSING.to_owned(), dim: config.dim };
    let info = ModelInfo {
        title: folder.name(),
        key,
        about: "Fast, and good at photos of everyday things, and at short English texts.\n\
                Weak at text in images, counts, and languages other than English."
            .to_owned(),
        licence: folder.licence().unwrap_or_else(|| "Apple's model licence, for research only".to_owned()),
        label_scale: scale,
        label_prompt: "a photo of a {}".to_owned(),
        max_tokens: config.text.context_length,
        matryoshka: Vec::new(),
    };
    Ok(Model { info, image: Box::new(image), text: Box::new(text) })
}
