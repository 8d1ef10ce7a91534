//! The nearest neighbours of all items, which several artefacts are made of: found once for each collection.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use super::centred::Centred;
use crate::{GraphMeasures, Snapshot};
use vicinity_layout::{Cancelled, neighbours};

/// Neighbours of each item, as many as the layout has.
const NEIGHBOURS: usize = 15;

/// Each item with its nearest by cosine of centred vectors.
#[derive(Clone)]
pub struct NeighbourGraph {
    /// Neighbours of each row: 15, or fewer in a small collection.
    pub k: usize,
    /// The rows of the `k` nearest of each row, the nearest first; `u32::MAX` where a row has no vector.
    pub nearest: Arc<[u32]>,
    /// What they show about each item.
    pub measures: Arc<GraphMeasures>,
}

/// What a graph was made of: epoch, rows and dimensions of a snapshot.
type SnapshotKey = (u64, usize, usize);

/// The graph that was found last. Cheap to clone.
#[derive(Clone, Default)]
pub struct LatestGraph(Arc<Mutex<Option<(SnapshotKey, NeighbourGraph)>>>);

impl LatestGraph {
    /// The graph of a snapshot. Finds it on the current thread pool, unless it is the latest; whoever else wants it then waits.
    ///
    /// # Errors
    /// When cancelled.
    pub fn of(&self, snapshot: &Snapshot, cancelled: &AtomicBool) -> Result<NeighbourGraph, Cancelled> {
        let key = (snapshot.epoch(), snapshot.len(), snapshot.dim());
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, graph)) = latest.as_ref().filter(|(of, _)| *of == key) {
            return Ok(graph.clone());
        }
        let mut found = neighbours(&Centred::new(snapshot), NEIGHBOURS, cancelled, &|_| {})?;
        let is_known = |row| snapshot.vector(row).is_some();
        let measures = GraphMeasures::new(key.0, found.k, &found.indices, &found.distances, is_known);
        // Where nothing is known, the first rows would be the nearest.
        let lists = found.indices.chunks_mut(found.k.max(1)).enumerate().filter(|(row, _)| !is_known(*row));
        lists.for_each(|(_, list)| list.fill(u32::MAX));
        let graph = NeighbourGraph { k: found.k, nearest: found.indices.into(), measures: Arc::new(measures) };
        *latest = Some((key, graph.clone()));
        Ok(graph)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{SnapshotParts, Vectors};
    use crate::visible::tests::{item, of_chunks_with_roots};
    use vicinity_models::ModelKey;

    #[test]
    fn what_has_no_vector_has_no_neighbours_and_a_graph_is_found_once() {
        let bare = of_chunks_with_roots(vec![Arc::new((0..4).map(item).collect())], &[]);
        let snapshot = Snapshot::new(SnapshotParts {
            vector_rows: vec![Arc::new(vec![0, 1, u32::MAX, 2])],
            vectors: Vectors::Owned(Arc::from([1.0, 0.0, 0.8, 0.6, 0.0, 1.0])),
            model: ModelKey { dim: 2, ..bare.parts().model.clone() },
            means: [Arc::from([0.0, 0.0]), Arc::from([0.0, 0.0])],
            ..bare.parts().clone()
        });
        let (latest, going) = (LatestGraph::default(), AtomicBool::new(false));
        let graph = latest.of(&snapshot, &going).expect("not cancelled");
        assert_eq!((graph.k, &graph.nearest[6..9]), (3, &[u32::MAX; 3][..]));
        assert_eq!(graph.nearest[0], 1);
        assert!(graph.measures.typical[2].is_nan() && graph.measures.typical[1] >= 2.0);
        let again = latest.of(&snapshot, &AtomicBool::new(true)).expect("nothing is left to do");
        assert!(Arc::ptr_eq(&again.nearest, &graph.nearest));
    }
}
