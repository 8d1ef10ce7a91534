//! The map: every item is a point, and similar items are close together.
//!
//! The map is drawn in `layers`, points by the GPU from resident buffers. Everything that takes longer than a frame
//! (colours, the picking grid, uploads) is prepared on a background thread. Draws from [`Ctx`] and sends commands; knows
//! no engine and no file.

mod arc_key;
mod axes_frame;
mod background_task;
mod bounds;
mod camera;
mod categories;
mod circles;
mod cluster_targets;
pub mod colours;
mod column_colours;
mod contour_lines;
mod controls;
mod fact_categories;
mod fit;
mod gpu;
mod hits_outside;
mod hover_card;
mod input;
mod layers;
mod legend;
mod marks;
mod minimap;
mod picking;
mod quality;
mod scene;
mod scene_cache;
mod select_tools;
mod thinning;
mod ticks;

use std::cell::RefCell;
use std::sync::Arc;

use egui::accesskit::Role;
use egui::emath::GuiRounding as _;
use egui::{Pos2, Rect, Sense, Ui, WidgetInfo};
use egui_wgpu::wgpu;

use crate::context::viewpoint::Viewpoint;
use crate::context::{Ctx, Selection};
use crate::ui::theme::Theme;
use vicinity_core::ItemId;

use background_task::{Background, BackgroundTask};
use camera::{Camera, Flight};
use cluster_targets::ClusterTarget;
use fit::{FitResult, FitTarget};
use gpu::{FrameParams, Gpu};
use input::Gesture;
use layers::names::CLUSTER_PICTURES;
use layers::pictures::{self, ITEM_PICTURES};
use layers::{LayerContext, LayerSlot, LayerSwitch};
use scene_cache::SceneCache;

/// Commands from outside the map: menu, keys, gallery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CameraCommand {
    /// Show all points; if all are shown already, show the selection or the hits.
    Fit,
    /// Zoom in.
    ZoomIn,
    /// Zoom out.
    ZoomOut,
    /// Show the items that the filter admits.
    FitFilter,
    /// Centre one item.
    FlyTo(ItemId),
    /// Select the items of a cluster, and show them.
    ShowCluster(u32),
    /// Show this part of the map; `None`: all points.
    Show(Option<Viewpoint>),
    /// Select what is in view.
    SelectVisible,
}

/// The map's own state: camera, animation, prepared data. Created once by the window.
pub struct MapPanel {
    gpu: Option<Arc<Gpu>>,
    cache: SceneCache,
    layers: Vec<Box<dyn LayerSlot>>,
    flight: Flight,
    /// Whether the view keeps showing all points, until the user moves it.
    auto_fit: bool,
    /// The camera that fitted all points in the last frame, the area, and whether the controls were measured.
    fitted: Option<(Camera, (Rect, bool))>,
    /// Whether a scatter plot is drawn.
    is_plot: bool,
    /// The camera that the map had before the plot was drawn, or the plot before the map, and whether it showed all points.
    other_view: (Camera, bool),
    area: Rect,
    gesture: Option<Gesture>,
    hovered: Option<ItemId>,
    selection_task: BackgroundTask<(), Arc<Selection>>,
    /// Where clusters could be clicked in the last frame.
    targets: Vec<ClusterTarget>,
    /// Where items could be pointed at, beside their points.
    item_targets: Vec<(Rect, ItemId)>,
    /// Whether the view goes to what is selected then.
    shows_selection: bool,
    fit_task: BackgroundTask<(), FitResult>,
    fit_requested: Option<FitTarget>,
    /// The camera that showed the items admitted by the filter, if that was fitted last.
    fitted_filter: Option<Camera>,
    commands: Vec<CameraCommand>,
    reduce_motion: bool,
    controls: controls::ControlCards,
}

impl Default for MapPanel {
    fn default() -> Self {
        Self {
            gpu: None,
            cache: SceneCache::default(),
            layers: layers::all(),
            flight: Flight::default(),
            auto_fit: true,
            fitted: None,
            is_plot: false,
            other_view: (Camera::default(), true),
            area: Rect::ZERO,
            gesture: None,
            hovered: None,
            selection_task: BackgroundTask::default(),
            targets: Vec::new(),
            item_targets: Vec::new(),
            shows_selection: false,
            fit_task: BackgroundTask::default(),
            fit_requested: None,
            fitted_filter: None,
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
        self.gpu = render_state.map(|state| Arc::new(Gpu::new(&state.device, &state.queue, state.target_format)));
        self.cache = SceneCache::default();
        self.layers.iter_mut().for_each(|layer| layer.clear());
    }

    /// Compiles the shaders of the map.
    pub fn compile_shaders(device: &wgpu::Device, queue: &wgpu::Queue, target: wgpu::TextureFormat) {
        Gpu::new(device, queue, target);
    }

    /// Draws the map into all of `ui` and handles its input.
    pub fn ui(&mut self, ui: &mut Ui, cx: &Ctx<'_>) {
        let time = ui.input(|i| i.time);
        self.reduce_motion = cx.state.preferences.reduce_motion;
        // Whole pixels, so that the GPU's viewport matches the rectangle exactly.
        let whole = ui.max_rect().round_to_pixels(ui.ctx().pixels_per_point());
        self.area = if cx.state.placed_axes().is_some() { axes_frame::plot_area(whole) } else { whole };
        let response = ui.interact(self.area, ui.scope_id().with("map"), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, "Map"));
        let gpu = self.gpu.clone();
        self.cache.update(cx, ui.ctx(), gpu.as_ref(), time);
        self.switch_view(cx, time);
        self.update_auto_fit(cx, time);
        self.run_commands(ui, cx);
        let flying = self.flight.advance(time);
        self.input(ui, cx, &response);
        self.finish_selection(cx);
        (self.targets, self.item_targets) = self.draw_layers(ui, cx, time);
        self.click_clusters(ui, cx);
        if let Some(gesture) = &self.gesture {
            gesture.draw(ui, cx);
        }
        if response.has_focus() {
            crate::ui::widgets::mark_focus_shown(&response);
            let stroke = egui::Stroke::new(2.0, Theme::of(ui.ctx()).accent);
            ui.painter().rect_stroke(self.area, 0, stroke, egui::StrokeKind::Inside);
        }
        self.minimap_input(ui);
        self.show_axes(ui, cx, whole);
        self.show_controls(ui, cx);
        self.show_hits_outside(ui, cx);
        self.show_card(ui, cx, time);
        if flying || self.cache.glide_progress(time) < 1.0 {
            ui.ctx().request_repaint();
        }
    }

    /// Forgets the library but keeps the GPU and which layers are on.
    pub fn close_library(&mut self) {
        let mut layers = std::mem::take(&mut self.layers);
        layers.iter_mut().for_each(|layer| layer.clear());
        *self = Self { gpu: self.gpu.take(), layers, ..Self::default() };
    }

    /// Whether a box or lasso is being drawn, which Escape cancels.
    pub fn is_enclosing(&self) -> bool {
        self.gesture.as_ref().is_some_and(Gesture::encloses)
    }

    /// Runs a command in the next frame.
    pub fn command(&mut self, command: CameraCommand) {
        self.commands.push(command);
    }

    /// Screen position of an item; `None` if it has no position on the map.
    pub fn pos_on_screen(&self, item: ItemId) -> Option<Pos2> {
        let pos = self.cache.position(item, f64::INFINITY)?;
        Some(self.flight.end().screen_from_map(self.area, pos))
    }

    /// Screen points per map unit at the end of any animation.
    pub fn points_per_unit(&self) -> f64 {
        self.flight.end().points_per_unit
    }

    /// Where the view is or is going; `None` while it shows all points.
    pub fn view(&self) -> Option<Viewpoint> {
        let Camera { centre_in_map, points_per_unit } = self.flight.end();
        (!self.auto_fit).then_some(Viewpoint { centre_in_map, points_per_unit })
    }

    fn frame_params(&self, ui: &Ui, time: f64) -> FrameParams {
        let camera = self.flight.now();
        let count = self.cache.current.as_ref().map_or(0, |c| c.scene.len());
        let zoom = camera.points_per_unit / self.fit_scale();
        let radius = point_radius(count, zoom);
        let pixels_per_point = ui.ctx().pixels_per_point();
        // Below this radius, a point gets fainter instead of smaller.
        let min_radius = 0.7 / pixels_per_point;
        FrameParams {
            area: self.area,
            camera,
            radius: radius.max(min_radius),
            opacity: (radius / min_radius).powi(2).min(1.0) * overlap_opacity(count, zoom),
            glide_progress: self.cache.glide_progress(time) as f32,
            pixels_per_point,
        }
    }

    /// Whether a layer is on.
    fn is_on(&self, switch: LayerSwitch) -> bool {
        let mut on = self.layers.iter().filter(|layer| layer.is_on()).filter_map(|layer| layer.switch());
        on.any(|other| other.name == switch.name)
    }

    /// Returns where clusters can be clicked, and where items can be pointed at.
    fn draw_layers(&mut self, ui: &Ui, cx: &Ctx<'_>, time: f64) -> (Vec<ClusterTarget>, Vec<(Rect, ItemId)>) {
        let theme = Theme::of(ui.ctx());
        let painter = ui.painter_at(self.area);
        painter.rect_filled(self.area, 0, theme.map_ground);
        self.draw_grid(cx, &painter, theme);
        let params = self.frame_params(ui, time);
        let Some(current) = &self.cache.current else {
            self.layers.iter_mut().for_each(|layer| layer.clear());
            return Default::default();
        };
        let near = params.camera.points_per_unit >= pictures::first_scale(&current.scene, self.area);
        let shows_item_pictures = near && self.is_on(ITEM_PICTURES);
        let shows_cluster_pictures = self.is_on(CLUSTER_PICTURES);
        let (reserved, item_targets) = (self.controls.rects(), RefCell::default());
        let mut map = LayerContext {
            zoom: params.camera.points_per_unit / self.fit_scale(),
            reserved: &reserved,
            thumbnail: &|item| cx.thumbnail(item).flatten(),
            item_targets: &item_targets,
            small_picture: &|item| cx.small_picture(item),
            shows_item_pictures,
            shows_cluster_pictures,
            params,
            target: self.flight.end(),
            background: Background::new(ui.ctx(), cx),
            theme,
            scene: &current.scene,
            snapshot: &current.snapshot,
            colours: &current.colours,
            selection: &cx.state.library().selection,
            result: cx.state.library().query.result.as_ref().filter(|r| r.epoch == current.snapshot.epoch()),
            clusters: cx.state.library().clusters.as_ref().filter(|found| found.belong_to(&current.scene.layout)),
            quality: cx.state.library().map_quality.as_ref().filter(|q| q.belongs_to(&current.scene.layout)),
            pointed_cluster: cx.state.library().cluster_state.pointed_at,
            hover: cx.state.library().hover,
            gpu: self.gpu.as_ref(),
        };
        self.layers.iter_mut().for_each(|layer| layer.update(&map));
        map.params.opacity *= self.layers.iter().map(|layer| layer.point_opacity()).product::<f32>();
        self.layers.iter().for_each(|layer| layer.draw_below_points(&map, &painter));
        self.layers.iter().for_each(|layer| layer.draw(&map, &painter));
        let clusters = self.layers.iter().flat_map(|layer| layer.cluster_targets(&map)).collect();
        (clusters, item_targets.into_inner())
    }
}

/// Radius of a point in screen points: larger with fewer points, growing with zoom but slower than distances do.
fn point_radius(count: usize, zoom: f64) -> f32 {
    let crowd = (2_000.0 / count.max(50) as f64).powf(0.2);
    (2.5 * crowd * zoom.max(1.0).powf(0.3)).clamp(0.4, 8.0) as f32
}

/// With many points, each is translucent, so that overlapping ones can be seen.
fn overlap_opacity(count: usize, zoom: f64) -> f32 {
    ((60_000.0 / count.max(1) as f64).powf(0.3) * zoom.max(1.0).powf(0.6)).clamp(0.25, 1.0) as f32
}
