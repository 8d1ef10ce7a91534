//! Profile and orientation of WebP, GIF and BMP files, found without a decoder.

use std::borrow::Cow;

use image::metadata::Orientation;

use super::colour::{MAX_PROFILE_BYTES, Profile};
use super::container::Container;
use super::ifd::exif_orientation;
use super::pieces::Pieces;

fn icc(bytes: &[u8]) -> Option<Profile<'_>> {
    (bytes.len() <= MAX_PROFILE_BYTES).then_some(Profile::Icc(Cow::Borrowed(bytes)))
}

/// A WebP file: RIFF chunks.
pub fn webp(bytes: &[u8]) -> Container<'_> {
    let mut container = Container::plain(bytes);
    let len = bytes.get(4..8).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    container.cut = len.saturating_add(8) > bytes.len();
    let mut at = 12;
    while let Some(head) = bytes.get(at..at + 8) {
        let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let Some(data) = bytes.get(at + 8..).and_then(|rest| rest.get(..len)) else { break };
        match &head[..4] {
            b"ICCP" => container.profile = container.profile.take().or_else(|| icc(data)),
            b"EXIF" => container.orientation = exif_orientation(data).unwrap_or(Orientation::NoTransforms),
            b"ANIM" => container.animated = true,
            _ => {}
        }
        at += 8 + len + (len & 1);
    }
    container
}

/// A GIF file. Extensions before the first picture, but for those that control it, are kept from the decoder, which
/// would copy them.
pub fn gif(bytes: &[u8]) -> Container<'_> {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut container = Container { animated: true, ..Container::plain(bytes) };
    let Some(flags) = bytes.get(10) else { return container };
    let mut at = 13 + table(*flags);
    let mut pieces = Pieces::new(bytes);
    pieces.keep(0..at);
    while bytes.get(at) == Some(&0x21) {
        let Some((end, data)) = extension(bytes, at) else { return container };
        match bytes.get(at + 1) {
            Some(0xf9) => pieces.keep(at..end),
            Some(0xff) if bytes.get(at + 3..at + 14) == Some(b"ICCRGBG1012") => {
                container.profile = (data.len() <= MAX_PROFILE_BYTES).then_some(Profile::Icc(Cow::Owned(data)));
            }
            _ => {}
        }
        at = end;
    }
    pieces.keep(at..bytes.len());
    container.pieces = pieces;
    container
}

/// The end of an extension, and what its blocks after the first hold (as far as a profile could reach).
fn extension(bytes: &[u8], start: usize) -> Option<(usize, Vec<u8>)> {
    let (mut at, mut data, mut first) = (start + 2, Vec::new(), true);
    loop {
        let len = usize::from(*bytes.get(at)?);
        let block = bytes.get(at + 1..at + 1 + len)?;
        at += 1 + len;
        if len == 0 {
            return Some((at, data));
        }
        if !first && data.len() <= MAX_PROFILE_BYTES {
            data.extend(block);
        }
        first = false;
    }
}

/// A BMP file: the fifth version of its header may embed a profile.
pub fn bmp(bytes: &[u8]) -> Container<'_> {
    /// Where the header begins, and its length in the version that knows profiles.
    const HEADER: usize = 14;
    const FIFTH: u32 = 124;
    let number = |at: usize| bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let embedded = || {
        let is_embedded = number(HEADER)? >= FIFTH && bytes.get(HEADER + 56..HEADER + 60)? == b"DEBM";
        let start = HEADER + number(HEADER + 112)? as usize;
        let end = start.checked_add(number(HEADER + 116)? as usize)?;
        bytes.get(start..end).filter(|_| is_embedded).and_then(icc)
    };
    Container { profile: embedded(), ..Container::plain(bytes) }
}

/// Width and height of a BMP file with a header of Windows; its decoder calls large ones damaged.
pub fn bmp_size(bytes: &[u8]) -> Option<[u32; 2]> {
    let number = |at: usize| Some(i32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    (number(14)? >= 40).then_some([number(18)?.unsigned_abs(), number(22)?.unsigned_abs()])
}
