//! What one block of metadata says, and rules that hold for all kinds of blocks.

use vicinity_core::PhotoFacts;

use super::dates::LocalTime;

/// The most keywords, creators and the like that are kept of one picture.
pub const MAX_VALUES: usize = 1000;

/// What one block of metadata says. Its times are kept apart, since blocks differ in which they know.
#[derive(Debug, Default)]
pub struct BlockFacts {
    /// All but the time.
    pub facts: PhotoFacts,
    /// When the shutter opened.
    pub original: Option<LocalTime>,
    /// When the picture became a file.
    pub digitized: Option<LocalTime>,
    /// When the file was written, by a camera.
    pub written: Option<LocalTime>,
}

impl BlockFacts {
    /// Fills in what is missing from `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            facts: self.facts.or(other.facts),
            original: self.original.or(other.original),
            digitized: self.digitized.or(other.digitized),
            written: self.written.or(other.written),
        }
    }
}

/// All values in order, each once.
pub fn union<const N: usize>(lists: [&Vec<String>; N]) -> Vec<String> {
    let mut all = Vec::new();
    lists.into_iter().flatten().for_each(|value| add(&mut all, value));
    all
}

/// Appends a value that is not there yet, up to [`MAX_VALUES`].
pub fn add(list: &mut Vec<String>, value: &str) {
    if list.len() < MAX_VALUES && !list.iter().any(|known| known == value) {
        list.push(value.to_owned());
    }
}

/// A number of stars that exists.
pub fn rating(stars: f64) -> Option<i8> {
    let stars = stars.round();
    (-1.0..=5.0).contains(&stars).then_some(stars as i8)
}

/// Windows writes ratings as percentages: 1, 25, 50, 75 and 99 for one to five stars.
pub fn rating_of_percent(percent: f64) -> Option<i8> {
    match percent {
        0.0 => Some(0),
        1.0..=100.0 => rating((percent / 25.0 + 0.5).floor() + 1.0).map(|stars| stars.min(5)),
        _ => None,
    }
}

/// A measured number that is above zero; cameras write 0 for what they do not know.
pub fn above_zero(number: Option<f64>) -> Option<f64> {
    number.filter(|number| number.is_finite() && *number > 0.0)
}

/// The nearest whole number, if it is above zero.
pub fn whole(number: Option<f64>) -> Option<u32> {
    above_zero(number).filter(|number| *number <= f64::from(u32::MAX)).map(|number| number.round() as u32)
}
