//! Marks at the edge for the few points that are so far out that fitting the map leaves them out of view.

use egui::{Painter, Pos2, Rect, Shape, Stroke, Vec2, vec2};

use super::{LayerContext, MapLayer};

/// They are marked up to this zoom, relative to that at which the other points fit.
pub const MAX_ZOOM: f64 = 1.5;
/// The most that are drawn.
const MOST: usize = 400;
/// Size of a mark, points.
const SIZE: f32 = 5.0;

/// The marks.
pub struct Outliers;

impl MapLayer for Outliers {
    type Key = ();
    type Data = ();

    fn key(&self, map: &LayerContext<'_>) -> Option<()> {
        (map.zoom <= MAX_ZOOM && !map.scene.outliers.is_empty()).then_some(())
    }

    fn prepare(&self, _map: &LayerContext<'_>) -> impl FnOnce() + Send + 'static {
        || ()
    }

    fn draw(&self, (): &(), map: &LayerContext<'_>, painter: &Painter) {
        let rows = map.scene.outliers.iter().copied().filter(|row| map.colours.is_drawn(*row)).take(MOST);
        for at in rows.filter_map(|row| map.row_on_screen(row)) {
            if let Some(corners) = mark(map.params.area, at) {
                painter.add(Shape::convex_polygon(corners.to_vec(), map.theme.text2, Stroke::NONE));
            }
        }
    }
}

/// A triangle at the edge of `area` that points to what is outside of it.
fn mark(area: Rect, at: Pos2) -> Option<[Pos2; 3]> {
    if area.contains(at) || !at.is_finite() {
        return None;
    }
    let tip = area.shrink(2.0).clamp(at);
    let towards: Vec2 = (at - tip).normalized();
    let across = vec2(-towards.y, towards.x);
    let base = tip - towards * SIZE * 1.6;
    Some([tip, base + across * SIZE, base - across * SIZE])
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    #[test]
    fn a_mark_points_outwards_from_within() {
        let area = Rect::from_min_max(pos2(0.0, 0.0), pos2(100.0, 100.0));
        assert_eq!(mark(area, pos2(50.0, 50.0)), None);
        assert_eq!(mark(area, pos2(f32::NAN, 50.0)), None);
        let corners = mark(area, pos2(500.0, 50.0)).expect("outside");
        assert_eq!(corners[0], pos2(98.0, 50.0));
        assert!(corners.iter().all(|corner| area.contains(*corner)) && corners[1].x < 98.0);
    }
}
