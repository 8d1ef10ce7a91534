//! The two principal components: a coarse layout that is there at once.

use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::matrix::{add_gram_rows, times_transposed};
use super::{Cancelled, check, fit, lanczos, rows};
use crate::domain::MapPos;

/// Rows that the axes are computed from, evenly spread; more would not move them visibly.
const SAMPLE: usize = 16_384;
/// Rows that are multiplied at once.
const BLOCK: usize = 1024;
/// Columns of the covariance matrix a task.
const STRIP: usize = 32;
const LANCZOS_STEPS: usize = 64;

/// Lays `vectors` (rows of `dim` finite numbers) out by their two principal components, scaled to fill about [-1, 1].
/// Each axis points to where its largest loading is positive.
///
/// # Errors
/// When cancelled.
pub fn pca(vectors: &[f32], dim: usize, cancel: &AtomicBool) -> Result<Vec<MapPos>, Cancelled> {
    let mut positions = raw(vectors, dim, cancel)?;
    fit::to_map(&mut positions);
    Ok(positions)
}

/// The principal components without any scaling.
pub fn raw(vectors: &[f32], dim: usize, cancel: &AtomicBool) -> Result<Vec<MapPos>, Cancelled> {
    let count = rows(vectors, dim);
    if count < 2 {
        return Ok(vec![MapPos::default(); count]);
    }
    let (sample, mean) = centred_sample(vectors, dim, count, cancel)?;
    let covariance = gram(&sample, dim, cancel)?;
    let variance: f32 = (0..dim).map(|i| covariance[i * dim + i]).sum();
    let size = variance + mean.iter().map(|m| m * m).sum::<f32>() * (sample.len() / dim) as f32;
    if variance <= 1e-12 * size {
        return Ok(vec![MapPos::default(); count]); // identical rows: what is left is rounding
    }
    drop(sample);
    let axes = principal_axes(&covariance, dim, cancel)?;
    project(vectors, dim, &axes, cancel)
}

/// At most [`SAMPLE`] rows, their mean taken off, and that mean.
fn centred_sample(
    vectors: &[f32],
    dim: usize,
    count: usize,
    cancel: &AtomicBool,
) -> Result<(Vec<f32>, Vec<f32>), Cancelled> {
    let taken = count.min(SAMPLE);
    let mut sample = Vec::with_capacity(taken * dim);
    let mut mean = vec![0.0f64; dim];
    for i in 0..taken {
        if i % BLOCK == 0 {
            check(cancel)?;
        }
        let row = &vectors[(i * count / taken) * dim..][..dim];
        sample.extend_from_slice(row);
        for (m, x) in mean.iter_mut().zip(row) {
            *m += f64::from(*x);
        }
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

/// Two rows of length `dim`; zeros where there is no second direction.
fn principal_axes(covariance: &[f32], dim: usize, cancel: &AtomicBool) -> Result<Vec<f32>, Cancelled> {
    let found = lanczos::largest(dim, 2, LANCZOS_STEPS, &[], |x, y| {
        check(cancel)?;
        y.par_chunks_mut(64).zip(covariance.par_chunks(64 * dim)).for_each(|(y, strip)| {
            times_transposed(strip, x, dim, y);
        });
        Ok(())
    })?;
    let mut axes = vec![0.0f32; 2 * dim];
    for (axis, mut vector) in axes.chunks_mut(dim).zip(found) {
        let largest = vector.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0);
        if largest < 0.0 {
            vector.iter_mut().for_each(|x| *x = -*x);
        }
        axis.copy_from_slice(&vector);
    }
    Ok(axes)
}

fn project(vectors: &[f32], dim: usize, axes: &[f32], cancel: &AtomicBool) -> Result<Vec<MapPos>, Cancelled> {
    let mut flat = vec![0.0f32; rows(vectors, dim) * 2];
    flat.par_chunks_mut(BLOCK * 2).zip(vectors.par_chunks(BLOCK * dim)).try_for_each(|(out, block)| {
        check(cancel)?;
        times_transposed(&block[..out.len() / 2 * dim], axes, dim, out);
        Ok(())
    })?;
    let mut positions: Vec<MapPos> = flat.chunks_exact(2).map(|p| MapPos { x: p[0], y: p[1] }).collect();
    fit::centre(&mut positions);
    Ok(positions)
}
