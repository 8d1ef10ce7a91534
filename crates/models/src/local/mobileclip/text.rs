//! The text tower of MobileCLIP S1 and S2: CLIP's transformer without a causal mask. The padding is a part of its input,
//! so every text has the same number of tokens.

use candle_core::Result as CandleResult;
use rayon::prelude::*;

use super::config::MobileClipConfig;
use crate::local::clip::End;
use crate::local::compute_target::ComputeTarget;
use crate::local::text_chunks::joined;
use crate::local::tokenize::beginning;
use crate::local::tokenize::clip::ClipTokenizer;
use crate::local::transformer::{self, Encoder, TensorNames, TokenEmbedding};
use crate::local::transformer_layers::{LayerNorm, Linear};
use crate::local::weights::Weights;
use crate::{LongText, TextEmbedding, TextOptions, TextTower, TowerError};

/// What a text is padded with.
const PAD: u32 = 0;

/// The text tower.
pub struct MobileClipTextTower {
    tokenizer: ClipTokenizer,
    context: usize,
    words: TokenEmbedding,
    encoder: Encoder,
    norm: LayerNorm,
    project: Linear,
    target: ComputeTarget,
}

impl MobileClipTextTower {
    /// Reads the tower from `text.*`.
    ///
    /// # Errors
    /// When a tensor is missing, of another size, or holds a number that is not finite.
    pub fn load(
        weights: &Weights<'_>,
        config: &MobileClipConfig,
        tokenizer: ClipTokenizer,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let (text, sizes) = (&config.text, config.text.sizes()?);
        tokenizer.fits(text.vocab_size)?;
        let words = ("text.token_embedding.weight", text.vocab_size);
        let places = ("text.positional_embedding", text.context_length);
        let (width, dim) = (sizes.width, config.dim);
        Ok(Self {
            tokenizer,
            context: text.context_length,
            words: TokenEmbedding::load(weights, words, places, width)?,
            encoder: Encoder::load(weights, "text.transformer.resblocks", &sizes, TensorNames::OpenClip, target)?,
            norm: LayerNorm::load(weights, "text.ln_final", width, sizes.eps, target)?,
            project: Linear::transposed(weights, "text.text_projection", width, dim, target)?,
            target: target.clone(),
        })
    }

    /// The token ids of the first window of a text, padded.
    ///
    /// # Errors
    /// When the text cannot be tokenised.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, TowerError> {
        let windows = self.tokenizer.windows(text, self.context, LongText::Truncate)?;
        Ok(windows.into_iter().next().map(|ids| self.filled(ids)).unwrap_or_default())
    }

    fn filled(&self, mut ids: Vec<u32>) -> Vec<u32> {
        ids.resize(self.context, PAD);
        ids
    }

    /// What the tower makes of windows, filled up, before it becomes unit vectors.
    ///
    /// # Errors
    /// When the forward pass fails.
    pub fn features(&self, windows: &[Vec<u32>]) -> CandleResult<Vec<Vec<f32>>> {
        transformer::in_groups(windows, self.context, &self.target, |group| {
            let lengths = vec![self.context; group.len()];
            let firsts = (0..).step_by(self.context);
            let ends: Vec<u32> = firsts.zip(group).map(|(first, ids)| (first + End::Highest.of(ids)) as u32).collect();
            let x = self.words.forward(group, &self.target)?;
            self.project.forward(&self.norm.forward(&self.encoder.forward(x, &lengths, false, Some(&ends))?)?)
        })
    }
}

impl TextTower for MobileClipTextTower {
    fn embed(&self, texts: &[&str], options: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
        let windows = |text: &&str| self.tokenizer.windows(text, self.context, options.long_text);
        let windows: Vec<Vec<Vec<u32>>> = texts.par_iter().map(windows).collect::<Result<_, _>>()?;
        // Each window has two special tokens.
        let counts: Vec<Vec<usize>> = windows.iter().map(|w| w.iter().map(|ids| ids.len() - 2).collect()).collect();
        let filled: Vec<Vec<u32>> = windows.into_iter().flatten().map(|ids| self.filled(ids)).collect();
        Ok(joined(&counts, transformer::units(self.features(&filled)?)?)?)
    }

    fn shortened(&self, text: String, options: TextOptions) -> String {
        beginning(&text, options.long_text.max_tokens(self.context)).to_owned()
    }

    fn preferred_batch_size(&self) -> Option<usize> {
        self.target.preferred_batch_size()
    }
}
