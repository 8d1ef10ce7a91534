//! Clusters of a map: items that lie close together, and what they are called.

use std::sync::Arc;

use super::cluster_name::{GivenName, MemberSample};
use super::item::ItemId;
use super::layout::Layout;
use super::space::MapPos;

/// Items that lie close together on the map.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cluster {
    /// What most of its items have in common and others have not, best first; empty if nothing is known. No two clusters of a map
    /// that are shown at the same level have the same first name.
    pub names: Vec<String>,
    /// The name that the user gave it, which takes the place of the first of `names`.
    pub given: Option<Arc<GivenName>>,
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
    /// Some of its contents, to which a name is bound.
    pub members: MemberSample,
}

impl Cluster {
    /// What it is called: what the user calls it, or the first of its names.
    pub fn name(&self) -> Option<&str> {
        self.all_names().next()
    }

    /// All of its names, that of the user first.
    pub fn all_names(&self) -> impl Iterator<Item = &str> {
        self.given.iter().map(|given| given.name.as_str()).chain(self.names.iter().map(String::as_str))
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
    pub of_rows: Arc<[u32]>,
    /// The newest item when they were found.
    pub newest: Option<ItemId>,
}

impl Clusters {
    /// Whether they were found in a layout.
    pub fn belong_to(&self, layout: &Layout) -> bool {
        (self.epoch, self.generation) == (layout.epoch, layout.generation)
    }

    /// Whether others were found in the same layout; they may differ in the names that the user gave.
    pub fn are_of_same_map(&self, others: &Self) -> bool {
        (self.epoch, self.generation) == (others.epoch, others.generation)
    }

    /// The cluster of a row and those that it is a part of, the finest first.
    pub fn of_row(&self, row: usize) -> impl Iterator<Item = u32> {
        let first = self.of_rows.get(row).copied();
        std::iter::successors(first, |at| self.all.get(*at as usize)?.parent)
    }

    /// The rows of a cluster, ascending.
    pub fn rows(&self, cluster: u32) -> impl Iterator<Item = usize> {
        (0..self.of_rows.len()).filter(move |row| self.of_row(*row).any(|found| found == cluster))
    }

    /// How many of some rows are in each cluster.
    pub fn count_rows(&self, rows: impl Iterator<Item = usize>) -> Vec<u32> {
        let mut counts = vec![0u32; self.all.len()];
        for row in rows {
            if let Some(count) = self.of_rows.get(row).and_then(|finest| counts.get_mut(*finest as usize)) {
                *count += 1;
            }
        }
        // Parts come after what they are a part of.
        for at in (0..counts.len()).rev() {
            if let Some(parent) = self.all[at].parent.map(|parent| parent as usize).filter(|parent| *parent < at) {
                counts[parent] += counts[at];
            }
        }
        counts
    }

    /// The same clusters, one of which has another name; `None` takes the user's name away.
    #[must_use]
    pub fn renamed(&self, cluster: u32, given: Option<Arc<GivenName>>) -> Self {
        let mut renamed = self.clone();
        if let Some(cluster) = renamed.all.get_mut(cluster as usize) {
            cluster.given = given;
        }
        renamed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clusters() -> Clusters {
        let part = |parent| Cluster { parent, names: vec!["found".to_owned()], ..Cluster::default() };
        let all = vec![part(None), part(None), part(Some(0)), part(Some(2)), part(Some(0))];
        Clusters { all, of_rows: [3, 3, 4, 1, 2].into(), ..Clusters::default() }
    }

    #[test]
    fn what_is_counted_for_a_part_is_counted_for_the_whole() {
        let clusters = clusters();
        assert_eq!(clusters.count_rows([0, 2, 3, 4, 99].into_iter()), [3, 1, 2, 1, 1]);
        assert_eq!(clusters.rows(2).collect::<Vec<_>>(), [0, 1, 4]);
    }

    #[test]
    fn a_name_of_the_user_comes_first_and_can_be_taken_away() {
        let name = GivenName { name: "ours".to_owned(), members: MemberSample::default(), newest: ItemId(0) };
        let renamed = clusters().renamed(1, Some(Arc::new(name)));
        assert_eq!(renamed.all[1].all_names().collect::<Vec<_>>(), ["ours", "found"]);
        assert_eq!(renamed.renamed(1, None), clusters());
    }
}
