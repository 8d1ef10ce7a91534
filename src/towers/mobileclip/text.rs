//! The text tower of MobileCLIP S1 and S2: a transformer without a causal mask. The padding is a part of its input, so
//! every text has the same number of tokens.

use candle_core::{DType, Result as CandleResult, Tensor};
use rayon::prelude::*;

use super::config::{Config, TextConfig};
use crate::domain::{Embedding, EmbeddingError};
use crate::towers::layers::{Activation, Attention, LayerNorm, Linear, attend};
use crate::towers::target::Target;
use crate::towers::tokenize::clip::ClipTokenizer;
use crate::towers::weights::{Matrix, Weights};
use crate::towers::{TextEmbedding, TextOptions, TextTower, TowerError};

/// Texts that go through the network together: enough to read the weights seldom, few enough to stay in the cache.
const GROUP: usize = 4;
/// Added to a variance; PyTorch's own value, which open_clip keeps.
const EPS: f64 = 1e-5;
/// What a text is filled up with.
const PAD: u32 = 0;

/// The text tower.
pub struct Text {
    tokenizer: ClipTokenizer,
    context: usize,
    heads: usize,
    /// A text needs only a few of its rows.
    words: Matrix,
    positions: Matrix,
    layers: Vec<Layer>,
    norm: LayerNorm,
    project: Linear,
    target: Target,
}

struct Layer {
    norm: LayerNorm,
    qkv: Linear,
    attended: Linear,
    mlp_norm: LayerNorm,
    wide: Linear,
    narrow: Linear,
}

impl Text {
    /// Reads the tower from `text.*`.
    ///
    /// # Errors
    /// When a tensor is missing, of another size, or holds a number that is not finite.
    pub fn load(
        weights: &Weights<'_>,
        config: &Config,
        tokenizer: ClipTokenizer,
        target: &Target,
    ) -> Result<Self, TowerError> {
        let text = &config.text;
        tokenizer.fits(text.vocab_size)?;
        let layers = (0..text.layers).into_par_iter().map(|i| Layer::load(weights, text, i, target));
        Ok(Self {
            tokenizer,
            context: text.context_length,
            heads: text.heads,
            words: weights.matrix("text.token_embedding.weight", text.vocab_size, text.width)?,
            positions: weights.matrix("text.positional_embedding", text.context_length, text.width)?,
            layers: layers.collect::<Result<_, _>>()?,
            norm: LayerNorm::load(weights, "text.ln_final", text.width, EPS, target)?,
            project: Linear::transposed(weights, "text.text_projection", text.width, config.dim, target)?,
            target: target.clone(),
        })
    }

    /// The token ids of the first window of a text, filled up.
    ///
    /// # Errors
    /// When the text cannot be tokenised.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, TowerError> {
        let windows = self.tokenizer.windows(text, self.context, crate::towers::LongText::Truncate)?;
        Ok(windows.first().map(|ids| self.filled(ids)).unwrap_or_default())
    }

    fn filled(&self, ids: &[u32]) -> Vec<u32> {
        let mut ids = ids.to_vec();
        ids.resize(self.context, PAD);
        ids
    }

    /// What the tower makes of windows, before it becomes unit vectors.
    ///
    /// # Errors
    /// When the forward pass fails.
    pub fn features(&self, windows: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, TowerError> {
        let groups: Vec<Vec<Vec<f32>>> =
            self.target.groups(windows, GROUP, |group| self.encode(group)?.to_dtype(DType::F32)?.to_vec2())?;
        Ok(groups.into_iter().flatten().collect())
    }

    fn encode(&self, windows: &[Vec<u32>]) -> CandleResult<Tensor> {
        let lengths = vec![self.context; windows.len()];
        let attention = Attention::full(self.heads, &lengths);
        let mut x = self.look_up(windows)?;
        for layer in &self.layers {
            let a = attend(&self.target, &attention, &layer.qkv.forward(&layer.norm.forward(&x)?)?)?;
            x = layer.attended.forward_add(&a, &x)?;
            let b = layer.wide.forward(&layer.mlp_norm.forward(&x)?)?;
            x = layer.narrow.forward_add(&b, &x)?;
        }
        // The end of a text has the highest id; its vector is that of the text.
        let end = |ids: &Vec<u32>| (0..ids.len()).rev().max_by_key(|i| ids[*i]).unwrap_or_default() as u32;
        let ends: Vec<u32> = (0..).step_by(self.context).zip(windows).map(|(first, ids)| first + end(ids)).collect();
        let x = x.index_select(&Tensor::new(ends, self.target.device())?, 0)?;
        self.project.forward(&self.norm.forward(&x)?)
    }

    /// The sum of each token's word and position vectors.
    fn look_up(&self, windows: &[Vec<u32>]) -> CandleResult<Tensor> {
        let width = self.words.cols();
        let tokens = windows.len() * self.context;
        let (mut rows, mut position) = (vec![0.0; tokens * width], vec![0.0; width]);
        let ids = windows.iter().flat_map(|ids| ids.iter().enumerate());
        for (out, (at, id)) in rows.chunks_exact_mut(width).zip(ids) {
            self.words.unpack_row(*id as usize, out);
            self.positions.unpack_row(at, &mut position);
            out.iter_mut().zip(&position).for_each(|(out, position)| *out += position);
        }
        Tensor::from_vec(rows, (tokens, width), self.target.device())
    }
}

impl TextTower for Text {
    fn embed(&self, texts: &[&str], options: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
        let windows: Vec<Vec<Vec<u32>>> = texts
            .par_iter()
            .map(|text| self.tokenizer.windows(text, self.context, options.long_text))
            .collect::<Result<_, _>>()?;
        let flat: Vec<Vec<u32>> = windows.iter().flatten().map(|ids| self.filled(ids)).collect();
        let mut features = self.features(&flat)?.into_iter();
        let texts = windows.iter().map(|windows| {
            let embedding = mean(features.by_ref().take(windows.len()))?;
            // Each window has two special tokens.
            Ok(TextEmbedding { embedding, tokens: windows.iter().map(|w| w.len() - 2).sum() })
        });
        texts.collect()
    }

    fn call_size(&self) -> Option<usize> {
        self.target.call_size()
    }
}

/// The direction of the mean of the windows' directions.
fn mean(windows: impl Iterator<Item = Vec<f32>>) -> Result<Embedding, EmbeddingError> {
    let units = windows.map(Embedding::new).collect::<Result<Vec<_>, _>>()?;
    let mut sum = vec![0.0_f32; units.first().map_or(0, Embedding::dim)];
    for unit in &units {
        sum.iter_mut().zip(unit.as_slice()).for_each(|(sum, value)| *sum += value);
    }
    Embedding::new(sum)
}

impl Layer {
    fn load(weights: &Weights<'_>, config: &TextConfig, index: usize, target: &Target) -> Result<Self, TowerError> {
        let (width, hidden) = (config.width, config.hidden());
        let at = |name: &str| format!("text.transformer.resblocks.{index}.{name}");
        let norm = |name: &str| LayerNorm::load(weights, &at(name), width, EPS, target);
        let dense = |name: &str, outputs, inputs, activation| {
            Linear::load(weights, &at(name), outputs, inputs, true, activation, target)
        };
        let (weight, bias) = (at("attn.in_proj_weight"), at("attn.in_proj_bias"));
        Ok(Self {
            norm: norm("ln_1")?,
            qkv: Linear::rows(weights, (&weight, Some(&bias)), 3 * width, 0..3 * width, width, target)?,
            attended: dense("attn.out_proj", width, width, Activation::None)?,
            mlp_norm: norm("ln_2")?,
            wide: dense("mlp.c_fc", hidden, width, Activation::Gelu)?,
            narrow: dense("mlp.c_proj", width, hidden, Activation::None)?,
        })
    }
}
