//! Label sets, and the labels closest to an item.

use std::collections::HashMap;

use super::item::ItemId;

/// A named, ordered list of labels without empty labels or duplicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSet {
    /// Name of the set.
    pub name: String,
    /// The labels.
    pub labels: Vec<String>,
}

/// Everyday labels for photo collections, in groups. Each fits into "a photo of a ...", and no two mean nearly the
/// same, so that one of them can fit clearly better than the others.
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
    /// The default set of everyday labels.
    pub fn everyday() -> Self {
        let labels = EVERYDAY.iter().flat_map(|(_, labels)| labels.iter());
        Self { name: "Everyday".to_owned(), labels: labels.map(|label| (*label).to_owned()).collect() }
    }

    /// Twelve broad topics, for pictures and texts.
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

/// How well one label fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelScore {
    /// Index into the label set.
    pub label: usize,
    /// Cosine similarity of the item and the label's prompt.
    pub score: f32,
    /// Softmax over the set at the model's scale, in [0, 1]; the shares of one item sum to 1.
    pub share: f32,
}

/// The labels of one item, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredLabels {
    /// The item; `None` for a picture that is not in the collection.
    pub item: Option<ItemId>,
    /// Every label of the set once, best first.
    pub scores: Vec<LabelScore>,
}

/// The labels assigned to items, and their set.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledItems {
    /// The label set.
    pub set: LabelSet,
    /// The label of each labelled item.
    pub best: HashMap<ItemId, LabelScore>,
}

/// By how much the share of the best label must exceed that of the second; otherwise the item is "unsure".
/// Chosen on half of 1,046 labelled photos and measured on the other half, and with other models: see
/// `docs/architecture.md`, *Labels*.
pub const CLEAR_MARGIN: f32 = 0.1;

impl ScoredLabels {
    /// The best label if it fits clearly better than the others, else `None`.
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
    fn there_are_about_sixty_everyday_labels_without_duplicates() {
        let set = LabelSet::everyday();
        assert!((55..=75).contains(&set.labels.len()), "{}", set.labels.len());
        let once: std::collections::HashSet<_> = set.labels.iter().collect();
        assert_eq!(once.len(), set.labels.len());
        assert_eq!(group_of("dog"), Some("Animals"));
        assert_eq!(group_of("my own"), None);
    }

    #[test]
    fn a_label_with_a_small_lead_is_unsure() {
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
