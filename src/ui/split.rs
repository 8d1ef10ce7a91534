//! The split view: the map and the gallery, and the divider between them.

use egui::accesskit::Role;
use egui::{CursorIcon, EventFilter, Id, Key, Modifiers, Rect, Response, Sense, Stroke, Ui, UiBuilder, WidgetInfo};

use super::theme::{RADIUS, Theme};
use super::widgets::mark_focus_shown;
use crate::context::Ctx;
use crate::context::commands::ViewCommand;

/// Below this width the gallery is below the map, points.
const STACKED: f32 = 640.0;
/// Smallest width of the map and of the gallery beside it, points.
const MIN_WIDTHS: [f32; 2] = [280.0, 200.0];
/// Smallest height of the map and of the gallery below it, points.
const MIN_HEIGHTS: [f32; 2] = [180.0, 140.0];
/// How far the divider can be gripped beside its line, points.
const GRIP: f32 = 5.0;
/// How far a key moves the divider, as a share.
const KEY_STEP: f32 = 0.03;

/// Where the parts of the split view are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitAreas {
    /// The whole.
    pub whole: Rect,
    /// The map: left, or above.
    pub map: Rect,
    /// The gallery: right, or below.
    pub gallery: Rect,
    /// Whether the gallery is below the map.
    pub is_stacked: bool,
}

/// Divides an area; `share` is that of the map.
pub fn areas(whole: Rect, share: f32) -> SplitAreas {
    let is_stacked = whole.width() < STACKED;
    let (side, [map, gallery]) = if is_stacked { (whole.height(), MIN_HEIGHTS) } else { (whole.width(), MIN_WIDTHS) };
    let most = (side - gallery).max(map);
    let first = (side * share).clamp(map, most).min(side).round();
    let (map, gallery) = if is_stacked {
        whole.split_top_bottom_at_y(whole.top() + first)
    } else {
        whole.split_left_right_at_x(whole.left() + first)
    };
    SplitAreas { whole, map, gallery, is_stacked }
}

/// Draws a part of the view into its area.
pub fn within(ui: &mut Ui, name: &str, area: Rect, contents: impl FnOnce(&mut Ui)) {
    let mut inside = ui.new_child(UiBuilder::new().id_salt(name).max_rect(area));
    inside.shrink_clip_rect(area);
    contents(&mut inside);
}

/// The divider: drag it, move it by arrow keys, or halve by a double click or Enter.
pub fn divider(ui: &Ui, ctx: &Ctx<'_>, areas: &SplitAreas) {
    let line = if areas.is_stacked {
        Rect::from_x_y_ranges(areas.whole.x_range(), egui::Rangef::point(areas.map.bottom()))
    } else {
        Rect::from_x_y_ranges(egui::Rangef::point(areas.map.right()), areas.whole.y_range())
    };
    let response = ui.interact(line.expand(GRIP), Id::unique("split divider"), Sense::click_and_drag());
    let cursor = if areas.is_stacked { CursorIcon::ResizeVertical } else { CursorIcon::ResizeHorizontal };
    let response = response.on_hover_and_drag_cursor(cursor);
    let share = ctx.state.preferences.split_share;
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Splitter, true, "Divider between map and gallery");
        info.value = Some(f64::from(share));
        info
    });
    if let Some(share) = new_share(ui, &response, areas, share) {
        ctx.send(ViewCommand::SetSplitShare(share));
    }
    paint(ui, &response, line, areas.is_stacked);
}

/// The share that the user asks for.
fn new_share(ui: &Ui, response: &Response, areas: &SplitAreas, share: f32) -> Option<f32> {
    if response.double_clicked() {
        return Some(0.5);
    }
    if let Some(at) = response.interact_pointer_pos().filter(|_| response.dragged()) {
        let part = (at - areas.whole.min) / areas.whole.size();
        return Some(if areas.is_stacked { part.y } else { part.x });
    }
    if !response.has_focus() {
        return None;
    }
    let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|m| m.set_focus_lock_filter(response.id, arrows));
    let pressed = |key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
    // Each key is taken, whether it moves the divider or not.
    let smaller = [Key::ArrowLeft, Key::ArrowUp].map(pressed).contains(&true);
    let larger = [Key::ArrowRight, Key::ArrowDown].map(pressed).contains(&true);
    match (smaller, larger) {
        _ if pressed(Key::Enter) => Some(0.5),
        (true, _) => Some(share - KEY_STEP),
        (_, true) => Some(share + KEY_STEP),
        _ => None,
    }
}

fn paint(ui: &Ui, response: &Response, line: Rect, is_stacked: bool) {
    let theme = Theme::of(ui.ctx());
    let active = response.hovered() || response.dragged() || response.has_focus();
    let (width, colour) = if active { (2.0, theme.accent) } else { (1.0, theme.line) };
    ui.painter().rect_filled(line.expand(width / 2.0), 0, colour);
    // A handle shows that the line can be moved.
    let (long, short) = (36.0, 4.0);
    let size = if is_stacked { egui::vec2(long, short) } else { egui::vec2(short, long) };
    let handle = Rect::from_center_size(line.center(), size);
    ui.painter().rect_filled(handle, RADIUS[0], if active { theme.accent } else { theme.text3 });
    if response.has_focus() {
        mark_focus_shown(response);
        let stroke = Stroke::new(2.0, theme.accent);
        ui.painter().rect_stroke(handle.expand(3.0), RADIUS[0] + 2, stroke, egui::StrokeKind::Outside);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{pos2, vec2};

    #[test]
    fn both_parts_keep_room_and_a_narrow_area_is_stacked() {
        let at = |width, height, share| areas(Rect::from_min_size(pos2(232.0, 44.0), vec2(width, height)), share);
        let wide = at(1000.0, 700.0, 0.6);
        assert!(!wide.is_stacked);
        assert_eq!((wide.map.width(), wide.gallery.width()), (600.0, 400.0));
        assert_eq!(at(700.0, 700.0, 0.8).gallery.width(), 200.0);
        assert_eq!(at(700.0, 700.0, 0.2).map.width(), 280.0);
        let narrow = at(440.0, 630.0, 0.5);
        assert!(narrow.is_stacked);
        assert_eq!((narrow.map.height(), narrow.gallery.height()), (315.0, 315.0));
        let tiny = at(300.0, 200.0, 0.5);
        assert!(tiny.map.height() <= 200.0 && tiny.gallery.height() >= 0.0, "{tiny:?}");
    }
}
