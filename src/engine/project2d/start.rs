//! Where the points of a layout start: at their principal components, smoothed along the neighbour graph.
//!
//! Smoothing draws each group of neighbours together at its place among the others, so that no group starts in two
//! pieces with others between them. Compared with Laplacian eigenmaps (with components packed apart) as the start:
//! groups stay whole alike, distances between groups are kept better, and nothing is special about disconnected parts.

use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::fuzzy::Graph;
use super::random::Stream;
use super::{Cancelled, check};
use crate::domain::MapPos;

/// Half the side of the square in which points start; the forces have a reach of about 1.
const REACH: f32 = 5.0;
const MOST_ROUNDS: usize = 200;
/// Smoothing ends when this share of the spread is left: a graph without groups would shrink to a point.
const LEAST_SPREAD: f32 = 0.25;
const BLOCK: usize = 1024;

/// Starting positions in [-5, 5], with a little noise so that no two points start at one place.
///
/// # Errors
/// When cancelled.
pub fn start(graph: &Graph, coarse: &[MapPos], seed: u64, cancel: &AtomicBool) -> Result<Vec<[f32; 2]>, Cancelled> {
    let mut positions: Vec<[f32; 2]> = coarse.iter().map(|p| [p.x, p.y]).collect();
    let least = LEAST_SPREAD * spread(&positions);
    for _ in 0..MOST_ROUNDS {
        check(cancel)?;
        positions = smoothed(graph, &positions);
        if spread(&positions) <= least {
            break;
        }
    }
    let reach = positions.iter().flatten().fold(0.0f32, |reach, x| reach.max(x.abs()));
    let scale = if reach > 0.0 { REACH / reach } else { 0.0 };
    for (i, p) in positions.iter_mut().enumerate() {
        let mut random = Stream::new(seed, i as u64, u64::MAX);
        *p = p.map(|x| x * scale + 1e-2 * random.signed());
    }
    Ok(positions)
}

/// Each point at the weighted mean of itself and its neighbours.
fn smoothed(graph: &Graph, positions: &[[f32; 2]]) -> Vec<[f32; 2]> {
    let mut out = vec![[0.0f32; 2]; positions.len()];
    out.par_chunks_mut(BLOCK).enumerate().for_each(|(block, out)| {
        for (i, out) in out.iter_mut().enumerate() {
            let vertex = block * BLOCK + i;
            let ([mut x, mut y], mut sum) = (positions[vertex], 1.0);
            for (end, weight) in graph.edges(vertex) {
                x += weight * positions[end][0];
                y += weight * positions[end][1];
                sum += weight;
            }
            *out = [x / sum, y / sum];
        }
    });
    out
}

/// Root mean square distance from the mean.
fn spread(positions: &[[f32; 2]]) -> f32 {
    let n = positions.len().max(1) as f64;
    let variance = |axis: usize| {
        let (sum, squares) = positions.iter().fold((0.0f64, 0.0f64), |(sum, squares), p| {
            let x = f64::from(p[axis]);
            (sum + x, squares + x * x)
        });
        (squares / n - (sum / n) * (sum / n)).max(0.0)
    };
    (variance(0) + variance(1)).sqrt() as f32
}
