//! Search queries and their results.

use std::path::PathBuf;
use std::sync::Arc;

use super::filter::Filter;
use super::histogram::Histogram;
use super::item::{ItemId, Modality};
use super::picture::Picture;

/// One part of a query.
#[derive(Debug, Clone)]
pub enum QueryPart {
    /// A text.
    Text(String),
    /// A decoded picture, such as a pasted one.
    Picture(Arc<Picture>),
    /// A picture or text file, inside or outside the collection.
    File(PathBuf),
    /// An item of the collection ("Find similar"); its stored embedding is used.
    Item(ItemId),
    /// Several items of the collection, which weigh as much as one part: the average of their stored embeddings, of many
    /// items that of an even sample. At least one.
    Items(Arc<[ItemId]>),
}

/// How the similarities of different modalities are made comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scoring {
    /// Cosine after subtracting the mean of each modality in this library, which closes the modality gap.
    #[default]
    Centred,
    /// Plain cosine similarity.
    RawCosine,
}

/// A search query. Several parts are averaged as unit vectors.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The parts; never empty in a query that is run.
    pub parts: Vec<QueryPart>,
    /// Which items can be hits.
    pub filter: Filter,
    /// How scores are computed.
    pub scoring: Scoring,
    /// Maximum number of hits.
    pub k: usize,
}

/// An item found by a search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The item.
    pub item: ItemId,
    /// Its modality.
    pub modality: Modality,
    /// Similarity, as the query's scoring computes it.
    pub score: f32,
}

/// The result of a query.
#[derive(Debug, Clone, Default)]
pub struct SearchResult {
    /// Best first, at most `k`.
    pub hits: Vec<Hit>,
    /// The score of every row of the searched snapshot, in row order; NaN if the row was filtered out or is not embedded.
    pub scores: Arc<[f32]>,
    /// Number of items at or above `threshold`; at most `hits.len()` of them are listed.
    pub above_threshold: usize,
    /// The same, of the pictures and of the texts.
    pub above_by_modality: [usize; 2],
    /// Distribution of the scores; `None` if there are none.
    pub histogram: Option<Histogram>,
    /// The lowest score of a match: what lies above the bulk of the scores.
    pub threshold: f32,
    /// Epoch of the searched snapshot.
    pub epoch: u64,
    /// Seconds for embedding the query, and for scoring.
    pub seconds: [f32; 2],
}

impl SearchResult {
    /// Whether a row is a match, listed or not.
    pub fn is_match(&self, row: usize) -> bool {
        self.scores.get(row).is_some_and(|score| *score >= self.threshold)
    }

    /// Whether there are more matches than the list holds.
    pub fn has_more_matches(&self) -> bool {
        let listed = self.matching().len();
        listed == self.hits.len() && listed < self.above_threshold
    }

    /// The hits at or above the threshold. List, map and selection all use exactly these.
    pub fn matching(&self) -> &[Hit] {
        // An item that is part of the query is counted but not listed.
        let above = self.hits.partition_point(|hit| hit.score >= self.threshold);
        self.hits.get(..above.min(self.above_threshold)).unwrap_or_default()
    }
}

/// A suggested query that a collection answers well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The text of the query.
    pub text: String,
    /// Its hits, best first.
    pub items: Vec<ItemId>,
}
