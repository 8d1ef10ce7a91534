//! A layout that keeps neighbours together: UMAP (McInnes, Healy and Melville 2018), deterministic.

use std::sync::atomic::AtomicBool;

use super::approximate::approximate;
use super::curve::Curve;
use super::knn::{Knn, knn_with};
use super::optimise::{Moves, optimise};
use super::random::Stream;
use super::source::{Rows, collect};
use super::{Cancelled, fit, fuzzy, pca};
use crate::domain::MapPos;

/// Above this many points 200 epochs are enough.
const MANY: usize = 10_000;
/// Up to so many rows every pair is compared.
const EXACT: usize = 20_000;
/// The learning rate where most points are in their places already.
const GENTLE: f32 = 0.1;
/// Half the side of the square in which points start; the forces have a reach of about 1.
const START: f32 = 10.0;

/// What shapes the layout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UmapParams {
    /// How many neighbours a point keeps near: fewer show detail, more show the whole.
    pub neighbours: usize,
    /// How tightly points may be packed.
    pub min_dist: f32,
    /// Rounds of moving; `None` chooses by the number of points.
    pub epochs: Option<usize>,
    /// Another seed gives another, equally good layout.
    pub seed: u64,
}

impl Default for UmapParams {
    fn default() -> Self {
        Self { neighbours: 15, min_dist: 0.1, epochs: None, seed: 0 }
    }
}

/// Lays vectors out so that neighbours by cosine stay neighbours. With `standing`, one place for each row, the layout
/// starts there and stays as near to it as it can; otherwise it is a function of vectors and parameters alone.
/// `progress` is told the share done, in [0, 1].
///
/// # Errors
/// When cancelled.
pub fn umap(
    vectors: &dyn Rows,
    params: &UmapParams,
    standing: Option<&[MapPos]>,
    cancel: &AtomicBool,
    progress: &(dyn Fn(f32) + Sync),
) -> Result<Vec<MapPos>, Cancelled> {
    let count = vectors.count();
    let standing = standing.filter(|positions| positions.len() == count);
    let from = match standing {
        Some(positions) => positions.to_vec(),
        None => pca::raw(vectors, cancel)?,
    };
    if count < 4 {
        let mut positions = from;
        fit::to_map(&mut positions);
        return Ok(positions);
    }
    let epochs = params.epochs.unwrap_or(if count > MANY { 200 } else { 500 });
    let knn_share = knn_share(count, vectors.dim(), epochs);
    let knn = neighbours(vectors, params.neighbours.max(2), cancel, &|share| progress(knn_share * share))?;
    let graph = fuzzy::graph(&knn, cancel)?;
    drop(knn);
    let rate = if standing.is_some() { GENTLE } else { 1.0 };
    let moves = Moves { curve: Curve::new(params.min_dist), epochs, rate, seed: params.seed };
    let end = optimise(&graph, start(&from, params.seed), &moves, cancel, &|share| {
        progress(knn_share + (1.0 - knn_share) * share);
    })?;
    let mut positions: Vec<MapPos> = end.iter().map(|p| MapPos { x: p[0], y: p[1] }).collect();
    if standing.is_some() {
        fit::lay_onto(&mut positions, &from);
        return Ok(positions);
    }
    fit::centre(&mut positions);
    fit::align(&mut positions, &from);
    fit::even_out(&mut positions);
    fit::to_map(&mut positions);
    Ok(positions)
}

/// True neighbours of few rows; of many, almost.
fn neighbours(
    vectors: &dyn Rows,
    k: usize,
    cancel: &AtomicBool,
    progress: &(dyn Fn(f32) + Sync),
) -> Result<Knn, Cancelled> {
    if vectors.count() > EXACT {
        return approximate(vectors, k, cancel, progress);
    }
    knn_with(&collect(vectors, cancel)?, vectors.dim(), k, cancel, progress)
}

/// The share of the time that the neighbour search takes, by what was measured of both.
fn knn_share(count: usize, dim: usize, epochs: usize) -> f32 {
    let compared = (count as f32).min(EXACT as f32);
    let pairs = count as f32 * compared * (dim as f32 + 30.0) / 1.5e11;
    let moves = count as f32 * epochs as f32 * 0.2e-6;
    pairs / (pairs + moves)
}

/// Starting positions in [-10, 10], with a little noise so that no two points start at one place.
fn start(coarse: &[MapPos], seed: u64) -> Vec<[f32; 2]> {
    let reach = coarse.iter().map(|p| p.x.abs().max(p.y.abs())).fold(0.0, f32::max);
    let scale = if reach > 0.0 { START / reach } else { 0.0 };
    coarse
        .iter()
        .enumerate()
        .map(|(i, p)| {
            let mut random = Stream::new(seed, i as u64, u64::MAX);
            [p.x * scale + 1e-3 * random.signed(), p.y * scale + 1e-3 * random.signed()]
        })
        .collect()
}
