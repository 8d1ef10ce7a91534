//! Squeeze and excite: each channel of a map is weighed by what all channels are on average; GELU follows.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::linear::PackedLinear;
use super::simd::{Simd, dispatch};
use super::{math, values};

/// `gelu(x * sigmoid(wide(relu(narrow(mean(x))))))`, the mean being that over the map.
pub struct SqueezeExcite {
    narrow: PackedLinear,
    wide: PackedLinear,
}

impl SqueezeExcite {
    /// `None` where the layers do not fit one another.
    pub fn new(narrow: PackedLinear, wide: PackedLinear) -> Option<Self> {
        let fits = narrow.inputs() == wide.outputs() && narrow.outputs() == wide.inputs();
        fits.then_some(Self { narrow, wide })
    }

    /// `[height, width, channels]` to the same.
    ///
    /// # Errors
    /// When the channels are not the layer's.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.apply_op1_no_bwd(self)
    }

    /// The factor of each channel.
    fn factors(&self, x: &[f32]) -> Vec<f32> {
        let channels = self.wide.outputs();
        let mut mean = vec![0.0; channels];
        for pixel in x.chunks_exact(channels) {
            for (sum, value) in mean.iter_mut().zip(pixel) {
                *sum += value;
            }
        }
        let pixels = (x.len() / channels) as f32;
        mean.iter_mut().for_each(|sum| *sum /= pixels);
        let mut hidden = vec![0.0; self.narrow.outputs()];
        self.narrow.apply(&mean, None, &mut hidden);
        hidden.iter_mut().for_each(|v| *v = v.max(0.0));
        self.wide.apply(&hidden, None, &mut mean);
        mean.iter_mut().for_each(|v| *v = 1.0 / (1.0 + (-*v).exp()));
        mean
    }
}

impl CustomOp1 for SqueezeExcite {
    fn name(&self) -> &'static str {
        "squeeze"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout, "squeeze")?;
        let channels = self.wide.outputs();
        if x.is_empty() || layout.dims().last() != Some(&channels) {
            candle_core::bail!("squeeze: the input is {:?}, not [height, width, {channels}]", layout.dims());
        }
        let factors = self.factors(x);
        let mut out = vec![0.0; x.len()];
        for (x, out) in x.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
            let factors = &factors[..];
            // SAFETY: dispatch! picks an instruction set that the processor has; all three are `channels` long.
            unsafe { dispatch!(weigh(x: &[f32], factors: &[f32], out: &mut [f32])) };
        }
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }
}

/// # Safety
/// All slices are equally long.
#[inline(always)]
unsafe fn weigh<S: Simd>(x: &[f32], factors: &[f32], out: &mut [f32]) {
    let (n, x, factors, out) = (x.len(), x.as_ptr(), factors.as_ptr(), out.as_mut_ptr());
    let whole = n - n % S::LANES;
    // SAFETY: the caller vouches for the instruction set and for `n` numbers behind each pointer.
    unsafe {
        for i in (0..whole).step_by(S::LANES) {
            S::store(out.add(i), math::gelu::<S>(S::mul(S::load(x.add(i)), S::load(factors.add(i)))));
        }
        if whole < n {
            let left = n - whole;
            let v = S::mul(S::load_first(x.add(whole), left), S::load_first(factors.add(whole), left));
            S::store_first(out.add(whole), math::gelu::<S>(v), left);
        }
    }
}
