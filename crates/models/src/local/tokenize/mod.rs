//! Text to token ids.

mod checked;
pub mod clip;
pub mod siglip;
mod words;

use std::borrow::Cow;

use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{AddedToken, Model as _, Tokenizer};

use self::words::Words;
use super::guard;
use super::model_dir::ModelDir;
use crate::{LongText, TowerError};

/// A text is tokenised in pieces of at least this many bytes, so that the end of a long one costs nothing where
/// only its beginning is embedded.
const PIECE: usize = 16 * 1024;
/// A piece without a blank is cut after this many bytes nevertheless.
const MAX_PIECE: usize = 256 * 1024;
/// Bytes of a text that may stand for one token; what lies beyond so many for each token wanted is not looked at. Those
/// that the longest tokens stand for are some hundred, but blanks and invisible characters may stand for none.
const BYTES_PER_TOKEN: usize = 4096;
/// Tokens that neighbouring windows of a long text share.
const OVERLAP: usize = 8;
/// Name of the file of a vocabulary without rules.
const VOCABULARY: &str = "vocab.txt";
/// What a text may name to mean the token itself, as `tokenizer.json` has it.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// WordPiece as BERT's uncased models use it: control characters removed, lower case, no accents, words split at
/// blanks and punctuation and around CJK characters.
pub struct BertTokenizer {
    inner: Tokenizer,
    words: Option<Words>,
    start: u32,
    end: u32,
}

impl BertTokenizer {
    /// `vocabulary` has one token per line; the line number is the id.
    ///
    /// # Errors
    /// When a special token is missing.
    pub fn new(vocabulary: &[u8]) -> Result<Self, TowerError> {
        let error = |e: tokenizers::Error| TowerError::file(VOCABULARY, e.to_string());
        let vocabulary = WordPiece::read_bytes(vocabulary).map_err(error)?;
        let model = WordPiece::builder().vocab(vocabulary).unk_token("[UNK]".to_owned()).build().map_err(error)?;
        let special = |token: &str| {
            model.token_to_id(token).ok_or_else(|| TowerError::file(VOCABULARY, format!("it has no {token}")))
        };
        let (start, end, _) = (special("[CLS]")?, special("[SEP]")?, special("[UNK]")?);
        let mut inner = Tokenizer::new(model);
        inner.with_normalizer(Some(BertNormalizer::new(true, true, Some(true), true))).map_err(error)?;
        inner.with_pre_tokenizer(Some(BertPreTokenizer));
        Ok(Self { words: Words::of(&inner), inner, start, end })
    }

    /// From a folder's `tokenizer.json`, or else its `vocab.txt`; both give the same ids.
    ///
    /// # Errors
    /// When there is none of them, it is damaged, or a special token is missing.
    pub fn open(folder: &ModelDir) -> Result<Self, TowerError> {
        const FILE: &str = "tokenizer.json";
        if folder.has(VOCABULARY) && !folder.has(FILE) {
            let mut whole = Self::new(&folder.read(VOCABULARY)?)?;
            let known = SPECIAL.into_iter().filter(|token| whole.inner.token_to_id(token).is_some());
            let known: Vec<_> = known.map(|token| AddedToken::from(token, true)).collect();
            whole.inner.add_special_tokens(known).map_err(|e| TowerError::file(VOCABULARY, e.to_string()))?;
            whole.words = Words::of(&whole.inner);
            return Ok(whole);
        }
        let inner = checked::load(FILE, &folder.read(FILE)?)?;
        let special = |token: &str| {
            inner.token_to_id(token).ok_or_else(|| TowerError::file(FILE, format!("it has no token {token}")))
        };
        let (start, end) = (special("[CLS]")?, special("[SEP]")?);
        Ok(Self { words: Words::of(&inner), inner, start, end })
    }

    /// # Errors
    /// When there are ids that a table of `tokens` rows has no vector for.
    pub fn fits(&self, tokens: usize) -> Result<(), TowerError> {
        let largest = self.inner.get_vocab(true).into_values().max().unwrap_or_default() as usize;
        if largest < tokens {
            return Ok(());
        }
        let reason = format!("its ids go up to {largest}, but the model has {tokens} tokens");
        Err(TowerError::file("tokenizer.json", reason))
    }

    /// All token ids of a text, without special tokens.
    ///
    /// # Errors
    /// When the text cannot be tokenised.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, TowerError> {
        first_ids(&self.inner, text, usize::MAX)
    }

    /// A text with the same tokens in windows that have room for `room` of them, without what is not looked at.
    pub fn shortened<'a>(&self, text: &'a str, room: usize, long_text: LongText) -> Cow<'a, str> {
        let most = long_text.max_tokens(room);
        self.words.map_or_else(|| Cow::Borrowed(beginning(text, most)), |words| words.condensed(text, most))
    }

    /// The windows of a text, each at most `max_tokens` long and beginning and ending with the special tokens. There
    /// is at least one, even for an empty text.
    ///
    /// # Errors
    /// When the text cannot be tokenised.
    pub fn windows(&self, text: &str, max_tokens: usize, long_text: LongText) -> Result<Vec<Vec<u32>>, TowerError> {
        self.windows_after(&[], text, max_tokens, long_text)
    }

    /// As [`Self::windows`], with the same `prefix` of ids in each window, between the start and the text. It has to
    /// leave room for more than 8 tokens of the text.
    ///
    /// # Errors
    /// When the text cannot be tokenised.
    pub fn windows_after(
        &self,
        prefix: &[u32],
        text: &str,
        max_tokens: usize,
        long_text: LongText,
    ) -> Result<Vec<Vec<u32>>, TowerError> {
        let room = max_tokens - 2 - prefix.len();
        let text = self.shortened(text, room, long_text);
        let ids = first_ids(&self.inner, &text, long_text.max_tokens(room))?;
        Ok(spans(ids.len(), room).map(|span| [&[self.start], prefix, &ids[span], &[self.end]].concat()).collect())
    }
}

/// The first `most` token ids, without special tokens.
fn first_ids(tokenizer: &Tokenizer, text: &str, most: usize) -> Result<Vec<u32>, TowerError> {
    let (mut ids, mut rest) = (Vec::new(), beginning(text, most));
    while !rest.is_empty() && ids.len() < most {
        let (piece, after) = rest.split_at(piece_len(rest));
        // On whatever thread this is: a guard around the tower does not reach those that it works with.
        let encoding =
            guard::catch(|| tokenizer.encode_fast(piece, false).map_err(|e| TowerError::Tokenizer(e.to_string())))?;
        ids.extend_from_slice(encoding.get_ids());
        rest = after;
    }
    ids.truncate(most);
    Ok(ids)
}

/// What is looked at of a text for so many tokens.
pub(crate) fn beginning(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most.saturating_mul(BYTES_PER_TOKEN).max(MAX_PIECE))]
}

/// Where to cut: at the first blank after [`PIECE`] bytes, which always ends a word; else at [`MAX_PIECE`].
fn piece_len(text: &str) -> usize {
    let blank = text.bytes().take(MAX_PIECE).skip(PIECE).position(|b| b.is_ascii_whitespace());
    blank.map_or_else(|| text.floor_char_boundary(MAX_PIECE), |b| PIECE + b)
}

/// Windows of at most `room` of `len` tokens; the last one ends with the text.
fn spans(len: usize, room: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let more = len.saturating_sub(room).div_ceil(room - OVERLAP);
    (0..=more).map(move |i| i * (room - OVERLAP)).map(move |start| start..len.min(start + room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_overlap_and_cover_everything() {
        let windows = |len| spans(len, 254).map(|s| (s.start, s.end)).collect::<Vec<_>>();
        assert_eq!(windows(0), [(0, 0)]);
        assert_eq!(windows(254), [(0, 254)]);
        assert_eq!(windows(255), [(0, 254), (246, 255)]);
        assert_eq!(windows(600), [(0, 254), (246, 500), (492, 600)]);
    }

    #[test]
    fn long_texts_are_cut_between_words() {
        let text = "ab ".repeat(PIECE);
        let len = piece_len(&text);
        assert!((PIECE..PIECE + 4).contains(&len) && text.as_bytes()[len] == b' ');
        assert_eq!(piece_len("short"), 5);
        let one_word = "é".repeat(MAX_PIECE);
        assert!(one_word.is_char_boundary(piece_len(&one_word)));
    }
}
