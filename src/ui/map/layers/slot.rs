//! A layer together with its prepared data, behind an object-safe trait.

use egui::{Painter, Ui};

use crate::ui::theme::Theme;

use super::super::background_task::BackgroundTask;
use super::super::cluster_targets::ClusterTarget;
use super::{LayerContext, LayerSwitch, MapLayer};

/// A layer of any type.
pub trait LayerSlot {
    /// Starts preparing data if they are out of date, and collects those that are complete.
    fn update(&mut self, map: &LayerContext<'_>);

    /// Draws what belongs below the points.
    fn draw_below_points(&self, map: &LayerContext<'_>, painter: &Painter);

    /// Draws the layer.
    fn draw(&self, map: &LayerContext<'_>, painter: &Painter);

    /// Where clusters can be clicked.
    fn cluster_targets(&self, map: &LayerContext<'_>) -> Vec<ClusterTarget>;

    /// The switch of a layer that can be turned off.
    fn switch(&self) -> Option<LayerSwitch>;

    /// Whether the layer is on.
    fn is_on(&self) -> bool;

    /// Turns the layer on or off.
    fn toggle(&mut self);

    /// Factor for the opacity of the points.
    fn point_opacity(&self) -> f32;

    /// Adds to the legend what the layer shows.
    fn legend(&self, ui: &mut Ui, theme: &Theme);

    /// Drops all data. The switch stays as it is.
    fn clear(&mut self);
}

/// A layer and its data. Old data stay until new data are complete.
pub struct Slot<L: MapLayer> {
    layer: L,
    data: Option<L::Data>,
    /// Whether the layer is on by itself.
    automatic: bool,
    /// Whether the user turned it on or off, against what it would be by itself.
    chosen: Option<bool>,
    task: BackgroundTask<L::Key, L::Data>,
}

impl<L: MapLayer> Slot<L> {
    /// Boxes a layer.
    pub fn boxed(layer: L) -> Box<dyn LayerSlot> {
        Box::new(Self { layer, data: None, automatic: false, chosen: None, task: BackgroundTask::default() })
    }
}

impl<L: MapLayer> LayerSlot for Slot<L> {
    fn update(&mut self, map: &LayerContext<'_>) {
        self.automatic = self.layer.is_automatic(map);
        let Some(key) = self.layer.key(map).filter(|_| self.is_on()) else {
            self.clear();
            return;
        };
        if self.task.accepts(&key) {
            self.task.start(map.background, key, self.layer.is_quick(map), self.layer.prepare(map));
        }
        if let Some(data) = self.task.take() {
            self.data = Some(data);
        }
    }

    fn draw_below_points(&self, map: &LayerContext<'_>, painter: &Painter) {
        if let Some(data) = &self.data {
            self.layer.draw_below_points(data, map, painter);
        }
    }

    fn draw(&self, map: &LayerContext<'_>, painter: &Painter) {
        if let Some(data) = &self.data {
            self.layer.draw(data, map, painter);
        }
    }

    fn cluster_targets(&self, map: &LayerContext<'_>) -> Vec<ClusterTarget> {
        self.data.as_ref().map(|data| self.layer.cluster_targets(data, map)).unwrap_or_default()
    }

    fn switch(&self) -> Option<LayerSwitch> {
        self.layer.switch()
    }

    fn is_on(&self) -> bool {
        self.chosen.unwrap_or(self.automatic)
    }

    fn toggle(&mut self) {
        let on = !self.is_on();
        self.chosen = (on != self.automatic).then_some(on);
    }

    fn point_opacity(&self) -> f32 {
        if self.data.is_some() { self.layer.point_opacity() } else { 1.0 }
    }

    fn legend(&self, ui: &mut Ui, theme: &Theme) {
        if let Some(data) = &self.data {
            self.layer.legend(data, ui, theme);
        }
    }

    fn clear(&mut self) {
        self.data = None;
        self.task.reset();
    }
}
