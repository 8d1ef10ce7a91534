//! Dates and times in metadata and in file names.

use std::path::Path;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use vicinity_core::{TakenTime, TimeSource};

/// A moment in metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// What the clock showed.
    pub local: DateTime,
    /// How far it was ahead of UTC, if written.
    pub offset: Option<Offset>,
}

impl LocalTime {
    /// Whether both clocks showed the same, but for fractions of a second.
    pub fn is_same_second(&self, other: &Self) -> bool {
        let second = |time: &Self| (time.local.date(), time.local.hour(), time.local.minute(), time.local.second());
        second(self) == second(other)
    }
}

/// A reader of digits and separators.
struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.trim().as_bytes() }
    }

    /// Exactly `digits` digits.
    fn number(&mut self, digits: usize) -> Option<i16> {
        let (number, rest) = self.rest.split_at_checked(digits)?;
        let number = number.iter().try_fold(0i16, |sum, byte| {
            byte.is_ascii_digit().then(|| sum.checked_mul(10)?.checked_add(i16::from(byte - b'0'))).flatten()
        })?;
        self.rest = rest;
        Some(number)
    }

    /// One of these bytes.
    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        bytes.contains(first).then(|| self.rest = rest)?;
        Some(*first)
    }

    fn small(&mut self) -> Option<i8> {
        self.number(2).map(|number| number as i8)
    }
}

/// A date with or without time, fraction and offset, as in EXIF (`2014:03:02 13:30:00`) and in XMP
/// (`2014-03-02T13:30:00.5+02:00`). `None` for the blanks and zeros that stand for an unknown time, and for a month or
/// year alone.
pub fn parse(text: &str) -> Option<LocalTime> {
    let mut scanner = Scanner::new(text);
    let date = date(&mut scanner, b":-/.")?;
    let Some(_) = scanner.one_of(b" T") else {
        return scanner.rest.is_empty().then(|| LocalTime { local: date.to_datetime(Time::midnight()), offset: None });
    };
    let (time, offset) = clock(&mut scanner)?;
    Some(LocalTime { local: date.to_datetime(time), offset })
}

fn date(scanner: &mut Scanner<'_>, separators: &[u8]) -> Option<Date> {
    let year = scanner.number(4)?;
    scanner.one_of(separators)?;
    let month = scanner.small()?;
    scanner.one_of(separators)?;
    Date::new(year, month, scanner.small()?).ok().filter(|date| date.year() > 0)
}

/// `13:30`, `13:30:00`, `13:30:00.25`, each with or without `Z`, `+02:00` or `+0200`.
fn clock(scanner: &mut Scanner<'_>) -> Option<(Time, Option<Offset>)> {
    let hour = scanner.small()?;
    scanner.one_of(b":")?;
    let minute = scanner.small()?;
    let second = if scanner.one_of(b":").is_some() { scanner.small()?.min(59) } else { 0 };
    let mut nanoseconds = 0;
    if scanner.one_of(b".").is_some() {
        let digits = scanner.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (fraction, rest) = scanner.rest.split_at_checked(digits)?;
        nanoseconds = fraction_ns(fraction);
        scanner.rest = rest;
    }
    let time = Time::new(hour, minute, second, nanoseconds).ok()?;
    Some((time, offset(std::str::from_utf8(scanner.rest).ok()?)))
}

/// The digits behind a decimal point of seconds.
fn fraction_ns(digits: &[u8]) -> i32 {
    let mut nanoseconds = 0;
    let padded = digits.iter().copied().chain(std::iter::repeat(b'0'));
    padded.take(9).for_each(|digit| nanoseconds = nanoseconds * 10 + i32::from(digit - b'0'));
    nanoseconds
}

/// `Z`, `+02:00` or `+0200`.
pub fn offset(text: &str) -> Option<Offset> {
    let mut scanner = Scanner::new(text);
    let sign = match scanner.one_of(b"Z+-")? {
        b'Z' => return Some(Offset::UTC),
        b'-' => -1,
        _ => 1,
    };
    let hours = i32::from(scanner.small()?);
    let _ = scanner.one_of(b":");
    let minutes = i32::from(scanner.small()?);
    let valid = hours <= 15 && minutes < 60 && scanner.rest.is_empty();
    valid.then(|| Offset::from_seconds(sign * (hours * 60 + minutes) * 60).ok()).flatten()
}

/// The time with the fraction of a second that EXIF stores apart from it.
pub fn with_fraction(time: LocalTime, digits: &str) -> LocalTime {
    let digits = digits.trim();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return time;
    }
    let local = time.local.with().subsec_nanosecond(fraction_ns(digits.as_bytes())).build();
    LocalTime { local: local.unwrap_or(time.local), ..time }
}

/// The date and time that cameras, phones and programs write into file names: `IMG_20230614_153012.jpg`,
/// `2023-06-14 15.30.12.png`, `Screenshot 2023-06-14 at 3.30.12 PM.png`, `IMG-20230614-WA0001.jpg`.
///
/// Only years from 1990 to 2099 count, since other rows of eight digits are numbers.
pub fn time_in_name(path: &Path) -> Option<TakenTime> {
    let name = path.file_stem()?.to_str()?;
    let bytes = name.as_bytes();
    let starts = (0..bytes.len()).filter(|at| *at == 0 || !bytes[at - 1].is_ascii_digit());
    let (date, rest) = starts.take(100).find_map(|at| date_in_name(bytes.get(at..)?))?;
    let time = time_after_date(rest);
    // Pixel phones name their photos in UTC.
    let offset = (time.is_some() && name.starts_with("PXL_")).then_some(Offset::UTC);
    let local = date.to_datetime(time.unwrap_or_default());
    Some(TakenTime { local, offset, source: TimeSource::FileName })
}

/// A date at the beginning, with one separator twice or none, and what follows it.
fn date_in_name(bytes: &[u8]) -> Option<(Date, &[u8])> {
    let mut scanner = Scanner { rest: bytes };
    let year = scanner.number(4).filter(|year| (1990..2100).contains(year))?;
    let separator = scanner.one_of(b"-_.");
    let month = scanner.small()?;
    if let Some(separator) = separator {
        scanner.one_of(&[separator])?;
    }
    let date = Date::new(year, month, scanner.small()?).ok()?;
    // More digits are a time only where the date has none of its separators: 20230614153012.
    let goes_on = scanner.rest.first().is_some_and(u8::is_ascii_digit);
    let fits = !goes_on || (separator.is_none() && time_at(scanner.rest).is_some());
    fits.then_some((date, scanner.rest))
}

/// The time behind a date, with a few other characters (`_`, ` at `, ` um `) between.
fn time_after_date(rest: &[u8]) -> Option<Time> {
    let between = rest.iter().position(u8::is_ascii_digit).filter(|between| *between <= 5)?;
    // The number of a message, not a time.
    if rest.get(..between)?.ends_with(b"WA") {
        return None;
    }
    time_at(rest.get(between..)?)
}

fn time_at(bytes: &[u8]) -> Option<Time> {
    let mut scanner = Scanner { rest: bytes };
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let hour = scanner.number(if digits == 1 { 1 } else { 2 })? as i8;
    let separator = scanner.one_of(b"-_.:");
    if digits == 1 && separator.is_none() {
        return None;
    }
    let minute = scanner.small()?;
    if let Some(separator) = separator {
        scanner.one_of(&[separator])?;
    }
    let second = scanner.small()?;
    // Thousandths may follow; a longer row of digits is a number.
    let digits = scanner.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let thousandths = scanner.rest.get(..digits).filter(|_| digits <= 3)?;
    let rest = String::from_utf8_lossy(scanner.rest.get(digits..)?).trim_start().to_ascii_lowercase();
    let hour = match (rest.starts_with("am"), rest.starts_with("pm"), hour) {
        (true, _, 12) => 0,
        (_, true, 1..=11) => hour + 12,
        _ => hour,
    };
    Time::new(hour, minute, second, fraction_ns(thousandths)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, Option<i32>)> {
        parse(text).map(|time| (time.local.to_string(), time.offset.map(|offset| offset.seconds() / 60)))
    }

    #[test]
    fn dates_of_exif_and_xmp_are_read_with_their_offsets() {
        let time = |text: &str, offset| Some((text.to_owned(), offset));
        assert_eq!(read("2014:03:02 13:30:00"), time("2014-03-02T13:30:00", None));
        assert_eq!(read(" 2014-03-02T13:30Z"), time("2014-03-02T13:30:00", Some(0)));
        assert_eq!(read("2014-03-02T13:30:00.25-03:30"), time("2014-03-02T13:30:00.25", Some(-210)));
        assert_eq!(read("2014-03-02T13:30:00+0545"), time("2014-03-02T13:30:00", Some(345)));
        assert_eq!(read("2014-03-02"), time("2014-03-02T00:00:00", None));
        for unknown in [
            "",
            "0000:00:00 00:00:00",
            "    :  :     :  :  ",
            "2014:13:02 13:30:00",
            "2014:03:02 25:00:00",
            "2014-03",
            "2014",
            "yesterday",
            "2014:03:02 13",
            "２０１４:03:02 13:30:00",
        ] {
            assert_eq!(read(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_fraction_is_added_to_its_time() {
        let time = parse("2014:03:02 13:30:00").expect("a time");
        assert_eq!(with_fraction(time, "046 ").local.subsec_nanosecond(), 46_000_000);
        for none in ["", "  ", "x", "-1"] {
            assert_eq!(with_fraction(time, none), time);
        }
        assert_eq!(with_fraction(time, "1234567891234").local.subsec_nanosecond(), 123_456_789);
    }

    #[test]
    fn names_tell_when_a_picture_was_taken() {
        let named = |name: &str| time_in_name(Path::new(name)).map(|time| time.local.to_string());
        for (name, time) in [
            ("a/IMG_20230614_153012.jpg", "2023-06-14T15:30:12"),
            ("PXL_20230614_153012345.jpg", "2023-06-14T15:30:12.345"),
            ("20230614_153012.heic", "2023-06-14T15:30:12"),
            ("20230614153012.jpg", "2023-06-14T15:30:12"),
            ("2023-06-14 15.30.12.jpg", "2023-06-14T15:30:12"),
            ("Screenshot_20230614-153012.png", "2023-06-14T15:30:12"),
            ("Screenshot 2023-06-14 at 15.30.12.png", "2023-06-14T15:30:12"),
            ("Screenshot 2023-06-14 at 3.30.12 PM.png", "2023-06-14T15:30:12"),
            ("Screenshot 2023-06-14 at 12.30.12\u{202f}AM.png", "2023-06-14T00:30:12"),
            ("Bildschirmfoto 2023-06-14 um 15.30.12.png", "2023-06-14T15:30:12"),
            ("WhatsApp Image 2023-06-14 at 15.30.12.jpeg", "2023-06-14T15:30:12"),
            ("photo_2023-06-14_15-30-12.jpg", "2023-06-14T15:30:12"),
            ("signal-2023-06-14-153012.jpg", "2023-06-14T15:30:12"),
            ("IMG-20230614-WA0001.jpg", "2023-06-14T00:00:00"),
            ("IMG-20230614-WA123456.jpg", "2023-06-14T00:00:00"),
            ("2023-06-14 garden.jpg", "2023-06-14T00:00:00"),
            ("1234 2023_06_14.jpg", "2023-06-14T00:00:00"),
            ("20230614_1234567890.jpg", "2023-06-14T00:00:00"),
        ] {
            assert_eq!(named(name).as_deref(), Some(time), "{name}");
        }
        for name in [
            "DSC_0214.jpg",
            "IMG_1234.jpg",
            "12345678.jpg",
            "20231314.jpg",
            "2023061499.jpg",
            "120230614.jpg",
            "2023-0614.jpg",
            "1899-01-01.jpg",
            "2023.jpg",
            "ISO20230.jpg",
            "фото 20.jpg",
        ] {
            assert_eq!(named(name), None, "{name}");
        }
    }

    #[test]
    fn only_names_in_utc_have_an_offset() {
        let offset = |name: &str| time_in_name(Path::new(name)).and_then(|time| time.offset);
        assert_eq!(offset("PXL_20230614_153012345.jpg"), Some(Offset::UTC));
        assert_eq!(offset("IMG_20230614_153012.jpg"), None);
    }
}
