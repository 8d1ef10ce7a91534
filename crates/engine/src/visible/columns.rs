//! Which values the columns of tables have, and how many visible items have each.

use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::VisibleRows;
use super::field_values::{FactValue, FieldValues};
use crate::snapshot::{CHUNK, Snapshot};
use vicinity_core::table::{Cell, Column, ColumnKind, ColumnName, ColumnValues};
use vicinity_core::{Item, Part, Table};

/// Columns that are offered.
const MAX_OFFERED: usize = 100;

/// A column of numbers, dates or categories. Immutable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnCounts {
    /// Its name.
    pub name: ColumnName,
    /// What its values are; of tables that differ, of the first.
    pub kind: ColumnKind,
    /// The smallest and the largest number or date of all items.
    pub limits: Option<[String; 2]>,
    values: FieldValues,
}

impl ColumnCounts {
    /// The values of a category, those that most items of the collection have first. A category that the filter's controls
    /// choose is counted as if nothing was chosen.
    pub fn values(&self) -> &[FactValue] {
        self.values.all()
    }

    /// Visible items with a value.
    pub fn items(&self, text: &str) -> usize {
        self.values.items(text)
    }
}

/// How many rows of each table have each category: by table, column and category.
#[derive(Debug, Clone, Default)]
struct ColumnTally(Vec<Vec<Vec<usize>>>);

/// The tables of a snapshot in a fixed order, and what all of its items have.
pub struct ColumnCounter {
    snapshot: Arc<Snapshot>,
    tables: Vec<Arc<Table>>,
    places: FxHashMap<Box<std::ffi::OsStr>, usize>,
    everything: ColumnTally,
}

impl ColumnCounter {
    /// Goes through all items of a snapshot; `None` if none of them has columns.
    pub fn new(snapshot: &Arc<Snapshot>) -> Option<Self> {
        if snapshot.tables().is_empty() {
            return None;
        }
        let mut tables: Vec<_> = snapshot.tables().iter().collect();
        tables.sort_unstable_by_key(|(path, _)| *path);
        let places = tables.iter().enumerate().map(|(at, (path, _))| (path.as_os_str().into(), at)).collect();
        let tables = tables.into_iter().map(|(_, table)| Arc::clone(table)).collect();
        let (snapshot, everything) = (Arc::clone(snapshot), ColumnTally::default());
        let mut counter = Self { snapshot, tables, places, everything };
        counter.everything = counter.tally(&VisibleRows::everything(Arc::clone(&counter.snapshot)));
        Some(counter)
    }

    /// The columns of all tables, in the order of the tables, with the numbers of visible items.
    pub fn count(&self, visible: &VisibleRows) -> Vec<ColumnCounts> {
        let admitted = self.tally(visible);
        let mut found: Vec<ColumnCounts> = Vec::new();
        for column in self.tables.iter().flat_map(|table| &table.columns) {
            let name = ColumnName::new(column.name());
            let is_offered = column.kind() != ColumnKind::Text && found.len() < MAX_OFFERED;
            if !is_offered || found.iter().any(|known| known.name == name) {
                continue;
            }
            let filter = visible.filter().without_column(&name);
            let others = (filter != *visible.filter())
                .then(|| self.tally(&VisibleRows::new(Arc::clone(&self.snapshot), filter, None)));
            let values = match column.kind() {
                ColumnKind::Category => self.values(&name, others.as_ref().unwrap_or(&admitted)),
                _ => FieldValues::default(),
            };
            let limits = self.limits(&name, column.kind());
            found.push(ColumnCounts { kind: column.kind(), limits, values, name });
        }
        found
    }

    fn columns<'a>(&'a self, name: &'a ColumnName) -> impl Iterator<Item = (usize, usize, &'a Column)> {
        self.tables.iter().enumerate().filter_map(move |(at, table)| {
            let column = table.position(name)?;
            Some((at, column, table.columns.get(column)?))
        })
    }

    /// The categories of all columns of a name, in the order of all items, with the numbers of `visible`.
    fn values(&self, name: &ColumnName, visible: &ColumnTally) -> FieldValues {
        let mut counts: FxHashMap<Arc<str>, [usize; 2]> = FxHashMap::default();
        for (table, column, found) in self.columns(name) {
            let ColumnValues::Category { names, .. } = found.values() else { continue };
            for (place, text) in names.iter().enumerate() {
                let [all, shown] = [&self.everything, visible].map(|tally| tally.get(table, column, place));
                let counted = counts.entry(Arc::clone(text)).or_default();
                (counted[0], counted[1]) = (counted[0] + all, counted[1] + shown);
            }
        }
        FieldValues::new(counts.into_iter().filter(|(_, [all, _])| *all > 0))
    }

    fn limits(&self, name: &ColumnName, kind: ColumnKind) -> Option<[String; 2]> {
        let columns = self.columns(name).map(|(.., column)| column).filter(|column| column.kind() == kind);
        let limits = columns.filter_map(|column| column.values().limits()).reduce(|a, b| {
            let order = |a: Cell<'_>, b: Cell<'_>| match (a, b) {
                (Cell::Number(a), Cell::Number(b)) => a < b,
                (Cell::Date(a), Cell::Date(b)) => a < b,
                _ => true,
            };
            [if order(a[0], b[0]) { a[0] } else { b[0] }, if order(a[1], b[1]) { b[1] } else { a[1] }]
        })?;
        // A date as its day.
        let text = |limit: Cell<'_>| match limit {
            Cell::Date(_) => limit.to_string().chars().take(10).collect(),
            _ => limit.to_string(),
        };
        Some(limits.map(text))
    }

    fn tally(&self, visible: &VisibleRows) -> ColumnTally {
        let chunks = visible.snapshot().parts().chunks.par_iter().enumerate();
        let add_chunk = |mut tally: ColumnTally, (at, items): (usize, &Arc<Vec<Item>>)| {
            let rows = items.iter().enumerate().filter(|(i, _)| visible.contains(at * CHUNK + i));
            let mut last: Option<(*const u8, usize)> = None;
            for (_, item) in rows {
                let Some(row) = item.part.and_then(Part::row) else { continue };
                // Rows of a table share their path.
                let address = Arc::as_ptr(&item.path).cast::<u8>();
                let table = match last.filter(|(of, _)| *of == address) {
                    Some((_, table)) => Some(table),
                    None => self.places.get(item.path.as_os_str()).copied(),
                };
                let Some(table) = table else { continue };
                last = Some((address, table));
                tally.add(table, self.tables.get(table), row);
            }
            tally
        };
        chunks.fold(ColumnTally::default, add_chunk).reduce(ColumnTally::default, ColumnTally::and)
    }
}

impl ColumnTally {
    fn get(&self, table: usize, column: usize, place: usize) -> usize {
        let counts = self.0.get(table).and_then(|columns| columns.get(column));
        counts.and_then(|counts| counts.get(place)).copied().unwrap_or(0)
    }

    fn add(&mut self, at: usize, table: Option<&Arc<Table>>, row: u32) {
        let Some(table) = table else { return };
        if self.0.len() <= at {
            self.0.resize(at + 1, Vec::new());
        }
        let Some(counts) = self.0.get_mut(at) else { return };
        if counts.is_empty() {
            *counts = table.columns.iter().map(|column| vec![0; categories(column)]).collect();
        }
        let row = (row as usize).wrapping_sub(1);
        for (column, counts) in table.columns.iter().zip(counts) {
            if let ColumnValues::Category { places, .. } = column.values()
                && let Some(count) = places.get(row).and_then(|place| counts.get_mut(usize::from(*place)))
            {
                *count += 1;
            }
        }
    }

    /// What these and others have together.
    fn and(mut self, others: Self) -> Self {
        if self.0.len() < others.0.len() {
            return others.and(self);
        }
        for (mine, theirs) in self.0.iter_mut().zip(others.0) {
            if mine.is_empty() {
                *mine = theirs;
                continue;
            }
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                mine.iter_mut().zip(theirs).for_each(|(count, other)| *count += other);
            }
        }
        self
    }
}

fn categories(column: &Column) -> usize {
    match column.values() {
        ColumnValues::Category { names, .. } => names.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::tz::TimeZone;

    use super::super::tests::{item, of_chunks_with_roots};
    use super::*;
    use crate::snapshot::SnapshotParts;
    use vicinity_core::table::{TableBuilder, TableFormat};
    use vicinity_core::{Condition, Filter, TableSet};

    fn table(rows: u32) -> Arc<Table> {
        let mut builder = TableBuilder::default();
        ["price", "colour", "bought", "note"].iter().for_each(|name| builder.add_column(name, None));
        for row in 1..=rows {
            builder.push(row, 0, &(row * 2).to_string());
            builder.push(row, 1, ["red", "blue", "red"][row as usize % 3]);
            builder.push(row, 2, &format!("2023-01-{:02}", row % 28 + 1));
            builder.push(row, 3, &format!("note {row}"));
        }
        Arc::new(builder.finish(TableFormat::default()))
    }

    /// Rows of two tables in two chunks, and pictures.
    fn snapshot() -> Arc<Snapshot> {
        let row = |i: usize| {
            let path: Arc<Path> = Path::new(if i < CHUNK { "/a.csv" } else { "/b.csv" }).into();
            Item { part: Some(Part::Row((i % CHUNK + 1) as u32)), path, ..item(i) }
        };
        let chunks = vec![Arc::new((0..CHUNK).map(row).collect()), Arc::new((CHUNK..CHUNK + 100).map(row).collect())];
        let items = of_chunks_with_roots(chunks, &[]);
        let mut tables = TableSet::default();
        tables.insert(Path::new("/a.csv"), table(CHUNK as u32));
        tables.insert(Path::new("/b.csv"), table(99));
        Arc::new(Snapshot::new(SnapshotParts { tables: Arc::new(tables), ..items.parts().clone() }))
    }

    fn visible(snapshot: &Arc<Snapshot>, condition: &str) -> VisibleRows {
        let condition = Condition::parse(condition, &TimeZone::UTC).expect("a condition");
        VisibleRows::new(Arc::clone(snapshot), Filter { condition: Some(condition.into()), ..Filter::default() }, None)
    }

    #[test]
    fn conditions_see_the_columns_of_each_row() {
        let snapshot = snapshot();
        let rows = |text| visible(&snapshot, text).rows().collect::<Vec<_>>();
        assert_eq!(rows("column price <= 4"), [0, 1, CHUNK, CHUNK + 1]);
        assert_eq!(rows("column price = 198 and name = b.csv"), [CHUNK + 98]);
        assert_eq!(rows("not has column price"), [CHUNK + 99], "a row that the table had not when it was read");
    }

    #[test]
    fn a_condition_on_columns_is_evaluated_again_when_columns_change() {
        let before = snapshot();
        let mut tables = TableSet::clone(before.tables());
        tables.remove(Path::new("/b.csv"));
        let after = Arc::new(Snapshot::new(SnapshotParts { tables: Arc::new(tables), ..before.parts().clone() }));
        let rows = visible(&before, "column price <= 4");
        let again = VisibleRows::new(Arc::clone(&after), rows.filter().clone(), Some(&rows));
        assert_eq!(again.rows().collect::<Vec<_>>(), [0, 1]);
        let other = visible(&before, "name = b.csv");
        let kept = VisibleRows::new(after, other.filter().clone(), Some(&other));
        assert!(Arc::ptr_eq(&kept.chunks[0], &other.chunks[0]), "it is about no column");
    }

    #[test]
    fn categories_are_counted_as_if_they_were_chosen_and_limits_are_those_of_all() {
        let snapshot = snapshot();
        let counter = ColumnCounter::new(&snapshot).expect("columns");
        let counted = |condition: &str| counter.count(&visible(&snapshot, condition));
        let columns = counted("column price <= 6");
        let names: Vec<_> = columns.iter().map(|column| (column.name.as_str(), column.kind)).collect();
        let kinds = [("price", ColumnKind::Number), ("colour", ColumnKind::Category), ("bought", ColumnKind::Date)];
        assert_eq!(names, kinds, "texts are not offered");
        let values = |column: &ColumnCounts| {
            column.values().iter().map(|value| (value.text.to_string(), value.items)).collect::<Vec<_>>()
        };
        assert_eq!(values(&columns[1]), [("red".into(), 4), ("blue".into(), 2)]);
        assert_eq!(columns[0].limits, Some(["2".to_owned(), (2 * CHUNK).to_string()]));
        assert_eq!(columns[2].limits, Some(["2023-01-01", "2023-01-28"].map(str::to_owned)));
        let chosen = counted("column price <= 6 and column colour = red");
        assert_eq!((values(&chosen[1]), chosen[1].items("blue")), (values(&columns[1]), 2));
        assert_eq!(
            counted("column colour ~ red and column price <= 6")[1].items("blue"),
            0,
            "what was written is no choice"
        );
        assert!(ColumnCounter::new(&super::super::tests::of_chunks_with_roots(Vec::new(), &[])).is_none());
    }
}
