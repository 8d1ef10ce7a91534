//! Decodes images: limits first, then pixels, upright, in sRGB, on white, 8-bit RGB.
//!
//! Metadata (profile, orientation, pages, frames) is parsed here, without allocating what a
//! file claims; decoders are shown the pixels' own parts.

pub mod animation;
mod avif;
mod colour;
mod container;
mod containers;
mod decoder_error;
mod dng;
mod finish;
pub(crate) mod frames;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
#[cfg(feature = "heic")]
mod heic;
pub mod heif;
mod icon;
pub mod ifd;
pub mod jp2;
mod jpeg;
pub mod jxl;
pub mod limits;
mod pieces;
pub mod png;
pub mod psd;
pub mod raw;
pub mod svg;
pub mod tiff;
mod yuv;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use crate::cancel::CancelFlag;
use crate::decode_helper;
use crate::error::{PictureError, ReadError};
use crate::formats::PictureFormat;
use colour::Samples;
use container::{Container, MAX_BYTES, SampleMeaning};
use finish::finish;
use heif::{Codec, Heif};
use limits::{BESIDE, BUDGET, MAX_NEEDED, check_size, pixels_of};
use vicinity_core::Picture;

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

/// The upright picture, and its upright size in the file; `None` for a raw photo without a preview that is not
/// developed.
///
/// # Errors
/// When it is damaged, too large, or of a kind that is not read.
pub fn decode(
    bytes: &[u8],
    format: PictureFormat,
    cancelled: &CancelFlag,
) -> Result<Option<(Picture, [u32; 2])>, ReadError> {
    let decoded = match format {
        PictureFormat::Common(format) => decode_common(bytes, format),
        PictureFormat::Photoshop => psd::decode(bytes),
        PictureFormat::Raw => match raw::preview(bytes) {
            Some(preview) => decode_jpeg(preview.jpeg, preview.orientation),
            None => return Ok(dng::decode(bytes)?),
        },
        PictureFormat::Heic
        | PictureFormat::Avif
        | PictureFormat::JpegXl
        | PictureFormat::Jpeg2000
        | PictureFormat::Svg => {
            return decode_apart(bytes, format, cancelled).map(Some);
        }
    };
    Ok(Some(decoded?))
}

/// Decodes a picture in a helper process, if it may run away or end its process.
fn decode_apart(bytes: &[u8], format: PictureFormat, cancelled: &CancelFlag) -> Result<(Picture, [u32; 2]), ReadError> {
    let (needed, codec) = match format {
        PictureFormat::Heic | PictureFormat::Avif => {
            let heif = heif::open(bytes, format)?;
            (heif_needed(&heif)?, heif.codec)
        }
        PictureFormat::Jpeg2000 => (jp2::needed(jp2::size(bytes).ok_or(PictureError::CutShort)?)?, Codec::Other),
        PictureFormat::JpegXl => (jxl::needed(jxl::size(bytes).ok_or(PictureError::CutShort)?)?, Codec::Other),
        _ => (svg::NEEDED, Codec::Other),
    };
    if needed > MAX_NEEDED {
        return Err(PictureError::TooMuchMemory.into());
    }
    let memory = BUDGET.take(needed + BESIDE);
    if let Some(answer) = decode_helper::decode(bytes, format, cancelled) {
        return answer;
    }
    drop(memory);
    // The decoder of HEVC has no unsafe code and does not abort: at worst it is slow.
    if codec == Codec::Hevc { decode_here(bytes, format) } else { Err(ReadError::NoDecoder) }
}

/// Decodes a picture of a format that belongs in a helper, in this process.
///
/// # Errors
/// When it is damaged, too large, or of a kind that is not read.
pub fn decode_here(bytes: &[u8], format: PictureFormat) -> Result<(Picture, [u32; 2]), ReadError> {
    match format {
        PictureFormat::Jpeg2000 => Ok(jp2::decode(bytes)?),
        PictureFormat::JpegXl => Ok(jxl::decode(bytes)?),
        PictureFormat::Svg => svg::decode(bytes),
        _ => Ok(decode_heif(bytes, format)?),
    }
}

fn decode_common(bytes: &[u8], format: ImageFormat) -> Result<(Picture, [u32; 2]), PictureError> {
    match format {
        ImageFormat::Jpeg => decode_jpeg(bytes, Orientation::NoTransforms),
        ImageFormat::Ico => match icon::main(bytes)? {
            icon::Main::Png(png) => decode_other(png, ImageFormat::Png),
            icon::Main::Bitmap(icon) => decode_other(&icon, ImageFormat::Ico),
        },
        _ => decode_other(bytes, format),
    }
}

/// Width and height as stored, from the file's beginning where that has them.
pub fn glance(path: &Path, beginning: &[u8], format: PictureFormat) -> Option<[u32; 2]> {
    /// Cameras put previews and profiles of some hundred kilobytes before a JPEG's size.
    const MAX_BEFORE: u64 = 4 << 20;
    let longer = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_BEFORE).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let format = match format {
        PictureFormat::Common(format) => format,
        PictureFormat::Heic | PictureFormat::Avif => {
            return heif::glance(beginning).or_else(|| heif::glance(&longer().ok()?));
        }
        PictureFormat::Jpeg2000 => return jp2::size(beginning).or_else(|| jp2::size(&longer().ok()?)),
        PictureFormat::JpegXl => return jxl::size(beginning).or_else(|| jxl::size(&longer().ok()?)),
        PictureFormat::Photoshop => return psd::size(beginning),
        PictureFormat::Svg => return Some(svg::USUAL_SIZE),
        PictureFormat::Raw => {
            let beginning = longer().ok()?;
            return raw::glance(&beginning).or_else(|| dng::size(&beginning));
        }
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

/// HEIC and AVIF differ by what is in the container, whatever name it gives itself.
fn decode_heif(bytes: &[u8], format: PictureFormat) -> Result<(Picture, [u32; 2]), PictureError> {
    let heif = heif::open(bytes, format)?;
    let _memory = BUDGET.take(heif_needed(&heif)? + BESIDE);
    match heif.codec {
        #[cfg(feature = "heic")]
        Codec::Hevc => heic::decode(&heif),
        Codec::Av1 => avif::decode(&heif),
        _ => Err(PictureError::Unsupported { format }),
    }
}

/// Bytes that decoding takes.
fn heif_needed(heif: &Heif) -> Result<u64, PictureError> {
    match heif.codec {
        #[cfg(feature = "heic")]
        Codec::Hevc => heic::needed(heif),
        Codec::Av1 => avif::needed(heif),
        _ => Err(PictureError::Unsupported { format: heif.format }),
    }
}

/// `otherwise`: how to turn a picture that does not say so itself.
fn decode_jpeg(bytes: &[u8], otherwise: Orientation) -> Result<(Picture, [u32; 2]), PictureError> {
    let mut jpeg = jpeg::open(bytes)?;
    if jpeg.container.orientation == Orientation::NoTransforms {
        jpeg.container.orientation = otherwise;
    }
    let size = jpeg.size();
    check_size(size, 3)?;
    let _memory = BUDGET.take(jpeg.needed() + BESIDE);
    let container = &jpeg.container;
    let picture = finish(container, jpeg.decode()?, jpeg.samples(), jpeg.is_ink())?;
    Ok((picture, upright_size(size, container.orientation)))
}

/// A page of a TIFF file, counted from 1 without masks and reduced copies.
///
/// # Errors
/// When there is no such page, or it cannot be decoded.
pub fn decode_tiff_page(bytes: &[u8], number: u32) -> Result<(Picture, [u32; 2]), PictureError> {
    decode_contained(bytes, ImageFormat::Tiff, &tiff::open_page(bytes, number)?)
}

fn decode_other(bytes: &[u8], format: ImageFormat) -> Result<(Picture, [u32; 2]), PictureError> {
    decode_contained(bytes, format, &open(bytes, format)?)
}

fn decode_contained(
    bytes: &[u8],
    format: ImageFormat,
    container: &Container<'_>,
) -> Result<(Picture, [u32; 2]), PictureError> {
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
    let finish = |image| finish(container, image, samples, false);
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
    let picture = finish(container.samples.apply(image).ok_or(PictureError::Unsupported { format: format.into() })?)?;
    let picture = if frames_fit && frames::is_blank(&picture) { visible().unwrap_or(picture) } else { picture };
    Ok((picture, upright_size))
}

fn upright_size([width, height]: [u32; 2], orientation: Orientation) -> [u32; 2] {
    match orientation {
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH => {
            [height, width]
        }
        _ => [width, height],
    }
}
