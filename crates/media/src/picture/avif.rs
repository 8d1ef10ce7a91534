//! AVIF: pictures of AV1, by the decoder rav1d (a port of dav1d). Only primary pictures are decoded: of a sequence, the one
//! that stands for it.

use heifer_isobmff::boxes::Property;
use heifer_isobmff::{HeifFile, ItemId};
use image::DynamicImage;
use image::imageops::replace;
use re_rav1d::PlanarImageComponent::{U, V, Y};
use re_rav1d::{Decoder, Error, PixelLayout, Settings};
use vicinity_core::Picture;

use super::colour::{Samples, is_deep};
use super::container::Container;
use super::finish::finish;
use super::heif::{self, Heif};
use super::limits::{MAX_CODED, MAX_PIXELS, check_size, pixels_of};
use super::yuv::{ColourMatrix, Planes, rgba};
use crate::error::PictureError;
use crate::formats::PictureFormat;

const FORMAT: PictureFormat = PictureFormat::Avif;
const DAMAGED: PictureError = PictureError::Damaged { format: FORMAT };
const UNSUPPORTED: PictureError = PictureError::Unsupported { format: FORMAT };

/// Bytes that decoding takes.
///
/// # Errors
/// When the picture is too large, or made of overlaid ones.
pub fn needed(heif: &Heif) -> Result<u64, PictureError> {
    /// Samples of 16 bits: four of the whole picture, twice while it is turned,
    const WHOLE: u64 = 16;
    /// and of the part that is decoded, three, what they are predicted from, and the four that it becomes.
    const PART: u64 = 24;
    let pixels = check_size(heif.size, 8)?;
    if heif.overlaid > 0 {
        return Err(UNSUPPORTED);
    }
    let sizes = heif.coded.iter().filter_map(|id| heif.file.image_size(*id).ok().flatten());
    let coded = sizes.fold(0, |sum: u64, (width, height)| sum.saturating_add(pixels_of([width, height])));
    if heif.largest_part > MAX_PIXELS || coded > MAX_CODED {
        return Err(PictureError::TooMuchMemory);
    }
    Ok(pixels * WHOLE + heif.largest_part * PART + heif.longest_part)
}

/// The upright picture, and its upright size in the file, for which memory was reserved.
///
/// # Errors
/// When it is damaged, too large, or of a kind that is not read.
pub fn decode(heif: &Heif) -> Result<(Picture, [u32; 2]), PictureError> {
    let file = &heif.file;
    let mut image = item(file, file.primary_id, 0)?;
    if let Some(alpha) = heif::alpha_of(file, file.primary_id) {
        add_alpha(&mut image, &item(file, alpha, 0)?)?;
    }
    let image = upright(file, image)?;
    let size = [image.width(), image.height()];
    check_size(size, 8)?;
    let container = Container { profile: heif::profile(file), ..Container::plain(heif.bytes) };
    Ok((finish(&container, image, Samples::Rgb, false)?, size))
}

/// An item as it is stored: not turned, and opaque.
fn item(file: &HeifFile, id: ItemId, depth: u8) -> Result<DynamicImage, PictureError> {
    const MAX_DEPTH: u8 = 4;
    let refused = |error| heif::refusal(&error, FORMAT);
    let sources = file.referenced_items(id, b"dimg");
    match (&file.item(id).map_err(refused)?.item_type.0, sources) {
        (b"av01", _) => coded(file, id),
        (b"iden", [source]) if depth < MAX_DEPTH => item(file, *source, depth + 1),
        (b"grid", [_, ..]) if depth < MAX_DEPTH => grid(file, id, sources, depth),
        _ => Err(UNSUPPORTED),
    }
}

/// Tiles of one size, row by row, of which the last ones may stand out.
fn grid(file: &HeifFile, id: ItemId, tiles: &[ItemId], depth: u8) -> Result<DynamicImage, PictureError> {
    let grid = file.grid(id).map_err(|error| heif::refusal(&error, FORMAT))?;
    let (width, height) = (grid.output_width, grid.output_height);
    check_size([width, height], 8)?;
    if tiles.len() != usize::from(grid.rows) * usize::from(grid.columns) {
        return Err(DAMAGED);
    }
    let mut canvas: Option<(DynamicImage, u32, u32)> = None;
    for (index, tile) in tiles.iter().enumerate() {
        let tile = item(file, *tile, depth + 1)?;
        let (canvas, w, h) = canvas.get_or_insert_with(|| {
            let empty = if is_deep(&tile) {
                DynamicImage::new_rgba16(width, height)
            } else {
                DynamicImage::new_rgba8(width, height)
            };
            (empty, tile.width(), tile.height())
        });
        if (tile.width(), tile.height()) != (*w, *h) {
            return Err(DAMAGED);
        }
        let (column, row) = (index % usize::from(grid.columns), index / usize::from(grid.columns));
        let (x, y) = (column as i64 * i64::from(*w), row as i64 * i64::from(*h));
        match (canvas, &tile) {
            (DynamicImage::ImageRgba8(canvas), DynamicImage::ImageRgba8(tile)) => replace(canvas, tile, x, y),
            (DynamicImage::ImageRgba16(canvas), DynamicImage::ImageRgba16(tile)) => replace(canvas, tile, x, y),
            _ => return Err(DAMAGED),
        }
    }
    canvas.map(|(canvas, ..)| canvas).ok_or(DAMAGED)
}

/// A picture of AV1.
fn coded(file: &HeifFile, id: ItemId) -> Result<DynamicImage, PictureError> {
    let data = file.item_data(id).map_err(|error| heif::refusal(&error, FORMAT))?.into_owned();
    let limit = file.image_size(id).ok().flatten().map(|(width, height)| pixels_of([width, height]));
    let limit = limit.filter(|pixels| (1..=MAX_PIXELS).contains(pixels)).ok_or(DAMAGED)?;
    let mut settings = Settings::new();
    // Several pictures are decoded at once already.
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    settings.set_frame_size_limit(limit as u32);
    let refused = |error: Error| {
        log::debug!("could not decode an image: {error}");
        match error {
            Error::UnsupportedBitstream => UNSUPPORTED,
            Error::NotEnoughMemory => PictureError::TooMuchMemory,
            _ => DAMAGED,
        }
    };
    let mut decoder = Decoder::with_settings(&settings).map_err(refused)?;
    match decoder.send_data(data, None, None, None) {
        Ok(()) | Err(Error::Again) => {}
        Err(error) => return Err(refused(error)),
    }
    let frame = decoder.get_picture().map_err(refused)?;
    let (width, height) = (frame.width(), frame.height());
    if pixels_of([width, height]) > limit {
        return Err(DAMAGED);
    }
    let bits = frame.bits_per_component().map(|bits| bits.0).ok_or(UNSUPPORTED)?;
    let layout = frame.pixel_layout();
    let y = frame.plane(Y);
    let chroma = (layout != PixelLayout::I400).then(|| (frame.plane(U), frame.plane(V)));
    let (reduced_x, reduced_y) = match layout {
        PixelLayout::I420 => (true, true),
        PixelLayout::I422 => (true, false),
        PixelLayout::I400 | PixelLayout::I444 => (false, false),
    };
    let planes = Planes {
        size: [width as usize, height as usize],
        bits,
        luma: &y,
        luma_stride: frame.stride(Y) as usize,
        chroma: chroma.as_ref().map(|(u, v)| [&**u, &**v]),
        chroma_stride: frame.stride(U) as usize,
        reduced: [reduced_x, reduced_y],
    };
    // Tiles have what is said of all of them; transparency does not have what is said of colours.
    let is_tile = file.referenced_items(file.primary_id, b"dimg").contains(&id);
    let of_all = || is_tile.then(|| heif::code_points(file, file.primary_id)).flatten();
    let (matrix, full_range) = match heif::code_points(file, id).or_else(of_all) {
        Some([_, _, matrix, full_range]) => (matrix, full_range == 1),
        None => (frame.matrix_coefficients() as u16, frame.color_range() == re_rav1d::pixel::YUVRange::Full),
    };
    let matrix = ColourMatrix::new(matrix, full_range).ok_or(UNSUPPORTED)?;
    rgba(&planes, &matrix).ok_or(PictureError::WrongSize)
}

/// Puts the brightness of one picture into the transparency of another of the same size.
fn add_alpha(image: &mut DynamicImage, alpha: &DynamicImage) -> Result<(), PictureError> {
    if (image.width(), image.height()) != (alpha.width(), alpha.height()) {
        return Err(UNSUPPORTED);
    }
    match image {
        DynamicImage::ImageRgba8(image) => {
            let alpha = alpha.to_luma8();
            image.pixels_mut().zip(alpha.pixels()).for_each(|(pixel, alpha)| pixel.0[3] = alpha.0[0]);
        }
        DynamicImage::ImageRgba16(image) => {
            let alpha = alpha.to_luma16();
            image.pixels_mut().zip(alpha.pixels()).for_each(|(pixel, alpha)| pixel.0[3] = alpha.0[0]);
        }
        _ => return Err(DAMAGED),
    }
    Ok(())
}

/// Cut, turned and mirrored, as the container says and in its order; EXIF repeats that, and does not count.
fn upright(file: &HeifFile, image: DynamicImage) -> Result<DynamicImage, PictureError> {
    let properties = file.item_properties(file.primary_id).map_err(|error| heif::refusal(&error, FORMAT))?;
    properties.into_iter().try_fold(image, |image, property| {
        Ok(match property {
            Property::Rotation(1) => image.rotate270(),
            Property::Rotation(2) => image.rotate180(),
            Property::Rotation(3) => image.rotate90(),
            Property::Mirror(true) => image.flipv(),
            Property::Mirror(false) => image.fliph(),
            Property::CleanAperture { width, height, horiz_offset, vert_offset } => {
                let across = cut(image.width(), *width, *horiz_offset).ok_or(DAMAGED)?;
                let down = cut(image.height(), *height, *vert_offset).ok_or(DAMAGED)?;
                image.crop_imm(across.0, down.0, across.1, down.1)
            }
            _ => image,
        })
    })
}

/// Where a cut begins and how long it is along a side, from a length and the offset of its middle from that of the
/// side, both fractions (ISO/IEC 14496-12, section 12.1.4).
fn cut(side: u32, length: (u32, u32), offset: (i32, u32)) -> Option<(u32, u32)> {
    if length.1 == 0 || offset.1 == 0 {
        return None;
    }
    let length = f64::from(length.0) / f64::from(length.1);
    let middle = f64::from(offset.0) / f64::from(offset.1) + (f64::from(side) - 1.0) / 2.0;
    let start = (middle - (length - 1.0) / 2.0).round().max(0.0) as u32;
    let length = (length.round() as u32).min(side.saturating_sub(start));
    (length > 0).then_some((start, length))
}
