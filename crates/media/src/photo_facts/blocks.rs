//! Where the files of each format keep their metadata. Blocks are borrowed from the file wherever they are stored in one
//! piece.

use std::borrow::Cow;

use super::block_list::{Blocks, MAX_BLOCK};
use super::{boxes, photoshop, png_text};
use crate::bytes::u32_be;
use crate::picture::ifd::{Directories, IfdEntry};
use crate::picture::png;

/// The most segments or chunks of a file that are looked at.
const MAX_PARTS: usize = 100_000;

/// The metadata in a file of any format; empty for formats that have none.
pub fn find(bytes: &[u8]) -> Blocks<'_> {
    match bytes {
        [0xff, 0xd8, ..] => jpeg(bytes),
        _ if bytes.starts_with(png::SIGNATURE) => png_text::find(bytes),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => webp(bytes),
        [b'8', b'B', b'P', b'S', ..] => photoshop_file(bytes),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', w0, w1, h0, h1, ..] => {
            let side = |low: &u8, high: &u8| u32::from(u16::from_le_bytes([*low, *high]));
            Blocks { pixels: Some([side(w0, w1), side(h0, h1)]), ..Blocks::default() }
        }
        _ if Directories::new(bytes).is_some() => tiff(bytes),
        _ => boxes::find(bytes),
    }
}

/// A JPEG file, up to its first pixels.
fn jpeg(bytes: &[u8]) -> Blocks<'_> {
    let mut blocks = Blocks::default();
    let mut photoshop: Cow<[u8]> = Cow::default();
    let mut extended = ExtendedXmp::default();
    for (marker, body) in segments(bytes).take(MAX_PARTS) {
        match marker {
            0xe1 => exif_or_xmp(body, &mut blocks, &mut extended),
            0xed => {
                if let Some(resources) = body.strip_prefix(b"Photoshop 3.0\0") {
                    // Resources may go on in the next segment, in the middle of one.
                    append(&mut photoshop, resources);
                }
            }
            0xc4 | 0xc8 | 0xcc => {}
            0xc0..=0xcf => {
                if let ([_, h0, h1, w0, w1, ..], None) = (body, blocks.pixels) {
                    let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
                    blocks.pixels = Some([side(*w0, *w1), side(*h0, *h1)]);
                }
            }
            _ => {}
        }
    }
    photoshop::take(photoshop, &mut blocks);
    blocks.xmp.extend(extended.joined().map(Cow::Owned));
    blocks
}

fn append<'a>(whole: &mut Cow<'a, [u8]>, part: &'a [u8]) {
    if whole.is_empty() {
        *whole = Cow::Borrowed(part);
    } else if whole.len() + part.len() <= MAX_BLOCK {
        whole.to_mut().extend(part);
    }
}

fn exif_or_xmp<'a>(body: &'a [u8], blocks: &mut Blocks<'a>, extended: &mut ExtendedXmp<'a>) {
    if let Some(exif) = body.strip_prefix(b"Exif\0").and_then(|rest| rest.get(1..)) {
        match blocks.exif.last_mut() {
            // Blocks over 64 KiB go on in the next segment.
            Some(last) if Directories::new(exif).is_none() => append(last, exif),
            _ => blocks.exif.push(exif.into()),
        }
    } else if let Some(xmp) = behind_xmp_name(body) {
        blocks.xmp.push(xmp.into());
    } else if let Some(part) = body.strip_prefix(b"http://ns.adobe.com/xmp/extension/\0") {
        extended.take(part);
    }
}

/// What follows the name of XMP's segment, whose first letters some programs have overwritten (`XMP\0://ns.adobe.com…`).
fn behind_xmp_name(body: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"://ns.adobe.com/xap/1.0/\0";
    body.get(4..)?.strip_prefix(NAME)
}

/// An XMP packet over 64 KiB (XMP specification part 3, 1.1.3.1): pieces with a name, a length and an offset.
#[derive(Default)]
struct ExtendedXmp<'a> {
    name: &'a [u8],
    length: usize,
    pieces: Vec<(usize, &'a [u8])>,
}

impl<'a> ExtendedXmp<'a> {
    fn take(&mut self, part: &'a [u8]) {
        let Some((name, rest)) = part.split_at_checked(32) else { return };
        let (Some(length), Some(offset), Some(piece)) = (u32_be(rest, 0), u32_be(rest, 4), rest.get(8..)) else {
            return;
        };
        if self.pieces.is_empty() {
            (self.name, self.length) = (name, length as usize);
        }
        if name == self.name {
            self.pieces.push((offset as usize, piece));
        }
    }

    /// The packet, if no piece is missing.
    fn joined(mut self) -> Option<Vec<u8>> {
        self.pieces.sort_unstable_by_key(|(offset, _)| *offset);
        let mut packet = Vec::new();
        for (offset, piece) in self.pieces {
            if offset != packet.len() || offset + piece.len() > MAX_BLOCK {
                return None;
            }
            packet.extend(piece);
        }
        (!packet.is_empty() && packet.len() == self.length).then_some(packet)
    }
}

/// Markers and contents of a JPEG's segments before its pixels.
fn segments(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut at = 2;
    std::iter::from_fn(move || {
        loop {
            // Whatever stands between two segments is skipped, as decoders do.
            at += memchr::memchr(0xff, bytes.get(at..)?)?;
            let marker = *bytes.get(at + 1)?;
            match marker {
                0xff => at += 1,
                0 | 0x01 | 0xd0..=0xd8 => at += 2,
                0xd9 | 0xda => return None,
                _ => {
                    let len = usize::from(u16::from_be_bytes(bytes.get(at + 2..at + 4)?.try_into().ok()?));
                    let body = bytes.get(at + 4..).and_then(|rest| rest.get(..len.checked_sub(2)?));
                    at += 2 + len.max(2);
                    match body {
                        Some(body) => return Some((marker, body)),
                        // Too short for its own length, or longer than the file.
                        None if len >= 2 => return None,
                        None => {}
                    }
                }
            }
        }
    })
}

/// Where the marker before the first pixels of a JPEG is; `None` where it is not in these bytes.
pub fn scan_start(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        at += memchr::memchr(0xff, bytes.get(at..)?)?;
        match *bytes.get(at + 1)? {
            0xff => at += 1,
            0 | 0x01 | 0xd0..=0xd8 => at += 2,
            0xd9 | 0xda => return Some(at),
            _ => at += 2 + usize::from(u16::from_be_bytes(bytes.get(at + 2..at + 4)?.try_into().ok()?)).max(2),
        }
    }
}

/// A WebP file: RIFF chunks.
fn webp(bytes: &[u8]) -> Blocks<'_> {
    let mut blocks = Blocks::default();
    let mut at = 12;
    for _ in 0..MAX_PARTS {
        let Some([a, b, c, d, l0, l1, l2, l3]) = bytes.get(at..at + 8) else { break };
        let len = u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize;
        let Some(data) = bytes.get(at + 8..).map(|rest| rest.get(..len).unwrap_or(rest)) else { break };
        match &[*a, *b, *c, *d] {
            b"EXIF" => blocks.exif.push(data.into()),
            b"XMP " => blocks.xmp.push(data.into()),
            kind => blocks.pixels = blocks.pixels.or_else(|| webp_size(*kind, data)),
        }
        let Some(next) = at.checked_add(8 + len + (len & 1)) else { break };
        at = next;
    }
    blocks
}

/// Width and height in the chunk of the canvas, or of the only picture.
fn webp_size(kind: [u8; 4], data: &[u8]) -> Option<[u32; 2]> {
    let number = |at: usize, bytes: usize| {
        let bytes = data.get(at..at + bytes)?;
        Some(bytes.iter().rev().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte)))
    };
    match &kind {
        b"VP8X" => Some([number(4, 3)? + 1, number(7, 3)? + 1]),
        b"VP8L" if data.first() == Some(&0x2f) => {
            let sides = number(1, 4)?;
            Some([(sides & 0x3fff) + 1, (sides >> 14 & 0x3fff) + 1])
        }
        b"VP8 " if data.get(3..6) == Some(b"\x9d\x01\x2a") => Some([number(6, 2)? & 0x3fff, number(8, 2)? & 0x3fff]),
        _ => None,
    }
}

/// A TIFF file, or a raw photo that is one: all metadata are values of its first directory.
fn tiff(bytes: &[u8]) -> Blocks<'_> {
    let mut blocks = Blocks { exif: vec![bytes.into()], ..Blocks::default() };
    let directory = || {
        let file = Directories::new(bytes)?;
        file.directory(file.first()?).map(|(entries, _)| entries)
    };
    let entries = directory().unwrap_or_default();
    let entry = |tag: u16| entries.iter().find(|entry| entry.tag == tag);
    let value = |tag: u16| entry(tag).and_then(IfdEntry::bytes);
    let side = |tag: u16| entry(tag).and_then(IfdEntry::number).and_then(|side| u32::try_from(side).ok());
    blocks.pixels = side(256).zip(side(257)).map(Into::into);
    blocks.xmp.extend(value(700).map(Cow::Borrowed));
    blocks.iptc.extend(value(33_723).map(Cow::Borrowed));
    if let Some(resources) = value(34_377) {
        photoshop::take(resources.into(), &mut blocks);
    }
    blocks
}

/// A Photoshop file: a header, a colour table, then resources.
fn photoshop_file(bytes: &[u8]) -> Blocks<'_> {
    let mut blocks = Blocks { pixels: u32_be(bytes, 18).zip(u32_be(bytes, 14)).map(Into::into), ..Blocks::default() };
    let resources = || {
        let colours = u32_be(bytes, 26)? as usize;
        let at = 30usize.checked_add(colours)?;
        let len = u32_be(bytes, at)? as usize;
        bytes.get(at + 4..)?.get(..len)
    };
    if let Some(resources) = resources() {
        photoshop::take(resources.into(), &mut blocks);
    }
    blocks
}
