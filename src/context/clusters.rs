//! The clusters of the map as the window shows them: names that the user gave, counts of visible items, and which one is in focus.

use std::sync::Arc;

use super::format;
use vicinity_core::{Cluster, ClusterNames};

/// What the window knows of the clusters of the open library, beside the clusters themselves.
#[derive(Debug, Clone, Default)]
pub struct ClusterState {
    /// All names that the user gave.
    pub names: Arc<ClusterNames>,
    /// Visible items of each cluster, if the filter excludes some.
    pub visible_counts: Option<Arc<Vec<u32>>>,
    /// The cluster that was chosen or has the keyboard focus; *Rename cluster* is about it.
    pub focus: Option<u32>,
    /// The cluster under the pointer, on the map or in the list.
    pub pointed_at: Option<u32>,
    /// The cluster that is being renamed.
    pub renaming: Option<u32>,
}

impl ClusterState {
    /// The number of items of a cluster: `412`, or `47 / 412` if the filter excludes some.
    pub fn count(&self, at: u32, cluster: &Cluster) -> String {
        let all = format::number(u64::from(cluster.count));
        match self.visible(at) {
            Some(visible) if visible != cluster.count => format!("{} / {all}", format::number(u64::from(visible))),
            _ => all,
        }
    }

    /// Visible items of a cluster, if the filter excludes some of the collection.
    pub fn visible(&self, at: u32) -> Option<u32> {
        self.visible_counts.as_ref()?.get(at as usize).copied()
    }

    /// Forgets what was about other clusters.
    pub fn clear(&mut self) {
        *self = Self { names: Arc::clone(&self.names), ..Self::default() };
    }
}
