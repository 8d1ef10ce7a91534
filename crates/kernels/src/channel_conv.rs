//! A convolution of each channel on its own over a whole map with the channels last: any odd window, stride 1 or 2,
//! one or more outputs per channel, zeros on all sides.
//!
//! [`super::Depthwise`] is the step inside a [`super::Block`]; this one stands alone, and any number of channels will
//! do.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::conv::Side;
use super::simd::{Simd, dispatch};
use super::{math, values};

/// Numbers of padded input that one tile may take: 256 KiB.
const TILE: usize = 64 * 1024;
/// Channels are brought to a multiple of the widest vector.
const MULTIPLE: usize = 16;

/// The convolution.
///
/// Where a channel has several outputs, the first outputs of all channels come first, then the second ones: output
/// `p` of `c * multiplier` is what PyTorch calls [`Self::torch_channel`] of `p`.
pub struct ChannelConv {
    size: usize,
    stride: usize,
    channels: usize,
    multiplier: usize,
    /// Channels with those added to fill a vector.
    padded: usize,
    /// `[multiplier, size * size, padded]`
    weights: Vec<f32>,
    /// `[multiplier, padded]`
    bias: Vec<f32>,
    gelu: bool,
}

impl ChannelConv {
    /// `weights` is `[outputs, size * size]` as PyTorch has it, `outputs` a multiple of `channels`. `gelu` follows or
    /// not. `None` where the lengths do not fit, or the window is even.
    pub fn new(weights: &[f32], bias: &[f32], channels: usize, size: usize, stride: usize, gelu: bool) -> Option<Self> {
        let (outputs, area) = (bias.len(), size * size);
        let fits = channels > 0 && outputs > 0 && outputs.is_multiple_of(channels) && weights.len() == outputs * area;
        if !fits || size.is_multiple_of(2) || stride == 0 {
            return None;
        }
        let (multiplier, padded) = (outputs / channels, channels.next_multiple_of(MULTIPLE));
        let mut layer = Self {
            size,
            stride,
            channels,
            multiplier,
            padded,
            weights: vec![0.0; multiplier * area * padded],
            bias: vec![0.0; multiplier * padded],
            gelu,
        };
        for (output, (kernel, bias)) in weights.chunks_exact(area).zip(bias).enumerate() {
            let (channel, m) = (output / multiplier, output % multiplier);
            layer.bias[m * padded + channel] = *bias;
            for (tap, weight) in kernel.iter().enumerate() {
                layer.weights[(m * area + tap) * padded + channel] = *weight;
            }
        }
        Some(layer)
    }

    /// Which of PyTorch's channels comes out at `position`, when `channels` become `outputs`.
    pub fn torch_channel(position: usize, channels: usize, outputs: usize) -> usize {
        position % channels * (outputs / channels) + position / channels
    }

    /// Channels that come out.
    pub fn outputs(&self) -> usize {
        self.channels * self.multiplier
    }

    /// Channels that go in.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// `[height, width, channels]` to `[height / stride, width / stride, outputs]`, rounded up.
    ///
    /// # Errors
    /// When the channels are not the layer's.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.apply_op1_no_bwd(self)
    }

    pub(super) fn side(&self, inputs: usize) -> Side {
        Side::even(inputs, self.size, self.stride)
    }

    /// Rows of output that are worth doing at once, for rows of `width` inputs.
    pub(super) fn tile(&self, width: usize) -> usize {
        let lines = TILE / (self.side(width).padded * self.padded);
        (lines.saturating_sub(self.size - self.stride.min(self.size)) / self.stride).max(1)
    }

    /// The outputs of `rows`. `scratch` is only there to be used again.
    pub(super) fn rows(
        &self,
        x: &[f32],
        (height, width): (usize, usize),
        rows: Range<usize>,
        scratch: &mut Vec<f32>,
        out: &mut [f32],
    ) {
        let (vertical, horizontal) = (self.side(height), self.side(width));
        let line = horizontal.padded * self.padded;
        let lines = (rows.len() - 1) * self.stride + self.size;
        scratch.clear();
        scratch.resize(lines * line, 0.0);
        for (i, padded) in scratch.chunks_exact_mut(line).enumerate() {
            let y = (rows.start * self.stride + i).wrapping_sub(vertical.before);
            if y < height {
                let source = &x[y * width * self.channels..(y + 1) * width * self.channels];
                let inside = &mut padded[horizontal.before * self.padded..];
                for (to, from) in inside.chunks_exact_mut(self.padded).zip(source.chunks_exact(self.channels)) {
                    to[..self.channels].copy_from_slice(from);
                }
            }
        }
        let columns = horizontal.outputs;
        assert!(out.len() == rows.len() * columns * self.outputs());
        assert!((columns - 1) * self.stride + self.size <= horizontal.padded);
        let window =
            Window { layer: self, x: scratch.as_ptr(), line, out: out.as_mut_ptr(), rows: rows.len(), columns };
        let w = &window;
        // SAFETY: dispatch! picks an instruction set that the processor has; the lengths were just checked.
        unsafe {
            match self.size {
                3 => dispatch!(slide3(w: &Window<'_>)),
                7 => dispatch!(slide7(w: &Window<'_>)),
                _ => dispatch!(slide_any(w: &Window<'_>)),
            }
            if self.gelu {
                dispatch!(gelu(out: &mut [f32]));
            }
        }
    }
}

impl CustomOp1 for ChannelConv {
    fn name(&self) -> &'static str {
        "channel_conv"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout, "channel_conv")?;
        let (height, width, channels) = layout.shape().dims3()?;
        if channels != self.channels || height == 0 || width == 0 {
            candle_core::bail!(
                "channel_conv: the input is {:?}, not [height, width, {}]",
                layout.dims(),
                self.channels
            );
        }
        let (rows, line) = (self.side(height).outputs, self.side(width).outputs * self.outputs());
        let (tile, mut scratch, mut out) = (self.tile(width), Vec::new(), vec![0.0; rows * line]);
        for (i, out) in out.chunks_mut(tile * line).enumerate() {
            let first = i * tile;
            self.rows(x, (height, width), first..first + out.len() / line, &mut scratch, out);
        }
        Ok((CpuStorage::F32(out), Shape::from((rows, self.side(width).outputs, self.outputs()))))
    }
}

/// A padded map, and where its outputs go.
struct Window<'a> {
    layer: &'a ChannelConv,
    x: *const f32,
    /// Numbers a row of the map.
    line: usize,
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
unsafe fn slide7<S: Simd>(w: &Window<'_>) {
    // SAFETY: the caller's promise is passed on.
    unsafe { slide::<S>(w, 7) }
}

#[inline(always)]
unsafe fn slide_any<S: Simd>(w: &Window<'_>) {
    // SAFETY: the caller's promise is passed on.
    unsafe { slide::<S>(w, w.layer.size) }
}

#[inline(always)]
unsafe fn slide<S: Simd>(w: &Window<'_>, size: usize) {
    let (stride, padded, outputs) = (w.layer.stride, w.layer.padded, w.layer.outputs());
    for y in 0..w.rows {
        let mut column = 0;
        while column < w.columns {
            let left = w.columns - column;
            // SAFETY: ChannelConv::rows checked the lengths.
            unsafe {
                let x = w.x.add(y * stride * w.line + column * stride * padded);
                let out = w.out.add((y * w.columns + column) * outputs);
                // Eight sums hide the latency of a multiplication.
                column += if left >= 8 {
                    taps::<S, 8>(w, size, x, out)
                } else if left >= 4 {
                    taps::<S, 4>(w, size, x, out)
                } else {
                    taps::<S, 1>(w, size, x, out)
                };
            }
        }
    }
}

/// `N` outputs side by side, all channels; gives `N`.
#[inline(always)]
unsafe fn taps<S: Simd, const N: usize>(w: &Window<'_>, size: usize, x: *const f32, out: *mut f32) -> usize {
    let layer = w.layer;
    let (padded, channels, area) = (layer.padded, layer.channels, size * size);
    let step = layer.stride * padded;
    for m in 0..layer.multiplier {
        for c in (0..channels).step_by(S::LANES) {
            // SAFETY: the caller vouches for the instruction set and for the window; weights and bias are as long as `padded` says.
            unsafe {
                let mut sums = [S::load(layer.bias.as_ptr().add(m * padded + c)); N];
                for ky in 0..size {
                    let line = x.add(ky * w.line + c);
                    let weights = layer.weights.as_ptr().add((m * area + ky * size) * padded + c);
                    for kx in 0..size {
                        let weight = S::load(weights.add(kx * padded));
                        let from = line.add(kx * padded);
                        for i in 0..N {
                            sums[i] = S::mul_add(S::load(from.add(i * step)), weight, sums[i]);
                        }
                    }
                }
                for i in 0..N {
                    let to = out.add(i * layer.outputs() + m * channels + c);
                    if channels - c >= S::LANES {
                        S::store(to, sums[i]);
                    } else {
                        S::store_first(to, sums[i], channels - c);
                    }
                }
            }
        }
    }
    N
}

#[inline(always)]
unsafe fn gelu<S: Simd>(row: &mut [f32]) {
    let (n, p) = (row.len(), row.as_mut_ptr());
    let whole = n - n % S::LANES;
    // SAFETY: all accesses lie within `row`; the caller vouches for the instruction set.
    unsafe {
        for i in (0..whole).step_by(S::LANES) {
            S::store(p.add(i), math::gelu::<S>(S::load(p.add(i))));
        }
        if whole < n {
            S::store_first(p.add(whole), math::gelu::<S>(S::load_first(p.add(whole), n - whole)), n - whole);
        }
    }
}
