//! What a file is, by its first bytes; the name decides only where the content cannot.

use std::path::Path;

use image::ImageFormat;

use super::table::TableKind;
use super::text;

/// What a file is.
pub enum Kind {
    /// A picture in a format that can be decoded.
    Picture(ImageFormat),
    /// A text.
    Text,
    /// Promised a picture or a text, but cannot be read; the sentence says why.
    Refused(String),
    /// Neither picture nor text.
    Other,
}

/// Names under which people keep pictures.
const PICTURE_NAMES: &[&str] = &[
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "gif", "bmp", "dib", "ico", "cur", "tif", "tiff", "webp", "tga",
    "qoi", "pnm", "pbm", "pgm", "ppm", "pam", "hdr", "exr", "dds", "ff", "avif", "heic", "heif", "jxl", "jp2", "psd",
    "svg", "sgi", "mpo",
];
/// Names under which people keep texts.
const TEXT_NAMES: &[&str] =
    &["txt", "md", "rst", "csv", "tsv", "jsonl", "json", "html", "htm", "xml", "tex", "log", "srt"];

/// First bytes of formats that are known and cannot be decoded.
const KNOWN: &[(&[u8], usize, &str)] = &[
    (b"8BPS", 0, "Photoshop pictures"),
    (b"\x00\x00\x00\x0cjP  ", 0, "JPEG 2000 pictures"),
    (b"\xff\x4f\xff\x51", 0, "JPEG 2000 pictures"),
    (b"\xff\x0a", 0, "JPEG XL pictures"),
    (b"\x00\x00\x00\x0cJXL ", 0, "JPEG XL pictures"),
    (b"\x01\xda", 0, "SGI pictures"),
    (b"%PDF-", 0, "PDF documents"),
    (b"/* XPM */", 0, "XPM pictures"),
];

/// Brands of the ISO base media format that are pictures.
const HEIF_BRANDS: &[(&[u8; 4], &str)] = &[
    (b"avif", "AVIF"),
    (b"avis", "AVIF"),
    (b"heic", "HEIC"),
    (b"heix", "HEIC"),
    (b"hevc", "HEIC"),
    (b"mif1", "HEIF"),
    (b"msf1", "HEIF"),
];

/// First bytes of things that are no part of a collection, whatever their name.
const FOREIGN: &[&[u8]] = &[
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"7z\xbc\xaf",
    b"Rar!",
    b"\x7fELF",
    b"MZ",
    b"ID3",
    b"OggS",
    b"fLaC",
    b"\x1aE\xdf\xa3",
    b"SQLite format 3",
    b"BZh",
    b"\xfd7zXZ",
    b"\x28\xb5\x2f\xfd",
    b"wOFF",
    b"wOF2",
    b"OTTO",
    b"\x00\x01\x00\x00\x00",
];

/// What the file is.
pub fn kind(path: &Path, bytes: &[u8]) -> Kind {
    let extension = extension(path);
    let named_picture = PICTURE_NAMES.contains(&extension.as_str());
    if bytes.is_empty() {
        let promised = named_picture || TEXT_NAMES.contains(&extension.as_str());
        return if promised { Kind::Refused("The file is empty".to_owned()) } else { Kind::Other };
    }
    if let Some(sentence) = known_but_unread(bytes) {
        return Kind::Refused(sentence);
    }
    if let Some(format) = picture_format(bytes, &extension) {
        return Kind::Picture(format);
    }
    if FOREIGN.iter().any(|magic| bytes.starts_with(magic)) && !named_picture {
        return Kind::Other;
    }
    let is_text = text::looks_like_text(bytes);
    if named_picture {
        let what = if is_text { "it holds text" } else { "its content is no picture format that is known" };
        return Kind::Refused(format!("The name promises a picture, but {what}"));
    }
    if is_text {
        Kind::Text
    } else if TEXT_NAMES.contains(&extension.as_str()) {
        Kind::Refused("The name promises a text, but the content is not text".to_owned())
    } else {
        Kind::Other
    }
}

/// The kind of table a name promises.
pub fn table(path: &Path) -> Option<TableKind> {
    match extension(path).as_str() {
        "csv" => Some(TableKind::Separated(b',')),
        "tsv" | "tab" => Some(TableKind::Separated(b'\t')),
        "jsonl" | "ndjson" => Some(TableKind::JsonLines),
        _ => None,
    }
}

fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

fn known_but_unread(bytes: &[u8]) -> Option<String> {
    let unread = |what: &str| format!("{what} cannot be read yet; convert it to JPEG or PNG");
    if bytes.get(4..8) == Some(b"ftyp") {
        let brand = bytes.get(8..12)?;
        return HEIF_BRANDS
            .iter()
            .find(|(b, _)| b.as_slice() == brand)
            .map(|(_, name)| unread(&format!("{name} pictures")));
    }
    if let Some((_, _, what)) =
        KNOWN.iter().find(|(magic, at, _)| bytes.get(*at..).is_some_and(|b| b.starts_with(magic)))
    {
        return Some(unread(what));
    }
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]);
    let head = head.trim_start_matches('\u{feff}').trim_start();
    let drawing = head.starts_with("<svg") || (head.starts_with("<?xml") && head.contains("<svg"));
    drawing.then(|| unread("SVG drawings"))
}

fn picture_format(bytes: &[u8], extension: &str) -> Option<ImageFormat> {
    let format = image::guess_format(bytes).ok();
    match format {
        // "P1" … "P7" or "BM" begin texts, too; a picture goes on with white space or a plausible header.
        Some(ImageFormat::Pnm) if !bytes.get(2).is_some_and(u8::is_ascii_whitespace) => None,
        Some(ImageFormat::Bmp) if bytes.len() < 26 || text::looks_like_text(bytes) => None,
        Some(format) => Some(format),
        None if bytes.ends_with(b"TRUEVISION-XFILE.\0") || (extension == "tga" && bytes.len() > 18) => {
            Some(ImageFormat::Tga)
        }
        None => None,
    }
}
