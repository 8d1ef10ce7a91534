//! Decodes images: limits first, then pixels, upright, in sRGB, on white, 8-bit RGB.
//!
//! Metadata (profile, orientation, pages, frames) is parsed here, without allocating what a
//! file claims; decoders are shown the pixels' own parts.

mod colour;
mod container;
mod containers;
mod decoder_error;
mod frames;
mod icon;
pub mod ifd;
mod jpeg;
mod pieces;
pub mod png;
mod tiff;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use crate::budget::Budget;
use crate::error::PictureError;
use crate::thumbnail;
use colour::Samples;
use container::{Container, MAX_BYTES, SampleMeaning};
use vicinity_core::Picture;

/// Maximum number of pixels of an image.
const MAX_PIXELS: u64 = 250_000_000;
/// Limit on the bytes that all current decodes use together.
static BUDGET: Budget = Budget::new(700 << 20);
/// Maximum length of an image's longer side that is kept: more than any model or preview uses.
const KEPT: u32 = 2048;
/// Memory of a decoder in addition to the pixels: tables, lines and blocks.
const BESIDE: u64 = 32 << 20;

/// Looks through a file of any format but JPEG.
fn open(bytes: &[u8], format: ImageFormat) -> Result<Container<'_>, PictureError> {
    match format {
        ImageFormat::Png => png::open(bytes),
        ImageFormat::Tiff => tiff::open(bytes),
        ImageFormat::WebP => Ok(containers::webp(bytes)),
        ImageFormat::Gif => Ok(containers::gif(bytes)),
        ImageFormat::Bmp => Ok(containers::bmp(bytes)),
        _ => Ok(Container::plain(bytes)),
    }
}

/// Pixels of the decoder as they are kept. `applied`: the profile has been applied by the decoder.
fn finish(
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

/// The upright picture, and its upright size in the file.
///
/// # Errors
/// When it is damaged, too large, or of a kind that is not read.
pub fn decode(bytes: &[u8], format: ImageFormat) -> Result<(Picture, [u32; 2]), PictureError> {
    match format {
        ImageFormat::Jpeg => decode_jpeg(bytes),
        ImageFormat::Ico => match icon::main(bytes)? {
            icon::Main::Png(png) => decode_other(png, ImageFormat::Png),
            icon::Main::Bitmap(icon) => decode_other(&icon, ImageFormat::Ico),
        },
        _ => decode_other(bytes, format),
    }
}

/// Width and height as stored, from the file's beginning where that has them.
pub fn glance(path: &Path, beginning: &[u8], format: ImageFormat) -> Option<[u32; 2]> {
    /// Cameras put previews and profiles of some hundred kilobytes before a JPEG's size.
    const MAX_BEFORE: u64 = 4 << 20;
    let longer = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_BEFORE).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match format {
        ImageFormat::Jpeg => jpeg::size(beginning).or_else(|| jpeg::size(&longer().ok()?)),
        ImageFormat::Png => png::size(beginning),
        ImageFormat::Ico => icon::size(&longer().ok()?),
        _ => {
            let mut reader = ImageReader::with_format(io::BufReader::new(File::open(path).ok()?), format);
            let mut limits = Limits::default();
            limits.max_alloc = Some(BESIDE);
            reader.limits(limits);
            reader.into_dimensions().ok().map(Into::into)
        }
    }
}

fn decode_jpeg(bytes: &[u8]) -> Result<(Picture, [u32; 2]), PictureError> {
    let jpeg = jpeg::open(bytes)?;
    let size = jpeg.size();
    check_size(size, 3)?;
    let _memory = BUDGET.take(jpeg.needed() + BESIDE);
    let container = &jpeg.container;
    let picture = finish(container, jpeg.decode()?, jpeg.samples(), jpeg.is_ink())?;
    Ok((picture, upright_size(size, container.orientation)))
}

fn decode_other(bytes: &[u8], format: ImageFormat) -> Result<(Picture, [u32; 2]), PictureError> {
    let container = open(bytes, format)?;
    if format == ImageFormat::Bmp
        && let Some(size) = containers::bmp_size(bytes)
    {
        check_size(size, 3)?;
    }
    let refused = |error: ImageError| decoder_error::of(&error, format, container.cut || container.pieces.is_overrun());
    let mut reader = ImageReader::with_format(container.pieces.clone(), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let size: [u32; 2] = decoder.dimensions().into();
    let pixels = check_size(size, decoder.total_bytes().div_ceil(pixels_of(size).max(1)))?;
    let color = decoder.color_type();
    let as_decoded = container.samples == SampleMeaning::AsDecoded;
    let samples = if color.has_color() || !as_decoded { Samples::Rgb } else { Samples::Grey };
    let output = decoder.total_bytes();
    // What the decoder has beside its output, and the copy as 8-bit RGB.
    let own = match format {
        ImageFormat::Tiff | ImageFormat::WebP | ImageFormat::Gif => output.max(pixels * 4),
        _ => 0,
    };
    let copy = if color == image::ColorType::Rgb8 { 0 } else { pixels * 3 };
    let frames_fit = container.animated && pixels * frames::BYTES_PER_PIXEL <= MAX_BYTES;
    let whole = output + own + copy;
    let needed = if frames_fit { whole.max(pixels * frames::BYTES_PER_PIXEL) } else { whole };
    let _memory = BUDGET.take(needed + BESIDE);
    limits.max_alloc = Some(output + own + BESIDE);
    decoder.set_limits(limits).map_err(refused)?;
    let finish = |image| finish(&container, image, samples, false);
    let visible = || {
        let mut limits = Limits::default();
        limits.max_alloc = Some(needed + BESIDE);
        let frames = frames::frames(container.pieces.clone(), format, limits).ok()?;
        frames::first_visible(frames, |image| finish(image).ok())
    };
    let upright_size = upright_size(size, container.orientation);
    if frames_fit
        && container.hidden_first
        && let Some(picture) = visible()
    {
        return Ok((picture, upright_size));
    }
    let image = DynamicImage::from_decoder(decoder).map_err(refused)?;
    let picture = finish(container.samples.apply(image).ok_or(PictureError::Unsupported { format })?)?;
    let picture = if frames_fit && frames::is_blank(&picture) { visible().unwrap_or(picture) } else { picture };
    Ok((picture, upright_size))
}

fn pixels_of([width, height]: [u32; 2]) -> u64 {
    u64::from(width) * u64::from(height)
}

/// The number of pixels, where it is allowed.
fn check_size(size: [u32; 2], bytes_per_pixel: u64) -> Result<u64, PictureError> {
    let pixels = pixels_of(size);
    if pixels == 0 {
        return Err(PictureError::NoPixels);
    }
    if pixels > MAX_PIXELS || pixels.saturating_mul(bytes_per_pixel.max(3)) > MAX_BYTES {
        return Err(PictureError::TooLarge { width: size[0], height: size[1] });
    }
    Ok(pixels)
}

fn upright_size([width, height]: [u32; 2], orientation: Orientation) -> [u32; 2] {
    match orientation {
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH => {
            [height, width]
        }
        _ => [width, height],
    }
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
