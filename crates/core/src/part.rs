//! Parts of a file that are items of their own: rows of a table, pages of a document, frames of a video or animation.

use std::fmt;
use std::num::NonZeroU32;

/// Which part of its file an item is. Numbers count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// A row of a table (CSV, TSV, JSONL), without a header.
    Row(u32),
    /// The picture of a page.
    Page(u32),
    /// The text of a page.
    PageText(u32),
    /// A frame of a video.
    Frame {
        /// Its time from the beginning, milliseconds.
        ms: u32,
    },
    /// A frame of an animated picture, among all of its frames.
    AnimationFrame(u32),
}

/// Bits of a code that hold the number; those above hold the kind.
const NUMBER_BITS: u32 = 28;
/// The largest number of a part: 268 million rows, or 74 hours.
const MAX_NUMBER: u32 = (1 << NUMBER_BITS) - 1;

impl Part {
    /// The number under which it is stored. A row's is its own, as it was before there were other parts.
    pub fn code(self) -> NonZeroU32 {
        let (kind, number) = match self {
            Self::Row(number) => (0, number),
            Self::Page(number) => (1, number),
            Self::PageText(number) => (2, number),
            Self::Frame { ms } => (3, ms),
            Self::AnimationFrame(number) => (4, number),
        };
        NonZeroU32::new(kind << NUMBER_BITS | number.min(MAX_NUMBER)).unwrap_or(NonZeroU32::MIN)
    }

    /// The part with this code; `None` for those of a later version.
    pub fn of_code(code: NonZeroU32) -> Option<Self> {
        let number = code.get() & MAX_NUMBER;
        match code.get() >> NUMBER_BITS {
            0 => Some(Self::Row(number)),
            1 => Some(Self::Page(number)),
            2 => Some(Self::PageText(number)),
            3 => Some(Self::Frame { ms: number }),
            4 => Some(Self::AnimationFrame(number)),
            _ => None,
        }
    }

    /// The number of a row.
    pub fn row(self) -> Option<u32> {
        match self {
            Self::Row(number) => Some(number),
            _ => None,
        }
    }

    /// The number of the page whose picture or text it is.
    pub fn page(self) -> Option<u32> {
        match self {
            Self::Page(number) | Self::PageText(number) => Some(number),
            _ => None,
        }
    }

    /// The number of a frame of an animated picture.
    pub fn frame(self) -> Option<u32> {
        match self {
            Self::AnimationFrame(number) => Some(number),
            _ => None,
        }
    }

    /// The time of a frame of a video, seconds.
    pub fn seconds(self) -> Option<f64> {
        match self {
            Self::Frame { ms } => Some(f64::from(ms) / 1000.0),
            _ => None,
        }
    }
}

/// As it stands behind a file's name: `:7`, `, page 7`, ` at 1:07`, `, frame 7`.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(number) => write!(f, ":{number}"),
            Self::Page(number) | Self::PageText(number) => write!(f, ", page {number}"),
            Self::AnimationFrame(number) => write!(f, ", frame {number}"),
            Self::Frame { ms } => {
                let seconds = ms / 1000;
                let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
                match hours {
                    0 => write!(f, " at {minutes}:{seconds:02}"),
                    _ => write!(f, " at {hours}:{minutes:02}:{seconds:02}"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart_and_rows_keep_theirs() {
        let pages = [Part::Page(7), Part::PageText(7)];
        let frames = [Part::Frame { ms: 7 }, Part::Frame { ms: 0 }, Part::AnimationFrame(7)];
        for part in pages.into_iter().chain(frames).chain([Part::Row(7)]) {
            assert_eq!(Part::of_code(part.code()), Some(part));
        }
        assert_eq!(Part::Row(7).code().get(), 7);
        assert_eq!(
            Part::Frame { ms: u32::MAX }.code().get() >> NUMBER_BITS,
            3,
            "too large a number is not another kind"
        );
        assert_eq!(NonZeroU32::new(u32::MAX).and_then(Part::of_code), None);
    }

    #[test]
    fn parts_are_written_as_people_write_them() {
        let times = [Part::Frame { ms: 67_890 }, Part::Frame { ms: 3_607_000 }];
        assert_eq!(times.map(|part| part.to_string()), [" at 1:07", " at 1:00:07"]);
        let numbers = [Part::Row(7), Part::Page(7), Part::AnimationFrame(7)];
        assert_eq!(numbers.map(|part| part.to_string()), [":7", ", page 7", ", frame 7"]);
    }
}
