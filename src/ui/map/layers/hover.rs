//! The ring around the item under the pointer.

use egui::{Painter, Stroke};

use super::{LayerContext, MapLayer};

/// The ring around the item under the pointer, which may also be in a list beside the map.
pub struct HoverRing;

impl MapLayer for HoverRing {
    type Key = ();
    type Data = ();

    fn key(&self, _map: &LayerContext<'_>) -> Option<()> {
        Some(())
    }

    fn prepare(&self, _map: &LayerContext<'_>) -> impl FnOnce() + Send + 'static {
        || ()
    }

    fn draw(&self, (): &(), map: &LayerContext<'_>, painter: &Painter) {
        let row = map.hover.and_then(|id| map.snapshot.row_of(id));
        if let Some(at) = row.and_then(|row| map.row_on_screen(row)) {
            let stroke = Stroke::new(2.0, map.theme.text1);
            painter.circle_stroke(at, map.params.radius * 1.35 + 3.0, stroke);
        }
    }
}
