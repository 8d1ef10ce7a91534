//! Days, months and years as people write them, and ranges of days.

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use thiserror::Error;

/// Why a text is not a date.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a date: write a day (2024-05-31), a month (2024-05) or a year (2024)")]
pub struct DateError;

/// A day, month or year: `2024-05-31`, `2024-05`, `2024`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first day.
    pub start: Date,
    /// The day after its last day.
    pub end: Date,
}

impl std::str::FromStr for Period {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let number = |part: &str, digits: usize| {
            let valid = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
            part.parse::<i16>().ok().filter(|_| valid).ok_or(DateError)
        };
        let parts: Vec<&str> = text.trim().split('-').collect();
        let (year, month, day) = match parts.as_slice() {
            [year] => (year, None, None),
            [year, month] => (year, Some(month), None),
            [year, month, day] => (year, Some(month), Some(day)),
            _ => return Err(DateError),
        };
        let year = number(year, 4)?;
        let month = month.map(|month| number(month, 2)).transpose()?;
        let day = day.map(|day| number(day, 2)).transpose()?;
        let start = Date::new(year, month.unwrap_or(1) as i8, day.unwrap_or(1) as i8).map_err(|_| DateError)?;
        let length = match (month, day) {
            (None, _) => 1.year(),
            (Some(_), None) => 1.month(),
            (Some(_), Some(_)) => 1.day(),
        };
        Ok(Self { start, end: start.checked_add(length).unwrap_or(Date::MAX) })
    }
}

/// Days in one time zone; without a limit at either end by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateRange {
    days: [Option<Date>; 2],
    /// Nanoseconds since the Unix epoch: the first that belongs to it, and the first that no longer does.
    limits_ns: [i64; 2],
}

impl Default for DateRange {
    fn default() -> Self {
        Self { days: [None, None], limits_ns: [i64::MIN, i64::MAX] }
    }
}

impl DateRange {
    /// From the beginning of the day `start` until before the beginning of the day `end`.
    pub fn new(start: Option<Date>, end: Option<Date>, time_zone: &TimeZone) -> Self {
        let midnight = |day: Date| {
            // A day too far from the epoch is beyond every time that an item can have.
            let time = day.to_zoned(time_zone.clone()).map(|time| time.timestamp().as_nanosecond());
            time.ok().and_then(|ns| i64::try_from(ns).ok()).unwrap_or(if day.year() < 1970 {
                i64::MIN
            } else {
                i64::MAX
            })
        };
        let limit = |day: Option<Date>, open: i64| day.map_or(open, midnight);
        Self { days: [start, end], limits_ns: [limit(start, i64::MIN), limit(end, i64::MAX)] }
    }

    /// Whether it has no limit.
    pub fn is_unlimited(&self) -> bool {
        self.days == [None, None]
    }

    /// The first day, if limited.
    pub fn first(&self) -> Option<Date> {
        self.days[0]
    }

    /// The last day, if limited.
    pub fn last(&self) -> Option<Date> {
        self.end().and_then(|end| end.yesterday().ok())
    }

    /// The day after the last, if limited.
    pub fn end(&self) -> Option<Date> {
        self.days[1]
    }

    /// Whether no time belongs to it.
    pub fn is_empty(&self) -> bool {
        self.limits_ns[0] >= self.limits_ns[1]
    }

    /// Whether a time belongs to it, nanoseconds since the Unix epoch.
    pub fn contains(&self, time_ns: i64) -> bool {
        let [start, end] = self.limits_ns;
        start <= time_ns && (time_ns < end || end == i64::MAX)
    }
}

/// For the user: `2024-05-01 to 2024-06-30`, `since 2024-05-01`, `until 2024-06-30`, `2024-05-01`.
impl std::fmt::Display for DateRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.first(), self.last()) {
            (Some(first), Some(last)) if first == last => write!(f, "{first}"),
            (Some(first), Some(last)) => write!(f, "{first} to {last}"),
            (Some(first), None) => write!(f, "since {first}"),
            (None, Some(last)) => write!(f, "until {last}"),
            (None, None) => f.write_str("at any time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(text: &str) -> Period {
        text.parse().expect("a date")
    }

    fn at(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().expect("a time").as_nanosecond() as i64
    }

    #[test]
    fn a_date_is_a_day_a_month_or_a_year() {
        let days = |text: &str| [period(text).start, period(text).end].map(|day| day.to_string());
        assert_eq!(days("2024-05-31"), ["2024-05-31", "2024-06-01"]);
        assert_eq!(days(" 2024-02 "), ["2024-02-01", "2024-03-01"]);
        assert_eq!(days("2023"), ["2023-01-01", "2024-01-01"]);
        for text in
            ["", "yesterday", "2024-13", "2023-02-29", "24-05-01", "2024-5-1", "01.05.2024", "2024-05-01-01", "٢٠٢٤"]
        {
            assert_eq!(text.parse::<Period>(), Err(DateError), "{text}");
        }
    }

    #[test]
    fn days_far_away_and_midnights_that_do_not_exist_are_no_trouble() {
        let day = |text: &str| Some(period(text).start);
        let range = |start, end| DateRange::new(start, end, &TimeZone::UTC);
        assert!(range(day("0001"), day("9999")).contains(0) && range(day("0001"), None).contains(i64::MIN));
        assert!(!range(day("9998"), None).contains(0) && !range(None, day("1500")).contains(0));
        assert!(range(day("2024-05"), day("2024-05")).is_empty() && !range(day("2024-05"), None).is_empty());
        // The clocks of Beirut went from 23:59 to 01:00.
        let beirut = TimeZone::posix("EET-2EEST,M3.5.0/0,M10.5.0/0").expect("a time zone");
        let from = DateRange::new(day("2024-03-31"), None, &beirut);
        assert!(from.contains(at("2024-03-30T22:00:00Z")) && !from.contains(at("2024-03-30T21:59:59Z")));
    }

    #[test]
    fn a_range_of_days_reads_as_people_write_it() {
        let said = |start: Option<&str>, last: Option<&str>| {
            let (start, end) = (start.map(|day| period(day).start), last.map(|day| period(day).end));
            DateRange::new(start, end, &TimeZone::UTC).to_string()
        };
        assert_eq!(said(Some("2024-05-01"), Some("2024-06")), "2024-05-01 to 2024-06-30");
        assert_eq!(said(Some("2024"), None), "since 2024-01-01");
        assert_eq!(said(None, Some("2024-06-30")), "until 2024-06-30");
        assert_eq!(said(Some("2024-05-01"), Some("2024-05-01")), "2024-05-01");
    }
}
