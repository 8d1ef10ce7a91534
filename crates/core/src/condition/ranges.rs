//! The limits of an attribute in a filter, as the bins of a histogram between them. What was written in any other way is left
//! as it is.

use jiff::tz::TimeZone;

use super::Condition;
use super::comparison::Operand;
use super::number::tolerance;
use super::operator::Operator;
use super::quoted;
use crate::attribute::Attribute;
use crate::bins::{BinScale, Bins};
use crate::condition::field::Field;
use crate::dates::{DateRange, Period};
use crate::filter::Filter;
use crate::table::parse::{Decimal, number};
use crate::table::{Cell, ColumnName};

/// The first and the last of some bins.
pub type BinRange = [usize; 2];

/// A limit of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
enum NumberLimit {
    From(f64),
    Until(f64),
    Below(f64),
}

impl Condition {
    /// The attribute of which it is a limit, how it is compared, and with what, as it may be written; `None` if it is
    /// anything else.
    pub fn as_limit(&self) -> Option<(Attribute, Operator, String)> {
        let (attribute, operator, value) = match (self.as_comparison(), self.as_column()) {
            (Some(comparison), _) => {
                let [value @ Operand::Number(_)] = comparison.values() else { return None };
                (Attribute::Field(comparison.field()), comparison.operator(), value.to_string())
            }
            (None, Some(comparison)) => {
                let [value] = comparison.values() else { return None };
                (Attribute::Column(comparison.name().clone()), comparison.operator(), value.typed().to_owned())
            }
            (None, None) => return None,
        };
        let is_limit = matches!(operator, Operator::GreaterOrEqual | Operator::LessOrEqual | Operator::Less);
        is_limit.then_some((attribute, operator, value))
    }
}

impl Filter {
    /// The bins that the limits of an attribute touch; `None` if it has none.
    pub fn chosen_bins(&self, attribute: &Attribute, bins: &Bins) -> Option<BinRange> {
        let last_bin = bins.len() - 1;
        let chosen = match (attribute, bins.scale()) {
            (_, BinScale::Dates(days, _)) => {
                let range = self.days_of(attribute);
                let before = |day| days.partition_point(|edge| *edge < day).saturating_sub(1);
                let from = range.first().map(|day| days.partition_point(|edge| *edge <= day).saturating_sub(1));
                [from, range.end().map(before)]
            }
            _ => {
                let tolerance = tolerance_of(attribute);
                let limits = self.condition_parts().iter().filter_map(|part| number_limit(part, attribute));
                limits.fold([None, None], |[first, last], limit| match limit {
                    NumberLimit::From(value) => [Some(bins.bin_of(value, tolerance)), last],
                    NumberLimit::Until(value) => [first, Some(bins.bin_of(value, tolerance))],
                    NumberLimit::Below(value) => [first, Some(bins.bin_below(value))],
                })
            }
        };
        let [first, last] = [chosen[0].unwrap_or(0), chosen[1].unwrap_or(last_bin)].map(|bin| bin.min(last_bin));
        (chosen != [None, None]).then_some([first, last.max(first)])
    }

    /// The same filter, with limits that admit these bins; a range that reaches the last bin on a side has no limit there.
    pub fn with_bins(&self, attribute: &Attribute, bins: &Bins, chosen: Option<BinRange>) -> Self {
        let end = bins.len();
        let edges = chosen.map_or([None, None], |[first, last]| {
            [Some(first).filter(|at| *at > 0), Some(last + 1).filter(|at| *at < end)]
        });
        if let BinScale::Dates(days, _) = bins.scale() {
            return self.with_days(attribute, edges.map(|at| days.get(at?).copied()));
        }
        let value = |at: Option<usize>| bins.edges().get(at?).copied();
        let name = match attribute {
            Attribute::Field(field) => field.as_str().to_owned(),
            Attribute::Column(name) => format!("column {}", quoted(name.as_str())),
        };
        let from = value(edges[0]).map(|value| format!("{name} >= {}", written(attribute, value)));
        let until = value(edges[1]).map(|value| match bins.scale() {
            BinScale::Whole => format!("{name} <= {}", written(attribute, value - 1.0)),
            _ => format!("{name} < {}", written(attribute, value)),
        });
        let limits: Vec<String> = from.into_iter().chain(until).collect();
        self.replaced(|part| number_limit(part, attribute).is_some(), &limits)
    }

    /// The same filter without the limits of an attribute, in order to count what else could be chosen.
    pub fn without_limits(&self, attribute: &Attribute) -> Self {
        match attribute {
            Attribute::Field(Field::Modified | Field::Taken) => self.with_days(attribute, [None, None]),
            Attribute::Field(_) => self.replaced(|part| number_limit(part, attribute).is_some(), &[]),
            Attribute::Column(name) => self.with_column_limits(name, [None, None]),
        }
    }

    fn days_of(&self, attribute: &Attribute) -> DateRange {
        match attribute {
            Attribute::Field(Field::Modified) => self.modified,
            Attribute::Field(_) => self.taken(),
            Attribute::Column(name) => {
                let [from, to] = self.column_limits(name).map(|typed| typed?.parse::<Period>().ok());
                DateRange::new(from.map(|period| period.start), to.map(|period| period.end), &TimeZone::UTC)
            }
        }
    }

    fn with_days(&self, attribute: &Attribute, [first, end]: [Option<jiff::civil::Date>; 2]) -> Self {
        let range = |zone: &TimeZone| DateRange::new(first, end, zone);
        match attribute {
            Attribute::Field(Field::Modified) => Self { modified: range(&TimeZone::system()), ..self.clone() },
            Attribute::Field(_) => self.with_taken(range(&TimeZone::UTC)),
            Attribute::Column(name) => {
                let days = range(&TimeZone::UTC);
                let written = [days.first(), days.last()].map(|day| day.map(|day| day.to_string()));
                self.with_column_limits(name, [written[0].as_deref(), written[1].as_deref()])
            }
        }
    }
}

/// The share by which a value may be below an edge and still be equal to it.
pub fn tolerance_of(attribute: &Attribute) -> f64 {
    match attribute {
        Attribute::Field(field) => tolerance(*field),
        Attribute::Column(_) => 0.0,
    }
}

fn written(attribute: &Attribute, value: f64) -> String {
    match attribute {
        Attribute::Field(_) => value.to_string(),
        Attribute::Column(_) => quoted(&Cell::Number(value).to_string()),
    }
}

fn number_limit(part: &Condition, attribute: &Attribute) -> Option<NumberLimit> {
    let (operator, value) = match attribute {
        Attribute::Field(field) => {
            let comparison = part.as_comparison().filter(|comparison| comparison.field() == *field)?;
            let [Operand::Number(value)] = comparison.values() else { return None };
            (comparison.operator(), value.value())
        }
        Attribute::Column(name) => column_number(part, name)?,
    };
    match operator {
        Operator::GreaterOrEqual => Some(NumberLimit::From(value)),
        Operator::LessOrEqual => Some(NumberLimit::Until(value)),
        Operator::Less => Some(NumberLimit::Below(value)),
        _ => None,
    }
}

fn column_number(part: &Condition, name: &ColumnName) -> Option<(Operator, f64)> {
    let comparison = part.as_column().filter(|comparison| comparison.name() == name)?;
    let [value] = comparison.values() else { return None };
    Some((comparison.operator(), number(value.typed(), Decimal::Point)?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::bins::Spread;
    use jiff::civil::date;

    fn filter(text: &str) -> Filter {
        let condition = Condition::parse(text, &TimeZone::UTC).expect("a condition");
        Filter { condition: Some(Arc::new(condition)), ..Filter::default() }
    }

    fn condition(filter: &Filter) -> String {
        filter.condition.as_ref().map_or_else(String::new, ToString::to_string)
    }

    fn bins(field: Field, low: f64, high: f64) -> Bins {
        Bins::of_field(field, Spread { limits: [low, high], whole: field == Field::Rating }).expect("bins")
    }

    #[test]
    fn numbers_of_facts_are_limited_in_place_and_read_back() {
        let attribute = Attribute::Field(Field::Size);
        let sizes = bins(Field::Size, 1e3, 1e7);
        let typed = filter("has place and size <= 5 MB and camera = x");
        assert_eq!(typed.chosen_bins(&attribute, &sizes), Some([0, 11]));
        let chosen = typed.with_bins(&attribute, &sizes, Some([2, 3]));
        assert_eq!(condition(&chosen), "has place and size >= 5 kB and size < 20 kB and camera = \"x\"");
        assert_eq!(chosen.chosen_bins(&attribute, &sizes), Some([2, 3]));
        let open = chosen.with_bins(&attribute, &sizes, Some([3, sizes.len() - 1]));
        assert_eq!(condition(&open), "has place and size >= 10 kB and camera = \"x\"");
        let none = open.with_bins(&attribute, &sizes, Some([0, sizes.len() - 1]));
        assert_eq!(condition(&none), "has place and camera = \"x\"");
        assert!(none.chosen_bins(&attribute, &sizes).is_none() && none == chosen.without_limits(&attribute));
    }

    #[test]
    fn stars_are_whole_and_exposures_written_as_cameras_show_them() {
        let (rating, exposure) = (Attribute::Field(Field::Rating), Attribute::Field(Field::Exposure));
        let stars = bins(Field::Rating, 0.0, 5.0);
        let chosen = Filter::default().with_bins(&rating, &stars, Some([3, 4]));
        assert_eq!(condition(&chosen), "rating >= 3 and rating <= 4");
        assert_eq!((chosen.chosen_bins(&rating, &stars), chosen.min_rating()), (Some([3, 4]), Some(3.0)));
        let times = bins(Field::Exposure, 1.0 / 4000.0, 1.0);
        let chosen = Filter::default().with_bins(&exposure, &times, Some([3, 5]));
        assert_eq!(condition(&chosen), "exposure >= 1/500 and exposure < 1/60");
        assert_eq!(chosen.chosen_bins(&exposure, &times), Some([3, 5]));
    }

    #[test]
    fn days_are_limited_by_the_same_parts_as_the_date_fields_use() {
        let days = Bins::of_dates([date(2020, 1, 5), date(2024, 6, 1)], |day| f64::from(day.year())).expect("bins");
        for attribute in [
            Attribute::Field(Field::Taken),
            Attribute::Field(Field::Modified),
            Attribute::Column(ColumnName::new("born")),
        ] {
            let chosen = Filter::default().with_bins(&attribute, &days, Some([2, 3]));
            assert_eq!(chosen.days_of(&attribute).to_string(), "2020-03-01 to 2020-04-30");
            assert_eq!(chosen.chosen_bins(&attribute, &days), Some([2, 3]));
            assert!(chosen.without_limits(&attribute).is_empty());
        }
        let within = filter("taken >= 2020-03-15 and taken <= 2020-05-02");
        assert_eq!(within.chosen_bins(&Attribute::Field(Field::Taken), &days), Some([2, 4]));
    }

    #[test]
    fn numbers_of_columns_are_limited_and_their_fields_show_it() {
        let name = ColumnName::new("unit price");
        let attribute = Attribute::Column(name.clone());
        let prices = Bins::of_numbers(Spread { limits: [0.5, 12.0], whole: false }).expect("bins");
        let chosen = Filter::default().with_bins(&attribute, &prices, Some([1, 2]));
        assert_eq!(condition(&chosen), "column \"unit price\" >= 1 and column \"unit price\" < 2");
        assert_eq!(chosen.chosen_bins(&attribute, &prices), Some([1, 2]));
        assert_eq!(chosen.column_limits(&name), [Some("1"), Some("2")]);
        let kept = chosen.with_column_limits(&name, [Some("0.5"), Some("2")]);
        assert_eq!(condition(&kept), "column \"unit price\" >= 0.5 and column \"unit price\" < 2");
        let other = chosen.with_column_limits(&name, [Some("1"), Some("3")]);
        assert_eq!(condition(&other), "column \"unit price\" >= 1 and column \"unit price\" <= 3");
        assert!(chosen.without_limits(&attribute).is_empty() && chosen.without_column(&name).is_empty());
    }
}
