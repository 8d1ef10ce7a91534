//! The values of a column: one array for all rows, by row number.

use std::fmt;
use std::sync::Arc;

use super::ColumnKind;
use super::parse::UNKNOWN_DATE;

/// Most different texts of a category.
pub const MAX_CATEGORIES: usize = 1000;
/// Stands for a row without a category.
const NO_CATEGORY: u16 = u16::MAX;

/// The values of a column, one per row; a row without one counts as unknown.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnValues {
    /// Numbers; NaN where unknown.
    Number(Box<[f64]>),
    /// Seconds since 1970-01-01 00:00 of the clock in the table; [`UNKNOWN_DATE`] where unknown.
    Date(Box<[i64]>),
    /// Places in a list of names; one beyond its end where unknown.
    Category {
        /// The different texts.
        names: Box<[Arc<str>]>,
        /// The place of each row.
        places: Box<[u16]>,
    },
    /// CellTexts; empty where unknown.
    Text(CellTexts),
}

/// CellTexts one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CellTexts {
    /// All of them.
    pub(super) text: String,
    /// Where each ends, bytes.
    pub(super) ends: Vec<u32>,
}

/// A known value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// A number.
    Number(f64),
    /// Seconds since 1970-01-01 00:00 of the clock in the table.
    Date(i64),
    /// A text.
    Text(&'a str),
}

impl CellTexts {
    /// CellTexts that end at these bytes of `text`; `None` unless all of them are within it and between characters.
    pub fn new(text: String, ends: Vec<u32>) -> Option<Self> {
        let ascend = ends.is_sorted();
        let valid = ascend && ends.iter().all(|end| text.is_char_boundary(*end as usize));
        (valid && ends.last().is_none_or(|last| *last as usize == text.len())).then_some(Self { text, ends })
    }

    /// All texts, and where each ends.
    pub fn parts(&self) -> (&str, &[u32]) {
        (&self.text, &self.ends)
    }

    /// The text at a place.
    pub fn get(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.ends.get(before).map_or(0, |end| *end as usize));
        let end = self.ends.get(at).map_or(start, |end| *end as usize);
        self.text.get(start..end).unwrap_or_default()
    }

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| self.get(at))
    }
}

impl ColumnValues {
    /// What they are.
    pub fn kind(&self) -> ColumnKind {
        match self {
            Self::Number(_) => ColumnKind::Number,
            Self::Date(_) => ColumnKind::Date,
            Self::Category { .. } => ColumnKind::Category,
            Self::Text(_) => ColumnKind::Text,
        }
    }

    /// Categories of rows by their texts; `None` if these are too many.
    pub(super) fn categories(texts: &CellTexts) -> Option<Self> {
        let mut known = rustc_hash::FxHashMap::<&str, u16>::default();
        let mut names: Vec<Arc<str>> = Vec::new();
        let mut places = Vec::with_capacity(texts.len());
        for text in texts.iter() {
            places.push(match (text.is_empty(), known.get(text)) {
                (true, _) => NO_CATEGORY,
                (false, Some(place)) => *place,
                (false, None) if names.len() == MAX_CATEGORIES => return None,
                (false, None) => {
                    let place = names.len() as u16;
                    names.push(text.into());
                    known.insert(text, place);
                    place
                }
            });
        }
        Some(Self::Category { names: names.into(), places: places.into() })
    }

    /// Number of rows up to the last with a value.
    pub fn len(&self) -> usize {
        match self {
            Self::Number(values) => values.len(),
            Self::Date(values) => values.len(),
            Self::Category { places, .. } => places.len(),
            Self::Text(texts) => texts.len(),
        }
    }

    /// About how much memory they take, bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Number(values) => size_of_val(&**values),
            Self::Date(values) => size_of_val(&**values),
            Self::Category { names, places } => {
                size_of_val(&**places) + names.iter().map(|name| name.len() + 2 * size_of::<Arc<str>>()).sum::<usize>()
            }
            Self::Text(texts) => texts.text.capacity() + size_of::<u32>() * texts.ends.capacity(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of rows whose value is known.
    pub fn known(&self) -> usize {
        (1..=self.len() as u32).filter(|row| self.cell(*row).is_some()).count()
    }

    /// The smallest and the largest number or date; `None` for texts, and if none is known.
    pub fn limits(&self) -> Option<[Cell<'_>; 2]> {
        match self {
            Self::Number(values) => {
                let known = values.iter().copied().filter(|value| !value.is_nan());
                let limits = known.fold([f64::INFINITY, f64::NEG_INFINITY], |[a, b], x| [a.min(x), b.max(x)]);
                (limits[0] <= limits[1]).then(|| limits.map(Cell::Number))
            }
            Self::Date(values) => {
                let known = values.iter().copied().filter(|value| *value != UNKNOWN_DATE);
                let limits = known.fold([i64::MAX, i64::MIN], |[a, b], x| [a.min(x), b.max(x)]);
                (limits[0] <= limits[1]).then(|| limits.map(Cell::Date))
            }
            Self::Category { .. } | Self::Text(_) => None,
        }
    }

    /// The value of a row, counted from 1; `None` if it is unknown.
    pub fn cell(&self, row: u32) -> Option<Cell<'_>> {
        let at = (row as usize).checked_sub(1)?;
        match self {
            Self::Number(values) => values.get(at).copied().filter(|value| !value.is_nan()).map(Cell::Number),
            Self::Date(values) => values.get(at).copied().filter(|value| *value != UNKNOWN_DATE).map(Cell::Date),
            Self::Category { names, places } => names.get(usize::from(*places.get(at)?)).map(|name| Cell::Text(name)),
            Self::Text(texts) => Some(texts.get(at)).filter(|text| !text.is_empty()).map(Cell::Text),
        }
    }
}

/// As people read it.
impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) if *value != 0.0 && !(1e-5..1e15).contains(&value.abs()) => write!(f, "{value:e}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Date(seconds) => match jiff::Timestamp::from_second(*seconds) {
                Ok(time) => {
                    let time = jiff::tz::Offset::UTC.to_datetime(time);
                    let format = match (time.hour(), time.minute(), time.second()) {
                        (0, 0, 0) => "%Y-%m-%d",
                        (_, _, 0) => "%Y-%m-%d %H:%M",
                        _ => "%Y-%m-%d %H:%M:%S",
                    };
                    write!(f, "{}", time.strftime(format))
                }
                Err(_) => f.write_str("unknown"),
            },
            Self::Text(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_row_and_damaged_ones_refused() {
        let texts = CellTexts::new("aébc".into(), vec![1, 1, 3, 5]).expect("texts");
        assert_eq!(texts.iter().collect::<Vec<_>>(), ["a", "", "é", "bc"]);
        assert_eq!(texts.get(9), "");
        for ends in [vec![2, 5], vec![3, 1, 5], vec![1, 9], vec![1]] {
            assert_eq!(CellTexts::new("aébc".into(), ends), None);
        }
        let values = ColumnValues::Text(texts);
        assert_eq!(
            [1, 2, 4, 5, 0].map(|row| values.cell(row)),
            [Some(Cell::Text("a")), None, Some(Cell::Text("bc")), None, None]
        );
    }

    #[test]
    fn values_are_written_as_people_read_them() {
        let said = [
            Cell::Number(3.0),
            Cell::Number(-0.25),
            Cell::Number(1e300),
            Cell::Number(0.0),
            Cell::Date(1_686_756_612),
            Cell::Date(1_686_756_600),
            Cell::Date(1_686_700_800),
            Cell::Date(i64::MAX),
        ]
        .map(|cell| cell.to_string());
        assert_eq!(
            said,
            ["3", "-0.25", "1e300", "0", "2023-06-14 15:30:12", "2023-06-14 15:30", "2023-06-14", "unknown"]
        );
    }
}
