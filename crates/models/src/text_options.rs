//! How texts are embedded.

/// What to do with a text that is longer than the model's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
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
