//! The two principal components: a coarse layout that is available at once.

use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::matrix::{add_gram_rows, times_transposed};
use super::vector_source::{VectorSource, gather, read_finite};
use super::{Cancelled, align, check, lanczos};
use vicinity_core::MapPos;

/// Rows that the axes are computed from, evenly spread; more would not move them visibly.
const SAMPLE: usize = 16_384;
/// Rows that are multiplied at once.
const BLOCK: usize = 1024;
/// Columns of the covariance matrix per task.
const STRIP: usize = 32;
const LANCZOS_STEPS: usize = 64;

/// Lays vectors out by their two principal components, scaled to fill about [-1, 1]. Each axis points to where its
/// largest loading is positive.
///
/// # Errors
/// When cancelled.
pub fn pca(vectors: &dyn VectorSource, cancel: &AtomicBool) -> Result<Vec<MapPos>, Cancelled> {
    let mut positions = raw(vectors, cancel)?;
    align::to_map(&mut positions);
    Ok(positions)
}

/// The principal components without any scaling.
pub fn raw(vectors: &dyn VectorSource, cancel: &AtomicBool) -> Result<Vec<MapPos>, Cancelled> {
    let axes = axes(vectors, 2, cancel)?;
    let mut positions = vec![MapPos::default(); vectors.count()];
    if axes.iter().all(|a| *a == 0.0) {
        return Ok(positions);
    }
    positions.par_chunks_mut(BLOCK).enumerate().try_for_each_init(
        || (Vec::new(), Vec::new()),
        |(block, out), (at, positions)| {
            check(cancel)?;
            gather(vectors, at * BLOCK..at * BLOCK + positions.len(), block);
            out.resize(positions.len() * 2, 0.0);
            times_transposed(block, &axes, vectors.dim(), out);
            positions.iter_mut().zip(out.chunks_exact(2)).for_each(|(p, xy)| *p = MapPos { x: xy[0], y: xy[1] });
            Ok(())
        },
    )?;
    align::centre(&mut positions);
    Ok(positions)
}

/// The first `want` principal axes, `want` rows of the vectors' length: of length 1, or zeros where there is no such
/// direction.
///
/// # Errors
/// When cancelled.
pub fn axes(vectors: &dyn VectorSource, want: usize, cancel: &AtomicBool) -> Result<Vec<f32>, Cancelled> {
    let (count, dim) = (vectors.count(), vectors.dim());
    if count < 2 || dim == 0 {
        return Ok(vec![0.0; want * dim]);
    }
    let (sample, mean) = centred_sample(vectors, cancel)?;
    let covariance = gram(&sample, dim, cancel)?;
    let variance: f32 = (0..dim).map(|i| covariance[i * dim + i]).sum();
    let size = variance + mean.iter().map(|m| m * m).sum::<f32>() * (sample.len() / dim) as f32;
    if variance <= 1e-12 * size {
        return Ok(vec![0.0; want * dim]); // identical rows: what is left is rounding
    }
    drop(sample);
    principal_axes(&covariance, dim, want, cancel)
}

/// At most [`SAMPLE`] rows, their mean taken off, and that mean.
fn centred_sample(vectors: &dyn VectorSource, cancel: &AtomicBool) -> Result<(Vec<f32>, Vec<f32>), Cancelled> {
    let (count, dim) = (vectors.count(), vectors.dim());
    let taken = count.min(SAMPLE);
    let mut sample = vec![0.0f32; taken * dim];
    sample.par_chunks_mut(dim * 64).enumerate().try_for_each(|(block, out)| {
        check(cancel)?;
        let rows = (block * 64..).map(|i| i * count / taken);
        out.chunks_exact_mut(dim).zip(rows).for_each(|(out, row)| read_finite(vectors, row, out));
        Ok(())
    })?;
    let mut mean = vec![0.0f64; dim];
    for row in sample.chunks_exact(dim) {
        mean.iter_mut().zip(row).for_each(|(m, x)| *m += f64::from(*x));
    }
    let mean: Vec<f32> = mean.iter().map(|m| (m / taken as f64) as f32).collect();
    sample.par_chunks_mut(dim).for_each(|row| row.iter_mut().zip(&mean).for_each(|(x, m)| *x -= m));
    Ok((sample, mean))
}

/// `xᵀx`, strip by strip.
fn gram(x: &[f32], dim: usize, cancel: &AtomicBool) -> Result<Vec<f32>, Cancelled> {
    let mut out = vec![0.0f32; dim * dim];
    out.par_chunks_mut(STRIP * dim).enumerate().try_for_each(|(strip, out)| {
        let columns = strip * STRIP..((strip + 1) * STRIP).min(dim);
        for block in x.chunks(BLOCK * dim) {
            check(cancel)?;
            add_gram_rows(block, dim, columns.clone(), out);
        }
        Ok(())
    })?;
    Ok(out)
}

/// Rows of length `dim`; zeros where there is no further direction.
fn principal_axes(covariance: &[f32], dim: usize, want: usize, cancel: &AtomicBool) -> Result<Vec<f32>, Cancelled> {
    let steps = LANCZOS_STEPS.max(3 * want);
    let found = lanczos::largest(lanczos::random_vector(dim, 0), want, steps, &[], |x, y| {
        check(cancel)?;
        y.par_chunks_mut(64).zip(covariance.par_chunks(64 * dim)).for_each(|(y, strip)| {
            times_transposed(strip, x, dim, y);
        });
        Ok(())
    })?;
    let mut axes = vec![0.0f32; want * dim];
    for (axis, mut vector) in axes.chunks_mut(dim).zip(found) {
        let largest = vector.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0);
        if largest < 0.0 {
            vector.iter_mut().for_each(|x| *x = -*x);
        }
        axis.copy_from_slice(&vector);
    }
    Ok(axes)
}
