//! Places new rows on an existing map.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::matrix::times_transposed;
use super::vector_source::{VectorSource, gather_units};
use super::{Cancelled, check, pca};
use vicinity_core::MapPos;

/// Number of laid-out neighbours that a new row is placed between.
const NEIGHBOURS: usize = 6;
/// New rows that are multiplied at once.
const BLOCK: usize = 128;
/// Laid-out rows that are multiplied at once.
const STRIP: usize = 1024;
/// The most pairs that are compared, some seconds of work; beyond, evenly spread laid-out rows stand for all.
const PAIRS: usize = 200_000_000;

/// Places the rows of `vectors` behind those that have `positions`: each at the weighted mean of its nearest laid-out
/// neighbours, the nearest counting most. Returns one position for each new row.
///
/// # Errors
/// When cancelled.
pub fn place_new(
    vectors: &dyn VectorSource,
    positions: &[MapPos],
    cancel: &AtomicBool,
) -> Result<Vec<MapPos>, Cancelled> {
    let count = vectors.count();
    let laid_out = positions.len().min(count);
    if laid_out == 0 {
        return pca(vectors, cancel);
    }
    let stride = (laid_out * (count - laid_out)).div_ceil(PAIRS).max(1);
    let compared: Vec<usize> = (0..laid_out).step_by(stride).collect();
    let mut placed = vec![MapPos::default(); count - laid_out];
    placed.par_chunks_mut(BLOCK).enumerate().try_for_each(|(at, placed)| {
        let first = laid_out + at * BLOCK;
        let nearest = nearest(vectors, first..first + placed.len(), &compared, cancel)?;
        placed.iter_mut().zip(&nearest).for_each(|(place, near)| *place = between(near, positions));
        Ok(())
    })?;
    Ok(placed)
}

/// For each of the new rows the nearest of those laid out: similarity and row, best first.
fn nearest(
    vectors: &dyn VectorSource,
    new: Range<usize>,
    laid_out: &[usize],
    cancel: &AtomicBool,
) -> Result<Vec<Vec<(f32, usize)>>, Cancelled> {
    let mut best = vec![Vec::with_capacity(NEIGHBOURS + 1); new.len()];
    let (mut block, mut strip, mut out) = (Vec::new(), Vec::new(), Vec::new());
    gather_units(vectors, new, &mut block);
    for rows in laid_out.chunks(STRIP) {
        check(cancel)?;
        gather_units(vectors, rows.iter().copied(), &mut strip);
        out.resize(best.len() * rows.len(), 0.0);
        times_transposed(&block, &strip, vectors.dim(), &mut out);
        for (line, best) in out.chunks_exact(rows.len()).zip(&mut best) {
            line.iter().zip(rows).for_each(|(value, row)| keep(best, *value, *row));
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
