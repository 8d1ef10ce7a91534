//! Times in conditions: a year, a month, a day, a minute or a second.

use std::fmt;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::field::Field;
use super::operator::Operator;
use crate::dates::Period;
use crate::photo_summary::seconds_of_clock;

/// A span of time that a field is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSpan {
    first: DateTime,
    length: SpanLength,
    /// Its first moment and the first after it: seconds of a clock, or nanoseconds since the Unix epoch.
    limits: [i64; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SpanLength {
    Year,
    Month,
    Day,
    Minute,
    Second,
}

impl TimeSpan {
    /// Parses a date, and a time of that day if given. Times of modification are in `zone`.
    pub fn parse(field: Field, date: &str, time: Option<&str>, zone: &TimeZone) -> Option<Self> {
        let period: Period = date.parse().ok()?;
        let midnight = |day: Date| day.to_datetime(Time::midnight());
        let (first, end, length) = match time {
            None => {
                let length = match date.trim().len() {
                    4 => SpanLength::Year,
                    7 => SpanLength::Month,
                    _ => SpanLength::Day,
                };
                (midnight(period.start), midnight(period.end), length)
            }
            Some(time) if date.trim().len() == 10 => {
                let (time, length) = time_of_day(time)?;
                let first = period.start.to_datetime(time);
                let duration = SignedDuration::from_secs(if length == SpanLength::Minute { 60 } else { 1 });
                (first, first.saturating_add(duration), length)
            }
            Some(_) => return None,
        };
        let limits = match field {
            Field::Modified => [first, end].map(|time| nanoseconds(time, zone)),
            _ => [first, end].map(seconds_of_clock),
        };
        Some(Self { first, length, limits })
    }

    /// The days of it, unless it is shorter than a day.
    pub fn days(&self) -> Option<Period> {
        self.to_string().parse().ok()
    }

    pub(super) fn is_ordered(&self, time: i64, operator: Operator) -> bool {
        let [first, end] = self.limits;
        match operator {
            Operator::Less => time < first,
            Operator::LessOrEqual => time < end,
            Operator::Greater => time >= end,
            Operator::GreaterOrEqual => time >= first,
            Operator::Equal | Operator::NotEqual | Operator::Contains | Operator::NotContains => {
                (first..end).contains(&time)
            }
        }
    }
}

/// `15:30` or `15:30:12`.
fn time_of_day(text: &str) -> Option<(Time, SpanLength)> {
    let number = |part: &str| {
        let valid = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i8>().ok().filter(|_| valid)
    };
    let parts: Vec<&str> = text.split(':').collect();
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute] => (hour, minute, None),
        [hour, minute, second] => (hour, minute, Some(number(second)?)),
        _ => return None,
    };
    let time = Time::new(number(hour)?, number(minute)?, second.unwrap_or(0), 0).ok()?;
    Some((time, if second.is_some() { SpanLength::Second } else { SpanLength::Minute }))
}

/// Nanoseconds since the Unix epoch; a time too far from it is beyond every time that an item can have.
fn nanoseconds(time: DateTime, zone: &TimeZone) -> i64 {
    let moment = time.to_zoned(zone.clone()).map(|time| Timestamp::as_nanosecond(time.timestamp()));
    let limit = if time.year() < 1970 { i64::MIN } else { i64::MAX };
    moment.ok().and_then(|ns| i64::try_from(ns).ok()).unwrap_or(limit)
}

/// As it may be written in a condition.
impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, time) = (self.first.date(), self.first.time());
        match self.length {
            SpanLength::Year => write!(f, "{:04}", day.year()),
            SpanLength::Month => write!(f, "{:04}-{:02}", day.year(), day.month()),
            SpanLength::Day => write!(f, "{day}"),
            SpanLength::Minute => write!(f, "{day} {:02}:{:02}", time.hour(), time.minute()),
            SpanLength::Second => write!(f, "{day} {:02}:{:02}:{:02}", time.hour(), time.minute(), time.second()),
        }
    }
}
