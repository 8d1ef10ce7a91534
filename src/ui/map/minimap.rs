//! The overview in the upper right corner while the map is zoomed in: the whole map with the part in view. A drag in it moves the view.

use egui::accesskit::Role;
use egui::{CursorIcon, Rect, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::ui::theme::SPACE;

use super::MapPanel;
use super::camera::{Camera, MapBounds};
use super::layers::minimap::MINIMAP;

/// Longest side, points; of a small map a share of its shorter side.
const SIDE: f32 = 140.0;
const LARGEST_SHARE: f32 = 0.3;
/// It is shown from this zoom on, relative to that at which all points fit.
pub const MIN_ZOOM: f64 = 2.0;

/// Where it is within the map's area, with the proportions of `bounds`.
pub fn place(area: Rect, bounds: MapBounds) -> Rect {
    let side = SIDE.min(LARGEST_SHARE * area.width().min(area.height()));
    let [width, height] = bounds.size().map(|size| size.max(1e-6));
    let longest = width.max(height);
    // Not so narrow that nothing could be seen or gripped.
    let [width, height] = [width, height].map(|size| side * ((size / longest) as f32).max(0.3));
    let corner = area.right_top() + vec2(-SPACE[2], SPACE[2]);
    Rect::from_min_max(pos2(corner.x - width, corner.y), pos2(corner.x, corner.y + height))
}

/// A position on the screen as one in the map, in an overview at `place`.
pub fn map_from_overview(place: Rect, bounds: MapBounds, at: egui::Pos2) -> [f64; 2] {
    let [width, height] = bounds.size();
    let share = (at - place.min) / place.size();
    [bounds.min[0] + f64::from(share.x) * width, bounds.max[1] - f64::from(share.y) * height]
}

impl MapPanel {
    /// Where the overview is, if it is shown.
    pub(super) fn minimap_place(&self) -> Option<(Rect, MapBounds)> {
        let bounds = self.cache.current.as_ref()?.scene.overview?;
        let is_zoomed = self.flight.now().points_per_unit >= MIN_ZOOM * self.fit_scale();
        (self.is_on(MINIMAP) && is_zoomed).then(|| (place(self.area, bounds), bounds))
    }

    /// Moves the view where the overview is dragged or clicked.
    pub(super) fn minimap_input(&mut self, ui: &Ui) {
        let Some((place, bounds)) = self.minimap_place() else { return };
        // Senses only the pointer: with the keyboard, the map itself is moved.
        let response = ui.interact(place, ui.scope_id().with("overview"), Sense::CLICK | Sense::DRAG);
        let response = response.on_hover_and_drag_cursor(CursorIcon::Move);
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "Overview of the map"));
        let Some(at) = response.interact_pointer_pos() else { return };
        let centre_in_map = map_from_overview(place, bounds, place.clamp(at));
        let camera = Camera { centre_in_map, ..self.flight.end() };
        if response.dragged() {
            self.set_camera(camera);
        } else if response.clicked() {
            self.fly(ui, camera);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_small_keeps_the_proportions_and_its_corners_are_those_of_the_map() {
        let area = Rect::from_min_size(pos2(100.0, 50.0), vec2(900.0, 700.0));
        let bounds = MapBounds { min: [-2.0, -1.0], max: [2.0, 1.0] };
        let place = place(area, bounds);
        assert_eq!(place.size(), vec2(140.0, 70.0));
        assert!(area.shrink(SPACE[2] - 0.1).contains_rect(place));
        assert_eq!(map_from_overview(place, bounds, place.left_top()), [-2.0, 1.0]);
        assert_eq!(map_from_overview(place, bounds, place.right_bottom()), [2.0, -1.0]);
        let small = super::place(Rect::from_min_size(pos2(0.0, 0.0), vec2(300.0, 200.0)), bounds);
        assert_eq!(small.width(), 60.0);
    }
}
