//! File names as people compare them: case-insensitive, `é` composed or decomposed, `photo 2` before `photo 10`.

use std::cmp::Ordering;

use icu_normalizer::ComposingNormalizerBorrowed;

use super::format::file_name;
use super::item::Item;

/// A name as it was typed, on one line: words with one space between them.
pub fn one_line(typed: &str) -> String {
    let words = typed.split(|letter: char| letter.is_whitespace() || letter.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The form in which names are compared: composed (Unicode NFC) and lower case.
pub fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    ComposingNormalizerBorrowed::new_nfc().normalize(name).to_lowercase()
}

/// Compares two folded names: numbers in them by value, everything else by character.
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    while let (Some(x), Some(y)) = (left.chars().next(), right.chars().next()) {
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (first, second) = (number(&mut left), number(&mut right));
            first.len().cmp(&second.len()).then_with(|| first.cmp(second))
        } else {
            (left, right) = (&left[x.len_utf8()..], &right[y.len_utf8()..]);
            x.cmp(&y)
        };
        if order.is_ne() {
            return order;
        }
    }
    // `7` and `007` are the same number: the shorter one comes first, so that the order is total.
    left.len().cmp(&right.len()).then_with(|| a.len().cmp(&b.len())).then_with(|| a.cmp(b))
}

/// Takes the digits at the start of `text`, without leading zeros; compared as text, so that nothing can overflow.
fn number<'a>(text: &mut &'a str) -> &'a str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    digits.trim_start_matches('0')
}

/// Words that a file name has to contain, in any order. `*` separates words like a space, so `*.jpg` works as
/// expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    typed: String,
    words: Vec<String>,
}

impl NamePattern {
    /// `None` if `typed` contains no word.
    pub fn new(typed: &str) -> Option<Self> {
        let words: Vec<String> =
            typed.split(|c: char| c.is_whitespace() || c == '*').filter(|w| !w.is_empty()).map(fold).collect();
        (!words.is_empty()).then(|| Self { typed: typed.to_owned(), words })
    }

    /// The text as typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Whether the name of an item contains all words.
    pub fn matches(&self, item: &Item) -> bool {
        let path = item.path.as_os_str().as_encoded_bytes();
        let name = path.rsplit(|byte| std::path::is_separator(char::from(*byte))).next().unwrap_or_default();
        if name.is_ascii() { self.in_ascii_name(name) } else { self.in_name(&file_name(&item.path)) }
    }

    /// As [`Self::in_name`] for ASCII names, which are most of them, without allocating: a filter looks at every item.
    fn in_ascii_name(&self, name: &[u8]) -> bool {
        self.words.iter().all(|word| {
            let word = word.as_bytes();
            let starts = |at: &[u8]| at.first().map(u8::to_ascii_lowercase) == word.first().copied();
            name.windows(word.len()).any(|part| starts(part) && part.eq_ignore_ascii_case(word))
        })
    }

    fn in_name(&self, name: &str) -> bool {
        let name = fold(name);
        self.words.iter().all(|word| name.contains(word.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_by_value_and_letters_regardless_of_case() {
        let mut names = ["img10.jpg", "IMG2.jpg", "img2b.jpg", "img002.jpg", "Äpfel.jpg", "b.jpg", "img1.jpg", "B.jpg"];
        names.sort_by(|a, b| natural_order(&fold(a), &fold(b)));
        assert_eq!(
            names,
            ["b.jpg", "B.jpg", "img1.jpg", "IMG2.jpg", "img002.jpg", "img2b.jpg", "img10.jpg", "Äpfel.jpg"]
        );
        let long = format!("a{}", "9".repeat(60));
        assert_eq!(natural_order(&long, &format!("{long}0")), Ordering::Less, "longer than any integer type");
        assert_eq!(natural_order("a1", "a1"), Ordering::Equal);
    }

    #[test]
    fn names_match_regardless_of_case_and_composition() {
        let finds = |typed: &str, name: &str| NamePattern::new(typed).expect("words").in_name(name);
        assert!(finds("img", "IMG_0007.JPG") && finds("CAFÉ", "café.txt"));
        assert!(finds("café", "cafe\u{301}.txt") && finds("cafe\u{301}", "Café.txt"), "composed or decomposed");
        assert!(finds("*.jpg", "a.JPG") && !finds("*.jpg", "a.jpeg"));
        assert!(finds("lake 2024", "2024-07 at the lake.png") && !finds("lake 2023", "2024-07 at the lake.png"));
        assert_eq!(NamePattern::new(" * "), None);
        for typed in ["img", "G_0", "7.jp 00", "café", "img x", "jpeg", "a-name-that-is-longer-than-it.jpg"] {
            let pattern = NamePattern::new(typed).expect("words");
            assert_eq!(pattern.in_ascii_name(b"IMG_0007.JPG"), pattern.in_name("IMG_0007.JPG"), "{typed}");
        }
    }
}
