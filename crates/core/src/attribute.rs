//! What of items a histogram shows.

use super::condition::comparison::{number, time};
use super::condition::field::{Field, FieldKind};
use super::item::Item;
use super::photo_summary::PhotoSummary;
use super::table::ColumnName;

/// A fact of items, or a column of tables, whose values are numbers or dates.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// A fact.
    Field(Field),
    /// A column.
    Column(ColumnName),
}

impl Attribute {
    /// The facts that have a histogram, in the order in which they are shown.
    pub const FIELDS: [Field; 8] = [
        Field::Taken,
        Field::Modified,
        Field::Rating,
        Field::Iso,
        Field::Aperture,
        Field::Exposure,
        Field::Focal,
        Field::Size,
    ];
}

/// The value of a fact: a number in the unit of [`Number`](super::condition::number::Number), a date in seconds since
/// 1970-01-01 00:00, of the camera's clock if it is the date taken.
pub fn value_of(field: Field, item: &Item, photo: Option<&PhotoSummary>) -> Option<f64> {
    match (field, field.kind()) {
        (Field::Modified, _) => Some(item.modified_ns.div_euclid(1_000_000_000) as f64),
        (_, FieldKind::Time) => time(field, item, photo).map(|seconds| seconds as f64),
        (_, FieldKind::Number) => number(field, item, photo).filter(|number| number.is_finite()),
        _ => None,
    }
}
