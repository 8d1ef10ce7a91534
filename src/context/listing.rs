//! What the gallery lists, and in which order. Of a large collection it is worked out off the window's thread.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as Atomic};

use rayon::prelude::*;

use vicinity_core::name::{fold, natural_order};
use vicinity_core::table::{Cell, ColumnName};
use vicinity_core::{Hit, Item, ItemId, Modality, SearchResult};

use super::selection::Selection;
use super::{Snapshot, VisibleRows};

/// What the gallery is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum SortKey {
    /// The score of a search; without one, the order in which items were added.
    #[default]
    Score,
    /// File name, numbers by their value.
    Name,
    /// When a photo was taken, latest first; where that is not known, at the end.
    Taken,
    /// Date of modification, latest first.
    Date,
    /// Size of the file, largest first.
    Size,
    /// Stars, most first; what is not rated at the end.
    Rating,
    /// A column of tables, smallest first; what has no value at the end.
    Column,
}

impl SortKey {
    /// Those that every collection may have, as in the menu.
    pub const ALL: [Self; 6] = [Self::Score, Self::Name, Self::Taken, Self::Date, Self::Size, Self::Rating];
}

/// The gallery's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Sort {
    /// By what.
    pub key: SortKey,
    /// Whether the usual direction is turned round.
    pub reversed: bool,
}

/// Where the items of a listing come from.
#[derive(Debug, Clone)]
pub enum ListingSource {
    /// The hits of a search.
    Hits(Arc<SearchResult>),
    /// A selection that was made elsewhere.
    Selection(Arc<Selection>),
    /// Everything visible.
    Everything,
}

impl ListingSource {
    /// Whether both name the same items. Results are compared by their address; both are held, so that the address of one
    /// that is gone is never taken for another.
    fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Hits(a), Self::Hits(b)) => Arc::ptr_eq(a, b),
            (Self::Selection(a), Self::Selection(b)) => a.stamp() == b.stamp(),
            (Self::Everything, Self::Everything) => true,
            _ => false,
        }
    }
}

/// What is to be listed.
#[derive(Debug, Clone)]
pub struct ListingRequest {
    /// The visible items of the collection.
    pub visible: Arc<VisibleRows>,
    /// Which of these. Hits are visible already.
    pub source: ListingSource,
    /// Whether of hits only those are listed that match, if any do, but all of these.
    pub only_matches: bool,
    /// In which order.
    pub sort: Sort,
    /// The column of [`SortKey::Column`].
    pub column: ColumnName,
}

impl ListingRequest {
    /// Whether both give the same list.
    pub fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.visible, &other.visible)
            && self.source.same_as(&other.source)
            && self.only_matches == other.only_matches
            && self.order() == other.order()
    }

    fn order(&self) -> (Sort, Option<&ColumnName>) {
        (self.sort, (self.sort.key == SortKey::Column).then_some(&self.column))
    }

    /// Number of items that have to be visited.
    pub fn effort(&self) -> usize {
        match &self.source {
            ListingSource::Hits(result) if self.only_matches => result.hits.len().max(result.above_threshold),
            ListingSource::Hits(result) => result.hits.len(),
            ListingSource::Selection(selection) => selection.items.len(),
            ListingSource::Everything => self.visible.snapshot().len(),
        }
    }
}

/// The items of the gallery, in order.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// The items.
    pub items: Vec<ItemId>,
    /// Score of each; empty where nothing was searched.
    pub scores: Vec<f32>,
    /// Width by height of each tile.
    pub shapes: Vec<f32>,
    /// How many of the first match; `None` where nothing was searched.
    pub matches: Option<usize>,
    /// Tells listings apart; grows.
    pub stamp: u64,
}

impl Listing {
    /// Answers a request. Takes time in proportion to [`ListingRequest::effort`].
    pub fn new(request: &ListingRequest) -> Self {
        static STAMPS: AtomicU64 = AtomicU64::new(1);
        let mut entries = entries(request);
        let matches = match &request.source {
            ListingSource::Hits(result) => Some(entries.iter().take_while(|e| e.rank < result.above_threshold).count()),
            _ => None,
        };
        // What matches stays before what does not, whatever the order within.
        let (near, far) = entries.split_at_mut(matches.unwrap_or(0));
        order(near, request.sort);
        order(far, request.sort);
        Self {
            items: entries.iter().map(|e| e.item.id).collect(),
            scores: entries.iter().filter_map(|e| e.score).collect(),
            shapes: entries.iter().map(|e| shape(e.item)).collect(),
            matches,
            stamp: STAMPS.fetch_add(1, Atomic::Relaxed),
        }
    }
}

/// Everything that matches a search, best first: also what is behind the end of the list of hits.
pub fn matching_items(result: &SearchResult, snapshot: &Snapshot) -> Vec<(ItemId, f32)> {
    let listed = result.matching();
    let mut all: Vec<(ItemId, f32)> = listed.iter().map(|hit| (hit.item, hit.score)).collect();
    if result.has_more_matches() && result.epoch == snapshot.epoch() {
        // What has a higher score than the last hit and is none itself was asked for.
        let last = listed.last().map_or(f32::INFINITY, |hit| hit.score);
        let known: HashSet<ItemId> = all.iter().map(|(id, _)| *id).collect();
        let matching = result.scores.iter().enumerate().filter(|(row, score)| result.is_match(*row) && **score <= last);
        let matching = matching.filter_map(|(row, score)| Some((snapshot.item(row)?.id, *score)));
        let mut rest: Vec<(ItemId, f32)> = matching.filter(|(id, _)| !known.contains(id)).collect();
        rest.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.extend(rest);
    }
    all
}

/// The list that arrows walk through: what the centre or the panel beside it shows.
#[derive(Debug, Clone, Copy)]
pub enum NavigationList<'a> {
    /// The gallery.
    Gallery(&'a Listing),
    /// The hits beside the map.
    Hits(&'a [Hit]),
    /// What is selected on the map.
    Selection(&'a [ItemId]),
}

impl NavigationList<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Gallery(listing) => listing.items.len(),
            Self::Hits(hits) => hits.len(),
            Self::Selection(items) => items.len(),
        }
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at a place.
    pub fn item(&self, at: usize) -> Option<ItemId> {
        match self {
            Self::Gallery(listing) => listing.items.get(at).copied(),
            Self::Hits(hits) => hits.get(at).map(|hit| hit.item),
            Self::Selection(items) => items.get(at).copied(),
        }
    }

    /// The position of an item. Where it is not at `expected` or next to it, the list is searched: 0.3 ms for a million
    /// items, so not for every frame.
    pub fn position(&self, id: ItemId, expected: usize) -> Option<usize> {
        let near = expected.saturating_sub(1)..=expected.saturating_add(1);
        near.into_iter().find(|at| self.item(*at) == Some(id)).or_else(|| match self {
            Self::Gallery(listing) => listing.items.iter().position(|item| *item == id),
            Self::Hits(hits) => hits.iter().position(|hit| hit.item == id),
            Self::Selection(items) => items.iter().position(|item| *item == id),
        })
    }
}

struct Entry<'a> {
    item: &'a Item,
    score: Option<f32>,
    /// Place in the order of the source.
    rank: usize,
    name: String,
    /// What is known of a photo and compared.
    fact: Option<i64>,
}

fn entries(request: &ListingRequest) -> Vec<Entry<'_>> {
    let visible = &request.visible;
    let snapshot = visible.snapshot();
    let by_name = request.sort.key == SortKey::Name;
    let fact = |item: &Item| match request.sort.key {
        SortKey::Taken => snapshot.photo_of(item.id).and_then(|photo| photo.taken),
        SortKey::Rating => snapshot.photo_of(item.id).and_then(|photo| photo.rating).map(i64::from),
        SortKey::Score | SortKey::Name | SortKey::Date | SortKey::Size | SortKey::Column => None,
    };
    let cell = |item: &Item| {
        let is_wanted = request.sort.key == SortKey::Column;
        is_wanted.then(|| snapshot.tables().cell(item, &request.column)).flatten()
    };
    let entry = |rank: usize, item, score| {
        let (name, fact) = match cell(item) {
            Some(Cell::Number(number)) => (String::new(), Some(order_of(number))),
            Some(Cell::Date(seconds)) => (String::new(), Some(seconds)),
            // Behind all numbers.
            Some(Cell::Text(text)) => (fold(text), Some(i64::MAX)),
            None if by_name => (fold(&Item::name(item)), None),
            None => (String::new(), fact(item)),
        };
        Entry { item, score, rank, name, fact }
    };
    match &request.source {
        ListingSource::Hits(result) => {
            let matching = if request.only_matches { matching_items(result, snapshot) } else { Vec::new() };
            let hits: Vec<(ItemId, f32)> = match matching.is_empty() {
                true => result.hits.iter().map(|hit| (hit.item, hit.score)).collect(),
                false => matching,
            };
            let hits = hits.into_iter().enumerate();
            hits.filter_map(|(rank, (id, score))| Some(entry(rank, snapshot.get(id)?, Some(score)))).collect()
        }
        ListingSource::Selection(selection) => {
            let mut ids = selection.items.clone();
            if !selection.grouped {
                // In the order added: a click that brings one to the front moves nothing.
                ids.sort_unstable();
            }
            let rows = ids.iter().filter_map(|id| snapshot.row_of(*id)).filter(|row| visible.contains(*row));
            let items = rows.filter_map(|row| snapshot.item(row)).enumerate();
            items.map(|(rank, item)| entry(rank, item, None)).collect()
        }
        ListingSource::Everything => {
            // Ids ascend in the order added.
            visible.par_items().map(|item| entry(item.id.0 as usize, item, None)).collect()
        }
    }
}

/// A whole number that is smaller for a smaller number (IEEE 754, 5.10).
fn order_of(number: f64) -> i64 {
    let bits = number.to_bits().cast_signed();
    bits ^ i64::from(bits < 0).wrapping_neg().cast_unsigned().wrapping_shr(1).cast_signed()
}

fn order(entries: &mut [Entry<'_>], sort: Sort) {
    let usual = |a: &Entry<'_>, b: &Entry<'_>| match sort.key {
        SortKey::Score => a.rank.cmp(&b.rank),
        SortKey::Name => natural_order(&a.name, &b.name).then_with(|| a.item.path.cmp(&b.item.path)),
        SortKey::Date => b.item.modified_ns.cmp(&a.item.modified_ns),
        SortKey::Size => b.item.bytes.cmp(&a.item.bytes),
        SortKey::Taken | SortKey::Rating => b.fact.cmp(&a.fact),
        SortKey::Column => a.fact.cmp(&b.fact).then_with(|| natural_order(&a.name, &b.name)),
    };
    let by_fact = matches!(sort.key, SortKey::Taken | SortKey::Rating | SortKey::Column);
    let compare = |a: &Entry<'_>, b: &Entry<'_>| -> Ordering {
        let order = usual(a, b);
        let order = if sort.reversed { order.reverse() } else { order };
        // What is not known comes last in both directions.
        let unknown = if by_fact { a.fact.is_none().cmp(&b.fact.is_none()) } else { Ordering::Equal };
        unknown.then(order).then(a.rank.cmp(&b.rank))
    };
    entries.par_sort_unstable_by(compare);
}

/// Width by height of an item's tile.
fn shape(item: &Item) -> f32 {
    match (item.modality, item.pixels) {
        (Modality::Image, Some([width, height])) if height > 0 => width as f32 / height as f32,
        (Modality::Image, _) => 1.33,
        (Modality::Text, _) => 1.7,
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use vicinity_core::table::{TableBuilder, TableFormat};
    use vicinity_core::{ContentHash, Filter, NamePattern, Part, TableSet};
    use vicinity_engine::{SnapshotParts, Vectors};
    use vicinity_models::ModelKey;

    fn snapshot() -> Arc<Snapshot> {
        let item = |(i, (name, bytes, modified_ns)): (usize, (&str, u64, i64))| Item {
            id: ItemId(i as u32 * 2),
            path: Path::new("/c").join(name).into(),
            part: None,
            modality: if name.ends_with("txt") { Modality::Text } else { Modality::Image },
            bytes,
            modified_ns,
            hash: ContentHash([0; 32]),
            pixels: Some([200, 100]),
            snippet: None,
        };
        let files = [("b10.jpg", 5, 30), ("B9.jpg", 9, 10), ("a.txt", 1, 20), ("b1.jpg", 5, 40)];
        let items: Vec<Item> = files.into_iter().enumerate().map(item).collect();
        Arc::new(Snapshot::new(SnapshotParts {
            library: PathBuf::new(),
            epoch: 0,
            generation: 0,
            photos: Vec::new(),
            tables: Arc::default(),
            groups: Arc::default(),
            roots: Vec::new(),
            chunks: vec![Arc::new(items)],
            vector_rows: vec![Arc::new(vec![u32::MAX; 4])],
            vectors: Vectors::Owned(Arc::new([])),
            model: ModelKey { name: String::new(), revision: String::new(), preprocessing: String::new(), dim: 1 },
            means: [Arc::new([]), Arc::new([])],
            counts: [3, 1],
            read_only: None,
        }))
    }

    #[test]
    fn an_answer_is_never_taken_for_one_that_has_gone() {
        let visible = Arc::new(VisibleRows::everything(snapshot()));
        let ask = |result: Arc<SearchResult>| ListingRequest {
            visible: Arc::clone(&visible),
            source: ListingSource::Hits(result),
            only_matches: false,
            sort: Sort::default(),
            column: ColumnName::new(""),
        };
        // Whoever asks drops each answer before the next one is made, so that it could get the same address.
        let mut before = ask(Arc::default());
        for _ in 0..100 {
            let answer = Arc::new(SearchResult::default());
            let request = ask(Arc::clone(&answer));
            assert!(!request.same_as(&before) && request.same_as(&request.clone()));
            drop(answer);
            before = request;
        }
    }

    fn listed(source: ListingSource, filter: Filter, key: SortKey, reversed: bool) -> (Vec<u32>, Option<usize>) {
        let visible = Arc::new(VisibleRows::new(snapshot(), filter, None));
        let column = ColumnName::new("");
        let request = ListingRequest { visible, source, only_matches: false, sort: Sort { key, reversed }, column };
        let listing = Listing::new(&request);
        assert_eq!(listing.shapes.len(), listing.items.len());
        (listing.items.iter().map(|id| id.0).collect(), listing.matches)
    }

    #[test]
    fn everything_is_listed_in_each_order_and_its_reverse() {
        let all = |key, reversed| listed(ListingSource::Everything, Filter::default(), key, reversed).0;
        assert_eq!(all(SortKey::Score, false), [0, 2, 4, 6], "as added");
        assert_eq!(all(SortKey::Score, true), [6, 4, 2, 0]);
        assert_eq!(all(SortKey::Name, false), [4, 6, 2, 0], "a, b1, B9, b10");
        assert_eq!(all(SortKey::Date, false), [6, 0, 4, 2], "latest first");
        assert_eq!(all(SortKey::Size, false), [2, 0, 6, 4], "largest first, equal ones as added");
        assert_eq!(all(SortKey::Size, true), [4, 0, 6, 2]);
    }

    #[test]
    fn rows_are_listed_by_a_column_and_those_without_a_value_last() {
        let before = snapshot();
        let mut builder = TableBuilder::default();
        ["price", "colour"].iter().for_each(|name| builder.add_column(name, None));
        for (row, [price, colour]) in (1..).zip([["-3", "red"], ["10", "Blue"], ["", ""], ["-20.5", "red"]]) {
            builder.push(row, 0, price);
            builder.push(row, 1, colour);
        }
        let mut tables = TableSet::default();
        tables.insert(Path::new("/t.csv"), Arc::new(builder.finish(TableFormat::default())));
        let path: Arc<Path> = Path::new("/t.csv").into();
        let row = |(i, item): (usize, &Item)| Item {
            path: Arc::clone(&path),
            part: Some(Part::Row(i as u32 + 1)),
            ..item.clone()
        };
        let items: Vec<Item> = before.items().enumerate().map(row).collect();
        let parts = before.parts().clone();
        let snapshot =
            Snapshot::new(SnapshotParts { chunks: vec![Arc::new(items)], tables: Arc::new(tables), ..parts });
        let visible = Arc::new(VisibleRows::everything(Arc::new(snapshot)));
        let listed = |column: &str, reversed| {
            let (visible, column) = (Arc::clone(&visible), ColumnName::new(column));
            let sort = Sort { key: SortKey::Column, reversed };
            let request =
                ListingRequest { visible, source: ListingSource::Everything, only_matches: false, sort, column };
            Listing::new(&request).items.iter().map(|id| id.0).collect::<Vec<_>>()
        };
        assert_eq!(listed("Price", false), [6, 0, 2, 4], "by their values");
        assert_eq!(listed("price", true), [2, 0, 6, 4]);
        assert_eq!(listed("colour", false), [2, 0, 6, 4], "regardless of case");
        assert_eq!(listed("other", false), [0, 2, 4, 6]);
        assert!([-1e300, -2.0, -0.5, 0.0, 0.5, 3.0].map(order_of).is_sorted());
    }

    #[test]
    fn a_part_of_a_name_narrows_the_list() {
        let filter = Filter { name: NamePattern::new("B1"), ..Filter::default() };
        assert_eq!(listed(ListingSource::Everything, filter, SortKey::Name, false).0, [6, 0]);
    }

    #[test]
    fn hits_that_match_stay_before_the_others_in_every_order() {
        let hit = |id, score| Hit { item: ItemId(id), modality: Modality::Image, score };
        // The third one has left the collection since.
        let hits = vec![hit(0, 0.9), hit(6, 0.8), hit(99, 0.7), hit(2, 0.6), hit(4, 0.1)];
        let result = Arc::new(SearchResult { hits, above_threshold: 4, ..SearchResult::default() });
        let hits = |key, reversed| listed(ListingSource::Hits(result.clone()), Filter::default(), key, reversed);
        assert_eq!(hits(SortKey::Score, false), (vec![0, 6, 2, 4], Some(3)));
        assert_eq!(hits(SortKey::Name, false), (vec![6, 2, 0, 4], Some(3)), "the last does not match");
        assert_eq!(hits(SortKey::Score, true), (vec![2, 6, 0, 4], Some(3)));
    }

    #[test]
    fn only_what_matches_is_listed_on_request_but_all_of_it() {
        let hit = |id, score| Hit { item: ItemId(id), modality: Modality::Image, score };
        let listed = |hits: Vec<Hit>, above_threshold, only_matches| {
            let scores = [0.9, 0.2, 0.7, 0.8].into();
            let result = SearchResult { hits, scores, above_threshold, threshold: 0.6, ..SearchResult::default() };
            let visible = Arc::new(VisibleRows::everything(snapshot()));
            let (source, sort) = (ListingSource::Hits(result.into()), Sort::default());
            let request = ListingRequest { visible, source, only_matches, sort, column: ColumnName::new("") };
            Listing::new(&request).items.iter().map(|id| id.0).collect::<Vec<_>>()
        };
        let hits = || vec![hit(0, 0.9), hit(6, 0.8), hit(4, 0.7), hit(2, 0.2)];
        assert_eq!(listed(hits(), 3, false), [0, 6, 4, 2]);
        assert_eq!(listed(hits(), 3, true), [0, 6, 4]);
        assert_eq!(listed(hits()[..1].to_vec(), 3, true), [0, 6, 4], "also behind the end of the list");
        assert_eq!(listed(vec![hit(2, 0.2)], 0, true), [2], "where nothing matches, nothing is hidden");
    }

    #[test]
    fn the_place_of_an_item_is_found_wherever_it_is_expected() {
        let items: Vec<ItemId> = (0..10).map(|id| ItemId(id * 3)).collect();
        let list = NavigationList::Selection(&items);
        for (at, id) in items.iter().enumerate() {
            assert!([0, 4, 9, usize::MAX].iter().all(|expected| list.position(*id, *expected) == Some(at)));
        }
        assert_eq!(list.position(ItemId(1), 3), None);
    }

    #[test]
    fn a_selection_of_groups_is_listed_group_by_group() {
        let groups = [vec![ItemId(6), ItemId(0)], vec![ItemId(2), ItemId(4)]];
        let chosen = ListingSource::Selection(Arc::new(Selection::of_groups(&groups)));
        assert_eq!(listed(chosen, Filter::default(), SortKey::Score, false).0, [6, 0, 2, 4]);
    }

    #[test]
    fn a_selection_is_listed_as_added_whatever_is_in_front() {
        let chosen = ListingSource::Selection(Arc::new(Selection::new(vec![ItemId(6), ItemId(0)])));
        assert_eq!(listed(chosen.clone(), Filter::default(), SortKey::Score, false).0, [0, 6]);
        let filter = Filter { name: NamePattern::new("b10"), ..Filter::default() };
        assert_eq!(listed(chosen, filter, SortKey::Score, false).0, [0]);
    }
}
