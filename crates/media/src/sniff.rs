//! Detection of the kind of a file, from its beginning, by weighing evidence. Valid fields of a binary header
//! outrank the look of a text, the look of a text outranks a short word that some format begins with, and the name
//! decides only where the content cannot.

use std::path::Path;

use image::ImageFormat;

use super::document::{self, DocumentError, DocumentFormat};
use super::error::ReadError;
use super::formats::PictureFormat;
use super::pdf::{self, PdfError};
use super::video::{self, VideoFormat};
use super::{encoding, foreign, headers, skip_reason};

/// Bytes at the beginning of a file that determine its kind.
pub const BEGINNING: usize = 64 << 10;
/// Bytes at the end of a file that may determine its kind.
pub const END: usize = 26;

/// The kind of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// An image in a format that can be decoded.
    Picture(PictureFormat),
    /// A text.
    Text,
    /// A Parquet table.
    Parquet,
    /// A workbook of a spreadsheet program.
    Workbook,
    /// A document with a text within.
    Document(DocumentFormat),
    /// A PDF document.
    Pdf,
    /// A video in a container that is read.
    Video(VideoFormat),
    /// Promises a picture or a text, but cannot be read.
    Refused(ReadError),
    /// Neither image nor text.
    Other,
}

/// What is known of a file before its kind is decided.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// Its path, of which the ending counts.
    pub path: &'a Path,
    /// The first [`BEGINNING`] bytes, or all where there are fewer.
    pub head: &'a [u8],
    /// The last [`END`] bytes, or all where there are fewer.
    pub tail: &'a [u8],
    /// Its length in bytes.
    pub len: u64,
}

impl<'a> Sight<'a> {
    /// The sight of a file that is in memory.
    pub fn of(path: &'a Path, bytes: &'a [u8]) -> Self {
        let head = &bytes[..bytes.len().min(BEGINNING)];
        let tail = &bytes[bytes.len().saturating_sub(END)..];
        Self { path, head, tail, len: bytes.len() as u64 }
    }

    fn is_whole(&self) -> bool {
        self.head.len() as u64 >= self.len
    }
}

/// The first and the last bytes of a Parquet file.
const PARQUET: &[u8] = b"PAR1";
/// File name extensions of images.
const PICTURE_NAMES: &[&str] = &[
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "gif", "bmp", "dib", "ico", "cur", "tif", "tiff", "webp", "tga",
    "qoi", "pnm", "pbm", "pgm", "ppm", "pam", "hdr", "exr", "dds", "ff", "avif", "heic", "heif", "jxl", "jp2", "jpx",
    "j2k", "j2c", "psd", "svg", "sgi", "mpo",
];
/// File name extensions of texts.
const TEXT_NAMES: &[&str] = &[
    "txt", "md", "rst", "csv", "tsv", "tab", "jsonl", "json", "html", "htm", "xml", "tex", "log", "srt", "vtt", "rtf",
    "eml",
];

/// Whether a file of this name is a Parquet table if its content is.
pub fn is_parquet_name(path: &Path) -> bool {
    matches!(extension(path).as_str(), "parquet" | "parq" | "pq")
}

/// Whether a file of this name is a workbook if its content is.
pub fn is_workbook_name(path: &Path) -> bool {
    matches!(extension(path).as_str(), "xlsx" | "xlsm" | "xltx" | "xltm")
}

/// The kind of the file.
pub fn kind(sight: &Sight<'_>) -> Kind {
    let ending = extension(sight.path);
    let named_picture = PICTURE_NAMES.contains(&ending.as_str());
    let head = sight.head;
    if head.is_empty() {
        return if named_picture { Kind::Refused(ReadError::Empty) } else { Kind::Other };
    }
    if skip_reason::is_sidecar(sight.path, head) {
        return Kind::Other;
    }
    if head.starts_with(PARQUET) && sight.tail.ends_with(PARQUET) && is_parquet_name(sight.path) {
        return Kind::Parquet;
    }
    if pdf::is_pdf(head, &ending) {
        return Kind::Pdf;
    }
    if let Some(format) = foreign::unread(head) {
        return Kind::Refused(ReadError::UnreadFormat { format });
    }
    // Many of them begin as TIFF files, whose main picture would be a small one.
    if skip_reason::is_raw_photo(sight.path, head) {
        return Kind::Picture(PictureFormat::Raw);
    }
    if document::is_encrypted(head, &ending) {
        return Kind::Refused(DocumentError::Encrypted.into());
    }
    if let Some(format) = document::detect(head, &ending).filter(|_| !named_picture) {
        return Kind::Document(format);
    }
    if !named_picture && document::is_workbook(head, &ending) {
        return Kind::Workbook;
    }
    let header = headers::picture(head, sight.len);
    if let Some(header) = header.filter(|header| header.is_valid) {
        return Kind::Picture(header.format);
    }
    if headers::is_tga(head, sight.tail) || (ending == "tga" && headers::is_tga_header(head)) {
        return Kind::Picture(ImageFormat::Tga.into());
    }
    let is_foreign = foreign::is_foreign(head);
    let is_text = !is_foreign && encoding::detect(head, sight.is_whole()).is_some();
    if let Some(format) = video::detect(head).filter(|_| !named_picture && !is_text) {
        return Kind::Video(format);
    }
    if let Some(header) = header.filter(|_| named_picture && !is_text) {
        // Damaged, as its decoder will say.
        return Kind::Picture(header.format);
    }
    if named_picture {
        return Kind::Refused(ReadError::NotAPicture { is_text });
    }
    if is_text {
        Kind::Text
    } else if TEXT_NAMES.contains(&ending.as_str()) && !is_foreign {
        Kind::Refused(ReadError::NotAText)
    } else if ending == "pdf" && !is_foreign {
        Kind::Refused(PdfError::Damaged.into())
    } else {
        Kind::Other
    }
}

/// Whether a file name is that of an image.
pub fn is_picture_name(path: &Path) -> bool {
    PICTURE_NAMES.contains(&extension(path).as_str())
}

/// The lower-case extension of a path; empty where it has none.
pub fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}
