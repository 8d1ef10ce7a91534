//! Label sets and the labels nearest to an item.

use std::collections::HashMap;

use super::item::ItemId;

/// A named, ordered list of labels without blanks or duplicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSet {
    /// What the user calls it.
    pub name: String,
    /// The labels as typed.
    pub labels: Vec<String>,
}

/// Everyday labels for photo collections, in groups. Each is a word that fits into "a photo of a ...", and no two mean
/// nearly the same, so that one can stand out.
pub const EVERYDAY: [(&str, &[&str]); 11] = [
    ("People", &["portrait", "baby", "child", "group of people", "crowd"]),
    ("Animals", &["dog", "cat", "bird", "horse", "farm animal", "wild animal", "reptile", "insect", "fish"]),
    ("Food", &["meal", "cake", "fruit", "vegetable", "drink"]),
    ("Nature", &["beach", "mountain", "forest", "flower", "lake", "waterfall", "sunset", "snow", "night sky"]),
    ("City", &["building", "street", "skyline", "church", "bridge", "statue"]),
    ("Indoors", &["kitchen", "living room", "bedroom", "bathroom", "office", "shop"]),
    ("Vehicles", &["car", "motorcycle", "bicycle", "bus", "train", "airplane", "boat", "truck"]),
    ("Sport", &["ball game", "water sport", "winter sport", "gym"]),
    ("Things", &["musical instrument", "clothes", "toy", "tool", "machine", "furniture"]),
    ("Documents and screens", &["document", "screenshot", "sign", "map", "painting"]),
    ("Events", &["wedding", "birthday party", "concert", "fireworks", "parade"]),
];

/// Twelve broad topics.
pub const TOPICS: [&str; 12] = [
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

impl LabelSet {
    /// The everyday labels, which a new user starts with.
    pub fn everyday() -> Self {
        let labels = EVERYDAY.iter().flat_map(|(_, labels)| labels.iter());
        Self { name: "Everyday".to_owned(), labels: labels.map(|label| (*label).to_owned()).collect() }
    }

    /// Twelve broad topics, for pictures and texts alike.
    pub fn topics() -> Self {
        Self { name: "Topics".to_owned(), labels: TOPICS.map(str::to_owned).to_vec() }
    }
}

impl Default for LabelSet {
    fn default() -> Self {
        Self::everyday()
    }
}

/// The group of an everyday label.
pub fn group_of(label: &str) -> Option<&'static str> {
    EVERYDAY.iter().find(|(_, labels)| labels.contains(&label)).map(|(group, _)| *group)
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

/// The labels that were given to items, and the set that they are from.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledItems {
    /// The set.
    pub set: LabelSet,
    /// The label of each item that has one.
    pub best: HashMap<ItemId, LabelScore>,
}

/// The best label of an item has to have this much more of the shares than the second, or the item is "unsure".
/// Chosen on half of 1,046 labelled photos and measured on the other half, and with other models: see
/// `docs/architecture.md`, *Labels*.
pub const CLEAR_MARGIN: f32 = 0.1;

impl ScoredLabels {
    /// The best label, where it fits clearly better than the others; `None` where it is unsure.
    pub fn clear(&self) -> Option<&LabelScore> {
        let best = self.scores.first()?;
        let second = self.scores.get(1).map_or(0.0, |second| second.share);
        (best.share - second >= CLEAR_MARGIN).then_some(best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_everyday_labels_are_some_sixty_and_each_is_there_once() {
        let set = LabelSet::everyday();
        assert!((55..=75).contains(&set.labels.len()), "{}", set.labels.len());
        let once: std::collections::HashSet<_> = set.labels.iter().collect();
        assert_eq!(once.len(), set.labels.len());
        assert_eq!(group_of("dog"), Some("Animals"));
        assert_eq!(group_of("my own"), None);
    }

    #[test]
    fn a_label_that_hardly_leads_is_unsure() {
        let scored = |shares: &[f32]| ScoredLabels {
            item: None,
            scores: shares
                .iter()
                .enumerate()
                .map(|(label, share)| LabelScore { label, score: *share, share: *share })
                .collect(),
        };
        assert_eq!(scored(&[0.6, 0.2, 0.2]).clear().map(|best| best.label), Some(0));
        assert_eq!(scored(&[0.35, 0.33, 0.32]).clear(), None);
        assert_eq!(scored(&[1.0]).clear().map(|best| best.label), Some(0), "the only label");
        assert_eq!(scored(&[]).clear(), None);
    }
}
