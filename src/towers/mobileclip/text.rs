//! The text tower of MobileCLIP S1 and S2: a transformer without a causal mask. The padding is a part of its input, so
//! every text has the same number of tokens.

use candle_core::{Device, Result as CandleResult, Tensor};
use candle_nn::LayerNorm;
use candle_nn::Module as _;
use rayon::prelude::*;

use super::config::{Config, TextConfig};
use crate::domain::{Embedding, EmbeddingError};
use crate::towers::kernels::{Activation, Attention, Linear};
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
    pub fn load(weights: &Weights<'_>, config: &Config, tokenizer: ClipTokenizer) -> Result<Self, TowerError> {
        let text = &config.text;
        tokenizer.fits(text.vocab_size)?;
        let layers = (0..text.layers).into_par_iter().map(|i| Layer::load(weights, text, i));
        Ok(Self {
            tokenizer,
            context: text.context_length,
            heads: text.heads,
            words: weights.matrix("text.token_embedding.weight", text.vocab_size, text.width)?,
            positions: weights.matrix("text.positional_embedding", text.context_length, text.width)?,
            layers: layers.collect::<Result<_, _>>()?,
            norm: norm(weights, "text.ln_final", text.width)?,
            project: Linear::transposed(&weights.matrix("text.text_projection", text.width, config.dim)?),
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
            windows.par_chunks(GROUP).map(|group| self.encode(group)?.to_vec2()).collect::<CandleResult<_>>()?;
        Ok(groups.into_iter().flatten().collect())
    }

    fn encode(&self, windows: &[Vec<u32>]) -> CandleResult<Tensor> {
        let lengths = vec![self.context; windows.len()];
        let attention = Attention::full(self.heads, &lengths);
        let mut x = self.look_up(windows)?;
        for layer in &self.layers {
            let a = attention.forward(&layer.qkv.forward(&layer.norm.forward(&x)?)?)?;
            x = layer.attended.forward_add(&a, &x)?;
            let b = layer.wide.forward(&layer.mlp_norm.forward(&x)?)?;
            x = layer.narrow.forward_add(&b, &x)?;
        }
        // The end of a text has the highest id; its vector is that of the text.
        let end = |ids: &Vec<u32>| (0..ids.len()).rev().max_by_key(|i| ids[*i]).unwrap_or_default() as u32;
        let ends: Vec<u32> = (0..).step_by(self.context).zip(windows).map(|(first, ids)| first + end(ids)).collect();
        let x = x.index_select(&Tensor::new(ends, &Device::Cpu)?, 0)?;
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
        Tensor::from_vec(rows, (tokens, width), &Device::Cpu)
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
    fn load(weights: &Weights<'_>, config: &TextConfig, index: usize) -> Result<Self, TowerError> {
        let (width, hidden) = (config.width, config.hidden());
        let at = |name: &str| format!("text.transformer.resblocks.{index}.{name}");
        let dense = |weight: &str, bias: &str, outputs, inputs, activation| -> Result<Linear, TowerError> {
            let bias = weights.vector(&at(bias), outputs)?;
            Ok(Linear::new(&weights.matrix(&at(weight), outputs, inputs)?, &bias, activation))
        };
        let none = Activation::None;
        Ok(Self {
            norm: norm(weights, &at("ln_1"), width)?,
            qkv: dense("attn.in_proj_weight", "attn.in_proj_bias", 3 * width, width, none)?,
            attended: dense("attn.out_proj.weight", "attn.out_proj.bias", width, width, none)?,
            mlp_norm: norm(weights, &at("ln_2"), width)?,
            wide: dense("mlp.c_fc.weight", "mlp.c_fc.bias", hidden, width, Activation::Gelu)?,
            narrow: dense("mlp.c_proj.weight", "mlp.c_proj.bias", width, hidden, none)?,
        })
    }
}

fn norm(weights: &Weights<'_>, name: &str, width: usize) -> Result<LayerNorm, TowerError> {
    let vector = |part: &str| -> Result<Tensor, TowerError> {
        Ok(Tensor::from_vec(weights.vector(&format!("{name}.{part}"), width)?, width, &Device::Cpu)?)
    };
    Ok(LayerNorm::new(vector("weight")?, vector("bias")?, EPS))
}
