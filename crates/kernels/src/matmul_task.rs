//! A matrix product as the kernels share it: its factors, where the result goes, and what follows the sums.

use ::half::bf16;

use super::math;
use super::simd::Simd;

/// What follows a dense layer or a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// Clamp to 0..=6.
    Relu6,
    /// The exact GELU.
    Gelu,
    /// GELU by tanh, `gelu_pytorch_tanh`.
    GeluTanh,
    /// `x * sigmoid(1.702 x)`.
    QuickGelu,
    /// `x * sigmoid(x)`.
    Silu,
}

impl Activation {
    /// Cheap enough to be written out for every register of a tile.
    pub(super) fn is_cheap(self) -> bool {
        matches!(self, Self::None | Self::Relu6)
    }
}

/// What joins the output of a dense layer with another tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// Their sum.
    Sum,
    /// Their product.
    Product,
}

/// The same, or the panels from some column on.
#[derive(Clone, Copy)]
pub(super) enum Panels<'a> {
    /// From `matmul::pack` or `matmul::pack_columns`.
    Single(&'a [f32]),
    /// From `bf16_matmul::pack`.
    Half(&'a [bf16]),
}

/// Where the rows of a product go, counted in numbers.
pub(super) enum Place<'a> {
    /// At equal distances.
    Stride(usize),
    /// Each to its own place.
    Table(&'a [usize]),
}

impl Place<'_> {
    #[inline(always)]
    pub(super) fn of(&self, row: usize) -> usize {
        match self {
            Place::Stride(stride) => row * stride,
            Place::Table(places) => places[row],
        }
    }
}

/// A matrix product and what follows it.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    /// First row.
    pub x: *const f32,
    /// Distance of its rows.
    pub x_stride: usize,
    /// Number of its rows.
    pub rows: usize,
    /// Length of its rows.
    pub inputs: usize,
    /// Length of the rows of the product.
    pub outputs: usize,
    /// The other factor.
    pub panels: Panels<'a>,
    /// As long as the panels are wide.
    pub bias: Option<&'a [f32]>,
    /// Applied after the bias.
    pub activation: Activation,
    /// Joined last, laid out like the product; may be null.
    pub residual: *const f32,
    /// How.
    pub join: Join,
    /// The product.
    pub out: *mut f32,
    /// Where its rows go.
    pub place: &'a Place<'a>,
}

// SAFETY: threads that share a task only read through it, but for the columns that are theirs alone.
unsafe impl Sync for Task<'_> {}

/// Completes and stores the plain `sums` of some rows, `stride` apart, from `column` on.
///
/// # Safety
/// As for `Task::run`; the sums must reach as far as the panel or the outputs do.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn finish_block<S: Simd>(
    t: &Task<'_>,
    rows: std::ops::Range<usize>,
    column: usize,
    sums: &[f32],
    stride: usize,
) {
    for (row, sums) in rows.zip(sums.chunks_exact(stride)) {
        for from in (column..t.outputs.min(column + stride)).step_by(S::LANES) {
            // SAFETY: the caller vouches for the pointers; the bias is as long as the vectors reach.
            unsafe {
                let mut v = S::load(sums.as_ptr().add(from - column));
                if let Some(bias) = t.bias {
                    v = S::add(v, S::load(bias.as_ptr().add(from)));
                }
                finish::<S>(t, activate::<S>(v, t.activation), t.place.of(row) + from, t.outputs - from);
            }
        }
    }
}

/// Joins the residual and stores, all lanes or the `left` that are inside.
#[inline(always)]
pub(super) unsafe fn finish<S: Simd>(t: &Task<'_>, mut v: S::V, place: usize, left: usize) {
    // SAFETY: the caller vouches for the place, of which only the `left` numbers inside are touched.
    unsafe {
        let (out, residual) = (t.out.add(place), t.residual.wrapping_add(place));
        if !t.residual.is_null() {
            let r = if left >= S::LANES { S::load(residual) } else { S::load_first(residual, left) };
            v = if t.join == Join::Sum { S::add(v, r) } else { S::mul(v, r) };
        }
        if left >= S::LANES {
            S::store(out, v);
        } else {
            S::store_first(out, v, left);
        }
    }
}

#[inline(always)]
pub(super) unsafe fn relu6<S: Simd>(v: S::V) -> S::V {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { S::min(S::max(v, S::splat(0.0)), S::splat(6.0)) }
}

#[inline(always)]
pub(super) unsafe fn activate<S: Simd>(v: S::V, activation: Activation) -> S::V {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        match activation {
            Activation::None => v,
            Activation::Relu6 => relu6::<S>(v),
            Activation::Gelu => math::gelu::<S>(v),
            Activation::GeluTanh => math::gelu_tanh::<S>(v),
            Activation::QuickGelu => math::sigmoid_times::<S>(v, S::mul(v, S::splat(1.702))),
            Activation::Silu => math::sigmoid_times::<S>(v, v),
        }
    }
}
