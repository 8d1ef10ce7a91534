//! The frames of an animation, one after the other, as they are shown: GIF, APNG and WebP.

use std::io::{Cursor, Read};

use image::{DynamicImage, Frames, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use vicinity_core::Picture;

use super::colour::{Profile, Samples};
use super::container::{Container, MAX_BYTES};
use super::decoder_error;
use super::finish::finish;
use super::limits::{BESIDE, BUDGET, check_size, pixels_of};
use super::pieces::Pieces;
use super::{frames, open, upright_size};
use crate::budget::Reservation;
use crate::error::PictureError;

/// Maximum number of pixels of all frames together.
const MAX_PIXELS: u64 = 4_000_000_000;

/// An animation, decoded frame by frame.
pub struct Animation {
    frames: Frames<'static>,
    /// Profile and orientation, without the file.
    container: Container<'static>,
    format: ImageFormat,
    samples: Samples,
    size: [u32; 2],
    left: u64,
    _memory: Reservation<'static>,
}

impl Animation {
    /// Opens a file; `None` if it has no frames, or ones too large to go through.
    ///
    /// # Errors
    /// When it is damaged, too large, or of a kind that is not read.
    pub fn open(bytes: &[u8], format: ImageFormat) -> Result<Option<Self>, PictureError> {
        let is_animated = matches!(format, ImageFormat::Gif | ImageFormat::Png | ImageFormat::WebP);
        if !is_animated {
            return Ok(None);
        }
        let container = open(bytes, format)?;
        if !container.animated {
            return Ok(None);
        }
        let refused = |error: ImageError| decoder_error::of(&error, format, container.cut);
        let mut reader = ImageReader::with_format(container.pieces.clone(), format);
        let mut limits = Limits::default();
        limits.max_alloc = Some(MAX_BYTES);
        reader.limits(limits.clone());
        let decoder = reader.into_decoder().map_err(refused)?;
        let size: [u32; 2] = decoder.dimensions().into();
        let samples = if decoder.color_type().has_color() { Samples::Rgb } else { Samples::Grey };
        drop(decoder);
        let needed = check_size(size, 4)? * frames::BYTES_PER_PIXEL;
        if needed > MAX_BYTES {
            return Ok(None);
        }
        // The frames outlive the file's bytes.
        let memory = BUDGET.take(needed + BESIDE + container.pieces.len() as u64);
        limits.max_alloc = Some(needed + BESIDE);
        let source = Cursor::new(copy(container.pieces.clone()).ok_or(PictureError::CutShort)?);
        let frames = frames::frames(source, format, limits).map_err(refused)?;
        let profile = container.profile.map(Profile::into_owned);
        let container = Container { profile, orientation: container.orientation, ..Container::plain(&[]) };
        Ok(Some(Self { frames, container, format, samples, size, left: MAX_PIXELS, _memory: memory }))
    }

    /// The frame that comes next, upright.
    ///
    /// # Errors
    /// When it is damaged, or one too many.
    pub fn next(&mut self) -> Result<Option<Picture>, PictureError> {
        let Some(image) = self.skip()? else { return Ok(None) };
        finish(&self.container, image, self.samples, false).map(Some)
    }

    /// Passes over a frame, which costs less than to make it ready.
    ///
    /// # Errors
    /// When it is damaged, or one too many.
    pub fn skip(&mut self) -> Result<Option<DynamicImage>, PictureError> {
        let Some(frame) = self.frames.next() else { return Ok(None) };
        self.left = self.left.checked_sub(pixels_of(self.size)).ok_or(PictureError::AnimationTooLong)?;
        let frame = frame.map_err(|error| decoder_error::of(&error, self.format, false))?;
        Ok(Some(DynamicImage::ImageRgba8(frame.into_buffer())))
    }

    /// Upright width and height.
    pub fn size(&self) -> [u32; 2] {
        upright_size(self.size, self.container.orientation)
    }
}

fn copy(mut pieces: Pieces<'_>) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(pieces.len());
    pieces.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
