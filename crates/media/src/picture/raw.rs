//! Raw photos of cameras: the largest JPEG that the camera put beside the raw pixels. Nothing is developed. Each maker keeps
//! its list of previews elsewhere (directories of TIFF, notes of the maker, boxes, headers of their own); the previews
//! themselves all begin alike, so that is what is looked for.

use image::metadata::Orientation;
use memchr::memmem;

use super::limits::pixels_of;
use super::{ifd, jpeg};
use crate::boxes::{boxes, first};

/// Minimum length of a preview's longer side: smaller ones are thumbnails.
const MIN_SIDE: u32 = 1024;
/// Maximum number of beginnings that are examined; photos have one to five, and as many by chance.
const MAX_CANDIDATES: usize = 4096;
/// Maximum bytes of a preview before its size: metadata, a profile and a thumbnail.
const MAX_BEFORE: usize = 1 << 20;
/// Maximum number of segments that are examined in all previews together.
const MAX_SEGMENTS: usize = 100_000;

/// First bytes of raw photos that are not TIFF files, and where they are.
const MARKS: &[(usize, &[u8])] = &[
    (0, b"FUJIFILMCCD-RAW"),
    (0, b"IIRO"),
    (0, b"IIRS"),
    (0, b"MMOR"),
    (0, b"IIU\0"),
    (0, b"FOVb"),
    (0, b"\0MRM"),
    (4, b"ftypcrx "),
];

/// Whether a file that is no TIFF file is a raw photo.
pub fn is_marked(head: &[u8]) -> bool {
    // Texts may begin with the same letters.
    let is_binary = head.iter().take(64).any(|byte| *byte == 0);
    is_binary && MARKS.iter().any(|(at, mark)| head.get(*at..).is_some_and(|rest| rest.starts_with(mark)))
}

/// A preview within a raw photo.
pub struct Preview<'a> {
    /// A JPEG file, and what follows it.
    pub jpeg: &'a [u8],
    /// How the raw photo is to be turned; a preview that says so itself is right.
    pub orientation: Orientation,
}

/// The preview of most pixels; `None` where all are small.
pub fn preview(bytes: &[u8]) -> Option<Preview<'_>> {
    let (mut best, mut segments): (Option<(u64, usize)>, usize) = (None, MAX_SEGMENTS);
    // Within a preview there are no others but its own thumbnail, which is smaller.
    for start in memmem::find_iter(bytes, b"\xff\xd8\xff").take(MAX_CANDIDATES) {
        let beginning = &bytes[start..bytes.len().min(start + MAX_BEFORE)];
        let Some(pixels) = preview_pixels(beginning, &mut segments) else { continue };
        if best.is_none_or(|(most, _)| pixels > most) {
            best = Some((pixels, start));
        }
    }
    let jpeg = best.and_then(|(_, start)| bytes.get(start..))?;
    Some(Preview { jpeg, orientation: orientation(bytes).unwrap_or(Orientation::NoTransforms) })
}

/// Width and height of the largest preview in the beginning of a file.
pub fn glance(beginning: &[u8]) -> Option<[u32; 2]> {
    preview(beginning).and_then(|preview| jpeg::size(preview.jpeg))
}

/// The pixels of a JPEG that is large enough, and one that is for looking at: raw pixels are stored as lossless JPEG.
fn preview_pixels(beginning: &[u8], segments: &mut usize) -> Option<u64> {
    let [width, height] = jpeg::size_of_lossy(beginning, segments)?;
    (width.max(height) >= MIN_SIDE && width.min(height) > 0).then(|| pixels_of([width, height]))
}

/// The orientation in the first directory: of the file, or of the one within Canon's box for it.
fn orientation(bytes: &[u8]) -> Option<Orientation> {
    if bytes.get(4..8) != Some(b"ftyp") {
        return ifd::exif_orientation(bytes);
    }
    let canon = boxes(first(bytes, b"moov")?).filter(|found| found.kind == *b"uuid");
    let mut metadata = canon.filter_map(|found| first(found.body.get(16..)?, b"CMT1"));
    ifd::exif_orientation(metadata.next()?)
}
