//! HEIC: pictures of HEVC, by the decoder `heifer`, which has no unsafe code.

use heifer::heifer_hevc_dec::{self, nal, params};
use heifer_hevc_dec::nal::NalUnitType::{Pps, Sps, Vps};
use image::{DynamicImage, RgbaImage};
use vicinity_core::Picture;

use super::colour::Samples;
use super::container::Container;
use super::finish::finish;
use super::heif::{self, Heif};
use super::limits::{MAX_CODED, MAX_PIXELS, check_size, pixels_of};
use crate::error::PictureError;
use crate::formats::PictureFormat;

const FORMAT: PictureFormat = PictureFormat::Heic;
/// Maximum number of parameter sets of one part; pictures have three.
const MAX_PARAMETER_SETS: usize = 32;

/// Bytes that decoding takes.
///
/// # Errors
/// When the picture is too large.
pub fn needed(heif: &Heif) -> Result<u64, PictureError> {
    /// Red, green, blue and alpha of the whole picture, twice while it is turned.
    const WHOLE: u64 = 8;
    /// Three samples of 16 bits, what was predicted from them, and their colours, of the part that is decoded.
    const PART: u64 = 16;
    let pixels = check_size(heif.size, 4)?;
    let part = largest_part(heif, pixels)?;
    // The longest part is copied, and copied again without its escapes.
    Ok(pixels * WHOLE + part * PART + heif.overlaid * 4 + heif.longest_part.saturating_mul(2))
}

/// Pixels of the largest part, at least a megapixel: parts may be coded larger than they are shown.
fn largest_part(heif: &Heif, pixels: u64) -> Result<u64, PictureError> {
    let part = heif.largest_part.max(pixels.min(1 << 20));
    if part > MAX_PIXELS || heif.overlaid > MAX_PIXELS { Err(PictureError::TooMuchMemory) } else { Ok(part) }
}

/// The upright picture, and its upright size in the file, for which memory was reserved.
///
/// # Errors
/// When it is damaged, too large, or of a kind that is not read.
pub fn decode(heif: &Heif) -> Result<(Picture, [u32; 2]), PictureError> {
    let part = largest_part(heif, check_size(heif.size, 4)?)?;
    check_coded(heif)?;
    // A coded picture may be larger than what is shown of it by a part of a block.
    let [width, height] = heif.size.map(|side| u64::from(side) + 64);
    let options = heifer::Options { max_threads: 1, max_pixels: part.max(width * height) };
    let image = heifer::decode_rgba8(heif.bytes, &options).map_err(|error| refusal(&error))?;
    let size = [image.width, image.height];
    let rgba = RgbaImage::from_raw(image.width, image.height, image.data).ok_or(PictureError::WrongSize)?;
    check_size(size, 4)?;
    let container = Container { profile: heif::profile(&heif.file), ..Container::plain(heif.bytes) };
    // Turned and mirrored already; EXIF repeats that, and does not count.
    let picture = finish(&container, DynamicImage::ImageRgba8(rgba), Samples::Rgb, false)?;
    Ok((picture, size))
}

/// Whether the streams of all parts are of sizes that pictures have. They are checked by themselves, since they need not
/// keep to what the container says.
fn check_coded(heif: &Heif) -> Result<(), PictureError> {
    let mut all = 0_u64;
    for id in &heif.coded {
        let stream = heif.file.hevc_bitstream(*id).map_err(|error| heif::refusal(&error, FORMAT))?;
        let (mut sets, mut largest) = (0, 0);
        for bytes in nal::split_annex_b(&stream) {
            let Ok(header) = nal::NalHeader::parse(bytes) else { continue };
            sets += usize::from(matches!(header.unit_type, Vps | Sps | Pps));
            if sets > MAX_PARAMETER_SETS {
                return Err(PictureError::Damaged { format: FORMAT });
            }
            if header.unit_type == Sps
                && let Ok(set) = nal::NalUnit::parse(bytes).and_then(|unit| params::Sps::parse(&unit.rbsp))
            {
                let size = [set.pic_width_in_luma_samples, set.pic_height_in_luma_samples];
                largest = largest.max(pixels_of(size));
            }
        }
        all = all.saturating_add(largest);
    }
    if all > MAX_CODED { Err(PictureError::TooMuchMemory) } else { Ok(()) }
}

fn refusal(error: &heifer::Error) -> PictureError {
    use heifer_hevc_dec::Error as Hevc;
    log::debug!("could not decode an image: {error}");
    match error {
        heifer::Error::Container(error) => heif::refusal(error, FORMAT),
        heifer::Error::Unsupported(_) | heifer::Error::Hevc(Hevc::Unimplemented(_)) => {
            PictureError::Unsupported { format: FORMAT }
        }
        _ => PictureError::Damaged { format: FORMAT },
    }
}
