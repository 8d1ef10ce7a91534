//! What can go wrong with a service, in sentences. No text here ever holds a key.

use thiserror::Error;

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
