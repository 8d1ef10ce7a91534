//! EXIF (CIPA DC-008, version 3.0), and the tags of TIFF 6.0 and Windows that tell about a picture.

use vicinity_core::{GeoPosition, PhotoFacts};

use super::block_facts::{BlockFacts, above_zero, add, rating, rating_of_percent, whole};
use super::dates::{self, LocalTime};
use super::text;
use crate::picture::ifd::{Directories, IfdEntry};

/// Directories of tags, in the order in which they count.
struct Tags<'a> {
    big_endian: bool,
    /// The directory of the exposure, then the main one: writers have mistaken one for the other.
    photo: Vec<IfdEntry<'a>>,
    gps: Vec<IfdEntry<'a>>,
}

impl<'a> Tags<'a> {
    fn new(block: &'a [u8]) -> Option<Self> {
        let file = Directories::new(block.strip_prefix(b"Exif\0\0").unwrap_or(block))?;
        let (main, _) = file.directory(file.first()?)?;
        let below = |tag: u16| {
            let entry = main.iter().find(|entry| entry.tag == tag)?;
            file.directory(entry.number()?).map(|(entries, _)| entries)
        };
        let mut photo = below(0x8769).unwrap_or_default();
        let gps = below(0x8825).unwrap_or_default();
        photo.extend(main);
        Some(Self { big_endian: file.big_endian, photo, gps })
    }

    fn entry(&self, tag: u16) -> Option<&IfdEntry<'a>> {
        self.photo.iter().find(|entry| entry.tag == tag)
    }

    fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        self.entry(tag)?.bytes()
    }

    fn text(&self, tag: u16) -> Option<String> {
        text::unnamed(text::until_zero(self.bytes(tag)?))
    }

    /// A text of Windows, always in UTF-16 of this byte order.
    fn windows_text(&self, tag: u16) -> Option<String> {
        text::utf16(self.bytes(tag)?, false)
    }

    fn real(&self, tag: u16) -> Option<f64> {
        self.entry(tag)?.reals(1).first().copied().flatten()
    }

    fn time(&self, time: u16, fraction: u16, offset: u16) -> Option<LocalTime> {
        let time = dates::parse(&self.text(time)?)?;
        let time = self.text(fraction).map_or(time, |digits| dates::with_fraction(time, &digits));
        let offset = self.text(offset).and_then(|text| dates::offset(&text));
        Some(LocalTime { offset: offset.or(time.offset), ..time })
    }
}

/// What a block of EXIF, or the directories of a TIFF file, say.
pub fn read(block: &[u8]) -> BlockFacts {
    let Some(tags) = Tags::new(block) else { return BlockFacts::default() };
    let camera_maker = tags.text(0x010f);
    let camera_model = tags.text(0x0110);
    let is_photo = camera_maker.is_some() || camera_model.is_some();
    let mut keywords = Vec::new();
    for keyword in tags.windows_text(0x9c9e).iter().flat_map(|all| all.split(';')).filter_map(text::clean) {
        add(&mut keywords, &keyword);
    }
    let facts = PhotoFacts {
        camera_maker,
        camera_model,
        lens: tags.text(0xa434),
        focal_length_mm: above_zero(tags.real(0x920a)),
        focal_length_35mm: above_zero(tags.real(0xa405)),
        aperture: aperture(&tags),
        exposure_secs: exposure(&tags),
        iso: iso(&tags),
        orientation: tags.real(0x0112).and_then(orientation),
        position: position(&tags.gps),
        rating: tags.real(0x4746).and_then(rating).or_else(|| tags.real(0x4749).and_then(rating_of_percent)),
        keywords,
        title: tags.windows_text(0x9c9b),
        caption: tags.text(0x010e).or_else(|| tags.windows_text(0x9c9c)).or_else(|| comment(&tags)),
        creators: tags.text(0x013b).or_else(|| tags.windows_text(0x9c9d)).into_iter().collect(),
        software: tags.text(0x0131),
        ..PhotoFacts::default()
    };
    BlockFacts {
        facts,
        original: tags.time(0x9003, 0x9291, 0x9011),
        digitized: tags.time(0x9004, 0x9292, 0x9012),
        // Of pictures without a camera this is when a program saved them.
        written: tags.time(0x0132, 0x9290, 0x9010).filter(|_| is_photo),
    }
}

/// The number of an orientation that exists.
pub fn orientation(number: f64) -> Option<u8> {
    (1.0..=8.0).contains(&number).then_some(number as u8).filter(|whole| f64::from(*whole) == number)
}

/// The f-number, else from the aperture in APEX units.
fn aperture(tags: &Tags<'_>) -> Option<f64> {
    above_zero(tags.real(0x829d)).or_else(|| above_zero(Some((tags.real(0x9202)? / 2.0).exp2())))
}

/// The time, else from the shutter speed in APEX units.
fn exposure(tags: &Tags<'_>) -> Option<f64> {
    let of_speed = || above_zero(Some((-tags.real(0x9201)?).exp2())).filter(|secs| *secs <= 86_400.0);
    above_zero(tags.real(0x829a)).or_else(of_speed)
}

/// The speed; above 65,534 it is in a field of 32 bits: the standard output sensitivity, the recommended index or the speed.
fn iso(tags: &Tags<'_>) -> Option<u32> {
    let speed = whole(tags.real(0x8827));
    let wide = || [0x8832, 0x8831, 0x8833].into_iter().find_map(|tag| whole(tags.real(tag)));
    speed.filter(|speed| *speed < 65_535).or_else(wide).or(speed)
}

/// A comment, whose first eight bytes name its encoding.
fn comment(tags: &Tags<'_>) -> Option<String> {
    let (code, comment) = tags.bytes(0x9286)?.split_at_checked(8)?;
    match code {
        b"UNICODE\0" => {
            let zeros = |first: usize| comment.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
            // Writers disagree on the byte order; most characters have a zero first.
            let big_endian = match zeros(0).cmp(&zeros(1)) {
                std::cmp::Ordering::Equal => tags.big_endian,
                order => order.is_gt(),
            };
            text::utf16(comment, big_endian)
        }
        b"JIS\0\0\0\0\0" => {
            text::clean(&encoding_rs::ISO_2022_JP.decode(comment.get(..text::MAX_TEXT).unwrap_or(comment)).0)
        }
        b"ASCII\0\0\0" | b"\0\0\0\0\0\0\0\0" => {
            let comment = text::until_zero(comment);
            // Without a code some cameras store numbers here.
            let binary = comment.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace());
            text::unnamed(comment).filter(|_| !binary)
        }
        _ => None,
    }
}

/// Latitude and longitude with their hemispheres: without these they would be right in one quarter of the Earth only.
fn position(gps: &[IfdEntry<'_>]) -> Option<GeoPosition> {
    let entry = |tag: u16| gps.iter().find(|entry| entry.tag == tag);
    let degrees = |value: u16, reference: u16, hemispheres: [u8; 2]| {
        let letter = entry(reference)?.bytes()?.first()?.to_ascii_uppercase();
        let sign = if letter == hemispheres[0] { 1.0 } else { -1.0 };
        let parts = entry(value)?.reals(3);
        let part = |at: usize| parts.get(at).copied().flatten();
        let degrees = part(0)? + part(1).unwrap_or(0.0) / 60.0 + part(2).unwrap_or(0.0) / 3600.0;
        hemispheres.contains(&letter).then_some(sign * degrees)
    };
    let altitude = || {
        let metres = entry(6)?.reals(1).first().copied().flatten()?;
        let below_sea = entry(5).and_then(IfdEntry::number) == Some(1);
        Some(if below_sea { -metres } else { metres })
    };
    GeoPosition::new(degrees(2, 1, *b"NS")?, degrees(4, 3, *b"EW")?, altitude())
}
