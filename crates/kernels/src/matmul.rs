//! Products of matrices and what follows them: bias, activation, a second tensor.
//!
//! The right factor is stored in panels of two vectors of output columns, so that the inner loop reads it in order; a
//! tile of the result stays in registers until bias and cheap activations are done. While a panel is used, the next
//! one is brought into the second-level cache: with few rows, fetching weights is most of the work.

use std::ops::Range;

use rayon::prelude::*;

use super::bf16_matmul;
use super::matmul_task::{Activation, Panels, Task, activate, finish, relu6};
use super::simd::{Simd, dispatch, level};

impl Panels<'_> {
    /// Leaves out whole panels of `first` columns.
    fn from(self, first: usize, inputs: usize) -> Self {
        match self {
            Self::Single(panels) => Self::Single(&panels[first * inputs..]),
            Self::Half(panels) => Self::Half(&panels[first * bf16_matmul::deep(inputs)..]),
        }
    }
}

/// Numbers in a register of this processor.
pub(super) fn lanes() -> usize {
    match level() {
        #[cfg(target_arch = "x86_64")]
        super::simd::Level::Avx512 => 16,
        _ => 8,
    }
}

/// Brings a matrix given by its columns (`from` has one row per input, `stride` apart, of `n` outputs) into panels.
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

/// Brings a matrix given by its rows (one per output, `k` long) into panels.
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

/// Multiplications that are worth waking another thread: some 30 microseconds.
const WORTH_A_THREAD: usize = 2_000_000;

/// Numbers in a line of the cache.
const LINE: usize = 16;
/// How many inputs before its use a part of a panel is brought into the first-level cache.
const NEAR: usize = 16;

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
                panels: self.panels.from(first, self.inputs),
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
        unsafe {
            match self.panels {
                Panels::Single(panels) => dispatch!(product(task: &Task<'_>, panels: &[f32])),
                Panels::Half(panels) => bf16_matmul::run(task, panels),
            }
        }
    }
}

#[inline(always)]
unsafe fn product<S: Simd>(t: &Task<'_>, panels: &[f32]) {
    let padded = t.outputs.next_multiple_of(S::LANES);
    assert!(panels.len() >= padded * t.inputs && t.bias.is_none_or(|b| b.len() >= padded));
    let mut column = 0;
    while column < padded {
        let vectors = ((padded - column) / S::LANES).min(2);
        let next = if column + vectors * S::LANES < padded { vectors * t.inputs * S::LANES } else { 0 };
        let (mut row, mut tiles) = (0, t.rows.div_ceil(S::ROWS));
        let panel = &panels[column * t.inputs..];
        let mut ahead = panel.as_ptr().wrapping_add(next);
        while row < t.rows {
            // Tiles of nearly equal height: a low one costs nearly as much as a high one.
            let rows = (t.rows - row).div_ceil(tiles);
            // SAFETY: row and column lie inside, and the caller vouches for the pointers.
            unsafe { tile_of::<S>(t, panel, row..row + rows, (column, vectors), ahead) };
            ahead = ahead.wrapping_add(t.inputs * LINE);
            row += rows;
            tiles -= 1;
        }
        column += vectors * S::LANES;
    }
}

/// Calls the [`tile`] of the given size, and completes it. `ahead` is where memory will be read soon.
#[inline(always)]
unsafe fn tile_of<S: Simd>(
    t: &Task<'_>,
    panel: &[f32],
    rows: Range<usize>,
    (column, vectors): (usize, usize),
    ahead: *const f32,
) {
    macro_rules! tile {
        ($($height:literal)*) => {
            match (rows.len(), vectors) {
                $(($height, 2) if $height <= S::ROWS => tile::<S, $height, 2>(t, panel.as_ptr(), rows.start, column, ahead),)*
                $(($height, 1) if $height <= S::ROWS => tile::<S, $height, 1>(t, panel.as_ptr(), rows.start, column, ahead),)*
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
unsafe fn tile<S: Simd, const R: usize, const C: usize>(
    t: &Task<'_>,
    panel: *const f32,
    row: usize,
    column: usize,
    ahead: *const f32,
) {
    // SAFETY: the caller vouches for the rows and columns of the tile; `panel` has `inputs` rows of `C` vectors.
    unsafe {
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
