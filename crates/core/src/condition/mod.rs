//! Conditions on what is known of items, as people write them: `taken >= 2023-06 and camera ~ "X100" and rating >= 3`.
//!
//! * `=` and `!=` compare, a text as a whole and regardless of case; `~` and `!~` ask for a part of it; `<`, `<=`, `>` and
//!   `>=` are for numbers and times; `in ("dog", "cat")` is one of several; `has place` is met if the fact is known.
//! * A day, month or year is a span: `taken = 2023-06` is met in that month, `taken > 2023-06` after it.
//! * A keyword or folder is compared by levels: `keyword = Dogs` finds `Animals|Dogs`, `folder = Italy` everything in
//!   folders of that name.
//! * `place within 45.8,5.9 47.8,10.5` is a box, eastwards from the first corner to the second; `place near 47.37,8.54 10 km`
//!   a circle.
//! * `group = "Best of June"` is met by the items of a group that the user keeps under that name.
//! * `column "unit price" > 3` compares a column of tables, whatever its values are: numbers, dates, texts.
//! * `and` binds stronger than `or`, and `not` stronger than both.
//!
//! A comparison with a fact that is not known is not met. `!=`, `!~` and `not` are met by everything that the comparison
//! without them does not find, so `camera !~ iphone` also finds what has no camera.

mod choices;
pub mod column;
pub mod column_check;
pub mod comparison;
pub mod error;
pub mod field;
pub mod group_check;
mod lexer;
pub mod number;
pub mod operator;
mod parser;
pub mod place;
pub mod ranges;
pub mod text;
pub mod time;

use std::fmt;

use column::ColumnComparison;
use comparison::{Comparison, Operand, is_known};
use field::Field;
use place::GeoArea;
pub use text::quoted;

use super::item::Item;
use super::item_facts::ItemFacts;
use super::table::ColumnName;

/// A condition that an item meets or not. It is written so that it reads back as the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition(Node);

/// `All` and `Any` have at least two parts, none of which is of the same kind.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Has(Field),
    Comparison(Comparison),
    Place(GeoArea),
    HasColumn(ColumnName),
    Column(ColumnComparison),
}

impl Condition {
    /// The condition that all of these make together; `None` if there are none.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let parts: Vec<Self> = parts.into_iter().collect();
        (!parts.is_empty()).then(|| Self::joined(parts, true))
    }

    /// Met by items of which a fact is known.
    pub fn has(field: Field) -> Self {
        Self(Node::Has(field))
    }

    /// The parts that all have to be met; the condition itself if it has only one.
    pub fn parts(&self) -> &[Self] {
        match &self.0 {
            Node::All(parts) => parts,
            _ => std::slice::from_ref(self),
        }
    }

    /// The comparison, if it is nothing else.
    pub fn as_comparison(&self) -> Option<&Comparison> {
        match &self.0 {
            Node::Comparison(comparison) => Some(comparison),
            _ => None,
        }
    }

    /// The field that has to be known, if it is nothing else.
    pub fn as_has(&self) -> Option<Field> {
        match &self.0 {
            Node::Has(field) => Some(*field),
            _ => None,
        }
    }

    /// The only field that it is about, if it is a single comparison, `has` or place.
    pub fn field(&self) -> Option<Field> {
        match &self.0 {
            Node::Has(field) => Some(*field),
            Node::Comparison(comparison) => Some(comparison.field),
            Node::Place(_) => Some(Field::Place),
            Node::All(_) | Node::Any(_) | Node::Not(_) | Node::HasColumn(_) | Node::Column(_) => None,
        }
    }

    /// The comparison with a column, if it is nothing else.
    pub fn as_column(&self) -> Option<&ColumnComparison> {
        match &self.0 {
            Node::Column(comparison) => Some(comparison),
            _ => None,
        }
    }

    /// Whether it is about any column of tables.
    pub fn has_columns(&self) -> bool {
        match &self.0 {
            Node::All(parts) | Node::Any(parts) => parts.iter().any(Self::has_columns),
            Node::Not(part) => part.has_columns(),
            Node::HasColumn(_) | Node::Column(_) => true,
            Node::Has(_) | Node::Comparison(_) | Node::Place(_) => false,
        }
    }

    /// The columns that it is about, in the order in which they are written.
    pub fn columns(&self) -> Vec<&ColumnName> {
        match &self.0 {
            Node::All(parts) | Node::Any(parts) => parts.iter().flat_map(Self::columns).collect(),
            Node::Not(part) => part.columns(),
            Node::HasColumn(name) => vec![name],
            Node::Column(comparison) => vec![comparison.name()],
            Node::Has(_) | Node::Comparison(_) | Node::Place(_) => Vec::new(),
        }
    }

    /// Whether an item of which this is known meets it. Allocates nothing for usual texts.
    pub fn admits(&self, item: &Item, facts: ItemFacts<'_>) -> bool {
        match &self.0 {
            Node::All(parts) => parts.iter().all(|part| part.admits(item, facts)),
            Node::Any(parts) => parts.iter().any(|part| part.admits(item, facts)),
            Node::Not(part) => !part.admits(item, facts),
            Node::Has(field) => is_known(*field, item, facts),
            Node::Comparison(comparison) => comparison.admits(item, facts),
            Node::Place(area) => facts.photo.and_then(|photo| photo.position).is_some_and(|place| area.contains(place)),
            Node::HasColumn(name) => facts.tables.is_some_and(|tables| tables.cell(item, name).is_some()),
            Node::Column(comparison) => comparison.admits(item, facts.tables),
        }
    }

    /// Joins parts by `and`, otherwise by `or`; those that are joined in the same way become parts themselves.
    fn joined(parts: Vec<Self>, by_and: bool) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part.0 {
                Node::All(inner) if by_and => flat.extend(inner),
                Node::Any(inner) if !by_and => flat.extend(inner),
                node => flat.push(Self(node)),
            }
        }
        match flat.pop() {
            Some(only) if flat.is_empty() => only,
            last => {
                flat.extend(last);
                Self(if by_and { Node::All(flat) } else { Node::Any(flat) })
            }
        }
    }

    fn negated(self) -> Self {
        Self(Node::Not(Box::new(self)))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str| {
            for (at, part) in parts.iter().enumerate() {
                f.write_str(if at > 0 { word } else { "" })?;
                // `or` binds weaker than anything around it.
                if matches!(part.0, Node::Any(_)) { write!(f, "({part})")? } else { write!(f, "{part}")? }
            }
            Ok(())
        };
        match &self.0 {
            Node::All(parts) => list(f, parts, " and "),
            Node::Any(parts) => list(f, parts, " or "),
            Node::Not(part) if matches!(part.0, Node::All(_) | Node::Any(_)) => write!(f, "not ({part})"),
            Node::Not(part) => write!(f, "not {part}"),
            Node::Has(field) => write!(f, "has {field}"),
            Node::Comparison(comparison) => write!(f, "{comparison}"),
            Node::Place(area) => write!(f, "{} {area}", Field::Place),
            Node::HasColumn(name) => write!(f, "has column {}", quoted(name.as_str())),
            Node::Column(comparison) => write!(f, "{comparison}"),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.values.as_slice() {
            [value] => write!(f, "{} {} {value}", self.field, self.operator),
            values => {
                write!(f, "{} in (", self.field)?;
                for (at, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(pattern) => f.write_str(&quoted(pattern.typed())),
            Self::Number(number) => write!(f, "{number}"),
            Self::Time(span) => write!(f, "{span}"),
            Self::Type(modality) => f.write_str(modality.as_str()),
        }
    }
}

#[cfg(test)]
mod tests;
