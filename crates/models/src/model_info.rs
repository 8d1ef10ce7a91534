//! What a model is: its embedding space, its licence, its limits.

use std::fmt;

/// What makes vectors comparable: two vectors belong to one space exactly if their keys are equal.
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
    /// Dimensions that a vector may be cut to ([`vicinity_core::Embedding::truncated`]), the whole one first; empty where it may not.
    #[serde(default)]
    pub matryoshka: Vec<usize>,
}

impl ModelInfo {
    /// Checks that vectors may be cut to `dim` dimensions.
    ///
    /// # Errors
    /// When they may not; the message names the dimensions that are possible.
    pub fn check_dim(&self, dim: usize) -> Result<(), DimensionError> {
        if dim == self.key.dim || self.matryoshka.contains(&dim) {
            return Ok(());
        }
        let shorter = self.matryoshka.iter().copied().filter(|part| *part < self.key.dim).collect();
        Err(DimensionError { title: self.title.clone(), full: self.key.dim, shorter, wanted: dim })
    }
}

/// A number of dimensions that vectors of a model cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DimensionError {
    /// Display name of the model.
    pub title: String,
    /// Its dimensions.
    pub full: usize,
    /// Fewer dimensions that are possible.
    pub shorter: Vec<usize>,
    /// The number asked for.
    pub wanted: usize,
}

impl std::error::Error for DimensionError {}

impl fmt::Display for DimensionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { title, full, shorter, wanted } = self;
        if shorter.is_empty() {
            return write!(f, "{title} has {full} dimensions and cannot be shortened to {wanted}");
        }
        let shorter: Vec<String> = shorter.iter().map(ToString::to_string).collect();
        write!(f, "{title} has {full} dimensions or {}, not {wanted}", shorter.join(", "))
    }
}
