//! Decodes pictures: limits first, then pixels, upright, on white, 8-bit RGB.

use std::io::Cursor;
use std::sync::{Condvar, Mutex, PoisonError};

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::thumbnail;
use vicinity_core::Picture;

/// The most pixels a picture may have.
const MOST_PIXELS: u64 = 250_000_000;
/// The most bytes that decoding one picture may take.
const MOST_BYTES: u64 = 640 << 20;
/// The bytes that all decodes under way may take together.
const BUDGET: u64 = 700 << 20;
/// A picture is kept at this length of its longer side at most: more than any model or preview looks at.
const KEPT: u32 = 2048;

/// The upright picture, and its upright size in the file.
///
/// # Errors
/// A sentence for the user.
pub fn decode(bytes: &[u8], format: ImageFormat) -> Result<(Picture, [u32; 2]), String> {
    if format == ImageFormat::Ico {
        check_icon(bytes)?;
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(|e| sentence(&e))?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    let needed = decoder.total_bytes().max(pixels * 3);
    if width == 0 || height == 0 {
        return Err("The picture has no pixels".to_owned());
    }
    if pixels > MOST_PIXELS || needed > MOST_BYTES {
        return Err(format!("The picture is too large to open safely: {width} × {height} pixels"));
    }
    // The decoder's own buffers, and the copy as 8-bit RGB.
    let _memory = Reservation::take(needed + pixels * 3);
    decoder.set_limits(limits).map_err(|e| sentence(&e))?;
    let orientation = orientation(&mut decoder);
    let image = DynamicImage::from_decoder(decoder).map_err(|e| sentence(&e))?;
    let picture = rgb_on_white(image)?;
    // Turning after scaling down costs less, and gives the same.
    let picture = upright(thumbnail::shrink(&picture, KEPT), orientation)?;
    Ok((picture, upright_size(width, height, orientation)))
}

/// The EXIF orientation. Some writers put the marker of JPEG's EXIF segment into WebP files too, which hides it.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    let exif = decoder.exif_metadata().ok().flatten();
    let marked = exif.as_deref().and_then(|exif| exif.strip_prefix(b"Exif\0\0"));
    match marked {
        Some(chunk) => Orientation::from_exif_chunk(chunk).unwrap_or(Orientation::NoTransforms),
        None => decoder.orientation().unwrap_or(Orientation::NoTransforms),
    }
}

fn upright_size(width: u32, height: u32, orientation: Orientation) -> [u32; 2] {
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

const DAMAGED: &str = "The picture is damaged";

/// Transparent pixels show white, as on paper; deeper channels are scaled, not cut; light beyond white is clipped.
fn rgb_on_white(image: DynamicImage) -> Result<Picture, String> {
    let has_alpha = image.color().has_alpha();
    let (width, height) = (image.width(), image.height());
    let rgb = if has_alpha {
        let rgba = image.into_rgba8();
        let on_white = |colour: u8, alpha: u8| {
            let (c, a) = (u32::from(colour), u32::from(alpha));
            ((c * a + 255 * (255 - a) + 127) / 255) as u8
        };
        rgba.pixels().flat_map(|p| [0, 1, 2].map(|i| on_white(p.0[i], p.0[3]))).collect()
    } else {
        image.into_rgb8().into_raw()
    };
    Picture::new(width, height, rgb).ok_or_else(|| DAMAGED.to_owned())
}

/// The pictures within an icon may claim any size, and the decoder believes them before it looks: 198 bytes can ask
/// for gigabytes, and a failed allocation ends the process. So the claims are read first.
fn check_icon(bytes: &[u8]) -> Result<(), String> {
    const MOST_SIDE: u32 = 4096;
    let u16_at = |at: usize| bytes.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
    let u32_at = |at: usize| bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let big_at = |at: usize| bytes.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    let count = usize::from(u16_at(4).ok_or(DAMAGED)?);
    for entry in 0..count {
        let start = u32_at(6 + entry * 16 + 12).ok_or(DAMAGED)? as usize;
        let is_png = bytes.get(start..).ok_or(DAMAGED)?.starts_with(b"\x89PNG");
        let (width, height) = if is_png {
            (big_at(start + 16).ok_or(DAMAGED)?, big_at(start + 20).ok_or(DAMAGED)?)
        } else {
            let side = |at: usize| u32_at(at).map(|v| v.cast_signed().unsigned_abs()).ok_or(DAMAGED);
            (side(start + 4)?, side(start + 8)? / 2)
        };
        if width > MOST_SIDE || height > MOST_SIDE {
            return Err(format!("The icon is too large to open safely: it claims {width} × {height} pixels"));
        }
    }
    Ok(())
}

fn sentence(error: &image::ImageError) -> String {
    use image::ImageError as E;
    match error {
        E::Limits(_) => "The picture is too large to open safely".to_owned(),
        E::Unsupported(e) => format!("This kind of picture cannot be read yet ({e}); convert it to JPEG or PNG"),
        E::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => "The picture is cut short".to_owned(),
        other => format!("The picture is damaged ({})", first_line(&other.to_string())),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Memory set aside for one decode; others wait until it is given back, so that two giants never meet.
struct Reservation(u64);

static IN_USE: Mutex<u64> = Mutex::new(0);
static GIVEN_BACK: Condvar = Condvar::new();

impl Reservation {
    fn take(bytes: u64) -> Self {
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        // One decode alone may exceed the budget; it then runs by itself.
        while *in_use > 0 && *in_use + bytes > BUDGET {
            in_use = GIVEN_BACK.wait(in_use).unwrap_or_else(PoisonError::into_inner);
        }
        *in_use += bytes;
        Self(bytes)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        *IN_USE.lock().unwrap_or_else(PoisonError::into_inner) -= self.0;
        GIVEN_BACK.notify_all();
    }
}
