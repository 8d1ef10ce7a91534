//! TIFF: which of a file's pages is its picture. A reduced copy or a mask is not, though it may come first.

use std::borrow::Cow;

use image::ImageFormat;
use image::metadata::Orientation;

use super::colour::{MOST_PROFILE, Profile};
use super::ifd::{Directories, IfdEntry, orientation};
use super::pieces::Pieces;
use super::{CUT, Container, damaged};

/// No more directories are looked at.
const MOST_DIRECTORIES: usize = 1000;
/// No more directories within one are looked at.
const MOST_INNER: usize = 16;

const NEW_SUBFILE_TYPE: u16 = 254;
const SUBFILE_TYPE: u16 = 255;
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const INNER: u16 = 330;
const PROFILE: u16 = 34675;

/// A page of the file.
struct Page {
    offset: u64,
    pixels: u64,
    /// A smaller copy of another page, or a mask of one.
    reduced: bool,
}

/// Looks through the file.
///
/// # Errors
/// A sentence, where the file has no page.
pub fn open(bytes: &[u8]) -> Result<Container<'_>, String> {
    let damaged = || damaged(ImageFormat::Tiff);
    let file = Directories::new(bytes).ok_or_else(damaged)?;
    if file.first().is_some_and(|first| first >= bytes.len() as u64) {
        return Err(CUT.to_owned());
    }
    let page = main_page(&pages(file)).ok_or_else(damaged)?;
    let (entries, _) = file.directory(page).ok_or_else(damaged)?;
    let (field, size) = file.first_offset_field();
    let mut pieces = Pieces::new(bytes);
    pieces.keep(0..field);
    pieces.add(file.offset_bytes(page));
    pieces.keep(field + size..bytes.len());
    let profile = entries.iter().find(|entry| entry.tag == PROFILE).and_then(IfdEntry::bytes);
    Ok(Container {
        pieces,
        profile: profile.filter(|icc| icc.len() <= MOST_PROFILE).map(|icc| Profile::Icc(Cow::Borrowed(icc))),
        orientation: orientation(&entries).unwrap_or(Orientation::NoTransforms),
        ..Container::plain(bytes)
    })
}

/// All pages, those within others too.
fn pages(file: Directories) -> Vec<Page> {
    let (mut pages, mut seen) = (Vec::new(), Vec::new());
    let mut next = file.first().unwrap_or(0);
    while next != 0 && !seen.contains(&next) && seen.len() < MOST_DIRECTORIES {
        seen.push(next);
        let Some((entries, after)) = file.directory(next) else { break };
        pages.extend(page(next, &entries));
        let inner = entries.iter().find(|entry| entry.tag == INNER).map(|entry| entry.numbers(MOST_INNER));
        for offset in inner.unwrap_or_default() {
            if seen.contains(&offset) || seen.len() >= MOST_DIRECTORIES {
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
    let number = |tag: u16| entries.iter().find(|entry| entry.tag == tag).and_then(IfdEntry::number);
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
