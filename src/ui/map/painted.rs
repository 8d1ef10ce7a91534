//! The points as circles of egui: for tests, and where there is no GPU to draw them. Slow beyond some ten thousand.

use egui::{Color32, Painter, Pos2, Stroke};

use super::gpu::Look;
use super::marks::{Mark, Shape};
use super::prepared::Prepared;

/// Most points painted this way; of more, every so many.
const MOST: usize = 20_000;

/// Paints points and marks.
pub fn paint(painter: &Painter, shown: &Prepared, look: &Look, time: f64) {
    let (Some(scene), Some(colours)) = (&shown.scene, &shown.colours) else { return };
    let (below, above) = shown.marks.all.split_at(shown.marks.below);
    below.iter().for_each(|m| mark(painter, m, look));
    let rows = scene.len().min(colours.rgba.len());
    for row in (0..rows).step_by(rows / MOST + 1) {
        let [r, g, b, a] = colours.rgba[row];
        if let Some(at) = shown.place(row, time).map(|p| look.camera.screen_from_map(look.area, p)) {
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

fn mark(painter: &Painter, mark: &Mark, look: &Look) {
    let part = |i: usize| mark.from[i] + (mark.to[i] - mark.from[i]) * look.glided;
    let at = look.camera.screen_from_map(look.area, vicinity_core::MapPos { x: part(0), y: part(1) });
    let [r, g, b, a] = mark.rgba;
    let radius = look.radius * mark.times + mark.plus;
    let colour = Color32::from_rgba_unmultiplied(r, g, b, a);
    if mark.shape == Shape::Ring as u32 {
        painter.circle_stroke(at, radius - 0.9, Stroke::new(1.8, colour));
    } else if mark.shape == Shape::Disc as u32 {
        disc(painter, at, radius, colour);
    } else {
        disc(painter, at, radius * 0.6, colour.gamma_multiply(0.3));
    }
}
