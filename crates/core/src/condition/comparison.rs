//! One field of an item compared with values.

use std::path::Path;

use super::field::Field;
use super::number::{Number, approximately};
use super::operator::Operator;
use super::text::TextPattern;
use super::time::TimeSpan;
use crate::item::{Item, Modality};
use crate::item_facts::ItemFacts;
use crate::photo_summary::PhotoSummary;

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A text.
    Text(TextPattern),
    /// A number.
    Number(Number),
    /// A day, month, year, minute or second.
    Time(TimeSpan),
    /// A type.
    Type(Modality),
}

/// A field compared with one value, or with several of which one has to agree.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub(super) field: Field,
    pub(super) operator: Operator,
    pub(super) values: Vec<Operand>,
}

impl Comparison {
    /// What is compared.
    pub fn field(&self) -> Field {
        self.field
    }

    /// How it is compared.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// With what it is compared; several values only with [`Operator::Equal`].
    pub fn values(&self) -> &[Operand] {
        &self.values
    }

    /// Whether the facts of an item agree. What is not known agrees with nothing, so that it is found by `!=` and `!~`.
    pub fn admits(&self, item: &Item, facts: ItemFacts<'_>) -> bool {
        self.values.iter().any(|value| self.agrees(value, item, facts)) != self.operator.is_negative()
    }

    fn agrees(&self, value: &Operand, item: &Item, facts: ItemFacts<'_>) -> bool {
        let photo = facts.photo;
        match value {
            Operand::Text(pattern) => any_text(self.field, item, facts, &mut |text| pattern.matches(text)),
            Operand::Number(wanted) => {
                number(self.field, item, photo).is_some_and(|is| is_ordered(is, wanted, self.operator))
            }
            Operand::Time(span) => {
                time(self.field, item, photo).is_some_and(|time| span.is_ordered(time, self.operator))
            }
            Operand::Type(modality) => item.modality == *modality,
        }
    }
}

/// Whether a fact of an item is known.
pub fn is_known(field: Field, item: &Item, facts: ItemFacts<'_>) -> bool {
    let photo = facts.photo;
    match field {
        Field::Type => true,
        Field::Place => photo.is_some_and(|photo| photo.position.is_some()),
        Field::Taken | Field::Modified => time(field, item, photo).is_some(),
        Field::Camera
        | Field::Lens
        | Field::Colour
        | Field::Keyword
        | Field::Format
        | Field::Folder
        | Field::Name
        | Field::Group => any_text(field, item, facts, &mut |text| !text.is_empty()),
        Field::Focal
        | Field::Aperture
        | Field::Exposure
        | Field::Iso
        | Field::Rating
        | Field::Width
        | Field::Height
        | Field::Size => number(field, item, photo).is_some(),
    }
}

/// Whether one of the texts of a field agrees. Paths and names are their bytes, usually UTF-8.
fn any_text(field: Field, item: &Item, facts: ItemFacts<'_>, agrees: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    let photo = facts.photo;
    let mut one = |text: Option<&str>| text.is_some_and(|text| agrees(text.as_bytes()));
    match field {
        Field::Camera => one(photo.and_then(|photo| photo.camera.as_deref())),
        Field::Lens => one(photo.and_then(|photo| photo.lens.as_deref())),
        Field::Colour => one(photo.and_then(|photo| photo.colour_label.as_deref())),
        Field::Keyword => photo.is_some_and(|photo| photo.keywords.iter().any(|keyword| one(Some(keyword)))),
        Field::Group => {
            let groups = facts.groups.map_or(&[][..], |groups| groups.all());
            groups.iter().any(|group| agrees(group.name().as_bytes()) && group.contains(item.id))
        }
        Field::Name => agrees(split_path(&item.path).1),
        Field::Folder => agrees(split_path(&item.path).0),
        Field::Format => extension(&item.path).is_some_and(|extension| agrees(usual_extension(extension))),
        _ => false,
    }
}

/// The number of a field, in the unit of [`Number`].
pub fn number(field: Field, item: &Item, photo: Option<&PhotoSummary>) -> Option<f64> {
    let of_photo = |value: fn(&PhotoSummary) -> Option<f32>| photo.and_then(value).map(f64::from);
    match field {
        Field::Focal => of_photo(|photo| photo.focal_length_mm),
        Field::Aperture => of_photo(|photo| photo.aperture),
        Field::Exposure => of_photo(|photo| photo.exposure_secs),
        Field::Iso => photo.and_then(|photo| photo.iso).map(f64::from),
        Field::Rating => photo.and_then(|photo| photo.rating).map(f64::from),
        Field::Width => item.pixels.map(|[width, _]| f64::from(width)),
        Field::Height => item.pixels.map(|[_, height]| f64::from(height)),
        Field::Size => Some(item.bytes as f64),
        _ => None,
    }
}

/// The time of a field, in the unit of [`TimeSpan`].
pub fn time(field: Field, item: &Item, photo: Option<&PhotoSummary>) -> Option<i64> {
    match field {
        Field::Taken => photo.and_then(|photo| photo.taken),
        Field::Modified => Some(item.modified_ns),
        _ => None,
    }
}

fn is_ordered(is: f64, wanted: &Number, operator: Operator) -> bool {
    let equal = approximately(is, wanted.value, wanted.field);
    match operator {
        Operator::Less => is < wanted.value && !equal,
        Operator::LessOrEqual => is < wanted.value || equal,
        Operator::Greater => is > wanted.value && !equal,
        Operator::GreaterOrEqual => is > wanted.value || equal,
        Operator::Equal | Operator::NotEqual | Operator::Contains | Operator::NotContains => equal,
    }
}

/// The folder and the name of a file; parsing a [`Path`] would take longer.
fn split_path(path: &Path) -> (&[u8], &[u8]) {
    let bytes = path.as_os_str().as_encoded_bytes();
    match bytes.iter().rposition(|byte| std::path::is_separator(char::from(*byte))) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (&[], bytes),
    }
}

fn extension(path: &Path) -> Option<&[u8]> {
    let name = split_path(path).1;
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|at| *at > 0)?;
    name.get(dot + 1..).filter(|extension| !extension.is_empty())
}

/// The shorter one of two extensions that mean the same format.
pub fn usual_extension(extension: &[u8]) -> &[u8] {
    let is = |other: &[u8]| extension.eq_ignore_ascii_case(other);
    match extension {
        _ if is(b"jpeg") => b"jpg",
        _ if is(b"tiff") => b"tif",
        _ => extension,
    }
}
