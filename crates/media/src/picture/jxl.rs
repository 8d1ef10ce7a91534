//! JPEG XL, by the decoder `jxl` of the format's authors.

use std::borrow::Cow;

use image::{DynamicImage, ImageBuffer};
use jxl::api::{
    AlphaMode, Endianness, Event, ExtraChannel, JxlBitDepth, JxlColorType, JxlDataFormat, JxlDecoder,
    JxlDecoderOptions, JxlOutputBuffer, JxlPixelFormat, ProfileLevel,
};
use jxl::image::OwnedRawImage;
use vicinity_core::Picture;

use super::colour::{MAX_PROFILE_BYTES, Profile, Samples};
use super::container::Container;
use super::finish::finish;
use super::limits::check_size;
use crate::boxes::boxes;
use crate::error::PictureError;
use crate::formats::PictureFormat;

const FORMAT: PictureFormat = PictureFormat::JpegXl;
const DAMAGED: PictureError = PictureError::Damaged { format: FORMAT };
const UNSUPPORTED: PictureError = PictureError::Unsupported { format: FORMAT };

/// Whether a file begins as a container, or as a bare stream. The bare stream's mark is two bytes, which Latin-1 has, too:
/// then no byte of it may be a control character.
pub fn is_jxl(head: &[u8]) -> bool {
    let bare = head.starts_with(b"\xff\x0a") && head.iter().take(256).any(|b| matches!(b, 0..=8 | 14..=26));
    bare || head.starts_with(b"\x00\x00\x00\x0cJXL ")
}

/// A decoder that has read the header.
struct Reader<'a> {
    decoder: JxlDecoder,
    rest: &'a [u8],
}

/// The upright picture, and its upright size in the file. Of an animation, the first frame.
///
/// # Errors
/// When it is damaged, too large, or of a kind that is not read.
pub fn decode(bytes: &[u8]) -> Result<(Picture, [u32; 2]), PictureError> {
    let pixels = check_size(size(bytes).ok_or(PictureError::CutShort)?, 8)?;
    let mut reader = Reader::open(bytes, pixels)?;
    let info = reader.decoder.basic_info().ok_or(DAMAGED)?;
    let size = [side(info.size.0)?, side(info.size.1)?];
    check_size(size, 8)?;
    let is_deep = !matches!(info.bit_depth, JxlBitDepth::Int { bits_per_sample: ..=8 });
    let channels = info.extra_channels.len();
    let has_alpha = info.extra_channels.iter().any(|channel| matches!(channel.ec_type, ExtraChannel::Alpha));
    let profile = reader.decoder.embedded_color_profile().ok_or(DAMAGED)?;
    if profile.is_cmyk() {
        return Err(UNSUPPORTED);
    }
    let is_grey = profile.channels() == 1;
    let color_type = match (is_grey, has_alpha) {
        (true, false) => JxlColorType::Grayscale,
        (true, true) => JxlColorType::GrayscaleAlpha,
        (false, false) => JxlColorType::Rgb,
        (false, true) => JxlColorType::Rgba,
    };
    let sample = match is_deep {
        true => JxlDataFormat::U16 { endianness: Endianness::native(), bit_depth: 16 },
        false => JxlDataFormat::U8 { bit_depth: 8 },
    };
    let format =
        JxlPixelFormat { color_type, color_data_format: Some(sample), extra_channel_format: vec![None; channels] };
    reader.decoder.set_pixel_format(format).map_err(|error| refusal(&error))?;
    let row = size[0] as usize * color_type.samples_per_pixel() * sample.bytes_per_sample();
    let mut raw = OwnedRawImage::new((row, size[1] as usize)).map_err(|error| refusal(&error))?;
    reader.frame(&mut raw)?;
    let icc = reader.decoder.output_color_profile().and_then(|profile| profile.try_as_icc());
    let icc = icc.map(|icc| icc.into_owned()).filter(|icc| icc.len() <= MAX_PROFILE_BYTES);
    let container = Container { profile: icc.map(|icc| Profile::Icc(Cow::Owned(icc))), ..Container::plain(bytes) };
    let image = image(&raw, size, color_type, is_deep).ok_or(PictureError::WrongSize)?;
    let samples = if is_grey { Samples::Grey } else { Samples::Rgb };
    Ok((finish(&container, image, samples, false)?, size))
}

/// Bytes that decoding takes.
///
/// # Errors
/// When the picture is too large.
pub fn needed(size: [u32; 2]) -> Result<u64, PictureError> {
    /// Samples as the decoder computes them, as it hands them over, and a copy.
    const PER_PIXEL: u64 = 24;
    Ok(check_size(size, 8)? * PER_PIXEL)
}

/// Width and height as stored, where the beginning has them (ISO/IEC 18181-1, size header). No decoder is asked: this
/// is done for files that are only looked at.
pub fn size(bytes: &[u8]) -> Option<[u32; 2]> {
    /// Numbers of bits after a selector of two.
    const SIDES: [u32; 4] = [9, 13, 18, 30];
    /// Width by height for ratios from 1.
    const RATIOS: [[u64; 2]; 7] = [[1, 1], [12, 10], [4, 3], [3, 2], [16, 9], [5, 4], [2, 1]];
    let mut bits = Bits { bytes: stream(bytes)?, at: 16 };
    let is_small = bits.take(1)? == 1;
    let side = |bits: &mut Bits| {
        let count = if is_small { 5 } else { SIDES[bits.take(2)? as usize] };
        let number = u64::from(bits.take(count)?) + 1;
        Some(if is_small { number * 8 } else { number })
    };
    let height = side(&mut bits)?;
    let width = match bits.take(3)?.checked_sub(1) {
        None => side(&mut bits)?,
        Some(ratio) => {
            let [across, down] = RATIOS[ratio as usize];
            height * across / down
        }
    };
    Some([u32::try_from(width).ok()?, u32::try_from(height).ok()?])
}

/// The stream of a file, as far as its first part reaches.
fn stream(bytes: &[u8]) -> Option<&[u8]> {
    if bytes.starts_with(b"\xff\x0a") {
        return Some(bytes);
    }
    boxes(bytes).find_map(|found| match &found.kind {
        b"jxlc" => Some(found.body),
        // Behind its number.
        b"jxlp" => found.body.get(4..),
        _ => None,
    })
}

/// Bits, of each byte the least significant ones first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut number = 0;
        for place in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            number |= u32::from(byte >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Some(number)
    }
}

impl<'a> Reader<'a> {
    fn open(bytes: &'a [u8], pixels: u64) -> Result<Self, PictureError> {
        /// Samples of a pixel: colours, transparency, and some more channels.
        const CHANNELS: u64 = 8;
        let mut options = JxlDecoderOptions::default();
        options.sample_limit = usize::try_from(pixels * CHANNELS).ok();
        options.alpha_mode = AlphaMode::Unpremultiplied;
        options.max_profile_level = ProfileLevel::Main10;
        let mut reader = Self { decoder: JxlDecoder::new(options), rest: bytes };
        match reader.next(None)? {
            Event::BasicInfo => Ok(reader),
            _ => Err(DAMAGED),
        }
    }

    fn next(&mut self, raw: Option<&mut OwnedRawImage>) -> Result<Event, PictureError> {
        let event = match raw {
            Some(raw) => {
                let mut buffers = [JxlOutputBuffer::from_image_rect_mut(raw.as_rect_mut())];
                self.decoder.process(&mut self.rest, Some(&mut buffers), None)
            }
            None => self.decoder.process(&mut self.rest, None, None),
        };
        match event.map_err(|error| refusal(&error))? {
            // All there is was given to it.
            Event::NeedMoreInput { .. } => Err(PictureError::CutShort),
            event => Ok(event),
        }
    }

    /// Decodes the first frame.
    fn frame(&mut self, raw: &mut OwnedRawImage) -> Result<(), PictureError> {
        loop {
            match self.next(Some(&mut *raw))? {
                Event::FrameComplete { .. } => return Ok(()),
                Event::Complete => return Err(DAMAGED),
                _ => {}
            }
        }
    }
}

fn side(pixels: usize) -> Result<u32, PictureError> {
    u32::try_from(pixels).map_err(|_| PictureError::TooMuchMemory)
}

fn image(raw: &OwnedRawImage, [width, height]: [u32; 2], color: JxlColorType, is_deep: bool) -> Option<DynamicImage> {
    let bytes = || (0..height as usize).flat_map(|row| raw.row(row).iter().copied());
    let shallow = || bytes().collect::<Vec<u8>>();
    let deep = || -> Vec<u16> {
        let mut bytes = bytes();
        std::iter::from_fn(|| Some(u16::from_ne_bytes([bytes.next()?, bytes.next()?]))).collect()
    };
    match (color, is_deep) {
        (JxlColorType::Grayscale, false) => {
            ImageBuffer::from_raw(width, height, shallow()).map(DynamicImage::ImageLuma8)
        }
        (JxlColorType::Grayscale, true) => ImageBuffer::from_raw(width, height, deep()).map(DynamicImage::ImageLuma16),
        (JxlColorType::GrayscaleAlpha, false) => {
            ImageBuffer::from_raw(width, height, shallow()).map(DynamicImage::ImageLumaA8)
        }
        (JxlColorType::GrayscaleAlpha, true) => {
            ImageBuffer::from_raw(width, height, deep()).map(DynamicImage::ImageLumaA16)
        }
        (JxlColorType::Rgb, false) => ImageBuffer::from_raw(width, height, shallow()).map(DynamicImage::ImageRgb8),
        (JxlColorType::Rgb, true) => ImageBuffer::from_raw(width, height, deep()).map(DynamicImage::ImageRgb16),
        (JxlColorType::Rgba, false) => ImageBuffer::from_raw(width, height, shallow()).map(DynamicImage::ImageRgba8),
        (JxlColorType::Rgba, true) => ImageBuffer::from_raw(width, height, deep()).map(DynamicImage::ImageRgba16),
        _ => None,
    }
}

/// The error for the user; what the decoder says itself goes to the log.
fn refusal(error: &jxl::error::Error) -> PictureError {
    use jxl::error::Error;
    log::debug!("could not decode an image: {error}");
    match error {
        Error::OutOfBounds(_) => PictureError::CutShort,
        _ => DAMAGED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream whose size header has these numbers, each of so many bits.
    fn header(numbers: &[(u32, u32)]) -> Vec<u8> {
        let all = numbers.iter().flat_map(|(number, bits)| (0..*bits).map(move |bit| number >> bit & 1 == 1));
        let mut bytes = vec![0xff, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        all.enumerate().for_each(|(at, bit)| bytes[2 + at / 8] |= u8::from(bit) << (at % 8));
        bytes
    }

    #[test]
    fn sizes_are_read_without_a_decoder() {
        let small = header(&[(1, 1), (7, 5), (0, 3), (11, 5)]);
        assert_eq!(size(&small), Some([96, 64]));
        assert_eq!(size(&header(&[(1, 1), (7, 5), (4, 3)])), Some([96, 64]));
        assert_eq!(size(&header(&[(0, 1), (1, 2), (2999, 13), (3, 3)])), Some([4000, 3000]));
        let most = header(&[(0, 1), (3, 2), ((1 << 30) - 1, 30), (0, 3), (3, 2), ((1 << 30) - 1, 30)]);
        assert_eq!(size(&most), Some([1 << 30; 2]));
        assert_eq!(size(b"\xff\x0a"), None);
    }
}
