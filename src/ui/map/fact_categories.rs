//! Categories by what is known of photos: their camera, the year in which they were taken, their stars.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::context::{ColourBy, LegendKey, Snapshot};
use vicinity_core::PhotoSummary;

/// A camera, or a number that orders the others.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum FactKey<'a> {
    Text(&'a str),
    Number(i64),
}

/// The facts of a snapshot's photos.
pub struct FactCategories {
    /// Of each row, its place in `named`.
    pub of_row: Vec<Option<u32>>,
    /// Key, name and number of items of each.
    pub named: Vec<(LegendKey, String, usize)>,
    /// Places in `named`: cameras with the most photos first, the latest years, the most stars.
    pub order: Vec<usize>,
}

impl FactCategories {
    /// Goes through all rows.
    pub fn new(snapshot: &Snapshot, by: ColourBy) -> Self {
        let mut seen: HashMap<FactKey<'_>, u32> = HashMap::new();
        let mut found: Vec<(FactKey<'_>, usize)> = Vec::new();
        let mut place = |fact| {
            let place = *seen.entry(fact).or_insert_with(|| {
                found.push((fact, 0));
                found.len() as u32 - 1
            });
            found[place as usize].1 += 1;
            place
        };
        let facts = (0..snapshot.len()).map(|row| snapshot.photo(row).and_then(|photo| fact(photo, by)));
        let of_row = facts.map(|fact| fact.map(&mut place)).collect();
        let mut order: Vec<usize> = (0..found.len()).collect();
        order.sort_by_key(|at| match found[*at] {
            (FactKey::Text(text), count) => (Reverse(count as i64), text),
            (FactKey::Number(number), _) => (Reverse(number), ""),
        });
        let named = found.into_iter().map(|(fact, count)| {
            let name = name(fact, by);
            (LegendKey::Fact(by, name.clone()), name, count)
        });
        Self { of_row, named: named.collect(), order }
    }
}

fn fact(photo: &PhotoSummary, by: ColourBy) -> Option<FactKey<'_>> {
    match by {
        ColourBy::Camera => photo.camera.as_deref().map(FactKey::Text),
        ColourBy::Year => photo.taken.and_then(year).map(FactKey::Number),
        ColourBy::Rating => photo.rating.map(|stars| FactKey::Number(stars.into())),
        ColourBy::Modality
        | ColourBy::Folder
        | ColourBy::Similarity
        | ColourBy::Cluster
        | ColourBy::Group
        | ColourBy::Label
        | ColourBy::Typical
        | ColourBy::Outlier
        | ColourBy::Preserved
        | ColourBy::Duplicate
        | ColourBy::Column => None,
    }
}

/// The year of a time on a camera's clock.
fn year(taken: i64) -> Option<i64> {
    let time = jiff::Timestamp::from_second(taken).ok()?;
    Some(jiff::tz::Offset::UTC.to_datetime(time).year().into())
}

fn name(fact: FactKey<'_>, by: ColourBy) -> String {
    match (fact, by) {
        (FactKey::Text(text), _) => text.to_owned(),
        (FactKey::Number(-1), ColourBy::Rating) => "Rejected".to_owned(),
        (FactKey::Number(number), ColourBy::Rating) => crate::context::format::count(number.unsigned_abs(), "star"),
        (FactKey::Number(number), _) => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_is_that_of_the_clock() {
        assert_eq!([1_704_067_199, 1_704_067_200, -1].map(year), [Some(2023), Some(2024), Some(1969)]);
        assert_eq!(year(i64::MAX), None);
        let name = |number, by| super::name(FactKey::Number(number), by);
        assert_eq!(
            [-1, 0, 1, 5].map(|stars| name(stars, ColourBy::Rating)),
            ["Rejected", "0 stars", "1 star", "5 stars"]
        );
        assert_eq!(name(2023, ColourBy::Year), "2023");
    }
}
