//! How far a layout can be trusted.

use rayon::prelude::*;

use super::knn::inverse_lengths;
use super::matrix::times_transposed;
use super::rows;
use crate::domain::MapPos;

/// Rows of the sample that are compared with all rows at once.
const BLOCK: usize = 8;

/// Trustworthiness at `k` neighbours (Venna and Kaski 2001) in [0, 1]: 1 where all map neighbours are also neighbours
/// by cosine. Exact for `sample` evenly spread rows, each against all rows; NaN where there are too few rows.
pub fn trustworthiness(vectors: &[f32], dim: usize, positions: &[MapPos], k: usize, sample: usize) -> f32 {
    let count = rows(vectors, dim).min(positions.len());
    let k = k.min(count.saturating_sub(2) / 2);
    let taken = sample.min(count);
    if k == 0 || taken == 0 {
        return f32::NAN;
    }
    let vectors = &vectors[..count * dim];
    let lengths = inverse_lengths(vectors, dim);
    let sampled: Vec<usize> = (0..taken).map(|i| i * count / taken).collect();
    let penalties: Vec<u64> = sampled
        .par_chunks(BLOCK)
        .map(|chosen| {
            let lines = cosines(vectors, dim, &lengths, chosen);
            chosen.iter().zip(lines.chunks_exact(count)).map(|(&row, line)| penalty(row, line, positions, k)).sum()
        })
        .collect();
    let penalty = penalties.iter().sum::<u64>() as f64;
    let (n, k) = (count as f64, k as f64);
    (1.0 - 2.0 * penalty / (taken as f64 * k * (2.0 * n - 3.0 * k - 1.0))) as f32
}

/// Cosines of the chosen rows with all rows.
fn cosines(vectors: &[f32], dim: usize, lengths: &[f32], chosen: &[usize]) -> Vec<f32> {
    let count = lengths.len();
    let gathered: Vec<f32> = chosen.iter().flat_map(|&row| &vectors[row * dim..(row + 1) * dim]).copied().collect();
    let mut lines = vec![0.0f32; chosen.len() * count];
    times_transposed(&gathered, vectors, dim, &mut lines);
    for line in lines.chunks_exact_mut(count) {
        line.iter_mut().zip(lengths).for_each(|(value, length)| *value *= length);
    }
    lines
}

/// By how much the ranks (by cosine) of a row's `k` map neighbours exceed `k`, added up.
fn penalty(row: usize, cosines: &[f32], positions: &[MapPos], k: usize) -> u64 {
    let here = positions[row];
    let mut near: Vec<(f32, usize)> = (0..cosines.len())
        .filter(|&other| other != row)
        .map(|other| ((positions[other].x - here.x).powi(2) + (positions[other].y - here.y).powi(2), other))
        .collect();
    near.select_nth_unstable_by(k - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    near[..k].iter().map(|&(_, other)| rank(row, other, cosines).saturating_sub(k) as u64).sum()
}

/// 1 for the nearest.
fn rank(row: usize, other: usize, cosines: &[f32]) -> usize {
    let value = cosines[other];
    let nearer = cosines.iter().filter(|&&v| v > value).count();
    nearer + 1 - usize::from(cosines[row] > value)
}
