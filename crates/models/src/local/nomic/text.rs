//! Nomic Embed Text v1.5: a BERT with rotary positions and gated feed-forward halves, a norm after each half.
//!
//! A text's vector is the mean of its tokens' vectors, less the mean of that vector's own 768 numbers (the layer norm
//! of the model card; its division changes no direction), cut to the dimensions wanted, and scaled to unit length.
//! Tokens of several texts go through the network as one matrix, without padding.

use std::borrow::Cow;
use std::ops::Range;

use candle_core::{Result as CandleResult, Tensor};
use rayon::prelude::*;

use super::config::NomicTextConfig;
use super::rope::{Rotary, Turn};
use crate::local::compute_target::ComputeTarget;
use crate::local::model_dir::ModelDir;
use crate::local::text_chunks::{batches, groups, joined};
use crate::local::tokenize::BertTokenizer;
use crate::local::transformer_layers::{Activation, Attention, LayerNorm, Linear, attend};
use crate::local::weights::{Matrix, Weights};
use crate::{TextEmbedding, TextOptions, TextTask, TextTower, TowerError};
use vicinity_core::{Embedding, EmbeddingError};
use vicinity_kernels::{Angles, Pairs};

/// Tokens that go through the network together: enough to read the weights seldom, few enough to stay in the cache.
const GROUP: usize = 256;
/// Embedded in place of a text without tokens, as Nomic's own programs do.
const NOTHING: &str = "24df574ea1c998de59d5be15e769658e";
/// What the names of all tensors may begin with.
const PREFIXES: [&str; 3] = ["", "bert.", "nomic_bert."];
/// Of the published file, and the same as transformers 5 calls it.
const FIRST_NORM: [&str; 2] = ["emb_ln", "embeddings.LayerNorm"];
/// Beside prefix, start and end, a window must hold more than the overlap of two.
const SMALLEST_ROOM: usize = 16;

/// The text tower.
pub struct NomicText {
    tokenizer: BertTokenizer,
    config: NomicTextConfig,
    target: ComputeTarget,
    /// A text needs only a few of its rows.
    words: Matrix,
    token_type: Vec<f32>,
    norm: LayerNorm,
    layers: Vec<Layer>,
    rotary: Rotary,
}

struct Layer {
    qkv: Linear,
    attended: Linear,
    attended_norm: LayerNorm,
    value: Linear,
    gate: Linear,
    narrow: Linear,
    norm: LayerNorm,
}

impl NomicText {
    /// Reads the tower from a folder with `config.json`, weights, and `tokenizer.json` or `vocab.txt`.
    ///
    /// # Errors
    /// When a file is missing or damaged; the message names it, and the tensor if any.
    pub fn open(folder: &ModelDir) -> Result<Self, TowerError> {
        Self::load(folder, &ComputeTarget::cpu())
    }

    pub(super) fn load(folder: &ModelDir, target: &ComputeTarget) -> Result<Self, TowerError> {
        let config = NomicTextConfig::parse(folder)?;
        let tokenizer = BertTokenizer::open(folder)?;
        tokenizer.fits(config.vocabulary)?;
        let weights = folder.weights()?;
        let all = FIRST_NORM.into_iter().flat_map(|norm| PREFIXES.map(|prefix| (prefix, norm)));
        let mut all = all.filter(|(prefix, norm)| weights.has(&format!("{prefix}{norm}.weight")));
        let (prefix, first_norm) = all.next().unwrap_or(("", FIRST_NORM[0]));
        let newer = first_norm == FIRST_NORM[1];
        let named = |name: &str| format!("{prefix}{name}");
        let at = |i: usize| named(&if newer { format!("layers.{i}") } else { format!("encoder.layers.{i}") });
        let layers =
            (0..config.layers).into_par_iter().map(|i| Layer::load(&weights, &config, (&at(i), newer), target));
        let types = weights.matrix(&named("embeddings.token_type_embeddings.weight"), config.types, config.width)?;
        let mut token_type = vec![0.0; config.width];
        types.unpack_row(0, &mut token_type);
        let words = named("embeddings.word_embeddings.weight");
        let tower = Self {
            layers: layers.collect::<Result<_, _>>()?,
            words: weights.matrix(&words, config.vocabulary, config.width)?,
            token_type,
            norm: LayerNorm::load(&weights, &named(first_norm), config.width, config.eps, target)?,
            rotary: Rotary::new(&config),
            tokenizer,
            config,
            target: target.clone(),
        };
        tower.leaves_room(folder).map(|()| tower)
    }

    /// Whether a window holds a text beside the prefixes.
    fn leaves_room(&self, folder: &ModelDir) -> Result<(), TowerError> {
        for task in [TextTask::SearchDocument, TextTask::SearchQuery, TextTask::Classification, TextTask::Clustering] {
            if self.prefix(task)?.len() + 2 + SMALLEST_ROOM > self.context() {
                let reason = format!("windows of {} tokens leave no space for text after its prefix", self.context());
                return Err(TowerError::file(folder.config_file(), reason));
            }
        }
        Ok(())
    }

    /// Dimensions of a whole vector.
    pub fn dim(&self) -> usize {
        self.config.width
    }

    /// Tokens of a window, prefix, start and end counted.
    pub fn context(&self) -> usize {
        self.config.context()
    }

    /// The most tokens that can go through the network as one text.
    pub fn positions(&self) -> usize {
        self.config.positions
    }

    fn prefix(&self, task: TextTask) -> Result<Vec<u32>, TowerError> {
        self.tokenizer.ids(match task {
            TextTask::SearchDocument => "search_document:",
            TextTask::SearchQuery => "search_query:",
            TextTask::Classification => "classification:",
            TextTask::Clustering => "clustering:",
        })
    }

    /// The token ids that are embedded for a text, one list per window: start, prefix, text, end, up to `max_tokens` in
    /// all (or 16 of the text, where that is more).
    ///
    /// # Errors
    /// When the text cannot be tokenised.
    pub fn windows(&self, text: &str, options: TextOptions, max_tokens: usize) -> Result<Windows, TowerError> {
        let prefix = self.prefix(options.task)?;
        let around = prefix.len() + 2;
        let max_tokens = max_tokens.max(around + SMALLEST_ROOM);
        let cut = |text| self.tokenizer.windows_after(&prefix, text, max_tokens, options.long_text);
        let mut ids = cut(text)?;
        if ids.iter().all(|window| window.len() <= around) {
            ids = cut(NOTHING)?;
        }
        Ok(Windows { ids, around })
    }

    /// The vectors of all tokens of each window: `[tokens, width]`, row by row.
    ///
    /// # Errors
    /// When a window is empty or too long, has an unknown id, or the forward pass fails.
    pub fn states(&self, windows: &[&[u32]]) -> Result<Vec<Vec<f32>>, TowerError> {
        let all = self.encode(windows)?;
        let one = |range: Range<usize>| all.narrow(0, range.start, range.len())?.flatten_all()?.to_vec1();
        Ok(ranges(windows).map(one).collect::<CandleResult<_>>()?)
    }

    /// The mean of each window's tokens, before anything else is done to it.
    ///
    /// # Errors
    /// As for [`Self::states`].
    pub fn means(&self, windows: &[&[u32]]) -> Result<Vec<Vec<f32>>, TowerError> {
        let all = self.encode(windows)?;
        let one = |range: Range<usize>| all.narrow(0, range.start, range.len())?.mean(0)?.to_vec1();
        Ok(ranges(windows).map(one).collect::<CandleResult<_>>()?)
    }

    /// The first `dim` dimensions of each window's vector.
    ///
    /// # Errors
    /// As for [`Self::states`]; when there are no `dim` dimensions.
    pub fn embed_windows(&self, windows: &[&[u32]], dim: usize) -> Result<Vec<Embedding>, TowerError> {
        let group = |group: &&[&[u32]]| {
            let units = self.means(group)?.into_iter().map(|mean| Ok(centred(&mean)?.truncated(dim)?));
            units.collect::<Result<Vec<_>, TowerError>>()
        };
        let embedded: Vec<Vec<_>> = if self.target.is_fused() {
            groups(windows, GROUP).par_iter().map(group).collect::<Result<_, _>>()?
        } else {
            batches(windows, self.target.batch()).iter().map(group).collect::<Result<_, _>>()?
        };
        Ok(embedded.into_iter().flatten().collect())
    }

    /// `[tokens, width]`, window after window.
    fn encode(&self, windows: &[&[u32]]) -> Result<Tensor, TowerError> {
        let longest = windows.iter().map(|w| w.len()).max().unwrap_or_default();
        if windows.iter().any(|w| w.is_empty()) || longest > self.config.positions {
            let reason = format!("a text of {longest} tokens; it can have 1 to {}", self.config.positions);
            return Err(TowerError::Tokenizer(reason));
        }
        let lengths: Vec<usize> = windows.iter().map(|w| w.len()).collect();
        let angles: Vec<Cow<'_, Angles>> = lengths.iter().map(|len| self.rotary.of(*len)).collect();
        let sequences: Vec<(usize, &Angles)> = lengths.iter().copied().zip(angles.iter().map(Cow::as_ref)).collect();
        let turn = Turn::new(Pairs::Halves, &sequences, &self.target)?;
        let attention = Attention::full(self.config.heads, &lengths);
        let mut x = self.norm.forward(&self.look_up(windows)?)?;
        for layer in &self.layers {
            x = layer.forward(&self.target, &x, &attention, &turn)?;
        }
        Ok(x)
    }

    /// The sum of each token's word and type vectors.
    fn look_up(&self, windows: &[&[u32]]) -> Result<Tensor, TowerError> {
        let (width, rows) = (self.words.cols(), self.words.rows());
        let tokens = windows.iter().map(|w| w.len()).sum::<usize>();
        let mut values = vec![0.0; tokens * width];
        for (out, id) in values.chunks_exact_mut(width).zip(windows.iter().copied().flatten()) {
            if *id as usize >= rows {
                return Err(TowerError::Tokenizer(format!("the model has no token {id}")));
            }
            self.words.unpack_row(*id as usize, out);
            out.iter_mut().zip(&self.token_type).for_each(|(out, of_type)| *out += of_type);
        }
        Ok(Tensor::from_vec(values, (tokens, width), self.target.device())?)
    }
}

impl TextTower for NomicText {
    fn embed(&self, texts: &[&str], options: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
        self.embed_to(texts, options, self.dim())
    }

    /// Of a text of one window that is what [`Embedding::truncated`] gives; of several, each is cut before they are
    /// averaged, as Nomic does it.
    fn embed_to(&self, texts: &[&str], options: TextOptions, dim: usize) -> Result<Vec<TextEmbedding>, TowerError> {
        let windows: Vec<Windows> =
            texts.par_iter().map(|text| self.windows(text, options, self.context())).collect::<Result<_, _>>()?;
        let flat: Vec<&[u32]> = windows.iter().flat_map(|w| w.ids.iter().map(Vec::as_slice)).collect();
        let counts: Vec<Vec<usize>> =
            windows.iter().map(|w| w.ids.iter().map(|ids| ids.len() - w.around).collect()).collect();
        Ok(joined(&counts, self.embed_windows(&flat, dim)?)?)
    }

    fn shortened(&self, text: String, options: TextOptions) -> String {
        self.tokenizer.shortened(&text, self.context(), options.long_text).into_owned()
    }

    fn preferred_batch_size(&self) -> Option<usize> {
        self.target.preferred_batch_size()
    }
}

/// What is embedded of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    /// Token ids, with start, prefix and end.
    pub ids: Vec<Vec<u32>>,
    /// How many of a window's tokens are not the text's own.
    around: usize,
}

impl Windows {
    /// Tokens of the text in them; what is in two windows counts twice.
    pub fn tokens(&self) -> usize {
        self.ids.iter().map(|window| window.len() - self.around).sum()
    }
}

/// Where each window is in the matrix of all.
fn ranges(windows: &[&[u32]]) -> impl Iterator<Item = Range<usize>> {
    windows.iter().scan(0, |end, window| {
        *end += window.len();
        Some(*end - window.len()..*end)
    })
}

/// The direction of a vector less the mean of its numbers.
fn centred(mean: &[f32]) -> Result<Embedding, EmbeddingError> {
    let middle = mean.iter().map(|v| f64::from(*v)).sum::<f64>() / mean.len() as f64;
    Embedding::new(mean.iter().map(|v| (f64::from(*v) - middle) as f32).collect::<Vec<_>>())
}

impl Layer {
    /// The block `name`, whose parts are called as in transformers 5 where that is `newer`.
    fn load(
        weights: &Weights<'_>,
        config: &NomicTextConfig,
        (name, newer): (&str, bool),
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let NomicTextConfig { width, inner, .. } = *config;
        let at = |part: &str| format!("{name}.{part}");
        let dense = |part: &str, outputs, inputs, bias, activation| {
            Linear::load(weights, &at(part), outputs, inputs, bias, activation, target)
        };
        let norm = |part: &str| LayerNorm::load(weights, &at(part), width, config.eps, target);
        let (qkv, fc1, fc2) = (config.qkv_bias, config.fc1_bias, config.fc2_bias);
        let [attended, value, gate, narrow, attended_norm, last_norm] = match newer {
            false => ["attn.out_proj", "mlp.fc11", "mlp.fc12", "mlp.fc2", "norm1", "norm2"],
            true => [
                "self_attn.o_proj",
                "mlp.up_proj",
                "mlp.gate_proj",
                "mlp.down_proj",
                "post_attention_layernorm",
                "post_mlp_layernorm",
            ],
        };
        let three = ["q", "k", "v"].map(|part| at(&format!("self_attn.{part}_proj")));
        Ok(Self {
            qkv: match newer {
                false => dense("attn.Wqkv", 3 * width, width, qkv, Activation::None)?,
                true => Linear::joined(weights, &three, width, width, qkv, target)?,
            },
            attended: dense(attended, width, width, qkv, Activation::None)?,
            attended_norm: norm(attended_norm)?,
            value: dense(value, inner, width, fc1, Activation::None)?,
            gate: dense(gate, inner, width, fc1, Activation::Silu)?,
            narrow: dense(narrow, width, inner, fc2, Activation::None)?,
            norm: norm(last_norm)?,
        })
    }

    fn forward(
        &self,
        target: &ComputeTarget,
        x: &Tensor,
        attention: &Attention<'_>,
        turn: &Turn<'_>,
    ) -> CandleResult<Tensor> {
        let a = attend(target, attention, &turn.apply(self.qkv.forward(x)?)?)?;
        let a = self.attended_norm.forward(&self.attended.forward_add(&a, x)?)?;
        let b = self.value.forward_mul(&a, &self.gate.forward(&a)?)?;
        self.norm.forward(&self.narrow.forward_add(&b, &a)?)
    }
}
