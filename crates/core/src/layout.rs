//! The position of every item on the map.

use super::space::MapPos;

/// How a layout was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayoutMethod {
    /// The first two principal components: immediate but coarse.
    Pca,
    /// Neighbour-preserving (UMAP).
    Umap,
    /// Not at all: the user brought the positions.
    Own,
    /// Along two axes of the user's choice; never stored.
    Axes,
}

/// One position per item.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// How it was computed.
    pub method: LayoutMethod,
    /// Epoch of the snapshot it was computed from: within one epoch items are only appended, so position `i` belongs
    /// to row `i`. A snapshot may have more rows than the layout has positions.
    pub epoch: u64,
    /// One position per row.
    pub positions: Vec<MapPos>,
    /// Number of leading rows that were part of a complete layout; later rows were only placed near their neighbours.
    pub settled: usize,
    /// Trustworthiness at 15 neighbours in [0, 1] (Venna and Kaski 2001), measured on a sample; `None` if not measured.
    pub trustworthiness: Option<f32>,
    /// Number of the layout within the session; a larger one replaces a smaller one.
    pub generation: u64,
}
