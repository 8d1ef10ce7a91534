//! The items of a HEIF or AVIF file (ISO/IEC 14496-12, 8.11; ISO/IEC 23008-12, 6.5): what they are is in one list, where
//! they are in another. The lists are read entry by entry, so that damage of one does not lose the others.

use std::borrow::Cow;

use super::{Fields, boxes, first};
use crate::bytes::u32_be;

/// Maximum number of items of a file that are examined.
const MAX_ITEMS: usize = 10_000;
/// Maximum number of items that are metadata.
const MAX_METADATA: usize = 8;

/// What an item of metadata is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataKind {
    /// EXIF, behind the offset of its TIFF header.
    Exif,
    /// An XMP packet.
    Xmp,
}

/// The lists of a `meta` box.
#[derive(Debug, Clone, Copy)]
pub struct ItemLists<'a> {
    file: &'a [u8],
    lists: &'a [u8],
}

impl<'a> ItemLists<'a> {
    /// Those in the content of a `meta` box of a file.
    pub fn new(file: &'a [u8], meta: &'a [u8]) -> Self {
        Self { file, lists: meta.get(4..).unwrap_or_default() }
    }

    /// The boxes of the lists.
    pub fn row(&self) -> &'a [u8] {
        self.lists
    }

    /// The items that are metadata, and their content, which is put together where it is in parts. `longest`: those of
    /// more bytes in several parts are left out.
    pub fn metadata(&self, longest: usize) -> impl Iterator<Item = (MetadataKind, Cow<'a, [u8]>)> {
        let lists = *self;
        self.metadata_items().filter_map(move |(item, kind)| Some((kind, lists.content(item, longest)?)))
    }

    /// Where the items that are metadata are in the file: offset and length of each part; a length of 0 is up to the end.
    pub fn metadata_places(&self) -> impl Iterator<Item = (usize, usize)> + use<'a> {
        let lists = *self;
        let locations = self.metadata_items().filter_map(move |(item, _)| lists.location(item));
        locations.filter(|location| location.method == 0).flat_map(|location| {
            let base = location.base;
            let parts: Vec<_> = location.extents().take(MAX_ITEMS).collect();
            let place = move |(start, len): (u64, u64)| {
                Some((usize::try_from(base.checked_add(start)?).ok()?, usize::try_from(len).ok()?))
            };
            parts.into_iter().filter_map(place)
        })
    }

    fn metadata_items(&self) -> impl Iterator<Item = (u64, MetadataKind)> + use<'a> {
        let list = first(self.lists, b"iinf").unwrap_or_default();
        let mut fields = Fields(list);
        let size = if fields.version() == Some(0) { 2 } else { 4 };
        let _count = fields.number(size);
        boxes(fields.0)
            .filter(|entry| entry.kind == *b"infe")
            .filter_map(|entry| metadata_item(entry.body))
            .take(MAX_METADATA)
    }

    fn location(&self, item: u64) -> Option<Location<'a>> {
        locations(first(self.lists, b"iloc")?).take(MAX_ITEMS).find(|found| found.item == item)
    }

    /// The content of an item.
    fn content(&self, item: u64, longest: usize) -> Option<Cow<'a, [u8]>> {
        let location = self.location(item)?;
        let source = match location.method {
            0 => self.file,
            1 => first(self.lists, b"idat")?,
            _ => return None,
        };
        let mut content = Cow::default();
        for (start, len) in location.extents() {
            let rest = source.get(usize::try_from(location.base.checked_add(start)?).ok()?..)?;
            let part = if len == 0 { rest } else { rest.get(..usize::try_from(len).ok()?)? };
            append(&mut content, part, longest)?;
        }
        Some(content)
    }

    /// The most parts of any item.
    pub fn most_extents(&self) -> u64 {
        let lists = boxes(self.lists).filter(|found| found.kind == *b"iloc");
        lists.flat_map(|list| locations(list.body)).map(|location| location.count).max().unwrap_or(0)
    }

    /// Width and height of the main item as stored, which is a property that is linked to it.
    pub fn primary_size(&self) -> Option<[u32; 2]> {
        let mut primary = Fields(first(self.lists, b"pitm")?);
        let size = if primary.version()? == 0 { 2 } else { 4 };
        let primary = primary.number(size)?;
        let properties = first(self.lists, b"iprp")?;
        let all: Vec<_> = boxes(first(properties, b"ipco")?).collect();
        let mut fields = Fields(first(properties, b"ipma")?);
        let head = fields.number(4)?;
        let (version, wide) = (head >> 24, head & 1 == 1);
        let count = fields.number(4)?;
        for _ in 0..count.min(MAX_ITEMS as u64) {
            let item = fields.number(if version == 0 { 2 } else { 4 })?;
            for _ in 0..fields.number(1)? {
                let index = if wide { fields.number(2)? & 0x7fff } else { fields.number(1)? & 0x7f };
                let property = (index as usize).checked_sub(1).and_then(|index| all.get(index));
                if let Some(size) = property.filter(|property| item == primary && property.kind == *b"ispe") {
                    return u32_be(size.body, 4).zip(u32_be(size.body, 8)).map(Into::into);
                }
            }
        }
        None
    }
}

/// Number and kind of an item, where it is metadata.
fn metadata_item(entry: &[u8]) -> Option<(u64, MetadataKind)> {
    let mut fields = Fields(entry);
    let size = match fields.version()? {
        2 => 2,
        3 => 4,
        _ => return None,
    };
    let item = fields.number(size)?;
    let _protection = fields.number(2)?;
    match fields.bytes(4)? {
        b"Exif" => Some((item, MetadataKind::Exif)),
        // A name, then the type of its content.
        b"mime" if fields.0.split(|byte| *byte == 0).nth(1) == Some(b"application/rdf+xml") => {
            Some((item, MetadataKind::Xmp))
        }
        _ => None,
    }
}

/// Where an item is.
struct Location<'a> {
    item: u64,
    /// From what it is taken: 0 from the file, 1 from the box of data, 2 from other items.
    method: u64,
    base: u64,
    /// Number of its parts.
    count: u64,
    /// Bytes of the index, offset and length of a part.
    sizes: [usize; 3],
    parts: Fields<'a>,
}

impl Location<'_> {
    /// Offsets and lengths of its parts; a length of 0 is up to the end.
    fn extents(&self) -> impl Iterator<Item = (u64, u64)> {
        let (mut parts, [index, offset, length]) = (self.parts, self.sizes);
        (0..self.count).map_while(move |_| {
            let _index = parts.number(index)?;
            Some((parts.number(offset)?, parts.number(length)?))
        })
    }
}

/// The entries of the list of locations, up to the first that is damaged.
fn locations(list: &[u8]) -> impl Iterator<Item = Location<'_>> {
    let head = || {
        let mut fields = Fields(list);
        let version = fields.version().filter(|version| *version <= 2)?;
        let sizes = fields.number(2)?;
        let item_size = if version == 2 { 4 } else { 2 };
        Some((version, sizes, item_size, fields.number(item_size)?, fields))
    };
    head().into_iter().flat_map(|(version, sizes, item_size, count, mut fields)| {
        let size = move |shift: u32| (sizes >> shift & 15) as usize;
        let sizes = [if version == 0 { 0 } else { size(0) }, size(12), size(8)];
        (0..count).map_while(move |_| {
            let item = fields.number(item_size)?;
            let method = if version == 0 { 0 } else { fields.number(2)? & 15 };
            let _other_file = fields.number(2)?;
            let base = fields.number(size(4))?;
            let count = fields.number(2)?;
            let parts = Fields(fields.bytes(count as usize * sizes.iter().sum::<usize>())?);
            Some(Location { item, method, base, count, sizes, parts })
        })
    })
}

fn append<'a>(whole: &mut Cow<'a, [u8]>, part: &'a [u8], longest: usize) -> Option<()> {
    if whole.is_empty() {
        *whole = Cow::Borrowed(part);
        return Some(());
    }
    if whole.len() + part.len() > longest {
        return None;
    }
    whole.to_mut().extend(part);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_without_bytes_are_counted() {
        // Sizes of no bytes: each of the two items claims 65,535 parts in six bytes.
        let list = b"\0\0\0\x14iloc\0\0\0\0\0\0\0\x02\0\x01\0\0\xff\xff\0\x02\0\0\xff\xff";
        let mut row = list.to_vec();
        row[3] = list.len() as u8;
        let meta = [&[0; 4][..], &row].concat();
        assert_eq!(ItemLists::new(&[], &meta).most_extents(), 65_535);
    }
}
