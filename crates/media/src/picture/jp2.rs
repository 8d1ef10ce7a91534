//! JPEG 2000 (ISO/IEC 15444-1), by `hayro-jpeg2000`: in boxes or as a bare stream.

use std::borrow::Cow;

use hayro_jpeg2000::{ColorSpace, DecodeSettings, DecoderContext, Image};
use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};
use vicinity_core::Picture;

use super::colour::{MAX_PROFILE_BYTES, Profile, Samples};
use super::container::Container;
use super::finish::finish;
use super::limits::{KEPT, check_size};
use crate::boxes::{boxes, first};
use crate::bytes::u32_be;
use crate::error::PictureError;
use crate::formats::PictureFormat;

const FORMAT: PictureFormat = PictureFormat::Jpeg2000;
const DAMAGED: PictureError = PictureError::Damaged { format: FORMAT };

/// The marks with which a stream and its sizes begin.
const STREAM: &[u8] = b"\xff\x4f\xff\x51";
/// Samples of a pixel: colours and transparency.
const CHANNELS: u64 = 4;

/// Whether a file begins as boxes, or as a bare stream.
pub fn is_jp2(head: &[u8]) -> bool {
    head.starts_with(b"\0\0\0\x0cjP  \r\n\x87\n") || head.starts_with(STREAM)
}

/// Width and height, where the beginning has them.
pub fn size(bytes: &[u8]) -> Option<[u32; 2]> {
    if bytes.starts_with(STREAM) {
        // Behind the length and the capabilities: the far corner, then the near one.
        let side = |at: usize| u32_be(bytes, at)?.checked_sub(u32_be(bytes, at + 8)?).filter(|side| *side > 0);
        return Some([side(8)?, side(12)?]);
    }
    let header = first(first(bytes, b"jp2h")?, b"ihdr")?;
    Some([u32_be(header, 4)?, u32_be(header, 0)?])
}

/// Bytes that decoding takes.
///
/// # Errors
/// When the picture is too large.
pub fn needed(size: [u32; 2]) -> Result<u64, PictureError> {
    /// Coefficients, samples and their copies, of four bytes each.
    const PER_PIXEL: u64 = CHANNELS * 4 * 3;
    Ok(check_size(size, CHANNELS)? * PER_PIXEL)
}

/// The picture, and its size in the file.
///
/// # Errors
/// When it is damaged, too large, or of a kind that is not read.
pub fn decode(bytes: &[u8]) -> Result<(Picture, [u32; 2]), PictureError> {
    let whole = size(bytes).ok_or(PictureError::CutShort)?;
    check_size(whole, CHANNELS)?;
    if is_cut(bytes) {
        return Err(PictureError::CutShort);
    }
    // More would be thrown away.
    let settings = DecodeSettings { target_resolution: Some((KEPT, KEPT)), ..DecodeSettings::default() };
    let refused = |error: hayro_jpeg2000::error::DecodeError| {
        log::debug!("could not read a JPEG 2000 picture: {error}");
        DAMAGED
    };
    let opened = Image::new(bytes, &settings).map_err(refused)?;
    let size = [opened.width(), opened.height()];
    check_size(size, CHANNELS)?;
    let mut context = DecoderContext::default();
    let decoded = opened.decode(&mut context).map_err(refused)?;
    let pixels = size[0] as usize * size[1] as usize;
    if decoded.components().iter().any(|component| component.samples().len() != pixels) {
        return Err(PictureError::WrongSize);
    }
    let (samples, profile) = match opened.color_space() {
        ColorSpace::Gray => (Samples::Grey, None),
        ColorSpace::RGB => (Samples::Rgb, None),
        ColorSpace::Icc { profile, num_channels: 1 } => (Samples::Grey, Some(profile)),
        ColorSpace::Icc { profile, num_channels: 3 } => (Samples::Rgb, Some(profile)),
        _ => return Err(PictureError::Unsupported { format: FORMAT }),
    };
    let image = image(size, decoded.components().len(), decoded.data_u8()).ok_or(PictureError::WrongSize)?;
    let profile = profile.filter(|icc| icc.len() <= MAX_PROFILE_BYTES);
    let container = Container {
        profile: profile.map(|icc| Profile::Icc(Cow::Borrowed(icc.as_slice()))),
        ..Container::plain(bytes)
    };
    Ok((finish(&container, image, samples, false)?, whole))
}

/// Whether the end is missing: its decoder would show what there is, however little.
fn is_cut(bytes: &[u8]) -> bool {
    /// Bytes in which the mark of the end is looked for.
    const END: usize = 1024;
    if !bytes.starts_with(STREAM) {
        return boxes(bytes).any(|found| !found.is_whole);
    }
    !bytes[bytes.len().saturating_sub(END)..].windows(2).any(|mark| mark == b"\xff\xd9")
}

fn image([width, height]: [u32; 2], channels: usize, samples: Vec<u8>) -> Option<DynamicImage> {
    match channels {
        1 => GrayImage::from_raw(width, height, samples).map(DynamicImage::ImageLuma8),
        2 => GrayAlphaImage::from_raw(width, height, samples).map(DynamicImage::ImageLumaA8),
        3 => RgbImage::from_raw(width, height, samples).map(DynamicImage::ImageRgb8),
        4 => RgbaImage::from_raw(width, height, samples).map(DynamicImage::ImageRgba8),
        _ => None,
    }
}
