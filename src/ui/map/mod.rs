//! The map: every item is a point, and similar items are close together.
//!
//! Points are drawn by the GPU from resident buffers. Everything that takes longer than a frame (colours, the picking
//! grid, uploads) is prepared on a background thread. Draws from [`Ctx`] and sends commands; knows no engine and no
//! file.

mod background_task;
mod camera;
mod circles;
pub mod colours;
mod controls;
mod filter_switch;
mod gpu;
mod hover_card;
mod input;
mod marks;
mod outline;
mod picking;
mod scene;
mod scene_cache;

use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Pos2, Rect, Sense, Ui, WidgetInfo};

use crate::context::Ctx;
use crate::ui::theme::Theme;
use vicinity_core::ItemId;

use background_task::BackgroundTask;
use camera::{Camera, Flight, MapBounds};
use gpu::{FrameParams, Gpu, MapPaint};
use input::Gesture;
use scene_cache::SceneCache;

/// Commands from outside the map: menu, keys, gallery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapCommand {
    /// Show all points; if all are shown already, show the selection or the hits.
    Fit,
    /// Zoom in.
    ZoomIn,
    /// Zoom out.
    ZoomOut,
    /// Show the items that the filter admits.
    FitFilter,
    /// CentralView one item.
    FlyTo(ItemId),
}

/// The map's own state: camera, animation, prepared buffers. Created once by the window.
pub struct MapPanel {
    gpu: Option<Arc<Gpu>>,
    cache: SceneCache,
    flight: Flight,
    /// Whether the view keeps showing all points, until the user moves it.
    auto_fit: bool,
    /// The camera that fitted all points in the last frame, the area, and whether the controls were measured.
    fitted: Option<(Camera, (Rect, bool))>,
    area: Rect,
    gesture: Option<Gesture>,
    hovered: Option<ItemId>,
    selection_task: BackgroundTask<u64, Vec<ItemId>>,
    selection_requests: u64,
    fit_task: BackgroundTask<u64, Option<MapBounds>>,
    fit_requests: u64,
    fit_filter_requested: bool,
    commands: Vec<MapCommand>,
    reduce_motion: bool,
    controls: controls::ControlCards,
}

impl Default for MapPanel {
    fn default() -> Self {
        Self {
            gpu: None,
            cache: SceneCache::default(),
            flight: Flight::default(),
            auto_fit: true,
            fitted: None,
            area: Rect::ZERO,
            gesture: None,
            hovered: None,
            selection_task: BackgroundTask::default(),
            selection_requests: 0,
            fit_task: BackgroundTask::default(),
            fit_requests: 0,
            fit_filter_requested: false,
            commands: Vec::new(),
            reduce_motion: false,
            controls: controls::ControlCards::default(),
        }
    }
}

impl MapPanel {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the GPU. Without one, points are drawn as egui circles, so that tests need no driver.
    pub fn set_render_state(&mut self, render_state: Option<&egui_wgpu::RenderState>) {
        self.gpu = render_state.map(|state| Arc::new(Gpu::new(state)));
        self.cache = SceneCache::default();
    }

    /// Draws the map into all of `ui` and handles its input.
    pub fn ui(&mut self, ui: &mut Ui, cx: &Ctx<'_>) {
        let time = ui.input(|i| i.time);
        self.reduce_motion = cx.state.preferences.reduce_motion;
        self.area = ui.max_rect().round_to_pixels_of(ui);
        let response = ui.interact(self.area, ui.scope_id().with("map"), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, "Map"));
        let gpu = self.gpu.clone();
        self.cache.update(cx, ui.ctx(), gpu.as_ref(), time, self.flight.end().points_per_unit);
        self.update_auto_fit(cx, time);
        self.run_commands(ui, cx);
        self.fit_filter(ui, cx);
        let flying = self.flight.advance(time);
        self.input(ui, cx, &response);
        self.finish_selection(cx);
        self.paint(ui, cx, time);
        if response.has_focus() {
            crate::ui::widgets::mark_focus_shown(&response);
            let stroke = egui::Stroke::new(2.0, Theme::of(ui.ctx()).accent);
            ui.painter().rect_stroke(self.area, 0, stroke, egui::StrokeKind::Inside);
        }
        self.show_controls(ui, cx);
        self.show_card(ui, cx, time);
        if flying || self.cache.glide_progress(time) < 1.0 {
            ui.ctx().request_repaint();
        }
    }

    /// Forgets the library but keeps the GPU.
    pub fn close_library(&mut self) {
        *self = Self { gpu: self.gpu.take(), ..Self::default() };
    }

    /// Whether a box or lasso is being drawn, which Escape cancels.
    pub fn is_enclosing(&self) -> bool {
        self.gesture.as_ref().is_some_and(Gesture::encloses)
    }

    /// Runs a command in the next frame.
    pub fn command(&mut self, command: MapCommand) {
        self.commands.push(command);
    }

    /// Screen position of an item; `None` if it has no position on the map.
    pub fn pos_on_screen(&self, item: ItemId) -> Option<Pos2> {
        let pos = self.cache.position(self.cache.row_of(item)?, f64::INFINITY)?;
        Some(self.flight.end().screen_from_map(self.area, pos))
    }

    /// Screen points per map unit at the end of any animation.
    pub fn points_per_unit(&self) -> f64 {
        self.flight.end().points_per_unit
    }

    fn fit(&self) -> Option<Camera> {
        let bounds = self.cache.scene.as_ref()?.grid.bounds()?;
        Some(self.camera_showing(bounds.with_min_size(0.02)))
    }

    /// The camera that shows `bounds` beside or above the legend, whichever is larger.
    fn camera_showing(&self, bounds: MapBounds) -> Camera {
        let rooms = self.controls.free_areas(camera::inner(self.area));
        let cameras = rooms.into_iter().map(|room| Camera::fitting(bounds, self.area, room));
        let larger = |a: Camera, b: Camera| if b.points_per_unit > a.points_per_unit { b } else { a };
        cameras.reduce(larger).unwrap_or_default()
    }

    fn fit_scale(&self) -> f64 {
        self.fitted.map_or(Camera::default().points_per_unit, |(camera, _)| camera.points_per_unit)
    }

    /// Keeps all points in view until the user moves the map.
    fn update_auto_fit(&mut self, cx: &Ctx<'_>, time: f64) {
        let Some(fit) = self.fit() else {
            self.auto_fit = true;
            self.fitted = None;
            return;
        };
        let area = (self.area, self.controls.are_measured());
        let before = self.fitted.replace((fit, area));
        if self.auto_fit && before.is_none_or(|(camera, _)| camera != fit) {
            let same_area = before.is_some_and(|(_, before)| before == area);
            self.flight.start(fit, time, cx.state.preferences.reduce_motion || !same_area);
        }
    }

    /// Animates to `camera` because the user asked for it.
    fn fly(&mut self, ui: &Ui, camera: Camera) {
        self.auto_fit = false;
        let (time, still) = (ui.input(|i| i.time), self.reduce_motion);
        self.flight.start(camera, time, still);
        ui.ctx().request_repaint();
    }

    fn run_commands(&mut self, ui: &Ui, cx: &Ctx<'_>) {
        for command in std::mem::take(&mut self.commands) {
            let end = self.flight.end();
            let zoomed = |factor| end.zoomed(factor, self.area, self.area.center(), self.fit_scale());
            match command {
                MapCommand::ZoomIn => self.fly(ui, zoomed(1.6)),
                MapCommand::ZoomOut => self.fly(ui, zoomed(1.0 / 1.6)),
                MapCommand::Fit => self.fit_all_or_selection(ui, cx),
                MapCommand::FitFilter => self.fit_filter_requested = true,
                MapCommand::FlyTo(item) => self.fly_to_item(ui, item),
            }
        }
    }

    fn fit_all_or_selection(&mut self, ui: &Ui, cx: &Ctx<'_>) {
        let Some(all) = self.fit() else { return };
        let part = self.selection_or_hits_camera(cx).filter(|_| self.flight.end() == all);
        self.fly(ui, part.unwrap_or(all));
        self.auto_fit = part.is_none();
    }

    /// The camera that shows the selection, or the hits if nothing is selected.
    fn selection_or_hits_camera(&self, cx: &Ctx<'_>) -> Option<Camera> {
        let positions = &self.cache.scene.as_ref()?.layout.positions;
        let selected: Vec<usize> =
            cx.state.library().selection.items.iter().filter_map(|id| self.cache.row_of(*id)).collect();
        let rows = if selected.is_empty() { &self.cache.marks.hits } else { &selected };
        let bounds = MapBounds::around(rows.iter().filter_map(|row| positions.get(*row).copied()))?;
        Some(self.camera_showing(bounds.with_min_size(0.08)))
    }

    /// Animates to the items that the filter admits, once the colours are up to date.
    fn fit_filter(&mut self, ui: &Ui, cx: &Ctx<'_>) {
        if let (true, Some(scene), Some(colours)) = (self.fit_filter_requested, &self.cache.scene, &self.cache.colours)
            && colours.filter() == &cx.state.library().query.filter
        {
            let (scene, colours) = (Arc::clone(scene), Arc::clone(colours));
            self.fit_filter_requested = false;
            self.fit_requests += 1;
            self.fit_task.reset();
            self.fit_task.start(
                ui.ctx(),
                self.fit_requests,
                scene.len() <= scene_cache::MAX_ROWS_IN_FRAME,
                move || {
                    let positions = scene.layout.positions.iter().enumerate();
                    MapBounds::around(positions.filter(|(row, _)| colours.is_pickable(*row)).map(|(_, pos)| *pos))
                },
            );
        }
        if let Some(bounds) = self.fit_task.take().flatten() {
            let camera = self.camera_showing(bounds.with_min_size(0.08));
            self.fly(ui, camera);
        }
    }

    fn fly_to_item(&mut self, ui: &Ui, item: ItemId) {
        let Some(pos) = self.cache.row_of(item).and_then(|row| self.cache.position(row, f64::INFINITY)) else { return };
        let points_per_unit = self.flight.end().points_per_unit.max(self.fit_scale() * 4.0);
        self.fly(ui, Camera { centre_in_map: [f64::from(pos.x), f64::from(pos.y)], points_per_unit });
    }

    fn look(&self, ui: &Ui, time: f64) -> FrameParams {
        let camera = self.flight.now();
        let count = self.cache.scene.as_ref().map_or(0, |s| s.len());
        let zoom = camera.points_per_unit / self.fit_scale();
        let radius = point_radius(count, zoom);
        let pixels_per_point = ui.ctx().pixels_per_point();
        // Below one pixel, a point gets fainter instead of smaller.
        let least = 0.7 / pixels_per_point;
        FrameParams {
            area: self.area,
            camera,
            radius: radius.max(least),
            opacity: (radius / least).powi(2).min(1.0) * density_opacity(count, zoom),
            glide_progress: self.cache.glide_progress(time) as f32,
            pixels_per_point,
        }
    }

    fn paint(&self, ui: &Ui, cx: &Ctx<'_>, time: f64) {
        let theme = Theme::of(ui.ctx());
        ui.painter().rect_filled(self.area, 0, theme.map_ground);
        let look = self.look(ui, time);
        match (&self.gpu, &self.cache.scene, &self.cache.colour_buffer) {
            (Some(gpu), Some(scene), Some(colours)) => {
                if let Some(positions) = &scene.positions {
                    let (gpu, positions, colours) = (Arc::clone(gpu), positions.clone(), colours.clone());
                    let frame = MapPaint { gpu, look, positions, colours, marks: self.cache.mark_buffer.clone() };
                    ui.painter().add(egui_wgpu::Callback::new_paint_callback(self.area, frame));
                }
            }
            _ => circles::paint(&ui.painter_at(self.area), &self.cache, &look, time),
        }
        self.paint_above(ui, cx, &look, time);
    }

    /// What egui draws above the points: the selection's outline, the query's star, the hover ring, a drag.
    fn paint_above(&self, ui: &Ui, cx: &Ctx<'_>, look: &FrameParams, time: f64) {
        let theme = Theme::of(ui.ctx());
        let painter = ui.painter_at(self.area);
        let on_screen = |row| Some(look.camera.screen_from_map(self.area, self.cache.position(row, time)?));
        if look.glide_progress >= 1.0 {
            let line = egui::Stroke::new(2.0, theme.accent);
            for piece in &self.cache.marks.outline {
                let ends = piece.map(|end| look.camera.screen_from_map(self.area, end));
                if self.area.intersects(Rect::from_two_pos(ends[0], ends[1])) {
                    painter.line_segment(ends, line);
                }
            }
        }
        if let Some(at) = self.cache.marks.star.and_then(on_screen) {
            controls::star(&painter, at, look.radius + 5.0, theme);
        }
        if let Some(at) = cx.state.library().hover.and_then(|id| self.cache.row_of(id)).and_then(on_screen) {
            let stroke = egui::Stroke::new(2.0, theme.text1);
            painter.circle_stroke(at, look.radius * 1.35 + 3.0, stroke);
        }
        if let Some(gesture) = &self.gesture {
            gesture.paint(ui);
        }
    }
}

/// Radius of a point in screen points: larger with fewer points, growing with zoom but slower than distances do.
fn point_radius(count: usize, zoom: f64) -> f32 {
    let crowd = (2_000.0 / count.max(50) as f64).powf(0.2);
    (2.5 * crowd * zoom.max(1.0).powf(0.3)).clamp(0.4, 8.0) as f32
}

/// With many points, each is translucent, so that density shows.
fn density_opacity(count: usize, zoom: f64) -> f32 {
    ((60_000.0 / count.max(1) as f64).powf(0.3) * zoom.max(1.0).powf(0.6)).clamp(0.25, 1.0) as f32
}

/// Rounds to whole pixels, so that the GPU's viewport matches the rectangle exactly.
trait RoundToPixels {
    fn round_to_pixels_of(self, ui: &Ui) -> Self;
}

impl RoundToPixels for Rect {
    fn round_to_pixels_of(self, ui: &Ui) -> Self {
        egui::emath::GuiRounding::round_to_pixels(self, ui.ctx().pixels_per_point())
    }
}
