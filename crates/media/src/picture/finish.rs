//! From a decoder's pixels to the picture that is kept: smaller, in sRGB, on white, upright.

use image::DynamicImage;
use image::metadata::Orientation;
use vicinity_core::Picture;

use super::colour::{self, Samples};
use super::container::Container;
use super::limits::KEPT;
use crate::error::PictureError;
use crate::thumbnail;

/// Pixels of the decoder as they are kept. `applied`: the profile has been applied by the decoder.
///
/// # Errors
/// When the pixels do not make a picture of their size.
pub fn finish(
    container: &Container<'_>,
    image: DynamicImage,
    samples: Samples,
    applied: bool,
) -> Result<Picture, PictureError> {
    let profile = container.profile.as_ref().filter(|_| !applied);
    let (image, profile) = match profile {
        Some(profile) if colour::is_deep(&image) => (colour::deep_to_srgb(image, profile), None),
        profile => (image, profile),
    };
    // Turning and recolouring cost less after scaling down.
    let picture = thumbnail::shrink(&rgb_on_white(image)?, KEPT);
    let picture = match profile {
        Some(profile) => colour::picture_to_srgb(picture, samples, profile),
        None => picture,
    };
    upright(picture, container.orientation)
}

fn upright(picture: Picture, orientation: Orientation) -> Result<Picture, PictureError> {
    if orientation == Orientation::NoTransforms {
        return Ok(picture);
    }
    let (width, height) = (picture.width(), picture.height());
    let image = image::RgbImage::from_raw(width, height, picture.into_rgb()).ok_or(PictureError::WrongSize)?;
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    let image = image.into_rgb8();
    Picture::new(image.width(), image.height(), image.into_raw()).ok_or(PictureError::WrongSize)
}

/// Transparent pixels show white, as on paper; deeper channels are scaled, not cut; light beyond white is clipped.
fn rgb_on_white(image: DynamicImage) -> Result<Picture, PictureError> {
    let has_alpha = image.color().has_alpha();
    let (width, height) = (image.width(), image.height());
    let rgb = if has_alpha { on_white(image.into_rgba8().into_raw()) } else { image.into_rgb8().into_raw() };
    Picture::new(width, height, rgb).ok_or(PictureError::WrongSize)
}

/// RGB from RGBA, in place.
fn on_white(mut pixels: Vec<u8>) -> Vec<u8> {
    let count = pixels.len() / 4;
    for pixel in 0..count {
        let alpha = u32::from(pixels[pixel * 4 + 3]);
        for channel in 0..3 {
            let colour = u32::from(pixels[pixel * 4 + channel]);
            pixels[pixel * 3 + channel] = ((colour * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        }
    }
    pixels.truncate(count * 3);
    pixels
}
