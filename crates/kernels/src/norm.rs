//! Layer norm of rows: one goes through the cache once.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::simd::{Simd, dispatch};
use super::{values, written};

/// `(x - mean) / sqrt(variance + eps) * weight + bias` over each row.
pub struct FusedLayerNorm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    eps: f32,
}

impl FusedLayerNorm {
    /// `None` where weight and bias are not equally long.
    pub fn new(weight: Vec<f32>, bias: Vec<f32>, eps: f32) -> Option<Self> {
        (weight.len() == bias.len() && !weight.is_empty()).then_some(Self { weight, bias, eps })
    }

    /// Applies the norm to the last dimension of `x`.
    ///
    /// # Errors
    /// When the last dimension is not the layer's.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.apply_op1_no_bwd(self)
    }
}

impl CustomOp1 for FusedLayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout, "layer_norm")?;
        let width = self.weight.len();
        if layout.dims().last() != Some(&width) {
            candle_core::bail!("layer_norm: the input is {:?}, its rows must be {width} long", layout.dims());
        }
        let norm = self;
        // SAFETY: dispatch! picks an instruction set that the processor has; x is a number of whole rows.
        let out =
            unsafe { written(x.len(), |out| dispatch!(rows_kernel(x: &[f32], out: *mut f32, norm: &FusedLayerNorm))) };
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }
}

#[inline(always)]
unsafe fn rows_kernel<S: Simd>(x: &[f32], out: *mut f32, norm: &FusedLayerNorm) {
    let width = norm.weight.len();
    for (i, x) in x.chunks_exact(width).enumerate() {
        // SAFETY: the caller vouches for the instruction set and the room.
        unsafe { row::<S>(x, out.add(i * width), norm) };
    }
}

#[inline(always)]
unsafe fn row<S: Simd>(x: &[f32], out: *mut f32, norm: &FusedLayerNorm) {
    let n = x.len();
    let whole = n - n % S::LANES;
    // SAFETY: x, out, weight and bias have `n` numbers; the caller vouches for the instruction set.
    unsafe {
        let mut sum = S::splat(0.0);
        for i in (0..whole).step_by(S::LANES) {
            sum = S::add(sum, S::load(x.as_ptr().add(i)));
        }
        let mean = (S::sum(sum) + x[whole..].iter().sum::<f32>()) / n as f32;
        let mut squares = S::splat(0.0);
        for i in (0..whole).step_by(S::LANES) {
            let d = S::sub(S::load(x.as_ptr().add(i)), S::splat(mean));
            squares = S::mul_add(d, d, squares);
        }
        let rest: f32 = x[whole..].iter().map(|x| (x - mean) * (x - mean)).sum();
        let scale = ((S::sum(squares) + rest) / n as f32 + norm.eps).sqrt().recip();
        for i in (0..whole).step_by(S::LANES) {
            let d = S::mul(S::sub(S::load(x.as_ptr().add(i)), S::splat(mean)), S::splat(scale));
            let (weight, bias) = (S::load(norm.weight.as_ptr().add(i)), S::load(norm.bias.as_ptr().add(i)));
            S::store(out.add(i), S::mul_add(d, weight, bias));
        }
        for i in whole..n {
            *out.add(i) = (x[i] - mean) * scale * norm.weight[i] + norm.bias[i];
        }
    }
}
