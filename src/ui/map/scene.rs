//! A layout prepared for drawing: its picking grid, the positions that points animate from, and its GPU buffers.

use std::sync::Arc;

use egui::Color32;

use crate::context::Snapshot;
use vicinity_core::{Layout, MapPos};

use super::bounds;
use super::camera::MapBounds;
use super::gpu::{Gpu, PositionBuffer};
use super::marks::Mark;
use super::picking::PickingGrid;

/// Added to what is fitted in the overview, as a share.
const OVERVIEW_MARGIN: f64 = 0.08;

/// A prepared layout.
#[derive(Debug)]
pub struct Scene {
    /// Positions of the points.
    pub layout: Arc<Layout>,
    /// A snapshot of the same epoch as the layout.
    pub snapshot: Arc<Snapshot>,
    /// Finds points by position.
    pub grid: PickingGrid,
    /// What is shown when all points are: all of them, or all but few that are far out.
    pub fitted: Option<MapBounds>,
    /// What the overview shows: a little more.
    pub overview: Option<MapBounds>,
    /// The rows that are far out.
    pub outliers: Vec<usize>,
    /// Positions in the previous scene; `None` if no point has moved.
    pub from: Option<Vec<MapPos>>,
    /// The positions on the GPU, if any.
    pub buffer: Option<PositionBuffer>,
}

impl Scene {
    /// Prepares `layout`. Points animate from their positions in `before`.
    pub fn new(layout: Arc<Layout>, snapshot: Arc<Snapshot>, before: Option<&Self>, gpu: Option<&Gpu>) -> Self {
        let same_library = |b: &&Self| b.snapshot.parts().library == snapshot.parts().library;
        let from = before.filter(same_library).and_then(|b| origins(&layout, &snapshot, b));
        let grid = PickingGrid::new(&layout.positions);
        let fitted = bounds::fitted(&layout, grid.bounds());
        let is_out = |pos: &MapPos| fitted.is_some_and(|fitted| !fitted.contains(*pos));
        let positions = layout.positions.iter().enumerate();
        let outliers = positions.filter(|(_, pos)| pos.x.is_finite() && is_out(pos)).map(|(row, _)| row).collect();
        let overview = fitted.map(|fitted| fitted.with_min_size(1e-3).scaled(1.0 + OVERVIEW_MARGIN));
        let buffer = gpu.map(|g| g.upload_positions(&layout.positions, from.as_deref()));
        Self { layout, snapshot, grid, fitted, overview, outliers, from, buffer }
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.layout.positions.len()
    }

    /// Position of a row at `glide_progress`, the progress of the animation from the previous scene; `None` if it has none.
    pub fn position(&self, row: usize, glide_progress: f32) -> Option<MapPos> {
        let to = self.layout.positions.get(row).copied().filter(is_placed)?;
        let Some(from) = self.from.as_ref().and_then(|f| f.get(row)) else { return Some(to) };
        let mix = |from: f32, to: f32| from + (to - from) * glide_progress;
        Some(MapPos { x: mix(from.x, to.x), y: mix(from.y, to.y) })
    }

    /// A mark on a row.
    pub fn mark(&self, row: usize, colour: Color32) -> Option<Mark> {
        let (from, to) = (self.position(row, 0.0)?, self.position(row, 1.0)?);
        Some(Mark::disc([from.x, from.y], [to.x, to.y], colour))
    }
}

/// Whether a point is drawn anywhere.
fn is_placed(pos: &MapPos) -> bool {
    pos.x.is_finite() && pos.y.is_finite()
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
        let origin = |(row, to): (usize, &MapPos)| old.get(row).copied().filter(is_placed).unwrap_or(*to);
        return Some(new.iter().enumerate().map(origin).collect());
    }
    // Rows refer to other items now, so match by item.
    let origin = |(row, to): (usize, &MapPos)| {
        let item = snapshot.item(row)?;
        before.snapshot.row_of(item.id).and_then(|r| old.get(r)).copied().filter(is_placed).or(Some(*to))
    };
    let from: Vec<MapPos> = new.iter().enumerate().map(|at| origin(at).unwrap_or(*at.1)).collect();
    (from != *new).then_some(from)
}
