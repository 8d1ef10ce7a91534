//! How many items have which numbers and dates: of all items, and of those that the rest of the filter admits.
//!
//! The bin of every item is worked out once per snapshot and kept as one byte, in chunks that snapshots share; after a change
//! of the filter these bytes are counted, which takes about a millisecond per million items and attribute.

use std::sync::Arc;

use super::VisibleRows;
use super::bin_index::BinIndex;
use crate::snapshot::Snapshot;
use vicinity_core::bins::Bins;
use vicinity_core::{Attribute, Filter};

/// Filters without one attribute whose rows are kept: those of a filter and of the one before.
const KEPT: usize = 12;

/// The numbers of items in the bins of one attribute. Immutable.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeHistogram {
    /// What is counted.
    pub attribute: Attribute,
    /// The bins.
    pub bins: Bins,
    /// All items of the collection, per bin.
    pub all: Vec<u32>,
    /// Items that the filter admits apart from its limits of this attribute, per bin.
    pub admitted: Vec<u32>,
}

/// The histograms of a collection. Immutable.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histograms(Vec<AttributeHistogram>);

impl Histograms {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &AttributeHistogram> {
        self.0.iter()
    }

    /// The histogram of an attribute; `None` if fewer than two bins would have items.
    pub fn get(&self, attribute: &Attribute) -> Option<&AttributeHistogram> {
        self.0.iter().find(|histogram| histogram.attribute == *attribute)
    }
}

/// Counts items; what does not depend on the filter is kept.
#[derive(Default)]
pub struct HistogramCounter {
    index: Option<(Arc<Snapshot>, Vec<BinIndex>)>,
    /// The rows of filters without one attribute: while the user changes its limits, these stay the same.
    others: Vec<Arc<VisibleRows>>,
}

impl HistogramCounter {
    /// Counts the items of all attributes.
    pub fn count(&mut self, visible: &Arc<VisibleRows>) -> Histograms {
        let snapshot = visible.snapshot();
        if !self.index.as_ref().is_some_and(|(of, _)| Arc::ptr_eq(of, snapshot)) {
            let before = self.index.take();
            self.index = Some((Arc::clone(snapshot), BinIndex::of_snapshot(snapshot, before.as_ref())));
            self.others.clear();
        }
        let Self { index, others } = self;
        let indexes = index.as_ref().map_or(&[][..], |(_, indexes)| indexes);
        let of_attribute = |index: &BinIndex| {
            let filter = visible.filter().without_limits(&index.attribute);
            let rows = rows_of(others, visible, filter);
            AttributeHistogram {
                attribute: index.attribute.clone(),
                bins: index.bins.clone(),
                admitted: if rows.are_everything() { index.all.clone() } else { index.tally(Some(&rows)) },
                all: index.all.clone(),
            }
        };
        Histograms(indexes.iter().map(of_attribute).collect())
    }
}

/// The rows of a filter, evaluated unless they are known.
fn rows_of(known: &mut Vec<Arc<VisibleRows>>, visible: &Arc<VisibleRows>, filter: Filter) -> Arc<VisibleRows> {
    if filter == *visible.filter() {
        return Arc::clone(visible);
    }
    if let Some(rows) = known.iter().find(|rows| *rows.filter() == filter) {
        return Arc::clone(rows);
    }
    let rows = Arc::new(VisibleRows::new(Arc::clone(visible.snapshot()), filter, None));
    if known.len() >= KEPT {
        known.remove(0);
    }
    known.push(Arc::clone(&rows));
    rows
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use jiff::tz::TimeZone;

    use super::super::tests::{item, of_chunks_with_roots};
    use super::*;
    use crate::snapshot::{CHUNK, SnapshotParts};
    use vicinity_core::condition::field::Field;
    use vicinity_core::table::{TableBuilder, TableFormat};
    use vicinity_core::{Condition, Item, Part, PhotoSummary, TableSet};

    /// Pictures taken one a day from 2020-01-01, of 0 to 5 stars, and 1 kB, 2 kB, ... large.
    fn snapshot(items: usize) -> Arc<Snapshot> {
        let file = |i: usize| Item {
            bytes: 1000 * (i as u64 + 1),
            modified_ns: 1_700_000_000_000_000_000 + i as i64 * 60_000_000_000,
            ..item(i)
        };
        let photo = |i: usize| PhotoSummary {
            taken: Some(1_577_836_800 + (i % 1000) as i64 * 86_400),
            rating: (!i.is_multiple_of(2)).then_some((i % 6) as i8),
            iso: Some(100 << (i % 5)),
            aperture: Some(2_f32.powi((i % 4) as i32).sqrt()),
            ..PhotoSummary::default()
        };
        let chunks = |len: usize| (0..len).step_by(CHUNK).map(move |at| at..(at + CHUNK).min(len));
        let files = chunks(items).map(|rows| Arc::new(rows.map(file).collect())).collect();
        let photos = chunks(items).map(|rows| Arc::new(rows.map(|i| Some(photo(i))).collect())).collect();
        let files = of_chunks_with_roots(files, &[]);
        Arc::new(Snapshot::new(SnapshotParts { photos, ..files.parts().clone() }))
    }

    fn filter(text: &str) -> Filter {
        let condition = Condition::parse(text, &TimeZone::UTC).expect("a condition");
        Filter { condition: Some(Arc::new(condition)), ..Filter::default() }
    }

    fn rows(snapshot: &Arc<Snapshot>, filter: Filter) -> Arc<VisibleRows> {
        Arc::new(VisibleRows::new(Arc::clone(snapshot), filter, None))
    }

    fn field(field: Field) -> Attribute {
        Attribute::Field(field)
    }

    /// What the filter admits if a bin is chosen, for each bin.
    fn chosen_one_by_one(snapshot: &Arc<Snapshot>, filter: &Filter, histogram: &AttributeHistogram) -> Vec<u32> {
        let chosen = |bin| filter.with_bins(&histogram.attribute, &histogram.bins, Some([bin, bin]));
        (0..histogram.bins.len()).map(|bin| rows(snapshot, chosen(bin)).len() as u32).collect()
    }

    #[test]
    fn each_bin_holds_what_is_visible_if_it_is_chosen() {
        let snapshot = snapshot(2 * CHUNK + 700);
        let mut counter = HistogramCounter::default();
        for text in ["size >= 3 MB", "rating >= 2 and iso < 800 and taken >= 2021-03", "rating = 9"] {
            let filter = filter(text);
            let histograms = counter.count(&rows(&snapshot, filter.clone()));
            assert_eq!(histograms.iter().count(), 6, "{:?}", histograms.0);
            for histogram in histograms.iter() {
                let one_by_one = chosen_one_by_one(&snapshot, &filter, histogram);
                assert_eq!(histogram.admitted, one_by_one, "{text}: {:?}", histogram.attribute);
                let all = chosen_one_by_one(&snapshot, &Filter::default(), histogram);
                assert_eq!(histogram.all, all, "{:?}", histogram.attribute);
            }
        }
        assert!(histograms_of(&snapshot).get(&field(Field::Focal)).is_none(), "nothing is known of it");
    }

    fn histograms_of(snapshot: &Arc<Snapshot>) -> Histograms {
        HistogramCounter::default().count(&rows(snapshot, Filter::default()))
    }

    #[test]
    fn an_attribute_is_counted_without_its_own_limits() {
        let snapshot = snapshot(3_000);
        let mut counter = HistogramCounter::default();
        let everything = counter.count(&rows(&snapshot, Filter::default()));
        let rated = counter.count(&rows(&snapshot, filter("rating >= 4")));
        let both = |histograms: &Histograms, of| histograms.get(&field(of)).map(|h| h.admitted.clone());
        assert_eq!(both(&rated, Field::Rating), both(&everything, Field::Rating));
        assert_ne!(both(&rated, Field::Iso), both(&everything, Field::Iso));
        let known = counter.others.len();
        counter.count(&rows(&snapshot, filter("rating >= 2")));
        assert_eq!(counter.others.len(), known, "the rest of the filter is the same");
    }

    #[test]
    fn bins_of_chunks_that_snapshots_share_are_kept() {
        let first = snapshot(CHUNK + 100);
        let mut counter = HistogramCounter::default();
        counter.count(&rows(&first, Filter::default()));
        let bytes = |counter: &HistogramCounter, chunk: usize| {
            let (_, indexes) = counter.index.as_ref().expect("counted");
            let index = indexes.iter().find(|index| index.attribute == field(Field::Iso));
            index.and_then(|index| index.chunks[chunk].clone()).expect("its speeds are known")
        };
        let before = [0, 1].map(|chunk| bytes(&counter, chunk));
        let mut parts = first.parts().clone();
        parts.chunks[1] = Arc::new((CHUNK..CHUNK + 50).map(item).collect());
        let second = counter.count(&rows(&Arc::new(Snapshot::new(parts)), Filter::default()));
        assert!(Arc::ptr_eq(&before[0], &bytes(&counter, 0)) && !Arc::ptr_eq(&before[1], &bytes(&counter, 1)));
        let speeds = second.get(&field(Field::Iso)).expect("counted");
        assert_eq!(speeds.all.iter().sum::<u32>() as usize, CHUNK + 50);
    }

    #[test]
    fn numbers_and_dates_of_tables_are_counted() {
        let mut builder = TableBuilder::default();
        ["price", "colour", "bought"].iter().for_each(|name| builder.add_column(name, None));
        for row in 1..=40 {
            builder.push(row, 0, &format!("{}.5", row * 2));
            builder.push(row, 1, "red");
            builder.push(row, 2, &format!("2023-{:02}-03", row % 12 + 1));
        }
        let path: Arc<std::path::Path> = std::path::Path::new("/t.csv").into();
        let of_table = |i: usize| Item { path: Arc::clone(&path), part: Some(Part::Row(i as u32 + 1)), ..item(i) };
        let items = of_chunks_with_roots(vec![Arc::new((0..45).map(of_table).collect())], &[]);
        let mut tables = TableSet::default();
        tables.insert(&path, Arc::new(builder.finish(TableFormat::default())));
        let parts = SnapshotParts { tables: Arc::new(tables), ..items.parts().clone() };
        let snapshot = Arc::new(Snapshot::new(parts));
        let filter = filter("column price < 60");
        let histograms = HistogramCounter::default().count(&rows(&snapshot, filter.clone()));
        assert_eq!(histograms.iter().count(), 2, "{histograms:?}");
        for (histogram, known) in histograms.iter().zip([40, 40]) {
            assert_eq!(histogram.all.iter().sum::<u32>(), known);
            assert_eq!(histogram.admitted, chosen_one_by_one(&snapshot, &filter, histogram), "{histogram:?}");
        }
    }

    /// `cargo nextest run --run-ignored only -E 'test(a_million_items)' --no-capture`: the times of `docs/speed.md`.
    #[test]
    #[ignore = "prints times"]
    fn a_million_items_are_counted() {
        let snapshot = snapshot(1_000_000);
        let mut counter = HistogramCounter::default();
        let mut time = |what: &str, filter: Filter| {
            let start = Instant::now();
            let visible = rows(&snapshot, filter);
            let filtered = start.elapsed();
            let histograms = counter.count(&visible);
            let counted = start.elapsed().saturating_sub(filtered);
            let count = histograms.iter().count();
            println!(
                "{what}: {filtered:?} to filter, {counted:?} to count {count} attributes, {} visible",
                visible.len()
            );
        };
        time("a new snapshot", Filter::default());
        time("one limit", filter("iso < 800"));
        for stars in 1..4 {
            time("another limit moves", filter(&format!("iso < 800 and rating >= {stars}")));
        }
        time("three limits", filter("iso < 800 and rating >= 3 and taken >= 2021 and taken <= 2021"));
    }
}
