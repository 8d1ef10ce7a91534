//! Scatter plots: what each axis measures, and where items are between its ends.

use std::fmt;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::condition::field::{Field, FieldKind};
use crate::layout::Layout;
use crate::table::ColumnName;

/// Half the width and half the height of a plot, in map units.
pub const HALF_SIZE: [f32; 2] = [1.25, 1.0];
/// What separates two opposites: `indoor|outdoor`.
const SEPARATOR: char = '|';
/// What comes before the name of a column that may be that of a field, too.
const COLUMN: &str = "column ";

/// What an axis measures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum AxisSource {
    /// How much more an item is like the second text than like the first.
    Opposites([String; 2]),
    /// A time or number that is known of files and photos.
    Field(Field),
    /// A column of tables.
    Column(ColumnName),
}

impl AxisSource {
    /// Fields that an axis can measure.
    pub fn fields() -> impl Iterator<Item = Field> {
        let is_measured = |field: &Field| matches!(field.kind(), FieldKind::Time | FieldKind::Number);
        Field::ALL.into_iter().filter(is_measured)
    }
}

/// Anything that is typed is something: whether it is known shows when it is looked up.
impl From<&str> for AxisSource {
    fn from(text: &str) -> Self {
        let text = text.trim();
        // Opposites may begin with the same word.
        if let Some(name) = text.strip_prefix(COLUMN).filter(|name| !name.contains(SEPARATOR)) {
            return Self::Column(ColumnName::new(name));
        }
        match (text.split_once(SEPARATOR), Field::named(text)) {
            (Some((low, high)), _) => Self::Opposites([low.trim().to_owned(), high.trim().to_owned()]),
            (None, Some(field)) => Self::Field(field),
            (None, None) if text.is_empty() => Self::Opposites([String::new(), String::new()]),
            (None, None) => Self::Column(ColumnName::new(text)),
        }
    }
}

impl From<String> for AxisSource {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<AxisSource> for String {
    fn from(source: AxisSource) -> Self {
        source.to_string()
    }
}

impl fmt::Display for AxisSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opposites([low, high]) => write!(f, "{low}{SEPARATOR}{high}"),
            Self::Field(field) => f.write_str(field.as_str()),
            Self::Column(name) => write!(f, "{COLUMN}{}", name.as_str()),
        }
    }
}

/// An axis of a plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it measures.
    pub source: AxisSource,
    /// Whether its values are seconds since 1970-01-01 00:00 of a clock.
    pub is_date: bool,
    /// The values at its ends: 99 % of the items are between them.
    pub limits: [f64; 2],
    /// The value of each row; NaN if it is not known.
    pub values: Arc<[f64]>,
    /// Number of rows without a value.
    pub missing: usize,
}

impl Axis {
    /// An axis that shows these values; `None` if none of them is known.
    pub fn new(source: AxisSource, is_date: bool, values: Vec<f64>) -> Option<Self> {
        let limits = central_limits(&values)?;
        let missing = values.iter().filter(|value| value.is_nan()).count();
        Some(Self { source, is_date, limits, values: values.into(), missing })
    }

    /// The value of a row in words: a number, or a date as `2023-06-14T12:00:00`; `None` if it is not known.
    pub fn text(&self, row: usize) -> Option<String> {
        let value = *self.values.get(row).filter(|value| value.is_finite())?;
        let date =
            || jiff::Timestamp::from_second(value as i64).map(|time| TimeZone::UTC.to_datetime(time).to_string());
        if self.is_date { date().ok() } else { Some(value.to_string()) }
    }

    /// The place of a value on an axis whose ends are at -`half` and `half`.
    pub fn position(&self, value: f64, half: f32) -> f32 {
        let [low, high] = self.limits;
        ((2.0 * (value - low) / (high - low) - 1.0) * f64::from(half)) as f32
    }

    /// The value at a place on an axis whose ends are at -`half` and `half`.
    pub fn value(&self, position: f64, half: f32) -> f64 {
        let [low, high] = self.limits;
        low + f64::midpoint(position / f64::from(half), 1.0) * (high - low)
    }
}

/// All items as points along two axes.
#[derive(Debug, Clone, PartialEq)]
pub struct AxesLayout {
    /// The horizontal and the vertical axis.
    pub axes: [Axis; 2],
    /// The positions; NaN for items that have no value on one of the axes.
    pub layout: Arc<Layout>,
}

/// The ends of the central 99 % of the known values, apart from each other.
fn central_limits(values: &[f64]) -> Option<[f64; 2]> {
    let mut known: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let last = known.len().checked_sub(1)?;
    let low = last / 200;
    let mut at = |place: usize| *known.select_nth_unstable_by(place, f64::total_cmp).1;
    let (mut limits, all) = ([at(low), at(last - low)], [at(0), at(last)]);
    if limits[0] == limits[1] {
        limits = all;
    }
    let apart = limits[1] - limits[0] > 1e-12 * limits[0].abs().max(limits[1].abs());
    Some(if apart { limits } else { [limits[0] - 0.5, limits[1] + 0.5] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_as_they_are_written() {
        let opposites = |low: &str, high: &str| AxisSource::Opposites([low.into(), high.into()]);
        for (text, source) in [
            ("indoor|outdoor", opposites("indoor", "outdoor")),
            ("  a red car | a blue car ", opposites("a red car", "a blue car")),
            ("", opposites("", "")),
            ("taken", AxisSource::Field(Field::Taken)),
            ("Rating", AxisSource::Field(Field::Rating)),
            ("price", AxisSource::Column(ColumnName::new("price"))),
            ("column taken", AxisSource::Column(ColumnName::new("taken"))),
        ] {
            assert_eq!(AxisSource::from(text), source, "{text}");
            assert_eq!(AxisSource::from(source.to_string()), source, "{text}");
        }
        assert!(AxisSource::fields().any(|field| field == Field::Taken));
        assert!(!AxisSource::fields().any(|field| field == Field::Camera));
    }

    #[test]
    fn the_ends_hold_the_central_values_and_are_apart() {
        let axis = |values: Vec<f64>| Axis::new(AxisSource::Field(Field::Size), false, values);
        let mut values: Vec<f64> = (0..1000).map(f64::from).collect();
        values[7] = 1e9;
        values.push(f64::NAN);
        let sizes = axis(values).expect("known");
        assert_eq!((sizes.limits, sizes.missing), ([4.0, 996.0], 1));
        assert_eq!((sizes.position(4.0, 1.25), sizes.position(996.0, 1.25)), (-1.25, 1.25));
        assert!((sizes.value(0.0, 1.25) - 500.0).abs() < 1e-9 && sizes.position(1e9, 1.0) > 100.0);
        assert_eq!(axis(vec![3.0; 5]).expect("known").limits, [2.5, 3.5]);
        assert_eq!(axis(vec![0.0, 0.0, 0.0, 1.0]).expect("known").limits, [0.0, 1.0]);
        assert_eq!(axis(vec![f64::NAN, f64::INFINITY]), None);
    }
}
