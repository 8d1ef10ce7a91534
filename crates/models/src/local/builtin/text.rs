//! MiniLM (a small BERT) with an adapter that leads from its space into the common one.
//!
//! All tokens of a group of texts go through the dense layers as one matrix, without padding; only attention and the
//! mean look at where a text begins and ends. So a short text does not pay for a long one beside it.

use candle_core::{D, DType, Result as CandleResult, Tensor};
use rayon::prelude::*;

use super::config::{Config, TextConfig};
use crate::local::compute_target::ComputeTarget;
use crate::local::text_chunks::{batches, groups, joined};
use crate::local::tokenize::BertTokenizer;
use crate::local::transformer_layers::{Activation, Attention, LayerNorm, Linear, Values, attend};
use crate::local::weights::{Matrix, Weights};
use crate::{TextEmbedding, TextOptions, TextTower, TowerError};
use vicinity_core::Embedding;

/// Tokens that go through the network together: enough to read the weights seldom, few enough to stay in the cache.
const GROUP: usize = 192;

/// The text tower.
pub(super) struct BuiltinTextTower {
    tokenizer: BertTokenizer,
    max_tokens: usize,
    heads: usize,
    /// Stays packed: a text needs only a few of its rows.
    words: Matrix,
    /// Positions, with the vector of the only token type added.
    positions: Matrix,
    token_type: Vec<f32>,
    norm: LayerNorm,
    layers: Vec<Layer>,
    adapter_in: Linear,
    adapter_out: Linear,
    target: ComputeTarget,
}

struct Layer {
    qkv: Linear,
    attended: Linear,
    attended_norm: LayerNorm,
    wide: Linear,
    narrow: Linear,
    norm: LayerNorm,
}

impl BuiltinTextTower {
    pub fn load(
        weights: &Weights<'_>,
        config: &Config,
        vocabulary: &[u8],
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let text = &config.text;
        let hidden = text.hidden;
        // The tokenizer takes as long as all the rest.
        let (tokenizer, layers) = rayon::join(
            || BertTokenizer::new(vocabulary),
            || {
                let layer = |i| Layer::load(weights, text, i, target);
                (0..text.layers).into_par_iter().map(layer).collect::<Result<_, _>>()
            },
        );
        let words = vocabulary.iter().filter(|b| **b == b'\n').count() + usize::from(vocabulary.last() != Some(&b'\n'));
        Ok(Self {
            tokenizer: tokenizer?,
            max_tokens: text.max_tokens,
            heads: text.heads,
            words: weights.matrix("text.embeddings.word_embeddings.weight", words, hidden)?,
            positions: weights.matrix("text.embeddings.position_embeddings.weight", text.max_tokens, hidden)?,
            token_type: weights.vector("text.embeddings.token_type_embeddings.weight", 2 * hidden)?[..hidden].to_vec(),
            norm: LayerNorm::load(weights, "text.embeddings.LayerNorm", hidden, text.layer_norm_eps, target)?,
            layers: layers?,
            adapter_in: linear(weights, "text.adapter.l1", [text.adapter_hidden, hidden], Activation::Gelu, target)?,
            adapter_out: linear(
                weights,
                "text.adapter.l2",
                [config.dim, text.adapter_hidden],
                Activation::None,
                target,
            )?,
            target: target.clone(),
        })
    }

    /// One row per window: the mean of its tokens' vectors.
    fn encode(&self, windows: &[&[u32]]) -> CandleResult<Tensor> {
        let lengths: Vec<usize> = windows.iter().map(|w| w.len()).collect();
        let attention = Attention::full(self.heads, &lengths);
        let mut x = self.norm.forward(&self.look_up(windows)?)?;
        for layer in &self.layers {
            let a = attend(&self.target, &attention, &layer.qkv.forward(&x)?)?;
            let a = layer.attended_norm.forward(&layer.attended.forward_add(&a, &x)?)?;
            let b = layer.wide.forward(&a)?;
            x = layer.norm.forward(&layer.narrow.forward_add(&b, &a)?)?;
        }
        let mut first = 0;
        let mean = |len: &usize| {
            first += len;
            x.narrow(0, first - len, *len)?.mean(0)
        };
        Tensor::stack(&lengths.iter().map(mean).collect::<CandleResult<Vec<_>>>()?, 0)
    }

    /// The sum of each token's word, position and type vectors.
    fn look_up(&self, windows: &[&[u32]]) -> CandleResult<Tensor> {
        let hidden = self.words.cols();
        let tokens = windows.iter().map(|w| w.len()).sum::<usize>();
        let mut rows = vec![0.0; tokens * hidden];
        let mut position = vec![0.0; hidden];
        let ids = windows.iter().flat_map(|w| w.iter().enumerate());
        for (out, (at, id)) in rows.chunks_exact_mut(hidden).zip(ids) {
            self.words.unpack_row(*id as usize, out);
            self.positions.unpack_row(at, &mut position);
            for ((out, position), token_type) in out.iter_mut().zip(&position).zip(&self.token_type) {
                *out += position + token_type;
            }
        }
        Tensor::from_vec(rows, (tokens, hidden), self.target.device())
    }

    /// Unit vectors in the common space.
    fn adapt(&self, raw: &Tensor) -> CandleResult<Tensor> {
        let raw = raw.broadcast_div(&raw.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?)?;
        self.adapter_out.forward_add(&self.adapter_in.forward(&raw)?, &raw)
    }

    fn embed_windows(&self, windows: &[&[u32]]) -> Result<Vec<Embedding>, TowerError> {
        let vectors = self.adapt(&self.encode(windows)?)?.to_dtype(DType::F32)?.to_vec2::<f32>()?;
        Ok(vectors.into_iter().map(Embedding::new).collect::<Result<_, _>>()?)
    }
}

impl TextTower for BuiltinTextTower {
    fn embed(&self, texts: &[&str], options: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
        let windows: Vec<Vec<Vec<u32>>> = texts
            .par_iter()
            .map(|text| self.tokenizer.windows(text, self.max_tokens, options.long_text))
            .collect::<Result<_, _>>()?;
        // Each window has two special tokens.
        let counts: Vec<Vec<usize>> = windows.iter().map(|w| w.iter().map(|ids| ids.len() - 2).collect()).collect();
        let flat: Vec<&[u32]> = windows.iter().flatten().map(Vec::as_slice).collect();
        let embedded: Vec<Vec<Embedding>> = if self.target.is_fused() {
            groups(&flat, GROUP).into_par_iter().map(|group| self.embed_windows(group)).collect::<Result<_, _>>()?
        } else {
            let groups = batches(&flat, self.target.batch());
            groups.into_iter().map(|group| self.embed_windows(group)).collect::<Result<_, _>>()?
        };
        Ok(joined(&counts, embedded.into_iter().flatten())?)
    }

    fn shortened(&self, text: String, options: TextOptions) -> String {
        self.tokenizer.shortened(&text, self.max_tokens, options.long_text).into_owned()
    }

    fn preferred_batch_size(&self) -> Option<usize> {
        self.target.preferred_batch_size()
    }
}

impl Layer {
    fn load(
        weights: &Weights<'_>,
        config: &TextConfig,
        index: usize,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let (hidden, eps) = (config.hidden, config.layer_norm_eps);
        let at = |name: &str| format!("text.encoder.layer.{index}.{name}");
        let qkv = ["query", "key", "value"].map(|name| at(&format!("attention.self.{name}")));
        let dense = |name: &str, outputs, inputs, activation| {
            Linear::load(weights, &at(name), outputs, inputs, true, activation, target)
        };
        let norm = |name: &str| LayerNorm::load(weights, &at(name), hidden, eps, target);
        Ok(Self {
            qkv: Linear::joined(weights, &qkv, hidden, hidden, true, target)?,
            attended: dense("attention.output.dense", hidden, hidden, Activation::None)?,
            attended_norm: norm("attention.output.LayerNorm")?,
            wide: dense("intermediate.dense", config.ff, hidden, Activation::Gelu)?,
            narrow: dense("output.dense", hidden, config.ff, Activation::None)?,
            norm: norm("output.LayerNorm")?,
        })
    }
}

/// A dense layer whose weights are called as the layer itself.
fn linear(
    weights: &Weights<'_>,
    name: &str,
    [outputs, inputs]: [usize; 2],
    activation: Activation,
    target: &ComputeTarget,
) -> Result<Linear, TowerError> {
    let bias = weights.vector(&format!("{name}.bias"), outputs)?;
    let matrix = weights.matrix(name, outputs, inputs)?;
    Ok(Linear::of(&Values { matrix, bias, activation }, target)?)
}
