//! A column of tables compared with values. What its values are differs between tables and is known only where a row is
//! looked at, so each value is kept as the number, the span of time and the text that it may be.

use std::fmt;

use jiff::tz::TimeZone;

use super::field::Field;
use super::operator::Operator;
use super::text::{TextMatch, TextPattern, quoted};
use super::time::TimeSpan;
use crate::item::Item;
use crate::table::parse::{Decimal, number};
use crate::table::{Cell, ColumnKind, ColumnName, TableSet};

/// A column compared with one value, or with several of which one has to agree.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnComparison {
    pub(super) name: ColumnName,
    pub(super) operator: Operator,
    pub(super) values: Vec<ColumnValue>,
}

/// What a column is compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnValue {
    number: Option<f64>,
    span: Option<TimeSpan>,
    text: TextPattern,
}

impl ColumnValue {
    /// A value as typed; `None` if nothing is.
    pub(super) fn new(typed: &str, operator: Operator) -> Option<Self> {
        let is_part = matches!(operator, Operator::Contains | Operator::NotContains);
        let with = if is_part { TextMatch::Part } else { TextMatch::Whole };
        let (date, time) = typed.split_once(['T', 't', ' ']).map_or((typed, None), |(date, time)| (date, Some(time)));
        // As of photos: what the clock showed.
        let span = TimeSpan::parse(Field::Taken, date, time, &TimeZone::UTC);
        let text = TextPattern::new(typed, typed, with);
        (!typed.trim().is_empty()).then(|| Self { number: number(typed, Decimal::Point), span, text })
    }

    /// The value as typed.
    pub fn typed(&self) -> &str {
        self.text.typed()
    }

    /// Whether cells of this kind can be compared with it in this way.
    pub(super) fn applies_to(&self, kind: ColumnKind, operator: Operator) -> bool {
        match (kind, operator) {
            (_, Operator::Contains | Operator::NotContains) => true,
            (ColumnKind::Number, _) => self.number.is_some(),
            (ColumnKind::Date, _) => self.span.is_some(),
            (ColumnKind::Category | ColumnKind::Text, _) => {
                matches!(operator, Operator::Equal | Operator::NotEqual)
            }
        }
    }

    fn agrees(&self, cell: Cell<'_>, operator: Operator) -> bool {
        let is_part = matches!(operator, Operator::Contains | Operator::NotContains);
        let is_equality = matches!(operator, Operator::Equal | Operator::NotEqual);
        match cell {
            Cell::Text(text) => (is_part || is_equality) && self.text.matches(text.as_bytes()),
            _ if is_part => self.text.matches(cell.to_string().as_bytes()),
            Cell::Number(is) => self.number.is_some_and(|wanted| is_ordered(is, wanted, operator)),
            Cell::Date(is) => self.span.is_some_and(|span| span.is_ordered(is, operator)),
        }
    }
}

fn is_ordered(is: f64, wanted: f64, operator: Operator) -> bool {
    match operator {
        Operator::Less => is < wanted,
        Operator::LessOrEqual => is <= wanted,
        Operator::Greater => is > wanted,
        Operator::GreaterOrEqual => is >= wanted,
        Operator::Equal | Operator::NotEqual | Operator::Contains | Operator::NotContains => is == wanted,
    }
}

impl ColumnComparison {
    /// The column.
    pub fn name(&self) -> &ColumnName {
        &self.name
    }

    /// How it is compared.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// With what it is compared; several values only with [`Operator::Equal`].
    pub fn values(&self) -> &[ColumnValue] {
        &self.values
    }

    /// Whether the cell of an item agrees. What is not known agrees with nothing, so that it is found by `!=` and `!~`.
    pub fn admits(&self, item: &Item, tables: Option<&TableSet>) -> bool {
        let cell = tables.and_then(|tables| tables.cell(item, &self.name));
        let agrees = |cell| self.values.iter().any(|value| value.agrees(cell, self.operator));
        cell.is_some_and(agrees) != self.operator.is_negative()
    }
}

impl fmt::Display for ColumnComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {} ", quoted(self.name.as_str()))?;
        match self.values.as_slice() {
            [value] => write!(f, "{} {value}", self.operator),
            values => {
                let values: Vec<String> = values.iter().map(ColumnValue::to_string).collect();
                write!(f, "in ({})", values.join(", "))
            }
        }
    }
}

/// As it may be written in a condition: numbers and dates without quotation marks.
impl fmt::Display for ColumnValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = self.typed();
        let is_plain = typed.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
        if is_plain { f.write_str(typed) } else { f.write_str(&quoted(typed)) }
    }
}
