//! Decodes pictures: limits first, then pixels, upright, in sRGB, on white, 8-bit RGB.
//!
//! What a file says beside its pixels (profile, orientation, pages, frames) is read here, without allocating what a
//! file claims; decoders are shown the pixels' own parts.

mod colour;
mod containers;
mod frames;
mod icon;
mod ifd;
mod jpeg;
mod pieces;
mod png;
mod tiff;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use crate::budget::Budget;
use crate::thumbnail;
use colour::{Profile, Samples};
use pieces::Pieces;
use vicinity_core::Picture;

/// The most pixels a picture may have.
const MOST_PIXELS: u64 = 250_000_000;
/// The most bytes that the pixels of one picture may take.
const MOST_BYTES: u64 = 640 << 20;
/// The bytes that all decodes under way may take together.
static BUDGET: Budget = Budget::new(700 << 20);
/// A picture is kept at this length of its longer side at most: more than any model or preview looks at.
const KEPT: u32 = 2048;
/// What a decoder may take beside the pixels: tables, lines and blocks.
const BESIDE: u64 = 32 << 20;

const CUT: &str = "The image is truncated: the file ends too early";
const TOO_LARGE: &str = "The image is too large to open safely";

/// A file as its decoder sees it, and what it says beside its pixels.
struct Container<'a> {
    pieces: Pieces<'a>,
    profile: Option<Profile<'a>>,
    orientation: Orientation,
    /// Whether there may be several frames.
    animated: bool,
    /// Whether the decoder's picture is not one of the animation.
    hidden_first: bool,
    /// Whether the file lacks its end; whether that matters is to be seen.
    cut: bool,
}

impl<'a> Container<'a> {
    /// The whole file, which says nothing.
    fn plain(bytes: &'a [u8]) -> Self {
        Self {
            pieces: Pieces::whole(bytes),
            profile: None,
            orientation: Orientation::NoTransforms,
            animated: false,
            hidden_first: false,
            cut: false,
        }
    }

    fn open(bytes: &'a [u8], format: ImageFormat) -> Result<Self, String> {
        match format {
            ImageFormat::Png => png::open(bytes),
            ImageFormat::Tiff => tiff::open(bytes),
            ImageFormat::WebP => Ok(containers::webp(bytes)),
            ImageFormat::Gif => Ok(containers::gif(bytes)),
            ImageFormat::Bmp => Ok(containers::bmp(bytes)),
            _ => Ok(Self::plain(bytes)),
        }
    }

    /// Pixels of the decoder as they are kept.
    fn finish(&self, image: DynamicImage, samples: Samples, applied: bool) -> Result<Picture, String> {
        let profile = self.profile.as_ref().filter(|_| !applied);
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
        upright(picture, self.orientation)
    }
}

/// The upright picture, and its upright size in the file.
///
/// # Errors
/// A sentence for the user.
pub fn decode(bytes: &[u8], format: ImageFormat) -> Result<(Picture, [u32; 2]), String> {
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
    const MOST_BEFORE: u64 = 4 << 20;
    let longer = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(MOST_BEFORE).read_to_end(&mut bytes)?;
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

fn decode_jpeg(bytes: &[u8]) -> Result<(Picture, [u32; 2]), String> {
    let jpeg = jpeg::open(bytes)?;
    let size = jpeg.size();
    check_size(size, 3)?;
    let _memory = BUDGET.take(jpeg.needed() + BESIDE);
    let container = &jpeg.container;
    let picture = container.finish(jpeg.decode()?, jpeg.samples(), jpeg.is_ink())?;
    Ok((picture, upright_size(size, container.orientation)))
}

fn decode_other(bytes: &[u8], format: ImageFormat) -> Result<(Picture, [u32; 2]), String> {
    let container = Container::open(bytes, format)?;
    if format == ImageFormat::Bmp
        && let Some(size) = containers::bmp_size(bytes)
    {
        check_size(size, 3)?;
    }
    let refused = |error: ImageError| sentence(&error, format, container.cut || container.pieces.is_overrun());
    let mut reader = ImageReader::with_format(container.pieces.clone(), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let size: [u32; 2] = decoder.dimensions().into();
    let pixels = check_size(size, decoder.total_bytes().div_ceil(pixels_of(size).max(1)))?;
    let color = decoder.color_type();
    let samples = if color.has_color() { Samples::Rgb } else { Samples::Grey };
    let output = decoder.total_bytes();
    // What the decoder has beside its output, and the copy as 8-bit RGB.
    let own = match format {
        ImageFormat::Tiff | ImageFormat::WebP | ImageFormat::Gif => output.max(pixels * 4),
        _ => 0,
    };
    let copy = if color == image::ColorType::Rgb8 { 0 } else { pixels * 3 };
    let frames_fit = container.animated && pixels * frames::BYTES_PER_PIXEL <= MOST_BYTES;
    let whole = output + own + copy;
    let needed = if frames_fit { whole.max(pixels * frames::BYTES_PER_PIXEL) } else { whole };
    let _memory = BUDGET.take(needed + BESIDE);
    limits.max_alloc = Some(output + own + BESIDE);
    decoder.set_limits(limits).map_err(refused)?;
    let finish = |image| container.finish(image, samples, false);
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
    let picture = finish(DynamicImage::from_decoder(decoder).map_err(refused)?)?;
    let picture = if frames_fit && frames::is_blank(&picture) { visible().unwrap_or(picture) } else { picture };
    Ok((picture, upright_size))
}

fn pixels_of([width, height]: [u32; 2]) -> u64 {
    u64::from(width) * u64::from(height)
}

/// The number of pixels, where it is allowed.
fn check_size(size: [u32; 2], bytes_per_pixel: u64) -> Result<u64, String> {
    let pixels = pixels_of(size);
    if pixels == 0 {
        return Err("The image has no pixels".to_owned());
    }
    if pixels > MOST_PIXELS || pixels.saturating_mul(bytes_per_pixel.max(3)) > MOST_BYTES {
        return Err(format!("{TOO_LARGE}: {} × {} pixels", size[0], size[1]));
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

fn upright(picture: Picture, orientation: Orientation) -> Result<Picture, String> {
    if orientation == Orientation::NoTransforms {
        return Ok(picture);
    }
    let (width, height) = (picture.width(), picture.height());
    let image = image::RgbImage::from_raw(width, height, picture.into_rgb()).ok_or(DAMAGED)?;
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    let image = image.into_rgb8();
    Picture::new(image.width(), image.height(), image.into_raw()).ok_or_else(|| DAMAGED.to_owned())
}

const DAMAGED: &str = "The image is damaged";

/// Transparent pixels show white, as on paper; deeper channels are scaled, not cut; light beyond white is clipped.
fn rgb_on_white(image: DynamicImage) -> Result<Picture, String> {
    let has_alpha = image.color().has_alpha();
    let (width, height) = (image.width(), image.height());
    let rgb = if has_alpha { on_white(image.into_rgba8().into_raw()) } else { image.into_rgb8().into_raw() };
    Picture::new(width, height, rgb).ok_or_else(|| DAMAGED.to_owned())
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

/// A decoder's error in words for people. What it says itself goes to the log.
fn sentence(error: &ImageError, format: ImageFormat, cut: bool) -> String {
    log::debug!("could not decode an image: {error}");
    match error {
        ImageError::Limits(_) => TOO_LARGE.to_owned(),
        ImageError::Unsupported(_) => unsupported(format),
        _ if cut || is_end_of_file(error) => CUT.to_owned(),
        _ => damaged(format),
    }
}

fn is_end_of_file(error: &(dyn std::error::Error + 'static)) -> bool {
    let is_end = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
    if let Some(ImageError::IoError(error)) = error.downcast_ref() {
        return is_end(error);
    }
    error.downcast_ref().is_some_and(is_end) || error.source().is_some_and(is_end_of_file)
}

fn damaged(format: ImageFormat) -> String {
    format!("The file is damaged; its content is not valid {}", name(format))
}

fn unsupported(format: ImageFormat) -> String {
    format!("This kind of {} cannot be read yet; convert it to JPEG or PNG", name(format))
}

fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Gif => "GIF",
        ImageFormat::WebP => "WebP",
        ImageFormat::Pnm => "PNM",
        ImageFormat::Tiff => "TIFF",
        ImageFormat::Tga => "TGA",
        ImageFormat::Dds => "DDS",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Ico => "ICO",
        ImageFormat::Hdr => "HDR",
        ImageFormat::OpenExr => "OpenEXR",
        ImageFormat::Farbfeld => "farbfeld",
        ImageFormat::Qoi => "QOI",
        _ => "image data",
    }
}
