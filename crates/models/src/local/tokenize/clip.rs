//! CLIP's byte-pair encoding: lower case, words split as CLIP does it, an end-of-word mark on the last piece.

use serde_json::Value;
use tokenizers::Tokenizer;

use super::{checked, first_ids, spans};
use crate::local::json;
use crate::local::model_dir::ModelDir;
use crate::{LongText, TowerError};

const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";
/// What CLIP takes for one word.
const WORDS: &str = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// The tokenizer of CLIP and of the models that took it over.
pub struct ClipTokenizer {
    inner: Tokenizer,
    start: u32,
    end: u32,
}

impl ClipTokenizer {
    /// From a folder's `tokenizer.json`, or else its `vocab.json` and `merges.txt`.
    ///
    /// # Errors
    /// When there is none of them, or one is damaged.
    pub fn open(folder: &ModelDir) -> Result<Self, TowerError> {
        if folder.has("tokenizer.json") || !folder.has("vocab.json") {
            return Self::new(&folder.read("tokenizer.json")?);
        }
        let damaged = |file: &str, e: &dyn std::fmt::Display| TowerError::file(file, format!("it is damaged: {e}"));
        let vocabulary = json::parse("vocab.json", &folder.read("vocab.json")?, &json::TOKENIZER)?;
        let merges = String::from_utf8(folder.read("merges.txt")?).map_err(|e| damaged("merges.txt", &e))?;
        let file = serde_json::to_vec(&whole(&vocabulary, &merges)).map_err(|e| damaged("vocab.json", &e))?;
        Self::from_bytes("vocab.json", &file)
    }

    /// From the bytes of a `tokenizer.json`.
    ///
    /// # Errors
    /// When it is damaged or has no start and end of a text.
    pub fn new(file: &[u8]) -> Result<Self, TowerError> {
        Self::from_bytes("tokenizer.json", file)
    }

    fn from_bytes(name: &str, file: &[u8]) -> Result<Self, TowerError> {
        let inner = checked::load(name, file)?;
        let special = |token: &str| {
            inner.token_to_id(token).ok_or_else(|| TowerError::file(name, format!("it has no token {token}")))
        };
        let (start, end) = (special(START)?, special(END)?);
        Ok(Self { inner, start, end })
    }

    /// The id of the end of a text.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// # Errors
    /// When there are ids that a table of `tokens` rows has no vector for.
    pub fn fits(&self, tokens: usize) -> Result<(), TowerError> {
        let largest = self.inner.get_vocab(true).into_values().max().unwrap_or_default();
        if (largest as usize) < tokens {
            return Ok(());
        }
        Err(TowerError::file(
            "tokenizer.json",
            format!("its ids go up to {largest}, but the model has {tokens} tokens"),
        ))
    }

    /// The windows of a text, each at most `max_tokens` long and beginning and ending with the special tokens. There
    /// is at least one, even for an empty text.
    ///
    /// # Errors
    /// When the text cannot be tokenised.
    pub fn windows(&self, text: &str, max_tokens: usize, long_text: LongText) -> Result<Vec<Vec<u32>>, TowerError> {
        let room = max_tokens.saturating_sub(2);
        let ids = first_ids(&self.inner, text, long_text.max_tokens(room))?;
        Ok(spans(ids.len(), room).map(|span| [&[self.start], &ids[span], &[self.end]].concat()).collect())
    }
}

/// The `tokenizer.json` that vocabulary and merges alone stand for.
fn whole(vocabulary: &Value, merges: &str) -> Value {
    let merges: Vec<&str> = merges.lines().filter(|l| !l.is_empty() && !l.starts_with("#version")).collect();
    let special = |content: &str| {
        serde_json::json!({ "id": vocabulary[content], "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true })
    };
    serde_json::json!({
        "version": "1.0",
        "added_tokens": [special(START), special(END)],
        "normalizer": { "type": "Sequence", "normalizers": [
            { "type": "NFC" },
            { "type": "Replace", "pattern": { "Regex": r"\s+" }, "content": " " },
            { "type": "Lowercase" },
        ] },
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
            { "type": "Split", "pattern": { "Regex": WORDS }, "behavior": "Removed", "invert": true },
            { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
        ] },
        "model": { "type": "BPE", "dropout": null, "unk_token": END, "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": false, "vocab": vocabulary,
            "merges": merges },
    })
}
