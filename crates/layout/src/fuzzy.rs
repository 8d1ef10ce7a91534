//! The weighted neighbour graph of UMAP (McInnes, Healy and Melville 2018, section 3.1 and algorithm 2).

use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::knn::{Incoming, Knn};
use super::{Cancelled, check};

/// Rows per task.
const BLOCK: usize = 1024;

/// A symmetric graph in compressed sparse row format.
pub struct Graph {
    /// Where each vertex's edges start; one entry more than vertices.
    pub starts: Vec<usize>,
    /// The other ends, ascending within a vertex.
    pub ends: Vec<u32>,
    /// In (0, 1].
    pub weights: Vec<f32>,
}

/// Memberships of each row's neighbours, united over both directions: `w + w' - w w'`.
///
/// # Errors
/// When cancelled.
pub fn graph(knn: &Knn, cancel: &AtomicBool) -> Result<Graph, Cancelled> {
    let weights = memberships(knn);
    check(cancel)?;
    let incoming = Incoming::new(&knn.indices, knn.k);
    check(cancel)?;
    let count = knn.indices.len() / knn.k;
    let merged: Vec<Vec<Vec<(u32, f32)>>> = (0..count.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            check(cancel)?;
            let rows = block * BLOCK..((block + 1) * BLOCK).min(count);
            Ok(rows.map(|row| merge(row, knn, &weights, &incoming)).collect())
        })
        .collect::<Result<_, _>>()?;
    let mut graph = Graph { starts: Vec::with_capacity(count + 1), ends: Vec::new(), weights: Vec::new() };
    graph.starts.push(0);
    for edges in merged.into_iter().flatten() {
        graph.ends.extend(edges.iter().map(|e| e.0));
        graph.weights.extend(edges.iter().map(|e| e.1));
        graph.starts.push(graph.ends.len());
    }
    Ok(graph)
}

/// exp(-(d - rho) / sigma) for each neighbour, rho the distance to the nearest one that is not a duplicate, and sigma
/// such that a row's memberships add up to log2(k).
fn memberships(knn: &Knn) -> Vec<f32> {
    let mean = knn.distances.iter().map(|d| f64::from(*d)).sum::<f64>() / knn.distances.len().max(1) as f64;
    let mut weights = vec![0.0f32; knn.distances.len()];
    weights.par_chunks_exact_mut(knn.k).zip(knn.distances.par_chunks_exact(knn.k)).for_each(|(weights, distances)| {
        let rho = distances.iter().copied().find(|d| *d > 0.0).unwrap_or(0.0);
        let sigma = bandwidth(distances, rho, mean as f32);
        for (weight, distance) in weights.iter_mut().zip(distances) {
            let beyond = distance - rho;
            *weight = if beyond <= 0.0 || sigma <= 0.0 { 1.0 } else { (-beyond / sigma).exp() };
        }
    });
    weights
}

/// Bisection for sigma; bounded below by a thousandth of the mean distance (UMAP's `MIN_K_DIST_SCALE`).
fn bandwidth(distances: &[f32], rho: f32, mean_of_all: f32) -> f32 {
    let target = ((distances.len() + 1) as f32).log2();
    let sum =
        |sigma: f32| -> f32 { distances.iter().map(|d| if *d > rho { (-(d - rho) / sigma).exp() } else { 1.0 }).sum() };
    let (mut low, mut high, mut sigma) = (0.0f32, f32::INFINITY, 1.0f32);
    for _ in 0..48 {
        let value = sum(sigma);
        if (value - target).abs() < 1e-5 {
            break;
        }
        if value > target {
            high = sigma;
        } else {
            low = sigma;
        }
        sigma = if high.is_finite() { f32::midpoint(low, high) } else { sigma * 2.0 };
        if sigma > 1e6 {
            break; // all neighbours are equally close
        }
    }
    let mean = if rho > 0.0 { distances.iter().sum::<f32>() / distances.len() as f32 } else { mean_of_all };
    sigma.max(1e-3 * mean)
}

fn merge(row: usize, knn: &Knn, weights: &[f32], incoming: &Incoming) -> Vec<(u32, f32)> {
    let own = row * knn.k..(row + 1) * knn.k;
    let mut edges: Vec<(u32, f32)> =
        knn.indices[own.clone()].iter().copied().zip(weights[own].iter().copied()).collect();
    edges.extend(incoming.of(row).iter().map(|&edge| (edge / knn.k as u32, weights[edge as usize])));
    edges.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    edges.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = kept.1 + next.1 - kept.1 * next.1;
        }
        same
    });
    edges.retain(|e| e.1 > 0.0 && e.0 as usize != row);
    edges
}
