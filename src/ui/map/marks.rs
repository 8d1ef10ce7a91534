//! Marks: discs, rings and glows that highlight single points. Layers make them; they are drawn by the GPU or by egui.

use std::sync::Arc;

use egui::{Color32, Painter};

use super::circles;
use super::gpu::{Drawing, Gpu, MarkBuffer};
use super::layers::LayerContext;

/// The shape of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum MarkShape {
    /// A disc with a soft edge.
    Disc = 0,
    /// A ring.
    Ring = 1,
    /// A glow that fades outwards.
    Glow = 2,
}

/// One instance in a mark buffer.
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Mark {
    /// Position in map units.
    pub to: [f32; 2],
    /// Position it animates from, in map units.
    pub from: [f32; 2],
    /// Red, green, blue, opacity.
    pub rgba: [u8; 4],
    /// Radius as a multiple of a point's radius.
    pub radius_scale: f32,
    /// Added to the radius, in screen points.
    pub radius_offset: f32,
    /// A [`MarkShape`].
    pub shape: u32,
}

impl Mark {
    /// An opaque disc the size of a point.
    pub fn disc(from: [f32; 2], to: [f32; 2], colour: Color32) -> Self {
        let rgba = [colour.r(), colour.g(), colour.b(), 255];
        Self { to, from, rgba, radius_scale: 1.0, radius_offset: 0.0, shape: MarkShape::Disc as u32 }
    }

    /// The same mark with another shape and size.
    pub fn shaped(self, shape: MarkShape, radius_scale: f32, radius_offset: f32) -> Self {
        Self { shape: shape as u32, radius_scale, radius_offset, ..self }
    }

    /// The same mark with this opacity.
    pub fn faded(self, opacity: f32) -> Self {
        let [r, g, b, _] = self.rgba;
        Self { rgba: [r, g, b, (opacity * 255.0) as u8], ..self }
    }
}

/// Marks drawn together, in order.
#[derive(Debug, Default)]
pub struct Marks {
    list: Vec<Mark>,
    buffer: Option<MarkBuffer>,
}

impl Marks {
    /// Uploads the marks if there is a GPU.
    pub fn new(list: Vec<Mark>, gpu: Option<&Gpu>) -> Self {
        let buffer = gpu.filter(|_| !list.is_empty()).map(|gpu| gpu.upload_marks(&list));
        Self { list, buffer }
    }

    /// Draws all marks.
    pub fn draw(&self, map: &LayerContext<'_>, painter: &Painter) {
        match (map.gpu, &self.buffer) {
            (Some(gpu), Some(buffer)) => {
                painter.add(Drawing::Marks(buffer.clone()).shape(Arc::clone(gpu), map.params));
            }
            _ => self.list.iter().for_each(|mark| circles::mark(painter, mark, &map.params)),
        }
    }
}
