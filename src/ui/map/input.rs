//! Pointer and keyboard input on the map: pan, zoom, hover, click, box and lasso selection.

use egui::{CursorIcon, Key, Modifiers, PointerButton, Pos2, Response, Ui};

use crate::context::commands::ItemCommand;
use crate::context::{Ctx, MapTool};
use crate::ui::theme::Theme;
use vicinity_core::ItemId;

use super::camera::Camera;
use super::fit::FitTarget;
use super::{CameraCommand, MapPanel, select_tools};

/// Maximum distance between the pointer and a picked point, in screen points.
const PICK_DISTANCE: f32 = 12.0;
/// Distance that an arrow key moves the map, in screen points.
const ARROW_STEP: f32 = 80.0;
/// Minimum distance between lasso vertices, in screen points.
const LASSO_STEP: f32 = 3.0;
/// Wheel travel that doubles the scale, in screen points.
const WHEEL_PER_DOUBLING: f64 = 170.0;

/// A drag in progress.
#[derive(Debug, Clone, PartialEq)]
pub enum Gesture {
    /// Pans the map: where the pointer was pressed, and the camera then.
    Pan(Pos2, Camera),
    /// Selects with a box, from corner to corner.
    Box(Pos2, Pos2),
    /// Selects with a lasso.
    Lasso(Vec<Pos2>),
    /// Cancelled with Escape; ignored until the button is released.
    Dropped,
}

impl Gesture {
    /// Whether it selects an area when released.
    pub fn encloses(&self) -> bool {
        matches!(self, Self::Box(..) | Self::Lasso(_))
    }

    /// The outline of the selected area.
    fn outline(&self) -> Option<Vec<Pos2>> {
        match self {
            Self::Box(a, b) => Some(vec![*a, Pos2::new(b.x, a.y), *b, Pos2::new(a.x, b.y)]),
            Self::Lasso(points) if points.len() > 2 => Some(points.clone()),
            _ => None,
        }
    }

    /// Draws the outline, and beside the pointer what it does with the selection.
    pub fn draw(&self, ui: &Ui, cx: &Ctx<'_>) {
        let (theme, painter) = (Theme::of(ui.ctx()), ui.painter());
        let pointer = match self {
            Self::Box(_, corner) => {
                self.outline().iter().for_each(|corners| select_tools::draw_box(painter, theme, corners));
                Some(*corner)
            }
            Self::Lasso(points) => {
                select_tools::draw_lasso(painter, theme, points);
                points.last().copied()
            }
            Self::Pan(..) | Self::Dropped => None,
        };
        let library = cx.state.library();
        let mode = ui.input(|i| select_tools::mode(library.map_tool, library.select_mode, i.modifiers));
        pointer.into_iter().for_each(|at| select_tools::draw_mode(painter, theme, at, mode));
    }
}

impl MapPanel {
    /// Handles this frame's input.
    pub(super) fn input(&mut self, ui: &Ui, cx: &Ctx<'_>, response: &Response) {
        self.drag(ui, cx, response);
        self.wheel(ui, response);
        self.hover(ui, cx, response);
        self.click(ui, cx, response);
        self.keys(ui, cx, response);
        self.cursor(ui, cx, response);
    }

    fn drag(&mut self, ui: &Ui, cx: &Ctx<'_>, response: &Response) {
        let (pointer, origin, modifiers) =
            ui.input(|i| (i.pointer.interact_pos(), i.pointer.press_origin(), i.modifiers));
        let Some(pointer) = pointer else {
            self.gesture = None;
            return;
        };
        if response.drag_started()
            && let Some(origin) = origin
        {
            let primary = response.dragged_by(PointerButton::Primary);
            self.gesture = Some(match (cx.state.library().map_tool, modifiers) {
                _ if !primary => Gesture::Pan(origin, self.flight.now()),
                (MapTool::Box, _) => Gesture::Box(origin, pointer),
                (MapTool::Lasso, _) => Gesture::Lasso(vec![origin]),
                (MapTool::Pan, m) if m.shift => Gesture::Box(origin, pointer),
                (MapTool::Pan, m) if m.alt => Gesture::Lasso(vec![origin]),
                (MapTool::Pan, _) => Gesture::Pan(origin, self.flight.now()),
            });
        }
        let escape = self.is_enclosing() && ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape));
        match &mut self.gesture {
            Some(gesture) if escape => *gesture = Gesture::Dropped,
            Some(Gesture::Pan(origin, start)) => {
                let moved = start.panned(pointer - *origin);
                self.set_camera(moved);
            }
            Some(Gesture::Box(_, corner)) => *corner = pointer,
            Some(Gesture::Lasso(points)) => {
                if points.last().is_none_or(|last| last.distance(pointer) >= LASSO_STEP) {
                    points.push(pointer);
                }
            }
            Some(Gesture::Dropped) | None => {}
        }
        if (response.drag_stopped() || !ui.input(|i| i.pointer.any_down()))
            && let Some(outline) = self.gesture.take().and_then(|g| g.outline())
        {
            let library = cx.state.library();
            let mode = select_tools::mode(library.map_tool, library.select_mode, modifiers);
            self.select_inside(ui, cx, &outline, mode);
        }
    }

    /// Sets the camera directly, because the user moved it.
    pub(super) fn set_camera(&mut self, camera: Camera) {
        self.auto_fit = false;
        self.flight.jump(camera);
    }

    /// Selects the items inside a box or lasso once they are known.
    pub(super) fn finish_selection(&mut self, cx: &Ctx<'_>) {
        if let Some(selection) = self.selection_task.take() {
            cx.send(ItemCommand::SelectMany(selection));
            if std::mem::take(&mut self.shows_selection) {
                // In the next frame, when it is the selection.
                self.fit_requested = Some(FitTarget::Highlighted);
            }
        }
    }

    fn wheel(&mut self, ui: &Ui, response: &Response) {
        let Some(pointer) = self.pointer_on_map(response) else { return };
        let (scroll, pinch) = ui.input(|i| (i.smooth_scroll_delta().y, i.zoom_delta()));
        let factor = f64::from(pinch) * 2_f64.powf(f64::from(scroll) / WHEEL_PER_DOUBLING);
        if (factor - 1.0).abs() > 1e-6 {
            let camera = self.flight.now().zoomed(factor, self.area, pointer, self.scale_limits());
            self.set_camera(camera);
        }
        if response.double_clicked_by(PointerButton::Primary) {
            let closer = self.flight.end().zoomed(2.0, self.area, pointer, self.scale_limits());
            self.fly(ui, closer);
        }
    }

    /// The pointer position if it is on the map itself, not on a card, drawer or menu above it.
    fn pointer_on_map(&self, response: &Response) -> Option<Pos2> {
        let uncovered = |at: Pos2| response.ctx.layer_id_at(at).is_none_or(|layer| layer == response.layer_id);
        response.hover_pos().filter(|at| response.contains_pointer() && !self.controls.cover(*at) && uncovered(*at))
    }

    /// The item nearest to the pointer. Points that the filter admits come first, then those that it fades.
    fn pick(&self, pointer: Pos2, reach: f32) -> Option<ItemId> {
        if let Some((_, item)) = self.item_targets.iter().find(|(rect, _)| rect.contains(pointer)) {
            return Some(*item);
        }
        let current = self.cache.current.as_ref()?;
        let (scene, colours) = (&current.scene, &current.colours);
        let camera = self.flight.now();
        let reach = f64::from(reach) / camera.points_per_unit;
        let at = camera.map_from_screen(self.area, pointer);
        let nearest = |wanted: &dyn Fn(usize) -> bool| scene.grid.nearest(&scene.layout.positions, at, reach, wanted);
        let row = nearest(&|row| colours.is_visible(row)).or_else(|| nearest(&|row| colours.is_drawn(row)))?;
        current.item_id(row)
    }

    fn hover(&mut self, ui: &Ui, cx: &Ctx<'_>, response: &Response) {
        let at = self.pointer_on_map(response).filter(|_| self.gesture.is_none());
        let moving = ui.input(|i| i.pointer.is_decidedly_dragging());
        let hovered = at
            .filter(|at| !moving && !self.targets.iter().any(|target| target.rect.contains(*at)))
            .and_then(|at| self.pick(at, PICK_DISTANCE));
        if hovered != self.hovered {
            self.hovered = hovered;
            cx.send(ItemCommand::Hover(hovered));
        }
    }

    fn click(&mut self, ui: &Ui, cx: &Ctx<'_>, response: &Response) {
        let clicked = response.clicked_by(PointerButton::Primary) && !response.double_clicked();
        let Some(at) = response.interact_pointer_pos().filter(|_| clicked) else { return };
        let adds = ui.input(|i| i.modifiers.command || i.modifiers.shift);
        match self.pick(at, PICK_DISTANCE) {
            Some(item) if adds => cx.send(ItemCommand::Toggle(item)),
            Some(item) => cx.send(ItemCommand::Select(vec![item])),
            None if adds || cx.state.library().selection.items.is_empty() => {}
            None => cx.send(ItemCommand::Select(Vec::new())),
        }
    }

    fn keys(&mut self, ui: &Ui, cx: &Ctx<'_>, response: &Response) {
        if !response.has_focus() {
            return;
        }
        let arrows = egui::EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
        ui.memory_mut(|m| m.set_focus_lock_filter(response.id, arrows));
        let pressed = |key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
        for (key, x, y) in [
            (Key::ArrowLeft, 1.0, 0.0),
            (Key::ArrowRight, -1.0, 0.0),
            (Key::ArrowUp, 0.0, 1.0),
            (Key::ArrowDown, 0.0, -1.0),
        ] {
            if pressed(key) {
                let moved = self.flight.end().panned(egui::vec2(x, y) * ARROW_STEP);
                self.fly(ui, moved);
            }
        }
        if pressed(Key::Enter)
            && let Some(item) = self.pick(self.area.center(), ARROW_STEP)
        {
            cx.send(ItemCommand::Select(vec![item]));
        }
        if pressed(Key::Plus) || pressed(Key::Equals) {
            self.command(CameraCommand::ZoomIn);
        }
        if pressed(Key::Minus) {
            self.command(CameraCommand::ZoomOut);
        }
        if pressed(Key::Num0) {
            self.command(CameraCommand::Fit);
        }
    }

    fn cursor(&self, ui: &Ui, cx: &Ctx<'_>, response: &Response) {
        if !response.hovered() && !response.dragged() {
            return;
        }
        let enclosing =
            ui.input(|i| i.modifiers.shift || i.modifiers.alt) || cx.state.library().map_tool != MapTool::Pan;
        ui.ctx().set_cursor_icon(match &self.gesture {
            Some(Gesture::Pan(..)) => CursorIcon::Grabbing,
            Some(_) => CursorIcon::Crosshair,
            None if self.hovered.is_some() => CursorIcon::PointingHand,
            None if enclosing => CursorIcon::Crosshair,
            None => CursorIcon::Grab,
        });
    }
}
