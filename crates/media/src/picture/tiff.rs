//! TIFF: which of a file's pages is its picture, and what its samples mean. A reduced copy or a mask is not the picture,
//! though it may come first.

use std::borrow::Cow;

use image::ImageFormat;
use image::metadata::Orientation;

use super::colour::{MAX_PROFILE_BYTES, Profile};
use super::container::{Container, SampleMeaning};
use super::ifd::{Directories, IfdEntry, orientation};
use super::pieces::Pieces;
use crate::error::{PictureError, TiffKind};

/// Maximum number of directories examined.
const MAX_DIRECTORIES: usize = 1000;
/// Maximum number of directories examined within one.
const MAX_INNER: usize = 16;

const NEW_SUBFILE_TYPE: u16 = 254;
const SUBFILE_TYPE: u16 = 255;
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS: u16 = 258;
const COMPRESSION: u16 = 259;
const INTERPRETATION: u16 = 262;
const COLOUR_MAP: u16 = 320;
const INNER: u16 = 330;
const SUBSAMPLING: u16 = 530;
const PROFILE: u16 = 34675;

// Values of `INTERPRETATION` and `COMPRESSION`.
const BLACK_IS_ZERO: u64 = 1;
const RGB: u64 = 2;
const PALETTE: u64 = 3;
const YCBCR: u64 = 6;
const JPEG: u64 = 7;

/// A page of the file.
struct Page {
    offset: u64,
    pixels: u64,
    /// A smaller copy of another page, or a mask of one.
    reduced: bool,
}

/// Scans the file for its picture.
///
/// # Errors
/// When the file has no page, or one of a kind that is not read.
pub fn open(bytes: &[u8]) -> Result<Container<'_>, PictureError> {
    open_one(bytes, main_page)
}

/// The number of whole pages, without masks and reduced copies.
pub fn page_count(bytes: &[u8]) -> u32 {
    let pages = Directories::new(bytes).map_or_else(Vec::new, pages);
    pages.iter().filter(|page| !page.reduced).count() as u32
}

/// Scans the file for one of its whole pages, counted from 1.
///
/// # Errors
/// When the file has no such page, or one of a kind that is not read.
pub fn open_page(bytes: &[u8], number: u32) -> Result<Container<'_>, PictureError> {
    let nth = |pages: &[Page]| {
        let mut whole = pages.iter().filter(|page| !page.reduced);
        whole.nth((number as usize).checked_sub(1)?).map(|page| page.offset)
    };
    open_one(bytes, nth)
}

fn open_one(bytes: &[u8], choose: impl Fn(&[Page]) -> Option<u64>) -> Result<Container<'_>, PictureError> {
    let damaged = PictureError::Damaged { format: ImageFormat::Tiff.into() };
    let file = Directories::new(bytes).ok_or(damaged.clone())?;
    if file.first().is_some_and(|first| first >= bytes.len() as u64) {
        return Err(PictureError::CutShort);
    }
    let page = choose(&pages(file)).ok_or(damaged.clone())?;
    let (entries, _) = file.directory(page).ok_or(damaged)?;
    let (samples, interpretation) = samples(&entries)?;
    let (field, size) = file.first_offset_field();
    let mut pieces = Pieces::new(bytes);
    pieces.keep(0..field);
    pieces.add(file.offset_bytes(page));
    let mut at = field + size;
    // The decoder refuses what it could decode as another interpretation of the same samples.
    let stored = find(&entries, INTERPRETATION).and_then(IfdEntry::inline_number);
    if let Some((interpretation, (field, size))) = interpretation.zip(stored)
        && field >= at
    {
        pieces.keep(at..field);
        pieces.add(file.number_bytes(interpretation, size));
        at = field + size;
    }
    pieces.keep(at..bytes.len());
    let profile = find(&entries, PROFILE).and_then(IfdEntry::bytes);
    Ok(Container {
        pieces,
        profile: profile.filter(|icc| icc.len() <= MAX_PROFILE_BYTES).map(|icc| Profile::Icc(Cow::Borrowed(icc))),
        orientation: orientation(&entries).unwrap_or(Orientation::NoTransforms),
        samples,
        ..Container::plain(bytes)
    })
}

/// What the samples of a page mean, and as which interpretation the decoder has to read them, if as another one.
fn samples(entries: &[IfdEntry]) -> Result<(SampleMeaning, Option<u64>), PictureError> {
    let unsupported = |kind| PictureError::UnsupportedTiff { kind };
    let number = |tag: u16| find(entries, tag).and_then(IfdEntry::number);
    match number(INTERPRETATION) {
        Some(PALETTE) => {
            let bits = number(BITS).unwrap_or(1);
            // The decoder has no samples of other sizes.
            if bits != 1 && bits != 8 {
                return Err(unsupported(TiffKind::PaletteBits { bits }));
            }
            let colours = find(entries, COLOUR_MAP).and_then(|map| palette(&map.numbers(3 << bits), bits));
            let colours = colours.ok_or(PictureError::Damaged { format: ImageFormat::Tiff.into() })?;
            Ok((SampleMeaning::Palette(colours), Some(BLACK_IS_ZERO)))
        }
        Some(YCBCR) => {
            let subsampling = find(entries, SUBSAMPLING).map_or_else(|| vec![2, 2], |entry| entry.numbers(2));
            // The decoder of JPEG brings the colours to the size of the picture.
            if number(COMPRESSION) != Some(JPEG) && subsampling != [1, 1] {
                return Err(unsupported(TiffKind::SubsampledYCbCr));
            }
            Ok((SampleMeaning::YCbCr, Some(RGB)))
        }
        _ => Ok((SampleMeaning::AsDecoded, None)),
    }
}

/// The colours of all indices from a colour map: all reds, then all greens, then all blues, of 16 bits each.
fn palette(map: &[u64], bits: u64) -> Option<Vec<[u8; 3]>> {
    let count = 1_usize << bits;
    // Some writers store 8 bits, as libtiff assumes where no value is larger.
    let shift = if map.iter().any(|value| *value > 255) { 8 } else { 0 };
    let value = |channel: usize, index: usize| map.get(channel * count + index).map(|value| (value >> shift) as u8);
    (0..count).map(|index| Some([value(0, index)?, value(1, index)?, value(2, index)?])).collect()
}

fn find<'e, 'a>(entries: &'e [IfdEntry<'a>], tag: u16) -> Option<&'e IfdEntry<'a>> {
    entries.iter().find(|entry| entry.tag == tag)
}

/// All pages, those within others too.
fn pages(file: Directories) -> Vec<Page> {
    let (mut pages, mut seen) = (Vec::new(), Vec::new());
    let mut next = file.first().unwrap_or(0);
    while next != 0 && !seen.contains(&next) && seen.len() < MAX_DIRECTORIES {
        seen.push(next);
        let Some((entries, after)) = file.directory(next) else { break };
        pages.extend(page(next, &entries));
        let inner = entries.iter().find(|entry| entry.tag == INNER).map(|entry| entry.numbers(MAX_INNER));
        for offset in inner.unwrap_or_default() {
            if seen.contains(&offset) || seen.len() >= MAX_DIRECTORIES {
                continue;
            }
            seen.push(offset);
            pages.extend(file.directory(offset).and_then(|(entries, _)| page(offset, &entries)));
        }
        next = after;
    }
    pages
}

fn page(offset: u64, entries: &[IfdEntry]) -> Option<Page> {
    let number = |tag: u16| find(entries, tag).and_then(IfdEntry::number);
    let pixels = number(WIDTH)?.saturating_mul(number(HEIGHT)?);
    // Bit 0: a reduced copy; bit 2: a mask. The older tag says 2 for a reduced copy.
    let reduced = number(NEW_SUBFILE_TYPE).unwrap_or(0) & 0b101 != 0 || number(SUBFILE_TYPE) == Some(2);
    Some(Page { offset, pixels, reduced })
}

/// The first page of about the size of the largest: pages of a document differ by some pixels, copies by half.
fn main_page(pages: &[Page]) -> Option<u64> {
    let whole: Vec<&Page> = pages.iter().filter(|page| !page.reduced).collect();
    let candidates = if whole.is_empty() { pages.iter().collect() } else { whole };
    let largest = candidates.iter().map(|page| page.pixels).max()?;
    candidates.iter().find(|page| page.pixels >= largest / 2).map(|page| page.offset)
}
