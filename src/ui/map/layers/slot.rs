//! A layer together with its prepared data, behind an object-safe trait.

use egui::Painter;

use super::super::background_task::BackgroundTask;
use super::{LayerContext, MapLayer};

/// A layer of any type.
pub trait LayerSlot {
    /// Starts preparing data if they are out of date, and collects those that are complete.
    fn update(&mut self, map: &LayerContext<'_>);

    /// Draws what belongs below the points.
    fn draw_below_points(&self, map: &LayerContext<'_>, painter: &Painter);

    /// Draws the layer.
    fn draw(&self, map: &LayerContext<'_>, painter: &Painter);

    /// Drops all data.
    fn clear(&mut self);
}

/// A layer and its data. Old data stay until new data are complete.
pub struct Slot<L: MapLayer> {
    layer: L,
    data: Option<L::Data>,
    task: BackgroundTask<L::Key, L::Data>,
}

impl<L: MapLayer> Slot<L> {
    /// Boxes a layer.
    pub fn new(layer: L) -> Box<dyn LayerSlot> {
        Box::new(Self { layer, data: None, task: BackgroundTask::default() })
    }
}

impl<L: MapLayer> LayerSlot for Slot<L> {
    fn update(&mut self, map: &LayerContext<'_>) {
        let Some(key) = self.layer.key(map) else {
            self.clear();
            return;
        };
        if self.task.accepts(&key) {
            self.task.start(map.egui, key, self.layer.is_quick(map), self.layer.prepare(map));
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

    fn clear(&mut self) {
        self.data = None;
        self.task.reset();
    }
}
