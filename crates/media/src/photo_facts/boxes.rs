//! Metadata in files made of boxes: HEIF and AVIF (ISO/IEC 23008-12 on ISO/IEC 14496-12), JPEG XL (ISO/IEC 18181-2) and
//! JPEG 2000 (ISO/IEC 15444-1).

use std::borrow::Cow;

use super::block_list::{Blocks, MAX_BLOCK};
use crate::headers::u32_be;

/// The most boxes on one level that are looked at.
const MAX_BOXES: usize = 10_000;
/// The most items of a file, and pieces of one item.
const MAX_ITEMS: usize = 10_000;

const XMP_UUID: &[u8] = b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac";
const IPTC_UUID: &[u8] = b"\x33\xc7\xa4\xd2\xb8\x1d\x47\x23\xa0\xba\xf1\xa3\xe0\x97\xad\x38";

/// The metadata in the boxes of a file.
pub fn find(bytes: &[u8]) -> Blocks<'_> {
    let mut blocks = Blocks::default();
    for (kind, body) in boxes(bytes) {
        match &kind {
            b"meta" => meta(bytes, body, &mut blocks),
            b"Exif" => blocks.exif.extend(exif_item(body.into())),
            b"xml " => blocks.xmp.push(body.into()),
            b"uuid" => match body.split_at_checked(16) {
                Some((XMP_UUID, xmp)) => blocks.xmp.push(xmp.into()),
                Some((b"JpgTiffExif->JP2", exif)) => blocks.exif.push(exif.into()),
                Some((IPTC_UUID, iptc)) => blocks.iptc.push(iptc.into()),
                _ => {}
            },
            // JPEG 2000: the header of the image is its first box.
            b"jp2h" => {
                let header = boxes(body).find(|(kind, _)| kind == b"ihdr").map(|(_, header)| header);
                let size = |header| u32_be(header, 4).zip(u32_be(header, 0)).map(Into::into);
                blocks.pixels = blocks.pixels.or_else(|| header.and_then(size));
            }
            _ => {}
        }
    }
    blocks
}

/// The beginning of a box.
pub struct BoxHead {
    /// What it holds.
    pub kind: [u8; 4],
    /// Where its content begins.
    pub body: usize,
    /// Bytes up to the next box.
    pub len: usize,
}

/// The box that begins here.
pub fn head(bytes: &[u8]) -> Option<BoxHead> {
    let (size, tail) = bytes.split_at_checked(8)?;
    let kind = [size[4], size[5], size[6], size[7]];
    let (body, len) = match u32_be(size, 0)? {
        // To the end of the file.
        0 => (8, bytes.len()),
        1 => (16, usize::try_from(u64::from(u32_be(tail, 0)?) << 32 | u64::from(u32_be(tail, 4)?)).ok()?),
        len => (8, len as usize),
    };
    (len >= body).then_some(BoxHead { kind, body, len })
}

/// Whether [`find`] looks at what is in a box.
pub fn has_metadata(kind: [u8; 4]) -> bool {
    matches!(&kind, b"meta" | b"Exif" | b"xml " | b"uuid" | b"jp2h")
}

/// Kinds and contents of a row of boxes.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let BoxHead { kind, body, len } = head(rest)?;
        let content = rest.get(body..len.min(rest.len()))?;
        rest = rest.get(len..).unwrap_or_default();
        Some((kind, content))
    })
    .take(MAX_BOXES)
}

/// A reader of numbers; each `None` ends what is read with it.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn number(&mut self, bytes: usize) -> Option<u64> {
        let (number, rest) = self.0.split_at_checked(bytes).filter(|_| bytes <= 8)?;
        self.0 = rest;
        Some(number.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    /// Version of a full box, whose flags are skipped.
    fn version(&mut self) -> Option<u64> {
        self.number(4).map(|number| number >> 24)
    }
}

/// What an item is.
enum ItemKind {
    Exif,
    Xmp,
}

/// The items of a HEIF or AVIF file: what they are is in one box, where they are in another.
fn meta<'a>(file: &'a [u8], body: &'a [u8], blocks: &mut Blocks<'a>) {
    let inner = body.get(4..).unwrap_or_default();
    let one = |kind: &[u8; 4]| boxes(inner).find(|(found, _)| found == kind).map(|(_, body)| body);
    let data = one(b"idat").unwrap_or_default();
    let kinds = one(b"iinf").map(items).unwrap_or_default();
    for (number, kind) in kinds {
        let Some(content) = one(b"iloc").and_then(|places| located(places, number, file, data)) else { continue };
        match kind {
            ItemKind::Exif => blocks.exif.extend(exif_item(content)),
            ItemKind::Xmp => blocks.xmp.push(content),
        }
    }
    let size = || primary_size(Fields(one(b"pitm")?), one(b"iprp")?);
    blocks.pixels = blocks.pixels.or_else(size);
}

/// The items that are metadata, at most a few.
fn items(body: &[u8]) -> Vec<(u64, ItemKind)> {
    let mut fields = Fields(body);
    let version = fields.version();
    let _count = fields.number(if version == Some(0) { 2 } else { 4 });
    boxes(fields.0).filter(|(kind, _)| kind == b"infe").filter_map(|(_, entry)| item(entry)).take(8).collect()
}

fn item(entry: &[u8]) -> Option<(u64, ItemKind)> {
    let mut fields = Fields(entry);
    let number_bytes = match fields.version()? {
        2 => 2,
        3 => 4,
        _ => return None,
    };
    let number = fields.number(number_bytes)?;
    let _protection = fields.number(2)?;
    let (kind, names) = fields.0.split_at_checked(4)?;
    match kind {
        b"Exif" => Some((number, ItemKind::Exif)),
        // A name, then the type of its content.
        b"mime" if names.split(|byte| *byte == 0).nth(1) == Some(b"application/rdf+xml") => {
            Some((number, ItemKind::Xmp))
        }
        _ => None,
    }
}

/// The content of an item, put together from its pieces in the file or in the box of data.
fn located<'a>(places: &[u8], wanted: u64, file: &'a [u8], data: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let (method, pieces) = pieces(places, wanted)?;
    let source = match method {
        0 => file,
        1 => data,
        _ => &[],
    };
    let mut content = Cow::default();
    for (start, length) in pieces {
        let rest = source.get(start..)?;
        append(&mut content, if length == 0 { rest } else { rest.get(..length)? })?;
    }
    Some(content)
}

/// Where the metadata of a HEIF or AVIF file are outside of its box `meta`: offsets and lengths.
pub fn places_of_items(meta: &[u8]) -> Vec<(usize, usize)> {
    let inner = meta.get(4..).unwrap_or_default();
    let one = |kind: &[u8; 4]| boxes(inner).find(|(found, _)| found == kind).map(|(_, body)| body);
    let (Some(kinds), Some(places)) = (one(b"iinf"), one(b"iloc")) else { return Vec::new() };
    let pieces = items(kinds).into_iter().filter_map(|(number, _)| pieces(places, number));
    let in_file = pieces.filter(|(method, _)| *method == 0).flat_map(|(_, pieces)| pieces);
    in_file.map(|(start, len)| (start, if len == 0 { MAX_BLOCK } else { len.min(MAX_BLOCK) })).collect()
}

/// How an item is located, and offset and length of each of its pieces (length 0: to the end).
fn pieces(places: &[u8], wanted: u64) -> Option<(u64, Vec<(usize, usize)>)> {
    let mut fields = Fields(places);
    let version = fields.version().filter(|version| *version <= 2)?;
    let sizes = fields.number(2)?;
    let size = |shift: u32| (sizes >> shift & 15) as usize;
    let (offset_bytes, length_bytes, base_bytes) = (size(12), size(8), size(4));
    let index_bytes = if version == 0 { 0 } else { size(0) };
    let number_bytes = if version == 2 { 4 } else { 2 };
    let count = fields.number(number_bytes)?;
    for _ in 0..count.min(MAX_ITEMS as u64) {
        let number = fields.number(number_bytes)?;
        let method = if version == 0 { 0 } else { fields.number(2)? & 15 };
        let _other_file = fields.number(2)?;
        let base = fields.number(base_bytes)?;
        let count = fields.number(2)?;
        let mut pieces = Vec::new();
        for _ in 0..count {
            let _index = fields.number(index_bytes)?;
            let (offset, length) = (fields.number(offset_bytes)?, fields.number(length_bytes)?);
            if number == wanted {
                let start = usize::try_from(base.checked_add(offset)?).ok()?;
                pieces.push((start, usize::try_from(length).ok()?));
            }
        }
        if number == wanted {
            return Some((method, pieces));
        }
    }
    None
}

fn append<'a>(whole: &mut Cow<'a, [u8]>, part: &'a [u8]) -> Option<()> {
    if whole.len() + part.len() > MAX_BLOCK {
        return None;
    }
    if whole.is_empty() {
        *whole = Cow::Borrowed(part);
    } else {
        whole.to_mut().extend(part);
    }
    Some(())
}

/// EXIF as an item begins with the offset of its TIFF header.
fn exif_item(content: Cow<'_, [u8]>) -> Option<Cow<'_, [u8]>> {
    let start = (u32_be(&content, 0)? as usize).checked_add(4)?;
    match content {
        Cow::Borrowed(bytes) => bytes.get(start..).map(Cow::Borrowed),
        Cow::Owned(bytes) => bytes.get(start..).map(|rest| Cow::Owned(rest.to_vec())),
    }
}

/// Width and height of the main item, which is a property that is linked to it.
fn primary_size(mut primary: Fields<'_>, properties: &[u8]) -> Option<[u32; 2]> {
    let primary_bytes = if primary.version()? == 0 { 2 } else { 4 };
    let primary = primary.number(primary_bytes)?;
    let one = |kind: &[u8; 4]| boxes(properties).find(|(found, _)| found == kind).map(|(_, body)| body);
    let all: Vec<_> = boxes(one(b"ipco")?).collect();
    let mut fields = Fields(one(b"ipma")?);
    let head = fields.number(4)?;
    let (version, wide) = (head >> 24, head & 1 == 1);
    let count = fields.number(4)?;
    for _ in 0..count.min(MAX_ITEMS as u64) {
        let item = fields.number(if version == 0 { 2 } else { 4 })?;
        for _ in 0..fields.number(1)? {
            let index = if wide { fields.number(2)? & 0x7fff } else { fields.number(1)? & 0x7f };
            let property = (index as usize).checked_sub(1).and_then(|index| all.get(index));
            if let Some((_, size)) = property.filter(|(kind, _)| item == primary && kind == b"ispe") {
                return u32_be(size, 4).zip(u32_be(size, 8)).map(Into::into);
            }
        }
    }
    None
}
