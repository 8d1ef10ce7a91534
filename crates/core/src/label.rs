//! Label sets, and the labels closest to an item.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::Path;

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

/// The labels in a text that was typed or pasted: one per line, or separated by commas, semicolons or tabs. Lines that
/// begin with `# ` are headings. Quotes, blanks and repeated labels (in any case) are removed.
pub fn parse_labels(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim_start).filter(|line| !line.starts_with("# "));
    distinct(lines.flat_map(|line| line.split([',', ';', '\t'])).map(|label| label.trim().trim_matches('"')))
}

/// The labels in a file: of a .csv or .tsv table its first column, without a heading `label`, `labels` or `name`; of any
/// other file as [`parse_labels`].
pub fn parse_label_file(path: &Path, text: &str) -> Vec<String> {
    let text = text.trim_start_matches('\u{feff}');
    let separator = match path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase).as_deref() {
        Some("csv") => b',',
        Some("tsv" | "tab") => b'\t',
        _ => return parse_labels(text),
    };
    let mut table = csv::ReaderBuilder::new();
    let mut table = table.has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes());
    let rows: Vec<_> = table.records().filter_map(Result::ok).collect();
    let mut labels = rows.iter().filter_map(|row| row.get(0)).map(str::trim).peekable();
    let is_heading = |label: &&str| ["label", "labels", "name"].contains(&label.to_lowercase().as_str());
    labels.next_if(is_heading);
    distinct(labels)
}

/// The labels without blanks and repetitions, in order.
fn distinct<'a>(labels: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen = HashSet::new();
    let labels = labels.map(str::trim).filter(|label| !label.is_empty());
    labels.filter(|label| seen.insert(label.to_lowercase())).map(str::to_owned).collect()
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
    fn labels_are_typed_on_lines_or_with_separators() {
        let text = "# Animals\ndog\n cat , \"fire engine\"\n\nDog;bird\r\nÉcole\técole";
        assert_eq!(parse_labels(text), ["dog", "cat", "fire engine", "bird", "École"]);
        assert_eq!(parse_label_file(Path::new("my.txt"), &format!("\u{feff}{text}")), parse_labels(text));
    }

    #[test]
    fn labels_of_a_table_are_its_first_column() {
        let table = "\u{feff}Label,count\n\"sea, shore\",3\nhill,4\n\nHill,5\n";
        assert_eq!(parse_label_file(Path::new("a.CSV"), table), ["sea, shore", "hill"]);
        assert_eq!(parse_label_file(Path::new("a.tsv"), "sea, shore\t3\nname\t4\n"), ["sea, shore", "name"]);
    }

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
