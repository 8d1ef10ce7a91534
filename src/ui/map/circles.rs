//! Points drawn as egui circles: for tests and systems without a GPU. Slow beyond some ten thousand points.

use egui::{Color32, Painter, Pos2, Stroke};

use super::gpu::FrameParams;
use super::marks::{Mark, MarkShape};
use super::scene_cache::SceneCache;

/// Maximum number of points drawn this way; with more, an evenly spaced sample is drawn.
const MOST: usize = 20_000;

/// Draws points and marks.
pub fn paint(painter: &Painter, shown: &SceneCache, look: &FrameParams, time: f64) {
    let (Some(scene), Some(colours)) = (&shown.scene, &shown.colours) else { return };
    let (below, above) = shown.marks.all.split_at(shown.marks.below);
    below.iter().for_each(|m| mark(painter, m, look));
    let rows = scene.len().min(colours.rgba.len());
    for row in (0..rows).step_by(rows / MOST + 1) {
        let [r, g, b, a] = colours.rgba[row];
        if let Some(at) = shown.position(row, time).map(|p| look.camera.screen_from_map(look.area, p)) {
            let opacity = (f32::from(a) * look.opacity) as u8;
            disc(painter, at, look.radius, Color32::from_rgba_unmultiplied(r, g, b, opacity));
        }
    }
    above.iter().for_each(|m| mark(painter, m, look));
}

fn disc(painter: &Painter, at: Pos2, radius: f32, colour: Color32) {
    if painter.clip_rect().expand(radius).contains(at) {
        painter.circle_filled(at, radius, colour);
    }
}

fn mark(painter: &Painter, mark: &Mark, look: &FrameParams) {
    let part = |i: usize| mark.from[i] + (mark.to[i] - mark.from[i]) * look.glide_progress;
    let at = look.camera.screen_from_map(look.area, vicinity_core::MapPos { x: part(0), y: part(1) });
    let [r, g, b, a] = mark.rgba;
    let radius = look.radius * mark.radius_scale + mark.radius_offset;
    let colour = Color32::from_rgba_unmultiplied(r, g, b, a);
    if mark.shape == MarkShape::Ring as u32 {
        painter.circle_stroke(at, radius - 0.9, Stroke::new(1.8, colour));
    } else if mark.shape == MarkShape::Disc as u32 {
        disc(painter, at, radius, colour);
    } else {
        disc(painter, at, radius * 0.6, colour.gamma_multiply(0.3));
    }
}
