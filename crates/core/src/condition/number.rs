//! Numbers in conditions, with their units.

use std::fmt;

use super::field::Field;

/// A number that a field is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    pub(super) field: Field,
    /// In millimetres, seconds, pixels or bytes, as the field has it.
    pub(super) value: f64,
}

impl Number {
    /// In millimetres, seconds, pixels or bytes, as the field has it.
    pub fn value(self) -> f64 {
        self.value
    }
}

/// A unit or its short form, and how many of the smallest unit it is.
type Units = &'static [(&'static str, f64)];

/// The units in which a field may be written.
fn units(field: Field) -> Units {
    match field {
        Field::Focal => &[("mm", 1.0)],
        Field::Exposure => &[("s", 1.0), ("sec", 1.0), ("ms", 1e-3)],
        Field::Width | Field::Height => &[("px", 1.0), ("pixels", 1.0)],
        Field::Rating => &[("star", 1.0), ("stars", 1.0)],
        Field::Size => &[
            ("bytes", 1.0),
            ("byte", 1.0),
            ("b", 1.0),
            ("kb", 1e3),
            ("mb", 1e6),
            ("gb", 1e9),
            ("tb", 1e12),
            ("kib", 1024.0),
            ("mib", 1_048_576.0),
            ("gib", 1_073_741_824.0),
        ],
        Field::Place => &[("km", 1e3), ("m", 1.0), ("mi", 1609.344)],
        _ => &[],
    }
}

/// How many of the smallest unit of a field a word stands for.
pub fn unit(field: Field, word: &str) -> Option<f64> {
    units(field).iter().find(|(unit, _)| unit.eq_ignore_ascii_case(word)).map(|(_, factor)| *factor)
}

/// A number without its unit, and whether the unit was part of the word: `35`, `35mm`, `f/2.8`, `1/250`.
pub fn parse(field: Field, word: &str) -> Option<(f64, bool)> {
    let word = if field == Field::Aperture {
        let rest = word.strip_prefix(['f', 'F']).unwrap_or(word);
        rest.strip_prefix('/').filter(|_| rest.len() < word.len()).unwrap_or(rest)
    } else {
        word
    };
    let end = word.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '/'))).unwrap_or(word.len());
    let (digits, suffix) = word.split_at(end);
    let value = match digits.split_once('/') {
        Some((numerator, denominator)) if field == Field::Exposure => decimal(numerator)? / decimal(denominator)?,
        _ => decimal(digits)?,
    };
    let factor = if suffix.is_empty() { 1.0 } else { unit(field, suffix)? };
    let value = value * factor;
    value.is_finite().then_some((value, !suffix.is_empty()))
}

/// A decimal number; neither `inf` nor `1e9`.
pub fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    text.parse().ok().filter(|value: &f64| plain && value.is_finite())
}

/// Whether two numbers mean the same: cameras round focal lengths, and store apertures and exposure times as powers of two
/// (f/2.8 is 2.828), whose steps are over 10 % apart.
pub fn approximately(a: f64, b: f64, field: Field) -> bool {
    a == b || (a - b).abs() <= tolerance(field) * b.abs()
}

/// The share of a number by which another may differ and still mean the same.
pub fn tolerance(field: Field) -> f64 {
    match field {
        Field::Focal => 0.01,
        Field::Aperture | Field::Exposure => 0.02,
        _ => 0.0,
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value;
        match self.field {
            Field::Aperture => write!(f, "f/{value}"),
            Field::Focal => write!(f, "{value} mm"),
            Field::Exposure => {
                let denominator = (1.0 / value).round();
                if (2.0..1e9).contains(&denominator) && 1.0 / denominator == value {
                    write!(f, "1/{denominator}")
                } else {
                    write!(f, "{value} s")
                }
            }
            Field::Size => {
                let sizes = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
                let exact = |(_, factor): &&(&str, f64)| value >= *factor && (value / factor).round() * factor == value;
                match sizes.iter().find(exact) {
                    Some((unit, factor)) => write!(f, "{} {unit}", (value / factor).round()),
                    None => write!(f, "{value}"),
                }
            }
            _ => write!(f, "{value}"),
        }
    }
}
