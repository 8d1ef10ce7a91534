//! The picture of a page.

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::Pdf;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderSettings, render};
use vicinity_core::Picture;

use super::{LONGER_SIDE, PageCache, PdfError};
use crate::error::{PictureError, ReadError};

/// A page as a picture: upright, on white, [`LONGER_SIDE`] pixels along its longer side. `index` is from 0.
///
/// # Errors
/// When there is no such page, or it has no size.
pub fn draw<'a>(pdf: &'a Pdf, index: u32, cache: &PageCache<'a>) -> Result<(Picture, [u32; 2]), ReadError> {
    let page = pdf.pages().get(index as usize).ok_or(PdfError::PageMissing)?;
    let (width, height) = page.render_dimensions();
    let longer = width.max(height);
    if !(longer.is_finite() && width > 0.0 && height > 0.0) {
        return Err(PictureError::NoPixels.into());
    }
    let side = |side: f32| ((side / longer * LONGER_SIDE as f32).round() as u32).clamp(1, LONGER_SIDE);
    let size = [side(width), side(height)];
    // The renderer rounds sizes down.
    let scale = |pixels: u32, side: f32| (pixels as f32 + 0.01) / side;
    let settings = PixmapSettings { x_scale: scale(size[0], width), y_scale: scale(size[1], height), bg_color: WHITE };
    let drawn = render(page, cache, &InterpreterSettings::default(), &RenderSettings::default(), &settings);
    let (width, height) = (u32::from(drawn.width()), u32::from(drawn.height()));
    let rgb = drawn.data().iter().flat_map(|pixel| [pixel.r, pixel.g, pixel.b]).collect();
    let picture = Picture::new(width, height, rgb).ok_or(PictureError::WrongSize)?;
    Ok((picture, [width, height]))
}
