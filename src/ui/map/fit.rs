//! Moving the view: showing all points, a part of them, or one item.

use std::sync::Arc;

use egui::Ui;

use crate::context::viewpoint::Viewpoint;
use crate::context::{CentralView, Ctx};
use vicinity_core::{ItemId, LayoutMethod};

use super::background_task::Background;
use super::camera::{self, Camera, MapBounds};
use super::colours::PointColours;
use super::layers::query;
use super::scene::Scene;
use super::scene_cache::{CurrentScene, MAX_ROWS_IN_FRAME};
use super::{CameraCommand, MapPanel};

/// Smallest side of the area shown when all points, or some of them, are fitted, in map units.
const MIN_SIDE: [f64; 2] = [0.02, 0.08];

/// Where the view is going once the bounds are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FitTarget {
    /// The selection, or the hits if nothing is selected.
    Highlighted,
    /// The items that the filter admits.
    Filtered,
    /// The hits.
    Hits,
}

impl MapPanel {
    /// The camera that shows all points.
    fn fit_camera(&self) -> Option<Camera> {
        let bounds = self.cache.current.as_ref()?.scene.fitted?;
        Some(self.camera_showing(bounds.with_min_size(MIN_SIDE[0])))
    }

    /// The camera that shows `bounds` beside or above the legend, whichever is larger.
    fn camera_showing(&self, bounds: MapBounds) -> Camera {
        let free_areas = self.controls.free_areas(camera::inner(self.area));
        let cameras = free_areas.into_iter().map(|free| Camera::fitting(bounds, self.area, free));
        let larger = |a: Camera, b: Camera| if b.points_per_unit > a.points_per_unit { b } else { a };
        cameras.reduce(larger).unwrap_or_default()
    }

    /// The scale at which all points fit, in screen points per map unit.
    pub(super) fn fit_scale(&self) -> f64 {
        self.fitted.map_or(Camera::default().points_per_unit, |(camera, _)| camera.points_per_unit)
    }

    /// The smallest and the largest scale. All points can be seen, however far out some of them are.
    pub(super) fn scale_limits(&self) -> [f64; 2] {
        let fit = self.fit_scale();
        let all = self.cache.current.as_ref().and_then(|current| current.scene.grid.bounds());
        // The centre of the view may be at one end of the map.
        let whole = all.map(|all| 0.45 * self.camera_showing(all.with_min_size(MIN_SIDE[0])).points_per_unit);
        [(fit * camera::MIN_ZOOM).min(whole.unwrap_or(fit)), fit * camera::MAX_ZOOM]
    }

    /// Scatter plots and the map each have a view of their own, which is kept while the other is shown.
    pub(super) fn switch_view(&mut self, cx: &Ctx<'_>, time: f64) {
        let Some(current) = &self.cache.current else { return };
        let is_plot = current.scene.layout.method == LayoutMethod::Axes;
        if is_plot == self.is_plot {
            return;
        }
        self.is_plot = is_plot;
        let other = std::mem::replace(&mut self.other_view, (self.flight.end(), self.auto_fit));
        self.auto_fit = other.1;
        let Some(fit) = self.fit_camera() else { return };
        self.fitted = Some((fit, (self.area, self.controls.are_measured())));
        self.flight.start(if self.auto_fit { fit } else { other.0 }, time, cx.state.preferences.reduce_motion);
    }

    /// Keeps all points in view until the user moves the map.
    pub(super) fn update_auto_fit(&mut self, cx: &Ctx<'_>, time: f64) {
        let Some(fit) = self.fit_camera() else {
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
    pub(super) fn fly(&mut self, ui: &Ui, camera: Camera) {
        self.auto_fit = false;
        let (time, reduce_motion) = (ui.input(|i| i.time), self.reduce_motion);
        self.flight.start(camera, time, reduce_motion);
        ui.ctx().request_repaint();
    }

    pub(super) fn run_commands(&mut self, ui: &Ui, cx: &Ctx<'_>) {
        for command in std::mem::take(&mut self.commands) {
            let end = self.flight.end();
            let zoomed = |factor| end.zoomed(factor, self.area, self.area.center(), self.scale_limits());
            match command {
                CameraCommand::ZoomIn => self.fly(ui, zoomed(1.6)),
                CameraCommand::ZoomOut => self.fly(ui, zoomed(1.0 / 1.6)),
                CameraCommand::Fit => self.fit_all_or_highlighted(ui),
                CameraCommand::FitFilter => self.fit_requested = Some(FitTarget::Filtered),
                CameraCommand::FlyTo(item) => self.fly_to_item(ui, item),
                CameraCommand::ShowCluster(cluster) => {
                    if let Some(clusters) = &cx.state.library().clusters {
                        self.select_cluster(ui, cx, cluster, clusters);
                    }
                }
                CameraCommand::Show(view) => self.show(ui, cx, view),
                CameraCommand::SelectVisible => self.select_visible(ui, cx, cx.state.library().select_mode),
            }
        }
        self.start_fit(ui, cx);
        self.finish_fit(ui);
    }

    fn fit_all_or_highlighted(&mut self, ui: &Ui) {
        let (Some(all), Some(current)) = (self.fit_camera(), &self.cache.current) else { return };
        let end = self.flight.end();
        let hides = current.colours.hides_any();
        if hides && self.fitted_filter != Some(end) {
            self.fit_requested = Some(FitTarget::Filtered);
        } else if hides || end == all {
            self.fit_requested = Some(FitTarget::Highlighted);
        } else {
            self.fly(ui, all);
            self.auto_fit = true;
        }
    }

    /// Starts computing the requested bounds, once the colours match the filter.
    fn start_fit(&mut self, ui: &Ui, cx: &Ctx<'_>) {
        let (Some(target), Some(current)) = (self.fit_requested, &self.cache.current) else { return };
        if target == FitTarget::Filtered && current.colours.visible().filter() != &cx.state.library().query.filter {
            return;
        }
        self.fit_requested = None;
        let work = match target {
            FitTarget::Highlighted => highlighted_bounds(current, cx, FitTarget::Highlighted),
            FitTarget::Hits => highlighted_bounds(current, cx, FitTarget::Hits),
            FitTarget::Filtered => filtered_bounds(&current.scene, &current.colours),
        };
        self.fit_task.reset();
        self.fit_task.start(Background::new(ui.ctx(), cx), (), current.scene.len() <= MAX_ROWS_IN_FRAME, work);
    }

    fn finish_fit(&mut self, ui: &Ui) {
        let Some((target, bounds)) = self.fit_task.take() else { return };
        if let Some(bounds) = bounds {
            let camera = self.camera_showing(bounds.with_min_size(MIN_SIDE[1]));
            self.fly(ui, camera);
            self.fitted_filter = (target == FitTarget::Filtered).then_some(camera);
        } else if let (FitTarget::Highlighted, Some(all)) = (target, self.fit_camera()) {
            self.fly(ui, all);
            self.auto_fit = true;
        }
    }

    fn show(&mut self, ui: &Ui, cx: &Ctx<'_>, view: Option<Viewpoint>) {
        self.fit_requested = None;
        self.fit_task.reset();
        if (cx.state.preferences.central_view == CentralView::Axes) != self.is_plot {
            // The other one is about to be shown.
            let camera =
                view.map(|Viewpoint { centre_in_map, points_per_unit }| Camera { centre_in_map, points_per_unit });
            self.other_view = (camera.unwrap_or_default(), camera.is_none());
            return;
        }
        match (view, self.fit_camera()) {
            (Some(Viewpoint { centre_in_map, points_per_unit }), _) => {
                self.fly(ui, Camera { centre_in_map, points_per_unit });
            }
            (None, Some(all)) => {
                self.fly(ui, all);
                self.auto_fit = true;
            }
            (None, None) => self.auto_fit = true,
        }
    }

    fn fly_to_item(&mut self, ui: &Ui, item: ItemId) {
        let Some(pos) = self.cache.position(item, f64::INFINITY) else { return };
        let points_per_unit = self.flight.end().points_per_unit.max(self.fit_scale() * 4.0);
        self.fly(ui, Camera { centre_in_map: [f64::from(pos.x), f64::from(pos.y)], points_per_unit });
    }
}

/// The bounds found for a target.
pub(super) type FitResult = (FitTarget, Option<MapBounds>);
type FitWork = Box<dyn FnOnce() -> FitResult + Send>;

/// The bounds of the selection, or of the hits if nothing is selected or they are wanted.
fn highlighted_bounds(current: &CurrentScene, cx: &Ctx<'_>, target: FitTarget) -> FitWork {
    let (scene, snapshot, colours) =
        (Arc::clone(&current.scene), Arc::clone(&current.snapshot), Arc::clone(&current.colours));
    let selection = Arc::clone(&cx.state.library().selection);
    let result = cx.state.library().query.result.clone().filter(|r| r.epoch == snapshot.epoch());
    Box::new(move || {
        let rows = match result {
            Some(result) if selection.items.is_empty() || target == FitTarget::Hits => {
                query::rows_of_hits(&result, &snapshot)
            }
            _ => selection.items.iter().filter_map(|id| snapshot.row_of(*id)).collect(),
        };
        let drawn = rows.into_iter().filter(|row| !colours.is_filtered_out(*row));
        let positions = drawn.filter_map(|row| scene.position(row, 1.0));
        (target, MapBounds::around(positions))
    })
}

fn filtered_bounds(scene: &Arc<Scene>, colours: &Arc<PointColours>) -> FitWork {
    let (scene, colours) = (Arc::clone(scene), Arc::clone(colours));
    Box::new(move || {
        let positions = scene.layout.positions.iter().enumerate();
        let admitted = positions.filter(|(row, _)| colours.is_visible(*row)).map(|(_, pos)| *pos);
        (FitTarget::Filtered, MapBounds::around(admitted))
    })
}
