//! Into which bars of a histogram numbers and dates are counted. Edges are numbers and days that people would choose.

use jiff::civil::Date;
use jiff::{Span, ToSpan as _};

use super::condition::field::Field;
use super::condition::number::tolerance;

/// Most bins of a histogram.
pub const MAX_BINS: usize = 72;
/// About how many bins numbers in equal steps have.
const STEPS: f64 = 30.0;
/// Numbers whose largest is so many times the smallest are counted in steps of 1, 2, 5, 10, 20.
const WIDE: f64 = 1000.0;
/// Digits at which such numbers begin.
const DIGITS: [f64; 3] = [1.0, 2.0, 5.0];
/// The same while there are few.
const MORE_DIGITS: [f64; 6] = [1.0, 1.5, 2.0, 3.0, 5.0, 7.0];

/// Full stops of lenses.
const APERTURES: [f64; 14] = [0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0, 16.0, 22.0, 32.0, 45.0, 64.0];
/// Exposure times on the dials of cameras, seconds.
const EXPOSURES: [f64; 20] = [
    1.0 / 16000.0,
    1.0 / 8000.0,
    1.0 / 4000.0,
    1.0 / 2000.0,
    1.0 / 1000.0,
    1.0 / 500.0,
    1.0 / 250.0,
    1.0 / 125.0,
    1.0 / 60.0,
    1.0 / 30.0,
    1.0 / 15.0,
    1.0 / 8.0,
    1.0 / 4.0,
    1.0 / 2.0,
    1.0,
    2.0,
    4.0,
    8.0,
    15.0,
    30.0,
];
/// Full stops of ISO speeds.
const SPEEDS: [f64; 16] = [
    25.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 12800.0, 25600.0, 51200.0, 102_400.0, 204_800.0,
    409_600.0, 819_200.0,
];
/// Usual focal lengths, millimetres.
const FOCAL_LENGTHS: [f64; 20] = [
    2.0, 4.0, 6.0, 8.0, 10.0, 14.0, 18.0, 24.0, 28.0, 35.0, 50.0, 70.0, 85.0, 105.0, 135.0, 200.0, 300.0, 400.0, 600.0,
    800.0,
];

/// Adjacent spans of values. Each includes its lower edge; the first and the last also hold everything beyond them.
#[derive(Debug, Clone, PartialEq)]
pub struct Bins {
    edges: Vec<f64>,
    scale: BinScale,
}

/// What the edges of bins are.
#[derive(Debug, Clone, PartialEq)]
pub enum BinScale {
    /// Numbers.
    Numbers,
    /// Whole numbers, one per bin.
    Whole,
    /// The beginnings of these days.
    Dates(Vec<Date>, DateStep),
}

/// How long the bins of dates are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateStep {
    /// So many days: one, or a week from Monday.
    Days(i32),
    /// So many months.
    Months(i32),
    /// So many years.
    Years(i32),
}

const DATE_STEPS: [DateStep; 10] = [
    DateStep::Days(1),
    DateStep::Days(7),
    DateStep::Months(1),
    DateStep::Months(3),
    DateStep::Years(1),
    DateStep::Years(5),
    DateStep::Years(10),
    DateStep::Years(50),
    DateStep::Years(100),
    DateStep::Years(1000),
];

/// Where some numbers are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The smallest and the largest.
    pub limits: [f64; 2],
    /// Whether all are whole numbers.
    pub whole: bool,
}

impl Spread {
    /// Without a few numbers that are far from all others, such as dates of a clock that was never set: they would leave all
    /// others in one bin. `sample` is an even selection of the numbers.
    pub fn without_outliers(self, mut sample: Vec<f64>) -> Self {
        sample.sort_unstable_by(f64::total_cmp);
        let at = |share: usize| sample.get(sample.len() * share / 1000).copied();
        let (Some(low), Some(high)) = (at(5), at(995)) else { return self };
        let [first, last] = self.limits;
        let is_wide = high > low && last - first > 4.0 * (high - low);
        let margin = (high - low) / 10.0;
        let limits = if is_wide { [first.max(low - margin), last.min(high + margin)] } else { self.limits };
        Self { limits, ..self }
    }
}

impl Bins {
    /// Bins for the numbers of a fact; `None` if all of them are about the same.
    pub fn of_field(field: Field, spread: Spread) -> Option<Self> {
        let edges = match field {
            Field::Aperture => from_list(&APERTURES, spread.limits, tolerance(field)),
            Field::Exposure => from_list(&EXPOSURES, spread.limits, tolerance(field)),
            Field::Iso => from_list(&SPEEDS, spread.limits, 0.0),
            Field::Focal => from_list(&FOCAL_LENGTHS, spread.limits, tolerance(field)),
            Field::Size if spread.limits[1] > 20.0 * spread.limits[0] => {
                let [low, high] = spread.limits.map(|limit| limit.max(1.0));
                round_numbers(low, high)?
            }
            _ => return Self::of_numbers(spread),
        };
        Self::new(edges, BinScale::Numbers)
    }

    /// Bins for other numbers; `None` if all of them are the same.
    pub fn of_numbers(spread: Spread) -> Option<Self> {
        let [low, high] = spread.limits;
        if low > 0.0
            && high / low >= WIDE
            && let Some(edges) = round_numbers(low, high)
        {
            return Self::new(edges, BinScale::Numbers);
        }
        let step = nice_step((high - low) / STEPS)?;
        let (step, scale) = match spread.whole {
            true if step <= 1.0 => (1.0, BinScale::Whole),
            _ => (step, BinScale::Numbers),
        };
        // Multiples of a fraction are quotients, so that they are the numbers that are nearest to 0.1, 0.2, 0.3.
        let edge = |at: f64| if step < 1.0 { at / (1.0 / step).round() } else { at * step };
        let first = (low / step).floor();
        let edges = (0..=MAX_BINS).map(|at| edge(first + at as f64));
        Self::new(up_to_above(edges, high), scale)
    }

    /// Bins for days, each from its beginning; `seconds` says when a day begins. `None` if all are in one bin.
    pub fn of_dates([first, last]: [Date; 2], seconds: impl Fn(Date) -> f64) -> Option<Self> {
        let days = |step: DateStep| {
            let start = step.floor(first);
            let mut days = vec![start];
            for at in 1..=MAX_BINS as i32 + 1 {
                // The calendar may end within the last bin.
                let day = step.times(at).and_then(|span| start.checked_add(span).ok()).unwrap_or(Date::MAX);
                days.push(day);
                if day > last || day == Date::MAX {
                    break;
                }
            }
            (days.len() <= MAX_BINS + 1).then_some((days, step))
        };
        let (days, step) = DATE_STEPS.into_iter().find_map(days)?;
        let edges = days.iter().map(|day| seconds(*day)).collect();
        Self::new(edges, BinScale::Dates(days, step))
    }

    fn new(edges: Vec<f64>, scale: BinScale) -> Option<Self> {
        (edges.len() > 2 && edges.iter().all(|edge| edge.is_finite())).then_some(Self { edges, scale })
    }

    /// Number of bins; at least two.
    pub fn len(&self) -> usize {
        self.edges.len() - 1
    }

    /// Always false: there are at least two.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// One more than there are bins, ascending.
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// What the edges are.
    pub fn scale(&self) -> &BinScale {
        &self.scale
    }

    /// The bin of a value. `tolerance` is the share by which a value may be below an edge and still be equal to it.
    pub fn bin_of(&self, value: f64, tolerance: f64) -> usize {
        self.inner_edges().partition_point(|edge| value >= edge - tolerance * edge.abs())
    }

    /// The last bin that has a value below this one.
    pub fn bin_below(&self, value: f64) -> usize {
        self.inner_edges().partition_point(|edge| *edge < value)
    }

    fn inner_edges(&self) -> &[f64] {
        self.edges.get(1..self.len()).unwrap_or_default()
    }
}

impl DateStep {
    /// So many times as long; `None` if that is longer than the calendar.
    fn times(self, times: i32) -> Option<Span> {
        let span = match self {
            Self::Days(days) => Span::new().try_days(days * times),
            Self::Months(months) => Span::new().try_months(months * times),
            Self::Years(years) => Span::new().try_years(years * times),
        };
        span.ok()
    }

    /// The first day of the bin of a day; that of the calendar if the bin begins earlier.
    fn floor(self, day: Date) -> Date {
        let (year, month) = (day.year(), i32::from(day.month()) - 1);
        let floor = match self {
            Self::Days(7) => day.checked_sub(i32::from(day.weekday().to_monday_zero_offset()).days()),
            Self::Days(_) => Ok(day),
            Self::Months(months) => Date::new(year, (month / months * months + 1) as i8, 1),
            Self::Years(years) => Date::new(year.div_euclid(years as i16) * years as i16, 1, 1),
        };
        floor.unwrap_or(Date::MIN)
    }
}

/// The part of a list of edges in which numbers between the limits are.
fn from_list(list: &[f64], [low, high]: [f64; 2], tolerance: f64) -> Vec<f64> {
    let first = list.partition_point(|edge| *edge <= low * (1.0 + tolerance)).saturating_sub(1);
    let above = list.last().map(|last| last * 2.0);
    let edges = list.get(first..).unwrap_or_default().iter().copied().chain(above);
    up_to_above(edges, high * (1.0 + tolerance))
}

/// 1, 2, 5, 10, 20, 50 and so on around two positive numbers, and more of them if they are near; `None` if these are too many.
fn round_numbers(low: f64, high: f64) -> Option<Vec<f64>> {
    let decades = low.log10().floor() as i32..=high.log10().floor() as i32 + 1;
    // Powers of ten are written as people write them, so that no edge is 0.30000000000000004.
    let digits = if high / low > WIDE { &DIGITS[..] } else { &MORE_DIGITS };
    let edge = |decade: i32, digit: f64| {
        let power = 10_f64.powi(decade.abs());
        if decade < 0 { digit / power } else { digit * power }
    };
    let edges: Vec<f64> = decades.flat_map(|decade| digits.iter().map(move |digit| edge(decade, *digit))).collect();
    let first = edges.partition_point(|edge| *edge <= low).saturating_sub(1);
    let edges = up_to_above(edges.into_iter().skip(first), high);
    (edges.len() <= MAX_BINS + 1).then_some(edges)
}

/// Edges up to the first that is above a number.
fn up_to_above(edges: impl Iterator<Item = f64>, high: f64) -> Vec<f64> {
    let mut is_above = false;
    edges.take_while(|edge| !std::mem::replace(&mut is_above, *edge > high)).collect()
}

/// 1, 2 or 5 times a power of ten, not below `step`; `None` if there is none.
pub fn nice_step(step: f64) -> Option<f64> {
    let power = 10_f64.powf(step.log10().floor());
    let usable = step > 0.0 && step.is_finite() && power.is_normal();
    let factor = DIGITS.into_iter().find(|factor| factor * power >= step * 0.999_999).unwrap_or(10.0);
    usable.then_some(factor * power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo_summary::seconds_of_clock;
    use jiff::civil::{Time, date};

    fn numbers(low: f64, high: f64, whole: bool) -> Vec<f64> {
        Bins::of_numbers(Spread { limits: [low, high], whole }).map(|bins| bins.edges).unwrap_or_default()
    }

    #[test]
    fn numbers_are_counted_between_numbers_that_people_would_choose() {
        assert_eq!(numbers(0.13, 2.9, false)[..4], [0.1, 0.2, 0.3, 0.4]);
        assert_eq!(numbers(-3.0, 4.0, true), [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let wide = numbers(0.3, 5_000.0, false);
        assert_eq!((wide.first(), wide.last(), wide.len()), (Some(&0.2), Some(&10_000.0), 15));
        assert_eq!(numbers(3.0, 3.0, true), [] as [f64; 0]);
        assert_eq!(numbers(f64::MIN, f64::MAX, false), [] as [f64; 0]);
        for (low, high) in [(0.0, 1e-9), (1e12, 1e12 + 7.0), (-5e6, 8e6), (1e-200, 1e200)] {
            let edges = numbers(low, high, false);
            assert!((3..=MAX_BINS + 1).contains(&edges.len()), "{low} {high}: {edges:?}");
            assert!(edges[0] <= low && edges[edges.len() - 1] > high && edges.is_sorted(), "{edges:?}");
        }
    }

    #[test]
    fn facts_of_photos_are_counted_between_the_values_of_cameras() {
        let edges = |field, low, high| {
            let whole = field == Field::Rating;
            let bins = Bins::of_field(field, Spread { limits: [low, high], whole });
            bins.map(|bins| bins.edges).unwrap_or_default()
        };
        // Apertures are stored as powers of the root of two.
        assert_eq!(edges(Field::Aperture, 1.9999, 7.8), [2.0, 2.8, 4.0, 5.6, 8.0]);
        assert_eq!(edges(Field::Iso, 100.0, 800.0), [100.0, 200.0, 400.0, 800.0, 1600.0]);
        assert_eq!(edges(Field::Focal, 500.0, 2_000.0), [400.0, 600.0, 800.0, 1600.0]);
        assert_eq!(edges(Field::Size, 0.0, 30.0), [1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0]);
        assert_eq!(edges(Field::Rating, 0.0, 2.0), [0.0, 1.0, 2.0, 3.0]);
        assert!(edges(Field::Iso, 100.0, 150.0).is_empty(), "one bin says nothing");
    }

    #[test]
    fn dates_are_counted_by_days_weeks_months_or_years() {
        let bins = |first, last| {
            Bins::of_dates([first, last], |day| seconds_of_clock(day.to_datetime(Time::midnight())) as f64)
        };
        let days = |first, last| match bins(first, last).expect("bins").scale {
            BinScale::Dates(days, step) => (days, step),
            _ => unreachable!("dates"),
        };
        let (of_days, step) = days(date(2024, 5, 30), date(2024, 6, 2));
        assert_eq!((of_days.len(), step, of_days[4]), (5, DateStep::Days(1), date(2024, 6, 3)));
        let (weeks, step) = days(date(2024, 1, 3), date(2024, 7, 1));
        assert_eq!((weeks[0], weeks[1], step), (date(2024, 1, 1), date(2024, 1, 8), DateStep::Days(7)));
        let (quarters, step) = days(date(2008, 8, 3), date(2024, 7, 1));
        assert_eq!((quarters[0], quarters[1], step), (date(2008, 7, 1), date(2008, 10, 1), DateStep::Months(3)));
        let (years, step) = days(date(1971, 8, 3), date(2024, 7, 1));
        assert_eq!((years[0], years[53], step), (date(1971, 1, 1), date(2024, 1, 1), DateStep::Years(1)));
        let (ages, _) = days(Date::MIN, Date::MAX);
        assert_eq!(ages.last(), Some(&Date::MAX));
        assert!(bins(date(2024, 5, 30), date(2024, 5, 30)).is_none());
    }

    #[test]
    fn a_value_is_in_the_bin_of_its_lower_edge_and_ends_hold_what_is_beyond() {
        let bins = Bins::of_field(Field::Aperture, Spread { limits: [2.0, 7.0], whole: false }).expect("bins");
        let of = |value| bins.bin_of(value, tolerance(Field::Aperture));
        assert_eq!([1.0, 2.0, 2.79, 2.828, 4.0, 5.5999, 90.0].map(of), [0, 0, 1, 1, 2, 3, 3]);
        assert_eq!([1.0, 2.8, 2.9, 8.0].map(|value| bins.bin_below(value)), [0, 0, 1, 3]);
    }

    #[test]
    fn a_few_far_values_do_not_stretch_the_bins() {
        let sample: Vec<f64> = (0..1000).map(f64::from).chain([1e9]).collect();
        let spread = Spread { limits: [0.0, 1e9], whole: true }.without_outliers(sample);
        assert!(spread.limits[1] < 1_200.0 && spread.limits[0] == 0.0, "{spread:?}");
        let even = Spread { limits: [0.0, 999.0], whole: true };
        assert_eq!(even.without_outliers((0..1000).map(f64::from).collect()), even);
        assert_eq!(even.without_outliers(Vec::new()), even);
    }
}
