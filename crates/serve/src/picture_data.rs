//! Pictures inside texts: `data:` URLs, and plain base64.
//!
//! Read as leniently as browsers do (WHATWG's Fetch standard, "data: URL processor" and "forgiving-base64"): any case,
//! spaces and line breaks, percent-encoding, with or without padding; and also the URL-safe alphabet.

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};

const SCHEME: &str = "data:";
/// Maximum characters before the comma; real ones have some dozens.
const MAX_TYPE_CHARS: usize = 512;

const DECODER: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// What follows `data:`.
fn after_scheme(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let (scheme, rest) = text.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
}

/// The parts of the media type, trimmed and in lower case: `image/png`, `base64`. `None` if it is prose, not a type.
fn parts(description: &str) -> Option<Vec<String>> {
    let part = |part: &str| {
        let part = part.trim();
        (!part.contains(char::is_whitespace)).then(|| part.to_ascii_lowercase())
    };
    description.split(';').map(part).collect()
}

/// Whether a text is the `data:` URL of a picture, even a damaged one; such a text is never meant as words.
pub(super) fn is_picture(text: &str) -> bool {
    let Some(rest) = after_scheme(text) else { return false };
    let end = rest.char_indices().nth(MAX_TYPE_CHARS).map_or(rest.len(), |(at, _)| at);
    let comma = rest[..end].find(',');
    let Some(parts) = parts(&rest[..comma.unwrap_or(end)]) else { return false };
    let kind = parts.first().map_or("", String::as_str);
    let encoded = parts.len() > 1 && parts.last().is_some_and(|last| last == "base64");
    kind.starts_with("image/") || comma.is_some() && encoded && (kind.is_empty() || kind.contains('/'))
}

/// The file in a `data:` URL.
///
/// # Errors
/// A sentence for the client.
pub(super) fn file(address: &str) -> Result<Vec<u8>, String> {
    let damaged = || "The data: URL is not valid; it should look like data:image/png;base64,…".to_owned();
    let Some(rest) = after_scheme(address) else {
        return Err("Nothing is fetched from the network; send the image as a file or a data: URL".into());
    };
    let (description, content) = rest.split_once(',').ok_or_else(damaged)?;
    let parts = parts(description).ok_or_else(damaged)?;
    let content = content.split('#').next().unwrap_or_default();
    let bytes: Vec<u8> = percent_encoding::percent_decode_str(content).collect();
    if parts.len() > 1 && parts.last().is_some_and(|last| last == "base64") {
        return base64(&bytes).map_err(|_| damaged());
    }
    match bytes.is_ascii() {
        // A picture is never pure ASCII: this is base64 that is not declared as such.
        true => Err(damaged()),
        false => Ok(bytes),
    }
}

/// Decodes base64 in either alphabet, with spaces, padded or not.
///
/// # Errors
/// A sentence for the client.
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
        _ => Err("The data is not valid base64".to_owned()),
    }
}

/// Repairs a `data:` URL from a form (`application/x-www-form-urlencoded`), in which an unencoded plus became a space.
pub(super) fn of_form(value: String) -> String {
    match value.split_once(',') {
        Some((description, content)) if is_picture(&value) => {
            let content = content.trim_matches(|c: char| c.is_ascii_whitespace());
            format!("{description},{}", content.replace(' ', "+"))
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_accepted_however_they_are_written() {
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
    fn prose_is_not_a_picture() {
        for prose in [
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
            assert!(!is_picture(prose), "{prose}");
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
