//! Label sets and the labels nearest to an item.

use super::item::ItemId;

/// A named, ordered list of labels without blanks or duplicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSet {
    /// What the user calls it.
    pub name: String,
    /// The labels as typed.
    pub labels: Vec<String>,
}

/// The labels that a new library starts with.
pub const STARTING_LABELS: [&str; 12] = [
    "space",
    "office",
    "animal",
    "furniture",
    "mineral",
    "transportation",
    "fruit",
    "vegetable",
    "school",
    "sports",
    "music",
    "science",
];

impl Default for LabelSet {
    fn default() -> Self {
        Self { name: "Topics".to_owned(), labels: STARTING_LABELS.map(str::to_owned).to_vec() }
    }
}

/// One label's fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelScore {
    /// Index into the label set.
    pub label: usize,
    /// Cosine similarity of the item and the label's prompt.
    pub score: f32,
    /// Softmax over the set at the model's own scale, [0, 1]; the shares of one item sum to 1.
    pub share: f32,
}

/// The labels of one item, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredLabels {
    /// The item, or `None` for a picture that is not in the collection.
    pub item: Option<ItemId>,
    /// Best first; every label of the set once.
    pub scores: Vec<LabelScore>,
}
