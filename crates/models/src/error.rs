//! Errors of models, local or remote. No text here ever holds a key.

use thiserror::Error;

use vicinity_core::EmbeddingError;

/// Bytes of a reason that are shown.
const MAX_REASON_BYTES: usize = 400;

/// Why a model could not be loaded or did not answer.
#[derive(Debug, Error)]
pub enum TowerError {
    /// A file of the model is missing, damaged, or not what it should be.
    #[error("the model file {file} cannot be used: {reason}")]
    Weights {
        /// Name of the file.
        file: String,
        /// What is wrong with it; names the tensor, if any.
        reason: String,
    },
    /// The forward pass failed.
    #[error("the model failed: {0}")]
    Forward(#[source] candle_core::Error),
    /// The device has no room for so much at once.
    #[error("not enough device memory")]
    OutOfMemory,
    /// The device cannot be used: its driver or a library is missing, too old or broken.
    #[error("{0}")]
    Device(String),
    /// The output is not an embedding.
    #[error(transparent)]
    Output(#[from] EmbeddingError),
    /// A text could not be tokenised.
    #[error("the text could not be tokenised: {0}")]
    Tokenizer(String),
    /// A picture could not be prepared for the model.
    #[error("the image could not be prepared for the model")]
    Unprepared,
    /// The model's code panicked.
    #[error(
        "the model failed unexpectedly ({0}); check its files with `vicinity models verify`, or choose another model"
    )]
    Panicked(String),
    /// A service did not answer as it should.
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

impl TowerError {
    /// Whether only the embedded item is at fault, so that others may succeed. All other errors are those of the model, its
    /// device or its service, and must not be recorded as a fault of the user's file.
    pub fn concerns_item(&self) -> bool {
        match self {
            Self::Output(_) | Self::Tokenizer(_) | Self::Unprepared => true,
            Self::Remote(error) => error.concerns_item(),
            Self::Weights { .. } | Self::Forward(_) | Self::OutOfMemory | Self::Device(_) | Self::Panicked(_) => false,
        }
    }

    /// Whether other items would fail too, so that a run has to end.
    pub fn ends_run(&self) -> bool {
        !self.concerns_item()
    }
}

impl From<candle_core::Error> for TowerError {
    fn from(error: candle_core::Error) -> Self {
        // Drivers and libraries report this in words only.
        let text = error.to_string().to_ascii_lowercase();
        let full = ["out of memory", "out_of_memory", "alloc_failed", "insufficient memory"];
        if full.iter().any(|words| text.contains(words)) { Self::OutOfMemory } else { Self::Forward(error) }
    }
}

impl TowerError {
    /// An error about a file of a model that is missing, damaged, or not what it should be.
    pub fn file(file: impl Into<String>, reason: impl Into<String>) -> Self {
        let mut reason: String = reason.into();
        // It may repeat what the file holds.
        if reason.len() > MAX_REASON_BYTES {
            reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
            reason.push('…');
        }
        Self::Weights { file: file.into(), reason }
    }
}

/// Why a service did not return a vector.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RemoteError {
    /// The provider is not configured correctly: no key, an unknown model, an invalid address.
    #[error("{0}")]
    Setup(String),
    /// The service rejects the key.
    #[error("{host} rejected the API key ({status}); set a valid key and try again")]
    Key {
        /// Host of the service.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// The service has no such model or address.
    #[error("{host} has no such model or address (404): {reason}")]
    Missing {
        /// Host of the service.
        host: String,
        /// The message of the service.
        reason: String,
    },
    /// The service rejects what was sent: too long, or of a wrong kind.
    #[error("{host} rejected the request ({status}): {reason}")]
    Refused {
        /// Host of the service.
        host: String,
        /// HTTP status.
        status: u16,
        /// The message of the service.
        reason: String,
    },
    /// No connection, or only errors, after all attempts.
    #[error("could not reach {host}: {reason}")]
    Unreachable {
        /// Host of the service.
        host: String,
        /// The last thing that went wrong.
        reason: String,
    },
    /// A quota is exhausted.
    #[error("{host} is overloaded: {reason}")]
    Busy {
        /// Host of the service.
        host: String,
        /// The message of the service.
        reason: String,
    },
    /// The response is invalid.
    #[error("{host} returned an invalid response: {reason}")]
    Answer {
        /// Host of the service.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The user cancelled it.
    #[error("the request was cancelled")]
    Cancelled,
}

impl RemoteError {
    /// Whether what was sent is at fault, so that other items may succeed; otherwise none will.
    pub fn concerns_item(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Answer { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_of_one_item_concern_it() {
        let model = [
            TowerError::file("model.safetensors", "it is missing"),
            TowerError::Forward(candle_core::Error::msg("a broken device")),
            TowerError::OutOfMemory,
            TowerError::Device("no driver".to_owned()),
            TowerError::Panicked("why".to_owned()),
            RemoteError::Cancelled.into(),
        ];
        assert!(model.iter().all(TowerError::ends_run), "{model:?}");
        let refused = RemoteError::Refused { host: "a.b".to_owned(), status: 413, reason: "too long".to_owned() };
        let item = [EmbeddingError::NotFinite.into(), TowerError::Tokenizer(String::new()), refused.into()];
        assert!(item.iter().chain([&TowerError::Unprepared]).all(TowerError::concerns_item), "{item:?}");
    }

    #[test]
    fn a_full_device_is_told_from_other_failures() {
        let of = |words: &str| TowerError::from(candle_core::Error::msg(words.to_owned()));
        assert!(matches!(of("CUDA_ERROR_OUT_OF_MEMORY"), TowerError::OutOfMemory));
        assert!(matches!(of("shape mismatch"), TowerError::Forward(_)));
    }
}
