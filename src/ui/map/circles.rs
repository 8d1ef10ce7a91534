//! Points and marks drawn as egui circles: for tests and systems without a GPU.

use egui::{Color32, Painter, Pos2, Stroke};

use super::gpu::FrameParams;
use super::marks::{Mark, MarkShape};

/// Draws a disc if it is visible.
pub fn disc(painter: &Painter, centre: Pos2, radius: f32, colour: Color32) {
    if painter.clip_rect().expand(radius).contains(centre) {
        painter.circle_filled(centre, radius, colour);
    }
}

/// Draws a mark.
pub fn mark(painter: &Painter, mark: &Mark, params: &FrameParams) {
    let mix = |i: usize| mark.from[i] + (mark.to[i] - mark.from[i]) * params.glide_progress;
    let centre = params.camera.screen_from_map(params.area, vicinity_core::MapPos { x: mix(0), y: mix(1) });
    let [r, g, b, a] = mark.rgba;
    let radius = params.radius * mark.radius_scale + mark.radius_offset;
    let colour = Color32::from_rgba_unmultiplied(r, g, b, a);
    if mark.shape == MarkShape::Ring as u32 {
        painter.circle_stroke(centre, radius - 0.9, Stroke::new(1.8, colour));
    } else if mark.shape == MarkShape::Disc as u32 {
        disc(painter, centre, radius, colour);
    } else {
        disc(painter, centre, radius * 0.6, colour.gamma_multiply(0.3));
    }
}
