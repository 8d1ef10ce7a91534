//! Makes a huge text small for BERT's WordPiece without changing its tokens.
//!
//! `tokenizers` keeps track of where every byte came from, at about a megabyte per second. A word of more than a hundred
//! characters is one unknown token however long it is, and blanks and control characters are none at all; so the text
//! can be brought down to what counts before it goes there, in one pass that stops where the tokens wanted must end.

use std::borrow::Cow;
use std::sync::OnceLock;

use tokenizers::Tokenizer;
use tokenizers::models::ModelWrapper;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use unicode_categories::UnicodeCategories;

/// Shorter texts are left alone.
const SMALL: usize = 64 << 10;
/// Removed characters that stay in a word, so that none of them parts what would then be a special token.
const REMOVED: usize = 8;
/// Characters of the longest word in tokenizers that are seen through here; BERT's have 100.
const MAX_WORD: usize = 1000;

/// What becomes of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Class {
    Unknown,
    /// A part of a word.
    Letter,
    /// Taken out of it.
    Removed,
    /// Taken out with the accents.
    Mark,
    /// Parts words.
    Blank,
    /// A token of its own.
    Break,
    /// None of these for sure: kept.
    Symbol,
}

/// Knows how long words may be, and whether accents count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    longest: usize,
    accents_count: bool,
}

impl Words {
    /// `None` where a tokenizer is put together in another way than BERT's, so that nothing is known of it.
    pub fn of(tokenizer: &Tokenizer) -> Option<Self> {
        let Some(NormalizerWrapper::BertNormalizer(normalizer)) = tokenizer.get_normalizer() else { return None };
        let Some(PreTokenizerWrapper::BertPreTokenizer(_)) = tokenizer.get_pre_tokenizer() else { return None };
        let ModelWrapper::WordPiece(model) = tokenizer.get_model() else { return None };
        // A special token made of letters could stand inside a word.
        let apart = |token: &str| {
            let ends = [token.chars().next(), token.chars().next_back()];
            token.is_ascii() && ends.iter().all(|end| end.is_some_and(|c| c.is_ascii_punctuation()))
        };
        let known = normalizer.clean_text
            && normalizer.handle_chinese_chars
            && model.max_input_chars_per_word <= MAX_WORD
            && tokenizer.get_added_tokens_decoder().values().all(|token| apart(&token.content));
        let accents_count = !normalizer.strip_accents.unwrap_or(normalizer.lowercase);
        known.then_some(Self { longest: model.max_input_chars_per_word, accents_count })
    }

    /// A text with the same first `tokens` tokens.
    pub fn condensed<'a>(&self, text: &'a str, tokens: usize) -> Cow<'a, str> {
        if text.len() <= SMALL {
            return Cow::Borrowed(text);
        }
        // A word with what is removed of it, and the blank after it, has at least one token.
        let word = 4 * (self.longest + 1 + REMOVED + 1);
        let enough = tokens.saturating_mul(word).max(SMALL);
        let mut out = String::with_capacity(enough.min(text.len()));
        // Of the word at hand, and whether anything but blanks and removed characters came since the last blank.
        let (mut letters, mut removed, mut parted) = (0, 0, true);
        let mut at = 0;
        while out.len() < enough {
            // Runs of what changes nothing any more are passed over as bytes.
            at += text.as_bytes()[at..]
                .iter()
                .take_while(|byte| match byte {
                    b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => letters > self.longest,
                    b' ' | b'\t' | b'\n' | b'\r' => parted,
                    0..=0x1f | 0x7f => removed >= REMOVED,
                    _ => false,
                })
                .count();
            let Some(c) = text[at..].chars().next() else { break };
            at += c.len_utf8();
            let keep = match self.class(c) {
                Class::Letter => {
                    (letters, parted) = (letters + 1, false);
                    letters <= self.longest + 1
                }
                Class::Removed => {
                    removed += 1;
                    removed <= REMOVED
                }
                Class::Blank if parted => false,
                class => {
                    (letters, removed, parted) = (0, 0, class == Class::Blank);
                    true
                }
            };
            if keep {
                out.push(c);
            }
        }
        Cow::Owned(out)
    }

    fn class(&self, c: char) -> Class {
        match class(c) {
            Class::Mark if self.accents_count => Class::Letter,
            Class::Mark => Class::Removed,
            class => class,
        }
    }
}

fn class(c: char) -> Class {
    static TABLE: OnceLock<Vec<Class>> = OnceLock::new();
    if c.is_ascii() {
        return of_character(c);
    }
    // Categories are searched for in long tables; of the characters that texts consist of they are kept.
    let table =
        TABLE.get_or_init(|| (0..=0xffff).map(|n| char::from_u32(n).map_or(Class::Unknown, of_character)).collect());
    table.get(c as usize).copied().unwrap_or_else(|| of_character(c))
}

/// As `tokenizers::normalizers::BertNormalizer` and `BertPreTokenizer` see it, with the same tables.
fn of_character(c: char) -> Class {
    match c {
        '\t' | '\n' | '\r' => Class::Blank,
        '\0' | '\u{fffd}' => Class::Removed,
        _ if c.is_other() => Class::Removed,
        _ if c.is_whitespace() => Class::Blank,
        _ if c.is_ascii_punctuation() || c.is_punctuation() || is_ideograph(c) => Class::Break,
        _ if c.is_mark_nonspacing() => Class::Mark,
        _ if c.is_alphanumeric() => Class::Letter,
        _ => Class::Symbol,
    }
}

/// The ranges of `BertNormalizer`.
fn is_ideograph(c: char) -> bool {
    matches!(c as u32, 0x4E00..=0x9FFF | 0x3400..=0x4DBF | 0x20000..=0x2A6DF | 0x2A700..=0x2B73F | 0x2B740..=0x2B81F)
        || matches!(c as u32, 0x2B920..=0x2CEAF | 0xF900..=0xFAFF | 0x2F800..=0x2FA1F)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LongText;
    use crate::local::tokenize::{BertTokenizer, first_ids};

    const VOCABULARY: &[u8] =
        b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##a\nb\n##b\ncls\n[\n]\n.\n=\n\xe4\xb8\xad\n##\xe2\x82\xac";

    fn tokenizer() -> BertTokenizer {
        let mut tokenizer = BertTokenizer::new(VOCABULARY).expect("a vocabulary");
        let special = tokenizers::AddedToken::from("[CLS]", true);
        tokenizer.inner.add_special_tokens([special]).expect("a token");
        tokenizer.words = Words::of(&tokenizer.inner);
        tokenizer
    }

    /// Random numbers by splitmix64.
    fn random(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    #[test]
    fn a_condensed_text_has_the_same_tokens() {
        const PIECES: [&str; 18] = [
            "a", "b", "ab", "\u{e4}", "\u{301}", "\0", "\u{200b}", "\u{85}", " ", "\n", "\u{3000}", ".", "[", "CLS",
            "]", "\u{4e2d}", "\u{2260}", "\u{20ac}",
        ];
        let tokenizer = tokenizer();
        let words = tokenizer.words.expect("BERT's");
        let mut seed = 7;
        for round in 0..100 {
            let mut text = String::new();
            while text.len() <= SMALL {
                let piece = PIECES[random(&mut seed) as usize % PIECES.len()];
                // Some runs longer than the longest word, most of one or two.
                let times =
                    [1, 1, 1, 2, 3, 99, 101, 130, 5000][random(&mut seed) as usize % if round < 60 { 5 } else { 9 }];
                text.push_str(&piece.repeat(times));
            }
            let condensed = words.condensed(&text, 300);
            let ids = |text: &str| first_ids(&tokenizer.inner, text, 300).expect("tokens");
            assert_eq!(ids(&text), ids(&condensed), "round {round}");
        }
    }

    #[test]
    fn what_means_nothing_costs_nothing() {
        let tokenizer = tokenizer();
        let words = tokenizer.words.expect("BERT's");
        for nothing in ["x", "\u{e9}", " ", "\0", "\u{301}", " \0", "x\u{301}", "\u{200b}\n"] {
            let text = format!("{}  a", nothing.repeat(2_000_000));
            let condensed = words.condensed(&text, 254);
            assert!(condensed.len() < 1000 && condensed.ends_with('a'), "{nothing:?}: {}", condensed.len());
            let windows = tokenizer.windows(&text, 256, LongText::Truncate).expect("windows");
            assert_eq!(windows[0][windows[0].len() - 2], 5, "{nothing:?}");
        }
        assert!(words.condensed(&"a. ".repeat(1 << 20), 10).len() < SMALL + 10);
    }

    #[test]
    fn other_tokenizers_are_left_alone() {
        let mut tokenizer = tokenizer();
        tokenizer.inner.add_tokens([tokenizers::AddedToken::from("word", false)]).expect("a token");
        assert!(Words::of(&tokenizer.inner).is_none(), "a word of its own may stand in others");
    }
}
