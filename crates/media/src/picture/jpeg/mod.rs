//! JPEG: what kind of file it is, and which decoder gets it right. `zune-jpeg` (through `image`) is the fastest, and
//! wrong without an error on files of several baseline scans or of unusual sampling; those go to `jpeg-decoder`. What
//! neither can do is refused by name.

mod header;
mod segments;

use image::codecs::jpeg::JpegDecoder;
use image::{DynamicImage, ImageBuffer, ImageFormat};
use jpeg_decoder::{ColorTransform, Decoder, PixelFormat};

use super::colour::{Samples, cmyk_to_rgb};
use super::container::MAX_BYTES;
use super::decoder_error;
use crate::error::{JpegKind, PictureError};
use crate::formats::PictureFormat;
use header::Frame;
pub use header::Jpeg;
use segments::SegmentWalk;

const DAMAGED: PictureError = PictureError::Damaged { format: PictureFormat::Common(ImageFormat::Jpeg) };
/// As one of this many, the part of the height that may be missing at the end: less than anybody notices.
const MISSING: usize = 16;
/// The grey that `zune-jpeg` fills up with what it could not decode.
const FILLED: u8 = 128;

/// What the components mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colours {
    Grey,
    Rgb,
    YCbCr,
    Cmyk,
    Ycck,
}

/// Scans a file.
///
/// # Errors
/// When it is damaged, or of a kind that no decoder here reads.
pub fn open(bytes: &[u8]) -> Result<Jpeg<'_>, PictureError> {
    let mut walk = SegmentWalk::new(bytes);
    while walk.step() {}
    let jpeg = walk.finish()?;
    jpeg.check()?;
    Ok(jpeg)
}

/// Width and height, where the beginning has them.
pub fn size(bytes: &[u8]) -> Option<[u32; 2]> {
    let mut walk = SegmentWalk::new(bytes);
    while walk.frame.is_none() && walk.step() {}
    walk.frame.map(|frame| frame.size.map(u32::from))
}

/// The same, of a picture for looking at: of 8 bits, and compressed with loss. `segments`: how many may still be
/// examined.
pub fn size_of_lossy(beginning: &[u8], segments: &mut usize) -> Option<[u32; 2]> {
    let mut walk = SegmentWalk::new(beginning);
    while walk.frame.is_none() && !walk.has_scan() && *segments > 0 && walk.step() {
        *segments -= 1;
    }
    let frame = walk.frame.filter(|frame| matches!(frame.marker, 0xc0..=0xc2) && frame.precision == 8)?;
    Some(frame.size.map(u32::from))
}

impl Jpeg<'_> {
    /// Width and height.
    pub fn size(&self) -> [u32; 2] {
        self.frame.size.map(u32::from)
    }

    /// Bytes that decoding takes: pixels, a copy of the file, and what is kept until the last scan.
    pub fn needed(&self) -> u64 {
        let [width, height] = self.size().map(u64::from);
        let pixels = width * height;
        let channels = self.frame.components.len().max(3) as u64;
        let whole_at_once = self.is_progressive() || !self.is_ordinary();
        let file = self.container.pieces.len() as u64;
        // Coefficients have two bytes, and each component may be as fine as the picture.
        pixels * channels + file + if whole_at_once { pixels * channels * 3 } else { 0 }
    }

    /// What the samples are, once decoded.
    pub fn samples(&self) -> Samples {
        // Ink has become red, green and blue, by its profile where it has one.
        if self.colours() == Colours::Grey { Samples::Grey } else { Samples::Rgb }
    }

    /// Whether the profile is one of ink, which decoding has applied.
    pub fn is_ink(&self) -> bool {
        matches!(self.colours(), Colours::Cmyk | Colours::Ycck)
    }

    fn is_progressive(&self) -> bool {
        self.frame.marker == 0xc2
    }

    fn is_lossless(&self) -> bool {
        self.frame.marker == 0xc3
    }

    fn check(&self) -> Result<(), PictureError> {
        let Frame { marker, precision, size, components, .. } = &self.frame;
        let unsupported = |kind| Err(PictureError::UnsupportedJpeg { kind });
        match marker {
            0xc5..=0xc7 | 0xcd..=0xcf => return unsupported(JpegKind::Hierarchical),
            0xc9..=0xcb => return unsupported(JpegKind::Arithmetic),
            0xf7 => return unsupported(JpegKind::Ls),
            _ => {}
        }
        let fits = if self.is_lossless() { (8..=16).contains(precision) } else { *precision == 8 };
        if !fits || (*precision != 8 && components.len() != 1) {
            return unsupported(JpegKind::Bits { bits: *precision });
        }
        if !matches!(components.len(), 1 | 3 | 4) {
            return unsupported(JpegKind::Channels { count: components.len() });
        }
        if size[1] == 0 {
            return unsupported(JpegKind::NoHeight);
        }
        if size[0] == 0
            || components.iter().any(|c| !(1..=4).contains(&c.sampling.0) || !(1..=4).contains(&c.sampling.1))
        {
            return Err(DAMAGED);
        }
        let uneven = |most: u8, one: u8| !most.is_multiple_of(one);
        let (across, down) = self.finest();
        if components.iter().any(|c| uneven(across, c.sampling.0) || uneven(down, c.sampling.1)) {
            return unsupported(JpegKind::UnevenSampling);
        }
        let subsampled = components.iter().any(|c| c.sampling != (across, down));
        let transformed = !matches!(self.colours(), Colours::Grey | Colours::Rgb);
        if self.is_lossless() && (subsampled || transformed || self.scans > 1) {
            return unsupported(JpegKind::LosslessReduced);
        }
        if !self.is_ordinary() && !self.counts_blocks() {
            return unsupported(JpegKind::UnevenScans);
        }
        self.check_end()
    }

    /// Whether `jpeg-decoder` knows how many blocks a scan of one component has: as many as that component needs,
    /// while it takes all that fit into the picture's whole units.
    fn counts_blocks(&self) -> bool {
        let in_one_scan = self.scans == 1 && self.first_scan == self.frame.components.len();
        let (across, down) = self.finest();
        let same = |side: u16, most: u8, one: u8| {
            let [side, most, one] = [usize::from(side), usize::from(most), usize::from(one)];
            let needed = (side * one).div_ceil(most).div_ceil(8);
            needed == (side.div_ceil(8 * most) * one).min(side.div_ceil(8))
        };
        let [width, height] = self.frame.size;
        let mut components = self.frame.components.iter().map(|component| component.sampling);
        in_one_scan || components.all(|(h, v)| same(width, across, h) && same(height, down, v))
    }

    /// Without its end, a file may still have all that matters.
    fn check_end(&self) -> Result<(), PictureError> {
        let all_sent = self.sent.iter().take(self.frame.components.len()).all(|sent| *sent == u64::MAX);
        let may_be_whole = if self.is_progressive() { all_sent } else { self.is_ordinary() };
        if self.ended || may_be_whole { Ok(()) } else { Err(PictureError::CutShort) }
    }

    /// The finest sampling of all components.
    fn finest(&self) -> (u8, u8) {
        let sampling = || self.frame.components.iter().map(|component| component.sampling);
        let most = |side: fn((u8, u8)) -> u8| sampling().map(side).max().unwrap_or(1);
        (most(|s| s.0), most(|s| s.1))
    }

    /// By the rules of libjpeg (`default_decompress_parms`).
    fn colours(&self) -> Colours {
        let ids: Vec<u8> = self.frame.components.iter().map(|component| component.id).collect();
        match (ids.as_slice(), self.adobe) {
            ([_], _) => Colours::Grey,
            ([_, _, _, _], Some(0) | None) => Colours::Cmyk,
            ([_, _, _, _], _) => Colours::Ycck,
            _ if self.jfif => Colours::YCbCr,
            (_, Some(0)) | (b"RGB", None) => Colours::Rgb,
            _ => Colours::YCbCr,
        }
    }

    /// Whether `zune-jpeg` gets it right: grey, or YCbCr with chroma at full or half resolution, in one scan for all
    /// components unless it is progressive.
    fn is_ordinary(&self) -> bool {
        let Frame { marker, components, .. } = &self.frame;
        let [luma, chroma @ ..] = components.as_slice() else { return false };
        let zune_takes_for_rgb = self.adobe == Some(0) || components.iter().map(|c| c.id).eq(*b"RGB");
        let usual = match chroma {
            [] => luma.sampling == (1, 1),
            [cb, cr] => {
                let halves = (1..=2).contains(&luma.sampling.0) && (1..=2).contains(&luma.sampling.1);
                let chroma = cb.sampling == (1, 1) && cr.sampling == (1, 1);
                halves && chroma && self.colours() == Colours::YCbCr && !zune_takes_for_rgb
            }
            _ => false,
        };
        let at_once = self.first_scan == components.len() && self.scans == 1;
        usual && matches!(marker, 0xc0..=0xc2) && (at_once || self.is_progressive())
    }

    /// The pixels. Ink comes as red, green and blue.
    ///
    /// # Errors
    /// When the file is damaged or cut off.
    pub fn decode(&self) -> Result<DynamicImage, PictureError> {
        if !self.is_ordinary() {
            return self.decode_unusual();
        }
        let decoder = JpegDecoder::new(self.container.pieces.clone());
        match decoder.and_then(DynamicImage::from_decoder) {
            Ok(image) if !self.lacks_its_end(&image) => Ok(image),
            Ok(_) if !self.ended => Err(PictureError::CutShort),
            // A picture may be grey at its end, or one decoder stricter than the other, which does not fill up.
            Ok(_) => self.decode_unusual(),
            Err(error) => self.decode_unusual().map_err(|_| decoder_error::of(&error, ImageFormat::Jpeg, !self.ended)),
        }
    }

    /// Whether so much of the end has the colour that stands for what is missing.
    fn lacks_its_end(&self, image: &DynamicImage) -> bool {
        let bytes = image.as_bytes();
        let filled = bytes.iter().rev().take_while(|byte| **byte == FILLED).count();
        filled > bytes.len() / MISSING
    }

    fn decode_unusual(&self) -> Result<DynamicImage, PictureError> {
        let colours = self.colours();
        let mut decoder = Decoder::new(self.container.pieces.clone());
        decoder.set_max_decoding_buffer_size(MAX_BYTES as usize);
        decoder.set_color_transform(match colours {
            Colours::Grey => ColorTransform::Grayscale,
            Colours::Rgb => ColorTransform::RGB,
            Colours::YCbCr => ColorTransform::YCbCr,
            Colours::Cmyk => ColorTransform::CMYK,
            Colours::Ycck => ColorTransform::YCCK,
        });
        let pixels = decoder.decode().map_err(|error| self.refusal(&error))?;
        let info = decoder.info().ok_or(DAMAGED)?;
        let (width, height) = (u32::from(info.width), u32::from(info.height));
        let image = match info.pixel_format {
            PixelFormat::L8 => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
            PixelFormat::L16 => ImageBuffer::from_raw(width, height, self.deep(&pixels)).map(DynamicImage::ImageLuma16),
            PixelFormat::RGB24 => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
            PixelFormat::CMYK32 => {
                // Ink as Adobe's programs store it, 255 for none, which all readers assume of others, too.
                let rgb = cmyk_to_rgb(&pixels, self.container.profile.as_ref());
                ImageBuffer::from_raw(width, height, rgb).map(DynamicImage::ImageRgb8)
            }
        };
        image.ok_or(DAMAGED)
    }

    /// Samples of 16 bits from ones of fewer.
    fn deep(&self, pixels: &[u8]) -> Vec<u16> {
        let shift = 16 - u32::from(self.frame.precision.min(16));
        pixels.chunks_exact(2).map(|b| u16::from_ne_bytes([b[0], b[1]]) << shift).collect()
    }

    fn refusal(&self, error: &jpeg_decoder::Error) -> PictureError {
        log::debug!("could not decode a JPEG: {error}");
        match error {
            _ if !self.ended => PictureError::CutShort,
            jpeg_decoder::Error::Unsupported(_) => {
                PictureError::Unsupported { format: PictureFormat::Common(ImageFormat::Jpeg) }
            }
            _ => DAMAGED,
        }
    }
}
