//! Errors of models, local or remote. No text here ever holds a key.

use thiserror::Error;

use vicinity_core::EmbeddingError;

/// Bytes of a reason that are shown.
const REASON: usize = 400;

/// Why a model could not be loaded or did not answer.
#[derive(Debug, Error)]
pub enum TowerError {
    /// A file of the model is missing, damaged, or not what it should be.
    #[error("the model file {file} cannot be used: {reason}")]
    Weights {
        /// Name of the file.
        file: String,
        /// What is wrong with it (names the tensor where there is one).
        reason: String,
    },
    /// The forward pass failed.
    #[error("the model failed: {0}")]
    Forward(#[source] candle_core::Error),
    /// The device has no room for so much at once.
    #[error("not enough device memory")]
    OutOfMemory,
    /// The output is not an embedding.
    #[error(transparent)]
    Output(#[from] EmbeddingError),
    /// A text could not be tokenised.
    #[error("the text could not be tokenised: {0}")]
    Tokenizer(String),
    /// The model's code gave up.
    #[error(
        "the model failed unexpectedly ({0}); check its files with `vicinity models verify`, or choose another model"
    )]
    Panicked(String),
    /// A service did not answer as it should.
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

impl TowerError {
    /// Whether other items would fail too, so that going on makes no sense: a service that is not there, a wrong key.
    pub fn ends_run(&self) -> bool {
        match self {
            Self::Remote(error) => !error.concerns_item(),
            Self::OutOfMemory => true,
            _ => false,
        }
    }
}

impl From<candle_core::Error> for TowerError {
    fn from(error: candle_core::Error) -> Self {
        // Drivers and libraries tell it in words only.
        let text = error.to_string().to_ascii_lowercase();
        let full = ["out of memory", "out_of_memory", "alloc_failed", "insufficient memory"];
        if full.iter().any(|words| text.contains(words)) { Self::OutOfMemory } else { Self::Forward(error) }
    }
}

impl TowerError {
    /// The complaint that a file of a model is missing, damaged, or not what it should be.
    pub fn file(file: impl Into<String>, reason: impl Into<String>) -> Self {
        let mut reason: String = reason.into();
        // It may repeat what the file holds.
        if reason.len() > REASON {
            reason.truncate(reason.floor_char_boundary(REASON));
            reason.push('…');
        }
        Self::Weights { file: file.into(), reason }
    }
}

/// Why a service gave no vector.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RemoteError {
    /// The provider is not set up rightly: no key, an unknown model, an address that cannot be.
    #[error("{0}")]
    Setup(String),
    /// The service turns the key down.
    #[error("{host} rejected the API key ({status}); set a valid key and try again")]
    Key {
        /// Where it was sent.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// The service does not know the model or the address.
    #[error("{host} has no such model or address (404): {reason}")]
    Missing {
        /// Who.
        host: String,
        /// What it said.
        reason: String,
    },
    /// The service refuses what was sent: too long, of a wrong kind.
    #[error("{host} rejected the request ({status}): {reason}")]
    Refused {
        /// Who.
        host: String,
        /// HTTP status.
        status: u16,
        /// What it said.
        reason: String,
    },
    /// No connection, or only errors, after all attempts.
    #[error("could not reach {host}: {reason}")]
    Unreachable {
        /// Who.
        host: String,
        /// The last thing that went wrong.
        reason: String,
    },
    /// A quota is spent.
    #[error("{host} is overloaded: {reason}")]
    Busy {
        /// Who.
        host: String,
        /// What it said.
        reason: String,
    },
    /// The answer is not what was asked for.
    #[error("{host} returned an invalid response: {reason}")]
    Answer {
        /// Who.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The user ended it.
    #[error("the request was cancelled")]
    Cancelled,
}

impl RemoteError {
    /// Whether the fault lies with what was sent, so that other items may well pass; else nothing will.
    pub fn concerns_item(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Answer { .. })
    }
}
