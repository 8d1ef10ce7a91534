//! Which values the facts of photos have in a collection, and how many visible items have each.
//!
//! A camera, lens or colour label, stars, and having a place are counted as if they were chosen: by what the filter admits
//! apart from the same field. All chosen keywords have to be there, so they are counted as the filter is.

use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::VisibleRows;
use super::columns::{ColumnCounter, ColumnCounts};
use super::field_values::{FactValue, FieldValues};
use crate::snapshot::{CHUNK, PhotoChunk, Snapshot};
use vicinity_core::PhotoSummary;
use vicinity_core::condition::field::Field;

/// Stars that a rating may have.
const MOST_STARS: usize = 5;

/// Levels of a keyword path that are counted.
const MAX_LEVELS: usize = 8;

/// The fields whose values can be chosen.
const CHOICES: [Field; 4] = [Field::Camera, Field::Lens, Field::Colour, Field::Keyword];

/// The values of the facts of a collection. Immutable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FactCounts {
    /// For each of [`CHOICES`], those that most items have first.
    values: [FieldValues; CHOICES.len()],
    /// Visible items with at least so many stars; `None` if nothing is rated.
    stars: Option<[usize; MOST_STARS + 1]>,
    /// Visible items with a place; `None` if none has one.
    places: Option<usize>,
    /// Whether of any photo it is known when it was taken.
    has_times: bool,
    /// The columns of tables.
    columns: Vec<ColumnCounts>,
}

impl FactCounts {
    /// The values of a field, those that most items of the collection have first.
    pub fn values(&self, field: Field) -> &[FactValue] {
        self.of_field(field).map_or(&[], |of_field| of_field.all())
    }

    /// Visible items with a value of a field.
    pub fn items(&self, field: Field, text: &str) -> usize {
        self.of_field(field).map_or(0, |of_field| of_field.items(text))
    }

    /// The columns of tables that have numbers, dates or categories.
    pub fn columns(&self) -> &[ColumnCounts] {
        &self.columns
    }

    fn of_field(&self, field: Field) -> Option<&FieldValues> {
        CHOICES.iter().position(|choice| *choice == field).map(|at| &self.values[at])
    }

    /// Items with at least so many stars; `None` if nothing in the collection is rated.
    pub fn rated(&self, stars: usize) -> Option<usize> {
        self.stars.and_then(|counts| counts.get(stars).copied())
    }

    /// Items with a place; `None` if nothing in the collection has one.
    pub fn places(&self) -> Option<usize> {
        self.places
    }

    /// Whether of anything in the collection it is known when it was taken.
    pub fn has_times(&self) -> bool {
        self.has_times
    }
}

/// Counts facts; what does not depend on the filter is kept.
#[derive(Default)]
pub struct FactCounter {
    everything: Option<(Arc<Snapshot>, Tally)>,
    columns: Option<(Arc<Snapshot>, Option<ColumnCounter>)>,
}

impl FactCounter {
    /// Counts the facts of the visible items.
    pub fn count(&mut self, visible: &VisibleRows) -> FactCounts {
        let snapshot = visible.snapshot();
        if !self.everything.as_ref().is_some_and(|(of, _)| Arc::ptr_eq(of, snapshot)) {
            self.everything = Some((Arc::clone(snapshot), Tally::new(&VisibleRows::everything(Arc::clone(snapshot)))));
        }
        if !self.columns.as_ref().is_some_and(|(of, _)| Arc::ptr_eq(of, snapshot)) {
            self.columns = Some((Arc::clone(snapshot), ColumnCounter::new(snapshot)));
        }
        let counter = self.columns.as_ref().and_then(|(_, counter)| counter.as_ref());
        let columns = counter.map(|counter| counter.count(visible)).unwrap_or_default();
        FactCounts { columns, ..self.count_photos(visible) }
    }

    fn count_photos(&self, visible: &VisibleRows) -> FactCounts {
        let snapshot = visible.snapshot();
        let Some((_, everything)) = &self.everything else { return FactCounts::default() };
        if everything.is_empty() {
            return FactCounts::default();
        }
        let admitted = Tally::new(visible);
        let without = |field| {
            let filter = visible.filter().without_choice(field);
            (filter != *visible.filter()).then(|| Tally::new(&VisibleRows::new(Arc::clone(snapshot), filter, None)))
        };
        let values = |(at, field): (usize, &Field)| {
            let others = if *field == Field::Keyword { None } else { without(*field) };
            everything.values_of(at, others.as_ref().unwrap_or(&admitted))
        };
        let counted: Vec<FieldValues> = CHOICES.iter().enumerate().map(values).collect();
        let rated = everything.rated > 0;
        FactCounts {
            values: counted.try_into().unwrap_or_default(),
            stars: rated.then(|| without(Field::Rating).unwrap_or_else(|| admitted.clone()).stars),
            places: (everything.places > 0).then(|| without(Field::Place).as_ref().unwrap_or(&admitted).places),
            has_times: everything.times > 0,
            columns: Vec::new(),
        }
    }
}

/// What some photos have.
#[derive(Debug, Clone, Default)]
struct Tally {
    texts: [FxHashMap<Arc<str>, usize>; CHOICES.len()],
    stars: [usize; MOST_STARS + 1],
    rated: usize,
    places: usize,
    times: usize,
}

impl Tally {
    fn new(visible: &VisibleRows) -> Self {
        let chunks = visible.snapshot().parts().photos.par_iter().enumerate();
        let add_chunk = |mut tally: Self, (at, photos): (usize, &Arc<PhotoChunk>)| {
            let rows = photos.iter().enumerate().filter(|(i, _)| visible.contains(at * CHUNK + i));
            rows.filter_map(|(_, photo)| photo.as_ref()).for_each(|photo| tally.add(photo));
            tally
        };
        chunks.fold(Self::default, add_chunk).reduce(Self::default, Self::and)
    }

    /// What these and others have together.
    fn and(mut self, others: Self) -> Self {
        for (counts, others) in self.texts.iter_mut().zip(others.texts) {
            others.into_iter().for_each(|(text, count)| *counts.entry(text).or_default() += count);
        }
        self.stars.iter_mut().zip(others.stars).for_each(|(count, other)| *count += other);
        self.rated += others.rated;
        self.places += others.places;
        self.times += others.times;
        self
    }

    fn add(&mut self, photo: &PhotoSummary) {
        let [cameras, lenses, colours, keywords] = &mut self.texts;
        let one = |counts: &mut FxHashMap<Arc<str>, usize>, text: &Arc<str>| match counts.get_mut(text) {
            Some(count) => *count += 1,
            None => _ = counts.insert(Arc::clone(text), 1),
        };
        photo.camera.iter().for_each(|text| one(cameras, text));
        photo.lens.iter().for_each(|text| one(lenses, text));
        photo.colour_label.iter().for_each(|text| one(colours, text));
        let mut runs: Vec<&str> = photo.keywords.iter().flat_map(|keyword| runs(keyword)).collect();
        runs.sort_unstable();
        runs.dedup();
        for run in runs {
            match keywords.get_mut(run) {
                Some(count) => *count += 1,
                None => _ = keywords.insert(run.into(), 1),
            }
        }
        if let Some(rating) = photo.rating {
            self.rated += 1;
            let stars = usize::try_from(rating).unwrap_or(0).min(MOST_STARS);
            self.stars[..=stars].iter_mut().for_each(|count| *count += usize::from(rating >= 0));
        }
        self.places += usize::from(photo.position.is_some());
        self.times += usize::from(photo.taken.is_some());
    }

    fn is_empty(&self) -> bool {
        self.rated + self.places + self.times == 0 && self.texts.iter().all(FxHashMap::is_empty)
    }

    /// The values of the field at `at`, in the order of these counts, with the numbers of `visible`.
    fn values_of(&self, at: usize, visible: &Self) -> FieldValues {
        let items = |text: &Arc<str>| visible.texts[at].get(text).copied().unwrap_or(0);
        FieldValues::new(self.texts[at].iter().map(|(text, all)| (Arc::clone(text), [*all, items(text)])))
    }
}

/// What of a keyword finds it: any successive levels of its path, as conditions compare them.
fn runs(keyword: &str) -> impl Iterator<Item = &str> {
    let separators = || keyword.match_indices('|').map(|(at, _)| at);
    let starts = std::iter::once(0).chain(separators().map(|at| at + 1)).take(MAX_LEVELS);
    starts.flat_map(move |start| {
        let ends = separators().chain(std::iter::once(keyword.len())).filter(move |end| *end > start);
        ends.take(MAX_LEVELS).filter_map(move |end| keyword.get(start..end))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{item, of_chunks_with_roots};
    use super::*;
    use crate::snapshot::SnapshotParts;
    use jiff::tz::TimeZone;
    use vicinity_core::{Condition, Filter};

    /// Something is known of the first items of the second chunk: two cameras, 0 to 5 stars, every second has a place.
    fn snapshot() -> Arc<Snapshot> {
        let chunk = |first: usize, len: usize| Arc::new((first..first + len).map(item).collect());
        let items = of_chunks_with_roots(vec![chunk(0, CHUNK), chunk(CHUNK, 100)], &[]);
        let photo = |i: i8| PhotoSummary {
            camera: Some(if i % 3 == 0 { "Leica M11" } else { "FUJIFILM X100V" }.into()),
            keywords: if i == 4 { ["dog".into(), "lake".into()].into() } else { ["lake".into()].into() },
            rating: (i < 6).then_some(i),
            position: (i % 2 == 0).then_some([47.0, 8.0]),
            ..PhotoSummary::default()
        };
        let photos = vec![Arc::default(), Arc::new((0..9).map(|i| Some(photo(i))).collect())];
        Arc::new(Snapshot::new(SnapshotParts { photos, ..items.parts().clone() }))
    }

    fn visible(condition: &str) -> VisibleRows {
        let condition = Condition::parse(condition, &TimeZone::UTC).expect("a condition");
        VisibleRows::new(snapshot(), Filter { condition: Some(Arc::new(condition)), ..Filter::default() }, None)
    }

    fn counts(condition: &str, field: Field) -> Vec<(String, usize)> {
        let counts = FactCounter::default().count(&visible(condition));
        counts.values(field).iter().map(|value| (value.text.to_string(), value.items)).collect()
    }

    #[test]
    fn a_condition_is_evaluated_with_the_photo_of_each_row() {
        let rows = |text| visible(text).rows().collect::<Vec<_>>();
        assert_eq!(rows("rating >= 4"), [CHUNK + 4, CHUNK + 5]);
        assert_eq!(rows("camera ~ leica and has place"), [CHUNK, CHUNK + 6]);
        assert_eq!(rows("camera !~ leica").len(), CHUNK + 97, "what is not known is not by a Leica");
    }

    #[test]
    fn a_camera_is_counted_as_if_it_were_chosen_and_keywords_among_the_visible() {
        let camera = |fuji: usize, leica: usize| vec![("FUJIFILM X100V".into(), fuji), ("Leica M11".into(), leica)];
        assert_eq!(counts("has folder", Field::Camera), camera(6, 3));
        assert_eq!(counts("camera = \"leica m11\" and rating >= 1", Field::Camera), camera(4, 1));
        assert_eq!(counts("camera ~ leica", Field::Camera), camera(0, 3), "what was written is no choice");
        assert_eq!(counts("keyword = dog", Field::Keyword), [("lake".into(), 1), ("dog".into(), 1)]);
    }

    #[test]
    fn levels_of_a_keyword_are_counted_as_they_are_found() {
        let of = |keyword: &'static str| runs(keyword).collect::<Vec<_>>();
        assert_eq!(
            of("Animals|Dogs|Puppies"),
            ["Animals", "Animals|Dogs", "Animals|Dogs|Puppies", "Dogs", "Dogs|Puppies", "Puppies"]
        );
        assert_eq!(of("lake"), ["lake"]);
        assert!(runs(&"a|".repeat(100_000)).count() <= MAX_LEVELS * MAX_LEVELS);
        let mut tally = Tally::default();
        tally.add(&PhotoSummary { keywords: ["Dogs".into(), "Animals|Dogs".into()].into(), ..PhotoSummary::default() });
        assert_eq!(tally.texts[3].get("Dogs"), Some(&1), "one photo");
        assert_eq!(tally.texts[3].len(), 3);
    }

    #[test]
    fn stars_and_places_are_counted_and_missing_where_nothing_has_them() {
        let counts = FactCounter::default().count(&visible("rating >= 4"));
        assert_eq!([0, 1, 4, 5, 6].map(|stars| counts.rated(stars)), [Some(6), Some(5), Some(2), Some(1), None]);
        assert_eq!(
            (counts.places(), counts.items(Field::Camera, "Leica M11"), counts.has_times()),
            (Some(1), 0, false)
        );
        let unknown = of_chunks_with_roots(vec![Arc::new((0..10).map(item).collect())], &[]);
        let counts = FactCounter::default().count(&VisibleRows::everything(unknown));
        assert!(counts == FactCounts::default() && counts.rated(0).is_none());
    }
}
