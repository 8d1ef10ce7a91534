//! A layout prepared for drawing: its picking grid, the positions that points animate from, and its GPU buffers.

use std::sync::Arc;

use crate::context::Snapshot;
use vicinity_core::{Layout, MapPos};

use super::gpu::{Gpu, PositionBuffer};
use super::picking::PickingGrid;

/// A prepared layout.
#[derive(Debug)]
pub struct Scene {
    /// Positions of the points.
    pub layout: Arc<Layout>,
    /// A snapshot of the same epoch as the layout.
    pub snapshot: Arc<Snapshot>,
    /// Finds points by position.
    pub grid: PickingGrid,
    /// Positions in the previous scene; `None` if no point has moved.
    pub from: Option<Vec<MapPos>>,
    /// The positions on the GPU, if any.
    pub positions: Option<PositionBuffer>,
}

impl Scene {
    /// Prepares `layout`. Points animate from their positions in `before`.
    pub fn new(layout: Arc<Layout>, snapshot: Arc<Snapshot>, before: Option<&Self>, gpu: Option<&Gpu>) -> Self {
        let same_library = |b: &&Self| b.snapshot.parts().library == snapshot.parts().library;
        let from = before.filter(same_library).and_then(|b| origins(&layout, &snapshot, b));
        let grid = PickingGrid::new(&layout.positions);
        let positions = gpu.map(|g| g.upload_positions(&layout.positions, from.as_deref()));
        Self { layout, snapshot, grid, from, positions }
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.layout.positions.len()
    }
}

/// The position of each row of `layout` in `before`; new points start at their final position. `None` if nothing
/// moves.
fn origins(layout: &Layout, snapshot: &Snapshot, before: &Scene) -> Option<Vec<MapPos>> {
    let old = &before.layout.positions;
    let new = &layout.positions;
    if layout.epoch == before.layout.epoch {
        let kept = old.len().min(new.len());
        if old[..kept] == new[..kept] {
            return None;
        }
        return Some(old[..kept].iter().chain(&new[kept..]).copied().collect());
    }
    // Rows refer to other items now, so match by item.
    let origin = |(row, to): (usize, &MapPos)| {
        let item = snapshot.item(row)?;
        before.snapshot.row_of(item.id).and_then(|r| old.get(r)).copied().or(Some(*to))
    };
    let from: Vec<MapPos> = new.iter().enumerate().map(|at| origin(at).unwrap_or(*at.1)).collect();
    (from != *new).then_some(from)
}
