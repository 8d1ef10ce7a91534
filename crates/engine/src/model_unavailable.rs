//! Why there is no model to work with.

/// Why there is no model to work with. Neither says anything about what was to be embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelUnavailable {
    /// It cannot be loaded; the message says why.
    #[error("{0}")]
    Failed(String),
    /// The library is being closed.
    #[error("the library is being closed")]
    Closing,
}

impl From<ModelUnavailable> for String {
    fn from(error: ModelUnavailable) -> Self {
        error.to_string()
    }
}
