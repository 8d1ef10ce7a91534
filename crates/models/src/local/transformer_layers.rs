//! The layers that towers are made of. On the CPU they run as the kernels of this program, on any other device as
//! candle's own tensor operations; the results are the same up to rounding. Of those operations only the products of
//! matrices are done in the device's precision: a dense layer takes f32 or its own numbers and gives its own, everything
//! that is added up along the way, norms and softmax are f32.
//!
//! All layers take the tokens of several pictures or texts as one matrix, without padding; attention is told where
//! each begins and ends. So a vector does not depend on what it was computed together with.

use std::ops::Range;

use candle_core::{DType, Device, Result as CandleResult, Tensor};
use candle_nn::ops::softmax_last_dim;

use super::compute_target::ComputeTarget;
use super::weights::{Matrix, Weights};
use crate::TowerError;
use vicinity_kernels as kernels;

pub use vicinity_kernels::{Activation, Attention, Pool};

/// A dense layer, `activation(x Wᵀ + b)`.
pub struct Linear(Dense);

/// The numbers of a dense layer, or of a convolution with one row of its window's weights an output.
pub(super) struct Values {
    pub matrix: Matrix,
    pub bias: Vec<f32>,
    pub activation: Activation,
}

enum Dense {
    Packed(kernels::PackedLinear),
    Plain {
        /// `[inputs, outputs]`.
        weight: Tensor,
        bias: Option<Tensor>,
        activation: Activation,
    },
}

impl Linear {
    /// From `NAME.weight`, `[outputs, inputs]`, and `NAME.bias` where it has one.
    ///
    /// # Errors
    /// When a tensor is missing, of another shape, or holds a number that is not finite.
    pub fn load(
        weights: &Weights<'_>,
        name: &str,
        outputs: usize,
        inputs: usize,
        bias: bool,
        activation: Activation,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let matrix = weights.matrix(&format!("{name}.weight"), outputs, inputs)?;
        let bias = bias.then(|| weights.vector(&format!("{name}.bias"), outputs)).transpose()?;
        Ok(Self::new(&[(&matrix, 0..outputs)], bias, activation, target)?)
    }

    /// One layer in place of several with the same input, `outputs` each: their outputs one after another.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn joined(
        weights: &Weights<'_>,
        names: &[String],
        outputs: usize,
        inputs: usize,
        bias: bool,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let (mut matrices, mut biases) = (Vec::new(), Vec::new());
        for name in names {
            matrices.push(weights.matrix(&format!("{name}.weight"), outputs, inputs)?);
            if bias {
                biases.extend(weights.vector(&format!("{name}.bias"), outputs)?);
            }
        }
        let parts: Vec<_> = matrices.iter().map(|matrix| (matrix, 0..outputs)).collect();
        Ok(Self::new(&parts, bias.then_some(biases), Activation::None, target)?)
    }

    /// The outputs `rows` of a layer of `all` outputs, whose tensors are called `weight` and `bias`.
    ///
    /// # Errors
    /// As for [`Self::load`]; when the rows are not inside.
    pub fn rows(
        weights: &Weights<'_>,
        (weight, bias): (&str, Option<&str>),
        all: usize,
        rows: Range<usize>,
        inputs: usize,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let matrix = weights.matrix(weight, all, inputs)?;
        let bias = bias.map(|bias| weights.vector(bias, all)).transpose()?;
        let bias = bias.map(|b| b.get(rows.clone()).map(<[f32]>::to_vec).unwrap_or_default());
        Ok(Self::new(&[(&matrix, rows)], bias, Activation::None, target)?)
    }

    /// Of numbers that are at hand.
    ///
    /// # Errors
    /// When the device does not take them.
    pub(super) fn of(dense: &Values, target: &ComputeTarget) -> CandleResult<Self> {
        let parts = [(&dense.matrix, 0..dense.matrix.rows())];
        Self::new(&parts, Some(dense.bias.clone()), dense.activation, target)
    }

    /// `x W`, where the tensor `weight` is `[inputs, outputs]`. No bias.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn transposed(
        weights: &Weights<'_>,
        weight: &str,
        inputs: usize,
        outputs: usize,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let matrix = weights.matrix(weight, inputs, outputs)?;
        if target.is_fused() {
            return Ok(Self(Dense::Packed(kernels::PackedLinear::transposed(&matrix).in_dtype(target.dtype()))));
        }
        let weight = Tensor::from_vec(matrix.unpack(), (inputs, outputs), target.device())?.to_dtype(target.dtype())?;
        Ok(Self(Dense::Plain { weight, bias: None, activation: Activation::None }))
    }

    /// From rows of matrices with as many columns.
    fn new(
        parts: &[(&Matrix, Range<usize>)],
        bias: Option<Vec<f32>>,
        activation: Activation,
        target: &ComputeTarget,
    ) -> CandleResult<Self> {
        if parts.iter().any(|(matrix, rows)| rows.end > matrix.rows()) {
            candle_core::bail!("a layer of more outputs than there are");
        }
        let outputs: usize = parts.iter().map(|(_, rows)| rows.len()).sum();
        let inputs = parts.first().map_or(0, |(matrix, _)| matrix.cols());
        let row = |mut output: usize, to: &mut [f32]| {
            for (matrix, rows) in parts {
                if output < rows.len() {
                    return matrix.unpack_row(rows.start + output, to);
                }
                output -= rows.len();
            }
        };
        if target.is_fused() {
            let bias = bias.unwrap_or_default();
            let layer = kernels::PackedLinear::from_rows(outputs, inputs, row, &bias, activation);
            return Ok(Self(Dense::Packed(layer.in_dtype(target.dtype()))));
        }
        Self::plain(outputs, inputs, row, bias, activation, target)
    }

    fn plain(
        outputs: usize,
        inputs: usize,
        row: impl Fn(usize, &mut [f32]),
        bias: Option<Vec<f32>>,
        activation: Activation,
        target: &ComputeTarget,
    ) -> CandleResult<Self> {
        let mut values = vec![0.0; outputs * inputs];
        for (output, to) in values.chunks_exact_mut(inputs).enumerate() {
            row(output, to);
        }
        let (device, dtype) = (target.device(), target.dtype());
        let weight = Tensor::from_vec(values, (outputs, inputs), device)?.to_dtype(dtype)?.t()?.contiguous()?;
        let bias = bias.map(|bias| Tensor::from_vec(bias, outputs, device)?.to_dtype(dtype)).transpose()?;
        Ok(Self(Dense::Plain { weight, bias, activation }))
    }

    /// Applies the layer to the last dimension of `x`.
    ///
    /// # Errors
    /// When the last dimension is not the layer's.
    pub fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        match &self.0 {
            Dense::Packed(layer) => layer.forward(x),
            Dense::Plain { weight, bias, activation } => {
                let mut dims = x.dims().to_vec();
                if let Some(last) = dims.last_mut() {
                    *last = weight.dim(1)?;
                }
                // Two dimensions: candle's product of three is wrong where the left side is not contiguous.
                let x = x.to_dtype(weight.dtype())?.contiguous()?;
                let y = x.reshape(((), weight.dim(0)?))?.matmul(weight)?;
                let y = bias.as_ref().map_or(Ok(y.clone()), |bias| y.broadcast_add(bias))?;
                activate(&y, *activation)?.reshape(dims)
            }
        }
    }

    /// As [`Self::forward`], then adds `residual`.
    ///
    /// # Errors
    /// When a dimension is not the layer's.
    pub fn forward_add(&self, x: &Tensor, residual: &Tensor) -> CandleResult<Tensor> {
        match &self.0 {
            Dense::Packed(layer) => layer.forward_add(x, residual),
            Dense::Plain { .. } => self.forward(x)?.to_dtype(residual.dtype())? + residual,
        }
    }

    /// As [`Self::forward`], then multiplies by `factor`, number by number.
    ///
    /// # Errors
    /// When a dimension is not the layer's.
    pub fn forward_mul(&self, x: &Tensor, factor: &Tensor) -> CandleResult<Tensor> {
        match &self.0 {
            Dense::Packed(layer) => layer.forward_mul(x, factor),
            Dense::Plain { .. } => self.forward(x)? * factor,
        }
    }
}

pub(super) fn activate(x: &Tensor, activation: Activation) -> CandleResult<Tensor> {
    match activation {
        Activation::None => Ok(x.clone()),
        Activation::Relu6 => x.clamp(0_f32, 6_f32),
        Activation::Gelu => x.gelu_erf(),
        Activation::GeluTanh => x.gelu(),
        Activation::QuickGelu => x * candle_nn::ops::sigmoid(&(x * 1.702)?)?,
        Activation::Silu => x.silu(),
    }
}

/// Layer norm over the last dimension.
pub struct LayerNorm(Norm);

enum Norm {
    Fused(kernels::FusedLayerNorm),
    Plain { weight: Tensor, bias: Tensor, eps: f32 },
}

impl LayerNorm {
    /// From `NAME.weight` and `NAME.bias`.
    ///
    /// # Errors
    /// When one is missing, of another size, or holds a number that is not finite.
    pub fn load(
        weights: &Weights<'_>,
        name: &str,
        width: usize,
        eps: f64,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let weight = weights.vector(&format!("{name}.weight"), width)?;
        let bias = weights.vector(&format!("{name}.bias"), width)?;
        Ok(Self::new(weight, bias, eps as f32, target)?)
    }

    fn new(weight: Vec<f32>, bias: Vec<f32>, eps: f32, target: &ComputeTarget) -> CandleResult<Self> {
        let width = weight.len();
        if target.is_fused() {
            let norm = kernels::FusedLayerNorm::new(weight, bias, eps);
            return norm.map(|n| Self(Norm::Fused(n))).ok_or_else(|| candle_core::Error::msg("an empty layer norm"));
        }
        let tensor = |values| Tensor::from_vec(values, width, target.device());
        Ok(Self(Norm::Plain { weight: tensor(weight)?, bias: tensor(bias)?, eps }))
    }

    /// Applies the norm to the last dimension of `x`.
    ///
    /// # Errors
    /// When the last dimension is not the layer's.
    pub fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        match &self.0 {
            Norm::Fused(norm) => norm.forward(x),
            Norm::Plain { weight, bias, eps } => {
                candle_nn::ops::layer_norm(&x.to_dtype(DType::F32)?.contiguous()?, weight, bias, *eps)
            }
        }
    }
}

/// Self-attention, `[tokens, 3 * width]` to `[tokens, width]`.
///
/// # Errors
/// When the shape does not fit the heads or the lengths.
pub fn attend(target: &ComputeTarget, attention: &Attention<'_>, qkv: &Tensor) -> CandleResult<Tensor> {
    if target.is_fused() {
        return attention.forward(qkv);
    }
    let width = attention.width(qkv.dims2()?)?;
    let Attention { heads, lengths, causal, seen } = *attention;
    let (count, longest) = (lengths.len(), lengths.iter().copied().max().unwrap_or_default());
    if lengths.iter().all(|len| *len == longest) {
        let mask = mask(count, longest, causal, seen, qkv.device())?;
        return attend_equal(qkv, (count, longest, heads, width), mask.as_ref());
    }
    // Padded to one length: rows that stand for nothing repeat the first one, and no token sees them.
    let (filled, kept) = filled(lengths, longest);
    let mask = mask(count, longest, causal, Some(seen.unwrap_or(lengths)), qkv.device())?;
    let even = qkv.index_select(&Tensor::new(filled, qkv.device())?, 0)?;
    let attended = attend_equal(&even, (count, longest, heads, width), mask.as_ref())?;
    attended.index_select(&Tensor::new(kept, qkv.device())?, 0)
}

/// For consecutive sequences: which row stands at each place once all are padded to `longest`, and at which
/// places the rows are then.
fn filled(lengths: &[usize], longest: usize) -> (Vec<u32>, Vec<u32>) {
    let (mut rows, mut places, mut first) = (Vec::new(), Vec::new(), 0);
    for (sequence, len) in lengths.iter().enumerate() {
        rows.extend((0..longest).map(|i| if i < *len { (first + i) as u32 } else { 0 }));
        places.extend((0..*len).map(|i| (sequence * longest + i) as u32));
        first += len;
    }
    (rows, places)
}

/// Sequences of one length.
fn attend_equal(
    qkv: &Tensor,
    (count, len, heads, width): (usize, usize, usize, usize),
    mask: Option<&Tensor>,
) -> CandleResult<Tensor> {
    let size = width / heads;
    let parts = qkv.reshape((count, len, 3, heads, size))?.permute((2, 0, 3, 1, 4))?.contiguous()?;
    let (q, k, v) = (parts.get(0)?, parts.get(1)?, parts.get(2)?);
    let shares = shares(&q, &k, mask)?;
    shares.matmul(&v)?.transpose(1, 2)?.reshape((count * len, width))
}

/// What each query takes of each key's value, in the numbers of both.
fn shares(q: &Tensor, k: &Tensor, mask: Option<&Tensor>) -> CandleResult<Tensor> {
    // Scaled before the product, which f16 could not hold otherwise.
    let q = (q * f64::from((q.dim(candle_core::D::Minus1)? as f32).sqrt().recip()))?;
    let scores = q.matmul(&k.t()?.contiguous()?)?.to_dtype(DType::F32)?;
    let scores = mask.map_or(Ok(scores.clone()), |mask| scores.broadcast_add(mask))?;
    softmax_last_dim(&scores)?.to_dtype(q.dtype())
}

/// What is added to the scores, `[count, 1, len, len]`: minus infinity where a token is not seen.
fn mask(
    count: usize,
    len: usize,
    causal: bool,
    seen: Option<&[usize]>,
    device: &Device,
) -> CandleResult<Option<Tensor>> {
    if !causal && seen.is_none_or(|seen| seen.iter().all(|s| *s == len)) {
        return Ok(None);
    }
    let hidden = |i: usize, q: usize, k: usize| {
        causal && k > q || seen.is_some_and(|seen| seen.get(i).is_some_and(|seen| k >= *seen))
    };
    let at = |n: usize| if hidden(n / (len * len), n / len % len, n % len) { f32::NEG_INFINITY } else { 0.0 };
    Tensor::from_vec((0..count * len * len).map(at).collect(), (count, 1, len, len), device).map(Some)
}

/// Attention with one query: `query` is `[width]`, `keys_values` `[tokens, 2 * width]`; gives `[sequences, width]`.
///
/// # Errors
/// When the shapes do not fit.
pub fn pool(target: &ComputeTarget, pool: &Pool<'_>, query: &Tensor, keys_values: &Tensor) -> CandleResult<Tensor> {
    if target.is_fused() {
        return pool.forward(query, keys_values);
    }
    let width = pool.width(query.dims(), keys_values.dims())?;
    let size = width / pool.heads;
    let query = query.reshape((pool.heads, 1, size))?;
    let equal = pool.lengths.windows(2).all(|pair| pair[0] == pair[1]);
    if let (true, Some(&len)) = (equal, pool.lengths.first()) {
        let count = pool.lengths.len();
        let parts = keys_values.reshape((count, len, 2, pool.heads, size))?.permute((2, 0, 3, 1, 4))?.contiguous()?;
        let query = query.unsqueeze(0)?.repeat((count, 1, 1, 1))?;
        return shares(&query, &parts.get(0)?, None)?.matmul(&parts.get(1)?)?.reshape((count, width));
    }
    let mut first = 0;
    let parts = pool.lengths.iter().map(|len| {
        let part = keys_values.narrow(0, first, *len)?.reshape((*len, 2, pool.heads, size))?;
        first += len;
        let part = part.permute((1, 2, 0, 3))?.contiguous()?;
        shares(&query, &part.get(0)?, None)?.matmul(&part.get(1)?)?.reshape((1, width))
    });
    Tensor::cat(&parts.collect::<CandleResult<Vec<_>>>()?, 0)
}
