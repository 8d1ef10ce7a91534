//! How far background work has come, and what could not be done.

use std::path::PathBuf;

/// What the engine is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stage {
    /// Nothing.
    #[default]
    Idle,
    /// Walking the folders.
    Scanning,
    /// Reading, embedding and storing.
    Embedding,
    /// Stopped by the user until resumed.
    Paused,
}

/// A sample of the running import. Counts are of items.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Progress {
    /// What is going on.
    pub stage: Stage,
    /// Found so far that need embedding.
    pub total: u64,
    /// Whether files are still being counted, so that `total` is the least that there are.
    pub counting: bool,
    /// Of these, embedded and stored.
    pub done: u64,
    /// Known already and taken over.
    pub reused: u64,
    /// Could not be read.
    pub failed: u64,
    /// Items a second, smoothed.
    pub per_second: f32,
    /// Estimated seconds until done; `None` while unknown.
    pub seconds_left: Option<f32>,
}

/// What a layout under way is doing, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MapStage {
    /// Looking for the neighbours of each item.
    Neighbours,
    /// Moving points to their places.
    Arranging,
    /// Measuring how far the map can be trusted.
    Checking,
}

/// A sample of a layout under way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapProgress {
    /// What is going on.
    pub stage: MapStage,
    /// How much of the whole is done, in [0, 1]; it never falls within one layout.
    pub share: f32,
    /// Estimated seconds until the map is there; `None` while unknown.
    pub seconds_left: Option<f32>,
}

/// A file that could not be taken in, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The file or folder.
    pub path: PathBuf,
    /// A sentence for the user, without the path.
    pub reason: String,
}
