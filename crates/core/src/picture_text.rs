//! The text that was read in a picture: its words, where they are, and which of them a query asks for.

use std::fmt;
use std::str::FromStr;

use icu_normalizer::DecomposingNormalizerBorrowed;
use thiserror::Error;

/// The most languages that are read at once: each takes its time.
const MAX_LANGUAGES: usize = 8;
/// The longest name of a language, bytes.
const MAX_NAME: usize = 40;

/// A word of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureWord {
    /// As it was read; never empty, without spaces.
    pub text: String,
    /// Left, top, right and bottom as fractions of the upright picture's width and height.
    pub area: [f32; 4],
    /// Number of its line, growing from the first to the last.
    pub line: u32,
}

/// The text of a picture, in the order in which it is read. Empty where there is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PictureText {
    /// Its words.
    pub words: Vec<PictureWord>,
}

impl PictureText {
    /// Whether no words were found.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The words, with a space between two, and a line break between two lines.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = None;
        for word in &self.words {
            match line.replace(word.line) {
                Some(before) if before != word.line => text.push('\n'),
                Some(_) => text.push(' '),
                None => {}
            }
            text.push_str(&word.text);
        }
        text
    }

    /// The words that a query names, whatever their case and accents.
    pub fn matching(&self, query: &str) -> Vec<&PictureWord> {
        let wanted = terms(query);
        self.words.iter().filter(|word| terms(&word.text).iter().any(|term| wanted.contains(term))).collect()
    }

    /// Whether every word of a query occurs. Not if it has none.
    pub fn contains_all(&self, query: &str) -> bool {
        let mut wanted = terms(query);
        let asks = !wanted.is_empty();
        for word in &self.words {
            let found = terms(&word.text);
            wanted.retain(|term| !found.contains(term));
        }
        asks && wanted.is_empty()
    }
}

/// The words of a text as they are compared: runs of letters and digits, in lower case and without accents. Characters of
/// scripts that have no spaces between words are words of their own.
fn terms(text: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    for c in DecomposingNormalizerBorrowed::new_nfd().normalize(text).chars() {
        match terms.last_mut() {
            Some(last) if c.is_alphanumeric() && !is_word_alone(c) => last.extend(c.to_lowercase()),
            _ if is_word_alone(c) => terms.extend([c.to_string(), String::new()]),
            _ if is_accent(c) => {}
            _ => terms.push(String::new()),
        }
    }
    terms.retain(|term| !term.is_empty());
    terms
}

fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// Whether a character is a word by itself: Hiragana, Katakana and ideographs, which have no spaces between words.
pub fn is_word_alone(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
        || matches!(c, '\u{20000}'..='\u{3ffff}')
}

/// The languages in which text in pictures is read, by Tesseract's names: `eng`, `chi_sim`, `script/Latin`. At least one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TextLanguages(Vec<String>);

impl TextLanguages {
    /// From a list of names, which are kept in their order, each once.
    ///
    /// # Errors
    /// When there are none, too many, or one is not a name.
    pub fn new(names: impl IntoIterator<Item = String>) -> Result<Self, InvalidLanguages> {
        let mut list: Vec<String> = Vec::new();
        for name in names {
            if !is_name(&name) {
                return Err(InvalidLanguages::Name(name));
            }
            if !list.contains(&name) {
                list.push(name);
            }
        }
        match list.len() {
            0 => Err(InvalidLanguages::None),
            1..=MAX_LANGUAGES => Ok(Self(list)),
            _ => Err(InvalidLanguages::TooMany),
        }
    }

    /// The names.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

/// It becomes an argument of another program, and perhaps a part of a path.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    name.len() <= MAX_NAME && name.split('/').all(is_part)
}

impl fmt::Display for TextLanguages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("+"))
    }
}

impl FromStr for TextLanguages {
    type Err = InvalidLanguages;

    /// `eng+deu`.
    fn from_str(text: &str) -> Result<Self, InvalidLanguages> {
        let names = text.split(['+', ',']).map(str::trim).filter(|name| !name.is_empty());
        Self::new(names.map(str::to_owned))
    }
}

/// Why a list of languages is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidLanguages {
    /// It is empty.
    #[error("no language is named; write for example eng+deu")]
    None,
    /// Reading would take too long.
    #[error("more than {MAX_LANGUAGES} languages cannot be read at once")]
    TooMany,
    /// No language has such a name.
    #[error("{0:?} is not the name of a language; write for example eng+deu")]
    Name(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(words: &[(&str, u32)]) -> PictureText {
        let word = |(text, line): &(&str, u32)| PictureWord { text: (*text).to_owned(), area: [0.0; 4], line: *line };
        PictureText { words: words.iter().map(word).collect() }
    }

    #[test]
    fn words_stand_in_lines() {
        let text = picture(&[("Total", 1), ("due:", 1), ("EUR", 2)]);
        assert_eq!(text.text(), "Total due:\nEUR");
        assert_eq!(PictureText::default().text(), "");
    }

    #[test]
    fn words_are_found_whatever_their_case_accents_and_punctuation() {
        let text = picture(&[("CAFÉ", 1), ("\"Über\",", 1), ("1,250.00", 2), ("東京駅", 3)]);
        let found = |query: &str| text.matching(query).iter().map(|word| word.text.clone()).collect::<Vec<_>>();
        assert_eq!(found("cafe uber"), ["CAFÉ", "\"Über\","]);
        assert_eq!((found("250"), found("駅")), (vec!["1,250.00".to_owned()], vec!["東京駅".to_owned()]));
        assert!(found("caf").is_empty() && found("").is_empty() && found("+-*").is_empty());
    }

    #[test]
    fn a_picture_contains_a_query_if_it_has_all_its_words() {
        let text = picture(&[("Open", 1), ("until", 1), ("19:30", 2)]);
        assert!(text.contains_all("open 19:30") && text.contains_all("\"open until\""));
        assert!(!text.contains_all("open door") && !text.contains_all("") && !text.contains_all("…"));
    }

    #[test]
    fn languages_are_names_and_nothing_else() {
        let parsed = |text: &str| text.parse::<TextLanguages>().map(|languages| languages.to_string());
        assert_eq!(parsed("eng + deu,eng").as_deref(), Ok("eng+deu"));
        assert_eq!(parsed("chi_sim+script/Latin").as_deref(), Ok("chi_sim+script/Latin"));
        assert_eq!((parsed(""), parsed(" + ")), (Err(InvalidLanguages::None), Err(InvalidLanguages::None)));
        for name in ["-l", "../eng", "script/", "e n g", "eng;rm", "/etc/passwd", &"x".repeat(41)] {
            assert_eq!(parsed(name), Err(InvalidLanguages::Name(name.to_owned())));
        }
        assert_eq!(parsed("a+b+c+d+e+f+g+h+i"), Err(InvalidLanguages::TooMany));
    }
}
