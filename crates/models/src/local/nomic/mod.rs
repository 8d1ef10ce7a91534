//! Nomic Embed v1.5: a text tower (a BERT with rotary positions) and a vision tower (an EVA-02 with an attention pool)
//! that share a space of 768 dimensions. A model folder holds them in `text/` and `vision/`.
//!
//! Texts carry a prefix that says what they are embedded for ([`TextTask`](crate::TextTask)). A text's vector may be
//! cut to 512, 256, 128 or 64 dimensions (Matryoshka).

mod config;
mod rope;
mod text;
mod vision;

use super::compute_target::ComputeTarget;
use super::model_dir::ModelDir;
use crate::{Model, ModelInfo, ModelKey, TowerError};
pub use config::{NomicTextConfig, NomicVisionConfig};
pub use text::{NomicText, Windows};
pub use vision::{NomicVision, States};

/// Goes up whenever the preparation of pictures or texts changes their vectors.
const PREPROCESSING: &str = "1";
/// Dimensions that the text tower was trained to be cut to, after its model card.
const MATRYOSHKA: [usize; 5] = [768, 512, 256, 128, 64];
/// Neither file stores the factor that the towers were trained with; this is CLIP's.
const LABEL_SCALE: f32 = 100.0;

/// Loads both towers.
///
/// # Errors
/// When a file is missing or damaged, or the towers differ in their dimensions; the message names the file, and the
/// tensor if any.
pub fn open(text: &ModelDir, vision: &ModelDir) -> Result<(NomicText, NomicVision), TowerError> {
    open_on(text, vision, &ComputeTarget::cpu())
}

fn open_on(text: &ModelDir, vision: &ModelDir, target: &ComputeTarget) -> Result<(NomicText, NomicVision), TowerError> {
    let (words, pictures) = rayon::join(|| NomicText::load(text, target), || NomicVision::load(vision, target));
    let (words, pictures) = (words?, pictures?);
    if words.dim() == pictures.dim() {
        return Ok((words, pictures));
    }
    let reason = format!(
        "texts have {} dimensions here, images {}; choose the two halves of one model",
        words.dim(),
        pictures.dim()
    );
    Err(TowerError::file(vision.dir().join(vision.config_file()).display().to_string(), reason))
}

/// Loads the model.
///
/// # Errors
/// As for [`open`].
pub fn load(text: &ModelDir, vision: &ModelDir, target: &ComputeTarget) -> Result<Model, TowerError> {
    let (revisions, towers) =
        rayon::join(|| rayon::join(|| text.revision(), || vision.revision()), || open_on(text, vision, target));
    let revision = format!("{}-{}", revisions.0?, revisions.1?);
    let (words, pictures) = towers?;
    let (name, dim) = (name(text, vision), words.dim());
    let licence = text.licence().or_else(|| vision.licence());
    let info = ModelInfo {
        title: name.clone(),
        key: ModelKey { name, revision, preprocessing: PREPROCESSING.to_owned(), dim },
        about: "Good at documents and long English texts, and at photos together with them.\n\
                Weak at languages other than English; slower than smaller models."
            .to_owned(),
        licence: licence.unwrap_or_else(|| "Apache-2.0".to_owned()),
        label_scale: LABEL_SCALE,
        label_prompt: "a photo of a {}".to_owned(),
        max_tokens: words.context(),
        matryoshka: MATRYOSHKA.into_iter().filter(|part| *part <= dim).collect(),
    };
    Ok(Model { info, image: Box::new(pictures), text: Box::new(words) })
}

/// The name of the folder that both are in, or their own names.
fn name(text: &ModelDir, vision: &ModelDir) -> String {
    let above = |folder: &ModelDir| folder.dir().parent().map(ToOwned::to_owned);
    match above(text).filter(|above_text| Some(above_text) == above(vision).as_ref()) {
        Some(both) if both.file_name().is_some() => ModelDir::name_of(&both),
        _ => format!("{} + {}", text.name(), vision.name()),
    }
}
