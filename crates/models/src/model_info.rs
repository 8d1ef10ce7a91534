//! What a model is: its embedding space, its licence, its limits.

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
