//! The layers that towers are made of. On the CPU they run as the kernels of this program, on any other device as
//! candle's own tensor operations; the results are the same up to rounding.
//!
//! All layers take the tokens of several pictures or texts as one matrix, without padding; attention is told where
//! each begins and ends. So a vector does not depend on what it was computed together with.

use std::ops::Range;

use candle_core::{Device, Result as CandleResult, Tensor};
use candle_nn::ops::softmax_last_dim;

use super::TowerError;
use super::kernels;
use super::weights::{Matrix, Weights};

pub use super::kernels::{Activation, Attention, Pool};

/// A dense layer, `activation(x Wᵀ + b)`.
pub struct Linear(Dense);

enum Dense {
    Packed(kernels::Linear),
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
        device: &Device,
    ) -> Result<Self, TowerError> {
        let matrix = weights.matrix(&format!("{name}.weight"), outputs, inputs)?;
        let bias = bias.then(|| weights.vector(&format!("{name}.bias"), outputs)).transpose()?;
        Ok(Self::new(&[(&matrix, 0..outputs)], bias, activation, device)?)
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
        device: &Device,
    ) -> Result<Self, TowerError> {
        let (mut matrices, mut biases) = (Vec::new(), Vec::new());
        for name in names {
            matrices.push(weights.matrix(&format!("{name}.weight"), outputs, inputs)?);
            if bias {
                biases.extend(weights.vector(&format!("{name}.bias"), outputs)?);
            }
        }
        let parts: Vec<_> = matrices.iter().map(|matrix| (matrix, 0..outputs)).collect();
        Ok(Self::new(&parts, bias.then_some(biases), Activation::None, device)?)
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
        device: &Device,
    ) -> Result<Self, TowerError> {
        let matrix = weights.matrix(weight, all, inputs)?;
        let bias = bias.map(|bias| weights.vector(bias, all)).transpose()?;
        let bias = bias.map(|b| b.get(rows.clone()).map(<[f32]>::to_vec).unwrap_or_default());
        Ok(Self::new(&[(&matrix, rows)], bias, Activation::None, device)?)
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
        device: &Device,
    ) -> Result<Self, TowerError> {
        let matrix = weights.matrix(weight, inputs, outputs)?;
        if device.is_cpu() {
            return Ok(Self(Dense::Packed(kernels::Linear::transposed(&matrix))));
        }
        let weight = Tensor::from_vec(matrix.unpack(), (inputs, outputs), device)?;
        Ok(Self(Dense::Plain { weight, bias: None, activation: Activation::None }))
    }

    /// From rows of matrices with as many columns.
    fn new(
        parts: &[(&Matrix, Range<usize>)],
        bias: Option<Vec<f32>>,
        activation: Activation,
        device: &Device,
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
        if device.is_cpu() {
            let bias = bias.unwrap_or_default();
            return Ok(Self(Dense::Packed(kernels::Linear::from_rows(outputs, inputs, row, &bias, activation))));
        }
        Self::plain(outputs, inputs, row, bias, activation, device)
    }

    fn plain(
        outputs: usize,
        inputs: usize,
        row: impl Fn(usize, &mut [f32]),
        bias: Option<Vec<f32>>,
        activation: Activation,
        device: &Device,
    ) -> CandleResult<Self> {
        let mut values = vec![0.0; outputs * inputs];
        for (output, to) in values.chunks_exact_mut(inputs).enumerate() {
            row(output, to);
        }
        let weight = Tensor::from_vec(values, (outputs, inputs), device)?.t()?.contiguous()?;
        let bias = bias.map(|bias| Tensor::from_vec(bias, outputs, device)).transpose()?;
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
                let y = x.contiguous()?.reshape(((), weight.dim(0)?))?.matmul(weight)?;
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
            Dense::Plain { .. } => self.forward(x)? + residual,
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

fn activate(x: &Tensor, activation: Activation) -> CandleResult<Tensor> {
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
    Fused(kernels::LayerNorm),
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
        device: &Device,
    ) -> Result<Self, TowerError> {
        let weight = weights.vector(&format!("{name}.weight"), width)?;
        let bias = weights.vector(&format!("{name}.bias"), width)?;
        Ok(Self::new(weight, bias, eps as f32, device.is_cpu(), device)?)
    }

    fn new(weight: Vec<f32>, bias: Vec<f32>, eps: f32, fused: bool, device: &Device) -> CandleResult<Self> {
        let width = weight.len();
        if fused {
            let norm = kernels::LayerNorm::new(weight, bias, eps);
            return norm.map(|n| Self(Norm::Fused(n))).ok_or_else(|| candle_core::Error::msg("an empty layer norm"));
        }
        let tensor = |values| Tensor::from_vec(values, width, device);
        Ok(Self(Norm::Plain { weight: tensor(weight)?, bias: tensor(bias)?, eps }))
    }

    /// Applies the norm to the last dimension of `x`.
    ///
    /// # Errors
    /// When the last dimension is not the layer's.
    pub fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        match &self.0 {
            Norm::Fused(norm) => norm.forward(x),
            Norm::Plain { weight, bias, eps } => candle_nn::ops::layer_norm(&x.contiguous()?, weight, bias, *eps),
        }
    }
}

/// Self-attention, `[tokens, 3 * width]` to `[tokens, width]`.
///
/// # Errors
/// When the shape does not fit the heads or the lengths.
pub fn attend(attention: &Attention<'_>, qkv: &Tensor) -> CandleResult<Tensor> {
    if qkv.device().is_cpu() {
        return attention.forward(qkv);
    }
    let width = attention.width(qkv.dims2()?)?;
    let Attention { heads, lengths, causal, seen } = *attention;
    let seen_of = |range: Range<usize>| seen.and_then(|seen| seen.get(range));
    let equal = lengths.windows(2).all(|pair| pair[0] == pair[1]);
    if let (true, Some(&len)) = (equal, lengths.first()) {
        let mask = mask(lengths.len(), len, causal, seen_of(0..lengths.len()), qkv.device())?;
        return attend_equal(qkv, (lengths.len(), len, heads, width), mask.as_ref());
    }
    let mut first = 0;
    let parts = lengths.iter().enumerate().map(|(i, len)| {
        let part = qkv.narrow(0, first, *len)?;
        first += len;
        let mask = mask(1, *len, causal, seen_of(i..i + 1), qkv.device())?;
        attend_equal(&part, (1, *len, heads, width), mask.as_ref())
    });
    Tensor::cat(&parts.collect::<CandleResult<Vec<_>>>()?, 0)
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
    let scores = (q.matmul(&k.t()?.contiguous()?)? * f64::from((size as f32).sqrt().recip()))?;
    let scores = mask.map_or(Ok(scores.clone()), |mask| scores.broadcast_add(mask))?;
    softmax_last_dim(&scores)?.matmul(&v)?.transpose(1, 2)?.reshape((count * len, width))
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
pub fn pool(pool: &Pool<'_>, query: &Tensor, keys_values: &Tensor) -> CandleResult<Tensor> {
    if query.device().is_cpu() {
        return pool.forward(query, keys_values);
    }
    let width = pool.width(query.dims(), keys_values.dims())?;
    let size = width / pool.heads;
    let query = query.reshape((pool.heads, 1, size))?;
    let mut first = 0;
    let parts = pool.lengths.iter().map(|len| {
        let part = keys_values.narrow(0, first, *len)?.reshape((*len, 2, pool.heads, size))?;
        first += len;
        let part = part.permute((1, 2, 0, 3))?.contiguous()?;
        let (k, v) = (part.get(0)?, part.get(1)?);
        let scores = (query.matmul(&k.t()?.contiguous()?)? * f64::from((size as f32).sqrt().recip()))?;
        softmax_last_dim(&scores)?.matmul(&v)?.reshape((1, width))
    });
    Tensor::cat(&parts.collect::<CandleResult<Vec<_>>>()?, 0)
}
