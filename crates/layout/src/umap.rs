//! A layout that keeps neighbours together: UMAP (McInnes, Healy and Melville 2018), deterministic.

use std::sync::atomic::AtomicBool;

use super::curve::Curve;
use super::incremental::{Anchors, PreviousLayout};
use super::neighbours::{MAX_EXACT_ROWS, neighbours};
use super::optimise::{OptimiserParams, optimise};
use super::vector_source::VectorSource;
use super::{Cancelled, align, fuzzy, pca, spectral};
use vicinity_core::{MapPos, MapStage};

/// Epochs of few points, and the fewest of many.
const EPOCHS: (usize, usize) = (500, 200);
/// Above this many points the epochs decrease with the square root of the number.
const MANY_POINTS: usize = 30_000;
/// Fewer points have no neighbourhoods.
const MIN_POINTS: usize = 4;
/// Half the side of the square in which points start; the forces have a reach of about 1.
const START_EXTENT: f32 = 10.0;

/// Parameters of the layout.
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

/// Lays vectors out so that neighbours by cosine stay neighbours. With `standing`, a place for each row, the layout
/// starts there and keeps what stands where it is; otherwise it is a function of vectors and parameters alone.
/// `progress` receives the stage and the share of the whole that is done, in [0, 1].
///
/// # Errors
/// When cancelled.
pub fn umap(
    vectors: &dyn VectorSource,
    params: &UmapParams,
    standing: Option<PreviousLayout<'_>>,
    cancel: &AtomicBool,
    progress: &(dyn Fn(MapStage, f32) + Sync),
) -> Result<Vec<MapPos>, Cancelled> {
    let count = vectors.count();
    let standing = standing.filter(|s| s.positions.len() == count && s.settled <= count && count >= MIN_POINTS);
    let coarse = if standing.is_none() { pca::raw(vectors, cancel)? } else { Vec::new() };
    if count < MIN_POINTS {
        let mut positions = coarse;
        align::to_map(&mut positions);
        return Ok(positions);
    }
    let epochs = params.epochs.unwrap_or_else(|| epochs(count));
    let knn_share = knn_share(count, vectors.dim(), epochs);
    let found = |share| progress(MapStage::Neighbours, knn_share * share);
    found(0.0);
    let knn = neighbours(vectors, params.neighbours.max(2), cancel, &found)?;
    let graph = fuzzy::graph(&knn, cancel)?;
    drop(knn);
    let (curve, seed) = (Curve::new(params.min_dist), params.seed);
    let arranged = |start, anchors| {
        optimise(&graph, start, &OptimiserParams { curve, epochs, anchors, seed }, cancel, &|share| {
            progress(MapStage::Arranging, 1.0 - (1.0 - knn_share) * (1.0 - share));
        })
    };
    if let Some(standing) = standing {
        let (anchors, start) = Anchors::new(&graph, standing, curve, seed);
        return Ok(anchors.on_map(&arranged(start, Some(&anchors))?));
    }
    let end = arranged(start(&spectral::layout(&graph, &coarse, cancel)?, seed), None)?;
    let mut positions: Vec<MapPos> = end.iter().map(|p| MapPos { x: p[0], y: p[1] }).collect();
    align::centre(&mut positions);
    align::align(&mut positions, &coarse);
    align::even_out(&mut positions);
    align::to_map(&mut positions);
    Ok(positions)
}

/// Rounds of moving for this many points.
fn epochs(count: usize) -> usize {
    let (most, fewest) = EPOCHS;
    let share = (MANY_POINTS as f32 / count as f32).sqrt().min(1.0);
    ((most as f32 * share) as usize).max(fewest)
}

/// The share of the time that the neighbour search takes, by what was measured of both.
fn knn_share(count: usize, dim: usize, epochs: usize) -> f32 {
    let rows = count as f32;
    let compared = if count <= MAX_EXACT_ROWS { rows } else { 5000.0 * (rows / 200_000.0).max(1.0) };
    let pairs = rows * compared * (dim as f32 + 30.0) * 1e-11;
    let moves = rows * epochs as f32 * 0.7e-6;
    pairs / (pairs + moves)
}

/// Starting points in [-10, 10].
fn start(coarse: &[MapPos], seed: u64) -> Vec<[f32; 2]> {
    let reach = coarse.iter().map(|p| p.x.abs().max(p.y.abs())).fold(0.0, f32::max);
    let scale = if reach > 0.0 { START_EXTENT / reach } else { 0.0 };
    align::apart(&coarse.iter().map(|p| [p.x * scale, p.y * scale]).collect::<Vec<_>>(), seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_points_get_fewer_epochs_but_never_few() {
        assert_eq!([4, 15_000, 30_000, 120_000, 10_000_000].map(epochs), [500, 500, 500, 250, 200]);
    }
}
