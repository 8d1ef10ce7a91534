//! Finds places for new rows on a map that stands.

use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::knn::inverse_lengths;
use super::matrix::times_transposed;
use super::{Cancelled, check, pca, rows};
use crate::domain::MapPos;

/// Laid-out neighbours that a new row is placed between.
const NEIGHBOURS: usize = 6;
/// New rows that are multiplied at once.
const BLOCK: usize = 32;
/// Laid-out rows that are multiplied at once.
const STRIP: usize = 2048;

/// Places the rows of `vectors` behind those that have `positions`: each at the weighted mean of its nearest laid-out
/// neighbours, the nearest counting most. Returns one position for each new row.
///
/// # Errors
/// When cancelled.
pub fn place_new(
    vectors: &[f32],
    dim: usize,
    positions: &[MapPos],
    cancel: &AtomicBool,
) -> Result<Vec<MapPos>, Cancelled> {
    let count = rows(vectors, dim);
    let laid_out = positions.len().min(count);
    if laid_out == 0 {
        return pca(vectors, dim, cancel);
    }
    let (old, new) = vectors[..count * dim].split_at(laid_out * dim);
    let (old_lengths, new_lengths) = (inverse_lengths(old, dim), inverse_lengths(new, dim));
    let placed: Result<Vec<Vec<MapPos>>, Cancelled> = new
        .par_chunks(BLOCK * dim)
        .zip(new_lengths.par_chunks(BLOCK))
        .map(|(block, lengths)| {
            let nearest = nearest(block, lengths, old, &old_lengths, dim, cancel)?;
            Ok(nearest.iter().map(|near| between(near, positions)).collect())
        })
        .collect();
    Ok(placed?.concat())
}

/// For each row of `block` its nearest old rows: similarity and row, best first.
fn nearest(
    block: &[f32],
    lengths: &[f32],
    old: &[f32],
    old_lengths: &[f32],
    dim: usize,
    cancel: &AtomicBool,
) -> Result<Vec<Vec<(f32, usize)>>, Cancelled> {
    let mut best = vec![Vec::with_capacity(NEIGHBOURS + 1); lengths.len()];
    let mut buffer = vec![0.0f32; lengths.len() * STRIP];
    for (strip, (rows, row_lengths)) in old.chunks(STRIP * dim).zip(old_lengths.chunks(STRIP)).enumerate() {
        check(cancel)?;
        let out = &mut buffer[..lengths.len() * row_lengths.len()];
        times_transposed(block, rows, dim, out);
        for ((line, length), best) in out.chunks_exact(row_lengths.len()).zip(lengths).zip(&mut best) {
            for (i, (value, row_length)) in line.iter().zip(row_lengths).enumerate() {
                keep(best, value * length * row_length, strip * STRIP + i);
            }
        }
    }
    Ok(best)
}

fn keep(best: &mut Vec<(f32, usize)>, similarity: f32, row: usize) {
    if best.len() == NEIGHBOURS && best.last().is_some_and(|worst| similarity <= worst.0) {
        return;
    }
    let at = best.partition_point(|b| b.0 >= similarity);
    best.insert(at, (similarity, row));
    best.truncate(NEIGHBOURS);
}

/// The mean of the neighbours' positions, weighted by exp(-(d - nearest d) / (mean d - nearest d)), squared: a point
/// between two groups goes to the nearer one rather than into the void between them.
fn between(near: &[(f32, usize)], positions: &[MapPos]) -> MapPos {
    let Some(&(top, _)) = near.first() else { return MapPos::default() };
    let spread = near.iter().map(|n| top - n.0).sum::<f32>() / near.len() as f32;
    let (mut x, mut y, mut sum) = (0.0, 0.0, 0.0);
    for &(similarity, row) in near {
        let weight = if spread > 1e-6 { (-2.0 * (top - similarity) / spread).exp() } else { 1.0 };
        x += weight * positions[row].x;
        y += weight * positions[row].y;
        sum += weight;
    }
    if sum > 0.0 { MapPos { x: x / sum, y: y / sum } } else { positions[near[0].1] }
}
