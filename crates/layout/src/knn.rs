//! Exact nearest neighbours by cosine, tile by tile of the matrix of all similarities.
//!
//! A tile serves both its rows and its columns, so only half of the matrix is computed; memory stays at one tile per
//! thread. Neighbours are totally ordered (similarity, then row number): the order in which tiles finish does not matter.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::matrix::times_transposed;
use super::{Cancelled, check};

/// Rows and columns of a tile: 1 MB of similarities.
const TILE: usize = 512;
/// Similarities that are compared at once before any is looked at alone.
const LANES: usize = 16;
/// Smaller distances are rounding errors of equal vectors.
pub const SAME: f32 = 2e-6;

/// The nearest neighbours of every row, excluding the row itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Knn {
    /// Neighbours per row.
    pub k: usize,
    /// `k` row numbers per row, nearest first.
    pub indices: Vec<u32>,
    /// Their cosine distances (1 - cosine), in [0, 2].
    pub distances: Vec<f32>,
}

/// Exact neighbours of `vectors` (rows of `dim` finite numbers, of any length). `k` is at most the number of other rows.
///
/// # Errors
/// When cancelled.
pub fn knn(vectors: &[f32], dim: usize, k: usize, cancel: &AtomicBool) -> Result<Knn, Cancelled> {
    knn_with(vectors, dim, k, cancel, &|_| {})
}

/// Like [`knn`], reporting progress in [0, 1].
pub fn knn_with(
    vectors: &[f32],
    dim: usize,
    k: usize,
    cancel: &AtomicBool,
    progress: &(dyn Fn(f32) + Sync),
) -> Result<Knn, Cancelled> {
    let count = vectors.len().checked_div(dim).unwrap_or(0);
    let k = k.min(count.saturating_sub(1));
    if k == 0 {
        return Ok(Knn { k, indices: Vec::new(), distances: Vec::new() });
    }
    let lengths = inverse_lengths(vectors, dim);
    let blocks = count.div_ceil(TILE);
    let best = of_blocks(count, TILE, k);
    let tiles = blocks * (blocks + 1) / 2;
    let done = AtomicUsize::new(0);
    (0..tiles).into_par_iter().try_for_each_init(
        || vec![0.0f32; TILE * TILE],
        |buffer, tile| {
            check(cancel)?;
            let (row_block, column_block) = tile_at(tile);
            similarities(vectors, dim, &lengths, row_block, column_block, buffer);
            offer(&best, row_block, column_block, buffer);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done.is_multiple_of(64) || done == tiles {
                progress(done as f32 / tiles as f32);
            }
            Ok(())
        },
    )?;
    Ok(collect(best, k))
}

/// 1 / length of each row; 0 for a row of zeros, which is then at distance 1 from all.
fn inverse_lengths(vectors: &[f32], dim: usize) -> Vec<f32> {
    vectors
        .par_chunks_exact(dim)
        .map(|row| {
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            if length > 0.0 && length.is_finite() { 1.0 / length } else { 0.0 }
        })
        .collect()
}

/// The tile's row and column block, row <= column, counted column by column: 00 01 11 02 12 22 …
fn tile_at(tile: usize) -> (usize, usize) {
    let mut column = ((((8 * tile + 1) as f64).sqrt() - 1.0) / 2.0) as usize;
    while column * (column + 1) / 2 > tile {
        column -= 1;
    }
    while (column + 1) * (column + 2) / 2 <= tile {
        column += 1;
    }
    (tile - column * (column + 1) / 2, column)
}

/// Fills the front of `buffer` with the cosines of two blocks, row-major.
fn similarities(vectors: &[f32], dim: usize, lengths: &[f32], rows: usize, columns: usize, buffer: &mut [f32]) {
    let block = |b: usize| &vectors[b * TILE * dim..((b + 1) * TILE * dim).min(lengths.len() * dim)];
    let factors = |b: usize| &lengths[b * TILE..((b + 1) * TILE).min(lengths.len())];
    let (row_factors, column_factors) = (factors(rows), factors(columns));
    let out = &mut buffer[..row_factors.len() * column_factors.len()];
    times_transposed(block(rows), block(columns), dim, out);
    for (line, row_factor) in out.chunks_exact_mut(column_factors.len()).zip(row_factors) {
        for (value, column_factor) in line.iter_mut().zip(column_factors) {
            *value *= row_factor * column_factor;
        }
    }
}

/// Offers a tile's similarities to its rows and, off the diagonal, to its columns.
fn offer(best: &[Mutex<Best>], row_block: usize, column_block: usize, tile: &[f32]) {
    let mut of_rows = lock(&best[row_block]);
    // Always the lower block first, so two tasks cannot wait for each other.
    let mut of_columns = (row_block != column_block).then(|| lock(&best[column_block]));
    let width = of_columns.as_ref().unwrap_or(&of_rows).len();
    let height = of_rows.len();
    for (row, line) in tile[..width * height].chunks_exact(width).enumerate() {
        for (group, values) in line.chunks(LANES).enumerate() {
            let first = group * LANES;
            let row_bound = of_rows.bounds[row];
            let mut any = values.iter().fold(false, |any, &v| any | (v >= row_bound));
            if let Some(of_columns) = &of_columns {
                let bounds = &of_columns.bounds[first..first + values.len()];
                any |= values.iter().zip(bounds).fold(false, |any, (&v, &bound)| any | (v >= bound));
            }
            if !any {
                continue;
            }
            for (lane, &value) in values.iter().enumerate() {
                let column = first + lane;
                if let Some(of_columns) = &mut of_columns {
                    of_rows.offer(row, value, (column_block * TILE + column) as u32);
                    of_columns.offer(column, value, (row_block * TILE + row) as u32);
                } else if row != column {
                    of_rows.offer(row, value, (column_block * TILE + column) as u32);
                }
            }
        }
    }
}

/// Nothing yet for `count` rows in blocks of `block`.
pub fn of_blocks(count: usize, block: usize, k: usize) -> Vec<Mutex<Best>> {
    (0..count.div_ceil(block)).map(|b| Mutex::new(Best::new(k, (count - b * block).min(block)))).collect()
}

/// The block, for this task alone.
pub fn lock(best: &Mutex<Best>) -> MutexGuard<'_, Best> {
    best.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The best `k` so far of a block of rows, each row's best first.
pub struct Best {
    k: usize,
    similarities: Vec<f32>,
    neighbours: Vec<u32>,
    /// Each row's k-th similarity: less is of no interest.
    bounds: Vec<f32>,
}

impl Best {
    fn new(k: usize, rows: usize) -> Self {
        Self {
            k,
            similarities: vec![f32::NEG_INFINITY; rows * k],
            neighbours: vec![u32::MAX; rows * k],
            bounds: vec![f32::NEG_INFINITY; rows],
        }
    }

    fn len(&self) -> usize {
        self.bounds.len()
    }

    /// `k` per row, the nearest first; `u32::MAX` for none yet.
    pub fn neighbours(&self) -> &[u32] {
        &self.neighbours
    }

    /// Each row's k-th similarity: less is of no interest.
    pub fn bounds(&self) -> &[f32] {
        &self.bounds
    }

    /// A row's similarities, the highest first.
    pub fn similarities(&self, row: usize) -> &[f32] {
        &self.similarities[row * self.k..(row + 1) * self.k]
    }

    /// Offers a neighbour that the row may have already; of two similarities, which differ by rounding, the higher
    /// one counts, so that it does not matter which came first.
    pub fn offer_again(&mut self, row: usize, similarity: f32, neighbour: u32) {
        let range = row * self.k..(row + 1) * self.k;
        if let Some(at) = self.neighbours[range.clone()].iter().position(|n| *n == neighbour) {
            if similarity <= self.similarities[range.start + at] {
                return;
            }
            self.neighbours[range.start + at..range.end].rotate_left(1);
            self.similarities[range.start + at..range.end].rotate_left(1);
            self.neighbours[range.end - 1] = u32::MAX;
            self.similarities[range.end - 1] = f32::NEG_INFINITY;
        }
        self.offer(row, similarity, neighbour);
    }

    /// Offers to a row those others that have these similarities, but not the one that is the row itself.
    pub fn offer_all(&mut self, row: usize, similarities: &[f32], others: &[u32], itself: u32) {
        for (values, others) in similarities.chunks(LANES).zip(others.chunks(LANES)) {
            let bound = self.bounds[row];
            if values.iter().fold(false, |any, &v| any | (v >= bound)) {
                let others = others.iter().zip(values).filter(|(other, _)| **other != itself);
                others.for_each(|(&other, &value)| self.offer(row, value, other));
            }
        }
    }

    fn offer(&mut self, row: usize, similarity: f32, neighbour: u32) {
        let range = row * self.k..(row + 1) * self.k;
        let (similarities, neighbours) = (&mut self.similarities[range.clone()], &mut self.neighbours[range]);
        let before = |s: f32, n: u32| similarity > s || (similarity == s && neighbour < n);
        let mut at = self.k;
        while at > 0 && before(similarities[at - 1], neighbours[at - 1]) {
            if at < self.k {
                similarities[at] = similarities[at - 1];
                neighbours[at] = neighbours[at - 1];
            }
            at -= 1;
        }
        if at < self.k {
            similarities[at] = similarity;
            neighbours[at] = neighbour;
            self.bounds[row] = similarities[self.k - 1];
        }
    }
}

/// The rows that have a row among their neighbours.
pub struct Incoming {
    starts: Vec<usize>,
    edges: Vec<u32>,
}

impl Incoming {
    /// From `k` neighbours per row; what is no row is left out.
    pub fn new(neighbours: &[u32], k: usize) -> Self {
        let count = neighbours.len() / k;
        let mut starts = vec![0usize; count + 1];
        let ends = || neighbours.iter().map(|end| *end as usize).enumerate().filter(|(_, end)| *end < count);
        ends().for_each(|(_, end)| starts[end + 1] += 1);
        for row in 0..count {
            starts[row + 1] += starts[row];
        }
        let mut at = starts.clone();
        let mut edges = vec![0u32; starts[count]];
        for (edge, end) in ends() {
            edges[at[end]] = edge as u32;
            at[end] += 1;
        }
        Self { starts, edges }
    }

    /// Where among all neighbours this row stands, ascending; that divided by `k` is the row that has it there.
    pub fn of(&self, row: usize) -> &[u32] {
        &self.edges[self.starts[row]..self.starts[row + 1]]
    }
}

/// The neighbours found in all blocks.
pub fn collect(best: Vec<Mutex<Best>>, k: usize) -> Knn {
    let (mut indices, mut distances) = (Vec::new(), Vec::new());
    for block in best {
        let block = block.into_inner().unwrap_or_else(PoisonError::into_inner);
        indices.extend_from_slice(&block.neighbours);
        distances.extend(block.similarities.iter().map(|s| {
            let distance = (1.0 - s).clamp(0.0, 2.0);
            if distance < SAME { 0.0 } else { distance }
        }));
    }
    replace_missing(&mut indices, k);
    Knn { k, indices, distances }
}

/// A row whose numbers are not finite finds no neighbours; it gets arbitrary ones rather than row numbers out of range.
fn replace_missing(indices: &mut [u32], k: usize) {
    let count = indices.len() / k;
    for (row, neighbours) in indices.chunks_exact_mut(k).enumerate() {
        for (i, neighbour) in neighbours.iter_mut().enumerate() {
            if *neighbour == u32::MAX {
                *neighbour = ((row + 1 + i) % count) as u32;
            }
        }
    }
}
