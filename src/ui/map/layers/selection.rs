//! The selection: a ring around each selected point, or one outline where they are dense.

use std::sync::Arc;

use egui::{Painter, Stroke};

use crate::context::{Selection, Snapshot};
use vicinity_core::{Filter, MapPos, SearchResult};

use super::super::arc_key::ArcKey;
use super::super::marks::{Mark, MarkShape, Marks};
use super::super::scene::Scene;
use super::super::scene_cache::MAX_ROWS_IN_FRAME;
use super::outline::{self, LineSegment};
use super::{LayerContext, MapLayer};

/// Maximum number of selected items with a ring. A larger selection dims the other points instead.
pub const MAX_RINGS: usize = 300;

/// The selected items.
pub struct SelectedItems;

/// Everything the rings and the outline depend on.
#[derive(PartialEq)]
pub struct SelectionMarksKey {
    scene: ArcKey<Scene>,
    snapshot: ArcKey<Snapshot>,
    selection: ArcKey<Selection>,
    /// The filter whose excluded items get no ring.
    filter: Option<Filter>,
    /// The search whose misses get no ring.
    search: Option<ArcKey<SearchResult>>,
    scale_step: i32,
    dark: bool,
}

/// What is drawn for the selection.
pub struct Highlight {
    rings: Marks,
    outline: Vec<LineSegment>,
}

impl MapLayer for SelectedItems {
    type Key = SelectionMarksKey;
    type Data = Highlight;

    fn key(&self, map: &LayerContext<'_>) -> Option<SelectionMarksKey> {
        let selected = map.selection.items.len();
        // A single ring is the same at every scale.
        let scale_step = if selected < 2 { 0 } else { outline::scale_step(map.target.points_per_unit) };
        (selected > 0).then(|| SelectionMarksKey {
            scene: ArcKey(Arc::clone(map.scene)),
            snapshot: ArcKey(Arc::clone(map.snapshot)),
            selection: ArcKey(Arc::clone(map.selection)),
            filter: map.colours.hiding_filter().cloned(),
            search: map.colours.hiding_search().cloned(),
            scale_step,
            dark: map.theme.dark,
        })
    }

    fn prepare(&self, map: &LayerContext<'_>) -> impl FnOnce() -> Highlight + Send + 'static {
        let (scene, snapshot, gpu) = (Arc::clone(map.scene), Arc::clone(map.snapshot), map.gpu.cloned());
        let (selection, colours) = (Arc::clone(map.selection), Arc::clone(map.colours));
        let points_per_unit = outline::scale_of_step(outline::scale_step(map.target.points_per_unit));
        let colour = map.theme.accent;
        move || {
            let rows = selection.items.iter().filter_map(|id| snapshot.row_of(*id));
            let rows: Vec<usize> = rows.filter(|row| !colours.is_filtered_out(*row)).collect();
            let (alone, outline) = separate(&scene, &rows, points_per_unit);
            let ring = |row: &usize| Some(scene.mark(*row, colour)?.shaped(MarkShape::Ring, 1.35, 3.6));
            let rings: Vec<Mark> = alone.iter().filter_map(ring).collect();
            Highlight { rings: Marks::new(rings, gpu.as_deref()), outline }
        }
    }

    fn is_quick(&self, map: &LayerContext<'_>) -> bool {
        map.selection.items.len() <= MAX_ROWS_IN_FRAME
    }

    fn draw(&self, data: &Highlight, map: &LayerContext<'_>, painter: &Painter) {
        data.rings.draw(map, painter);
        if map.params.glide_progress < 1.0 {
            return;
        }
        let stroke = Stroke::new(2.0, map.theme.accent);
        map.draw_segments(painter, &data.outline, stroke);
    }
}

/// The selected rows that get a ring each, and the outline around the others.
fn separate(scene: &Scene, rows: &[usize], points_per_unit: f32) -> (Vec<usize>, Vec<LineSegment>) {
    let (rows, places): (Vec<usize>, Vec<MapPos>) =
        rows.iter().filter_map(|row| Some((*row, scene.position(*row, 1.0)?))).unzip();
    let dense = outline::dense(&places, points_per_unit);
    let alone = rows.iter().zip(&dense).filter(|(_, dense)| !**dense).map(|(row, _)| *row);
    let crowded: Vec<MapPos> =
        places.iter().zip(&dense).filter(|(_, dense)| **dense).map(|(place, _)| *place).collect();
    (alone.take(MAX_RINGS).collect(), outline::around(&crowded, points_per_unit))
}
