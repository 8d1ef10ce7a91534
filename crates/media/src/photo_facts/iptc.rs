//! IPTC-IIM, version 4.2: records of a number, a dataset and a text.

use vicinity_core::PhotoFacts;

use super::block_facts::{BlockFacts, add};
use super::{dates, text};

/// The most records that are read.
const MAX_RECORDS: usize = 10_000;

/// One record: its two numbers and its content.
type Record<'a> = ((u8, u8), &'a [u8]);

fn records(bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let [0x1c, record, dataset, high, low, tail @ ..] = rest else { return None };
        let len = u16::from_be_bytes([*high, *low]);
        // Longer ones say in how many bytes their length follows.
        let (len, tail) = if len & 0x8000 == 0 { (usize::from(len), tail) } else { long_length(len & 0x7fff, tail)? };
        let (content, after) = tail.split_at_checked(len)?;
        rest = after;
        Some(((*record, *dataset), content))
    })
    .take(MAX_RECORDS)
}

fn long_length(bytes: u16, tail: &[u8]) -> Option<(usize, &[u8])> {
    let (length, tail) = tail.split_at_checked(usize::from(bytes)).filter(|_| bytes <= 4)?;
    Some((length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), tail))
}

/// What the records say.
pub fn read(bytes: &[u8]) -> BlockFacts {
    let code = records(bytes).find(|(number, _)| *number == (1, 90)).map(|(_, code)| code);
    let decode = match code {
        // ISO 2022's switch to UTF-8.
        Some(b"\x1b%G") => text::utf8,
        Some(_) => text::latin,
        None => text::unnamed,
    };
    let all = |dataset: u8| {
        let mut values = Vec::new();
        let found = records(bytes).filter(|(number, _)| *number == (2, dataset));
        found.filter_map(|(_, content)| decode(content)).for_each(|value| add(&mut values, &value));
        values
    };
    let first = |dataset: u8| all(dataset).into_iter().next();
    let time = |date: u8, time: u8| dates::parse(&joined(&first(date)?, first(time).as_deref())?);
    let facts = PhotoFacts {
        keywords: all(25),
        title: first(5).or_else(|| first(105)),
        caption: first(120),
        creators: all(80),
        software: first(65),
        ..PhotoFacts::default()
    };
    BlockFacts { facts, original: time(55, 60), digitized: time(62, 63), written: None }
}

/// `20230614` and `153012+0200` in the form of XMP.
fn joined(date: &str, time: Option<&str>) -> Option<String> {
    let date = format!("{}-{}-{}", date.get(..4)?, date.get(4..6)?, date.get(6..8)?);
    let clock = |time: &str| Some(format!("{}:{}:{}{}", time.get(..2)?, time.get(2..4)?, time.get(4..6)?, &time[6..]));
    match time.and_then(clock) {
        Some(time) => Some(format!("{date}T{time}")),
        None => Some(date),
    }
}
