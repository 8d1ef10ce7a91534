//! Groups of items in the window.

use std::sync::Arc;

use vicinity_core::{ItemGroups, ItemId};

use super::VisibleRows;

/// The groups of a library, as the window shows them.
#[derive(Debug, Clone, Default)]
pub struct GroupState {
    /// All groups.
    pub all: Arc<ItemGroups>,
    /// The visible items of each, in the same order; of the groups and the filter a moment ago until they are counted.
    pub counts: Arc<Vec<usize>>,
    /// The group whose name is being edited.
    pub renamed: Option<Arc<str>>,
}

/// The visible items of each group.
pub fn visible_counts(groups: &ItemGroups, visible: &VisibleRows) -> Vec<usize> {
    groups.all().iter().map(|group| group.items().iter().filter(|id| visible.contains_item(**id)).count()).collect()
}

/// The items of a group that are visible, ascending.
pub fn visible_items(items: &[ItemId], visible: &VisibleRows) -> Vec<ItemId> {
    items.iter().copied().filter(|id| visible.contains_item(*id)).collect()
}
