//! The tokenizers of SigLIP (SentencePiece) and SigLIP 2 (Gemma's): lower case, an end mark, padded to one length.

use tokenizers::Tokenizer;
use tokenizers::normalizers::{Lowercase, Sequence};

use super::{checked, first_ids, spans};
use crate::local::model_dir::ModelDir;
use crate::{LongText, TowerError};

const FILE: &str = "tokenizer.json";
/// What transformers saves of some tokenizers in its place.
const SENTENCEPIECE: &str = "spiece.model";
/// End and padding of SigLIP 2, and then those of SigLIP, which pads with the end.
const MARKS: [(&str, &str); 2] = [("<eos>", "<pad>"), ("</s>", "</s>")];

/// The tokenizer of a SigLIP.
pub struct SiglipTokenizer {
    inner: Tokenizer,
    end: u32,
    padding: u32,
}

impl SiglipTokenizer {
    /// From a folder's `tokenizer.json`.
    ///
    /// # Errors
    /// When it is missing, damaged, or has no end of a text.
    pub fn open(folder: &ModelDir) -> Result<Self, TowerError> {
        if !folder.has(FILE) && folder.has(SENTENCEPIECE) {
            let reason =
                "it is missing, and spiece.model alone cannot be read; download it from where the model came from";
            return Err(TowerError::file(folder.dir().join(FILE).display().to_string(), reason));
        }
        let mut inner = checked::load(FILE, &folder.read(FILE)?)?;
        let error = |e: tokenizers::Error| TowerError::file(FILE, format!("it is not a tokenizer ({e})"));
        // Not every published file says it, but all of these models were trained on lower case.
        let mut steps = vec![Lowercase.into()];
        steps.extend(inner.get_normalizer().cloned());
        inner.with_normalizer(Some(Sequence::new(steps))).map_err(error)?;
        let marks = MARKS.iter().find_map(|(end, padding)| inner.token_to_id(end).zip(inner.token_to_id(padding)));
        let (end, padding) = marks.ok_or_else(|| TowerError::file(FILE, "it has neither <eos> and <pad> nor </s>"))?;
        Ok(Self { inner, end, padding })
    }

    /// # Errors
    /// When there are ids that a table of `tokens` rows has no vector for.
    pub fn fits(&self, tokens: usize) -> Result<(), TowerError> {
        let largest = self.inner.get_vocab(true).into_values().max().unwrap_or_default();
        if (largest as usize) < tokens {
            return Ok(());
        }
        Err(TowerError::file(FILE, format!("its ids go up to {largest}, but the model has {tokens} tokens")))
    }

    /// The windows of a text, each ending with the end mark and padded to `context` tokens, and the number of
    /// tokens that are the text's own. There is at least one, even for an empty text.
    ///
    /// # Errors
    /// When the text cannot be tokenised.
    pub fn windows(
        &self,
        text: &str,
        context: usize,
        long_text: LongText,
    ) -> Result<Vec<(Vec<u32>, usize)>, TowerError> {
        let room = context.saturating_sub(1);
        let ids = first_ids(&self.inner, text, long_text.max_tokens(room))?;
        let window = |span: std::ops::Range<usize>| {
            let own = span.len();
            let mut window = [&ids[span], &[self.end]].concat();
            window.resize(context, self.padding);
            (window, own)
        };
        Ok(spans(ids.len(), room).map(window).collect())
    }
}
