//! A laid out map as pixels, in bands that are drawn in parallel.

use rayon::prelude::*;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::Tree;

use super::palette::rgb;
use super::sheet::MapSheet;
use super::svg;
use vicinity_core::Picture;

/// Rows of a band: a band of the largest picture takes about 100 MB while it is drawn.
const BAND: usize = 256;

/// Draws points, names, pictures and the legend.
///
/// # Errors
/// A sentence, when names and legend cannot be drawn.
pub fn render(sheet: &MapSheet) -> Result<Picture, String> {
    let has_text = !sheet.names.is_empty() || !sheet.legend.is_empty();
    let overlay = has_text.then(|| sheet.fonts.parse(&svg::overlay(sheet))).transpose();
    Ok(draw(sheet, overlay.map_err(|error| error.to_string())?.as_ref()))
}

/// Draws the points alone.
pub fn points(sheet: &MapSheet) -> Picture {
    draw(sheet, None)
}

fn draw(sheet: &MapSheet, overlay: Option<&Tree>) -> Picture {
    let [width, height] = sheet.size.map(|side| side as usize);
    let mut pixels = vec![0; width * height * 3];
    pixels.par_chunks_mut(BAND * width * 3).enumerate().for_each(|(at, pixels)| {
        let mut band = Band::new(sheet, at * BAND, pixels.len() / (width * 3));
        sheet.points.iter().for_each(|(middle, colour)| band.disc(*middle, sheet, *colour));
        if let Some(overlay) = overlay {
            band.cover(overlay);
        }
        for (value, drawn) in pixels.iter_mut().zip(band.pixels.iter().flatten()) {
            *value = drawn.round() as u8;
        }
    });
    Picture::new(sheet.size[0], sheet.size[1], pixels).expect("width x height pixels, and no side is zero")
}

struct Band {
    width: usize,
    top: usize,
    height: usize,
    pixels: Vec<[f32; 3]>,
}

impl Band {
    fn new(sheet: &MapSheet, top: usize, height: usize) -> Self {
        let width = sheet.size[0] as usize;
        Self { width, top, height, pixels: vec![rgb(sheet.palette.ground); width * height] }
    }

    /// A disc with an edge one pixel soft.
    fn disc(&mut self, [x, y]: [f32; 2], sheet: &MapSheet, colour: u32) {
        let (reach, colour, y) = (sheet.radius + 0.5, rgb(colour), y - self.top as f32);
        let span = |middle: f32, side: usize| {
            let low = (middle - reach).floor().max(0.0) as usize;
            low..((middle + reach).ceil().max(0.0) as usize).min(side)
        };
        for row in span(y, self.height) {
            for column in span(x, self.width) {
                let distance = (column as f32 + 0.5 - x).hypot(row as f32 + 0.5 - y);
                let cover = (reach - distance).clamp(0.0, 1.0) * sheet.opacity;
                let pixel = &mut self.pixels[row * self.width + column];
                for (old, new) in pixel.iter_mut().zip(colour) {
                    *old += (new - *old) * cover;
                }
            }
        }
    }

    /// Draws names, pictures and the legend over the points.
    fn cover(&mut self, overlay: &Tree) {
        let Some(mut canvas) = Pixmap::new(self.width as u32, self.height as u32) else { return };
        resvg::render(overlay, Transform::from_translate(0.0, -(self.top as f32)), &mut canvas.as_mut());
        for (pixel, drawn) in self.pixels.iter_mut().zip(canvas.pixels()) {
            let below = 1.0 - f32::from(drawn.alpha()) / 255.0;
            for (old, new) in pixel.iter_mut().zip([drawn.red(), drawn.green(), drawn.blue()]) {
                *old = *old * below + f32::from(new);
            }
        }
    }
}
