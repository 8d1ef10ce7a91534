//! Develops raw photos in Adobe's Digital Negative format (DNG 1.4) that are stored plainly: mosaics of red, green and blue
//! in twos, or complete pixels, not compressed or as lossless JPEG. What cameras compress in ways of their own is not read.
//!
//! The steps are those of the specification: black and white levels, a plain interpolation of the mosaic, the camera's
//! colours by its matrices, the curve of sRGB. There is no tone curve, no repair of pixels and no lens correction.

mod colour;
mod demosaic;
mod entries;
mod levels;
mod lossless_jpeg;
mod matrix;
mod samples;
mod tags;

use image::{DynamicImage, RgbImage};
use vicinity_core::Picture;

use super::colour::Samples;
use super::container::Container;
use super::finish::finish;
use super::limits::{BESIDE, BUDGET, check_size, pixels_of};
use super::upright_size;
use crate::error::PictureError;
use crate::formats::PictureFormat;
use colour::Development;
use levels::Levels;
use tags::RawTags;

/// The upright picture and its upright size; `None` for what is no such file.
///
/// # Errors
/// When it is damaged or too large.
pub fn decode(bytes: &[u8]) -> Result<Option<(Picture, [u32; 2])>, PictureError> {
    let Some(tags) = RawTags::find(bytes) else { return Ok(None) };
    match develop(bytes, &tags) {
        Err(PictureError::Unsupported { .. }) => Ok(None),
        developed => developed.map(Some),
    }
}

/// Width and height as stored, from the beginning of a file.
pub fn size(beginning: &[u8]) -> Option<[u32; 2]> {
    RawTags::find(beginning).map(|tags| tags.crop.size)
}

fn develop(bytes: &[u8], tags: &RawTags) -> Result<(Picture, [u32; 2]), PictureError> {
    let per_pixel = 2 * tags.channels as u64 + 3;
    let pixels = check_size(tags.size, per_pixel)?;
    check_size(tags.crop.size, per_pixel)?;
    let _memory = BUDGET.take(pixels * per_pixel + pixels_of(tags.piece) * 2 * tags.channels as u64 + BESIDE);
    let samples = samples::read(bytes, tags)?;
    let levels = Levels::new(tags);
    let development = Development::new(&tags.colour, tags.channels == 3 || tags.mosaic.is_some());
    let mut rgb = Vec::with_capacity(tags.crop.size.iter().map(|side| *side as usize).product::<usize>() * 3);
    demosaic::rows(&samples, tags, &levels, |pixel| rgb.extend(development.srgb(pixel)));
    drop(samples);
    let [width, height] = tags.crop.size;
    let image = RgbImage::from_raw(width, height, rgb).ok_or(PictureError::WrongSize)?;
    let container = Container { orientation: tags.orientation, ..Container::plain(&[]) };
    let picture = finish(&container, DynamicImage::ImageRgb8(image), Samples::Rgb, true)?;
    Ok((picture, upright_size(tags.crop.size, tags.orientation)))
}

/// What is not read: such a file is skipped as before.
fn unsupported() -> PictureError {
    PictureError::Unsupported { format: PictureFormat::Raw }
}
