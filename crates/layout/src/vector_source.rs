//! Sources of vectors: a table in memory, or one that is computed while it is read.
//!
//! Layouts of a million vectors read them through [`VectorSource`] in passes and pieces, and never hold a copy of all.

use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::{Cancelled, check};

/// Rows that are read by one task.
const BLOCK: usize = 256;

/// Vectors of equal length, read one at a time and from any thread.
pub trait VectorSource: Sync {
    /// Number of vectors.
    fn count(&self) -> usize;

    /// Numbers per row.
    fn dim(&self) -> usize;

    /// Writes a row to `out`, which is [`VectorSource::dim`] long.
    fn read(&self, row: usize, out: &mut [f32]);
}

/// Rows side by side in memory.
#[derive(Debug, Clone, Copy)]
pub struct VectorTable<'a> {
    values: &'a [f32],
    dim: usize,
}

impl<'a> VectorTable<'a> {
    /// As many whole rows of `dim` numbers as `values` holds.
    pub fn new(values: &'a [f32], dim: usize) -> Self {
        Self { values, dim }
    }
}

impl VectorSource for VectorTable<'_> {
    fn count(&self) -> usize {
        self.values.len().checked_div(self.dim).unwrap_or(0)
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn read(&self, row: usize, out: &mut [f32]) {
        out.copy_from_slice(&self.values[row * self.dim..][..self.dim]);
    }
}

/// Reads a row; zeros if it is not finite, so that nothing computed from it is NaN.
pub fn read_finite(rows: &dyn VectorSource, row: usize, out: &mut [f32]) {
    rows.read(row, out);
    if !out.iter().fold(true, |finite, x| finite & x.is_finite()) {
        out.fill(0.0);
    }
}

/// Replaces `out` by the given rows, as they are.
pub fn gather(rows: &dyn VectorSource, which: impl ExactSizeIterator<Item = usize>, out: &mut Vec<f32>) {
    let dim = rows.dim();
    out.resize(which.len() * dim, 0.0);
    for (row, out) in which.zip(out.chunks_exact_mut(dim.max(1))) {
        read_finite(rows, row, out);
    }
}

/// Replaces `out` by the given rows, brought to unit length; zeros stay zeros.
pub fn gather_units(rows: &dyn VectorSource, which: impl ExactSizeIterator<Item = usize>, out: &mut Vec<f32>) {
    gather(rows, which, out);
    out.chunks_exact_mut(rows.dim().max(1)).for_each(to_unit);
}

/// All rows.
///
/// # Errors
/// When cancelled.
pub fn collect(rows: &dyn VectorSource, cancel: &AtomicBool) -> Result<Vec<f32>, Cancelled> {
    let dim = rows.dim();
    let mut all = vec![0.0f32; rows.count() * dim];
    all.par_chunks_mut(BLOCK * dim.max(1)).enumerate().try_for_each(|(block, out)| {
        check(cancel)?;
        out.chunks_exact_mut(dim).enumerate().for_each(|(i, out)| read_finite(rows, block * BLOCK + i, out));
        Ok(())
    })?;
    Ok(all)
}

fn to_unit(row: &mut [f32]) {
    let mut sums = [0.0f32; 16]; // independent, so that they are added in vector registers
    let chunks = row.chunks_exact(16);
    let rest: f32 = chunks.remainder().iter().map(|x| x * x).sum();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, x)| *sum += x * x);
    }
    let length = (sums.iter().sum::<f32>() + rest).sqrt();
    let factor = if length > 0.0 && length.is_finite() { 1.0 / length } else { 0.0 };
    row.iter_mut().for_each(|x| *x *= factor);
}
