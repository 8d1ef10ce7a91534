//! Clusters of a map: items that lie close together, and what they are called.

use super::item::ItemId;
use super::layout::Layout;
use super::space::MapPos;

/// Items that lie close together on the map.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// What most of its items have in common and others have not, best first; empty if nothing is known. No two clusters of a map
    /// that are shown at the same level have the same first name.
    pub names: Vec<String>,
    /// The cluster that it is a part of, by its place in [`Clusters::all`].
    pub parent: Option<u32>,
    /// The coarsest and the finest level at which it is shown; 0 is the coarsest of all.
    pub levels: (u8, u8),
    /// Number of items.
    pub count: u32,
    /// Where its name belongs: on one of its items, in the midst of most.
    pub centre: MapPos,
    /// The item that is most like all of its items.
    pub typical: ItemId,
}

impl Cluster {
    /// The first of its names.
    pub fn name(&self) -> Option<&str> {
        self.names.first().map(String::as_str)
    }
}

/// All clusters of a layout.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Clusters {
    /// Epoch of the layout that they were found in.
    pub epoch: u64,
    /// Generation of that layout.
    pub generation: u64,
    /// The clusters, coarse ones first, so that parents come before their parts.
    pub all: Vec<Cluster>,
    /// The cluster of each row at the finest level, by its place in `all`.
    pub of_rows: Vec<u32>,
}

impl Clusters {
    /// Whether they were found in a layout.
    pub fn belong_to(&self, layout: &Layout) -> bool {
        (self.epoch, self.generation) == (layout.epoch, layout.generation)
    }

    /// The cluster of a row and those that it is a part of, the finest first.
    pub fn of_row(&self, row: usize) -> impl Iterator<Item = u32> {
        let first = self.of_rows.get(row).copied();
        std::iter::successors(first, |at| self.all.get(*at as usize)?.parent)
    }
}
