//! The map: every item a point, like beside like.
//!
//! Points are drawn by the GPU from resident buffers; everything that takes longer than a frame (colours, the picking
//! grid, uploads) is prepared by a thread of its own. Draws from [`Ctx`] and sends commands; knows no engine and no file.

mod background;
mod camera;
mod card;
pub mod colours;
mod gpu;
mod input;
mod marks;
mod outline;
mod overlay;
mod painted;
mod picking;
mod prepared;
mod scene;

use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Pos2, Rect, Sense, Ui, WidgetInfo};

use crate::context::Ctx;
use crate::ui::theme::Theme;
use vicinity_core::ItemId;

use background::Background;
use camera::{Bounds, Camera, Flight};
use gpu::{Frame, Gpu, Look};
use input::Gesture;
use prepared::Prepared;

/// What can be asked of the map from outside: menu, keys, gallery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapCommand {
    /// Show all points; again: show the selection, or the hits.
    Fit,
    /// Closer.
    ZoomIn,
    /// Further.
    ZoomOut,
    /// Show what the filter lets through.
    FitFilter,
    /// Bring one item into the middle.
    FlyTo(ItemId),
}

/// The map's own state: camera, motion, prepared buffers. Created once by the window.
pub struct MapPanel {
    gpu: Option<Arc<Gpu>>,
    shown: Prepared,
    flight: Flight,
    /// Whether the view keeps showing everything: until the user moves it.
    following: bool,
    /// The view that showed everything at the last frame, in which area, and whether beside the cards.
    fitted: Option<(Camera, (Rect, bool))>,
    area: Rect,
    gesture: Option<Gesture>,
    hovered: Option<ItemId>,
    selecting: Background<u64, Vec<ItemId>>,
    selections: u64,
    fitting: Background<u64, Option<Bounds>>,
    fits: u64,
    fit_wanted: bool,
    commands: Vec<MapCommand>,
    reduce_motion: bool,
    overlays: overlay::Overlays,
}

impl Default for MapPanel {
    fn default() -> Self {
        Self {
            gpu: None,
            shown: Prepared::default(),
            flight: Flight::default(),
            following: true,
            fitted: None,
            area: Rect::ZERO,
            gesture: None,
            hovered: None,
            selecting: Background::default(),
            selections: 0,
            fitting: Background::default(),
            fits: 0,
            fit_wanted: false,
            commands: Vec::new(),
            reduce_motion: false,
            overlays: overlay::Overlays::default(),
        }
    }
}

impl MapPanel {
    /// A map that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the GPU. Without one the points are painted as circles by egui, so that tests need no driver.
    pub fn set_render_state(&mut self, render_state: Option<&egui_wgpu::RenderState>) {
        self.gpu = render_state.map(|state| Arc::new(Gpu::new(state)));
        self.shown = Prepared::default();
    }

    /// Draws the map into all of `ui` and takes its input.
    pub fn ui(&mut self, ui: &mut Ui, cx: &Ctx<'_>) {
        let time = ui.input(|i| i.time);
        self.reduce_motion = cx.state.reduce_motion;
        self.area = ui.max_rect().round_to_pixels_of(ui);
        let response = ui.interact(self.area, ui.scope_id().with("map"), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, "Map"));
        let gpu = self.gpu.clone();
        self.shown.follow(cx, ui.ctx(), gpu.as_ref(), time, self.flight.end().points_per_unit);
        self.follow_view(cx, time);
        self.obey(ui, cx);
        self.fit_filter(ui, cx);
        let flying = self.flight.advance(time);
        self.input(ui, cx, &response);
        self.finish_selecting(cx);
        self.paint(ui, cx, time);
        if response.has_focus() {
            crate::ui::widgets::shows_focus(&response);
            let stroke = egui::Stroke::new(2.0, Theme::of(ui.ctx()).accent);
            ui.painter().rect_stroke(self.area, 0, stroke, egui::StrokeKind::Inside);
        }
        self.show_overlays(ui, cx);
        self.show_card(ui, cx, time);
        if flying || self.shown.glided(time) < 1.0 {
            ui.ctx().request_repaint();
        }
    }

    /// Forgets the library that was shown; the GPU stays.
    pub fn close_library(&mut self) {
        *self = Self { gpu: self.gpu.take(), ..Self::default() };
    }

    /// Whether a box or lasso is being drawn: Escape gives that up.
    pub fn is_enclosing(&self) -> bool {
        self.gesture.as_ref().is_some_and(Gesture::encloses)
    }

    /// Does what is asked, at the next frame.
    pub fn command(&mut self, command: MapCommand) {
        self.commands.push(command);
    }

    /// Where an item appears in the window; `None` where it has no place on the map.
    pub fn place_on_screen(&self, item: ItemId) -> Option<Pos2> {
        let pos = self.shown.place(self.shown.row_of(item)?, f64::INFINITY)?;
        Some(self.flight.end().screen_from_map(self.area, pos))
    }

    /// Screen points a map unit, once motion has ended.
    pub fn points_per_unit(&self) -> f64 {
        self.flight.end().points_per_unit
    }

    fn fit(&self) -> Option<Camera> {
        let bounds = self.shown.scene.as_ref()?.grid.bounds()?;
        Some(self.showing(bounds.at_least(0.02)))
    }

    /// The camera that shows `bounds` beside the legend: beside it or above it, whichever is larger.
    fn showing(&self, bounds: Bounds) -> Camera {
        let rooms = self.overlays.rooms(camera::inner(self.area));
        let cameras = rooms.into_iter().map(|room| Camera::fitting(bounds, self.area, room));
        let larger = |a: Camera, b: Camera| if b.points_per_unit > a.points_per_unit { b } else { a };
        cameras.reduce(larger).unwrap_or_default()
    }

    fn fit_scale(&self) -> f64 {
        self.fitted.map_or(Camera::default().points_per_unit, |(camera, _)| camera.points_per_unit)
    }

    /// Keeps everything in view until the user moves the map.
    fn follow_view(&mut self, cx: &Ctx<'_>, time: f64) {
        let Some(fit) = self.fit() else {
            self.following = true;
            self.fitted = None;
            return;
        };
        let area = (self.area, self.overlays.are_known());
        let before = self.fitted.replace((fit, area));
        if self.following && before.is_none_or(|(camera, _)| camera != fit) {
            let same_area = before.is_some_and(|(_, before)| before == area);
            self.flight.start(fit, time, cx.state.reduce_motion || !same_area);
        }
    }

    /// Flies to `camera`, by the user's wish.
    fn fly(&mut self, ui: &Ui, camera: Camera) {
        self.following = false;
        let (time, still) = (ui.input(|i| i.time), self.reduce_motion);
        self.flight.start(camera, time, still);
        ui.ctx().request_repaint();
    }

    fn obey(&mut self, ui: &Ui, cx: &Ctx<'_>) {
        for command in std::mem::take(&mut self.commands) {
            let end = self.flight.end();
            let zoomed = |factor| end.zoomed(factor, self.area, self.area.center(), self.fit_scale());
            match command {
                MapCommand::ZoomIn => self.fly(ui, zoomed(1.6)),
                MapCommand::ZoomOut => self.fly(ui, zoomed(1.0 / 1.6)),
                MapCommand::Fit => self.fit_all_or_part(ui, cx),
                MapCommand::FitFilter => self.fit_wanted = true,
                MapCommand::FlyTo(item) => self.fly_to(ui, item),
            }
        }
    }

    fn fit_all_or_part(&mut self, ui: &Ui, cx: &Ctx<'_>) {
        let Some(all) = self.fit() else { return };
        let part = self.part(cx).filter(|_| self.flight.end() == all);
        self.fly(ui, part.unwrap_or(all));
        self.following = part.is_none();
    }

    /// The view of the selection, or of the hits where nothing is selected.
    fn part(&self, cx: &Ctx<'_>) -> Option<Camera> {
        let positions = &self.shown.scene.as_ref()?.layout.positions;
        let selected: Vec<usize> = cx.state.selection.items.iter().filter_map(|id| self.shown.row_of(*id)).collect();
        let rows = if selected.is_empty() { &self.shown.marks.hits } else { &selected };
        let bounds = Bounds::around(rows.iter().filter_map(|row| positions.get(*row).copied()))?;
        Some(self.showing(bounds.at_least(0.08)))
    }

    /// Flies to what the filter lets through, once the colours know it.
    fn fit_filter(&mut self, ui: &Ui, cx: &Ctx<'_>) {
        if let (true, Some(scene), Some(colours)) = (self.fit_wanted, &self.shown.scene, &self.shown.colours)
            && colours.filter() == &cx.state.query.filter
        {
            let (scene, colours) = (Arc::clone(scene), Arc::clone(colours));
            self.fit_wanted = false;
            self.fits += 1;
            self.fitting.reset();
            self.fitting.ask(ui.ctx(), self.fits, scene.len() <= prepared::AT_ONCE, move || {
                let positions = scene.layout.positions.iter().enumerate();
                Bounds::around(positions.filter(|(row, _)| colours.is_on(*row)).map(|(_, pos)| *pos))
            });
        }
        if let Some(bounds) = self.fitting.take().flatten() {
            let camera = self.showing(bounds.at_least(0.08));
            self.fly(ui, camera);
        }
    }

    fn fly_to(&mut self, ui: &Ui, item: ItemId) {
        let Some(pos) = self.shown.row_of(item).and_then(|row| self.shown.place(row, f64::INFINITY)) else { return };
        let points_per_unit = self.flight.end().points_per_unit.max(self.fit_scale() * 4.0);
        self.fly(ui, Camera { centre_in_map: [f64::from(pos.x), f64::from(pos.y)], points_per_unit });
    }

    fn look(&self, ui: &Ui, time: f64) -> Look {
        let camera = self.flight.now();
        let count = self.shown.scene.as_ref().map_or(0, |s| s.len());
        let zoom = camera.points_per_unit / self.fit_scale();
        let radius = point_radius(count, zoom);
        let pixels_per_point = ui.ctx().pixels_per_point();
        // Below a pixel a point grows fainter instead of smaller.
        let least = 0.7 / pixels_per_point;
        Look {
            area: self.area,
            camera,
            radius: radius.max(least),
            opacity: (radius / least).powi(2).min(1.0) * crowd_opacity(count, zoom),
            glided: self.shown.glided(time) as f32,
            pixels_per_point,
        }
    }

    fn paint(&self, ui: &Ui, cx: &Ctx<'_>, time: f64) {
        let theme = Theme::of(ui.ctx());
        ui.painter().rect_filled(self.area, 0, theme.map_ground);
        let look = self.look(ui, time);
        match (&self.gpu, &self.shown.scene, &self.shown.colour_buffer) {
            (Some(gpu), Some(scene), Some(colours)) => {
                if let Some(positions) = &scene.positions {
                    let (gpu, positions, colours) = (Arc::clone(gpu), positions.clone(), colours.clone());
                    let frame = Frame { gpu, look, positions, colours, marks: self.shown.mark_buffer.clone() };
                    ui.painter().add(egui_wgpu::Callback::new_paint_callback(self.area, frame));
                }
            }
            _ => painted::paint(&ui.painter_at(self.area), &self.shown, &look, time),
        }
        self.paint_above(ui, cx, &look, time);
    }

    /// What egui paints above the points: the query's star, the ring under the pointer, a drag.
    fn paint_above(&self, ui: &Ui, cx: &Ctx<'_>, look: &Look, time: f64) {
        let theme = Theme::of(ui.ctx());
        let painter = ui.painter_at(self.area);
        let on_screen = |row| Some(look.camera.screen_from_map(self.area, self.shown.place(row, time)?));
        if look.glided >= 1.0 {
            let line = egui::Stroke::new(2.0, theme.accent);
            for piece in &self.shown.marks.outline {
                let ends = piece.map(|end| look.camera.screen_from_map(self.area, end));
                if self.area.intersects(Rect::from_two_pos(ends[0], ends[1])) {
                    painter.line_segment(ends, line);
                }
            }
        }
        if let Some(at) = self.shown.marks.star.and_then(on_screen) {
            overlay::star(&painter, at, look.radius + 5.0, theme);
        }
        if let Some(at) = cx.state.hover.and_then(|id| self.shown.row_of(id)).and_then(on_screen) {
            let stroke = egui::Stroke::new(2.0, theme.text1);
            painter.circle_stroke(at, look.radius * 1.35 + 3.0, stroke);
        }
        if let Some(gesture) = &self.gesture {
            gesture.paint(ui);
        }
    }
}

/// Fewer points are larger; closer ones grow, but slower than their distances. Screen points.
fn point_radius(count: usize, zoom: f64) -> f32 {
    let crowd = (2_000.0 / count.max(50) as f64).powf(0.2);
    (2.5 * crowd * zoom.max(1.0).powf(0.3)).clamp(0.4, 8.0) as f32
}

/// Where points lie many times over each other they let what is below shine through, so that density shows.
fn crowd_opacity(count: usize, zoom: f64) -> f32 {
    ((60_000.0 / count.max(1) as f64).powf(0.3) * zoom.max(1.0).powf(0.6)).clamp(0.25, 1.0) as f32
}

/// Screen rectangles on whole pixels, so that the GPU's viewport is exactly the rectangle.
trait RoundToPixels {
    fn round_to_pixels_of(self, ui: &Ui) -> Self;
}

impl RoundToPixels for Rect {
    fn round_to_pixels_of(self, ui: &Ui) -> Self {
        egui::emath::GuiRounding::round_to_pixels(self, ui.ctx().pixels_per_point())
    }
}
