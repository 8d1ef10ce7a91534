//! Why a document cannot be read. Each error is a sentence for the user.

use std::io;

use thiserror::Error;

use super::format::DocumentFormat;

/// Why a document cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DocumentError {
    /// A password or a licence protects its text.
    #[error("The document is encrypted; save a copy without a password")]
    Encrypted,
    /// Its content is not what its format demands.
    #[error("The file is damaged; its content is not a valid {}", format.name())]
    Damaged {
        /// The format.
        format: DocumentFormat,
    },
    /// Its container lists more parts than any program writes.
    #[error("The document has too many parts to open safely")]
    TooManyParts,
    /// It unpacks to far more than its own size, or to more than is read.
    #[error("The document unpacks to far more than its size; it is not opened")]
    Expands,
    /// Its elements are nested too deeply.
    #[error("The elements of the document are nested too deeply to open it safely")]
    TooDeep,
}

impl DocumentError {
    /// This error as one of reading, in which it passes through decoders; `archive::unpacked` finds it again.
    pub fn into_io(self) -> io::Error {
        io::Error::other(self)
    }
}
