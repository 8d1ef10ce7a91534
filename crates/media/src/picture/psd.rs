//! Photoshop: the merged picture that follows the layers (Adobe Photoshop File Formats Specification, 2019). Layers are not
//! put together; a file that was saved without a merged picture is refused.

use std::borrow::Cow;

use image::{DynamicImage, ImageBuffer};
use vicinity_core::Picture;

use super::colour::{MAX_PROFILE_BYTES, Profile, Samples, cmyk_to_rgb};
use super::container::Container;
use super::finish::finish;
use super::limits::{BESIDE, BUDGET, check_size};
use crate::error::PictureError;
use crate::formats::PictureFormat;
use crate::photo_facts::photoshop;

const DAMAGED: PictureError = PictureError::Damaged { format: PictureFormat::Photoshop };
const UNSUPPORTED: PictureError = PictureError::Unsupported { format: PictureFormat::Photoshop };

/// Numbers of the resources that are read: a colour profile, and whether there is a merged picture.
const PROFILE: u16 = 1039;
const VERSION: u16 = 1057;

/// Whether a file begins as a Photoshop file, of the usual or of the large kind.
pub fn is_psd(head: &[u8]) -> bool {
    head.starts_with(b"8BPS\0") && matches!(head.get(5), Some(1 | 2))
}

/// Width and height, where the beginning has them.
pub fn size(bytes: &[u8]) -> Option<[u32; 2]> {
    let side = |at: usize| bytes.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    Some([side(18)?, side(14)?])
}

/// The picture, and its size.
///
/// # Errors
/// When it is damaged, too large, or of a kind that is not read.
pub fn decode(bytes: &[u8]) -> Result<(Picture, [u32; 2]), PictureError> {
    let file = File::open(bytes)?;
    let pixels = check_size(file.size, 3 * file.sample_bytes() as u64)?;
    let samples = file.mode.samples();
    // The samples in planes and interleaved, of up to four channels, and the copy as 8-bit RGB.
    let _memory = BUDGET.take(pixels * (8 * file.sample_bytes() as u64 + 3) + BESIDE);
    let planes = file.planes()?;
    let profile = file.profile.map(|icc| Profile::Icc(Cow::Borrowed(icc)));
    let image = file.image(&planes, profile.as_ref()).ok_or(PictureError::WrongSize)?;
    let applied = samples == Samples::Cmyk;
    let samples = if applied { Samples::Rgb } else { samples };
    let container = Container { profile, ..Container::plain(bytes) };
    Ok((finish(&container, image, samples, applied)?, file.size))
}

/// What the channels mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Grey,
    Indexed,
    Rgb,
    Cmyk,
}

impl Mode {
    fn channels(self) -> usize {
        match self {
            Self::Grey | Self::Indexed => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }

    fn samples(self) -> Samples {
        match self {
            Self::Grey => Samples::Grey,
            Self::Indexed | Self::Rgb => Samples::Rgb,
            Self::Cmyk => Samples::Cmyk,
        }
    }
}

/// A file whose parts have been found.
struct File<'a> {
    size: [u32; 2],
    /// Channels in the file, of which those after the colours are masks.
    channels: usize,
    is_deep: bool,
    is_large: bool,
    mode: Mode,
    palette: &'a [u8],
    profile: Option<&'a [u8]>,
    /// How the merged picture is compressed, and its bytes.
    compression: u16,
    data: &'a [u8],
}

/// The bytes of a file, taken from its start.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, len: u64) -> Result<&'a [u8], PictureError> {
        let len = usize::try_from(len).map_err(|_| PictureError::CutShort)?;
        let (taken, rest) = self.0.split_at_checked(len).ok_or(PictureError::CutShort)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number of at most 8 bytes, most significant byte first.
    fn number(&mut self, size: u64) -> Result<u64, PictureError> {
        Ok(self.take(size)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A part behind its length.
    fn part(&mut self, length_size: u64) -> Result<&'a [u8], PictureError> {
        let len = self.number(length_size)?;
        self.take(len)
    }
}

impl<'a> File<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, PictureError> {
        let mut rest = Rest(bytes);
        rest.take(4)?;
        let is_large = rest.number(2)? == 2;
        rest.take(6)?;
        let channels = rest.number(2)? as usize;
        let (height, width) = (rest.number(4)? as u32, rest.number(4)? as u32);
        let is_deep = match rest.number(2)? {
            8 => false,
            16 => true,
            1 | 32 => return Err(UNSUPPORTED),
            _ => return Err(DAMAGED),
        };
        let mode = match rest.number(2)? {
            // Two inks on paper are stored as grey.
            1 | 8 => Mode::Grey,
            2 if !is_deep => Mode::Indexed,
            3 => Mode::Rgb,
            4 if !is_deep => Mode::Cmyk,
            0..=9 => return Err(UNSUPPORTED),
            _ => return Err(DAMAGED),
        };
        if !(mode.channels()..=56).contains(&channels) {
            return Err(DAMAGED);
        }
        let palette = rest.part(4)?;
        let resources = rest.part(4)?;
        let resource = |wanted| photoshop::list(resources).find(|(number, _)| *number == wanted).map(|(_, data)| data);
        if resource(VERSION).and_then(|version| version.get(4)) == Some(&0) {
            return Err(UNSUPPORTED);
        }
        let profile = resource(PROFILE).filter(|icc| icc.len() <= MAX_PROFILE_BYTES);
        rest.part(if is_large { 8 } else { 4 })?;
        let compression = rest.number(2)? as u16;
        Ok(Self {
            size: [width, height],
            channels,
            is_deep,
            is_large,
            mode,
            palette,
            profile,
            compression,
            data: rest.0,
        })
    }

    fn sample_bytes(&self) -> usize {
        if self.is_deep { 2 } else { 1 }
    }

    /// The colours' channels, one behind the other.
    fn planes(&self) -> Result<Vec<u8>, PictureError> {
        let row = self.size[0] as usize * self.sample_bytes();
        let rows = self.size[1] as usize;
        let wanted = rows * self.mode.channels();
        match self.compression {
            0 => self.data.get(..row * wanted).map(<[u8]>::to_vec).ok_or(PictureError::CutShort),
            1 => self.packed(row, rows * self.channels, wanted),
            _ => Err(UNSUPPORTED),
        }
    }

    /// Rows that are packed by `PackBits`, behind the lengths of all of them.
    fn packed(&self, row: usize, all: usize, wanted: usize) -> Result<Vec<u8>, PictureError> {
        let mut rest = Rest(self.data);
        let size = if self.is_large { 4 } else { 2 };
        let mut lengths = Rest(rest.take(all as u64 * size)?);
        let mut planes = Vec::with_capacity(row * wanted);
        for index in 0..wanted {
            let packed = rest.take(lengths.number(size)?)?;
            unpack(packed, &mut planes, row * (index + 1));
            if planes.len() != row * (index + 1) {
                return Err(DAMAGED);
            }
        }
        Ok(planes)
    }

    fn image(&self, planes: &[u8], profile: Option<&Profile>) -> Option<DynamicImage> {
        let [width, height] = self.size;
        let len = planes.len() / self.mode.channels();
        let sample = self.sample_bytes();
        let pixels = len / sample;
        let interleaved = |count: usize| -> Vec<u8> {
            let byte = |pixel: usize, channel: usize| planes.get(channel * len + pixel).copied().unwrap_or(0);
            (0..pixels).flat_map(|pixel| (0..count).map(move |channel| byte(pixel, channel))).collect()
        };
        let deep = |count: usize| -> Vec<u16> {
            let at = |at: usize| {
                u16::from_be_bytes([planes.get(at).copied().unwrap_or(0), planes.get(at + 1).copied().unwrap_or(0)])
            };
            (0..pixels).flat_map(|pixel| (0..count).map(move |channel| at(channel * len + pixel * 2))).collect()
        };
        match (self.mode, self.is_deep) {
            (Mode::Grey, false) => ImageBuffer::from_raw(width, height, planes.to_vec()).map(DynamicImage::ImageLuma8),
            (Mode::Grey, true) => ImageBuffer::from_raw(width, height, deep(1)).map(DynamicImage::ImageLuma16),
            (Mode::Rgb, true) => ImageBuffer::from_raw(width, height, deep(3)).map(DynamicImage::ImageRgb16),
            (Mode::Rgb, false) => ImageBuffer::from_raw(width, height, interleaved(3)).map(DynamicImage::ImageRgb8),
            (Mode::Indexed, _) => {
                let colour = |index: &u8| {
                    [0, 256, 512].map(|at| self.palette.get(at + usize::from(*index)).copied().unwrap_or(0))
                };
                let rgb = planes.iter().flat_map(colour).collect();
                ImageBuffer::from_raw(width, height, rgb).map(DynamicImage::ImageRgb8)
            }
            (Mode::Cmyk, _) => {
                let mut ink = interleaved(4);
                ink.iter_mut().for_each(|share| *share = 255 - *share);
                ImageBuffer::from_raw(width, height, cmyk_to_rgb(&ink, profile)).map(DynamicImage::ImageRgb8)
            }
        }
    }
}

/// Appends what `PackBits` packed, up to a length of all.
fn unpack(mut packed: &[u8], out: &mut Vec<u8>, most: usize) {
    while let [control, rest @ ..] = packed {
        let left = most.saturating_sub(out.len());
        packed = match *control {
            128 => rest,
            count @ 0..128 => {
                let count = (usize::from(count) + 1).min(rest.len());
                out.extend(&rest[..count.min(left)]);
                &rest[count..]
            }
            count => match rest {
                [value, rest @ ..] => {
                    out.extend(std::iter::repeat_n(*value, (257 - usize::from(count)).min(left)));
                    rest
                }
                [] => rest,
            },
        };
    }
}
