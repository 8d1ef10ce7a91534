//! The segments of a JPEG file, scanned without decoding.

use std::borrow::Cow;

use image::ImageFormat;
use image::metadata::Orientation;

use super::super::colour::{MAX_PROFILE_BYTES, Profile};
use super::super::container::Container;
use super::super::ifd::exif_orientation;
use super::super::pieces::Pieces;
use super::header::{Component, Frame, Jpeg};
use crate::error::PictureError;
use crate::formats::PictureFormat;

const DAMAGED: PictureError = PictureError::Damaged { format: PictureFormat::Common(ImageFormat::Jpeg) };

/// Reads a file segment by segment.
pub struct SegmentWalk<'a> {
    bytes: &'a [u8],
    at: usize,
    pieces: Pieces<'a>,
    /// What the frame header says, once it was met.
    pub frame: Option<Frame>,
    jfif: bool,
    adobe: Option<u8>,
    orientation: Option<Orientation>,
    /// Number, count and bytes of the profile's segments.
    profile: Vec<(u8, u8, &'a [u8])>,
    first_scan: usize,
    scans: usize,
    ended: bool,
    sent: [u64; 4],
}

impl<'a> SegmentWalk<'a> {
    /// At the beginning.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut pieces = Pieces::new(bytes);
        pieces.keep(0..2);
        Self {
            bytes,
            at: 2,
            pieces,
            frame: None,
            jfif: false,
            adobe: None,
            orientation: None,
            profile: Vec::new(),
            first_scan: 0,
            scans: 0,
            ended: false,
            sent: [0; 4],
        }
    }

    /// Whether coded pixels were met.
    pub fn has_scan(&self) -> bool {
        self.scans > 0
    }

    /// Advances by one segment; false at the end.
    pub fn step(&mut self) -> bool {
        // Whatever stands between two segments is skipped, as libjpeg does.
        let Some(start) = memchr::memchr(0xff, self.bytes.get(self.at..).unwrap_or_default()) else { return false };
        let start = self.at + start;
        let Some(marker) = self.bytes.get(start + 1) else { return false };
        self.at = start + 2;
        match marker {
            0xff => self.at = start + 1,
            // Standing alone, or not a marker.
            0 | 0x01 | 0xd0..=0xd8 => {}
            0xd9 => {
                // Before the first scan there is nothing that could end.
                self.ended = self.scans > 0;
                return !self.ended;
            }
            _ => return self.segment(start, *marker),
        }
        true
    }

    fn segment(&mut self, start: usize, marker: u8) -> bool {
        let len = self.bytes.get(self.at..self.at + 2).map_or(0, |b| usize::from(u16::from_be_bytes([b[0], b[1]])));
        let (from, end) = (self.at + 2, self.at + len);
        let Some(body) = self.bytes.get(from..end) else {
            // Shorter than its own length: skipped. Longer than the file: the end.
            self.at = from;
            return len < 2 && from < self.bytes.len();
        };
        self.at = end;
        if self.take(marker, body) {
            self.pieces.keep(start..end);
        }
        if marker == 0xda {
            let scan = scan_end(self.bytes, end);
            self.pieces.keep(end..scan);
            self.at = scan;
        }
        true
    }

    /// Takes what is of use from a segment; whether the decoder has to see it, too.
    fn take(&mut self, marker: u8, body: &'a [u8]) -> bool {
        match marker {
            0xe0 => {
                self.jfif |= body.starts_with(b"JFIF\0");
                // Frames of films leave the Huffman tables out.
                return body.starts_with(b"AVI1\0");
            }
            0xe1 if body.starts_with(b"Exif\0\0") => {
                self.orientation = self.orientation.or_else(|| exif_orientation(body));
            }
            0xe2 => {
                if let Some([number, count, data @ ..]) = body.strip_prefix(b"ICC_PROFILE\0") {
                    self.profile.push((*number, *count, data));
                }
            }
            // Its last byte is the colour transform; decoders fail at others than these.
            0xee if body.len() >= 12 && body.starts_with(b"Adobe") => {
                self.adobe = Some(body[11]);
                return body[11] <= 2;
            }
            0xc4 | 0xc8 | 0xcc => {}
            0xc0..=0xcf | 0xf7 if self.frame.is_none() => self.frame = frame(marker, body),
            0xda => self.scan(body),
            _ => {}
        }
        !matches!(marker, 0xe0..=0xef | 0xfe)
    }

    fn scan(&mut self, body: &[u8]) {
        let count = body.first().map_or(0, |count| usize::from(*count));
        if self.scans == 0 {
            self.first_scan = count;
        }
        self.scans += 1;
        let Some([from, to, bits]) = body.get(1 + 2 * count..4 + 2 * count) else { return };
        if bits & 15 != 0 || *to > 63 || from > to {
            return;
        }
        let coefficients = (u64::MAX >> (63 - to)) & (u64::MAX << from);
        let components = self.frame.iter().flat_map(|frame| &frame.components);
        for (component, sent) in components.zip(&mut self.sent) {
            if body[1..=2 * count].iter().step_by(2).any(|id| *id == component.id) {
                *sent |= coefficients;
            }
        }
    }

    /// The result of the scan.
    ///
    /// # Errors
    /// When there is no frame header or no scan.
    pub fn finish(mut self) -> Result<Jpeg<'a>, PictureError> {
        let frame = self.frame.take();
        if self.scans == 0 && !self.ended {
            return Err(if frame.is_some() { PictureError::CutShort } else { DAMAGED });
        }
        let frame = frame.ok_or(DAMAGED)?;
        if self.ended {
            self.pieces.add(vec![0xff, 0xd9]);
        }
        let container = Container {
            pieces: self.pieces,
            profile: icc(&mut self.profile),
            orientation: self.orientation.unwrap_or(Orientation::NoTransforms),
            ..Container::plain(self.bytes)
        };
        let Self { jfif, adobe, first_scan, scans, ended, sent, .. } = self;
        Ok(Jpeg { container, frame, jfif, adobe, first_scan, scans, ended, sent })
    }
}

/// Where the coded pixels end that begin at `from`: at the next marker but those of restarts.
fn scan_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(found) = memchr::memchr(0xff, bytes.get(at..).unwrap_or_default()) {
        let start = at + found;
        match bytes.get(start + 1) {
            None => break,
            Some(0 | 0xd0..=0xd7) => at = start + 2,
            Some(0xff) => at = start + 1,
            Some(_) => return start,
        }
    }
    bytes.len()
}

fn frame(marker: u8, body: &[u8]) -> Option<Frame> {
    let [precision, h0, h1, w0, w1, count, components @ ..] = body else { return None };
    let component = |bytes: &[u8]| Component { id: bytes[0], sampling: (bytes[1] >> 4, bytes[1] & 15) };
    let components: Vec<_> = components.chunks_exact(3).take(usize::from(*count)).map(component).collect();
    (components.len() == usize::from(*count)).then(|| Frame {
        marker,
        precision: *precision,
        size: [u16::from_be_bytes([*w0, *w1]), u16::from_be_bytes([*h0, *h1])],
        components,
    })
}

/// The profile, put together from its segments; `None` where one is missing.
fn icc<'a>(segments: &mut [(u8, u8, &'a [u8])]) -> Option<Profile<'a>> {
    segments.sort_by_key(|(number, ..)| *number);
    let numbered = segments
        .iter()
        .zip(1u32..)
        .all(|((number, count, _), wanted)| u32::from(*number) == wanted && usize::from(*count) == segments.len());
    let bytes: usize = segments.iter().map(|(.., data)| data.len()).sum();
    match segments {
        [] => None,
        // Writers of one segment have been seen to number it from 0.
        [(.., data)] => (bytes <= MAX_PROFILE_BYTES).then_some(Profile::Icc(Cow::Borrowed(data))),
        _ if !numbered || bytes > MAX_PROFILE_BYTES => None,
        _ => Some(Profile::Icc(Cow::Owned(segments.iter().flat_map(|(.., data)| data.iter().copied()).collect()))),
    }
}
