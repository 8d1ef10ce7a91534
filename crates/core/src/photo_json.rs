//! Times of a photo as JSON: `2023-06-14T15:30:12`, and `+02:00` for how far that was ahead of UTC.

use std::fmt::Display;
use std::str::FromStr;

use jiff::tz::Offset;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serializer};

/// Local times.
pub mod local {
    use super::*;

    pub fn serialize<S: Serializer>(time: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Offsets that may be unknown.
pub mod offset {
    use super::*;

    pub fn serialize<S: Serializer>(offset: &Option<Offset>, serializer: S) -> Result<S::Ok, S::Error> {
        match offset {
            Some(offset) => serializer.collect_str(&super::offset_text(*offset)),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Offset>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let offset = super::parse_offset(&text).ok_or_else(|| D::Error::custom("not an offset from UTC"))?;
        Ok(Some(offset))
    }
}

/// `+02:00`, with seconds where it has some.
pub fn offset_text(offset: Offset) -> String {
    let (sign, seconds) = if offset.is_negative() { ('-', -offset.seconds()) } else { ('+', offset.seconds()) };
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let seconds = if seconds == 0 { String::new() } else { format!(":{seconds:02}") };
    format!("{sign}{hours:02}:{minutes:02}{seconds}")
}

fn parse_offset(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let mut seconds = 0;
    for (part, unit) in digits.split(':').zip([3600, 60, 1]) {
        seconds += i32::from(part.parse::<u8>().ok()?) * unit;
    }
    Offset::from_seconds(sign * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_of_every_kind_are_read_as_they_were_written() {
        for seconds in [0, 7200, -12_600, 20_700, -3723, 93_599, -93_599] {
            let offset = Offset::from_seconds(seconds).expect("valid");
            assert_eq!(parse_offset(&offset_text(offset)), Some(offset), "{seconds}");
        }
        assert_eq!(offset_text(Offset::constant(2)), "+02:00");
        for broken in ["", "2", "+x", "+99:00", "é2"] {
            assert_eq!(parse_offset(broken), None, "{broken}");
        }
    }
}
