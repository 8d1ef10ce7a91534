//! `open_clip_config.json` of a MobileCLIP.

use serde::Deserialize;
use serde_json::Value;

use crate::TowerError;
use crate::local::transformer::TransformerSizes;
use crate::local::transformer_layers::Activation;

/// Name of the file.
pub(super) const FILE: &str = "open_clip_config.json";
/// Numbers an attention head; timm's default, which all published sizes use.
pub(super) const HEAD: usize = 32;
/// Added to a variance in the text tower; PyTorch's own value, which open_clip keeps.
const EPS: f64 = 1e-5;

/// Sizes of both towers.
#[derive(Debug, Clone)]
pub struct MobileClipConfig {
    /// Dimensions of the common space.
    pub dim: usize,
    /// Blocks of the four stages of the image tower.
    pub layers: [usize; 4],
    /// Channels of the four stages.
    pub widths: [usize; 4],
    /// The inside of an image block's feed-forward half, in channels of the stage.
    pub ratio: usize,
    /// The text tower.
    pub text: MobileClipTextConfig,
}

/// Sizes of the text tower.
#[derive(Debug, Clone, Deserialize)]
pub struct MobileClipTextConfig {
    /// Tokens of every text, padding included.
    pub context_length: usize,
    /// Tokens there are.
    pub vocab_size: usize,
    /// Numbers per token.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Blocks.
    pub layers: usize,
    /// The inside of a block's feed-forward half, in widths.
    #[serde(default = "four")]
    pub mlp_ratio: f64,
    /// Whether every token sees the whole text, the padding too.
    #[serde(default)]
    pub no_causal_mask: bool,
}

fn four() -> f64 {
    4.0
}

/// Sizes of the image tower, where the file gives them.
#[derive(Deserialize)]
struct MobileClipVisionConfig {
    timm_model_name: String,
    layers: Option<[usize; 4]>,
    embed_dims: Option<[usize; 4]>,
    mlp_ratio: Option<usize>,
}

impl MobileClipConfig {
    /// Reads the file. The networks of S0, S1 and S2 are known by name (sizes from timm's `fastvit_mci0` to `2`).
    ///
    /// # Errors
    /// When it describes no MobileCLIP, or a network of another kind.
    pub fn parse(json: &Value) -> Result<Self, TowerError> {
        let model = &json["model_cfg"];
        let vision = MobileClipVisionConfig::deserialize(&model["vision_cfg"])
            .map_err(|e| invalid(format!("vision_cfg: {e}")))?;
        let text =
            MobileClipTextConfig::deserialize(&model["text_cfg"]).map_err(|e| invalid(format!("text_cfg: {e}")))?;
        let (layers, widths) = match (vision.timm_model_name.as_str(), vision.layers, vision.embed_dims) {
            (_, Some(layers), Some(widths)) => (layers, widths),
            ("fastvit_mci0", ..) => ([2, 6, 10, 2], [64, 128, 256, 512]),
            ("fastvit_mci1", ..) => ([4, 12, 20, 4], [64, 128, 256, 512]),
            ("fastvit_mci2", ..) => ([4, 12, 24, 4], [80, 160, 320, 640]),
            (name, ..) => {
                return Err(invalid(format!("the image tower {name} is unknown; S0, S1 and S2 are supported")));
            }
        };
        let dim = model["embed_dim"].as_u64().unwrap_or_default() as usize;
        let ratio = vision.mlp_ratio.unwrap_or(3);
        let sizes = [dim, ratio, text.vocab_size, text.width, text.heads, text.hidden()];
        let all = sizes.iter().chain(&layers).chain(&widths);
        if all.into_iter().any(|size| !(1..=1 << 20).contains(size)) || !text.width.is_multiple_of(text.heads) {
            return Err(invalid("its sizes do not match".to_owned()));
        }
        if widths.windows(2).any(|w| w[1] != 2 * w[0]) || !widths[3].is_multiple_of(HEAD) {
            return Err(invalid(format!("the widths {widths:?} are not those of a FastViT")));
        }
        // A window holds two special tokens and more than the overlap of two windows.
        if !text.no_causal_mask || !(16..=4096).contains(&text.context_length) || text.layers > 1024 {
            return Err(invalid("its text tower is not that of MobileCLIP S1 or S2".to_owned()));
        }
        Ok(Self { dim, layers, widths, ratio, text })
    }
}

impl MobileClipTextConfig {
    /// The inside of a block's feed-forward half.
    fn hidden(&self) -> usize {
        (self.width as f64 * self.mlp_ratio) as usize
    }

    /// Those of the transformer.
    ///
    /// # Errors
    /// When they do not fit one another.
    pub(super) fn sizes(&self) -> Result<TransformerSizes, TowerError> {
        let Self { width, heads, layers, .. } = *self;
        TransformerSizes { width, heads, hidden: self.hidden(), layers, eps: EPS, activation: Activation::Gelu }
            .checked(FILE)
    }
}

/// The error for the file.
pub(super) fn invalid(reason: String) -> TowerError {
    TowerError::file(FILE, reason)
}
