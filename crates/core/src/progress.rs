//! Progress of background work, and failures.

use std::path::PathBuf;

/// What the engine is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stage {
    /// Nothing.
    #[default]
    Idle,
    /// Scanning the folders.
    Scanning,
    /// Reading, embedding and storing.
    Embedding,
    /// Paused by the user.
    Paused,
}

/// A sample of the running import. Counts are of items.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Progress {
    /// The current stage.
    pub stage: Stage,
    /// Items found so far that need embedding.
    pub total: u64,
    /// Whether files are still being counted; then `total` is a lower bound.
    pub counting: bool,
    /// Items embedded and stored.
    pub done: u64,
    /// Items reused without embedding them.
    pub reused: u64,
    /// Files that could not be read.
    pub failed: u64,
    /// Items per second, smoothed.
    pub per_second: f32,
    /// Estimated seconds left; `None` while unknown.
    pub seconds_left: Option<f32>,
}

/// Stages of computing a layout, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MapStage {
    /// Finding the neighbours of each item.
    Neighbours,
    /// Optimising the positions.
    Arranging,
    /// Measuring the trustworthiness.
    Checking,
}

/// A sample of a running layout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapProgress {
    /// The current stage.
    pub stage: MapStage,
    /// Fraction done, in [0, 1]; it never decreases within one layout.
    pub share: f32,
    /// Estimated seconds left; `None` while unknown.
    pub seconds_left: Option<f32>,
}

/// A sample of reading the metadata of photos, or the words of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactsProgress {
    /// Files that were read.
    pub done: u64,
    /// Files that have to be read.
    pub total: u64,
}

/// A sample of reading the text in pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TextProgress {
    /// Pictures that were read.
    pub done: u64,
    /// Pictures that have to be read.
    pub total: u64,
    /// Estimated seconds left; `None` while unknown.
    pub seconds_left: Option<f32>,
    /// Whether the user holds it.
    pub paused: bool,
}

/// A file that could not be imported, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The file or folder.
    pub path: PathBuf,
    /// A sentence for the user, without the path.
    pub reason: String,
}
