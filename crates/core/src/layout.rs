//! Where every item lies on the map.

use super::space::MapPos;

/// How a layout was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayoutMethod {
    /// The two principal components: there at once, coarse.
    Pca,
    /// Neighbour-preserving (UMAP).
    Umap,
}

/// One position an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// How it was made.
    pub method: LayoutMethod,
    /// The epoch of the snapshot it was made from: within one epoch items are only appended, so
    /// position `i` belongs to row `i`. A snapshot may have more rows than the layout has positions.
    pub epoch: u64,
    /// One position a row.
    pub positions: Vec<MapPos>,
    /// So many of the first rows have their place from when the whole was laid out; later ones were only put beside others.
    pub settled: usize,
    /// Trustworthiness at 15 neighbours in [0, 1] (Venna and Kaski 2001), on a sample; where it was measured.
    pub trustworthiness: Option<f32>,
    /// Counts layouts of a session: a larger one replaces a smaller one.
    pub generation: u64,
}
