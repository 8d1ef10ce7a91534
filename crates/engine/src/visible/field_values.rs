//! Values of a fact or of a column, and how many items have each.

use std::sync::Arc;

use rustc_hash::FxHashMap;

/// A value of a field, and how many items have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactValue {
    /// The value.
    pub text: Arc<str>,
    /// Items of the collection with it.
    pub all: usize,
    /// Visible items with it.
    pub items: usize,
}

/// The values of one field, and where each is among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldValues {
    values: Vec<FactValue>,
    places: FxHashMap<Arc<str>, usize>,
}

impl FieldValues {
    /// Values with the numbers of all items and of the visible ones, those that most items have first.
    pub fn new(counts: impl Iterator<Item = (Arc<str>, [usize; 2])>) -> Self {
        let mut counts: Vec<(Arc<str>, [usize; 2])> = counts.collect();
        counts.sort_unstable_by(|a, b| b.1[0].cmp(&a.1[0]).then_with(|| a.0.cmp(&b.0)));
        let places = counts.iter().enumerate().map(|(at, (text, _))| (Arc::clone(text), at)).collect();
        let values = counts.into_iter().map(|(text, [all, items])| FactValue { text, all, items });
        Self { values: values.collect(), places }
    }

    /// All values.
    pub fn all(&self) -> &[FactValue] {
        &self.values
    }

    /// Visible items with a value.
    pub fn items(&self, text: &str) -> usize {
        self.places.get(text).and_then(|at| self.values.get(*at)).map_or(0, |value| value.items)
    }
}
