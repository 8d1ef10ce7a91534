//! Round values along an axis: steps of 1, 2 or 5 for numbers, of calendar units for dates.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use crate::context::format;
use vicinity_core::bins::nice_step;
use vicinity_core::photo_summary::seconds_of_clock;

/// At most so many are made, whatever is asked for.
const MAX_TICKS: usize = 64;
const DAY: i64 = 86_400;
/// Seconds of a mean year.
const YEAR: i64 = 31_556_952;

/// A round value.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Its value.
    pub value: f64,
    /// Its words.
    pub label: String,
}

/// About `wanted` round numbers from `low` to `high`.
pub fn numbers(low: f64, high: f64, wanted: usize) -> Vec<Tick> {
    let range = high - low;
    if !(range > 0.0 && range.is_finite() && low.abs() < 1e15) {
        return Vec::new();
    }
    let least = range / wanted.max(1) as f64;
    let Some(step) = nice_step(least) else { return Vec::new() };
    let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
    let first = (low / step).ceil();
    let ticks = (0..MAX_TICKS).map(|i| (first + i as f64) * step).take_while(|value| *value <= high + step * 1e-9);
    ticks.map(|value| Tick { value, label: number(value, decimals) }).collect()
}

/// A number with so many decimals; large whole ones with separators.
fn number(value: f64, decimals: usize) -> String {
    let zero = 0.5 * 10_f64.powi(-(decimals as i32));
    let value = if value.abs() < zero { 0.0 } else { value };
    let digits = if decimals == 0 && value.abs() >= 10_000.0 {
        format::number(value.abs() as u64)
    } else {
        format!("{:.decimals$}", value.abs())
    };
    if value < 0.0 { format!("−{digits}") } else { digits }
}

/// Steps between dates.
#[derive(Debug, Clone, Copy)]
enum DateStep {
    Years(i64),
    Months(i64),
    Seconds(i64),
}

const DATE_STEPS: [DateStep; 23] = [
    DateStep::Seconds(1),
    DateStep::Seconds(5),
    DateStep::Seconds(15),
    DateStep::Seconds(30),
    DateStep::Seconds(60),
    DateStep::Seconds(300),
    DateStep::Seconds(900),
    DateStep::Seconds(1_800),
    DateStep::Seconds(3_600),
    DateStep::Seconds(3 * 3_600),
    DateStep::Seconds(6 * 3_600),
    DateStep::Seconds(12 * 3_600),
    DateStep::Seconds(DAY),
    DateStep::Seconds(2 * DAY),
    DateStep::Seconds(7 * DAY),
    DateStep::Months(1),
    DateStep::Months(3),
    DateStep::Months(6),
    DateStep::Years(1),
    DateStep::Years(2),
    DateStep::Years(5),
    DateStep::Years(10),
    DateStep::Years(20),
];

impl DateStep {
    /// About its length.
    fn seconds(self) -> i64 {
        match self {
            Self::Years(years) => years * YEAR,
            Self::Months(months) => months * YEAR / 12,
            Self::Seconds(seconds) => seconds,
        }
    }

    /// The step number `at` of those from the first one at or before `start`.
    fn date(self, start: DateTime, at: i64) -> Option<DateTime> {
        let month = |year: i64, month: i64| {
            let date = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
            Some(date.to_datetime(Time::midnight()))
        };
        match self {
            Self::Years(years) => month((i64::from(start.year()).div_euclid(years) + at) * years, 1),
            Self::Months(months) => {
                let all = i64::from(start.year()) * 12 + i64::from(start.month()) - 1;
                let wanted = (all.div_euclid(months) + at) * months;
                month(wanted.div_euclid(12), wanted.rem_euclid(12) + 1)
            }
            Self::Seconds(step) => datetime((seconds_of_clock(start).div_euclid(step) + at) * step),
        }
    }

    fn label(self, date: DateTime) -> String {
        let format = match self {
            Self::Years(_) => "%Y",
            Self::Months(_) => "%b %Y",
            Self::Seconds(DAY..) => "%-d %b %Y",
            Self::Seconds(60..) => "%-d %b %H:%M",
            Self::Seconds(_) => "%H:%M:%S",
        };
        date.strftime(format).to_string()
    }
}

fn datetime(seconds: i64) -> Option<DateTime> {
    Timestamp::from_second(seconds).ok().map(|time| TimeZone::UTC.to_datetime(time))
}

/// About `wanted` dates from `low` to `high`, seconds since 1970-01-01 00:00 of a clock.
pub fn dates(low: f64, high: f64, wanted: usize) -> Vec<Tick> {
    let least = (high - low) / wanted.max(1) as f64;
    let Some(start) = datetime(low as i64).filter(|_| least > 0.0) else { return Vec::new() };
    let last = DateStep::Years(((least / YEAR as f64 / 50.0).ceil() as i64).clamp(1, 100) * 50);
    let step = DATE_STEPS.into_iter().find(|step| step.seconds() as f64 >= least).unwrap_or(last);
    let dates = (0..MAX_TICKS as i64).map_while(|at| step.date(start, at));
    let ticks = dates.map(|date| Tick { value: seconds_of_clock(date) as f64, label: step.label(date) });
    ticks.skip_while(|tick| tick.value < low).take_while(|tick| tick.value <= high).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    fn seconds(date: &str) -> f64 {
        seconds_of_clock(date.parse().expect("a date")) as f64
    }

    #[test]
    fn numbers_are_round_and_within_the_ends() {
        assert_eq!(labels(&numbers(-0.31, 0.42, 5)), ["−0.2", "0.0", "0.2", "0.4"]);
        assert_eq!(labels(&numbers(0.0, 5.0, 6)), ["0", "1", "2", "3", "4", "5"]);
        assert_eq!(labels(&numbers(9_000.0, 31_000.0, 3)), ["10,000", "20,000", "30,000"]);
        assert_eq!(labels(&numbers(0.0301, 0.0324, 4)), ["0.031", "0.032"]);
        for (low, high) in [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            assert_eq!(numbers(low, high, 5), []);
        }
        assert!(numbers(0.0, 1.0, 100_000).len() <= MAX_TICKS);
    }

    #[test]
    fn dates_are_years_months_days_or_hours() {
        let of = |from: &str, to: &str, wanted| dates(seconds(from), seconds(to), wanted);
        let years = of("2003-05-01T00:00:00", "2024-02-01T00:00:00", 5);
        assert_eq!(labels(&years), ["2005", "2010", "2015", "2020"]);
        assert_eq!(years[0].value, seconds("2005-01-01T00:00:00"));
        let months = of("2023-11-20T00:00:00", "2024-03-02T00:00:00", 4);
        assert_eq!(labels(&months), ["Dec 2023", "Jan 2024", "Feb 2024", "Mar 2024"]);
        let days = of("2024-02-27T12:00:00", "2024-03-02T12:00:00", 4);
        assert_eq!(labels(&days), ["28 Feb 2024", "29 Feb 2024", "1 Mar 2024", "2 Mar 2024"]);
        assert_eq!(labels(&of("2024-02-27T11:10:00", "2024-02-27T13:20:00", 3)), ["27 Feb 12:00", "27 Feb 13:00"]);
        assert_eq!(labels(&of("0010-01-01T00:00:00", "2024-01-01T00:00:00", 4)).len(), 3);
        assert_eq!(dates(f64::NAN, 1.0, 4), []);
    }
}
