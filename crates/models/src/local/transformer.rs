//! The transformer that CLIP and SigLIP share, for pictures and texts alike: layer norm before each half of a block.

use candle_core::{DType, Result as CandleResult, Tensor};
use rayon::prelude::*;
use serde_json::Value;

use super::compute_target::ComputeTarget;
use super::transformer_layers::{Activation, Attention, LayerNorm, Linear, attend};
use super::weights::{Matrix, Weights};
use crate::{Pixels, TowerError};
use vicinity_core::Embedding;

/// Tokens that go through the CPU together: enough to read the weights seldom, few enough to stay in the cache.
const TOKENS: usize = 512;
/// Channels of a picture.
const CHANNELS: usize = 3;

/// Sizes of a transformer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TransformerSizes {
    /// Numbers per token.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// The inside of a block's feed-forward half.
    pub hidden: usize,
    /// Blocks.
    pub layers: usize,
    /// Added to a variance.
    pub eps: f64,
    /// In the middle of the feed-forward half.
    pub activation: Activation,
}

impl TransformerSizes {
    /// Reads `text_config` or `vision_config` of a `config.json`; what is left out is as in `default`.
    ///
    /// # Errors
    /// When a value is invalid, or the values do not fit one another.
    pub fn parse(file: &str, json: &Value, default: Self) -> Result<Self, TowerError> {
        let number = |key: &str, default: usize| number(file, json, key, default);
        let activation = match json["hidden_act"].as_str() {
            None => default.activation,
            Some("quick_gelu") => Activation::QuickGelu,
            Some("gelu") => Activation::Gelu,
            Some("gelu_pytorch_tanh" | "gelu_new") => Activation::GeluTanh,
            Some(other) => return Err(TowerError::file(file, format!("hidden_act {other} is not known"))),
        };
        Self {
            width: number("hidden_size", default.width)?,
            heads: number("num_attention_heads", default.heads)?,
            hidden: number("intermediate_size", default.hidden)?,
            layers: number("num_hidden_layers", default.layers)?,
            eps: json["layer_norm_eps"].as_f64().unwrap_or(default.eps),
            activation,
        }
        .checked(file)
    }

    /// # Errors
    /// When the sizes are not those of any transformer.
    pub fn checked(self, file: &str) -> Result<Self, TowerError> {
        let fits = self.heads > 0 && self.width.is_multiple_of(self.heads) && self.layers <= 1024;
        if fits && self.eps.is_normal() && self.eps > 0.0 {
            return Ok(self);
        }
        Err(TowerError::file(file, format!("its sizes do not match: {self:?}")))
    }
}

/// A size that a configuration gives, or `default`.
///
/// # Errors
/// When it is not a number from 1 to a million.
pub fn number(file: &str, json: &Value, key: &str, default: usize) -> Result<usize, TowerError> {
    let value = &json[key];
    let given = if value.is_null() { Some(default) } else { value.as_u64().and_then(|v| usize::try_from(v).ok()) };
    let given = given.filter(|number| (1..=1 << 20).contains(number));
    given.ok_or_else(|| TowerError::file(file, format!("{key} is {value}, not a size")))
}

/// How the tensors of a block are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TensorNames {
    /// As transformers calls them.
    Transformers,
    /// As open_clip does.
    OpenClip,
}

/// The blocks.
pub struct Encoder {
    blocks: Vec<Block>,
    heads: usize,
    target: ComputeTarget,
}

struct Block {
    norm: LayerNorm,
    qkv: Linear,
    attended: Linear,
    mlp_norm: LayerNorm,
    wide: Linear,
    narrow: Linear,
}

impl Encoder {
    /// Reads the blocks `AT.0`, `AT.1` and so on.
    ///
    /// # Errors
    /// When a tensor is missing, of another shape, or holds a number that is not finite.
    pub fn load(
        w: &Weights<'_>,
        at: &str,
        sizes: &TransformerSizes,
        names: TensorNames,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let block = |i: usize| Block::load(w, &format!("{at}.{i}"), sizes, names, target);
        let blocks = (0..sizes.layers).into_par_iter().map(block).collect::<Result<_, _>>()?;
        Ok(Self { blocks, heads: sizes.heads, target: target.clone() })
    }

    /// All tokens after the last block; `x` is `[tokens, width]`, of sequences of `lengths`. With `only`, just those
    /// rows: what the last block would make of the others is not computed.
    ///
    /// # Errors
    /// When the shapes do not fit, or a row is missing.
    pub fn forward(&self, x: Tensor, lengths: &[usize], causal: bool, only: Option<&[u32]>) -> CandleResult<Tensor> {
        let attention = Attention { causal, ..Attention::full(self.heads, lengths) };
        let mut x = x;
        for (i, block) in self.blocks.iter().enumerate() {
            let only = only.filter(|_| i + 1 == self.blocks.len());
            x = block.forward(&self.target, &x, &attention, only)?;
        }
        Ok(x)
    }
}

impl Block {
    fn load(
        w: &Weights<'_>,
        at: &str,
        sizes: &TransformerSizes,
        names: TensorNames,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let TransformerSizes { width, hidden, eps, activation, .. } = *sizes;
        let name = |part: &str| format!("{at}.{part}");
        let [norm, out, mlp_norm, wide, narrow] = match names {
            TensorNames::Transformers => ["layer_norm1", "self_attn.out_proj", "layer_norm2", "mlp.fc1", "mlp.fc2"],
            TensorNames::OpenClip => ["ln_1", "attn.out_proj", "ln_2", "mlp.c_fc", "mlp.c_proj"],
        };
        let qkv = match names {
            TensorNames::Transformers => {
                let parts = ["q", "k", "v"].map(|part| name(&format!("self_attn.{part}_proj")));
                Linear::joined(w, &parts, width, width, true, target)?
            }
            TensorNames::OpenClip => {
                let (weight, bias) = (name("attn.in_proj_weight"), name("attn.in_proj_bias"));
                Linear::rows(w, (&weight, Some(&bias)), 3 * width, 0..3 * width, width, target)?
            }
        };
        let none = Activation::None;
        Ok(Self {
            norm: LayerNorm::load(w, &name(norm), width, eps, target)?,
            qkv,
            attended: Linear::load(w, &name(out), width, width, true, none, target)?,
            mlp_norm: LayerNorm::load(w, &name(mlp_norm), width, eps, target)?,
            wide: Linear::load(w, &name(wide), hidden, width, true, activation, target)?,
            narrow: Linear::load(w, &name(narrow), width, hidden, true, none, target)?,
        })
    }

    fn forward(
        &self,
        target: &ComputeTarget,
        x: &Tensor,
        attention: &Attention<'_>,
        only: Option<&[u32]>,
    ) -> CandleResult<Tensor> {
        let mut attended = attend(target, attention, &self.qkv.forward(&self.norm.forward(x)?)?)?;
        let mut x = x.clone();
        if let Some(rows) = only {
            let rows = Tensor::new(rows, x.device())?;
            (x, attended) = (x.index_select(&rows, 0)?, attended.index_select(&rows, 0)?);
        }
        let x = self.attended.forward_add(&attended, &x)?;
        let wide = self.wide.forward(&self.mlp_norm.forward(&x)?)?;
        self.narrow.forward_add(&wide, &x)
    }
}

/// Cuts pictures into patches and makes a token of each.
pub struct PatchEmbedding {
    project: Linear,
    /// Side of a picture.
    side: usize,
    /// Side of a patch.
    patch: usize,
    /// What a token is at each place, `[tokens, width]`.
    places: Tensor,
    /// Whether a token that stands for the whole picture comes first.
    class: bool,
}

/// What [`PatchEmbedding`] is read from: names of tensors.
pub struct PatchNames<'a> {
    /// The projection, a convolution.
    pub project: &'a str,
    /// Whether it has a bias.
    pub bias: bool,
    /// The token of the whole picture.
    pub class: Option<&'a str>,
    /// What is added at each place.
    pub places: &'a str,
}

impl PatchEmbedding {
    /// For pictures of `side` x `side`.
    ///
    /// # Errors
    /// When a tensor is missing, of another shape, or holds a number that is not finite.
    pub fn load(
        w: &Weights<'_>,
        names: &PatchNames<'_>,
        (side, patch): (usize, usize),
        width: usize,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let tokens = (side / patch).pow(2) + usize::from(names.class.is_some());
        let inputs = CHANNELS * patch * patch;
        let mut places = w.matrix(names.places, tokens, width)?.unpack();
        if let Some(class) = names.class {
            let class = w.vector(class, width)?;
            places.iter_mut().zip(class).for_each(|(place, class)| *place += class);
        }
        Ok(Self {
            project: Linear::load(w, names.project, width, inputs, names.bias, Activation::None, target)?,
            side,
            patch,
            places: Tensor::from_vec(places, (tokens, width), target.device())?,
            class: names.class.is_some(),
        })
    }

    /// Tokens of one picture.
    pub fn tokens(&self) -> usize {
        (self.side / self.patch).pow(2) + usize::from(self.class)
    }

    /// The tokens of all pictures, `[pictures * tokens, width]`; a picture is `[3, side, side]`.
    ///
    /// # Errors
    /// When a picture has another size.
    pub fn forward(&self, pictures: &[Pixels]) -> CandleResult<Tensor> {
        let inputs = CHANNELS * self.patch * self.patch;
        let mut rows = Vec::with_capacity(pictures.len() * self.tokens() * inputs);
        for picture in pictures {
            if picture.0.len() != CHANNELS * self.side * self.side {
                candle_core::bail!("an image of {} numbers, not 3 x {} x {}", picture.0.len(), self.side, self.side);
            }
            if self.class {
                // The projection has no bias then, and makes zeros of zeros.
                rows.resize(rows.len() + inputs, 0.0);
            }
            self.unfold(&picture.0, &mut rows);
        }
        let device = self.places.device();
        let rows = Tensor::from_vec(rows, (pictures.len() * self.tokens(), inputs), device)?;
        self.project.forward_add(&rows, &self.places.repeat((pictures.len(), 1))?)
    }

    /// Appends one row a patch, the numbers in the order of a convolution's kernel.
    fn unfold(&self, planes: &[f32], rows: &mut Vec<f32>) {
        let (side, patch) = (self.side, self.patch);
        let each = side / patch;
        for (top, left) in (0..each * each).map(|i| (i / each * patch, i % each * patch)) {
            for plane in planes.chunks_exact(side * side) {
                for line in plane.chunks_exact(side).skip(top).take(patch) {
                    rows.extend_from_slice(&line[left..left + patch]);
                }
            }
        }
    }
}

/// The beginning of a text tower: what a token is, by its id and its place.
pub struct TokenEmbedding {
    /// A text needs only a few of its rows.
    words: Matrix,
    places: Matrix,
}

impl TokenEmbedding {
    /// From a table of `tokens` rows and one of `context`.
    ///
    /// # Errors
    /// When a tensor is missing, of another shape, or holds a number that is not finite.
    pub fn load(
        w: &Weights<'_>,
        (words, tokens): (&str, usize),
        (places, context): (&str, usize),
        width: usize,
    ) -> Result<Self, TowerError> {
        Ok(Self { words: w.matrix(words, tokens, width)?, places: w.matrix(places, context, width)? })
    }

    /// The tokens of all texts, `[tokens, width]`.
    ///
    /// # Errors
    /// When an id or a place is beyond the tables.
    pub fn forward(&self, texts: &[Vec<u32>], target: &ComputeTarget) -> CandleResult<Tensor> {
        let width = self.words.cols();
        let tokens: usize = texts.iter().map(Vec::len).sum();
        let (mut rows, mut place) = (vec![0.0; tokens * width], vec![0.0; width]);
        let ids = texts.iter().flat_map(|ids| ids.iter().enumerate());
        for (out, (at, id)) in rows.chunks_exact_mut(width).zip(ids) {
            let id = *id as usize;
            if id >= self.words.rows() || at >= self.places.rows() {
                candle_core::bail!("token {id} at place {at} is beyond the model's tables");
            }
            self.words.unpack_row(id, out);
            self.places.unpack_row(at, &mut place);
            out.iter_mut().zip(&place).for_each(|(out, place)| *out += place);
        }
        Tensor::from_vec(rows, (tokens, width), target.device())
    }
}

/// Runs `work` over groups of `items`, each of `tokens` tokens, and joins the rows that it makes. On the CPU the
/// groups are spread over the threads; other devices take as many items as they can.
///
/// # Errors
/// The first error of `work`.
pub fn in_groups<T: Sync>(
    items: &[T],
    tokens: usize,
    target: &ComputeTarget,
    work: impl Fn(&[T]) -> CandleResult<Tensor> + Sync,
) -> CandleResult<Vec<Vec<f32>>> {
    let rows = |group: &[T]| work(group)?.to_dtype(DType::F32)?.to_vec2();
    let most = (TOKENS / tokens.max(1)).max(1);
    let groups = items.len().div_ceil(most).next_multiple_of(rayon::current_num_threads()).max(1);
    let size = items.len().div_ceil(groups);
    Ok(target.groups(items, size, rows)?.into_iter().flatten().collect())
}

/// Unit vectors of `features`.
///
/// # Errors
/// When one has no direction.
pub fn units(features: Vec<Vec<f32>>) -> Result<Vec<Embedding>, TowerError> {
    Ok(features.into_iter().map(Embedding::new).collect::<Result<_, _>>()?)
}
