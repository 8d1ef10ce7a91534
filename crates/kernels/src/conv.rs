//! Convolutions over maps with the channels last: the dense 3x3 at the start of a network, and depthwise ones.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::linear::PackedLinear;
use super::matmul_task::{Activation, relu6};
use super::simd::{Simd, dispatch};
use super::{WeightMatrix, values};

/// Size and position of a convolution's window along one side of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// Outputs.
    pub outputs: usize,
    /// Zeros before the first input.
    pub before: usize,
    /// Inputs and zeros.
    pub padded: usize,
}

impl Side {
    /// For `inputs` positions, a window of `size`, and a stride, padded "same" as TensorFlow does it: stride 2 pads
    /// more after than before.
    pub fn new(inputs: usize, size: usize, stride: usize) -> Self {
        let outputs = inputs.div_ceil(stride);
        let padded = ((outputs - 1) * stride + size).max(inputs);
        Self { outputs, before: (padded - inputs) / 2, padded }
    }

    /// As [`Self::new`], with half a window (less the middle) of zeros at both ends, as PyTorch networks do it.
    pub fn even(inputs: usize, size: usize, stride: usize) -> Self {
        let outputs = inputs.div_ceil(stride);
        let before = size / 2;
        Self { outputs, before, padded: ((outputs - 1) * stride + size).max(inputs + before) }
    }
}

/// The first convolution of a network: 3x3, dense, stride 2.
pub struct Stem {
    layer: PackedLinear,
    channels: usize,
    side: fn(usize, usize, usize) -> Side,
}

impl Stem {
    const SIZE: usize = 3;
    const STRIDE: usize = 2;

    /// `weights` has one row per output: channel by channel, each 3x3.
    pub fn new(weights: &impl WeightMatrix, bias: &[f32], activation: Activation) -> Self {
        let area = Self::SIZE * Self::SIZE;
        let channels = weights.cols() / area;
        let mut plane_first = vec![0.0; weights.cols()];
        let row = |output: usize, row: &mut [f32]| {
            weights.unpack_row(output, &mut plane_first);
            for (i, w) in row.iter_mut().enumerate() {
                *w = plane_first[i % channels * area + i / channels];
            }
        };
        let layer = PackedLinear::from_rows(weights.rows(), weights.cols(), row, bias, activation);
        Self { layer, channels, side: Side::new }
    }

    /// The same layer, padded by [`Side::even`].
    #[must_use]
    pub fn even(self) -> Self {
        Self { side: Side::even, ..self }
    }

    /// `[height, width, channels]` to a map of half the size.
    ///
    /// # Errors
    /// When the channels are not the layer's.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.apply_op1_no_bwd(self)
    }

    /// Copies the window of every output of row `y` into one row of `patches`.
    fn gather(&self, x: &[f32], (height, width): (usize, usize), y: usize, patches: &mut [f32]) {
        let side = |inputs| (self.side)(inputs, Self::SIZE, Self::STRIDE);
        let (rows, columns) = (side(height), side(width));
        let line = Self::SIZE * self.channels;
        for (ox, patch) in patches.chunks_exact_mut(Self::SIZE * line).enumerate() {
            let left = (ox * Self::STRIDE) as isize - columns.before as isize;
            let (from, to) = (left.max(0) as usize, (left + Self::SIZE as isize).min(width as isize) as usize);
            let skip = (from as isize - left) as usize * self.channels;
            for (ky, out) in patch.chunks_exact_mut(line).enumerate() {
                out.fill(0.0);
                let iy = (y * Self::STRIDE + ky).wrapping_sub(rows.before);
                if iy < height && from < to {
                    let source = &x[(iy * width + from) * self.channels..(iy * width + to) * self.channels];
                    out[skip..skip + source.len()].copy_from_slice(source);
                }
            }
        }
    }
}

impl CustomOp1 for Stem {
    fn name(&self) -> &'static str {
        "stem"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout, "stem")?;
        let (height, width, channels) = layout.shape().dims3()?;
        if channels != self.channels || height == 0 || width == 0 {
            candle_core::bail!("stem: the input is {:?}, not [height, width, {}]", layout.dims(), self.channels);
        }
        let outputs = |inputs| (self.side)(inputs, Self::SIZE, Self::STRIDE).outputs;
        let shape = Shape::from((outputs(height), outputs(width), self.layer.outputs()));
        let mut patches = vec![0.0; outputs(width) * self.layer.inputs()];
        let mut out = vec![0.0; shape.elem_count()];
        for (y, out) in out.chunks_exact_mut(outputs(width) * self.layer.outputs()).enumerate() {
            self.gather(x, (height, width), y, &mut patches);
            self.layer.apply(&patches, None, out);
        }
        Ok((CpuStorage::F32(out), shape))
    }
}

/// A depthwise convolution: every channel on its own, with ReLU6.
pub struct Depthwise {
    /// Side of the window.
    pub size: usize,
    /// Step of the window.
    pub stride: usize,
    channels: usize,
    /// `[size * size, channels]`
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Depthwise {
    /// Channels must come in multiples of the widest vector.
    pub const MULTIPLE: usize = 16;

    /// `weights` has one row per channel. `None` where the channels are not a multiple of [`Self::MULTIPLE`].
    pub fn new(weights: &impl WeightMatrix, bias: &[f32], size: usize, stride: usize) -> Option<Self> {
        let (channels, area) = (weights.rows(), size * size);
        if channels % Self::MULTIPLE != 0 || weights.cols() != area || bias.len() != channels {
            return None;
        }
        let by_channel = weights.unpack();
        let by_tap = (0..area * channels).map(|i| by_channel[i % channels * area + i / channels]).collect();
        Some(Self { size, stride, channels, weights: by_tap, bias: bias.to_vec() })
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// `rows` rows of `columns` outputs, from a map that is padded already and whose rows are `x_width` wide.
    pub(super) fn apply(&self, x: &[f32], x_width: usize, out: &mut [f32], rows: usize, columns: usize) {
        let reach = |n: usize| (n - 1) * self.stride + self.size;
        assert!(rows > 0 && columns > 0 && reach(columns) <= x_width);
        assert!(x.len() >= reach(rows) * x_width * self.channels && out.len() >= rows * columns * self.channels);
        let window = Window { layer: self, x: x.as_ptr(), x_width, out: out.as_mut_ptr(), rows, columns };
        let w = &window;
        // SAFETY: dispatch! picks an instruction set that the processor has; the lengths were just checked.
        unsafe {
            match self.size {
                3 => dispatch!(slide3(w: &Window<'_>)),
                5 => dispatch!(slide5(w: &Window<'_>)),
                _ => dispatch!(slide_any(w: &Window<'_>)),
            }
        }
    }
}

struct Window<'a> {
    layer: &'a Depthwise,
    x: *const f32,
    x_width: usize,
    out: *mut f32,
    rows: usize,
    columns: usize,
}

#[inline(always)]
unsafe fn slide3<S: Simd>(w: &Window<'_>) {
    // SAFETY: the caller's promise is passed on.
    unsafe { slide::<S>(w, 3) }
}

#[inline(always)]
unsafe fn slide5<S: Simd>(w: &Window<'_>) {
    // SAFETY: the caller's promise is passed on.
    unsafe { slide::<S>(w, 5) }
}

#[inline(always)]
unsafe fn slide_any<S: Simd>(w: &Window<'_>) {
    // SAFETY: the caller's promise is passed on.
    unsafe { slide::<S>(w, w.layer.size) }
}

#[inline(always)]
unsafe fn slide<S: Simd>(w: &Window<'_>, size: usize) {
    let channels = w.layer.channels;
    for y in 0..w.rows {
        let mut column = 0;
        while column < w.columns {
            let left = w.columns - column;
            // SAFETY: Depthwise::apply checked the lengths.
            unsafe {
                let x = w.x.add((y * w.x_width + column) * w.layer.stride * channels);
                let out = w.out.add((y * w.columns + column) * channels);
                if left >= 4 {
                    taps::<S, 4>(w, size, x, out);
                    column += 4;
                } else {
                    taps::<S, 1>(w, size, x, out);
                    column += 1;
                }
            }
        }
    }
}

/// `N` outputs side by side, all channels.
#[inline(always)]
unsafe fn taps<S: Simd, const N: usize>(w: &Window<'_>, size: usize, x: *const f32, out: *mut f32) {
    let (layer, channels) = (w.layer, w.layer.channels);
    let step = layer.stride * channels;
    let mut c = 0;
    while c < channels {
        // SAFETY: the caller vouches for the instruction set and for the window; channels are a multiple of the lanes.
        unsafe {
            let mut sums = [S::load(layer.bias.as_ptr().add(c)); N];
            for ky in 0..size {
                let line = x.add(ky * w.x_width * channels + c);
                let weights = layer.weights.as_ptr().add(ky * size * channels + c);
                for kx in 0..size {
                    let weight = S::load(weights.add(kx * channels));
                    let from = line.add(kx * channels);
                    for i in 0..N {
                        sums[i] = S::mul_add(S::load(from.add(i * step)), weight, sums[i]);
                    }
                }
            }
            for i in 0..N {
                S::store(out.add(i * channels + c), relu6::<S>(sums[i]));
            }
        }
        c += S::LANES;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_that_of_tensorflow() {
        assert_eq!(Side::new(260, 3, 2), Side { outputs: 130, before: 0, padded: 261 });
        assert_eq!(Side::new(65, 5, 2), Side { outputs: 33, before: 2, padded: 69 });
        assert_eq!(Side::new(9, 5, 1), Side { outputs: 9, before: 2, padded: 13 });
    }

    #[test]
    fn even_padding_is_that_of_pytorch() {
        // outputs = floor((inputs + 2 * (size / 2) - size) / stride) + 1
        assert_eq!(Side::even(256, 3, 2), Side { outputs: 128, before: 1, padded: 257 });
        assert_eq!(Side::even(15, 7, 2), Side { outputs: 8, before: 3, padded: 21 });
        assert_eq!(Side::even(8, 7, 1), Side { outputs: 8, before: 3, padded: 14 });
    }
}
