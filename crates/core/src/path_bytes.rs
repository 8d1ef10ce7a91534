//! Paths as text for other programs. A path need not be Unicode; if it is not, its bytes are given as well.

use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};

/// The bytes of a path that is not Unicode in standard base64 (RFC 4648, padded): on Unix the bytes themselves, on
/// Windows generalised UTF-8 (WTF-8). `None` if the path is Unicode, so that its text is exact.
pub fn path_bytes(path: &Path) -> Option<String> {
    match path.to_str() {
        Some(_) => None,
        None => Some(BASE64_STANDARD.encode(path.as_os_str().as_encoded_bytes())),
    }
}

/// The path as text, with the replacement character for everything that is not Unicode.
pub fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
