//! What an import did.

use vicinity_core::SkipCounts;

/// What an import did. Counts are of items.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImportSummary {
    /// In the collection now.
    pub items: u64,
    /// Of these, pictures.
    pub images: u64,
    /// Of these, texts.
    pub texts: u64,
    /// Embedded in this run.
    pub embedded: u64,
    /// Taken over without embedding.
    pub reused: u64,
    /// Could not be read.
    pub failed: u64,
    /// Found and skipped, for each reason.
    pub skipped: SkipCounts,
    /// Wall-clock time of the run.
    pub seconds: f64,
    /// Time the stages worked; they overlap.
    pub busy: StageSeconds,
    /// Whether the user ended it early.
    pub cancelled: bool,
    /// Whether nobody asked for it: something in the folders may have changed.
    pub unasked: bool,
}

/// Seconds that the stages of an import worked, summed over their threads where they have several.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StageSeconds {
    /// Reading, decoding, thumbnails and the preparation for the model; on the decode pool.
    pub read: f64,
    /// The towers, batch by batch.
    pub embed: f64,
    /// Vectors and catalog, synced.
    pub store: f64,
}
