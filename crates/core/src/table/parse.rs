//! Numbers and dates as tables write them.

use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Serialize};

use crate::photo_summary::seconds_of_clock;

/// Stands for a date that is not known.
pub const UNKNOWN_DATE: i64 = i64::MIN;

/// What stands before the decimals of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decimal {
    /// `1,234.5`
    Point,
    /// `1.234,5`
    Comma,
}

impl Decimal {
    /// Lower-case word, as printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Point => "point",
            Self::Comma => "comma",
        }
    }
}

/// The order of day and month in dates that do not begin with the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// `14/06/2023`
    DayFirst,
    /// `06/14/2023`
    MonthFirst,
}

/// Whether a cell says that a value is missing.
pub fn is_missing(text: &str) -> bool {
    const WORDS: [&str; 9] = ["na", "n/a", "nan", "null", "none", "-", "?", "\\n", "#n/a"];
    text.is_empty() || WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// A number, perhaps with a currency or a percent sign, and with groups of three digits; `None` for what may be an
/// identifier (`007`).
pub fn number(text: &str, decimal: Decimal) -> Option<f64> {
    let is_around = |c: char| c.is_whitespace() || matches!(c, '€' | '$' | '£' | '¥' | '%');
    let text = text.trim_matches(is_around);
    let negative = text.strip_prefix(['-', '−']);
    let digits = negative.or_else(|| text.strip_prefix('+')).unwrap_or(text).trim_start_matches(is_around);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',')) {
        return None;
    }
    let (mantissa, exponent) = digits.split_once(['e', 'E']).map_or((digits, None), |(m, e)| (m, Some(e)));
    let (point, group) = match decimal {
        Decimal::Point => ('.', ','),
        Decimal::Comma => (',', '.'),
    };
    let (whole, fraction) = mantissa.split_once(point).map_or((mantissa, ""), |(whole, fraction)| (whole, fraction));
    let whole = without_groups(whole, group)?;
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_identifier = whole.len() > 1 && whole.starts_with('0');
    if !all_digits(&whole) || !all_digits(fraction) || is_identifier || whole.len() + fraction.len() == 0 {
        return None;
    }
    let exponent = match exponent {
        None => "0",
        Some(exponent) => Some(exponent).filter(|e| {
            let digits = e.strip_prefix(['-', '+']).unwrap_or(e);
            !digits.is_empty() && digits.len() < 5 && all_digits(digits)
        })?,
    };
    let value: f64 = format!("{whole}.{fraction}0e{exponent}").parse().ok()?;
    let value = if negative.is_some() { -value } else { value };
    value.is_finite().then_some(value)
}

/// Digits without what separates groups of three; `None` if the groups are of other sizes.
fn without_groups(whole: &str, group: char) -> Option<std::borrow::Cow<'_, str>> {
    let is_separator = |c: char| c == group || matches!(c, ' ' | '\'' | '\u{a0}' | '\u{202f}' | '’');
    let Some(separator) = whole.chars().find(|c| is_separator(*c)) else { return Some(whole.into()) };
    let mut groups = whole.split(separator);
    let first = groups.next().filter(|first| (1..=3).contains(&first.len()))?.to_owned();
    groups.try_fold(first, |all, next| (next.len() == 3).then(|| all + next)).map(Into::into)
}

/// Whether the two ways of writing decimals give different results.
pub fn tells_decimal(text: &str) -> Option<Decimal> {
    match [Decimal::Point, Decimal::Comma].map(|decimal| number(text, decimal)) {
        [Some(_), None] => Some(Decimal::Point),
        [None, Some(_)] => Some(Decimal::Comma),
        _ => None,
    }
}

/// A date as its clock showed it, seconds since 1970-01-01 00:00: `2023-06-14`, `2023-06`, `14.06.2023`, `6/14/2023`, perhaps
/// with a time, whose offset from UTC is not counted.
pub fn date(text: &str, order: DateOrder) -> Option<i64> {
    let text = text.trim();
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)),
        None => (text, None),
    };
    let day = day(date, order)?;
    let time = time.map_or(Some(Time::midnight()), |time| time_of_day(time.trim()))?;
    Some(seconds_of_clock(DateTime::from_parts(day, time)))
}

/// The order of day and month that a date shows by itself.
pub fn tells_order(text: &str) -> Option<DateOrder> {
    let (parts, separator) = parts(text.trim().split([' ', 'T', 't']).next()?)?;
    match parts.as_slice() {
        [first, second, year] if year.len() == 4 => match (first.parse::<u8>().ok()?, second.parse::<u8>().ok()?) {
            (13..=31, 1..=12) => Some(DateOrder::DayFirst),
            (1..=12, 13..=31) => Some(DateOrder::MonthFirst),
            _ if separator == '/' => None,
            _ => Some(DateOrder::DayFirst),
        },
        _ => None,
    }
}

fn parts(date: &str) -> Option<(Vec<&str>, char)> {
    let separator = date.chars().find(|c| !c.is_ascii_digit()).filter(|c| matches!(c, '-' | '/' | '.'))?;
    let parts: Vec<&str> = date.split(separator).take(4).collect();
    let digits = |part: &&str| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.iter().all(digits).then_some((parts, separator))
}

fn day(text: &str, order: DateOrder) -> Option<Date> {
    let (parts, separator) = parts(text)?;
    let number = |part: &str| part.parse::<i16>().ok();
    let (year, month, day) = match parts.as_slice() {
        [year, month] if year.len() == 4 && month.len() == 2 && separator == '-' => (year, month, "1"),
        [year, month, day] if year.len() == 4 && day.len() <= 2 => (year, month, *day),
        [first, second, year] if year.len() == 4 && first.len() <= 2 => match order {
            DateOrder::DayFirst => (year, second, *first),
            DateOrder::MonthFirst => (year, first, *second),
        },
        _ => return None,
    };
    Date::new(number(year)?, i8::try_from(number(month)?).ok()?, i8::try_from(number(day)?).ok()?).ok()
}

/// `15:30`, `15:30:12` or `15:30:12.5`, perhaps with an offset from UTC.
fn time_of_day(text: &str) -> Option<Time> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.'))).unwrap_or(text.len());
    let (clock, zone) = text.split_at(end);
    let is_zone = |zone: &str| {
        let offset = zone.strip_prefix(['+', '-', '−']);
        zone.is_empty()
            || zone.eq_ignore_ascii_case("z")
            || zone.eq_ignore_ascii_case("utc")
            || offset.is_some_and(|offset| offset.len() <= 8 && offset.bytes().all(|b| b.is_ascii_digit() || b == b':'))
    };
    if !is_zone(zone.trim()) {
        return None;
    }
    let mut parts = clock.split(':');
    let number = |part: &str| part.parse::<i8>().ok().filter(|_| part.len() == 2 || part.len() == 1);
    let (hour, minute) = (number(parts.next()?)?, number(parts.next()?)?);
    let second = match parts.next() {
        None => 0,
        Some(second) => number(second.split('.').next()?)?,
    };
    parts.next().is_none().then(|| Time::new(hour, minute, second, 0).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_point_or_comma() {
        let point = |text| number(text, Decimal::Point);
        let comma = |text| number(text, Decimal::Comma);
        for (text, value) in
            [("3", 3.0), ("-3.5", -3.5), ("1,234,567.5", 1_234_567.5), ("1e-3", 0.001), (".5", 0.5), ("5.", 5.0)]
        {
            assert_eq!(point(text), Some(value), "{text}");
        }
        for (text, value) in
            [("1,5", 1.5), ("1.234,5", 1234.5), ("−2", -2.0), ("1 234 567", 1_234_567.0), ("12 %", 12.0)]
        {
            assert_eq!(comma(text), Some(value), "{text}");
        }
        assert_eq!((point("$3.50"), comma("3,50 €"), point("-$3")), (Some(3.5), Some(3.5), Some(-3.0)));
        for text in [
            "", "-", ".", "x", "1,5", "1,23,456", "007", "1e", "1e99999", "1e999", "nan", "inf", "1.2.3", "12a", "0x10",
        ] {
            assert_eq!(point(text), None, "{text}");
        }
        assert_eq!(
            ["1,5", "1.5", "1,234", "15"].map(tells_decimal),
            [Some(Decimal::Comma), Some(Decimal::Point), None, None]
        );
    }

    #[test]
    fn dates_are_read_in_their_order() {
        let second = |text: &str| Some(text.parse::<jiff::Timestamp>().expect("a time").as_second());
        let midnight = second("2023-06-14T00:00:00Z");
        for text in ["2023-06-14", "2023/6/14", "14.06.2023", "14/6/2023", "2023-06-14T00:00:00Z", "2023-06-14 0:00"] {
            assert_eq!(date(text, DateOrder::DayFirst), midnight, "{text}");
        }
        assert_eq!(date("6/14/2023", DateOrder::MonthFirst), midnight);
        assert_eq!(date("2023-06", DateOrder::DayFirst), second("2023-06-01T00:00:00Z"));
        assert_eq!(date("2023-06-14T15:30:12.25+02:00", DateOrder::DayFirst), second("2023-06-14T15:30:12Z"));
        for text in
            ["2023", "2023-13-01", "14.6.23", "3.5", "1/2", "2023-06-14 noon", "2023-06-14T15", "a-b-c", "é-é", ""]
        {
            assert_eq!(date(text, DateOrder::DayFirst), None, "{text}");
        }
        assert_eq!(
            ["13/06/2023", "06/13/2023", "05/06/2023", "05.06.2023", "2023-06-14"].map(tells_order),
            [Some(DateOrder::DayFirst), Some(DateOrder::MonthFirst), None, Some(DateOrder::DayFirst), None]
        );
    }
}
