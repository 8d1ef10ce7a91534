//! Text documents that consist of parts in a ZIP container: what they are, and the text that people read in them.
//!
//! Nothing is unpacked but the parts that hold text, each as a stream: reading ends where a model can use no more.

pub mod archive;
mod docx;
mod epub;
mod error;
mod format;
mod lines;
mod odt;
pub mod xml;

use std::io::{Read, Seek};

pub use archive::Archive;
pub use error::DocumentError;
pub use format::DocumentFormat;
use memchr::memmem;

use crate::bytes::u16_le;
use crate::error::ReadError;
use crate::text;

/// The most memory that reading one document takes, bytes: a token of its markup, a chapter in three forms, and the text.
pub const MEMORY: u64 = 48 << 20;

/// The format of a document, by the first entries of its container; by the file's lower-case extension only where these do
/// not tell.
pub fn detect(head: &[u8], ending: &str) -> Option<DocumentFormat> {
    let entries = entries(head);
    if entries.first()?.at != 0 {
        return None;
    }
    if let Some(media_type) = entries.iter().find(|entry| entry.name == b"mimetype" && entry.is_stored) {
        return of_media_type(media_type.content);
    }
    let any = |test: &dyn Fn(&[u8]) -> bool| entries.iter().any(|entry| test(entry.name));
    if any(&|name| name.starts_with(b"word/")) && any(&|name| name == b"[Content_Types].xml" || name == b"_rels/.rels")
    {
        return Some(DocumentFormat::Docx);
    }
    if any(&|name| name == b"META-INF/container.xml") && any(&|name| name.ends_with(b".opf")) {
        return Some(DocumentFormat::Epub);
    }
    DocumentFormat::named(ending)
}

fn of_media_type(content: &[u8]) -> Option<DocumentFormat> {
    const ODT: &[u8] = b"application/vnd.oasis.opendocument.text";
    if content.starts_with(b"application/epub+zip") {
        return Some(DocumentFormat::Epub);
    }
    // Behind it stands the next entry, or the rest of another type's name.
    let rest = content.strip_prefix(ODT)?;
    let whole =
        !rest.starts_with(b"-") || [&b"-template"[..], b"-web", b"-master"].iter().any(|kind| rest.starts_with(kind));
    whole.then_some(DocumentFormat::Odt)
}

/// Whether the bytes begin a document of a format that is read, in the container of encrypted ones (Microsoft's MS-OFFCRYPTO
/// 2.3.4): a compound file with a stream of this name.
pub fn is_encrypted(head: &[u8], ending: &str) -> bool {
    let stream: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    DocumentFormat::named(ending) == Some(DocumentFormat::Docx)
        && head.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
        && memmem::find(head, &stream).is_some()
}

/// Whether the bytes begin a workbook of a spreadsheet program: by the first entries of its container, and by the file's
/// lower-case extension where these do not tell.
pub fn is_workbook(head: &[u8], ending: &str) -> bool {
    let entries = entries(head);
    let any = |test: &dyn Fn(&[u8]) -> bool| entries.iter().any(|entry| test(entry.name));
    let is_named = matches!(ending, "xlsx" | "xlsm" | "xltx" | "xltm");
    let is_other = any(&|name| name.starts_with(b"word/") || name.starts_with(b"ppt/") || name == b"mimetype");
    entries.first().is_some_and(|entry| entry.at == 0)
        && !is_other
        && (is_named || any(&|name| name == b"xl/workbook.xml"))
}

/// An entry in the beginning of a container.
struct Entry<'a> {
    at: usize,
    name: &'a [u8],
    is_stored: bool,
    /// Everything behind its header.
    content: &'a [u8],
}

/// The entries of a container whose headers are in its beginning, where they make sense.
fn entries(head: &[u8]) -> Vec<Entry<'_>> {
    memmem::find_iter(head, b"PK\x03\x04").filter_map(|at| entry(head, at)).collect()
}

fn entry(head: &[u8], at: usize) -> Option<Entry<'_>> {
    let field = |offset: usize| u16_le(head, at + offset).map(usize::from);
    let (version, method) = (field(4)?, field(8)?);
    let (name_len, extra) = (field(26)?, field(28)?);
    let name = head.get(at + 30..at + 30 + name_len)?;
    let sensible = version & 0xff <= 63
        && matches!(method, 0 | 8)
        && (1..=archive::MAX_NAME).contains(&name.len())
        && name.iter().all(|b| !b.is_ascii_control());
    let content = head.get(at + 30 + name_len + extra..).unwrap_or_default();
    sensible.then_some(Entry { at, name, is_stored: method == 0, content })
}

/// What people read of a document; `None` where it holds no words.
///
/// # Errors
/// When it is damaged or encrypted, or a limit of [`archive`] or [`xml`] is exceeded.
pub fn read(source: impl Read + Seek, format: DocumentFormat) -> Result<Option<String>, ReadError> {
    let mut archive = Archive::open(source, format)?;
    let text = match format {
        DocumentFormat::Docx => docx::read(&mut archive),
        DocumentFormat::Odt => odt::read(&mut archive),
        DocumentFormat::Epub => epub::read(&mut archive),
        DocumentFormat::Workbook => return Ok(None),
    }?;
    Ok(text::shown(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, content) in entries {
            bytes.extend(b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0");
            bytes.extend((content.len() as u32).to_le_bytes());
            bytes.extend((content.len() as u32).to_le_bytes());
            bytes.extend((name.len() as u16).to_le_bytes());
            bytes.extend([0, 0]);
            bytes.extend(name.as_bytes());
            bytes.extend(*content);
        }
        bytes
    }

    #[test]
    fn the_entries_of_a_container_tell_what_it_is_and_its_name_only_where_they_do_not() {
        let word = container(&[("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>")]);
        let sheet = container(&[("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", b"")]);
        let text = container(&[("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", b"")]);
        let drawing =
            container(&[("mimetype", b"application/vnd.oasis.opendocument.text-other"), ("content.xml", b"")]);
        let book = container(&[("mimetype", b"application/epub+zip"), ("META-INF/container.xml", b"")]);
        let photos = container(&[("word/photo.jpg", b""), ("words.txt", b"")]);
        assert_eq!(detect(&word, "zip"), Some(DocumentFormat::Docx));
        assert_eq!(detect(&text, ""), Some(DocumentFormat::Odt));
        assert_eq!(detect(&book, "zip"), Some(DocumentFormat::Epub));
        assert_eq!(detect(&sheet, "odt"), None, "a spreadsheet, whatever it is called");
        assert_eq!(detect(&drawing, "odt"), None);
        assert_eq!(detect(&photos, "zip"), None);
        assert_eq!(detect(&photos, "docx"), Some(DocumentFormat::Docx));
        let book = container(&[("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>")]);
        let plain = container(&[("a.xml", b"<x/>")]);
        assert!(is_workbook(&book, "bak") && is_workbook(&plain, "xlsx") && !is_workbook(&plain, "zip"));
        assert!(!is_workbook(&word, "xlsx") && !is_workbook(&sheet, "xlsx") && !is_workbook(b"PK no entry", "xlsx"));
        assert_eq!(detect(b"PK\x03\x04 and noise that makes no header of an entry", "docx"), None);
    }

    #[test]
    fn a_compound_file_is_an_encrypted_document_only_with_its_stream() {
        let mut bytes = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
        bytes.resize(1024, 0);
        assert!(!is_encrypted(&bytes, "docx"));
        bytes.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
        assert!(is_encrypted(&bytes, "docx"));
        assert!(!is_encrypted(&bytes, "xlsx"), "a table is skipped, encrypted or not");
    }
}
