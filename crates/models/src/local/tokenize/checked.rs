//! `tokenizer.json` of a stranger: looked through before the library sees it, since some of what it may ask for takes
//! gigabytes, never ends or ends the program. Whatever is let through takes memory and time in proportion to a text.
//!
//! What a text becomes is decided by the normalizer, the pre-tokenizer, the added tokens and the model; the rest of the
//! file (how to cut, to fill, to frame and to decode) is not used at all.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use regex_syntax::hir::{Hir, HirKind};
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tokenizers::{DecoderWrapper, PostProcessorWrapper, Tokenizer};

use crate::TowerError;
use crate::local::{guard, json};

/// Bytes that one byte of a text may become.
const GROWTH: usize = 128;
/// Steps of a normalizer or a pre-tokenizer; published ones have up to six.
const STEPS: usize = 32;
/// Bytes of a regular expression; the longest published one has 400.
const REGEX: usize = 1024;
/// Characters and ranges of a regular expression with its repetitions written out; `\p{L}` has 650.
const REGEX_COST: usize = 20_000;
/// Bytes of a replacement, a prefix or a suffix.
const PIECE: usize = 64;
/// Bytes of a token; the longest published ones are lines of 128 blanks.
const TOKEN: usize = 512;
/// Tokens beside the vocabulary; Gemma 3 has 6,400.
const ADDED: usize = 100_000;
/// Characters of a word that WordPiece looks at, each as the beginning of a piece; published ones have 100 or 200.
const WORD: usize = 256;
/// Bytes of a replacement in SentencePiece's table; the longest of NFKC has 33.
const MAPPED: usize = 48;
/// Scores of a vocabulary are logarithms of frequencies; these are larger than any sum of them may be.
const SCORE: f64 = 1e6;
/// What every tokenizer has to take.
const TRIAL: [&str; 3] = ["", "a photo of 2 cats, one's\tasleep!\n", " Größe 東京 \u{0}\u{301}🦊 "];

/// Reads a tokenizer that has passed all checks; `name` is named in errors.
///
/// # Errors
/// When it is damaged, asks for more than it may, or fails at a plain text.
pub fn load(name: &str, bytes: &[u8]) -> Result<Tokenizer, TowerError> {
    json::check(bytes, &json::TOKENIZER).map_err(|reason| TowerError::file(name, reason))?;
    let error = |e: &dyn std::fmt::Display| TowerError::file(name, format!("it is not a tokenizer ({e})"));
    let file: File = serde_json::from_slice(bytes).map_err(|e| error(&e))?;
    file.check().map_err(|reason| TowerError::file(name, reason))?;
    let loaded = guard::catch(|| {
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|e| error(&e))?;
        // What the file may have stored of these must not cut, fill, frame or change a text.
        tokenizer.with_truncation(None).map_err(|e| error(&e))?;
        tokenizer.with_padding(None);
        tokenizer.with_post_processor(None::<PostProcessorWrapper>);
        tokenizer.with_decoder(None::<DecoderWrapper>);
        for text in TRIAL {
            tokenizer.encode_fast(text, false).map_err(|e| error(&e))?;
        }
        Ok(tokenizer)
    });
    loaded.map_err(|failed| match failed {
        TowerError::Panicked(why) => error(&format!("it fails: {why}")),
        other => other,
    })
}

/// What is looked at.
#[derive(Deserialize)]
struct File {
    normalizer: Option<Value>,
    pre_tokenizer: Option<Value>,
    post_processor: Option<Value>,
    decoder: Option<Value>,
    #[serde(default)]
    added_tokens: Vec<Added>,
    model: Model,
}

#[derive(Deserialize)]
struct Added {
    content: Length,
}

/// The fields of all four kinds of models.
#[derive(Deserialize)]
struct Model {
    #[serde(default)]
    vocab: Vocabulary,
    dropout: Option<f64>,
    unk_token: Option<Length>,
    continuing_subword_prefix: Option<Length>,
    end_of_word_suffix: Option<Length>,
    max_input_chars_per_word: Option<usize>,
}

/// Bytes of a text that is not kept.
struct Length(usize);

/// Of tokens with their ids or scores: bytes of the longest, and the largest number.
#[derive(Default)]
struct Vocabulary {
    longest: usize,
    largest: f64,
    has_empty: bool,
}

impl File {
    fn check(&self) -> Result<(), String> {
        let mut growth = Growth { factor: 1, steps: 0 };
        for part in [&self.normalizer, &self.pre_tokenizer].into_iter().flatten() {
            growth.steps = 0;
            growth.step(part)?;
        }
        [&self.normalizer, &self.pre_tokenizer, &self.post_processor, &self.decoder]
            .into_iter()
            .flatten()
            .try_for_each(regexes)?;
        if self.added_tokens.len() > ADDED || self.added_tokens.iter().any(|added| added.content.0 > TOKEN) {
            return Err("its added tokens are too many or too long".to_owned());
        }
        self.model.check()
    }
}

impl Model {
    fn check(&self) -> Result<(), String> {
        let affixes = [&self.continuing_subword_prefix, &self.end_of_word_suffix];
        if affixes.into_iter().flatten().any(|affix| affix.0 > PIECE) {
            return Err(format!("its prefix or suffix of pieces is longer than {PIECE} bytes"));
        }
        if self.vocab.longest > TOKEN || self.unk_token.as_ref().is_some_and(|token| token.0 > TOKEN) {
            return Err(format!("its vocabulary contains a token of more than {TOKEN} bytes"));
        }
        if self.vocab.has_empty {
            return Err("its vocabulary contains an empty token".to_owned());
        }
        if self.vocab.largest > SCORE {
            return Err(format!("its vocabulary contains a score beyond {SCORE}"));
        }
        if self.max_input_chars_per_word.is_some_and(|most| most > WORD) {
            return Err(format!("max_input_chars_per_word is above {WORD}"));
        }
        if self.dropout.is_some_and(|dropout| dropout != 0.0) {
            return Err("it drops merges by chance, so that one text has many vectors".to_owned());
        }
        Ok(())
    }
}

/// How much longer the steps so far may make a text.
struct Growth {
    factor: usize,
    steps: usize,
}

impl Growth {
    /// Counts a step and those within it.
    fn step(&mut self, step: &Value) -> Result<(), String> {
        self.steps += 1;
        if self.steps > STEPS {
            return Err(format!("it has more than {STEPS} steps"));
        }
        let kind = step["type"].as_str().ok_or("a step of it has no type")?;
        let factor = match kind {
            "Sequence" => {
                let parts = step["normalizers"].as_array().or_else(|| step["pretokenizers"].as_array());
                return parts.ok_or("a sequence of it has no steps")?.iter().try_for_each(|part| self.step(part));
            }
            "Replace" => replace(step)?,
            "Prepend" => 1 + short(step, "prepend")?,
            "Precompiled" => precompiled(step)?,
            "Metaspace" => 4,
            // marks blanks on both sides of each Chinese character
            "BertNormalizer" => 3,
            "ByteLevel" => 2,
            "FixedLength" if step["length"] == 0 => return Err("it splits texts into empty pieces".to_owned()),
            "Split" => {
                if step["pattern"]["String"] == "" {
                    return Err("it splits at an empty pattern".to_owned());
                }
                1
            }
            // what Unicode says, and cuts
            "Strip" | "StripAccents" | "NFC" | "NFD" | "NFKC" | "NFKD" | "Lowercase" | "Nmt" => 1,
            "BertPreTokenizer" | "CharDelimiterSplit" | "Whitespace" | "Punctuation" | "WhitespaceSplit" => 1,
            "Digits" | "UnicodeScripts" | "FixedLength" => 1,
            _ => return Err("it has a step of an unknown kind".to_owned()),
        };
        self.factor = self.factor.saturating_mul(factor);
        if self.factor > GROWTH {
            return Err(format!("it may make texts more than {GROWTH} times as long"));
        }
        Ok(())
    }
}

/// Bytes of a text in a step.
fn short(step: &Value, field: &str) -> Result<usize, String> {
    let len = step[field].as_str().unwrap_or_default().len();
    if len <= PIECE { Ok(len) } else { Err(format!("it inserts a text of more than {PIECE} bytes")) }
}

fn replace(step: &Value) -> Result<usize, String> {
    let content = short(step, "content")?;
    let pattern = match &step["pattern"] {
        Value::String(pattern) => pattern.len(),
        // that its regular expressions match something is checked with all others
        pattern if pattern["Regex"].is_string() => 1,
        pattern => pattern["String"].as_str().map_or(1, str::len),
    };
    if pattern == 0 {
        return Err("its normalizer replaces an empty pattern".to_owned());
    }
    Ok(content.div_ceil(pattern).max(1))
}

/// SentencePiece's table: the length of a trie, the trie, and the replacements, each ended by a zero.
fn precompiled(step: &Value) -> Result<usize, String> {
    let table = step["precompiled_charsmap"].as_str().unwrap_or_default();
    let damaged = || "its table of characters is damaged".to_owned();
    let table = BASE64_STANDARD.decode(table).map_err(|_| damaged())?;
    let (len, rest) = table.split_first_chunk().ok_or_else(damaged)?;
    let replacements = rest.get(u32::from_le_bytes(*len) as usize..).ok_or_else(damaged)?;
    let longest = replacements.split(|byte| *byte == 0).map(<[u8]>::len).max().unwrap_or_default();
    if longest > MAPPED { Err(damaged()) } else { Ok(longest.max(1)) }
}

/// Looks at every regular expression in a part of the file, wherever it is.
fn regexes(part: &Value) -> Result<(), String> {
    match part {
        Value::Array(list) => list.iter().try_for_each(regexes),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| match value {
            Value::String(pattern) if name == "Regex" => regex(pattern),
            value => regexes(value),
        }),
        _ => Ok(()),
    }
}

/// Lets through what is matched in one pass over a text: no looking around, no references back, nothing empty.
fn regex(pattern: &str) -> Result<(), String> {
    if pattern.len() > REGEX {
        return Err(format!("it has a regular expression of more than {REGEX} bytes"));
    }
    let parsed = regex_syntax::ParserBuilder::new().nest_limit(32).build().parse(&plain_classes(pattern));
    let parsed = parsed.map_err(|_| format!("it has a regular expression that cannot be run: {pattern}"))?;
    if parsed.properties().minimum_len().is_none_or(|len| len == 0) {
        return Err(format!("it has a regular expression that can match an empty text: {pattern}"));
    }
    match cost(&parsed) {
        0..=REGEX_COST => Ok(()),
        _ => Err(format!("it has a regular expression that takes too long: {pattern}")),
    }
}

/// `\<` and `\>` are plain characters between brackets, which the parser does not know; elsewhere they match nothing.
fn plain_classes(pattern: &str) -> String {
    let (mut plain, mut depth, mut characters) = (String::with_capacity(pattern.len()), 0_usize, pattern.chars());
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let next = characters.next();
                if depth == 0 || !matches!(next, Some('<' | '>')) {
                    plain.push('\\');
                }
                plain.extend(next);
                continue;
            }
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        plain.push(character);
    }
    plain
}

/// Characters and ranges of an expression, with its repetitions written out.
fn cost(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => class.ranges().len(),
        HirKind::Class(regex_syntax::hir::Class::Bytes(class)) => class.ranges().len(),
        HirKind::Repetition(of) => {
            let times = of.max.unwrap_or(of.min.saturating_add(1)).max(1);
            cost(&of.sub).saturating_mul(times as usize)
        }
        HirKind::Capture(of) => cost(&of.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().map(cost).fold(0, usize::saturating_add),
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Length;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Length, E> {
                Ok(Length(text.len()))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl<'de> Deserialize<'de> for Vocabulary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tokens;
        impl<'de> Visitor<'de> for Tokens {
            type Value = Vocabulary;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("tokens with their ids or scores")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocabulary, A::Error> {
                let mut vocabulary = Vocabulary::default();
                while let Some((Length(len), IgnoredAny)) = map.next_entry()? {
                    vocabulary.longest = vocabulary.longest.max(len);
                }
                Ok(vocabulary)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vocabulary, A::Error> {
                let mut vocabulary = Vocabulary::default();
                while let Some((Length(len), score)) = list.next_element::<(Length, f64)>()? {
                    if !score.is_finite() {
                        return Err(A::Error::custom("a score is not finite"));
                    }
                    vocabulary.has_empty |= len == 0;
                    vocabulary.longest = vocabulary.longest.max(len);
                    vocabulary.largest = vocabulary.largest.max(score.abs());
                }
                Ok(vocabulary)
            }
        }
        deserializer.deserialize_any(Tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tokenizer(change: impl FnOnce(&mut Value)) -> Result<Tokenizer, TowerError> {
        let mut file = json!({
            "version": "1.0", "added_tokens": [], "normalizer": { "type": "Lowercase" },
            "pre_tokenizer": { "type": "BertPreTokenizer" }, "post_processor": null, "decoder": null,
            "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": { "[UNK]": 0, "cat": 1, "##s": 2 } },
        });
        change(&mut file);
        load("tokenizer.json", file.to_string().as_bytes())
    }

    fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
        tokenizer.encode_fast(text, false).expect("encoded").get_ids().to_vec()
    }

    #[test]
    fn what_published_models_use_is_let_through() {
        assert_eq!(ids(&tokenizer(|_| ()).expect("it loads"), "Cats dog"), [1, 2, 0]);
        let twice = tokenizer(|file| {
            file["post_processor"] = json!({ "type": "TemplateProcessing", "special_tokens": {},
                "single": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } }],
                "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 0 } }] });
        });
        assert_eq!(ids(&twice.expect("it loads"), "cat"), [1], "a frame changes nothing");
        let steps = [
            json!({ "type": "Replace", "pattern": { "Regex": r"\s+" }, "content": " " }),
            json!({ "type": "Replace", "pattern": { "Regex": " {2,}" }, "content": "▁" }),
            json!({ "type": "Replace", "pattern": { "String": " " }, "content": "▁" }),
            // SigLIP's
            json!({ "type": "Replace", "content": "", "pattern": { "Regex":
                r#"[\!\"\#\$\%\&\'\(\)\*\+\,\-\.\/\:\;\<\=\>\?\@\[\\\]\^\_\`\{\|\}\~]"# } }),
            json!({ "type": "Prepend", "prepend": "▁" }),
            json!({ "type": "NFKC" }),
        ];
        for step in steps {
            assert!(tokenizer(|file| file["normalizer"] = step.clone()).is_ok(), "{step}");
        }
    }

    #[test]
    fn what_takes_gigabytes_or_never_ends_is_refused() {
        let replace =
            |pattern: Value, content: &str| json!({ "type": "Replace", "pattern": pattern, "content": content });
        let doubling = vec![replace(json!({ "String": "a" }), "aa"); 30];
        let nested =
            (0..12).fold(json!({ "type": "NFC" }), |inner, _| json!({ "type": "Sequence", "normalizers": [inner] }));
        let mut table = u32::MAX.to_le_bytes().to_vec();
        table.extend([0; 64]);
        let steps = [
            replace(json!({ "String": "" }), "x"),
            replace(json!({ "Regex": "" }), "x"),
            replace(json!({ "Regex": "(?=q)" }), "x"),
            replace(json!({ "Regex": "a*" }), "x"),
            replace(json!({ "Regex": r"\<" }), "x"),
            replace(json!({ "Regex": r"(a|aa)+\1$" }), "x"),
            replace(json!({ "Regex": r"(?:(?:\p{L}{100}){100}){100}" }), "x"),
            replace(json!({ "Regex": "(".repeat(400) }), "x"),
            replace(json!({ "String": "a" }), &"b".repeat(1 << 20)),
            json!({ "type": "Sequence", "normalizers": doubling }),
            json!({ "type": "Sequence", "normalizers": vec![json!({ "type": "NFC" }); 100] }),
            json!({ "type": "Precompiled", "precompiled_charsmap": BASE64_STANDARD.encode(&table) }),
            json!({ "type": "Teleport" }),
            nested,
        ];
        for step in steps {
            let refused = tokenizer(|file| file["normalizer"] = step.clone());
            assert!(refused.is_err(), "{}", step.to_string().chars().take(200).collect::<String>());
        }
        let cuts = [
            json!({ "type": "FixedLength", "length": 0 }),
            json!({ "type": "Split",
            "pattern": { "Regex": "(?!a)" }, "behavior": "Isolated", "invert": false }),
        ];
        for cut in cuts {
            assert!(tokenizer(|file| file["pre_tokenizer"] = cut.clone()).is_err(), "{cut}");
        }
        assert!(tokenizer(|file| file["model"]["max_input_chars_per_word"] = 1_000_000.into()).is_err());
        assert!(tokenizer(|file| file["model"]["continuing_subword_prefix"] = "#".repeat(99).into()).is_err());
        assert!(tokenizer(|file| file["model"]["vocab"]["a".repeat(100_000)] = 3.into()).is_err());
        assert!(
            tokenizer(|file| file["added_tokens"] = json!([{ "id": 3, "content": "b".repeat(5000),
            "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true }]))
            .is_err()
        );
        for piece in [json!(["", -1.0]), json!(["a", 1e300])] {
            let unigram = json!({ "type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], piece] });
            assert!(tokenizer(|file| file["model"] = unigram.clone()).is_err(), "{unigram}");
        }
    }
}
