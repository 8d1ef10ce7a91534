//! The bin of every item of a snapshot, for one attribute: what histograms count.

use std::sync::Arc;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use rayon::prelude::*;

use super::{BITS, VisibleRows};
use crate::snapshot::{PhotoChunk, Snapshot};
use vicinity_core::attribute::value_of;
use vicinity_core::bins::{Bins, Spread};
use vicinity_core::condition::field::{Field, FieldKind};
use vicinity_core::condition::ranges::tolerance_of;
use vicinity_core::photo_summary::seconds_of_clock;
use vicinity_core::table::{Cell, Column, ColumnKind, ColumnName};
use vicinity_core::{Attribute, Item, Part};

/// Columns of tables that have a histogram.
const MAX_COLUMNS: usize = 16;
/// Stands for an item that has no value.
const UNKNOWN: u8 = u8::MAX;
/// About how many values decide which are far from all others.
const SAMPLE: usize = 20_000;

/// Where the values of an attribute are from; of a column, those of tables in which it has this kind.
enum Source {
    Field(Field),
    Column(ColumnName, ColumnKind),
}

impl Source {
    fn attribute(&self) -> Attribute {
        match self {
            Self::Field(field) => Attribute::Field(*field),
            Self::Column(name, _) => Attribute::Column(name.clone()),
        }
    }
}

/// The bin of each item.
#[derive(Debug)]
pub struct BinIndex {
    /// What is counted.
    pub attribute: Attribute,
    /// The bins.
    pub bins: Bins,
    /// One byte per item of a chunk; `None` if no item of the chunk has a value.
    pub chunks: Vec<Option<Arc<[u8]>>>,
    /// All items of the snapshot, per bin.
    pub all: Vec<u32>,
}

impl BinIndex {
    /// Of every attribute of a snapshot whose values differ.
    pub fn of_snapshot(snapshot: &Arc<Snapshot>, before: Option<&(Arc<Snapshot>, Vec<Self>)>) -> Vec<Self> {
        let columns = snapshot.tables().columns().into_iter();
        let counted = columns.filter(|(_, kind)| matches!(kind, ColumnKind::Number | ColumnKind::Date));
        let columns = counted.take(MAX_COLUMNS).map(|(name, kind)| Source::Column(ColumnName::new(name), kind));
        let sources = Attribute::FIELDS.into_iter().map(Source::Field).chain(columns);
        sources.filter_map(|source| Self::new(snapshot, &source, before)).collect()
    }

    fn new(snapshot: &Snapshot, source: &Source, before: Option<&(Arc<Snapshot>, Vec<Self>)>) -> Option<Self> {
        let (bins, attribute) = (bins_of(snapshot, source)?, source.attribute());
        let before = before.and_then(|(of, indexes)| {
            Some((of, indexes.iter().find(|index| index.attribute == attribute && index.bins == bins)?))
        });
        let tolerance = tolerance_of(&attribute);
        let chunk = |at: usize| -> Option<Arc<[u8]>> {
            if let Some((of, index)) = before
                && is_same_chunk(of, snapshot, at, &attribute)
            {
                return index.chunks.get(at).cloned().flatten();
            }
            let mut bytes = vec![UNKNOWN; chunk_len(snapshot, at)];
            let mut is_known = false;
            values_of_chunk(snapshot, at, source, |row, value| {
                if let Some(byte) = bytes.get_mut(row) {
                    (*byte, is_known) = (bins.bin_of(value, tolerance) as u8, true);
                }
            });
            is_known.then(|| bytes.into())
        };
        let chunks: Vec<_> = (0..snapshot.parts().chunks.len()).into_par_iter().map(chunk).collect();
        let mut index = Self { attribute, bins, chunks, all: Vec::new() };
        index.all = index.tally(None);
        (index.all.iter().filter(|count| **count > 0).count() > 1).then_some(index)
    }

    /// Counts the items of some rows, or of all.
    pub fn tally(&self, rows: Option<&VisibleRows>) -> Vec<u32> {
        let rows = rows.filter(|rows| !rows.are_everything());
        // One entry per byte, so that no bound is checked.
        let count = |mut counts: [u32; 256], (at, bytes): (usize, &Option<Arc<[u8]>>)| {
            let Some(bytes) = bytes else { return counts };
            match rows.map(|rows| rows.chunks.get(at)) {
                None => bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1),
                Some(None) => {}
                Some(Some(chunk)) => {
                    for (word, bytes) in chunk.bits.iter().zip(bytes.chunks(BITS)) {
                        let mut word = *word;
                        while word != 0 {
                            if let Some(byte) = bytes.get(word.trailing_zeros() as usize) {
                                counts[usize::from(*byte)] += 1;
                            }
                            word &= word - 1;
                        }
                    }
                }
            }
            counts
        };
        let sum = |mut a: [u32; 256], b: [u32; 256]| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            a
        };
        let chunks = self.chunks.par_iter().with_min_len(16).enumerate();
        let counts = chunks.fold(|| [0; 256], count).reduce(|| [0; 256], sum);
        counts.into_iter().take(self.bins.len()).collect()
    }
}

fn chunk_len(snapshot: &Snapshot, at: usize) -> usize {
    snapshot.parts().chunks.get(at).map_or(0, |items| items.len())
}

/// Whether the items of a chunk have the same values in two snapshots.
fn is_same_chunk(old: &Snapshot, new: &Snapshot, at: usize, attribute: &Attribute) -> bool {
    let [a, b] = [old, new].map(|snapshot| snapshot.parts().chunks.get(at));
    let same_items = a.zip(b).is_some_and(|(a, b)| Arc::ptr_eq(a, b));
    let [a, b]: [Option<&Arc<PhotoChunk>>; 2] = [old, new].map(|snapshot| snapshot.parts().photos.get(at));
    let same_facts = match attribute {
        Attribute::Column(_) => Arc::ptr_eq(old.tables(), new.tables()),
        Attribute::Field(_) => a.zip(b).map_or(a.is_none() && b.is_none(), |(a, b)| Arc::ptr_eq(a, b)),
    };
    same_items && same_facts
}

/// Calls `found` with the place in the chunk and the value of each item that has one.
fn values_of_chunk(snapshot: &Snapshot, at: usize, source: &Source, mut found: impl FnMut(usize, f64)) {
    let Some(items) = snapshot.parts().chunks.get(at) else { return };
    match source {
        Source::Field(field) => {
            let photos = snapshot.parts().photos.get(at);
            if photos.is_none() && is_of_photos(*field) {
                return;
            }
            for (row, item) in items.iter().enumerate() {
                let photo = photos.and_then(|photos| photos.get(row)?.as_ref());
                if let Some(value) = value_of(*field, item, photo) {
                    found(row, value);
                }
            }
        }
        Source::Column(name, kind) => {
            // Rows of a table share their path.
            let mut last: Option<(*const u8, Option<&Column>)> = None;
            for (row, item) in items.iter().enumerate() {
                let Some(of_table) = item.part.and_then(Part::row) else { continue };
                let address = Arc::as_ptr(&item.path).cast::<u8>();
                let column = match last.filter(|(of, _)| *of == address) {
                    Some((_, column)) => column,
                    None => column_of(snapshot, item, name).filter(|column| column.kind() == *kind),
                };
                last = Some((address, column));
                match column.and_then(|column| column.values().cell(of_table)) {
                    Some(Cell::Number(number)) if number.is_finite() => found(row, number),
                    Some(Cell::Date(seconds)) => found(row, seconds as f64),
                    _ => {}
                }
            }
        }
    }
}

fn is_of_photos(field: Field) -> bool {
    !matches!(field, Field::Modified | Field::Size | Field::Width | Field::Height)
}

fn column_of<'a>(snapshot: &'a Snapshot, item: &Item, name: &ColumnName) -> Option<&'a Column> {
    let table = snapshot.tables().get(&item.path)?;
    table.columns.get(table.position(name)?)
}

/// What is known of some values.
#[derive(Clone)]
struct ValueSummary {
    spread: Spread,
    sample: Vec<f64>,
}

impl ValueSummary {
    fn of_chunk(snapshot: &Snapshot, at: usize, source: &Source, step: usize) -> Self {
        let spread = Spread { limits: [f64::INFINITY, f64::NEG_INFINITY], whole: true };
        let (mut summary, mut seen) = (Self { spread, sample: Vec::new() }, 0_usize);
        values_of_chunk(snapshot, at, source, |_, value| {
            let Spread { limits: [low, high], whole } = &mut summary.spread;
            (*low, *high) = (low.min(value), high.max(value));
            *whole &= value.fract() == 0.0;
            if seen.is_multiple_of(step) {
                summary.sample.push(value);
            }
            seen += 1;
        });
        summary
    }

    fn and(mut self, mut other: Self) -> Self {
        let ([a, b], [c, d]) = (self.spread.limits, other.spread.limits);
        self.spread = Spread { limits: [a.min(c), b.max(d)], whole: self.spread.whole && other.spread.whole };
        self.sample.append(&mut other.sample);
        self
    }
}

fn bins_of(snapshot: &Snapshot, source: &Source) -> Option<Bins> {
    let step = snapshot.len() / SAMPLE + 1;
    let chunks = (0..snapshot.parts().chunks.len()).into_par_iter();
    let summaries = chunks.map(|at| ValueSummary::of_chunk(snapshot, at, source, step));
    let ValueSummary { spread, sample } = summaries.reduce_with(ValueSummary::and)?;
    let spread = if spread.limits[0] <= spread.limits[1] { spread.without_outliers(sample) } else { return None };
    match source {
        Source::Field(field) if field.kind() == FieldKind::Number => Bins::of_field(*field, spread),
        Source::Field(Field::Modified) => of_dates(spread, &TimeZone::system()),
        Source::Field(_) | Source::Column(_, ColumnKind::Date) => of_dates(spread, &TimeZone::UTC),
        Source::Column(..) => Bins::of_numbers(spread),
    }
}

fn of_dates(spread: Spread, zone: &TimeZone) -> Option<Bins> {
    let [first, last] = spread.limits.map(|seconds| {
        let time = jiff::Timestamp::from_second(seconds as i64).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        zone.to_datetime(time).date()
    });
    let seconds = |day: Date| {
        let of_clock = || seconds_of_clock(day.to_datetime(Time::midnight()));
        let in_zone = day.to_zoned(zone.clone()).map(|time| time.timestamp().as_second());
        in_zone.unwrap_or_else(|_| of_clock()) as f64
    };
    Bins::of_dates([first, last], seconds)
}
