//! The map: every item a point, like beside like.
//!
//! Points are drawn by the GPU from resident buffers; everything that takes longer than a frame (colours, the picking
//! grid, uploads) is prepared by a thread of its own. Draws from [`Ctx`] and sends commands; knows no engine and no file.

use egui::Ui;

use crate::context::Ctx;
use crate::domain::ItemId;

/// What can be asked of the map from outside: menu, keys, gallery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapCommand {
    /// Show all points; again: show the selection.
    Fit,
    /// Closer.
    ZoomIn,
    /// Further.
    ZoomOut,
    /// Bring one item into the middle.
    FlyTo(ItemId),
}

/// The map's own state: camera, motion, prepared buffers. Created once by the window.
#[derive(Default)]
pub struct MapPanel {}

impl MapPanel {
    /// A map that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the GPU. Without one the points are painted as circles by egui, so that tests need no driver.
    pub fn set_render_state(&mut self, _render_state: Option<&egui_wgpu::RenderState>) {}

    /// Draws the map into all of `ui` and takes its input.
    pub fn ui(&mut self, _ui: &mut Ui, _cx: &Ctx<'_>) {}

    /// Does what is asked, at the next frame.
    pub fn command(&mut self, _command: MapCommand) {}
}
