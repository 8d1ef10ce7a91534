//! Nomic Embed Vision v1.5: a vision transformer after EVA-02 (rotary positions of rows and columns, gated feed-forward
//! halves with a norm inside, a norm before each half), and an attention pool that makes one vector of it.

use candle_core::{DType, Result as CandleResult, Tensor};
use rayon::prelude::*;

use super::config::{CHANNELS, NomicVisionConfig};
use super::rope::{Turn, grid_angles};
use crate::local::compute_target::ComputeTarget;
use crate::local::model_dir::{self, ModelDir};
use crate::local::preprocess::Recipe;
use crate::local::transformer_layers::{Activation, Attention, LayerNorm, Linear, Pool, attend, pool};
use crate::local::weights::Weights;
use crate::{ImageTower, Pixels, TowerError};
use vicinity_core::{Embedding, Picture};
use vicinity_kernels::{Angles, Pairs};

/// Pictures that go through the network together.
const GROUP: usize = 4;
/// Added to a variance inside the feed-forward halves: PyTorch's own value, not that of the configuration.
const INNER_EPS: f64 = 1e-5;

/// The vision tower.
pub struct NomicVision {
    config: NomicVisionConfig,
    recipe: Recipe,
    target: ComputeTarget,
    project: Linear,
    /// The class token with its position, `[1, width]`.
    class: Tensor,
    /// Positions of the patches, `[patches, width]`.
    positions: Tensor,
    angles: Angles,
    layers: Vec<Layer>,
    selector: Selector,
}

/// What the network makes of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct States {
    /// The vectors of class token and patches after the last block, `[tokens, width]` row by row.
    pub trunk: Vec<f32>,
    /// What the attention pool adds to each of them, `[width]`.
    pub pooled: Vec<f32>,
}

struct Layer {
    norm: LayerNorm,
    qkv: Linear,
    attended: Linear,
    mlp_norm: LayerNorm,
    mlp: Mlp,
}

/// A feed-forward half.
struct Mlp {
    value: Linear,
    gate: Linear,
    norm: Option<LayerNorm>,
    narrow: Linear,
}

/// The attention pool: one query, the same for all pictures.
struct Selector {
    query: Tensor,
    keys_values: Linear,
    attended: Linear,
    norm: LayerNorm,
    mlp: Mlp,
}

impl NomicVision {
    /// Reads the tower from a folder with `config.json`, weights, and `preprocessor_config.json`.
    ///
    /// # Errors
    /// When a file is missing or damaged; the message names it, and the tensor if any.
    pub fn open(folder: &ModelDir) -> Result<Self, TowerError> {
        Self::load(folder, &ComputeTarget::cpu())
    }

    pub(super) fn load(folder: &ModelDir, target: &ComputeTarget) -> Result<Self, TowerError> {
        let config = NomicVisionConfig::parse(folder)?;
        let recipe = Recipe::open(folder)?;
        if recipe.size() != (config.side, config.side) {
            let reason = format!("it makes images of {:?}, the model takes a side of {}", recipe.size(), config.side);
            return Err(TowerError::file(model_dir::PREPROCESSOR_CONFIG, reason));
        }
        let weights = folder.weights()?;
        let (width, tokens, patch) = (config.width, config.tokens(), config.patch);
        let positions = weights.vector("embeddings.pos_embed", tokens * width)?;
        let positions = Tensor::from_vec(positions, (tokens, width), target.device())?;
        let class = Tensor::from_vec(weights.vector("embeddings.cls_token", width)?, (1, width), target.device())?;
        let layers = (0..config.layers).into_par_iter().map(|i| Layer::load(&weights, &config, i, target));
        let inputs = CHANNELS * patch * patch;
        let none = Activation::None;
        Ok(Self {
            project: Linear::load(&weights, "embeddings.proj", width, inputs, config.patch_bias, none, target)?,
            class: (class + positions.narrow(0, 0, 1)?)?,
            positions: positions.narrow(0, 1, tokens - 1)?.contiguous()?,
            angles: grid_angles(&config),
            layers: layers.collect::<Result<_, _>>()?,
            selector: Selector::load(&weights, &config, target)?,
            config,
            recipe,
            target: target.clone(),
        })
    }

    /// Dimensions of a vector.
    pub fn dim(&self) -> usize {
        self.config.width
    }

    /// What the network makes of each picture, given as `[3, side, side]`.
    ///
    /// # Errors
    /// When a picture has another size, or the forward pass fails.
    pub fn states(&self, batch: &[Pixels]) -> Result<Vec<States>, TowerError> {
        let group = |group: &[Pixels]| -> CandleResult<Vec<States>> {
            let trunk = self.trunk(group)?;
            let pooled = self.pool(&trunk, group.len())?.to_vec2()?;
            let size = self.config.tokens() * self.config.width;
            let trunk = trunk.flatten_all()?.to_vec1::<f32>()?;
            Ok(trunk.chunks_exact(size).zip(pooled).map(|(t, pooled)| States { trunk: t.to_vec(), pooled }).collect())
        };
        let groups = self.target.groups(batch, GROUP, group)?;
        Ok(groups.into_iter().flatten().collect())
    }

    /// `[pictures * tokens, width]`.
    fn trunk(&self, batch: &[Pixels]) -> CandleResult<Tensor> {
        let (tokens, mut parts) = (self.config.tokens(), Vec::new());
        for pixels in batch {
            parts.push(self.class.clone());
            parts.push(self.project.forward_add(&self.patches(&pixels.0)?, &self.positions)?);
        }
        let mut x = Tensor::cat(&parts, 0)?;
        let (lengths, sequences) = (vec![tokens; batch.len()], vec![(tokens, &self.angles); batch.len()]);
        let turn = Turn::new(Pairs::Neighbours, &sequences, &self.target)?;
        let attention = Attention::full(self.config.heads, &lengths);
        for layer in &self.layers {
            x = layer.forward(&self.target, &x, &attention, &turn)?;
        }
        Ok(x)
    }

    /// `[pictures, width]`: what is added to each token of a picture.
    fn pool(&self, trunk: &Tensor, pictures: usize) -> CandleResult<Tensor> {
        let lengths = vec![self.config.tokens(); pictures];
        self.selector.forward(&self.target, trunk, &Pool { heads: self.config.heads, lengths: &lengths })
    }

    /// One row a patch, row of patches after row: its red, green and blue square.
    fn patches(&self, pixels: &[f32]) -> CandleResult<Tensor> {
        let (side, patch, grid) = (self.config.side, self.config.patch, self.config.grid());
        if pixels.len() != CHANNELS * side * side {
            candle_core::bail!("an image of {} numbers, not {CHANNELS} x {side} x {side}", pixels.len());
        }
        let mut rows = Vec::with_capacity(pixels.len());
        for (row, column) in (0..grid * grid).map(|i| (i / grid, i % grid)) {
            for (channel, y) in (0..CHANNELS * patch).map(|i| (i / patch, i % patch)) {
                let first = (channel * side + row * patch + y) * side + column * patch;
                rows.extend_from_slice(&pixels[first..first + patch]);
            }
        }
        Tensor::from_vec(rows, (grid * grid, CHANNELS * patch * patch), self.target.device())
    }

    /// The sum of the class token's vector and the pooled one, one row per picture.
    fn vectors(&self, batch: &[Pixels]) -> CandleResult<Vec<Vec<f32>>> {
        let (trunk, tokens) = (self.trunk(batch)?, self.config.tokens());
        let pooled = self.pool(&trunk, batch.len())?;
        let classes = trunk.reshape((batch.len(), tokens, self.config.width))?.narrow(1, 0, 1)?.squeeze(1)?;
        (classes + pooled)?.to_vec2()
    }
}

impl ImageTower for NomicVision {
    fn prepare(&self, picture: &Picture) -> Pixels {
        Pixels(self.recipe.prepare(picture))
    }

    fn embed(&self, batch: &[Pixels]) -> Result<Vec<Embedding>, TowerError> {
        let vectors = self.target.groups(batch, GROUP, |group| self.vectors(group))?;
        Ok(vectors.into_iter().flatten().map(Embedding::new).collect::<Result<_, _>>()?)
    }

    fn preferred_batch_size(&self) -> Option<usize> {
        self.target.preferred_batch_size()
    }
}

impl Layer {
    fn load(
        weights: &Weights<'_>,
        config: &NomicVisionConfig,
        index: usize,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let (width, bias) = (config.width, config.qkv_bias);
        let at = |part: &str| format!("layers.{index}.{part}");
        let dense =
            |part: &str, outputs| Linear::load(weights, &at(part), outputs, width, bias, Activation::None, target);
        let norm = |part: &str| LayerNorm::load(weights, &at(part), width, config.eps, target);
        Ok(Self {
            norm: norm("norm1")?,
            qkv: dense("attn.Wqkv", 3 * width)?,
            attended: dense("attn.out_proj", width)?,
            mlp_norm: norm("norm2")?,
            mlp: Mlp::load(weights, config, &at("mlp"), true, target)?,
        })
    }

    fn forward(
        &self,
        target: &ComputeTarget,
        x: &Tensor,
        attention: &Attention<'_>,
        turn: &Turn<'_>,
    ) -> CandleResult<Tensor> {
        let qkv = turn.apply(self.qkv.forward(&self.norm.forward(x)?)?)?;
        let x = self.attended.forward_add(&attend(target, attention, &qkv)?, x)?;
        self.mlp.narrow.forward_add(&self.mlp.inside(&self.mlp_norm.forward(&x)?)?, &x)
    }
}

impl Mlp {
    fn load(
        weights: &Weights<'_>,
        config: &NomicVisionConfig,
        name: &str,
        norm: bool,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let (width, inner) = (config.width, config.inner);
        let at = |part: &str| format!("{name}.{part}");
        let wide = |part: &str, activation| {
            Linear::load(weights, &at(part), inner, width, config.fc1_bias, activation, target)
        };
        let norm = norm.then(|| LayerNorm::load(weights, &at("norm"), inner, INNER_EPS, target)).transpose()?;
        let none = Activation::None;
        Ok(Self {
            value: wide("fc11", none)?,
            gate: wide("fc12", Activation::Silu)?,
            norm,
            narrow: Linear::load(weights, &at("fc2"), width, inner, config.fc2_bias, none, target)?,
        })
    }

    /// What goes into the last layer.
    fn inside(&self, x: &Tensor) -> CandleResult<Tensor> {
        let x = self.value.forward_mul(x, &self.gate.forward(x)?)?;
        self.norm.as_ref().map_or(Ok(x.clone()), |norm| norm.forward(&x))
    }
}

impl Selector {
    fn load(weights: &Weights<'_>, config: &NomicVisionConfig, target: &ComputeTarget) -> Result<Self, TowerError> {
        let (width, bias) = (config.width, config.qkv_bias);
        let dense = |part: &str, outputs| {
            let name = format!("selector.attn.{part}");
            Linear::load(weights, &name, outputs, width, bias, Activation::None, target)
        };
        let latent = Tensor::from_vec(weights.vector("selector.attn.latent", width)?, (1, width), target.device())?;
        Ok(Self {
            query: dense("Wq", width)?.forward(&latent)?.squeeze(0)?,
            keys_values: dense("Wkv", 2 * width)?,
            attended: dense("out_proj", width)?,
            norm: LayerNorm::load(weights, "selector.norm1", width, config.eps, target)?,
            mlp: Mlp::load(weights, config, "selector.mlp", false, target)?,
        })
    }

    fn forward(&self, target: &ComputeTarget, trunk: &Tensor, sequences: &Pool<'_>) -> CandleResult<Tensor> {
        let pooled = pool(target, sequences, &self.query, &self.keys_values.forward(trunk)?)?;
        let pooled = self.norm.forward(&self.attended.forward(&pooled)?)?;
        self.mlp.narrow.forward(&self.mlp.inside(&pooled)?)?.to_dtype(DType::F32)
    }
}
