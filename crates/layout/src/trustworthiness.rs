//! Trustworthiness of a layout.

use rayon::prelude::*;

use super::matrix::times_transposed;
use super::vector_source::{VectorSource, gather_units};
use vicinity_core::MapPos;

/// Rows that are compared with the sample at once.
const BLOCK: usize = 256;
/// Cosines nearer than this are equal; what differs is rounding.
const SAME: f32 = 1e-6;

/// Trustworthiness at `k` neighbours (Venna and Kaski 2001) in [0, 1]: 1 where all map neighbours are also neighbours
/// by cosine. Exact for `sample` evenly spread rows, each against all rows; NaN where there are too few rows.
pub fn trustworthiness(vectors: &dyn VectorSource, positions: &[MapPos], k: usize, sample: usize) -> f32 {
    let count = vectors.count().min(positions.len());
    let k = k.min(count.saturating_sub(2) / 2);
    let taken = sample.min(count);
    if k == 0 || taken == 0 {
        return f32::NAN;
    }
    let sampled: Vec<usize> = (0..taken).map(|i| i * count / taken).collect();
    let near: Vec<Vec<usize>> = sampled.par_iter().map(|&row| near_on_map(row, &positions[..count], k)).collect();
    let ranks = ranks(vectors, count, &sampled, &near);
    let penalty = ranks.iter().map(|rank| rank.saturating_sub(k as u64)).sum::<u64>() as f64;
    let (n, k) = (count as f64, k as f64);
    (1.0 - 2.0 * penalty / (taken as f64 * k * (2.0 * n - 3.0 * k - 1.0))) as f32
}

/// The `k` nearest on the map.
fn near_on_map(row: usize, positions: &[MapPos], k: usize) -> Vec<usize> {
    let here = positions[row];
    let mut near: Vec<(f32, usize)> = (0..positions.len())
        .filter(|&other| other != row)
        .map(|other| ((positions[other].x - here.x).powi(2) + (positions[other].y - here.y).powi(2), other))
        .collect();
    near.select_nth_unstable_by(k - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    near[..k].iter().map(|n| n.1).collect()
}

/// The rank by cosine (1 for the nearest) of each row's neighbours on the map, among the first `count` rows; all
/// vectors are read only once.
fn ranks(vectors: &dyn VectorSource, count: usize, sampled: &[usize], near: &[Vec<usize>]) -> Vec<u64> {
    let k = near[0].len();
    let mut chosen = Vec::new();
    gather_units(vectors, sampled.iter().copied(), &mut chosen);
    let cosines: Vec<f32> = chosen
        .par_chunks_exact(vectors.dim())
        .zip(near)
        .flat_map_iter(|(row, near)| {
            let (mut others, mut cosines) = (Vec::new(), vec![0.0f32; k]);
            gather_units(vectors, near.iter().copied(), &mut others);
            times_transposed(row, &others, vectors.dim(), &mut cosines);
            cosines
        })
        .collect();
    let nearer = (0..count.div_ceil(BLOCK)).into_par_iter().fold(
        || vec![0u64; cosines.len()],
        |mut nearer, block| {
            let (mut others, first) = (Vec::new(), block * BLOCK);
            let width = BLOCK.min(count - first);
            gather_units(vectors, first..first + width, &mut others);
            let mut out = vec![0.0f32; sampled.len() * width];
            times_transposed(&chosen, &others, vectors.dim(), &mut out);
            for (i, line) in out.chunks_exact_mut(width).enumerate() {
                if (first..first + width).contains(&sampled[i]) {
                    line[sampled[i] - first] = f32::NEG_INFINITY;
                }
                for (counted, &cosine) in nearer[i * k..].iter_mut().zip(&cosines[i * k..(i + 1) * k]) {
                    *counted += u64::from(line.iter().map(|&value| u32::from(value > cosine + SAME)).sum::<u32>());
                }
            }
            nearer
        },
    );
    let sum = |mut a: Vec<u64>, b: Vec<u64>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    };
    let mut ranks = nearer.reduce(|| vec![0u64; cosines.len()], sum);
    ranks.iter_mut().for_each(|rank| *rank += 1);
    ranks
}
