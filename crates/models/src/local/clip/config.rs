//! The sizes of a CLIP, from `config.json` of transformers or `open_clip_config.json`.

use serde_json::Value;

use crate::TowerError;
use crate::local::model_dir::{self, ModelDir};
use crate::local::preprocess::Recipe;
use crate::local::transformer::{TensorNames, TransformerSizes, number};
use crate::local::transformer_layers::Activation;

/// What transformers assumes for the text tower (`CLIPTextConfig`).
const TEXT: TransformerSizes =
    TransformerSizes { width: 512, heads: 8, hidden: 2048, layers: 12, eps: 1e-5, activation: Activation::QuickGelu };
/// What it assumes for the picture tower (`CLIPVisionConfig`).
const VISION: TransformerSizes =
    TransformerSizes { width: 768, heads: 12, hidden: 3072, layers: 12, eps: 1e-5, activation: Activation::QuickGelu };
/// The end of a text that old files of transformers name, although it is another.
const LEGACY_END: u64 = 2;
/// Numbers an attention head of a picture tower; what open_clip assumes.
const HEAD: usize = 64;

/// Which token stands for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The first of the highest id.
    Highest,
    /// The first of this id; the first token of all where there is none.
    Id(u32),
}

impl End {
    /// Its place.
    pub fn of(self, ids: &[u32]) -> usize {
        let highest = || (0..ids.len()).rev().max_by_key(|i| ids[*i]);
        let place = match self {
            Self::Highest => highest(),
            Self::Id(end) => ids.iter().position(|id| *id == end),
        };
        place.unwrap_or_default()
    }
}

/// Sizes of both towers.
#[derive(Debug, Clone)]
pub struct ClipConfig {
    /// Dimensions of the common space.
    pub dim: usize,
    /// How tensors are called.
    pub names: TensorNames,
    /// The text tower.
    pub text: TransformerSizes,
    /// Tokens there are.
    pub tokens: usize,
    /// The most tokens of a text.
    pub context: usize,
    /// Which token stands for a text.
    pub end: End,
    /// The picture tower.
    pub vision: TransformerSizes,
    /// Side of a picture.
    pub side: usize,
    /// Side of a patch.
    pub patch: usize,
}

impl ClipConfig {
    /// Reads the configuration.
    ///
    /// # Errors
    /// When a size is invalid, or sizes do not fit one another.
    pub fn parse(folder: &ModelDir) -> Result<Self, TowerError> {
        let (file, json) = (folder.config_file(), folder.config());
        let config = match &json["model_cfg"] {
            Value::Null => Self::transformers(file, json)?,
            model => Self::open_clip(file, model)?,
        };
        // A window holds two special tokens and more than the overlap of two windows.
        if config.patch > config.side || config.side > 4096 || !(16..=4096).contains(&config.context) {
            return Err(TowerError::file(file, "its sizes are not those of a CLIP"));
        }
        Ok(config)
    }

    fn transformers(file: &str, json: &Value) -> Result<Self, TowerError> {
        // Where an older file has both, transformers takes the former alone.
        let part = |old: &str, new: &str| if json[old].is_object() { json[old].clone() } else { json[new].clone() };
        let (text, vision) = (part("text_config_dict", "text_config"), part("vision_config_dict", "vision_config"));
        let end = text["eos_token_id"].as_u64().unwrap_or(LEGACY_END);
        let end = u32::try_from(end).ok().filter(|_| end != LEGACY_END);
        Ok(Self {
            dim: number(file, json, "projection_dim", 512)?,
            names: TensorNames::Transformers,
            tokens: number(file, &text, "vocab_size", 49408)?,
            context: number(file, &text, "max_position_embeddings", 77)?,
            end: end.map_or(End::Highest, End::Id),
            text: TransformerSizes::parse(file, &text, TEXT)?,
            side: number(file, &vision, "image_size", 224)?,
            patch: number(file, &vision, "patch_size", 32)?,
            vision: TransformerSizes::parse(file, &vision, VISION)?,
        })
    }

    fn open_clip(file: &str, model: &Value) -> Result<Self, TowerError> {
        let (text, vision) = (&model["text_cfg"], &model["vision_cfg"]);
        let quick = model["quick_gelu"].as_bool().unwrap_or_default();
        let activation = if quick { Activation::QuickGelu } else { Activation::Gelu };
        let sizes = |part: &Value, default: TransformerSizes, head: Option<usize>| {
            let width = number(file, part, "width", default.width)?;
            let heads = number(file, part, "heads", head.map_or(default.heads, |head| width / head))?;
            let hidden = (width as f64 * part["mlp_ratio"].as_f64().unwrap_or(4.0)) as usize;
            let layers = number(file, part, "layers", default.layers)?;
            TransformerSizes { width, heads, hidden, layers, activation, ..default }.checked(file)
        };
        let head = number(file, vision, "head_width", HEAD)?;
        for key in ["timm_model_name", "attentional_pool", "hf_model_name"] {
            if [text, vision].iter().any(|part| part[key].is_string() || part[key] == true) {
                return Err(TowerError::file(file, format!("a CLIP with {key} cannot be run yet")));
            }
        }
        Ok(Self {
            dim: number(file, model, "embed_dim", 512)?,
            names: TensorNames::OpenClip,
            tokens: number(file, text, "vocab_size", 49408)?,
            context: number(file, text, "context_length", 77)?,
            end: End::Highest,
            text: sizes(text, TEXT, None)?,
            side: number(file, vision, "image_size", 224)?,
            patch: number(file, vision, "patch_size", 16)?,
            vision: sizes(vision, VISION, Some(head))?,
        })
    }

    /// How pictures are prepared; their size must be the network's.
    ///
    /// # Errors
    /// When the file is missing, damaged, or gives another size.
    pub fn recipe(&self, folder: &ModelDir) -> Result<Recipe, TowerError> {
        let (file, recipe) = match self.names {
            TensorNames::Transformers => (model_dir::PREPROCESSOR_CONFIG, Recipe::open(folder)?),
            TensorNames::OpenClip => {
                (folder.config_file(), Recipe::parse_open_clip(&folder.config()["preprocess_cfg"])?)
            }
        };
        recipe.of_size(file, self.side)
    }
}
