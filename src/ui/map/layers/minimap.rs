//! The picture of the whole map that the overview shows, and the frame of the view in it.

use std::sync::Arc;

use egui::{Color32, ColorImage, Painter, Rect, Stroke, StrokeKind, TextureHandle, TextureOptions, pos2};

use crate::ui::theme::RADIUS;
use vicinity_core::MapPos;

use super::super::arc_key::ArcKey;
use super::super::camera::MapBounds;
use super::super::colours::PointColours;
use super::super::minimap::{MIN_ZOOM, place};
use super::super::scene::Scene;
use super::{LayerContext, LayerSwitch, MapLayer};

/// Longest side of the picture, pixels.
const PIXELS: f64 = 140.0;
/// Opacity of a pixel with one point.
const FAINTEST: f32 = 0.55;

/// Its switch.
pub const MINIMAP: LayerSwitch =
    LayerSwitch { name: "Overview", tooltip: "While zoomed in: the whole map in a corner, with the part in view" };

/// The overview.
pub struct Minimap;

/// How many visible points are in each place of the whole map.
pub struct Overview {
    scene: ArcKey<Scene>,
    texture: TextureHandle,
    bounds: MapBounds,
}

impl MapLayer for Minimap {
    type Key = (ArcKey<Scene>, ArcKey<PointColours>);
    type Data = Option<Overview>;

    fn switch(&self) -> Option<LayerSwitch> {
        Some(MINIMAP)
    }

    fn key(&self, map: &LayerContext<'_>) -> Option<Self::Key> {
        let key = || (ArcKey(Arc::clone(map.scene)), ArcKey(Arc::clone(map.colours)));
        (map.zoom >= MIN_ZOOM && map.scene.overview.is_some()).then(key)
    }

    fn prepare(&self, map: &LayerContext<'_>) -> impl FnOnce() -> Option<Overview> + Send + 'static {
        let (scene, colours, egui) = (Arc::clone(map.scene), Arc::clone(map.colours), map.background.egui.clone());
        move || {
            let bounds = scene.overview?;
            let image = picture(&scene.layout.positions, &colours.rgba, bounds, |row| colours.is_visible(row));
            let texture = egui.load_texture("map overview", image, TextureOptions::LINEAR);
            Some(Overview { scene: ArcKey(scene), texture, bounds })
        }
    }

    fn is_quick(&self, map: &LayerContext<'_>) -> bool {
        map.scene.len() <= super::super::scene_cache::MAX_ROWS_IN_FRAME
    }

    fn draw(&self, overview: &Option<Overview>, map: &LayerContext<'_>, painter: &Painter) {
        let Some(overview) = overview.as_ref().filter(|overview| Arc::ptr_eq(&overview.scene.0, map.scene)) else {
            return;
        };
        let place = place(map.params.area, overview.bounds);
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        painter.rect_filled(place.expand(1.0), RADIUS[0], map.theme.panel);
        painter.image(overview.texture.id(), place, whole, Color32::WHITE);
        painter.rect_stroke(place, RADIUS[0], Stroke::new(1.0, map.theme.line), StrokeKind::Outside);
        let frame = view_in(place, overview.bounds, map);
        painter.rect_filled(frame, 0, map.theme.accent_fill);
        painter.rect_stroke(frame, 0, Stroke::new(1.5, map.theme.accent), StrokeKind::Inside);
    }
}

/// The part in view, at least so large that it is seen.
fn view_in(place: Rect, bounds: MapBounds, map: &LayerContext<'_>) -> Rect {
    let [width, height] = bounds.size();
    let at = |corner: egui::Pos2| {
        let [x, y] = map.params.camera.map_from_screen(map.params.area, corner);
        let share = [(x - bounds.min[0]) / width, (bounds.max[1] - y) / height].map(|share| share as f32);
        place.clamp(place.min + egui::vec2(share[0], share[1]) * place.size())
    };
    let frame = Rect::from_min_max(at(map.params.area.min), at(map.params.area.max));
    let least = egui::vec2(6.0, 6.0);
    Rect::from_center_size(frame.center(), frame.size().max(least)).intersect(place)
}

/// Each pixel has the mean colour of its points, the more opaque the more there are.
fn picture(
    positions: &[MapPos],
    rgba: &[[u8; 4]],
    bounds: MapBounds,
    is_visible: impl Fn(usize) -> bool,
) -> ColorImage {
    let [width, height] = bounds.size().map(|side| side.max(1e-6));
    let scale = PIXELS / width.max(height);
    let [columns, lines] = [width, height].map(|side| (side * scale).ceil().max(1.0) as usize);
    let mut cells = vec![[0.0_f32; 4]; columns * lines];
    for (row, (pos, [r, g, b, _])) in positions.iter().zip(rgba).enumerate() {
        let column = (f64::from(pos.x) - bounds.min[0]) / width * columns as f64;
        let line = (bounds.max[1] - f64::from(pos.y)) / height * lines as f64;
        // Not so for positions that are no numbers, either.
        let inside = column >= 0.0 && line >= 0.0 && column <= columns as f64 && line <= lines as f64;
        if !inside || !is_visible(row) {
            continue;
        }
        let at = (line as usize).min(lines - 1) * columns + (column as usize).min(columns - 1);
        if let Some(cell) = cells.get_mut(at) {
            for (sum, value) in cell.iter_mut().zip([f32::from(*r), f32::from(*g), f32::from(*b), 1.0]) {
                *sum += value;
            }
        }
    }
    let most = cells.iter().map(|cell| cell[3]).fold(1.0, f32::max);
    let pixel = |[r, g, b, count]: &[f32; 4]| {
        if *count <= 0.0 {
            return Color32::TRANSPARENT;
        }
        let [r, g, b] = [r, g, b].map(|sum| (sum / count).round() as u8);
        let share = if most > 1.0 { count.ln() / most.ln() } else { 1.0 };
        Color32::from_rgba_unmultiplied(r, g, b, ((FAINTEST + (1.0 - FAINTEST) * share) * 255.0) as u8)
    };
    ColorImage::new([columns, lines], cells.iter().map(pixel).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_shows_visible_points_where_they_are() {
        let bounds = MapBounds { min: [-1.0, -0.5], max: [1.0, 0.5] };
        let at = |x: f32, y: f32| MapPos { x, y };
        let positions = [at(-1.0, 0.5), at(1.0, -0.5), at(1.0, -0.5), at(0.0, 0.0), at(f32::NAN, 0.0), at(9.0, 0.0)];
        let rgba = [[200, 0, 0, 255]; 6];
        let image = picture(&positions, &rgba, bounds, |row| row != 3);
        assert_eq!(image.size, [140, 70]);
        let opacity = |x: usize, y: usize| image.pixels[y * 140 + x].a();
        assert!(opacity(0, 0) > 0 && opacity(139, 69) > opacity(0, 0));
        assert_eq!(image.pixels.iter().filter(|pixel| pixel.a() > 0).count(), 2, "neither hidden nor outside ones");
    }
}
