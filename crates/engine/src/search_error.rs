//! Why a search, or a scoring of labels, has no result.

use thiserror::Error;

use super::file_content::FileContentError;
use super::model_unavailable::ModelUnavailable;
use vicinity_core::EmbeddingError;
use vicinity_models::TowerError;

/// Why a search, or a scoring of labels, has no result.
#[derive(Debug, Error)]
pub enum SearchError {
    /// Nothing to search for.
    #[error("the query is empty")]
    EmptyQuery,
    /// No labels to score.
    #[error("the label set is empty")]
    EmptyLabelSet,
    /// An item of the query was removed.
    #[error("this item is no longer in the collection")]
    ItemRemoved,
    /// An item of the query has no vector of this model.
    #[error("this item is not embedded yet")]
    NotEmbedded,
    /// A file of the query.
    #[error(transparent)]
    File(#[from] FileContentError),
    /// There is no model to embed the query with.
    #[error(transparent)]
    NoModel(#[from] ModelUnavailable),
    /// The model failed.
    #[error(transparent)]
    Tower(#[from] TowerError),
    /// The model returned fewer vectors than it was given inputs.
    #[error("the model returned no vector")]
    NoVector,
    /// A vector does not fit this library.
    #[error(transparent)]
    Vector(#[from] EmbeddingError),
    /// A fault of ours, with the message of the panic.
    #[error("the search failed unexpectedly ({0}); try a different query")]
    Panicked(String),
}
