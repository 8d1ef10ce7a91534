//! The headers of Parquet pages: Thrift's compact protocol, of which only what a page needs is kept.
//!
//! Source: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md> and `parquet.thrift`.

use parquet::basic::Encoding;

/// Structures within each other.
const MAX_DEPTH: u8 = 16;

/// What a page says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageHeader {
    /// Bytes unpacked.
    pub unpacked: usize,
    /// Bytes packed.
    pub packed: usize,
    /// What it holds.
    pub kind: PageKind,
}

/// What a page holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageKind {
    /// Values that pages after it refer to.
    Dictionary {
        /// Number of values.
        values: u32,
        /// How they are written.
        encoding: Encoding,
    },
    /// Values, and levels that are compressed with them.
    Data {
        /// Number of values.
        values: u32,
        /// How they are written.
        encoding: Encoding,
        /// How the levels of definition and of repetition are written.
        levels: [Encoding; 2],
    },
    /// Values, and levels in front of them.
    DataV2 {
        /// Number of values, of nulls among them, and of rows.
        counts: [u32; 3],
        /// How they are written.
        encoding: Encoding,
        /// Bytes of the levels of definition and of repetition.
        levels: [u32; 2],
        /// Whether the values are compressed.
        is_compressed: bool,
    },
    /// Something else, to be passed over.
    Other,
}

/// Reads a header at the beginning of `bytes`, and says how long it is; `None` if it is damaged or `bytes` end before it
/// does.
pub fn read(bytes: &[u8]) -> Option<(PageHeader, usize)> {
    let mut thrift = Thrift { bytes, at: 0 };
    let mut fields = PageFields::default();
    thrift.fields(0, &mut |thrift, id, kind| fields.read(thrift, id, kind))?;
    let kind = match fields.kind? {
        0 => data(&fields.data)?,
        2 => {
            let values = &fields.dictionary;
            PageKind::Dictionary { values: count(values.get(1)?)?, encoding: encoding(values.get(2)?)? }
        }
        3 => data_v2(&fields.data_v2)?,
        _ => PageKind::Other,
    };
    let size = |bytes: Option<i64>| usize::try_from(bytes?).ok();
    Some((PageHeader { unpacked: size(fields.unpacked)?, packed: size(fields.packed)?, kind }, thrift.at))
}

fn data(values: &Numbers) -> Option<PageKind> {
    let levels = [encoding(values.get(3)?)?, encoding(values.get(4)?)?];
    Some(PageKind::Data { values: count(values.get(1)?)?, encoding: encoding(values.get(2)?)?, levels })
}

fn data_v2(values: &Numbers) -> Option<PageKind> {
    let number = |id: usize| count(values.get(id)?);
    Some(PageKind::DataV2 {
        counts: [number(1)?, number(2)?, number(3)?],
        encoding: encoding(values.get(4)?)?,
        levels: [number(5)?, number(6)?],
        is_compressed: values.get(7).is_none_or(|flag| flag == 1),
    })
}

fn count(number: i64) -> Option<u32> {
    u32::try_from(number).ok()
}

#[expect(deprecated, reason = "old files have it")]
fn encoding(number: i64) -> Option<Encoding> {
    Some(match number {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        4 => Encoding::BIT_PACKED,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        7 => Encoding::DELTA_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        _ => return None,
    })
}

/// The first fields of a structure that are numbers or flags, by their ids from 1 on.
#[derive(Default)]
struct Numbers([Option<i64>; 8]);

impl Numbers {
    fn get(&self, id: usize) -> Option<i64> {
        self.0.get(id).copied().flatten()
    }

    /// Reads a structure; other fields are passed over.
    fn read(&mut self, thrift: &mut Thrift<'_>) -> Option<()> {
        thrift.fields(1, &mut |thrift, id, kind| {
            let Some(place) = usize::try_from(id).ok().and_then(|id| self.0.get_mut(id)) else { return Some(false) };
            *place = match kind {
                Thrift::TRUE => Some(1),
                Thrift::FALSE => Some(0),
                Thrift::I16 | Thrift::I32 | Thrift::I64 => Some(thrift.signed()?),
                _ => return Some(false),
            };
            Some(true)
        })
    }
}

#[derive(Default)]
struct PageFields {
    kind: Option<i64>,
    unpacked: Option<i64>,
    packed: Option<i64>,
    data: Numbers,
    dictionary: Numbers,
    data_v2: Numbers,
}

impl PageFields {
    fn read(&mut self, thrift: &mut Thrift<'_>, id: i16, kind: u8) -> Option<bool> {
        match (id, kind) {
            (1, Thrift::I32) => self.kind = Some(thrift.signed()?),
            (2, Thrift::I32) => self.unpacked = Some(thrift.signed()?),
            (3, Thrift::I32) => self.packed = Some(thrift.signed()?),
            (5, Thrift::STRUCT) => self.data.read(thrift)?,
            (7, Thrift::STRUCT) => self.dictionary.read(thrift)?,
            (8, Thrift::STRUCT) => self.data_v2.read(thrift)?,
            _ => return Some(false),
        }
        Some(true)
    }
}

/// Bytes in Thrift's compact protocol. Every step takes at least a byte, so that damaged bytes end.
struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Reads a field by its id and type; whether it did.
type ReadField<'f> = dyn FnMut(&mut Thrift<'_>, i16, u8) -> Option<bool> + 'f;

impl Thrift<'_> {
    const TRUE: u8 = 1;
    const FALSE: u8 = 2;
    const BYTE: u8 = 3;
    const I16: u8 = 4;
    const I32: u8 = 5;
    const I64: u8 = 6;
    const DOUBLE: u8 = 7;
    const BINARY: u8 = 8;
    const LIST: u8 = 9;
    const SET: u8 = 10;
    const STRUCT: u8 = 12;

    fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn advance(&mut self, bytes: usize) -> Option<()> {
        self.at = self.at.checked_add(bytes).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.unsigned()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// Goes through the fields of a structure; what `read` does not read is passed over.
    fn fields(&mut self, depth: u8, read: &mut ReadField<'_>) -> Option<()> {
        let mut id = 0_i16;
        loop {
            let head = self.byte()?;
            let kind = head & 0x0f;
            if kind == 0 {
                return Some(());
            }
            id = match head >> 4 {
                0 => i16::try_from(self.signed()?).ok()?,
                step => id.checked_add(i16::from(step))?,
            };
            if !read(self, id, kind)? {
                self.skip(kind, depth)?;
            }
        }
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Option<()> {
        match kind {
            Self::TRUE | Self::FALSE => Some(()),
            Self::BYTE => self.advance(1),
            Self::I16 | Self::I32 | Self::I64 => self.unsigned().map(drop),
            Self::DOUBLE => self.advance(8),
            Self::BINARY => {
                let length = usize::try_from(self.unsigned()?).ok()?;
                self.advance(length)
            }
            Self::LIST | Self::SET if depth < MAX_DEPTH => {
                let head = self.byte()?;
                let length = if head >> 4 == 15 { self.unsigned()? } else { u64::from(head >> 4) };
                for _ in 0..length {
                    match head & 0x0f {
                        // In lists they take a byte.
                        Self::TRUE | Self::FALSE => self.advance(1)?,
                        element => self.skip(element, depth + 1)?,
                    }
                }
                Some(())
            }
            Self::STRUCT if depth < MAX_DEPTH => self.fields(depth + 1, &mut |_, _, _| Some(false)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_damage_ends() {
        // type 0, 100 bytes unpacked, 40 packed, a checksum, and a data page with statistics.
        let page = [
            0x15, 0x00, 0x15, 0xc8, 0x01, 0x15, 0x50, 0x15, 0x02, 0x1c, 0x15, 0x0a, 0x15, 0x00, 0x15, 0x06, 0x15, 0x06,
            0x1c, 0x18, 0x02, b'h', b'i', 0x00, 0x00, 0x00,
        ];
        let (header, length) = read(&[&page[..], b"rest"].concat()).expect("a header");
        let kind = PageKind::Data { values: 5, encoding: Encoding::PLAIN, levels: [Encoding::RLE; 2] };
        assert_eq!((header, length), (PageHeader { unpacked: 100, packed: 40, kind }, page.len()));
        for end in 0..page.len() {
            assert_eq!(read(&page[..end]), None, "cut at {end}");
        }
        for at in 0..page.len() {
            for bit in 0..8 {
                let mut damaged = page;
                damaged[at] ^= 1 << bit;
                let _whatever_it_says = read(&damaged);
            }
        }
        assert_eq!(read(&[0x1c; 1000]), None, "structures without end");
        assert_eq!(
            read(&[0x19, 0xf1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            None,
            "a list without end"
        );
    }
}
