//! The directories of TIFF files and of EXIF, which is a small TIFF file. Nothing is allocated from counts in the file.

use image::metadata::Orientation;

/// The tag of the orientation, in TIFF and EXIF.
const ORIENTATION: u16 = 0x0112;
/// The most entries of a directory that are read, as in a TIFF file that is not large; a large one may claim as many as it
/// has bytes for.
const MAX_ENTRIES: usize = u16::MAX as usize;

/// A file of directories.
#[derive(Debug, Clone, Copy)]
pub struct Directories<'a> {
    bytes: &'a [u8],
    /// Whether numbers are stored with their most significant byte first.
    pub big_endian: bool,
    /// `BigTIFF`: offsets of 64 bits.
    big: bool,
}

/// One value of a directory.
#[derive(Debug, Clone, Copy)]
pub struct IfdEntry<'a> {
    file: Directories<'a>,
    /// What it is.
    pub tag: u16,
    /// How its values are stored, by the numbers of TIFF 6.0.
    pub kind: u16,
    count: u64,
    /// Where the field for the value, or for its offset, is.
    field: usize,
}

impl<'a> Directories<'a> {
    /// Reads the header; `None` where it is not one of TIFF or `BigTIFF`.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let big_endian = match bytes.get(..2)? {
            b"II" => false,
            b"MM" => true,
            _ => return None,
        };
        let file = Self { bytes, big_endian, big: false };
        match file.number_at(2, 2)? {
            43 => Some(Self { big: true, ..file }),
            // 85 and the letters are those of cameras' raw files, whose EXIF is read all the same.
            42 | 0x55 | 0x4f52 | 0x5352 => Some(file),
            _ => None,
        }
    }

    /// Where the header keeps the offset of the first directory, and the bytes of that offset.
    pub fn first_offset_field(self) -> (usize, usize) {
        if self.big { (8, 8) } else { (4, 4) }
    }

    /// An offset as the header and the directories store it.
    pub fn offset_bytes(self, offset: u64) -> Vec<u8> {
        self.number_bytes(offset, if self.big { 8 } else { 4 })
    }

    /// A number as the file stores it in `size` bytes, at most 8.
    pub fn number_bytes(self, number: u64, size: usize) -> Vec<u8> {
        let mut bytes = number.to_le_bytes()[..size.min(8)].to_vec();
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    /// The offset of the first directory.
    pub fn first(self) -> Option<u64> {
        let (at, size) = self.first_offset_field();
        self.number_at(at, size)
    }

    /// The entries of a directory, and the offset of the next one (0: none).
    pub fn directory(self, offset: u64) -> Option<(Vec<IfdEntry<'a>>, u64)> {
        let at = usize::try_from(offset).ok()?;
        let (head, size) = if self.big { (8, 20) } else { (2, 12) };
        let count = usize::try_from(self.number_at(at, head)?).ok()?;
        let first = at.checked_add(head)?;
        let fitting = self.bytes.len().saturating_sub(first) / size;
        let entries =
            (0..count.min(fitting).min(MAX_ENTRIES)).filter_map(|index| self.entry(first + index * size)).collect();
        let next = count.checked_mul(size).and_then(|bytes| first.checked_add(bytes));
        let next = next.and_then(|at| self.number_at(at, if self.big { 8 } else { 4 })).unwrap_or(0);
        Some((entries, next))
    }

    fn entry(self, at: usize) -> Option<IfdEntry<'a>> {
        let [tag, kind] = [self.number_at(at, 2)? as u16, self.number_at(at + 2, 2)? as u16];
        let count = self.number_at(at + 4, if self.big { 8 } else { 4 })?;
        Some(IfdEntry { file: self, tag, kind, count, field: at + if self.big { 12 } else { 8 } })
    }

    fn number_at(self, at: usize, size: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(size)?)?;
        let fold = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big_endian { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) })
    }
}

impl<'a> IfdEntry<'a> {
    /// Bytes of one value of this kind.
    fn size(&self) -> Option<usize> {
        match self.kind {
            // 129: text in UTF-8, of EXIF 3.0.
            1 | 2 | 6 | 7 | 129 => Some(1),
            3 | 8 => Some(2),
            4 | 9 | 11 | 13 => Some(4),
            5 | 10 | 12 | 16 | 17 | 18 => Some(8),
            _ => None,
        }
    }

    /// The value's bytes; `None` where they are not all in the file.
    pub fn bytes(&self) -> Option<&'a [u8]> {
        let (at, len) = self.place()?;
        self.file.bytes.get(at..at.checked_add(len)?)
    }

    /// Offset and length of a value that is not stored in the directory itself.
    pub fn place_outside(&self) -> Option<(usize, usize)> {
        self.place().filter(|(at, _)| *at != self.field)
    }

    fn place(&self) -> Option<(usize, usize)> {
        let len = usize::try_from(self.count).ok()?.checked_mul(self.size()?)?;
        let inline = if self.file.big { 8 } else { 4 };
        let at =
            if len <= inline { self.field } else { usize::try_from(self.file.number_at(self.field, inline)?).ok()? };
        Some((at, len))
    }

    /// Whole numbers, at most `most` of them; those of other kinds are none.
    pub fn numbers(&self, most: usize) -> Vec<u64> {
        let Some((size, bytes)) = self.size().filter(|_| self.is_number()).zip(self.bytes()) else { return Vec::new() };
        let file = Directories { bytes, ..self.file };
        (0..bytes.len() / size).take(most).filter_map(|index| file.number_at(index * size, size)).collect()
    }

    /// Offset and length of the bytes of a single number that is stored in the directory itself.
    pub fn inline_number(&self) -> Option<(usize, usize)> {
        let size = self.size().filter(|_| self.is_number() && self.count == 1)?;
        (size <= if self.file.big { 8 } else { 4 }).then_some((self.field, size))
    }

    /// The first whole number.
    pub fn number(&self) -> Option<u64> {
        self.numbers(1).first().copied()
    }

    /// Numbers of any kind, at most `most` of them; `None` for each that is not finite (0/0 for an unknown value).
    pub fn reals(&self, most: usize) -> Vec<Option<f64>> {
        let Some((size, bytes)) = self.size().zip(self.bytes()) else { return Vec::new() };
        let file = Directories { bytes, ..self.file };
        let real = |at: usize| {
            let number = |at, size| file.number_at(at, size);
            let value = match self.kind {
                1 | 3 | 4 | 13 | 16 | 18 => number(at, size)? as f64,
                6 => f64::from(number(at, 1)? as u8 as i8),
                8 => f64::from(number(at, 2)? as u16 as i16),
                9 => f64::from(number(at, 4)? as u32 as i32),
                17 => number(at, 8)? as i64 as f64,
                5 => number(at, 4)? as f64 / number(at + 4, 4)? as f64,
                10 => f64::from(number(at, 4)? as u32 as i32) / f64::from(number(at + 4, 4)? as u32 as i32),
                11 => f64::from(f32::from_bits(number(at, 4)? as u32)),
                12 => f64::from_bits(number(at, 8)?),
                _ => return None,
            };
            value.is_finite().then_some(value)
        };
        (0..bytes.len() / size).take(most).map(|index| real(index * size)).collect()
    }

    fn is_number(&self) -> bool {
        matches!(self.kind, 1 | 3 | 4 | 6 | 8 | 9 | 13 | 16 | 17 | 18)
    }
}

/// The orientation that a directory gives, as whatever kind of whole number it was written.
pub fn orientation(entries: &[IfdEntry]) -> Option<Orientation> {
    let number = entries.iter().find(|entry| entry.tag == ORIENTATION)?.number()?;
    u8::try_from(number).ok().and_then(Orientation::from_exif)
}

/// The orientation in EXIF data. Some writers put the marker of JPEG's segment before it in other formats, too.
pub fn exif_orientation(exif: &[u8]) -> Option<Orientation> {
    let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let file = Directories::new(exif)?;
    let (entries, _) = file.directory(file.first()?)?;
    orientation(&entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_large_files_have_no_more_entries_than_those_of_others() {
        let head = b"II\x2b\0\x08\0\0\0\x10\0\0\0\0\0\0\0\xff\xff\xff\0\0\0\0\0";
        let file = [&head[..], &[0; 20 * 70_000]].concat();
        let (entries, next) = Directories::new(&file).unwrap().directory(16).unwrap();
        assert_eq!((entries.len(), next), (MAX_ENTRIES, 0));
    }

    #[test]
    fn orientations_of_any_kind_of_number_are_read() {
        for (kind, value) in [(1u16, 6u32), (3, 6), (4, 6), (9, 6)] {
            for marked in [false, true] {
                let mut exif = if marked { b"Exif\0\0".to_vec() } else { Vec::new() };
                exif.extend(b"II\x2a\0\x08\0\0\0\x01\0\x12\x01");
                exif.extend(kind.to_le_bytes());
                exif.extend(1u32.to_le_bytes());
                exif.extend(value.to_le_bytes());
                assert_eq!(exif_orientation(&exif), Some(Orientation::Rotate90), "kind {kind}");
            }
        }
        let big = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0\x03\0\0\0\0";
        assert_eq!(exif_orientation(big), Some(Orientation::Rotate180));
        assert_eq!(exif_orientation(b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0\x63\0\0\0\0"), None);
    }

    #[test]
    fn hostile_counts_and_offsets_take_nothing() {
        let mut file = b"II\x2a\0\x08\0\0\0\xff\xff\x12\x01\x04\0\xff\xff\xff\xff\xf0\xff\xff\xff".to_vec();
        assert_eq!(exif_orientation(&file), None);
        file.truncate(9);
        assert_eq!(exif_orientation(&file), None);
        let big = b"II\x2b\0\x08\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff";
        let file = Directories::new(big).unwrap();
        assert!(file.directory(file.first().unwrap()).is_none());
    }
}
