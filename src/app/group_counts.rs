//! For what the visible items of groups are counted.

use std::sync::Arc;

use crate::context::VisibleRows;
use vicinity_core::ItemGroups;

/// For which groups and rows visible items are counted.
#[derive(Clone)]
pub struct GroupCountRequest {
    /// The groups.
    pub groups: Arc<ItemGroups>,
    /// The rows.
    pub visible: Arc<VisibleRows>,
}

impl GroupCountRequest {
    /// Whether it is the same.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.groups, &other.groups) && Arc::ptr_eq(&self.visible, &other.visible)
    }
}
