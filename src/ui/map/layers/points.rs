//! The points: every item in its colour.

use std::sync::Arc;

use egui::{Color32, Painter};

use super::super::circles;
use super::super::gpu::Drawing;
use super::{LayerContext, MapLayer};

/// The points of all items. Positions and colours are prepared with the scene, since picking needs them, too.
pub struct Points;

impl MapLayer for Points {
    type Key = ();
    type Data = ();

    fn key(&self, _map: &LayerContext<'_>) -> Option<()> {
        Some(())
    }

    fn prepare(&self, _map: &LayerContext<'_>) -> impl FnOnce() + Send + 'static {
        || ()
    }

    fn draw(&self, (): &(), map: &LayerContext<'_>, painter: &Painter) {
        match (map.gpu, &map.scene.buffer, &map.colours.buffer) {
            (Some(gpu), Some(positions), Some(colours)) => {
                let points = Drawing::Points(positions.clone(), colours.clone());
                painter.add(points.shape(Arc::clone(gpu), map.params));
            }
            _ => draw_circles(map, painter),
        }
    }
}

/// Maximum number of circles; with more points, an evenly spaced sample is drawn.
const MAX_CIRCLES: usize = 20_000;

fn draw_circles(map: &LayerContext<'_>, painter: &Painter) {
    let rows = map.scene.len().min(map.colours.rgba.len());
    for row in (0..rows).step_by(rows / MAX_CIRCLES + 1) {
        let [r, g, b, a] = map.colours.rgba[row];
        if let Some(at) = map.row_on_screen(row).filter(|_| a > 0) {
            let opacity = (f32::from(a) * map.params.opacity) as u8;
            circles::disc(painter, at, map.params.radius, Color32::from_rgba_unmultiplied(r, g, b, opacity));
        }
    }
}
