//! Texts in metadata: their encodings, and what is kept of them.

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The most bytes that are kept of one text.
pub const MAX_TEXT: usize = 64 << 10;

/// Text without an encoding: UTF-8 where it is valid, else Windows' Latin letters, as ExifTool takes them.
pub fn unnamed(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.get(..MAX_TEXT).unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => clean(text),
        // A character that the limit cut.
        Err(error) if bytes.len() == MAX_TEXT && error.valid_up_to() + 4 > MAX_TEXT => {
            clean(&String::from_utf8_lossy(bytes.get(..error.valid_up_to())?))
        }
        Err(_) => latin(bytes),
    }
}

/// Text in UTF-8, with whatever is broken replaced.
pub fn utf8(bytes: &[u8]) -> Option<String> {
    clean(&String::from_utf8_lossy(bytes.get(..MAX_TEXT).unwrap_or(bytes)))
}

/// Text in Latin-1 as Windows extends it.
pub fn latin(bytes: &[u8]) -> Option<String> {
    clean(&WINDOWS_1252.decode_without_bom_handling(bytes.get(..MAX_TEXT).unwrap_or(bytes)).0)
}

/// Text in UTF-16 of this byte order, unless it has a mark of its own.
pub fn utf16(bytes: &[u8], big_endian: bool) -> Option<String> {
    let bytes = bytes.get(..MAX_TEXT).unwrap_or(bytes);
    let encoding = if big_endian { UTF_16BE } else { UTF_16LE };
    clean(&encoding.decode(bytes).0)
}

/// Up to the first zero byte: how texts end in EXIF.
pub fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Without white space around, control characters, and line ends other than `\n`; `None` where nothing is left.
pub fn clean(text: &str) -> Option<String> {
    let end = text.char_indices().map(|(at, _)| at).find(|at| *at > MAX_TEXT).unwrap_or(text.len());
    let text = text[..end].split('\0').next().unwrap_or_default();
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
