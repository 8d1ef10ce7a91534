//! What the directories of a DNG file say about its raw pixels.

use image::metadata::Orientation;

use super::super::ifd::{Directories, IfdEntry, orientation};
use super::super::limits::pixels_of;
use super::colour::ColourTags;
use super::entries::{entry, numbers, reals};

/// Maximum number of directories within the first one that are examined.
const MAX_INNER: usize = 32;
/// Maximum number of strips or tiles.
const MAX_PIECES: usize = 1 << 16;
/// Pixels that a strip or tile may have, though the picture has fewer.
const USUAL_PIECE: u64 = 1 << 22;
/// Maximum number of black levels: a pattern of at most 8 by 8 of 4 channels.
const MAX_BLACK: usize = 256;

const SUBFILE_TYPE: u16 = 254;
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS: u16 = 258;
const COMPRESSION: u16 = 259;
const INTERPRETATION: u16 = 262;
const STRIP_OFFSETS: u16 = 273;
const CHANNELS: u16 = 277;
const ROWS_PER_STRIP: u16 = 278;
const STRIP_BYTES: u16 = 279;
const PLANAR: u16 = 284;
const TILE_WIDTH: u16 = 322;
const TILE_HEIGHT: u16 = 323;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTES: u16 = 325;
const INNER: u16 = 330;
const SAMPLE_FORMAT: u16 = 339;
const PATTERN_SIZE: u16 = 33421;
const PATTERN: u16 = 33422;
const VERSION: u16 = 50706;
const PLANE_COLOURS: u16 = 50710;
const LAYOUT: u16 = 50711;
const LINEARISATION: u16 = 50712;
const BLACK_SIZE: u16 = 50713;
const BLACK: u16 = 50714;
const WHITE: u16 = 50717;
const CROP_ORIGIN: u16 = 50719;
const CROP_SIZE: u16 = 50720;
const ACTIVE: u16 = 50829;

/// Values of `INTERPRETATION`: a mosaic of colours, and complete pixels.
const MOSAIC: u64 = 32803;
const LINEAR: u64 = 34892;

/// How samples are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    None,
    /// As lossless JPEG.
    LosslessJpeg,
}

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy)]
pub struct Area {
    /// Left and top.
    pub origin: [u32; 2],
    /// Width and height.
    pub size: [u32; 2],
}

/// The raw pixels of a file, and what they mean.
pub struct RawTags {
    /// Width and height as stored.
    pub size: [u32; 2],
    /// Bits of a sample, 8 to 16.
    pub bits: u32,
    /// Samples of a pixel: 1 or 3.
    pub channels: usize,
    /// Colours (0 to 2) of two by two pixels, by rows; `None` for complete pixels.
    pub mosaic: Option<[u8; 4]>,
    /// How samples are stored.
    pub compression: Compression,
    /// Whether samples of 16 bits have their most significant byte first.
    pub big_endian: bool,
    /// Width and height of a strip or tile.
    pub piece: [u32; 2],
    /// Whether pieces at the edge are as large as others.
    pub is_tiled: bool,
    /// Place and length of each piece.
    pub pieces: Vec<(u64, u64)>,
    /// What stored samples stand for, if not for themselves.
    pub linearisation: Vec<u64>,
    /// Rows and columns of the pattern of black levels.
    pub black_size: [usize; 2],
    /// Black levels by rows, columns and channels.
    pub black: Vec<f64>,
    /// White levels by channels.
    pub white: Vec<f64>,
    /// The pixels that saw light.
    pub active: Area,
    /// The pixels that are shown, within `active`.
    pub crop: Area,
    /// How to turn the picture.
    pub orientation: Orientation,
    /// Colours.
    pub colour: ColourTags,
}

impl RawTags {
    /// Finds them in a file, or in the beginning of one; `None` where there are none of a kind that is read.
    pub fn find(bytes: &[u8]) -> Option<Self> {
        let file = Directories::new(bytes)?;
        let (main, _) = file.directory(file.first()?)?;
        entry(&main, VERSION)?;
        let offsets = entry(&main, INNER).map(|inner| inner.numbers(MAX_INNER)).unwrap_or_default();
        let inner = offsets.into_iter().filter_map(|offset| Some(file.directory(offset)?.0));
        std::iter::once(main.clone()).chain(inner).find_map(|raw| Self::of(file, &main, &raw))
    }

    fn of(file: Directories<'_>, main: &[IfdEntry<'_>], raw: &[IfdEntry<'_>]) -> Option<Self> {
        let number = |tag: u16| entry(raw, tag).and_then(IfdEntry::number);
        let side = |tag: u16| number(tag).and_then(|side| u32::try_from(side).ok()).filter(|side| *side > 0);
        let interpretation = number(INTERPRETATION).filter(|kind| [MOSAIC, LINEAR].contains(kind))?;
        let is_mosaic = interpretation == MOSAIC;
        let channels = number(CHANNELS).unwrap_or(1) as usize;
        let is_whole = number(SUBFILE_TYPE).unwrap_or(0) == 0 && number(PLANAR).unwrap_or(1) == 1;
        let is_integer = number(SAMPLE_FORMAT).unwrap_or(1) == 1;
        let is_known = channels == 1 || channels == 3 && !is_mosaic;
        let bits: Vec<u64> = entry(raw, BITS)?.numbers(4);
        let [bits, rest @ ..] = bits.as_slice() else { return None };
        let has_bits = (8..=16).contains(bits) && rest.iter().all(|other| other == bits);
        if !(is_whole && is_integer && is_known && has_bits) {
            return None;
        }
        let compression = match number(COMPRESSION)? {
            1 => Compression::None,
            7 => Compression::LosslessJpeg,
            _ => return None,
        };
        let size = [side(WIDTH)?, side(HEIGHT)?];
        let is_tiled = side(TILE_WIDTH).is_some();
        let piece = match is_tiled {
            true => [side(TILE_WIDTH)?, side(TILE_HEIGHT)?],
            false => [size[0], side(ROWS_PER_STRIP).unwrap_or(size[1]).min(size[1])],
        };
        let places = if is_tiled { [TILE_OFFSETS, TILE_BYTES] } else { [STRIP_OFFSETS, STRIP_BYTES] };
        let active = active_area(raw, size)?;
        let black_size = numbers(raw, BLACK_SIZE, 2).unwrap_or_else(|| vec![1, 1]);
        Some(Self {
            size,
            bits: *bits as u32,
            channels,
            mosaic: if is_mosaic { Some(pattern(raw)?) } else { None },
            compression,
            big_endian: file.big_endian,
            piece,
            is_tiled,
            pieces: pieces(raw, size, piece, places)?,
            linearisation: entry(raw, LINEARISATION).map(|table| table.numbers(1 << 16)).unwrap_or_default(),
            black_size: [black_size[0], black_size[1]].map(|side| side.clamp(1, 8) as usize),
            black: levels(raw, BLACK),
            white: levels(raw, WHITE),
            crop: crop_area(raw, active).unwrap_or(Area { origin: [0, 0], size: active.size }),
            active,
            orientation: orientation(main).unwrap_or(Orientation::NoTransforms),
            colour: ColourTags::of(main),
        })
    }
}

fn levels(entries: &[IfdEntry<'_>], tag: u16) -> Vec<f64> {
    let levels = entry(entries, tag).map(|entry| entry.reals(MAX_BLACK)).unwrap_or_default();
    levels.into_iter().map(Option::unwrap_or_default).collect()
}

/// The colours of two by two pixels.
fn pattern(raw: &[IfdEntry<'_>]) -> Option<[u8; 4]> {
    let is_plain = entry(raw, LAYOUT).and_then(IfdEntry::number).unwrap_or(1) == 1
        && numbers(raw, PATTERN_SIZE, 2).is_none_or(|size| size == [2, 2])
        && entry(raw, PLANE_COLOURS).is_none_or(|planes| planes.bytes() == Some(&[0, 1, 2]));
    let pattern: [u8; 4] = entry(raw, PATTERN)?.bytes()?.try_into().ok()?;
    let has = |colour: u8| pattern.contains(&colour);
    (is_plain && (0..3).all(has) && pattern.iter().all(|colour| *colour < 3)).then_some(pattern)
}

/// Place and length of each strip or tile.
fn pieces(raw: &[IfdEntry<'_>], size: [u32; 2], piece: [u32; 2], places: [u16; 2]) -> Option<Vec<(u64, u64)>> {
    let count = piece_count(size, piece)?;
    let [offsets, lengths] = places.map(|tag| numbers(raw, tag, count));
    Some(offsets?.into_iter().zip(lengths?).collect())
}

/// `None` for more or larger pieces than a picture of this size needs.
fn piece_count(size: [u32; 2], piece: [u32; 2]) -> Option<usize> {
    let count = size[0].div_ceil(piece[0]) as usize * size[1].div_ceil(piece[1]) as usize;
    let is_usual = count <= MAX_PIECES
        && pixels_of(piece) <= pixels_of(size).max(USUAL_PIECE)
        && (count as u64).saturating_mul(pixels_of(piece)) <= pixels_of(size).saturating_mul(4) + USUAL_PIECE;
    is_usual.then_some(count)
}

fn active_area(raw: &[IfdEntry<'_>], size: [u32; 2]) -> Option<Area> {
    let Some(edges) = numbers(raw, ACTIVE, 4) else { return Some(Area { origin: [0, 0], size }) };
    let [top, left, bottom, right] = [0, 1, 2, 3].map(|at| edges[at]);
    let fits = top < bottom && left < right && bottom <= u64::from(size[1]) && right <= u64::from(size[0]);
    let area = || Area { origin: [left as u32, top as u32], size: [(right - left) as u32, (bottom - top) as u32] };
    fits.then(area)
}

fn crop_area(raw: &[IfdEntry<'_>], active: Area) -> Option<Area> {
    let origin = reals(raw, CROP_ORIGIN, 2)?;
    let size = reals(raw, CROP_SIZE, 2)?;
    let crop = Area { origin: [origin[0] as u32, origin[1] as u32], size: [size[0] as u32, size[1] as u32] };
    let fits = (0..2).all(|axis| {
        crop.size[axis] > 0 && u64::from(crop.origin[axis]) + u64::from(crop.size[axis]) <= u64::from(active.size[axis])
    });
    fits.then_some(crop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_reach_far_beyond_the_picture_are_refused() {
        assert_eq!(piece_count([6000, 4000], [256, 256]), Some(24 * 16));
        assert_eq!(piece_count([6000, 4000], [6000, 16]), Some(250));
        assert_eq!(piece_count([40, 30], [1024, 1024]), Some(1), "a tile may be larger than a small picture");
        assert_eq!(piece_count([60_000, 1], [1, 1 << 22]), None, "60,000 tiles, each larger than the picture");
    }
}
