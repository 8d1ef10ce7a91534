//! Which items are visible: everything that narrows a collection, and the one place that decides about an item.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::condition::Condition;
use super::item::{Item, Modality};
use super::item_facts::ItemFacts;
use super::name::NamePattern;

pub use super::dates::{DateError, DateRange, Period};

/// Criteria that an item has to meet to be visible; an empty filter admits every item.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Only this modality.
    pub modality: Option<Modality>,
    /// Only items below this folder: an absolute path without links and `..`, like [`Item::path`].
    pub folder: Option<PathBuf>,
    /// Only items whose file name contains these words.
    pub name: Option<NamePattern>,
    /// Only items modified on these days.
    pub modified: DateRange,
    /// Only items that meet this condition.
    pub condition: Option<Arc<Condition>>,
}

impl Filter {
    /// Whether every item is admitted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an item of which this is known is visible.
    pub fn admits(&self, item: &Item, facts: ItemFacts<'_>) -> bool {
        self.modality.is_none_or(|modality| modality == item.modality)
            && self.folder.as_ref().is_none_or(|folder| is_below(&item.path, folder))
            && self.name.as_ref().is_none_or(|name| name.matches(item))
            && self.modified.contains(item.modified_ns)
            && self.condition.as_ref().is_none_or(|condition| condition.admits(item, facts))
    }
}

/// As [`Path::starts_with`] for two normalised paths, but without parsing them: a filter looks at every item.
fn is_below(path: &Path, folder: &Path) -> bool {
    let folder = folder.as_os_str().as_encoded_bytes();
    let separator = |byte: &u8| std::path::is_separator(char::from(*byte));
    match path.as_os_str().as_encoded_bytes().strip_prefix(folder) {
        Some(rest) => rest.first().is_none_or(separator) || folder.last().is_some_and(separator),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::{ContentHash, ItemId, PhotoSummary};

    fn item(path: &str, modality: Modality) -> Item {
        Item {
            id: ItemId(0),
            path: Path::new(path).into(),
            part: None,
            modality,
            bytes: 0,
            modified_ns: 0,
            hash: ContentHash([0; 32]),
            pixels: None,
            snippet: None,
        }
    }

    #[test]
    fn an_item_has_to_meet_every_criterion() {
        let dog = item("/a/Photos/dog 2.jpg", Modality::Image);
        assert!(Filter::default().is_empty() && Filter::default().admits(&dog, ItemFacts::default()));
        let filter = Filter {
            modality: Some(Modality::Image),
            folder: Some("/a/Photos".into()),
            name: NamePattern::new("DOG"),
            ..Filter::default()
        };
        assert!(filter.admits(&dog, ItemFacts::default()) && !filter.is_empty());
        assert!(!filter.admits(&item("/a/Photos/dog 2.jpg", Modality::Text), ItemFacts::default()));
        assert!(!filter.admits(&item("/a/Notes/dog 2.jpg", Modality::Image), ItemFacts::default()));
        assert!(!filter.admits(&item("/a/Photos/cat.jpg", Modality::Image), ItemFacts::default()));
        let stars = [2, 3].map(|rating| PhotoSummary { rating: Some(rating), ..PhotoSummary::default() });
        let rated = |rating: usize| ItemFacts::of_photo(stars.get(rating - 2));
        let condition = Condition::parse("rating >= 3", &TimeZone::UTC).expect("a condition");
        let filter = Filter { condition: Some(Arc::new(condition)), ..filter };
        assert!(filter.admits(&dog, rated(3)) && !filter.admits(&dog, rated(2)));
        assert!(!filter.admits(&dog, ItemFacts::default()));
        let other = Path::new("/a/Photos/cat.jpg").into();
        assert!(!filter.admits(&Item { path: other, ..dog }, rated(3)), "the rest still counts");
    }

    fn period(text: &str) -> Period {
        text.parse().expect("a date")
    }

    fn at(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().expect("a time").as_nanosecond() as i64
    }

    #[test]
    fn an_item_is_admitted_from_the_first_midnight_until_before_the_last() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a time zone");
        let range = DateRange::new(Some(period("2024-05-01").start), Some(period("2024-05").end), &berlin);
        for (time, inside) in [
            ("2024-04-30T21:59:59.999999999Z", false),
            ("2024-04-30T22:00:00Z", true),
            ("2024-05-31T21:59:59.999999999Z", true),
            ("2024-05-31T22:00:00Z", false),
        ] {
            assert_eq!(range.contains(at(time)), inside, "{time}");
            let filter = Filter { modified: range, ..Filter::default() };
            let item = Item { modified_ns: at(time), ..item("/a", Modality::Image) };
            assert_eq!(filter.admits(&item, ItemFacts::default()), inside, "{time}");
            assert!(!filter.is_empty());
        }
        let since = DateRange::new(Some(period("2024").start), None, &TimeZone::UTC);
        assert!(since.contains(at("2024-01-01T00:00:00Z")) && !since.contains(at("2023-12-31T23:59:59Z")));
        assert!(since.contains(i64::MAX) && DateRange::default().contains(i64::MAX));
        assert!(DateRange::default().contains(i64::MIN) && DateRange::default().is_unlimited());
    }

    #[test]
    fn a_folder_contains_itself_and_what_is_below_it_only() {
        let below = |path: &str, folder: &str| is_below(Path::new(path), Path::new(folder));
        for (path, folder) in [("/a/b/c.jpg", "/a/b"), ("/a/b/c.jpg", "/a/b/"), ("/a/b", "/a/b"), ("/a/b", "/")] {
            assert!(below(path, folder) && Path::new(path).starts_with(folder), "{path} {folder}");
        }
        for (path, folder) in [("/a/bc/d.jpg", "/a/b"), ("/a", "/a/b"), ("/b/a/b", "/a/b")] {
            assert!(!below(path, folder) && !Path::new(path).starts_with(folder), "{path} {folder}");
        }
    }
}
