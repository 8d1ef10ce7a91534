//! Pictures inside of texts: `data:` addresses, and plain base64.
//!
//! Read as leniently as browsers do (WHATWG's Fetch standard, "data: URL processor" and "forgiving-base64"): any case,
//! blanks and line breaks, percent-encoding, with or without padding; beyond that also the alphabet for addresses.

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};

const SCHEME: &str = "data:";
/// Characters of what stands before the comma; real ones have some dozens.
const LONGEST_TYPE: usize = 512;

const DECODER: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// What stands behind `data:`.
fn after_scheme(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let (scheme, rest) = text.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
}

/// The parts of the type, in lower case and without blanks: `image/png`, `base64`. `None` where it is no type but prose.
fn parts(described: &str) -> Option<Vec<String>> {
    let part = |part: &str| {
        let part = part.trim();
        (!part.contains(char::is_whitespace)).then(|| part.to_ascii_lowercase())
    };
    described.split(';').map(part).collect()
}

/// Whether a text is the address of a picture, be it a damaged one; such a text is never meant to be read as words.
pub(super) fn is_picture(text: &str) -> bool {
    let Some(rest) = after_scheme(text) else { return false };
    let end = rest.char_indices().nth(LONGEST_TYPE).map_or(rest.len(), |(at, _)| at);
    let comma = rest[..end].find(',');
    let Some(parts) = parts(&rest[..comma.unwrap_or(end)]) else { return false };
    let kind = parts.first().map_or("", String::as_str);
    let encoded = parts.len() > 1 && parts.last().is_some_and(|last| last == "base64");
    kind.starts_with("image/") || comma.is_some() && encoded && (kind.is_empty() || kind.contains('/'))
}

/// The file in a `data:` address.
///
/// # Errors
/// A sentence for the caller.
pub(super) fn file(address: &str) -> Result<Vec<u8>, String> {
    let damaged = || "The data: address is damaged; it looks like data:image/png;base64,…".to_owned();
    let Some(rest) = after_scheme(address) else {
        return Err(
            "Nothing is fetched from the network here; send the picture as a file, or as a data: address".into()
        );
    };
    let (described, content) = rest.split_once(',').ok_or_else(damaged)?;
    let parts = parts(described).ok_or_else(damaged)?;
    let content = content.split('#').next().unwrap_or_default();
    let bytes: Vec<u8> = percent_encoding::percent_decode_str(content).collect();
    if parts.len() > 1 && parts.last().is_some_and(|last| last == "base64") {
        return base64(&bytes).map_err(|_| damaged());
    }
    match bytes.is_ascii() {
        // A picture is never made of ASCII alone: what is meant is base64, and nothing says so.
        true => Err(damaged()),
        false => Ok(bytes),
    }
}

/// Base64 in either alphabet, with blanks, and padded or not.
///
/// # Errors
/// A sentence for the caller.
pub(super) fn base64(text: &[u8]) -> Result<Vec<u8>, String> {
    let standard = |byte: &u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    let mut digits: Vec<u8> = text.iter().filter(|byte| !byte.is_ascii_whitespace()).map(standard).collect();
    let padding = digits.iter().rev().take_while(|byte| **byte == b'=').count();
    digits.truncate(digits.len() - padding);
    match DECODER.decode(&digits) {
        Ok(bytes) if padding <= 2 => Ok(bytes),
        _ => Err("The data is not base64".to_owned()),
    }
}

/// An address as a form had it (`application/x-www-form-urlencoded`), where a plus that was not encoded reads as a blank.
pub(super) fn of_form(value: String) -> String {
    match value.split_once(',') {
        Some((described, content)) if is_picture(&value) => {
            let content = content.trim_matches(|c: char| c.is_ascii_whitespace());
            format!("{described},{}", content.replace(' ', "+"))
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_however_they_are_written() {
        for good in [
            "data:image/png;base64,+/8=",
            "data:image/png;base64,-_8=",
            "data:image/png;base64,+/8",
            "DATA:IMAGE/PNG;BASE64,+/8=",
            "data:;base64,+/8=",
            "data:image/svg+xml;charset=utf-8;base64,+/8=",
            "  data: image/png ; base64 ,\r\n +/\r\n8=\n",
            "data:image/png;base64,%2B%2F8%3D",
            "data:image/png;base64,%2b/8%0A=",
            "data:application/octet-stream;base64,+/8#top",
            "data:image/x,%FB%FF",
        ] {
            assert_eq!(file(good), Ok(vec![251, 255]), "{good}");
            assert!(is_picture(good), "{good}");
        }
        for bad in ["data:image/png;base64", "data:image/png,abc", "data:image/png;base64,*", "data:image/png;base64,A"]
        {
            assert!(file(bad).is_err() && is_picture(bad), "{bad}");
        }
        for bad in ["https://example.com/a.png", "http://127.0.0.1/", "file:///etc/passwd", "data:,x", "data:;base64,?"]
        {
            assert!(file(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn words_are_no_pictures() {
        for words in [
            "data: the new oil, they say",
            "data:image/png addresses are slow, they say",
            "data:text/plain,hello",
            "database64,",
            "dat",
            "data",
            "ata:image/png;base64,AAAA",
            "data:;;,",
            "",
            "Dát:image",
        ] {
            assert!(!is_picture(words), "{words}");
        }
    }

    #[test]
    fn base64_has_two_alphabets_and_needs_no_padding() {
        for text in ["-_8=", "+/8=", "-_8", "+/8", "+ /\n8=", "+/8=="] {
            assert_eq!(base64(text.as_bytes()), Ok(vec![251, 255]), "{text}");
        }
        for text in ["+/8===", "A", "+=/8", "+/8\u{e9}"] {
            assert!(base64(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_plus_survives_a_form() {
        assert_eq!(of_form("data:image/png;base64,A A+\n".to_owned()), "data:image/png;base64,A+A+");
        assert_eq!(of_form("a, b c".to_owned()), "a, b c");
    }
}
