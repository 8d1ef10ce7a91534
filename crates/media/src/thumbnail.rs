//! Small versions of images, and their storage format.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageDecoder, ImageEncoder};

use crate::resize::{ResizeFilter, squash};
use vicinity_core::Picture;

/// JPEG quality of a stored thumbnail.
const QUALITY: u8 = 82;
/// No stored thumbnail or preview has a longer side; anything that claims to is not ours.
const MAX_SIDE: u32 = 4096;

/// Scales so that the longer side has at most `longest_side` pixels. Never enlarges, and keeps the shape.
pub fn shrink(picture: &Picture, longest_side: u32) -> Picture {
    let (w, h) = (picture.width(), picture.height());
    let longest = w.max(h);
    if longest <= longest_side {
        return picture.clone();
    }
    let scaled = |side: u32| {
        ((u64::from(side) * u64::from(longest_side) + u64::from(longest) / 2) / u64::from(longest)).max(1) as u32
    };
    let (width, height) = (scaled(w), scaled(h));
    let rgb = squash(picture, width as usize, height as usize, ResizeFilter::Bicubic);
    Picture::new(width, height, rgb).unwrap_or_else(|| picture.clone())
}

/// As JPEG; empty where the picture cannot be encoded (a side over 65,535 pixels).
pub fn encode(picture: &Picture) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    match encoder.write_image(picture.rgb(), picture.width(), picture.height(), ExtendedColorType::Rgb8) {
        Ok(()) => bytes,
        Err(_) => Vec::new(),
    }
}

/// Reads what [`encode`] wrote; `None` where the bytes are something else.
pub fn decode(bytes: &[u8]) -> Option<Picture> {
    let decoder = image::codecs::jpeg::JpegDecoder::new(std::io::Cursor::new(bytes)).ok()?;
    let (width, height) = decoder.dimensions();
    if width.max(height) > MAX_SIDE || decoder.color_type() != image::ColorType::Rgb8 {
        return None;
    }
    let mut rgb = vec![0; usize::try_from(decoder.total_bytes()).ok()?];
    decoder.read_image(&mut rgb).ok()?;
    Picture::new(width, height, rgb)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(width: u32, height: u32) -> Picture {
        let pixel = |i: u32| [(i % width * 255 / width) as u8, (i / width * 255 / height) as u8, 90];
        Picture::new(width, height, (0..width * height).flat_map(pixel).collect()).unwrap()
    }

    #[test]
    fn keeps_the_shape_and_never_enlarges() {
        let small = shrink(&gradient(1000, 400), 256);
        assert_eq!((small.width(), small.height()), (256, 102));
        assert_eq!(shrink(&gradient(100, 40), 256), gradient(100, 40));
        let line = shrink(&gradient(3000, 1), 256);
        assert_eq!((line.width(), line.height()), (256, 1));
    }

    #[test]
    fn comes_back_nearly_the_same() {
        let picture = gradient(200, 120);
        let back = decode(&encode(&picture)).unwrap();
        let worst = picture.rgb().iter().zip(back.rgb()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst < Some(24), "{worst:?}");
        assert_eq!(decode(b"no picture"), None);
    }
}
