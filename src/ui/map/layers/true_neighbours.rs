//! Lines from the item under the pointer to its true neighbours: the items that are most like it, wherever the map has put them.

use egui::{Painter, Stroke};

use super::{LayerContext, LayerSwitch, MapLayer};

/// Opacity of a line to the nearest neighbour, and to the last.
const OPACITY: [f32; 2] = [0.75, 0.25];

/// Lines to the true neighbours.
pub struct TrueNeighbours;

impl MapLayer for TrueNeighbours {
    type Key = ();
    type Data = ();

    fn key(&self, map: &LayerContext<'_>) -> Option<()> {
        map.quality.map(|_| ())
    }

    fn prepare(&self, _map: &LayerContext<'_>) -> impl FnOnce() + Send + 'static {
        || ()
    }

    fn switch(&self) -> Option<LayerSwitch> {
        Some(LayerSwitch {
            name: "True neighbours",
            tooltip: "Lines from the item under the pointer to the 15 most like it, wherever they are",
        })
    }

    fn draw(&self, (): &(), map: &LayerContext<'_>, painter: &Painter) {
        let row = map.hover.and_then(|id| map.snapshot.row_of(id));
        let (Some(row), Some(quality)) = (row, map.quality) else { return };
        let Some(here) = map.row_on_screen(row) else { return };
        let ends = quality.neighbours_of(row).iter().map(|row| *row as usize).filter(|row| map.colours.is_drawn(*row));
        for (at, row) in ends.enumerate() {
            let Some(there) = map.row_on_screen(row) else { continue };
            let share = at as f32 / quality.k.max(1) as f32;
            let colour = map.theme.accent.gamma_multiply(OPACITY[0] + (OPACITY[1] - OPACITY[0]) * share);
            painter.line_segment([here, there], Stroke::new(1.2, colour));
            painter.circle_stroke(there, map.params.radius + 2.0, Stroke::new(1.2, colour));
        }
    }
}
