//! A layout made ready to be drawn: picking grid, where each point glides from, buffers on the GPU.

use std::sync::Arc;

use crate::context::Snapshot;
use vicinity_core::{Layout, MapPos};

use super::gpu::{Gpu, Positions};
use super::picking::Grid;

/// See the module's documentation.
#[derive(Debug)]
pub struct Scene {
    /// Where the points lie.
    pub layout: Arc<Layout>,
    /// A snapshot of the layout's epoch.
    pub snapshot: Arc<Snapshot>,
    /// For picking.
    pub grid: Grid,
    /// Where each point lay before; `None` where nothing has moved.
    pub from: Option<Vec<MapPos>>,
    /// On the GPU.
    pub positions: Option<Positions>,
}

impl Scene {
    /// Makes `layout` ready; points glide from where they lie in `before`.
    pub fn new(layout: Arc<Layout>, snapshot: Arc<Snapshot>, before: Option<&Self>, gpu: Option<&Gpu>) -> Self {
        let same_library = |b: &&Self| b.snapshot.parts().library == snapshot.parts().library;
        let from = before.filter(same_library).and_then(|b| origins(&layout, &snapshot, b));
        let grid = Grid::new(&layout.positions);
        let positions = gpu.map(|g| g.upload_positions(&layout.positions, from.as_deref()));
        Self { layout, snapshot, grid, from, positions }
    }

    /// Points that have a position.
    pub fn len(&self) -> usize {
        self.layout.positions.len()
    }
}

/// Where each row of `layout` lies in `before`; new ones appear where they belong. `None` where nothing moves.
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
    // Rows mean other items now: follow the items.
    let origin = |(row, to): (usize, &MapPos)| {
        let item = snapshot.item(row)?;
        before.snapshot.row_of(item.id).and_then(|r| old.get(r)).copied().or(Some(*to))
    };
    let from: Vec<MapPos> = new.iter().enumerate().map(|at| origin(at).unwrap_or(*at.1)).collect();
    (from != *new).then_some(from)
}
