//! The parts of a filter's condition that a window shows as controls: chosen values, a range of days, stars. What was written
//! in any other way is left as it is.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::column::ColumnValue;
use super::comparison::{Comparison, Operand};
use super::field::Field;
use super::operator::Operator;
use super::{Condition, quoted};
use crate::dates::{DateRange, Period};
use crate::filter::Filter;
use crate::table::ColumnName;

impl Filter {
    /// The parts of the condition, all of which have to be met.
    pub fn condition_parts(&self) -> &[Condition] {
        self.condition.as_ref().map_or(&[], |condition| condition.parts())
    }

    /// Values of a text field that are chosen: those of `camera = "X"`, `camera in ("X", "Y")`, or of several
    /// `keyword = "x"`.
    pub fn chosen_values(&self, field: Field) -> Vec<&str> {
        let chosen = self.condition_parts().iter().filter(|part| is_choice(part, field));
        let values = chosen.filter_map(Condition::as_comparison).flat_map(Comparison::values);
        values.filter_map(|value| if let Operand::Text(text) = value { Some(text.typed()) } else { None }).collect()
    }

    /// The same filter with these values chosen instead: any of several cameras, but all of several keywords.
    pub fn with_values(&self, field: Field, values: &[&str]) -> Self {
        let list = |values: &[&str]| values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ");
        let written: Vec<String> = match field {
            Field::Keyword => values.iter().map(|value| format!("{field} = {}", quoted(value))).collect(),
            _ if values.is_empty() => Vec::new(),
            _ => vec![format!("{field} in ({})", list(values))],
        };
        self.replaced(|part| is_choice(part, field), &written)
    }

    /// The smallest rating that is admitted, as `rating >= 3` says.
    pub fn min_rating(&self) -> Option<f64> {
        self.condition_parts().iter().rev().find_map(rating)
    }

    /// The same filter with another smallest rating.
    pub fn with_min_rating(&self, stars: Option<u8>) -> Self {
        let written: Vec<String> = stars.iter().map(|stars| format!("rating >= {stars}")).collect();
        self.replaced(|part| rating(part).is_some(), &written)
    }

    /// The days on which photos were taken, as `taken >= 2023-06` and `taken <= 2023-08` say.
    pub fn taken(&self) -> DateRange {
        let limits = self.condition_parts().iter().filter_map(taken);
        let (mut first, mut end) = (None, None);
        for (operator, days) in limits {
            match operator {
                Operator::GreaterOrEqual => first = Some(days.start),
                _ => end = Some(days.end),
            }
        }
        DateRange::new(first, end, &TimeZone::UTC)
    }

    /// The same filter with other days on which photos were taken.
    pub fn with_taken(&self, days: DateRange) -> Self {
        let first = days.first().map(|day| format!("taken >= {day}"));
        let last = days.last().map(|day| format!("taken <= {day}"));
        let written: Vec<String> = first.into_iter().chain(last).collect();
        self.replaced(|part| taken(part).is_some(), &written)
    }

    /// Whether a fact has to be known, as `has place` says.
    pub fn requires(&self, field: Field) -> bool {
        self.condition_parts().iter().any(|part| part.as_has() == Some(field))
    }

    /// The same filter, in which a fact has to be known or need not.
    pub fn with_required(&self, field: Field, required: bool) -> Self {
        let written = if required { vec![format!("has {field}")] } else { Vec::new() };
        self.replaced(|part| part.as_has() == Some(field), &written)
    }

    /// Values of a column that are chosen: those of `column c = "x"` or `column c in ("x", "y")`.
    pub fn chosen_in_column(&self, name: &ColumnName) -> Vec<&str> {
        let chosen = self.condition_parts().iter().filter(|part| is_column_choice(part, name));
        chosen.filter_map(Condition::as_column).flat_map(|part| part.values().iter().map(ColumnValue::typed)).collect()
    }

    /// The same filter with any of these values of a column chosen instead.
    pub fn with_chosen_in_column(&self, name: &ColumnName, values: &[&str]) -> Self {
        let list = values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ");
        let written = (!values.is_empty()).then(|| format!("column {} in ({list})", quoted(name.as_str())));
        self.replaced(|part| is_column_choice(part, name), written.as_slice())
    }

    /// The smallest and the largest value of a column that are admitted, as `column c >= 1 and column c <= 2` says; also of
    /// `column c < 2`, which histograms write.
    pub fn column_limits(&self, name: &ColumnName) -> [Option<&str>; 2] {
        [true, false].map(|is_first| {
            let mut limits = self.condition_parts().iter().rev().filter_map(|part| column_limit(part, name));
            limits.find(|(of, _)| (*of == Operator::GreaterOrEqual) == is_first).map(|(_, typed)| typed)
        })
    }

    /// The same filter with other limits of a column.
    pub fn with_column_limits(&self, name: &ColumnName, limits: [Option<&str>; 2]) -> Self {
        // An end that is not changed still does not belong to what is admitted.
        let mut known = self.condition_parts().iter().filter_map(|part| column_limit(part, name));
        let is_below = known.any(|(operator, typed)| operator == Operator::Less && Some(typed) == limits[1]);
        let until = if is_below { Operator::Less } else { Operator::LessOrEqual };
        let limits = [Operator::GreaterOrEqual, until].into_iter().zip(limits);
        let write = |(operator, limit): (Operator, Option<&str>)| {
            Some(format!("column {} {operator} {}", quoted(name.as_str()), quoted(limit?)))
        };
        let written: Vec<String> = limits.filter_map(write).collect();
        self.replaced(|part| column_limit(part, name).is_some(), &written)
    }

    /// The same filter without what the controls of a column choose.
    pub fn without_column(&self, name: &ColumnName) -> Self {
        self.with_chosen_in_column(name, &[]).with_column_limits(name, [None, None])
    }

    /// The same filter without one part of its condition.
    pub fn without_part(&self, unwanted: &Condition) -> Self {
        self.replaced(|part| part == unwanted, &[])
    }

    /// The same filter without what the control of a field chooses, in order to count what else it could choose.
    pub fn without_choice(&self, field: Field) -> Self {
        match field {
            Field::Rating => self.with_min_rating(None),
            Field::Taken => self.with_taken(DateRange::default()),
            Field::Place => self.with_required(field, false),
            _ => self.with_values(field, &[]),
        }
    }

    /// Replaces parts of the condition by written ones; the first of them takes the place of the first that goes.
    pub(super) fn replaced(&self, goes: impl Fn(&Condition) -> bool, written: &[String]) -> Self {
        // Written by this file with a field, an operator and quoted texts, so they can be read.
        let mut new: Vec<Condition> =
            written.iter().filter_map(|text| Condition::parse(text, &TimeZone::UTC).ok()).collect();
        let mut parts = Vec::new();
        for part in self.condition_parts() {
            if goes(part) { parts.append(&mut new) } else { parts.push(part.clone()) }
        }
        parts.append(&mut new);
        Self { condition: Condition::all(parts).map(Arc::new), ..self.clone() }
    }
}

fn is_choice(part: &Condition, field: Field) -> bool {
    part.as_comparison().is_some_and(|part| part.field() == field && part.operator() == Operator::Equal)
}

fn is_column_choice(part: &Condition, name: &ColumnName) -> bool {
    part.as_column().is_some_and(|part| part.name() == name && part.operator() == Operator::Equal)
}

fn column_limit<'a>(part: &'a Condition, name: &ColumnName) -> Option<(Operator, &'a str)> {
    let comparison = part.as_column().filter(|comparison| comparison.name() == name)?;
    let operator = comparison.operator();
    let is_limit = matches!(operator, Operator::GreaterOrEqual | Operator::LessOrEqual | Operator::Less);
    let [value] = comparison.values() else { return None };
    is_limit.then(|| (operator, value.typed()))
}

fn rating(part: &Condition) -> Option<f64> {
    let comparison = part.as_comparison()?;
    let is_minimum = comparison.field() == Field::Rating && comparison.operator() == Operator::GreaterOrEqual;
    match comparison.values() {
        [Operand::Number(stars)] if is_minimum => Some(stars.value()),
        _ => None,
    }
}

fn taken(part: &Condition) -> Option<(Operator, Period)> {
    let comparison = part.as_comparison().filter(|comparison| comparison.field() == Field::Taken)?;
    let operator = comparison.operator();
    match comparison.values() {
        [Operand::Time(span)] if matches!(operator, Operator::GreaterOrEqual | Operator::LessOrEqual) => {
            Some((operator, span.days()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> Filter {
        let condition = Condition::parse(text, &TimeZone::UTC).expect("a condition");
        Filter { condition: Some(Arc::new(condition)), ..Filter::default() }
    }

    fn written(filter: &Filter) -> String {
        filter.condition.as_ref().map_or_else(String::new, ToString::to_string)
    }

    #[test]
    fn chosen_values_are_read_and_replaced_in_place() {
        let typed = filter("camera in (X100V, \"a \"\"b\"\"\") and (rating = 1 or has place) and camera !~ iphone");
        assert_eq!(typed.chosen_values(Field::Camera), ["X100V", "a \"b\""]);
        assert!(typed.chosen_values(Field::Lens).is_empty());
        let other = typed.with_values(Field::Camera, &["M11"]);
        assert_eq!(written(&other), "camera = \"M11\" and (rating = 1 or has place) and camera !~ \"iphone\"");
        let none = typed.without_choice(Field::Camera);
        assert_eq!(written(&none), "(rating = 1 or has place) and camera !~ \"iphone\"");
        assert_eq!(filter("camera = x").without_choice(Field::Camera), Filter::default());
    }

    #[test]
    fn values_and_limits_of_a_column_are_read_and_replaced_in_place() {
        let typed = filter(
            "column \"Unit price\" >= 3 and rating = 1 and column colour in (red, \"dark blue\") and column colour ~ e",
        );
        let [price, colour] = ["unit PRICE", "colour"].map(ColumnName::new);
        assert_eq!(
            (typed.chosen_in_column(&colour), typed.column_limits(&price)),
            (vec!["red", "dark blue"], [Some("3"), None])
        );
        let other = typed.with_chosen_in_column(&colour, &["green"]).with_column_limits(&price, [None, Some("9.5")]);
        let rest = "rating = 1 and column \"colour\" = \"green\" and column \"colour\" ~ \"e\"";
        assert_eq!(written(&other), format!("column \"unit PRICE\" <= 9.5 and {rest}"));
        let none = typed.without_column(&price).without_column(&colour);
        assert_eq!(written(&none), "rating = 1 and column \"colour\" ~ \"e\"");
        assert!(other.chosen_in_column(&price).is_empty());
    }

    #[test]
    fn all_chosen_keywords_have_to_be_there() {
        let dogs = Filter::default().with_values(Field::Keyword, &["Animals|Dogs", "lake"]);
        assert_eq!(written(&dogs), "keyword = \"Animals|Dogs\" and keyword = \"lake\"");
        assert_eq!(dogs.chosen_values(Field::Keyword), ["Animals|Dogs", "lake"]);
        assert_eq!(written(&dogs.with_values(Field::Keyword, &["lake"])), "keyword = \"lake\"");
    }

    #[test]
    fn days_stars_and_places_are_parts_of_the_condition() {
        let summer =
            filter("taken >= 2023-06 and rating >= 3 and taken <= 2023-08 and has place and taken != 2023-07-01");
        assert_eq!(summer.taken().to_string(), "2023-06-01 to 2023-08-31");
        assert_eq!((summer.min_rating(), summer.requires(Field::Place)), (Some(3.0), true));
        let since = summer.with_taken(DateRange::new(summer.taken().first(), None, &TimeZone::UTC));
        let since = since.with_min_rating(Some(5)).with_required(Field::Place, false);
        assert_eq!(written(&since), "taken >= 2023-06-01 and rating >= 5 and taken != 2023-07-01");
        assert_eq!(written(&since.with_min_rating(None).with_taken(DateRange::default())), "taken != 2023-07-01");
        let part = since.condition_parts()[1].clone();
        assert_eq!(written(&since.without_part(&part)), "taken >= 2023-06-01 and taken != 2023-07-01");
        assert!(Filter::default().taken().is_unlimited() && Filter::default().min_rating().is_none());
        assert_eq!(Filter::default().with_required(Field::Place, true).condition_parts().len(), 1);
    }
}
