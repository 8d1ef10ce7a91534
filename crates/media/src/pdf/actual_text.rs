//! Marked content whose text is given beside its glyphs (ISO 32000-1, 14.9.4), such as a word that is drawn as a picture or
//! a letter of several glyphs.

use hayro::hayro_syntax::object::{self, Dict};

/// The marked content that glyphs are in.
#[derive(Debug, Default)]
pub struct ActualText {
    /// Of each level, from the outside in: the text given, until it was used.
    levels: Vec<Option<Given>>,
}

#[derive(Debug)]
struct Given(Option<String>);

/// Maximum number of levels that are followed.
const MAX_LEVELS: usize = 64;

impl ActualText {
    /// A level begins.
    pub fn begin(&mut self, properties: Option<&Dict<'_>>) {
        let given = properties.filter(|_| self.levels.len() < MAX_LEVELS);
        let given = given.and_then(|dict| dict.get::<object::String<'_>>("ActualText"));
        self.levels.push(given.map(|text| Given(Some(decode(text.as_bytes())))));
    }

    /// The innermost level ends.
    pub fn end(&mut self) {
        self.levels.pop();
    }

    /// The text to use in place of that of the next glyph; `None` if that is its own. Empty for all glyphs but the first.
    pub fn take(&mut self) -> Option<String> {
        let given = self.levels.iter_mut().take(MAX_LEVELS).find_map(Option::as_mut)?;
        Some(given.0.take().unwrap_or_default())
    }
}

/// A text string (ISO 32000-1, 7.9.2.2). Other encodings than Unicode are taken for Latin-1, which PDFDocEncoding is but for
/// some signs.
fn decode(bytes: &[u8]) -> String {
    if let Some(units) = bytes.strip_prefix(b"\xfe\xff") {
        let units = units.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair));
        return char::decode_utf16(units).flatten().collect();
    }
    match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(utf8) => String::from_utf8_lossy(utf8).into_owned(),
        None => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_strings_are_unicode_or_latin() {
        assert_eq!(decode(b"\xfe\xff\x00f\x00\xfc\xd8\x3d\xde\x00"), "fü\u{1f600}");
        assert_eq!(decode("\u{feff}größer".as_bytes()), "größer");
        assert_eq!(decode(b"gr\xf6\xdfer"), "größer");
        assert_eq!(decode(b"\xfe\xff\xd8"), "");
    }

    #[test]
    fn a_given_text_is_used_once() {
        let mut text = ActualText { levels: vec![None, Some(Given(Some("word".into()))), None] };
        assert_eq!(text.take().as_deref(), Some("word"));
        assert_eq!(text.take().as_deref(), Some(""));
        text.end();
        text.end();
        assert_eq!(text.take(), None);
        text.end();
        text.end();
    }
}
