//! A layout that keeps neighbours together: UMAP (McInnes, Healy and Melville 2018), deterministic.

use std::sync::atomic::AtomicBool;

use super::knn::knn_with;
use super::optimise::{Curve, optimise};
use super::random::Stream;
use super::{Cancelled, check, fit, fuzzy, pca, rows};
use crate::domain::MapPos;

/// Above this many points 200 epochs are enough.
const MANY: usize = 10_000;
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

/// Lays `vectors` (rows of `dim` finite numbers) out so that neighbours by cosine stay neighbours. `progress` is told
/// the share done, in [0, 1].
///
/// # Errors
/// When cancelled.
pub fn umap(
    vectors: &[f32],
    dim: usize,
    params: &UmapParams,
    cancel: &AtomicBool,
    progress: &(dyn Fn(f32) + Sync),
) -> Result<Vec<MapPos>, Cancelled> {
    let count = rows(vectors, dim);
    let coarse = pca::raw(vectors, dim, cancel)?;
    if count < 4 {
        let mut positions = coarse;
        fit::to_map(&mut positions);
        return Ok(positions);
    }
    let epochs = params.epochs.unwrap_or(if count > MANY { 200 } else { 500 });
    let knn_share = knn_share(count, dim, epochs);
    let knn = knn_with(vectors, dim, params.neighbours.max(2), cancel, &|share| progress(knn_share * share))?;
    let graph = fuzzy::graph(&knn, cancel)?;
    drop(knn);
    check(cancel)?;
    let start = start(&coarse, params.seed);
    let curve = Curve::new(params.min_dist);
    let end = optimise(&graph, start, curve, epochs, params.seed, cancel, &|share| {
        progress(knn_share + (1.0 - knn_share) * share);
    })?;
    let mut positions: Vec<MapPos> = end.iter().map(|p| MapPos { x: p[0], y: p[1] }).collect();
    fit::centre(&mut positions);
    fit::align(&mut positions, &coarse);
    fit::even_out(&mut positions);
    fit::to_map(&mut positions);
    Ok(positions)
}

/// The share of the time that the neighbour search takes, by what was measured of both.
fn knn_share(count: usize, dim: usize, epochs: usize) -> f32 {
    let pairs = count as f32 * count as f32 * (dim as f32 + 30.0) / 1.5e11;
    let moves = count as f32 * epochs as f32 * 0.5e-6;
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
