//! PDF documents, by `hayro`: of each page a picture, and its text if it has one. Everything happens in a helper process
//! (`decode_helper/document.rs`), which holds one document at a time; this process only finds out what is a PDF document.

mod actual_text;
mod draw;
mod error;
mod glyphs;
mod order;
mod page_text;
mod pages;
mod segment;

pub use draw::draw;
pub use error::PdfError;
use hayro::RenderCache;
use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use memchr::memmem;
pub use page_text::text;
pub use pages::{PdfPages, read_page};

/// Maximum number of pages of a document that are read.
pub const MAX_PAGES: u32 = 10_000;
/// Longer side of a page's picture, pixels: enough for models and for reading a preview.
pub const LONGER_SIDE: u32 = 1600;
/// Size of most pages' pictures.
pub const USUAL_SIZE: [u32; 2] = [1131, LONGER_SIDE];
/// Within these bytes a document begins (Adobe's implementation notes for PDF 1.7, H.3 13).
const HEADER_WITHIN: usize = 1024;

/// What is kept of one page for the next one: fonts and glyphs.
pub type PageCache<'a> = RenderCache<'a>;

/// Whether the bytes begin a PDF document. A text may mention the first word of one; `ending` is the file's lower-case
/// extension.
pub fn is_pdf(head: &[u8], ending: &str) -> bool {
    let start = &head[..head.len().min(HEADER_WITHIN)];
    let Some(at) = memmem::find(start, b"%PDF-") else { return false };
    let Some([major, b'.', minor, end]) = head.get(at + 5..at + 9) else { return false };
    let has_version = major.is_ascii_digit() && minor.is_ascii_digit() && matches!(end, b'\r' | b'\n' | b' ' | b'%');
    let has_objects = memmem::find(head, b" obj").is_some() || memmem::find(head, b"%%EOF").is_some();
    // Programs that send documents put lines of their own before them; so do people who write about them.
    let is_text = || !head[..at].iter().any(|byte| matches!(byte, 0..=8 | 14..=31));
    let is_about_it = || ending != "pdf" && is_text();
    has_version && has_objects && (at == 0 || !is_about_it())
}

/// Opens a document.
///
/// # Errors
/// When it is encrypted or damaged, or has no pages.
pub fn open(bytes: std::sync::Arc<Vec<u8>>) -> Result<Pdf, PdfError> {
    let pdf = Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => PdfError::Encrypted,
        LoadPdfError::Decryption(_) => PdfError::UnknownEncryption,
        LoadPdfError::Invalid => PdfError::Damaged,
    })?;
    if pdf.pages().is_empty() { Err(PdfError::NoPages) } else { Ok(pdf) }
}

/// The number of its pages.
pub fn page_count(pdf: &Pdf) -> u32 {
    u32::try_from(pdf.pages().len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_known_by_more_than_their_first_word() {
        let document = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\n";
        assert!(is_pdf(document, "pdf") && is_pdf(document, "bin"));
        assert!(
            is_pdf(&[b"\x00\x05letter\x00\x81\x82\xff", &document[..]].concat(), ""),
            "behind a header of a mailer"
        );
        assert!(is_pdf(&[b"X-Mailer: any\r\n\r\n", &document[..]].concat(), "pdf"));
        assert!(!is_pdf(&[&b"This is how one begins:\n"[..], document].concat(), "md"));
        assert!(!is_pdf(&[&[0; 1025][..], document].concat(), "pdf"));
        for text in ["%PDF-1.7\nis the format that I use most", "%PDF-", "%PDF-1.", ""] {
            assert!(!is_pdf(text.as_bytes(), "pdf"), "{text}");
        }
    }
}
