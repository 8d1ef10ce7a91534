//! Why there is no model to work with.

/// Why there is no model to work with. None of them says anything about what was to be embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelUnavailable {
    /// It cannot be loaded; the message says why.
    #[error("{0}")]
    Failed(String),
    /// The user brought the vectors, and no model makes vectors that could be compared with them.
    #[error(
        "this library uses vectors of its own, so only its items can be searched by, not words or other files; \
         to search by words or add files, choose a model (Models…, or `vicinity index --model NAME`)"
    )]
    OwnVectors,
    /// The library is being closed.
    #[error("the library is being closed")]
    Closing,
}

impl From<ModelUnavailable> for String {
    fn from(error: ModelUnavailable) -> Self {
        error.to_string()
    }
}
