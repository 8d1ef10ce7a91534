//! Prepares pictures for sending: shrunk as Nomic's own client does it, and encoded again from bare pixels, so that nothing
//! but the picture leaves: no EXIF, no GPS position, no embedded thumbnail.

use std::sync::Arc;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::protocol::Input;
use crate::Pixels;
use crate::local::preprocess::{ResizeFilter, squash};
use vicinity_core::Picture;

/// Pictures are brought near this many pixels on their longer side.
const SIDE: u32 = 512;
/// JPEG quality: the default of Pillow, which is what Nomic's client sends.
const QUALITY: u8 = 75;

/// Width and height that are sent: divided by a whole number where a side is over 512.
fn shrunk([width, height]: [u32; 2]) -> [u32; 2] {
    let factor = (width.max(height) / SIDE).max(1);
    [(width / factor).max(1), (height / factor).max(1)]
}

/// Roughly the bytes that a picture of this size will have.
pub(super) fn about_bytes(size: [u32; 2]) -> u64 {
    let [width, height] = shrunk(size);
    // photos of this quality take about one and a half bits per pixel
    u64::from(width) * u64::from(height) * 3 / 16 + 700
}

/// The picture as JPEG; empty where it cannot be one (a side over 65,535 pixels after shrinking).
pub fn encode(picture: &Picture) -> Vec<u8> {
    let [width, height] = shrunk([picture.width(), picture.height()]);
    let rgb = squash(picture, width as usize, height as usize, ResizeFilter::Bicubic);
    let mut jpeg = Vec::new();
    match JpegEncoder::new_with_quality(&mut jpeg, QUALITY).write_image(&rgb, width, height, ExtendedColorType::Rgb8) {
        Ok(()) => jpeg,
        Err(_) => Vec::new(),
    }
}

/// Carries a file through the layout-blind [`Pixels`], a number per byte (exact, and never a NaN that a copy may alter).
pub(super) fn pack(jpeg: &[u8]) -> Pixels {
    Pixels(jpeg.iter().map(|byte| f32::from(*byte)).collect())
}

/// Undoes [`pack`].
pub(super) fn unpack(pixels: &Pixels) -> Input {
    Input::Picture(pixels.0.iter().map(|number| *number as u8).collect::<Arc<[u8]>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_nomics_client() {
        assert_eq!(shrunk([512, 300]), [512, 300]);
        assert_eq!(shrunk([1023, 700]), [1023, 700]);
        assert_eq!(shrunk([1024, 700]), [512, 350]);
        assert_eq!(shrunk([4000, 3000]), [571, 428]);
        assert_eq!(shrunk([30000, 1]), [517, 1]);
    }

    #[test]
    fn packing_loses_nothing() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(unpack(&pack(&bytes)), Input::Picture(bytes.into()));
    }
}
