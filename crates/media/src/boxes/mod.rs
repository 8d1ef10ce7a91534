//! Files made of boxes: HEIF and AVIF (ISO/IEC 23008-12 on ISO/IEC 14496-12), JPEG XL (ISO/IEC 18181-2), JPEG 2000
//! (ISO/IEC 15444-1) and Canon's raw photos. Nothing is allocated from counts in the file.

pub mod items;

use crate::bytes::u32_be;

/// Maximum number of boxes of one row that are examined.
const MAX_BOXES: usize = 10_000;

/// One box of a row.
#[derive(Debug, Clone, Copy)]
pub struct Boxed<'a> {
    /// Its type.
    pub kind: [u8; 4],
    /// What follows its header, as far as the file has it; that of a `uuid` box begins with its 16 bytes of identity.
    pub body: &'a [u8],
    /// Where it says that it ends, from the start of the row.
    pub end: usize,
    /// Whether the row has all of it.
    pub is_whole: bool,
}

/// The header of a box.
#[derive(Debug, Clone, Copy)]
pub struct BoxHead {
    /// Its type.
    pub kind: [u8; 4],
    /// Bytes of the header.
    pub body: usize,
    /// Bytes of the whole box, as it says.
    pub len: usize,
}

/// The header of the box that begins here; one without a length reaches to the end.
pub fn head(rest: &[u8]) -> Option<BoxHead> {
    let kind = *rest.get(4..)?.first_chunk()?;
    let (body, len) = match u32_be(rest, 0)? {
        0 => (8, rest.len()),
        1 => (16, usize::try_from(u64::from(u32_be(rest, 8)?) << 32 | u64::from(u32_be(rest, 12)?)).ok()?),
        len => (8, len as usize),
    };
    (len >= body).then_some(BoxHead { kind, body, len })
}

/// A row of boxes; only the last one may be cut.
pub fn boxes(row: &[u8]) -> impl Iterator<Item = Boxed<'_>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = row.get(start..)?;
        let BoxHead { kind, body, len } = head(rest)?;
        let body = rest.get(body..len.min(rest.len()))?;
        let end = start.saturating_add(len);
        start = end;
        Some(Boxed { kind, body, end, is_whole: len <= rest.len() })
    })
    .take(MAX_BOXES)
}

/// The content of the first box of a type.
pub fn first<'a>(row: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(row).find(|found| found.kind == *kind).map(|found| found.body)
}

/// Numbers in the content of a box, most significant byte first. `None` once it ends.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// The next bytes.
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of at most 8 bytes.
    pub fn number(&mut self, size: usize) -> Option<u64> {
        let bytes = self.bytes(size).filter(|_| size <= 8)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Version of a full box, whose flags are skipped.
    pub fn version(&mut self) -> Option<u64> {
        self.number(4).map(|number| number >> 24)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_of_all_sizes_are_read_and_only_the_last_may_be_cut() {
        let row = [&b"\0\0\0\x0afreeab"[..], b"\0\0\0\x01wide\0\0\0\0\0\0\0\x12cd", b"\0\0\0\x40cut ef"].concat();
        let found: Vec<_> = boxes(&row).map(|b| (b.kind, b.body, b.end, b.is_whole)).collect();
        let expected = [(*b"free", &b"ab"[..], 10, true), (*b"wide", b"cd", 28, true), (*b"cut ", b"ef", 92, false)];
        assert_eq!(found, expected);
        assert_eq!(boxes(b"\0\0\0\0restef").map(|b| (b.body, b.is_whole)).collect::<Vec<_>>(), [(&b"ef"[..], true)]);
        for hostile in [&b"\0\0\0\x07freeab"[..], b"\0\0\0\x01free\xff\xff\xff\xff\xff\xff\xff\xff", b"\0\0\0\x08fre"] {
            assert!(boxes(hostile).count() <= 1, "{hostile:?}");
        }
    }
}
