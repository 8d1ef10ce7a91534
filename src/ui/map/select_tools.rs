//! Selecting by area: the shapes that are drawn, what they do with the selection, and what is in view.

use std::sync::Arc;

use egui::{Modifiers, Painter, Pos2, Rect, Shape, Stroke, Ui, vec2};

use crate::context::commands::MapCommand;
use crate::context::selection::SelectMode;
use crate::context::{Ctx, MapTool, Selection};
use crate::ui::theme::Theme;
use crate::ui::widgets::buttons;

use super::MapPanel;
use super::background_task::Background;
use super::legend::hint;

/// At this distance from its start a lasso shows that it closes there, in screen points.
const CLOSES: f32 = 14.0;

/// What an area that is released selects. While a tool is chosen, the keys that are held change what it does; without one
/// they choose the shape.
pub fn mode(tool: MapTool, chosen: SelectMode, keys: Modifiers) -> SelectMode {
    let held = SelectMode::held(keys).filter(|_| tool != MapTool::Pan);
    held.unwrap_or(if keys.command { SelectMode::Add } else { chosen })
}

/// Draws a box that is being drawn.
pub fn draw_box(painter: &Painter, theme: &Theme, corners: &[Pos2]) {
    let around = Rect::from_points(corners);
    painter.rect_filled(around, 0, theme.accent_fill);
    let closed: Vec<Pos2> = corners.iter().chain(corners.first()).copied().collect();
    painter.extend(Shape::dashed_line(&closed, Stroke::new(1.5, theme.accent), 5.0, 4.0));
}

/// Draws a lasso that is being drawn: where the pointer was, and the dashed line on which it will close.
pub fn draw_lasso(painter: &Painter, theme: &Theme, points: &[Pos2]) {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
    painter.add(Shape::line(points.to_vec(), Stroke::new(1.5, theme.accent)));
    painter.extend(Shape::dashed_line(&[*last, *first], Stroke::new(1.2, theme.accent), 4.0, 4.0));
    let closes = points.len() > 2 && first.distance(*last) <= CLOSES;
    painter.circle_stroke(*first, if closes { 6.0 } else { 4.0 }, Stroke::new(1.5, theme.accent));
    if closes {
        painter.circle_filled(*first, 3.0, theme.accent);
    }
}

/// Draws beside the pointer what the area does with the selection, if it does not replace it.
pub fn draw_mode(painter: &Painter, theme: &Theme, pointer: Pos2, mode: SelectMode) {
    if mode == SelectMode::Replace {
        return;
    }
    let at = pointer + vec2(14.0, 14.0);
    painter.circle_filled(at, 9.0, theme.panel);
    painter.circle_stroke(at, 9.0, Stroke::new(1.0, theme.line));
    let stroke = Stroke::new(1.6, theme.accent);
    match mode {
        // Two circles and what both have.
        SelectMode::Intersect => {
            [-2.0, 2.0].into_iter().for_each(|x| {
                painter.circle_stroke(at + vec2(x, 0.0), 4.0, stroke);
            });
        }
        mode => {
            painter.line_segment([at - vec2(4.5, 0.0), at + vec2(4.5, 0.0)], stroke);
            if mode == SelectMode::Add {
                painter.line_segment([at - vec2(0.0, 4.5), at + vec2(0.0, 4.5)], stroke);
            }
        }
    }
}

/// While a tool for selecting is chosen, or does something else than usual: what it does with the selection.
pub fn show_modes(ui: &mut Ui, cx: &Ctx<'_>) {
    let library = cx.state.library();
    if library.map_tool == MapTool::Pan && library.select_mode == SelectMode::Replace {
        return;
    }
    let now = ui.input(|i| mode(library.map_tool, library.select_mode, i.modifiers));
    let selected = SelectMode::ALL.iter().position(|mode| *mode == now).unwrap_or(0);
    if let Some(clicked) = buttons::segments(ui, &SelectMode::ALL.map(SelectMode::name), selected) {
        cx.send(MapCommand::SetSelectMode(SelectMode::ALL[clicked]));
    }
    ui.label(hint("Shift adds · Alt subtracts · both intersect", Theme::of(ui.ctx())));
}

impl MapPanel {
    /// Selects the items inside a polygon in screen points, as soon as they are known.
    pub(super) fn select_inside(&mut self, ui: &Ui, cx: &Ctx<'_>, outline: &[Pos2], mode: SelectMode) {
        let Some(current) = &self.cache.current else { return };
        let camera = self.flight.now();
        let polygon: Vec<_> = outline.iter().map(|p| camera.map_from_screen(self.area, *p)).collect();
        let before = Arc::clone(&cx.state.library().selection);
        let (scene, snapshot, colours) =
            (Arc::clone(&current.scene), Arc::clone(&current.snapshot), Arc::clone(&current.colours));
        let in_frame = scene.len() <= super::scene_cache::MAX_ROWS_IN_FRAME;
        self.shows_selection = false;
        self.selection_task.reset();
        self.selection_task.start(Background::new(ui.ctx(), cx), (), in_frame, move || {
            let rows = scene.grid.inside(&scene.layout.positions, &polygon, |row| colours.is_visible(row));
            let found = rows.into_iter().filter_map(|row| Some(snapshot.item(row)?.id)).collect();
            Arc::new(Selection::new(before.combined(found, mode)))
        });
    }

    /// Selects what is in view.
    pub(super) fn select_visible(&mut self, ui: &Ui, cx: &Ctx<'_>, mode: SelectMode) {
        let Rect { min, max } = self.area;
        let outline = [min, Pos2::new(max.x, min.y), max, Pos2::new(min.x, max.y)];
        self.select_inside(ui, cx, &outline, mode);
    }
}
