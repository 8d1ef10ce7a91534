//! PDF documents, by `hayro`: of each page a picture, and its text if it has one. Everything happens in a helper process
//! (`decode_helper/document.rs`), which holds one document at a time; this process only finds out what is a PDF document.

mod actual_text;
mod draw;
mod error;
mod glyphs;
mod last_document;
mod order;
mod page_text;
mod pages;
mod segment;

use crate::decode_helper::document_protocol::{MAX_TITLE, OpenedDocument};
pub use draw::draw;
pub use error::PdfError;
use hayro::RenderCache;
use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
pub use last_document::{PdfFacts, facts, read_page};
use memchr::memmem;
pub use page_text::text;
pub use pages::PdfPages;

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

/// What a document says about itself; `bytes` are all of it.
pub fn about(pdf: &Pdf, bytes: &[u8]) -> OpenedDocument {
    let pages = u32::try_from(pdf.pages().len()).unwrap_or(u32::MAX);
    // `/EncryptMetadata` and the like are other words.
    let is_whole = |at: usize| !bytes.get(at + b"/Encrypt".len()).is_some_and(u8::is_ascii_alphanumeric);
    let is_encrypted = memmem::find_iter(bytes, b"/Encrypt").any(is_whole);
    OpenedDocument { pages, title: pdf.metadata().title.as_deref().and_then(title), is_encrypted }
}

/// A text of a document: in UTF-16 or UTF-8 if it begins with their mark, else in an encoding much like that of Windows.
fn title(bytes: &[u8]) -> Option<String> {
    let text = match bytes {
        [0xfe, 0xff, rest @ ..] => encoding_rs::UTF_16BE.decode_without_bom_handling(rest).0,
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        _ => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
    };
    let mut title = text.split_whitespace().collect::<Vec<_>>().join(" ");
    title.retain(|letter| !letter.is_control());
    title.truncate(title.floor_char_boundary(MAX_TITLE));
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_read_in_every_encoding() {
        let utf16 = [0xfe, 0xff, 0, b'A', 0x20, 0xac];
        assert_eq!(title(&utf16).as_deref(), Some("A€"));
        assert_eq!(title(b"\xef\xbb\xbf\xc3\x9cber  uns\n").as_deref(), Some("Über uns"));
        assert_eq!(title(b"\xdcber\x00").as_deref(), Some("Über"));
        assert_eq!(title(b" \t"), None);
        assert_eq!(title(&[b'a'; 5000]).map(|title| title.len()), Some(MAX_TITLE));
    }

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
