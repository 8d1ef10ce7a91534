//! The image of an animation: the first of its frames that shows something.

use std::io::{BufRead, Seek};

use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::{AnimationDecoder, DynamicImage, Frames, ImageDecoder, ImageFormat, ImageResult, Limits};
use vicinity_core::Picture;

/// Maximum number of frames examined,
const MAX_FRAMES: usize = 250;
/// and of pixels in all of them.
const MAX_PIXELS: u64 = 500_000_000;
/// Levels of 255 within which a frame is of one colour.
const BLANK: u8 = 24;

/// Bytes per pixel needed to go through frames: two canvases and a frame of four bytes, twice.
pub const BYTES_PER_PIXEL: u64 = 20;

/// Whether an image shows nothing: all of it has (nearly) one colour.
pub fn is_blank(picture: &Picture) -> bool {
    let (mut least, mut most) = ([255u8; 3], [0u8; 3]);
    for pixel in picture.rgb().chunks_exact(3) {
        for channel in 0..3 {
            least[channel] = least[channel].min(pixel[channel]);
            most[channel] = most[channel].max(pixel[channel]);
        }
        if (0..3).any(|channel| most[channel] - least[channel] > BLANK) {
            return false;
        }
    }
    true
}

/// The frames of an animation, as they are shown.
///
/// # Errors
/// Those of the decoder; what is not an animation has no frames.
pub fn frames<'a, R: BufRead + Seek + 'a>(reader: R, format: ImageFormat, limits: Limits) -> ImageResult<Frames<'a>> {
    Ok(match format {
        ImageFormat::Gif => {
            let mut decoder = GifDecoder::new(reader)?;
            decoder.set_limits(limits)?;
            decoder.into_frames()
        }
        ImageFormat::Png => PngDecoder::with_limits(reader, limits)?.apng()?.into_frames(),
        ImageFormat::WebP => WebPDecoder::new(reader)?.into_frames(),
        _ => Frames::new(Box::new(std::iter::empty())),
    })
}

/// The first frame that shows something, made ready by `finish`; else the first at all.
pub fn first_visible(frames: Frames, finish: impl Fn(DynamicImage) -> Option<Picture>) -> Option<Picture> {
    let (mut first, mut pixels) = (None, 0);
    for frame in frames.take(MAX_FRAMES) {
        // A file that is cut off after some frames has those.
        let Ok(frame) = frame else { break };
        let image = frame.into_buffer();
        pixels += u64::from(image.width()) * u64::from(image.height());
        let picture = finish(DynamicImage::ImageRgba8(image))?;
        if !is_blank(&picture) {
            return Some(picture);
        }
        first = first.or(Some(picture));
        if pixels > MAX_PIXELS {
            break;
        }
    }
    first
}
