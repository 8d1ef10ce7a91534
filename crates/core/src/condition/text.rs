//! Comparing texts regardless of case and of composed or decomposed letters, without allocating: a condition looks at every
//! item.

use std::iter::once;

use icu_normalizer::ComposingNormalizerBorrowed;

/// With what of a text a pattern has to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextMatch {
    /// All of it.
    Whole,
    /// Any part.
    Part,
    /// One level or several successive ones of a keyword path.
    KeywordLevels,
    /// One folder or several successive ones of a path.
    FolderLevels,
}

/// A text to compare others with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPattern {
    typed: String,
    with: TextMatch,
    /// Folded; for levels with [`SEPARATOR`] at both ends and between them.
    chars: Box<[char]>,
    /// Of each length of a match so far, the longest shorter one that it ends with (Knuth, Morris and Pratt 1977).
    failure: Box<[usize]>,
}

/// Stands for every separator of a path.
const SEPARATOR: char = '\0';

impl TextMatch {
    fn is_separator(self, c: char) -> bool {
        match self {
            Self::Whole | Self::Part => false,
            Self::KeywordLevels => c == '|',
            Self::FolderLevels => std::path::is_separator(c),
        }
    }

    /// Characters of a path with [`SEPARATOR`] at both ends and between levels.
    fn levels(self, chars: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
        let levels = chars.map(move |c| if self.is_separator(c) { SEPARATOR } else { c });
        once(SEPARATOR).chain(levels).chain(once(SEPARATOR))
    }
}

impl TextPattern {
    /// Compares with `text`, for which `typed` stands.
    pub fn new(typed: &str, text: &str, with: TextMatch) -> Self {
        let text = text.trim_end_matches(|c| with.is_separator(c));
        let chars = folded(text.as_bytes());
        let chars: Box<[char]> = match with {
            TextMatch::Whole | TextMatch::Part => chars.collect(),
            TextMatch::KeywordLevels | TextMatch::FolderLevels => with.levels(chars).collect(),
        };
        let failure = failures(&chars);
        Self { typed: typed.to_owned(), with, chars, failure }
    }

    /// The text as typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Whether a text, usually in UTF-8, agrees with it.
    pub fn matches(&self, text: &[u8]) -> bool {
        if text.is_ascii() {
            self.matches_chars(text.iter().map(|byte| char::from(byte.to_ascii_lowercase())))
        } else {
            self.matches_chars(folded(text))
        }
    }

    fn matches_chars(&self, chars: impl Iterator<Item = char>) -> bool {
        match self.with {
            TextMatch::Whole => chars.eq(self.chars.iter().copied()),
            TextMatch::Part => self.is_in(chars),
            TextMatch::KeywordLevels | TextMatch::FolderLevels => self.is_in(self.with.levels(chars)),
        }
    }

    fn is_in(&self, chars: impl Iterator<Item = char>) -> bool {
        let mut matched = 0;
        for c in chars {
            while matched > 0 && self.chars[matched] != c {
                matched = self.failure[matched - 1];
            }
            if self.chars.get(matched) == Some(&c) {
                matched += 1;
                if matched == self.chars.len() {
                    return true;
                }
            }
        }
        self.chars.is_empty()
    }
}

/// A text as it is written in a condition, in quotation marks.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn failures(chars: &[char]) -> Box<[usize]> {
    let mut failure = vec![0; chars.len()];
    let mut matched = 0;
    for at in 1..chars.len() {
        while matched > 0 && chars[matched] != chars[at] {
            matched = failure[matched - 1];
        }
        matched += usize::from(chars[matched] == chars[at]);
        failure[at] = matched;
    }
    failure.into()
}

/// The characters of a text as they are compared: composed, in lower case, and one form of the Greek sigma. Bytes that are
/// not UTF-8 become replacement characters.
fn folded(text: &[u8]) -> impl Iterator<Item = char> {
    let chars = text.utf8_chunks().flat_map(|chunk| {
        let invalid = (!chunk.invalid().is_empty()).then_some(char::REPLACEMENT_CHARACTER);
        chunk.valid().chars().chain(invalid)
    });
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize_iter(chars);
    composed.flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(with: TextMatch, pattern: &str, text: &str) -> bool {
        TextPattern::new(pattern, pattern, with).matches(text.as_bytes())
    }

    #[test]
    fn texts_agree_regardless_of_case_and_composition() {
        let part = |pattern, text| matches(TextMatch::Part, pattern, text);
        assert!(part("x100", "FUJIFILM X100V") && !part("x100 ", "FUJIFILM X100V"));
        assert!(part("CAFÉ", "un cafe\u{301}") && part("cafe\u{301}", "Café") && part("σοφος", "ΣΟΦΟΣ"));
        assert!(part("aab", "aaab") && part("ababaca", "abababaca") && !part("aab", "abab"));
        assert!(part("東京", "写真 東京 2023"));
        let whole = |pattern, text| matches(TextMatch::Whole, pattern, text);
        assert!(whole("ÉTÉ", "été") && whole("Red", "red") && !whole("Red", "reddish") && !whole("reddish", "Red"));
        assert!(whole("k", "\u{212a}"), "the sign of Kelvin is a k");
    }

    #[test]
    fn a_path_agrees_by_whole_levels() {
        let path = |pattern: &str, text: &str| matches(TextMatch::KeywordLevels, pattern, text);
        for pattern in ["dogs", "Animals", "animals|DOGS", "Dogs|Poodle", "Animals|Dogs|Poodle", "Dogs|"] {
            assert!(path(pattern, "Animals|Dogs|Poodle"), "{pattern}");
        }
        for pattern in ["dog", "Animals|Poodle", "mals|Dogs", "|Dogs"] {
            assert!(!path(pattern, "Animals|Dogs|Poodle"), "{pattern}");
        }
        assert!(matches(TextMatch::FolderLevels, "/home/ann", "/home/Ann/Photos"));
        assert!(!matches(TextMatch::FolderLevels, "/ann", "/home/Ann/Photos"), "from the root");
    }

    #[test]
    fn bytes_that_are_no_unicode_are_compared_too() {
        let pattern = TextPattern::new("beach", "beach", TextMatch::Part);
        assert!(pattern.matches(b"\xff\xfeBEACH\xc3") && !pattern.matches(b"BEA\xffCH"));
    }
}
