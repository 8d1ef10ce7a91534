//! Paths as text for other programs. Names need not be Unicode; where one is not, its bytes are given beside the text.

use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};

/// The bytes of a path in standard base64 (RFC 4648, padded), where its text does not tell them: on Unix the very bytes
/// of the name, on Windows the generalised UTF-8 (WTF-8) of its unpaired surrogates. `None` where the text is exact.
pub fn path_bytes(path: &Path) -> Option<String> {
    match path.to_str() {
        Some(_) => None,
        None => Some(BASE64_STANDARD.encode(path.as_os_str().as_encoded_bytes())),
    }
}

/// The path as text, the replacement character standing for what is not Unicode.
pub fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
