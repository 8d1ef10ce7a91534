//! How long the lists in a column of a Parquet file are, by the levels of repetition in front of the values of each page. It
//! is checked before these are decoded, as a few bytes may stand for any number of equal values.

use parquet::basic::{Encoding, Type as PhysicalType};
use parquet::column::page::Page;
use parquet::errors::Result;
use parquet::schema::types::ColumnDescriptor;

use super::page_error::{damaged, too_large};

/// What lists may have.
#[derive(Debug, Clone, Copy)]
pub struct ListLimits {
    /// Values in a column of a row group.
    pub values: u64,
    /// Values in a column of a row.
    pub row: u64,
    /// Bytes that texts of a row may take where one that is stored once is repeated.
    pub bytes: u64,
}

/// Checks the pages of a column of a row group, one after the other.
pub struct ListCheck {
    limits: ListLimits,
    /// Bits of a level of repetition.
    bits: u64,
    is_text: bool,
    values: u64,
    /// Values of the last row so far.
    row: u64,
    /// Bytes of the longest text that may be repeated.
    longest: u64,
}

impl ListCheck {
    /// A check of a column; `None` for one without lists.
    pub fn new(column: &ColumnDescriptor, limits: ListLimits) -> Option<Self> {
        let most = u16::try_from(column.max_rep_level()).ok().filter(|most| *most > 0)?;
        let bits = u64::from(u16::BITS - most.leading_zeros());
        let is_text = column.physical_type() == PhysicalType::BYTE_ARRAY;
        Some(Self { limits, bits, is_text, values: 0, row: 0, longest: 0 })
    }

    /// Checks the next page.
    ///
    /// # Errors
    /// When it is damaged, or lists get too long.
    pub fn check(&mut self, page: &Page) -> Result<()> {
        if self.is_text && page.encoding() == Encoding::DELTA_BYTE_ARRAY {
            // Each text may begin with all of the one before.
            self.longest = self.longest.max(page.buffer().len() as u64);
        }
        match page {
            Page::DictionaryPage { buf, .. } if self.is_text => self.longest = self.longest.max(longest_text(buf)),
            Page::DictionaryPage { .. } => {}
            Page::DataPage { num_values: 0, .. } | Page::DataPageV2 { num_values: 0, .. } => {}
            Page::DataPage { buf, num_values, rep_level_encoding, .. } => {
                let (length, rest) = buf.split_first_chunk().ok_or_else(damaged)?;
                let levels = rest.get(..u32::from_le_bytes(*length) as usize);
                let levels = levels.filter(|_| *rep_level_encoding == Encoding::RLE);
                self.take(levels.ok_or_else(damaged)?, (*num_values).into())?;
            }
            Page::DataPageV2 { buf, num_values, rep_levels_byte_len, .. } => {
                let levels = buf.get(..*rep_levels_byte_len as usize);
                self.take(levels.ok_or_else(damaged)?, (*num_values).into())?;
            }
        }
        Ok(())
    }

    /// Takes levels in runs of equal ones and of packed ones, as the format's "RLE / bit-packing hybrid".
    fn take(&mut self, mut levels: &[u8], mut left: u64) -> Result<()> {
        self.values += left;
        if self.values > self.limits.values {
            return Err(too_large());
        }
        while left > 0 {
            let head = number(&mut levels).filter(|head| *head > 0).ok_or_else(damaged)?;
            let (groups, is_packed) = (head >> 1, head & 1 == 1);
            let count = if is_packed { groups.saturating_mul(8) } else { groups }.min(left);
            let bytes = if is_packed { groups.saturating_mul(self.bits) } else { self.bits.div_ceil(8) };
            let (run, rest) = levels.split_at(levels.len().min(usize::try_from(bytes).unwrap_or(usize::MAX)));
            if is_packed {
                self.take_packed(run, count)?;
            } else {
                self.add(run.iter().all(|byte| *byte == 0), count)?;
            }
            (levels, left) = (rest, left - count);
        }
        Ok(())
    }

    fn take_packed(&mut self, packed: &[u8], count: u64) -> Result<()> {
        let is_set = |bit: u64| packed.get((bit / 8) as usize).is_some_and(|byte| byte >> (bit % 8) & 1 == 1);
        for index in 0..count.min(packed.len() as u64 * 8 / self.bits) {
            let starts = !(index * self.bits..(index + 1) * self.bits).any(is_set);
            self.add(starts, 1)?;
        }
        Ok(())
    }

    /// Adds values that each begin a row, or all go on with one.
    fn add(&mut self, starts: bool, count: u64) -> Result<()> {
        self.row = if starts { 1 } else { self.row + count };
        let is_long = self.row > self.limits.row || self.row.saturating_mul(self.longest) > self.limits.bytes;
        if is_long { Err(too_large()) } else { Ok(()) }
    }
}

/// A number of seven bits a byte, the lowest first.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// The length of the longest text of a dictionary, which has a length of four bytes in front of each.
fn longest_text(mut page: &[u8]) -> u64 {
    let mut longest = 0;
    while let Some((length, rest)) = page.split_first_chunk() {
        let (text, rest) = rest.split_at(rest.len().min(u32::from_le_bytes(*length) as usize));
        longest = longest.max(text.len() as u64);
        page = rest;
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bits: u64, limits: [u64; 3]) -> ListCheck {
        let [values, row, bytes] = limits;
        let limits = ListLimits { values, row, bytes };
        ListCheck { limits, bits, is_text: true, values: 0, row: 0, longest: 0 }
    }

    fn page(levels: &[u8], values: u32) -> Page {
        Page::DataPageV2 {
            buf: levels.to_vec().into(),
            num_values: values,
            encoding: Encoding::RLE_DICTIONARY,
            num_nulls: 0,
            num_rows: 1,
            def_levels_byte_len: 0,
            rep_levels_byte_len: levels.len() as u32,
            is_compressed: false,
            statistics: None,
        }
    }

    #[test]
    fn rows_are_measured_before_they_are_decoded() {
        // A row of 3, one of 1, and one of 4 that goes on in the next page: packed bits, then a run.
        let packed = page(&[3, 0b1110_0110, 20, 1], 18);
        let run = page(&[2, 0], 1);
        let mut lists = check(1, [100, 14, 0]);
        assert!(lists.check(&packed).is_ok());
        assert_eq!((lists.row, lists.values), (14, 18));
        assert!(lists.check(&page(&[2, 1], 1)).is_err(), "a row that goes on");
        assert!(check(1, [100, 13, 0]).check(&packed).is_err());
        assert!(check(1, [17, 100, 0]).check(&packed).is_err());
        let mut lists = check(1, [100, 1, 0]);
        assert!((0..100).all(|_| lists.check(&run).is_ok()));
        assert!(lists.check(&run).is_err(), "the values of all pages");
        let mut two_bits = check(2, [100, 3, 0]);
        assert!(two_bits.check(&page(&[3, 0b0010_0100, 0b0000_0110], 8)).is_ok());
        assert!(two_bits.check(&page(&[4, 2], 2)).is_ok());
        assert!(two_bits.check(&page(&[4, 2], 2)).is_err());
        for levels in [&[][..], &[0], &[0x80], &[0xff; 12], &[2, 0]] {
            assert!(check(1, [1 << 40, 1 << 40, 0]).check(&page(levels, 9)).is_err(), "{levels:?}");
        }
    }

    #[test]
    fn a_long_text_is_not_repeated_many_times() {
        let mut dictionary = vec![1, 0, 0, 0, b'x'];
        dictionary.extend(1000_u32.to_le_bytes());
        dictionary.extend([b'y'; 1000]);
        assert_eq!((longest_text(&dictionary), longest_text(&dictionary[..700])), (1000, 691));
        let (encoding, buf) = (Encoding::PLAIN, dictionary.into());
        let mut lists = check(1, [1000, 1000, 50_000]);
        assert!(lists.check(&Page::DictionaryPage { buf, num_values: 2, encoding, is_sorted: false }).is_ok());
        assert!(lists.check(&page(&[2, 0, 98, 1], 50)).is_ok());
        assert!(lists.check(&page(&[2, 0, 100, 1], 51)).is_err());
    }
}
