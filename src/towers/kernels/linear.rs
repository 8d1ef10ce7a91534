//! A dense layer, `activation(x Wᵀ + b) + residual`, which is a 1x1 convolution too where channels come last.
//!
//! The weights are stored in panels of two vectors of output columns, so that the inner loop reads them in order; a
//! tile of the result stays in registers until bias, activation and residual are done.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::simd::{Level, Simd, dispatch, level};
use super::{math, values, written};
use crate::towers::weights::Matrix;

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
    fn is_cheap(self) -> bool {
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

/// Numbers in a register of this processor.
pub(super) fn lanes() -> usize {
    match level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => 16,
        _ => 8,
    }
}

/// Brings a matrix given by its columns (`from` has one row an input, `stride` apart, of `n` outputs) into panels.
pub(super) fn pack_columns(panels: &mut Vec<f32>, n: usize, k: usize, from: &[f32], stride: usize) {
    let (wide, padded) = (2 * lanes(), n.next_multiple_of(lanes()));
    panels.clear();
    panels.resize(padded * k, 0.0);
    for first in (0..n).step_by(wide) {
        let (width, used) = (wide.min(padded - first), wide.min(n - first));
        for (to, from) in panels[first * k..].chunks_exact_mut(width).zip(from.chunks(stride)).take(k) {
            to[..used].copy_from_slice(&from[first..first + used]);
        }
    }
}

/// Brings a matrix given by its rows (one an output, `k` long) into panels.
pub(super) fn pack(panels: &mut Vec<f32>, n: usize, k: usize, mut row: impl FnMut(usize, &mut [f32])) {
    let lanes = lanes();
    let (wide, padded) = (2 * lanes, n.next_multiple_of(lanes));
    panels.clear();
    panels.resize(padded * k, 0.0);
    let mut values = vec![0.0; k];
    for output in 0..n {
        row(output, &mut values);
        let first = output - output % wide;
        let width = wide.min(padded - first);
        let column = panels[first * k..].iter_mut().skip(output - first).step_by(width);
        for (to, from) in column.zip(&values) {
            *to = *from;
        }
    }
}

/// A dense layer with its weights in panels.
pub struct Linear {
    inputs: usize,
    outputs: usize,
    panels: Vec<f32>,
    /// As long as the panels are wide; what is beyond `outputs` is zero.
    bias: Vec<f32>,
    activation: Activation,
}

impl Linear {
    /// `weights` has one row an output.
    pub fn new(weights: &Matrix, bias: &[f32], activation: Activation) -> Self {
        Self::from_rows(weights.rows(), weights.cols(), |o, row| weights.unpack_row(o, row), bias, activation)
    }

    /// One layer in place of several with the same input: their outputs one after another.
    pub fn joined(weights: &[Matrix], bias: &[f32]) -> Self {
        let (outputs, inputs) = (weights.iter().map(Matrix::rows).sum(), weights[0].cols());
        let row = |mut output: usize, row: &mut [f32]| {
            for matrix in weights {
                if output < matrix.rows() {
                    return matrix.unpack_row(output, row);
                }
                output -= matrix.rows();
            }
        };
        Self::from_rows(outputs, inputs, row, bias, Activation::None)
    }

    /// `x W` in place of `x Wᵀ`: the matrix has one row an input. No bias.
    pub fn transposed(weights: &Matrix) -> Self {
        let (inputs, outputs, all) = (weights.rows(), weights.cols(), weights.unpack());
        let row = |output: usize, row: &mut [f32]| {
            for (to, from) in row.iter_mut().zip(all.chunks_exact(outputs)) {
                *to = from[output];
            }
        };
        Self::from_rows(outputs, inputs, row, &vec![0.0; outputs], Activation::None)
    }

    /// `row` writes the weights of one output. `bias` may be shorter than there are outputs: the rest is zero.
    pub fn from_rows(
        outputs: usize,
        inputs: usize,
        row: impl FnMut(usize, &mut [f32]),
        bias: &[f32],
        activation: Activation,
    ) -> Self {
        let mut panels = Vec::new();
        pack(&mut panels, outputs, inputs, row);
        let mut bias = bias.to_vec();
        bias.resize(outputs.next_multiple_of(lanes()), 0.0);
        Self { inputs, outputs, panels, bias, activation }
    }

    /// Length of an input row.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Length of an output row.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Applies the layer to the last dimension of `x`.
    ///
    /// # Errors
    /// When the last dimension is not the layer's.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.apply_op1_no_bwd(self)
    }

    /// As [`Self::forward`], then adds `residual`.
    ///
    /// # Errors
    /// When a dimension is not the layer's.
    pub fn forward_add(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        x.apply_op2_no_bwd(residual, &Joined { layer: self, join: Join::Sum })
    }

    /// As [`Self::forward`], then multiplies by `factor`.
    ///
    /// # Errors
    /// When a dimension is not the layer's.
    pub fn forward_mul(&self, x: &Tensor, factor: &Tensor) -> Result<Tensor> {
        x.apply_op2_no_bwd(factor, &Joined { layer: self, join: Join::Product })
    }

    /// Applies the layer to rows that lie one after another; what `out` held is overwritten.
    pub(super) fn apply(&self, x: &[f32], residual: Option<&[f32]>, out: &mut [f32]) {
        let rows = x.len() / self.inputs;
        assert!(x.len() == rows * self.inputs && out.len() == rows * self.outputs);
        assert!(residual.is_none_or(|r| r.len() == out.len()));
        let residual = residual.map_or(std::ptr::null(), <[f32]>::as_ptr);
        // SAFETY: the lengths were just checked.
        unsafe { self.task(x, rows, residual, out.as_mut_ptr(), &Place::Stride(self.outputs)).run() }
    }

    /// As [`Self::apply`], on all threads that are idle. `with` lies as the output does.
    fn apply_shared(&self, x: &[f32], with: Option<(&[f32], Join)>, shape: &Shape) -> Vec<f32> {
        let rows = x.len() / self.inputs;
        let len = shape.elem_count();
        assert!(x.len() == rows * self.inputs && len == rows * self.outputs);
        assert!(with.is_none_or(|(w, _)| w.len() == len));
        let residual = with.map_or(std::ptr::null(), |(w, _)| w.as_ptr());
        let place = Place::Stride(self.outputs);
        // SAFETY: the lengths were just checked; a product writes all its rows and columns.
        unsafe {
            written(len, |out| {
                let mut task = self.task(x, rows, residual, out, &place);
                task.join = with.map_or(Join::Sum, |(_, join)| join);
                task.run_shared();
            })
        }
    }

    /// Applies the layer to rows that lie one after another; row `r` goes to `out[places[r]..]`.
    pub(super) fn apply_scattered(&self, x: &[f32], out: &mut [f32], places: &[usize]) {
        let rows = x.len() / self.inputs;
        assert!(rows <= places.len() && x.len() == rows * self.inputs);
        let last = places[..rows].iter().max().map_or(0, |p| p + self.outputs);
        assert!(last <= out.len());
        // SAFETY: the lengths were just checked.
        unsafe { self.task(x, rows, std::ptr::null(), out.as_mut_ptr(), &Place::Table(places)).run() }
    }

    fn task<'a>(
        &'a self,
        x: &'a [f32],
        rows: usize,
        residual: *const f32,
        out: *mut f32,
        place: &'a Place<'a>,
    ) -> Task<'a> {
        Task {
            x: x.as_ptr(),
            x_stride: self.inputs,
            rows,
            inputs: self.inputs,
            outputs: self.outputs,
            panels: &self.panels,
            bias: Some(&self.bias),
            activation: self.activation,
            residual,
            join: Join::Sum,
            out,
            place,
        }
    }
}

impl CustomOp1 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout, "linear")?;
        let shape = self.output_shape(layout)?;
        Ok((CpuStorage::F32(self.apply_shared(x, None, &shape)), shape))
    }
}

/// A dense layer and how a second tensor joins its output.
struct Joined<'a> {
    layer: &'a Linear,
    join: Join,
}

impl CustomOp2 for Joined<'_> {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, with) = (values(s1, l1, "linear")?, values(s2, l2, "linear")?);
        let shape = self.layer.output_shape(l1)?;
        if l2.shape() != &shape {
            candle_core::bail!("linear: the second tensor is {:?}, the output {shape:?}", l2.shape());
        }
        Ok((CpuStorage::F32(self.layer.apply_shared(x, Some((with, self.join)), &shape)), shape))
    }
}

impl Linear {
    fn output_shape(&self, layout: &Layout) -> Result<Shape> {
        let mut dims = layout.dims().to_vec();
        match dims.last_mut() {
            Some(last) if *last == self.inputs => *last = self.outputs,
            _ => candle_core::bail!("linear: the input is {:?}, its rows must be {} long", layout.dims(), self.inputs),
        }
        Ok(Shape::from(dims))
    }
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
    fn of(&self, row: usize) -> usize {
        match self {
            Place::Stride(stride) => row * stride,
            Place::Table(places) => places[row],
        }
    }
}

/// Multiplications that are worth waking another thread: some 30 microseconds.
const WORTH_A_THREAD: usize = 2_000_000;

/// Numbers in a line of the cache.
const LINE: usize = 16;
/// How many inputs before its use a part of a panel is brought into the first-level cache.
const NEAR: usize = 16;

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
    /// The other factor, from [`pack`].
    pub panels: &'a [f32],
    /// As long as the panels are wide.
    pub bias: Option<&'a [f32]>,
    /// Applied after the bias.
    pub activation: Activation,
    /// Joined last, lying as the product does; may be null.
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

impl Task<'_> {
    /// Computes the product, on as many threads as are idle; each takes some of the columns, so that the sums are
    /// those of one thread.
    ///
    /// # Safety
    /// As for [`Self::run`].
    pub unsafe fn run_shared(&self) {
        let panels = self.outputs.div_ceil(2 * lanes());
        let worth = self.rows * self.inputs * self.outputs / WORTH_A_THREAD;
        let parts = worth.min(panels).min(rayon::current_num_threads());
        if parts < 2 {
            // SAFETY: the caller's promise is passed on.
            return unsafe { self.run() };
        }
        let columns = panels.div_ceil(parts) * 2 * lanes();
        (0..self.outputs.div_ceil(columns)).into_par_iter().for_each(|part| {
            let first = part * columns;
            let residual = if self.residual.is_null() { self.residual } else { self.residual.wrapping_add(first) };
            let part = Task {
                outputs: columns.min(self.outputs - first),
                panels: &self.panels[first * self.inputs..],
                bias: self.bias.map(|b| &b[first..]),
                residual,
                out: self.out.wrapping_add(first),
                ..*self
            };
            // SAFETY: the columns lie inside those that the caller vouches for, and no two parts share one.
            unsafe { part.run() };
        });
    }

    /// Computes the product.
    ///
    /// # Safety
    /// `x`, `residual` and `out` must be valid for the rows that the other fields describe.
    pub unsafe fn run(&self) {
        let task = self;
        // SAFETY: dispatch! picks an instruction set that the processor has; the rest is the caller's promise.
        unsafe { dispatch!(product(task: &Task<'_>)) }
    }
}

#[inline(always)]
unsafe fn product<S: Simd>(t: &Task<'_>) {
    let padded = t.outputs.next_multiple_of(S::LANES);
    assert!(t.panels.len() >= padded * t.inputs && t.bias.is_none_or(|b| b.len() >= padded));
    let mut column = 0;
    while column < padded {
        let vectors = ((padded - column) / S::LANES).min(2);
        let next = if column + vectors * S::LANES < padded { vectors * t.inputs * S::LANES } else { 0 };
        let (mut row, mut tiles) = (0, t.rows.div_ceil(S::ROWS));
        let mut ahead = t.panels[column * t.inputs..].as_ptr().wrapping_add(next);
        while row < t.rows {
            // Tiles of nearly equal height: a low one costs nearly as much as a high one.
            let rows = (t.rows - row).div_ceil(tiles);
            // SAFETY: row and column lie inside, and the caller vouches for the pointers.
            unsafe { tile_of::<S>(t, row..row + rows, column, vectors, ahead) };
            ahead = ahead.wrapping_add(t.inputs * LINE);
            row += rows;
            tiles -= 1;
        }
        column += vectors * S::LANES;
    }
}

/// Calls the [`tile`] of the given size, and completes it. `ahead` is where memory will be read soon.
#[inline(always)]
unsafe fn tile_of<S: Simd>(t: &Task<'_>, rows: Range<usize>, column: usize, vectors: usize, ahead: *const f32) {
    macro_rules! tile {
        ($($height:literal)*) => {
            match (rows.len(), vectors) {
                $(($height, 2) if $height <= S::ROWS => tile::<S, $height, 2>(t, rows.start, column, ahead),)*
                $(($height, 1) if $height <= S::ROWS => tile::<S, $height, 1>(t, rows.start, column, ahead),)*
                _ => unreachable!("tiles are at most as high as `Simd::ROWS`"),
            }
        };
    }
    // SAFETY: as for the caller.
    unsafe {
        tile!(1 2 3 4 5 6 7 8 9 10 11 12);
        if !t.activation.is_cheap() {
            finish_tile::<S>(t, rows, column, vectors);
        }
    }
}

/// `R` rows by `C` vectors of the product, from `row` and `column` on.
#[inline(always)]
unsafe fn tile<S: Simd, const R: usize, const C: usize>(t: &Task<'_>, row: usize, column: usize, ahead: *const f32) {
    unsafe {
        let panel = t.panels.as_ptr().add(column * t.inputs);
        let x = t.x.add(row * t.x_stride);
        let mut sums = [[S::splat(0.0); C]; R];
        for k in 0..t.inputs {
            for line in (0..C * S::LANES).step_by(LINE) {
                S::prefetch(panel.wrapping_add((k + NEAR) * C * S::LANES + line));
            }
            S::prefetch_far(ahead.wrapping_add(k * LINE));
            let mut w = [S::splat(0.0); C];
            for c in 0..C {
                w[c] = S::load(panel.add((k * C + c) * S::LANES));
            }
            for r in 0..R {
                let x = S::splat(*x.add(r * t.x_stride + k));
                for c in 0..C {
                    sums[r][c] = S::mul_add(x, w[c], sums[r][c]);
                }
            }
        }
        for r in 0..R {
            let place = t.place.of(row + r) + column;
            for c in 0..C {
                let from = c * S::LANES;
                let left = t.outputs - (column + from);
                let mut v = sums[r][c];
                if let Some(bias) = t.bias {
                    v = S::add(v, S::load(bias.as_ptr().add(column + from)));
                }
                if t.activation.is_cheap() {
                    let v = if t.activation == Activation::Relu6 { relu6::<S>(v) } else { v };
                    finish::<S>(t, v, place + from, left);
                } else if left >= S::LANES {
                    S::store(t.out.add(place + from), v);
                } else {
                    S::store_first(t.out.add(place + from), v, left);
                }
            }
        }
    }
}

/// Applies an activation that is too long to be written out for every register to a tile that was just stored.
#[inline(always)]
unsafe fn finish_tile<S: Simd>(t: &Task<'_>, rows: Range<usize>, column: usize, vectors: usize) {
    for row in rows {
        for c in 0..vectors {
            let from = column + c * S::LANES;
            let (place, left) = (t.place.of(row) + from, t.outputs - from);
            // SAFETY: what is read was just written.
            unsafe {
                let out = t.out.add(place);
                let v = if left >= S::LANES { S::load(out) } else { S::load_first(out, left) };
                finish::<S>(t, activate::<S>(v, t.activation), place, left);
            }
        }
    }
}

/// Joins the residual and stores, all lanes or the `left` that are inside.
#[inline(always)]
unsafe fn finish<S: Simd>(t: &Task<'_>, mut v: S::V, place: usize, left: usize) {
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
    unsafe { S::min(S::max(v, S::splat(0.0)), S::splat(6.0)) }
}

#[inline(always)]
unsafe fn activate<S: Simd>(v: S::V, activation: Activation) -> S::V {
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
