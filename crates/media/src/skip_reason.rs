//! The kind of a file that is not read, for the counts of skipped files. Content decides
//! if it can, then the name. Whether a file is imported is not decided here, but for raw photos: many of them have the
//! header of a TIFF.

use std::path::Path;

use vicinity_core::SkipReason;

/// First bytes, their offset, and the kind they indicate.
const MAGIC: &[(usize, &[u8], SkipReason)] = &[
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", SkipReason::Office),
    (0, b"{\\rtf", SkipReason::Office),
    (4, b"ftypM4A", SkipReason::Sound),
    (4, b"ftypM4B", SkipReason::Sound),
    (4, b"ftyp", SkipReason::Video),
    (4, b"moov", SkipReason::Video),
    (4, b"mdat", SkipReason::Video),
    (0, b"\x1aE\xdf\xa3", SkipReason::Video),
    (8, b"AVI ", SkipReason::Video),
    (0, b"FLV\x01", SkipReason::Video),
    (0, b"\0\0\x01\xba", SkipReason::Video),
    (0, b"\0\0\x01\xb3", SkipReason::Video),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", SkipReason::Video),
    (8, b"WAVE", SkipReason::Sound),
    (8, b"AIFF", SkipReason::Sound),
    (0, b"ID3", SkipReason::Sound),
    (0, b"fLaC", SkipReason::Sound),
    (0, b"OggS", SkipReason::Sound),
    (0, b"MThd", SkipReason::Sound),
    (0, b"\x1f\x8b", SkipReason::Archive),
    (0, b"7z\xbc\xaf\x27\x1c", SkipReason::Archive),
    (0, b"Rar!\x1a\x07", SkipReason::Archive),
    (0, b"BZh", SkipReason::Archive),
    (0, b"\xfd7zXZ\0", SkipReason::Archive),
    (0, b"\x28\xb5\x2f\xfd", SkipReason::Archive),
    (0, b"\x04\x22\x4d\x18", SkipReason::Archive),
    (0, b"MSCF", SkipReason::Archive),
    (257, b"ustar", SkipReason::Archive),
    (32_769, b"CD001", SkipReason::Archive),
    (0, b"\x7fELF", SkipReason::Program),
    (0, b"MZ", SkipReason::Program),
    (0, b"\xcf\xfa\xed\xfe", SkipReason::Program),
    (0, b"\xca\xfe\xba\xbe", SkipReason::Program),
    (0, b"wOFF", SkipReason::Program),
    (0, b"wOF2", SkipReason::Program),
    (0, b"OTTO", SkipReason::Program),
    (0, b"\0asm", SkipReason::Program),
];

/// Names under which cameras keep raw photos.
pub const RAW_NAMES: &[&str] = &[
    "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "iiq", "k25", "kdc", "mef", "mos", "mrw", "nef",
    "nrw", "orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f",
];
/// Names of other kinds.
const NAMES: &[(&[&str], SkipReason)] = &[
    (RAW_NAMES, SkipReason::RawPhoto),
    (OFFICE_NAMES, SkipReason::Office),
    (
        &["avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "ogv", "ts", "webm", "wmv"],
        SkipReason::Video,
    ),
    (&["aac", "aif", "aiff", "flac", "m4a", "mid", "mp3", "oga", "ogg", "opus", "wav", "wma"], SkipReason::Sound),
    (
        &["7z", "bz2", "cab", "dmg", "gz", "img", "iso", "lz4", "rar", "tar", "tgz", "xz", "zip", "zst"],
        SkipReason::Archive,
    ),
    (
        &["bin", "class", "dll", "dylib", "exe", "o", "otf", "pyc", "so", "ttf", "wasm", "woff", "woff2"],
        SkipReason::Program,
    ),
];
/// Names of documents; many of them are zip archives within.
const OFFICE_NAMES: &[&str] = &[
    "doc", "docm", "docx", "dot", "dotx", "epub", "key", "numbers", "odg", "odp", "ods", "odt", "pages", "pot", "pps",
    "ppsx", "ppt", "pptm", "pptx", "vsd", "vsdx", "xls", "xlsb", "xlsm", "xlsx",
];
/// What zip archives that are documents have in their first entries.
const OFFICE_ENTRIES: &[&[u8]] = &[
    b"[Content_Types].xml",
    b"word/",
    b"xl/",
    b"ppt/",
    b"mimetypeapplication/vnd.oasis",
    b"mimetypeapplication/epub",
    b"Index/Document.iwa",
];

/// What kind of file it is, by its name and its first bytes.
pub fn reason(path: &Path, head: &[u8]) -> SkipReason {
    let extension = extension(path);
    if head.iter().all(u8::is_ascii_whitespace) {
        return SkipReason::Blank;
    }
    if is_sidecar(path, head) {
        return SkipReason::Sidecar;
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        let inside = OFFICE_ENTRIES.iter().any(|entry| contains(head, entry));
        let office = inside || OFFICE_NAMES.contains(&extension.as_str());
        return if office { SkipReason::Office } else { SkipReason::Archive };
    }
    let by_content = MAGIC.iter().find(|(at, magic, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    let by_name = || NAMES.iter().find(|(names, _)| names.contains(&extension.as_str())).map(|(_, reason)| *reason);
    by_content.map(|(_, _, reason)| *reason).or_else(by_name).unwrap_or(SkipReason::Other)
}

/// Whether a file is a raw photo in a TIFF container: by name and header together.
pub fn is_raw_photo(path: &Path, head: &[u8]) -> bool {
    let tiff = [b"II*\0", b"MM\0*"].iter().any(|magic| head.starts_with(*magic));
    tiff && (head.get(8..12) == Some(b"CR\x02\0") || RAW_NAMES.contains(&extension(path).as_str()))
}

/// Whether a file is what a program notes about a picture: XMP, or the edits of Apple's Photos.
pub fn is_sidecar(path: &Path, head: &[u8]) -> bool {
    match extension(path).as_str() {
        "xmp" => contains(head, b":xmpmeta") || contains(head, b":RDF"),
        "aae" => contains(head, b"<plist"),
        _ => false,
    }
}

fn contains(head: &[u8], what: &[u8]) -> bool {
    head.windows(what.len()).any(|window| window == what)
}

fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_tells_the_kind_before_the_name_does() {
        let of = |name: &str, head: &[u8]| reason(Path::new(name), head);
        assert_eq!(of("a.nef", b"no raw photo"), SkipReason::RawPhoto);
        assert!(is_raw_photo(Path::new("a.nef"), b"MM\0*\0\0\0\x08"));
        assert!(is_raw_photo(Path::new("a.bin"), b"II*\0\x10\0\0\0CR\x02\0"));
        assert!(!is_raw_photo(Path::new("scan.tif"), b"II*\0\x08\0\0\0\0\0"));
        assert_eq!(of("b.docx", b"PK\x03\x04 encrypted"), SkipReason::Office);
        assert_eq!(of("b.bak", b"PK\x03\x04......[Content_Types].xml"), SkipReason::Office);
        assert_eq!(of("b.zip", b"PK\x03\x04......photo.jpg"), SkipReason::Archive);
        assert_eq!(of("c", b"\0\0\0\x18ftypmp42"), SkipReason::Video);
        assert_eq!(of("d.mp3", b"\xff\xfb\x90\x64"), SkipReason::Sound);
        assert_eq!(of("a.XMP", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>"), SkipReason::Sidecar);
        assert_eq!(of("a.aae", b"<?xml version='1.0'?><plist>"), SkipReason::Sidecar);
        assert!(!is_sidecar(Path::new("notes.xmp"), b"a text of this name"));
        assert_eq!(of("e", b" \n"), SkipReason::Blank);
        assert_eq!(of("f.xyz", &[1, 2, 3]), SkipReason::Other);
    }
}
