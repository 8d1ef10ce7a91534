//! Commands about the clusters of the map.

use egui::Key;

use super::{actions, plain, unless};
use crate::context::State;

actions! {
    /// Actions on clusters.
    ClusterAction {
        /// Name the cluster in focus.
        Rename("Rename cluster…", "Give the chosen cluster a name of your own", [plain(Key::F2)], with_cluster);
        /// Show all categories of the legend again.
        ShowAllCategories("Show all categories", "Show all points that were hidden in the legend", [], with_hidden);
    }
}

/// Commands about clusters that have a payload. A cluster is its place in `Clusters::all`.
#[derive(Debug, Clone)]
pub enum ClusterCommand {
    /// Select its visible items, and show them.
    Select(u32),
    /// It has the keyboard focus.
    Focus(u32),
    /// Ask for a name for it.
    EditName(u32),
    /// What the user calls it; empty for the name that was found.
    SetName(u32, String),
}

fn with_cluster(state: &State) -> Option<&'static str> {
    unless(state.library().cluster_in_focus().is_some(), "Choose a cluster first")
}

fn with_hidden(state: &State) -> Option<&'static str> {
    unless(!state.library().hidden_legend.is_empty(), "Nothing is hidden in the legend")
}
