//! Where the layout starts: positions from the neighbour graph, in which what is connected is near.
//!
//! Two eigenvectors of the normalised graph Laplacian (Belkin and Niyogi 2003; UMAP starts from them, McInnes, Healy and
//! Melville 2018, section 4.2). They need not be exact: the forces do the rest. The search for them begins at the principal
//! components, so that parts without a connection, which have infinitely many such vectors, lie where their means are.

use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::fuzzy::Graph;
use super::{Cancelled, check, lanczos};
use vicinity_core::MapPos;

/// More steps do not change the final layout visibly.
const LANCZOS_STEPS: usize = 32;
/// Vertices per task.
const BLOCK: usize = 1024;

/// Positions in arbitrary units, as near to `coarse` as the graph permits.
///
/// # Errors
/// When cancelled.
pub fn layout(graph: &Graph, coarse: &[MapPos], cancel: &AtomicBool) -> Result<Vec<MapPos>, Cancelled> {
    let roots: Vec<f32> = (0..coarse.len()).map(|vertex| degree(graph, vertex).sqrt()).collect();
    let length = roots.iter().map(|root| f64::from(*root).powi(2)).sum::<f64>().sqrt();
    let trivial = roots.iter().map(|root| (f64::from(*root) / length) as f32).collect();
    let mut axes: Vec<Vec<f32>> = vec![trivial];
    for of in [|p: &MapPos| p.x, |p: &MapPos| p.y] {
        let start = coarse.iter().zip(&roots).map(|(p, root)| of(p) * root).collect();
        let found = lanczos::largest(start, 1, LANCZOS_STEPS, &axes, |x, y| {
            check(cancel)?;
            smooth(graph, &roots, x, y);
            Ok(())
        })?;
        axes.push(found.into_iter().next().unwrap_or_else(|| vec![0.0; coarse.len()]));
    }
    let at = |vertex: usize| MapPos { x: axes[1][vertex] / roots[vertex], y: axes[2][vertex] / roots[vertex] };
    Ok((0..coarse.len()).map(at).collect())
}

/// The sum of a vertex's weights; never 0.
fn degree(graph: &Graph, vertex: usize) -> f32 {
    graph.weights[graph.starts[vertex]..graph.starts[vertex + 1]].iter().sum::<f32>().max(1e-6)
}

/// `y` = (1 + A) x / 2 for the normalised adjacency matrix A: its largest eigenvalues are those of the smoothest vectors.
fn smooth(graph: &Graph, roots: &[f32], x: &[f32], y: &mut [f32]) {
    y.par_chunks_mut(BLOCK).enumerate().for_each(|(block, y)| {
        for (vertex, y) in (block * BLOCK..).zip(y) {
            let edges = graph.starts[vertex]..graph.starts[vertex + 1];
            let (ends, weights) = (&graph.ends[edges.clone()], &graph.weights[edges]);
            let neighbour = |(&end, weight): (&u32, &f32)| weight * x[end as usize] / roots[end as usize];
            let sum: f32 = ends.iter().zip(weights).map(neighbour).sum();
            *y = 0.5 * (x[vertex] + sum / roots[vertex]);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vertices in a row, each connected with the next; `without` cuts one of these edges.
    fn chain(count: usize, without: Option<usize>) -> Graph {
        let mut graph = Graph { starts: vec![0], ends: Vec::new(), weights: Vec::new() };
        for vertex in 0..count {
            let before = vertex.checked_sub(1).filter(|before| without != Some(*before));
            let after = Some(vertex + 1).filter(|after| *after < count && without != Some(vertex));
            graph.ends.extend(before.into_iter().chain(after).map(|end| end as u32));
            graph.weights.resize(graph.ends.len(), 1.0);
            graph.starts.push(graph.ends.len());
        }
        graph
    }

    fn started(graph: &Graph) -> Vec<MapPos> {
        let zigzag = |vertex: usize| MapPos { x: (vertex % 5) as f32, y: (vertex % 3) as f32 };
        let coarse: Vec<MapPos> = (1..graph.starts.len()).map(zigzag).collect();
        layout(graph, &coarse, &AtomicBool::new(false)).expect("nobody cancelled")
    }

    #[test]
    fn a_chain_is_laid_out_in_order() {
        let positions = started(&chain(20, None));
        let ascending = positions.is_sorted_by(|a, b| a.x < b.x);
        assert!(ascending || positions.is_sorted_by(|a, b| a.x > b.x), "{positions:?}");
    }

    #[test]
    fn parts_without_a_connection_and_single_points_get_finite_positions() {
        for (count, without) in [(1, None), (2, None), (2, Some(0)), (3, Some(0)), (9, Some(4))] {
            let positions = started(&chain(count, without));
            assert_eq!(positions.len(), count);
            assert!(positions.iter().all(|p| p.x.is_finite() && p.y.is_finite()), "{count}: {positions:?}");
        }
    }

    #[test]
    fn parts_without_a_connection_lie_together_each() {
        let positions = started(&chain(30, Some(9)));
        let (first, second) = positions.split_at(10);
        let least = |part: &[MapPos]| part.iter().map(|p| p.x).fold(f32::MAX, f32::min);
        let most = |part: &[MapPos]| part.iter().map(|p| p.x).fold(f32::MIN, f32::max);
        let (within, all) = (most(first) - least(first), most(&positions) - least(&positions));
        assert!(within < 0.05 * all && most(second) - least(second) < 0.05 * all, "{positions:?}");
    }

    #[test]
    fn it_can_be_cancelled() {
        assert!(layout(&chain(20, None), &[MapPos::default(); 20], &AtomicBool::new(true)).is_err());
    }
}
