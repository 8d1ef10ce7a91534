//! Metadata in files made of boxes.

use std::borrow::Cow;

use super::block_list::{Blocks, MAX_BLOCK};
use crate::boxes::items::{ItemLists, MetadataKind};
use crate::boxes::{boxes, first};
use crate::bytes::u32_be;

const XMP_UUID: &[u8] = b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac";
const IPTC_UUID: &[u8] = b"\x33\xc7\xa4\xd2\xb8\x1d\x47\x23\xa0\xba\xf1\xa3\xe0\x97\xad\x38";

/// The metadata in the boxes of a file.
pub fn find(bytes: &[u8]) -> Blocks<'_> {
    let mut blocks = Blocks::default();
    for found in boxes(bytes) {
        let body = found.body;
        match &found.kind {
            b"meta" => items(&ItemLists::new(bytes, body), &mut blocks),
            b"Exif" => blocks.exif.extend(exif_item(body.into())),
            b"xml " => blocks.xmp.push(body.into()),
            b"uuid" => match body.split_at_checked(16) {
                Some((XMP_UUID, xmp)) => blocks.xmp.push(xmp.into()),
                Some((b"JpgTiffExif->JP2", exif)) => blocks.exif.push(exif.into()),
                Some((IPTC_UUID, iptc)) => blocks.iptc.push(iptc.into()),
                _ => {}
            },
            // JPEG 2000.
            b"jp2h" => {
                let size = |header| u32_be(header, 4).zip(u32_be(header, 0)).map(Into::into);
                blocks.pixels = blocks.pixels.or_else(|| first(body, b"ihdr").and_then(size));
            }
            _ => {}
        }
    }
    blocks
}

/// Whether [`find`] looks at what is in a box.
pub fn has_metadata(kind: [u8; 4]) -> bool {
    matches!(&kind, b"meta" | b"Exif" | b"xml " | b"uuid" | b"jp2h")
}

/// Where the metadata of a HEIF or AVIF file are outside of its box `meta`: offsets and lengths.
pub fn places_of_items(meta: &[u8]) -> Vec<(usize, usize)> {
    let places = ItemLists::new(&[], meta).metadata_places();
    places.map(|(start, len)| (start, if len == 0 { MAX_BLOCK } else { len.min(MAX_BLOCK) })).collect()
}

/// The items of a HEIF or AVIF file.
fn items<'a>(lists: &ItemLists<'a>, blocks: &mut Blocks<'a>) {
    for (kind, content) in lists.metadata(MAX_BLOCK) {
        match kind {
            MetadataKind::Exif => blocks.exif.extend(exif_item(content)),
            MetadataKind::Xmp => blocks.xmp.push(content),
        }
    }
    blocks.pixels = blocks.pixels.or_else(|| lists.primary_size());
}

/// EXIF as an item begins with the offset of its TIFF header.
fn exif_item(content: Cow<'_, [u8]>) -> Option<Cow<'_, [u8]>> {
    let start = (u32_be(&content, 0)? as usize).checked_add(4)?;
    match content {
        Cow::Borrowed(bytes) => bytes.get(start..).map(Cow::Borrowed),
        Cow::Owned(bytes) => bytes.get(start..).map(|rest| Cow::Owned(rest.to_vec())),
    }
}
