//! How large pictures may be, and what all decoders together may take.

use super::container::MAX_BYTES;
use crate::budget::Budget;
use crate::error::PictureError;

/// Maximum number of pixels of an image.
pub const MAX_PIXELS: u64 = 250_000_000;
/// Maximum number of pixels of all parts of an image together, which may be many times larger than the image.
pub const MAX_CODED: u64 = 2 * MAX_PIXELS;
/// Limit on the bytes that all current decodes use together.
pub static BUDGET: Budget = Budget::new(700 << 20);
/// Maximum number of bytes that one decoder in a helper takes.
pub const MAX_NEEDED: u64 = 2560 << 20;
/// Maximum length of an image's longer side that is kept: more than any model or preview uses.
pub const KEPT: u32 = 2048;
/// Memory of a decoder in addition to the pixels: tables, lines and blocks.
pub const BESIDE: u64 = 32 << 20;

/// The number of pixels.
pub fn pixels_of([width, height]: [u32; 2]) -> u64 {
    u64::from(width) * u64::from(height)
}

/// The number of pixels, where it is allowed.
///
/// # Errors
/// When there are none or too many.
pub fn check_size(size: [u32; 2], bytes_per_pixel: u64) -> Result<u64, PictureError> {
    let pixels = pixels_of(size);
    if pixels == 0 {
        return Err(PictureError::NoPixels);
    }
    if pixels > MAX_PIXELS || pixels.saturating_mul(bytes_per_pixel.max(3)) > MAX_BYTES {
        return Err(PictureError::TooLarge { width: size[0], height: size[1] });
    }
    Ok(pixels)
}
