//! Layer 1: the models. Pixels or text in, [`Embedding`]s out.
//!
//! A tower never opens a user's file and starts no threads of its own (the engine gives each model a named
//! thread); only this layer knows `candle`. One file an architecture.

pub mod catalogue;
pub mod http;
pub mod installed;
mod local;
pub mod remote;

pub use local::{
    builtin, clip, compute_target, device, golden, guard, load, load_on, mobileclip, model_dir, nomic, preprocess,
    siglip, tokenize, torch, transformer_layers, weights,
};

use thiserror::Error;

use vicinity_core::{Embedding, EmbeddingError, Picture};

/// Bytes of a reason that are shown.
const REASON: usize = 400;

/// Why a model could not be loaded or did not answer.
#[derive(Debug, Error)]
pub enum TowerError {
    /// A file of the model is missing, damaged, or not what it should be.
    #[error("the model file {file} cannot be used: {reason}")]
    Weights {
        /// Name of the file.
        file: String,
        /// What is wrong with it (names the tensor where there is one).
        reason: String,
    },
    /// The forward pass failed.
    #[error("the model failed: {0}")]
    Forward(#[source] candle_core::Error),
    /// The device has no room for so much at once.
    #[error("not enough device memory")]
    OutOfMemory,
    /// The output is not an embedding.
    #[error(transparent)]
    Output(#[from] EmbeddingError),
    /// A text could not be tokenised.
    #[error("the text could not be tokenised: {0}")]
    Tokenizer(String),
    /// The model's code gave up.
    #[error(
        "the model failed unexpectedly ({0}); check its files with `vicinity models verify`, or choose another model"
    )]
    Panicked(String),
    /// A service did not answer as it should.
    #[error(transparent)]
    Remote(#[from] remote::RemoteError),
}

impl TowerError {
    /// Whether other items would fail too, so that going on makes no sense: a service that is not there, a wrong key.
    pub fn ends_run(&self) -> bool {
        match self {
            Self::Remote(error) => !error.concerns_item(),
            Self::OutOfMemory => true,
            _ => false,
        }
    }
}

impl From<candle_core::Error> for TowerError {
    fn from(error: candle_core::Error) -> Self {
        // Drivers and libraries tell it in words only.
        let text = error.to_string().to_ascii_lowercase();
        let full = ["out of memory", "out_of_memory", "alloc_failed", "insufficient memory"];
        if full.iter().any(|words| text.contains(words)) { Self::OutOfMemory } else { Self::Forward(error) }
    }
}

impl TowerError {
    /// The complaint that a file of a model is missing, damaged, or not what it should be.
    pub fn file(file: impl Into<String>, reason: impl Into<String>) -> Self {
        let mut reason: String = reason.into();
        // It may repeat what the file holds.
        if reason.len() > REASON {
            reason.truncate(reason.floor_char_boundary(REASON));
            reason.push('…');
        }
        Self::Weights { file: file.into(), reason }
    }
}

/// What makes vectors comparable: two vectors belong to one space exactly when their keys are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct ModelKey {
    /// Name of the model.
    pub name: String,
    /// Which weights: a hub revision, or a hash of the file.
    pub revision: String,
    /// Version of the preparation of pictures and texts; changes whenever vectors would.
    pub preprocessing: String,
    /// Number of dimensions stored.
    pub dim: usize,
}

/// What the program and its user should know of a model.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct ModelInfo {
    /// Identity of its embedding space.
    pub key: ModelKey,
    /// Short display name.
    pub title: String,
    /// Two lines for the models dialog: what it is good at, what it is bad at.
    pub about: String,
    /// Licence of the weights, in a few words.
    pub licence: String,
    /// Factor on cosine similarity before a softmax over label prompts.
    pub label_scale: f32,
    /// How a bare label becomes a text to embed; `{}` stands for the label.
    pub label_prompt: String,
    /// The most tokens a text window holds, special tokens counted.
    pub max_tokens: usize,
    /// Dimensions that a vector may be cut to ([`Embedding::truncated`]), the whole one first; empty where it may not.
    #[serde(default)]
    pub matryoshka: Vec<usize>,
}

impl ModelInfo {
    /// Whether vectors may be cut to `dim` dimensions.
    ///
    /// # Errors
    /// A sentence that names the dimensions there are.
    pub fn check_dim(&self, dim: usize) -> Result<(), String> {
        if dim == self.key.dim || self.matryoshka.contains(&dim) {
            return Ok(());
        }
        let shorter: Vec<String> =
            self.matryoshka.iter().filter(|part| **part < self.key.dim).map(ToString::to_string).collect();
        Err(match shorter.is_empty() {
            true => format!("{} has {} dimensions and cannot be shortened to {dim}", self.title, self.key.dim),
            false => format!("{} has {} dimensions or {}, not {dim}", self.title, self.key.dim, shorter.join(", ")),
        })
    }
}

/// What to do with a text that is longer than the model's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LongText {
    /// Embed the first window only.
    #[default]
    Truncate,
    /// Embed overlapping windows and average them; of a text of more than [`LongText::MAX_TOKENS`] tokens those of its
    /// beginning.
    Mean,
}

impl LongText {
    /// Tokens of a text that are embedded at the most: a long book, and minutes of work.
    pub const MAX_TOKENS: usize = 128 * 1024;

    /// Tokens wanted of a text whose window has room for `room`.
    pub(crate) fn max_tokens(self, room: usize) -> usize {
        match self {
            Self::Truncate => room,
            Self::Mean => Self::MAX_TOKENS.max(room),
        }
    }
}

/// What a text is embedded for. Models without task types ignore it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum TextTask {
    /// To be found.
    #[default]
    SearchDocument,
    /// To find with.
    SearchQuery,
    /// To be sorted into classes.
    Classification,
    /// To be grouped.
    Clustering,
}

/// How texts are to be embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TextOptions {
    /// What for.
    pub task: TextTask,
    /// What to do with a text longer than the model's window.
    pub long_text: LongText,
}

impl TextOptions {
    /// A query; only its first window counts.
    pub const QUERY: Self = Self { task: TextTask::SearchQuery, long_text: LongText::Truncate };
}

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
    /// Embeds a batch, one embedding a picture, in order.
    ///
    /// # Errors
    /// When the forward pass fails or gives no finite vector.
    fn embed(&self, batch: &[Pixels]) -> Result<Vec<Embedding>, TowerError>;
    /// Embeds a batch of which some may fail: one result a picture, in order.
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
    /// Embeds a batch, one embedding a text, in order. An empty text is embedded like any other.
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
    /// Embeds a batch of which some may fail: one result a text, in order.
    fn embed_each(&self, texts: &[&str], options: TextOptions) -> Vec<Result<TextEmbedding, TowerError>> {
        each(texts, |texts| self.embed(texts, options))
    }
    /// A text that is embedded as this one is, without what is not looked at of a very long one. Takes time for every byte,
    /// so that callers with others waiting can do it beforehand.
    fn shortened(&self, text: String, options: TextOptions) -> String {
        let _all = options;
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
