//! What is asked, and what is found.

use std::path::PathBuf;
use std::sync::Arc;

use super::item::{Item, ItemId, Modality};
use super::name::NamePattern;
use super::picture::Picture;

/// One ingredient of a query.
#[derive(Debug, Clone)]
pub enum QueryPart {
    /// Words.
    Text(String),
    /// A picture at hand (pasted).
    Picture(Arc<Picture>),
    /// A picture or text file, inside or outside the collection.
    File(PathBuf),
    /// An item of the collection ("search by this"); its stored embedding is taken.
    Item(ItemId),
}

/// Which items may be hits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Only this modality.
    pub modality: Option<Modality>,
    /// Only items below this folder.
    pub folder: Option<PathBuf>,
    /// Only items whose file name contains this.
    pub name: Option<NamePattern>,
}

impl Filter {
    /// Whether an item may be a hit.
    pub fn admits(&self, item: &Item) -> bool {
        self.modality.is_none_or(|modality| modality == item.modality)
            && self.folder.as_ref().is_none_or(|folder| item.path.starts_with(folder))
            && self.name.as_ref().is_none_or(|name| name.matches(item))
    }
}

/// How similarities of different modalities are made comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scoring {
    /// Cosine after each modality has been centred by its mean in this library (closes the modality gap).
    #[default]
    Centred,
    /// Plain cosine similarity.
    RawCosine,
}

/// A search. Several parts are averaged as unit vectors.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Never empty in a query that is run.
    pub parts: Vec<QueryPart>,
    /// What may be a hit.
    pub filter: Filter,
    /// How scores are made.
    pub scoring: Scoring,
    /// The most hits wanted.
    pub k: usize,
}

/// One item found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The item.
    pub item: ItemId,
    /// Its modality.
    pub modality: Modality,
    /// Similarity under the query's scoring.
    pub score: f32,
}

/// The answer to a query.
#[derive(Debug, Clone, Default)]
pub struct SearchResult {
    /// Best first, at most `k`.
    pub hits: Vec<Hit>,
    /// The score of every row of the snapshot searched, in row order (NaN where filtered out or not embedded yet).
    pub scores: Arc<[f32]>,
    /// How many items stand out from the bulk of the scores (at most `hits.len()` of them are listed).
    pub standing_out: usize,
    /// The score from which a hit stands out.
    pub threshold: f32,
    /// Epoch of the snapshot searched.
    pub epoch: u64,
    /// Seconds for embedding the query, and for the scan.
    pub seconds: [f32; 2],
}

impl SearchResult {
    /// The hits that match: those that stand out from the bulk. List, map and selection all take these and no others.
    pub fn matching(&self) -> &[Hit] {
        // An item that was itself the question is counted as standing out but is not listed.
        let above = self.hits.partition_point(|hit| hit.score >= self.threshold);
        self.hits.get(..above.min(self.standing_out)).unwrap_or_default()
    }
}

/// A query that a collection answers well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The words.
    pub text: String,
    /// Its best hits, best first.
    pub items: Vec<ItemId>,
}
