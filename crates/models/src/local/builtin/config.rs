//! The starter model's `config.json`.

use serde::Deserialize;

use crate::TowerError;

#[derive(Debug, Deserialize)]
pub(super) struct Config {
    pub dim: usize,
    pub image: ImageConfig,
    pub text: TextConfig,
    pub softmax_scale_names: f32,
}

#[derive(Debug, Deserialize)]
pub(super) struct ImageConfig {
    /// Side of the square that pictures are squashed to.
    pub size: usize,
    pub convs: Vec<ConvConfig>,
    /// Blocks whose mean output joins the features.
    pub mid_blocks: Vec<usize>,
    pub features: usize,
    pub classes: usize,
    pub hidden: usize,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct ConvConfig {
    pub i: usize,
    pub block: usize,
    pub kind: ConvKind,
    pub cin: usize,
    pub cout: usize,
    pub k: usize,
    pub stride: usize,
    pub relu6: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ConvKind {
    Stem,
    Expand,
    Dw,
    Project,
    Head,
}

#[derive(Debug, Deserialize)]
pub(super) struct TextConfig {
    pub layers: usize,
    pub heads: usize,
    pub hidden: usize,
    pub ff: usize,
    pub layer_norm_eps: f64,
    pub max_tokens: usize,
    pub adapter_hidden: usize,
}

impl Config {
    pub fn parse(bytes: &[u8]) -> Result<Self, TowerError> {
        let config: Self = serde_json::from_slice(bytes).map_err(|e| invalid(e.to_string()))?;
        let text = &config.text;
        // A window holds two special tokens and more than the overlap of two windows.
        if text.max_tokens < 16 || text.heads == 0 || !text.hidden.is_multiple_of(text.heads) {
            return Err(invalid("max_tokens, heads and hidden of the text tower do not fit".to_owned()));
        }
        if config.image.size == 0 || config.image.convs.iter().any(|c| c.stride == 0 || c.k == 0) {
            return Err(invalid("a size or stride of the image tower is zero".to_owned()));
        }
        Ok(config)
    }
}

/// The error for the file.
pub(super) fn invalid(reason: String) -> TowerError {
    TowerError::Weights { file: "config.json".to_owned(), reason }
}
