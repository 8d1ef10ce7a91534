//! How far a map can be trusted.

use std::sync::Arc;

use super::layout::Layout;

/// How well a layout keeps neighbours, and who these are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MapQuality {
    /// Epoch of the layout that was measured.
    pub epoch: u64,
    /// Generation of that layout.
    pub generation: u64,
    /// True neighbours of each row: 15, or fewer in a small collection.
    pub k: usize,
    /// The rows of the `k` nearest of each row by cosine of centred vectors, the nearest first; `u32::MAX` for a row without a vector.
    pub neighbours: Arc<[u32]>,
    /// Of each row the share, in [0, 1], of its true neighbours that are among its `k` nearest on the map; NaN for a row without
    /// a vector.
    pub preserved: Vec<f32>,
    /// The mean of `preserved` where that is known.
    pub preservation: f32,
    /// The gap between pictures and texts; `None` where there are not both.
    pub gap: Option<ModalityGap>,
}

/// The distance between the mean vector of pictures and that of texts, both of unit vectors, in [0, 2] (Liang et al. 2022, "Mind the Gap").
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModalityGap {
    /// Of the vectors as the model gives them.
    pub raw: f32,
    /// Of the vectors that the map is made of, which are centred by modality.
    pub centred: f32,
}

impl MapQuality {
    /// Whether a layout is the one that was measured.
    pub fn belongs_to(&self, layout: &Layout) -> bool {
        (self.epoch, self.generation) == (layout.epoch, layout.generation)
    }

    /// The rows of the true neighbours of a row, the nearest first; empty for one that was not measured.
    pub fn neighbours_of(&self, row: usize) -> &[u32] {
        self.neighbours.get(row * self.k..(row + 1) * self.k).unwrap_or_default()
    }
}
