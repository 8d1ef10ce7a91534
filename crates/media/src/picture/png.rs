//! PNG and APNG: what of a file is its picture. Decoders are shown the pixels' own chunks only, so no text or profile
//! is inflated before its size is known, a wrong checksum of one does not matter, and a missing end is no loss.

use std::borrow::Cow;
use std::io::Read;

use image::metadata::Orientation;

use super::colour::{MAX_PROFILE_BYTES, Profile};
use super::container::Container;
use super::ifd::exif_orientation;
use super::pieces::Pieces;
use crate::error::PictureError;

/// The first bytes of every PNG.
pub const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A part of the file.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'a> {
    /// What it holds.
    pub kind: [u8; 4],
    /// Its content, as far as it is in the file.
    pub data: &'a [u8],
    /// Where it starts, length first.
    start: usize,
    /// Whether all of it is in the file, its checksum too.
    whole: bool,
}

impl Chunk<'_> {
    fn end(&self) -> usize {
        self.start + 12 + self.data.len()
    }

    /// Whether decoders need it: all that is critical, transparency, and the frames of an animation.
    fn is_needed(&self) -> bool {
        let critical = self.kind[0].is_ascii_uppercase();
        critical || matches!(&self.kind, b"tRNS" | b"acTL" | b"fcTL" | b"fdAT")
    }
}

/// The parts of a file in order, behind its signature.
pub fn chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut start = SIGNATURE.len();
    std::iter::from_fn(move || {
        let head = bytes.get(start..start + 8)?;
        let len = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let rest = bytes.get(start + 8..)?;
        let data = &rest[..len.min(rest.len())];
        let whole = rest.len() >= len.saturating_add(4);
        let chunk = Chunk { kind: [head[4], head[5], head[6], head[7]], data, start, whole };
        start = if whole { chunk.end() } else { bytes.len() };
        Some(chunk)
    })
}

/// Width and height, where the beginning has them.
pub fn size(bytes: &[u8]) -> Option<[u32; 2]> {
    let header = chunks(bytes).next().filter(|chunk| &chunk.kind == b"IHDR")?.data;
    let side = |at: usize| header.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    Some([side(0)?, side(4)?])
}

/// Scans the file.
///
/// # Errors
/// When the file ends before any pixels.
pub fn open(bytes: &[u8]) -> Result<Container<'_>, PictureError> {
    let mut pieces = Pieces::new(bytes);
    pieces.keep(0..SIGNATURE.len());
    let mut colour = Colour::default();
    let (mut orientation, mut animated, mut first_is_frame, mut pixels) = (None, false, false, false);
    let mut ended = false;
    for chunk in chunks(bytes) {
        match &chunk.kind {
            b"IEND" => {
                ended = true;
                break;
            }
            b"IDAT" => pixels = true,
            b"acTL" => animated = true,
            b"fcTL" if !pixels => first_is_frame = true,
            b"eXIf" => orientation = orientation.or_else(|| exif_orientation(chunk.data)),
            _ if !pixels => colour.take(&chunk),
            _ => {}
        }
        if chunk.whole && chunk.is_needed() {
            pieces.keep(chunk.start..chunk.end());
        } else if &chunk.kind == b"IDAT" || &chunk.kind == b"fdAT" {
            // What there is of the last pixels; whether they are all is the decoder's to say.
            pieces.add(sealed(chunk.kind, chunk.data));
        }
    }
    if !pixels {
        return Err(PictureError::CutShort);
    }
    pieces.add(sealed(*b"IEND", &[]));
    Ok(Container {
        pieces,
        profile: colour.profile(),
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        animated,
        hidden_first: animated && !first_is_frame,
        cut: !ended,
        ..Container::plain(bytes)
    })
}

/// A chunk with its length and checksum.
fn sealed(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = Vec::with_capacity(12 + data.len());
    chunk.extend((data.len() as u32).to_be_bytes());
    chunk.extend(kind);
    chunk.extend(data);
    chunk.extend(crc32fast::hash(&chunk[4..]).to_be_bytes());
    chunk
}

/// What the chunks before the pixels say about colours.
#[derive(Default)]
struct Colour<'a> {
    icc: Option<&'a [u8]>,
    srgb: bool,
    code_points: Option<[u8; 4]>,
    gamma: Option<u32>,
    primaries: Option<[u32; 8]>,
}

impl<'a> Colour<'a> {
    fn take(&mut self, chunk: &Chunk<'a>) {
        let numbers = |bytes: &[u8]| -> Vec<u32> {
            bytes.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]])).collect()
        };
        match &chunk.kind {
            b"iCCP" => self.icc = self.icc.or(Some(chunk.data)),
            b"sRGB" => self.srgb = true,
            b"cICP" => self.code_points = chunk.data.try_into().ok(),
            b"gAMA" if chunk.data.len() == 4 => self.gamma = numbers(chunk.data).first().copied(),
            b"cHRM" if chunk.data.len() == 32 => self.primaries = numbers(chunk.data).try_into().ok(),
            _ => {}
        }
    }

    /// In the order of precedence of the PNG specification, third edition, section 4.3.
    fn profile(self) -> Option<Profile<'a>> {
        if let Some(points) = self.code_points {
            return Some(Profile::CodePoints(points));
        }
        if let Some(profile) = self.icc.and_then(inflated) {
            return Some(Profile::Icc(Cow::Owned(profile)));
        }
        let gamma = self.gamma.filter(|_| !self.srgb)?;
        Some(Profile::Gamma { gamma, primaries: self.primaries })
    }
}

/// The profile in an `iCCP` chunk: a name that ends with 0, a method, and then the deflated profile. `None` where it
/// is broken, or larger than any profile need be.
fn inflated(chunk: &[u8]) -> Option<Vec<u8>> {
    let name = chunk.iter().take(80).position(|byte| *byte == 0)?;
    let deflated = chunk.get(name + 1..).and_then(|rest| rest.strip_prefix(&[0]))?;
    let mut profile = Vec::new();
    let inflater = flate2::read::ZlibDecoder::new(deflated);
    inflater.take(MAX_PROFILE_BYTES as u64 + 1).read_to_end(&mut profile).ok()?;
    (profile.len() <= MAX_PROFILE_BYTES).then_some(profile)
}
