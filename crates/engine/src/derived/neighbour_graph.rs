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
    /// The rows of the `k` nearest of each row, the nearest first.
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
        let found = neighbours(&Centred::new(snapshot), NEIGHBOURS, cancelled, &|_| {})?;
        let is_known = |row| snapshot.vector(row).is_some();
        let measures = GraphMeasures::new(key.0, found.k, &found.indices, &found.distances, is_known);
        let graph = NeighbourGraph { k: found.k, nearest: found.indices.into(), measures: Arc::new(measures) };
        *latest = Some((key, graph.clone()));
        Ok(graph)
    }
}
