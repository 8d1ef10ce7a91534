//! The interface of all models, local or remote: a tower per modality turns batches into embeddings.

use crate::{ModelInfo, TextOptions, TowerError};
use vicinity_core::{Embedding, EmbeddingError, Picture};

/// A picture made ready for a tower: the model's own layout, opaque to everyone else.
#[derive(Debug, Clone)]
pub struct Pixels(pub Vec<f32>);

/// A text's embedding, and what it cost.
#[derive(Debug, Clone)]
pub struct TextEmbedding {
    /// The unit vector.
    pub embedding: Embedding,
    /// Tokens embedded, special tokens not counted.
    pub tokens: usize,
}

/// Turns pictures into embeddings.
pub trait ImageTower: Send + Sync {
    /// Resizes and normalises an upright picture. Pure and cheap; called on the decode pool.
    fn prepare(&self, picture: &Picture) -> Pixels;
    /// Embeds a batch, one embedding per picture, in order.
    ///
    /// # Errors
    /// When the forward pass fails or gives no finite vector.
    fn embed(&self, batch: &[Pixels]) -> Result<Vec<Embedding>, TowerError>;
    /// Embeds a batch of which some may fail: one result per picture, in order.
    fn embed_each(&self, batch: &[Pixels]) -> Vec<Result<Embedding, TowerError>> {
        each(batch, |batch| self.embed(batch))
    }
    /// Pictures that a call should bring; `None` where the caller may choose.
    fn preferred_batch_size(&self) -> Option<usize> {
        None
    }
    /// Ends calls under way with an error, where they could take long.
    fn interrupt(&self) {}
}

/// Turns texts into embeddings.
pub trait TextTower: Send + Sync {
    /// Embeds a batch, one embedding per text, in order. An empty text is embedded like any other.
    ///
    /// # Errors
    /// When a text cannot be tokenised, the forward pass fails, or gives no finite vector.
    fn embed(&self, texts: &[&str], options: TextOptions) -> Result<Vec<TextEmbedding>, TowerError>;
    /// As [`Self::embed`], with the first `dim` dimensions ([`ModelInfo::matryoshka`]).
    ///
    /// # Errors
    /// As there; when there are no `dim` dimensions.
    fn embed_to(&self, texts: &[&str], options: TextOptions, dim: usize) -> Result<Vec<TextEmbedding>, TowerError> {
        let mut embedded = self.embed(texts, options)?;
        for text in &mut embedded {
            text.embedding = text.embedding.truncated(dim)?;
        }
        Ok(embedded)
    }
    /// Embeds a batch of which some may fail: one result per text, in order.
    fn embed_each(&self, texts: &[&str], options: TextOptions) -> Vec<Result<TextEmbedding, TowerError>> {
        each(texts, |texts| self.embed(texts, options))
    }
    /// A text that is embedded as this one is, without what is not looked at of a very long one. Takes time for every byte,
    /// so that callers with others waiting can do it beforehand.
    fn shortened(&self, text: String, _options: TextOptions) -> String {
        text
    }
    /// Texts that a call should bring; `None` where the caller may choose.
    fn preferred_batch_size(&self) -> Option<usize> {
        None
    }
    /// Ends calls under way with an error, where they could take long.
    fn interrupt(&self) {}
}

/// A batch at once; where that fails each for itself, so that one bad input does not spoil its neighbours.
fn each<T, E>(batch: &[T], embed: impl Fn(&[T]) -> Result<Vec<E>, TowerError>) -> Vec<Result<E, TowerError>> {
    match embed(batch) {
        Ok(embedded) if embedded.len() == batch.len() => embedded.into_iter().map(Ok).collect(),
        // The caller knows how much may go on at once.
        Err(TowerError::OutOfMemory) => batch.iter().map(|_| Err(TowerError::OutOfMemory)).collect(),
        _ => {
            let alone = |one| embed(std::slice::from_ref(one))?.pop().ok_or(EmbeddingError::Empty.into());
            batch.iter().map(alone).collect()
        }
    }
}

/// A loaded model: two towers into one space.
pub struct Model {
    /// What it is.
    pub info: ModelInfo,
    /// Pictures.
    pub image: Box<dyn ImageTower>,
    /// Texts.
    pub text: Box<dyn TextTower>,
}
