//! Why a PDF document, or a page of it, cannot be read. Each error is a sentence for the user.

use thiserror::Error;

/// Why a PDF document, or a page of it, cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PdfError {
    /// Nobody can read it without the password.
    #[error("The document is protected by a password; save a copy without one")]
    Encrypted,
    /// It is encrypted by other means than the passwords of the PDF standard.
    #[error("The document is encrypted in a way that cannot be read; save a copy without encryption")]
    UnknownEncryption,
    /// Its content is not what the format demands.
    #[error("The file is damaged; its content is not a valid PDF document")]
    Damaged,
    /// It has no pages, or none that can be read.
    #[error("The document has no pages that can be read")]
    NoPages,
    /// There is no such page.
    #[error("The document no longer has this page")]
    PageMissing,
    /// The rest of the document was skipped.
    #[error("the document has over {max} pages; the rest was skipped")]
    TooManyPages {
        /// Pages that are read.
        max: u32,
    },
    /// The rest of the document was skipped.
    #[error("the decoder stopped on {max} pages; the rest was skipped")]
    TooManyStops {
        /// Pages on which a decoder may stop.
        max: u32,
    },
    /// The rest of the document was skipped.
    #[error("the document takes too long to draw; the rest was skipped")]
    TooSlow,
}
