//! The selected items.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use vicinity_core::ItemId;

/// The selected items. To change it, make a new one: undo shares the old one.
#[derive(Debug, Default)]
pub struct Selection {
    /// In the order selected; the first is in focus (inspector).
    pub items: Vec<ItemId>,
    /// The same, for look-up.
    pub set: HashSet<ItemId>,
    /// Whether lists keep its order, since it says something: groups of duplicates.
    pub grouped: bool,
    stamp: u64,
}

impl Selection {
    /// Of these items.
    pub fn new(items: Vec<ItemId>) -> Self {
        static STAMPS: AtomicU64 = AtomicU64::new(1);
        let set = items.iter().copied().collect();
        Self { items, set, grouped: false, stamp: STAMPS.fetch_add(1, Ordering::Relaxed) }
    }

    /// Of groups of items, one group after the other.
    pub fn of_groups(groups: &[Vec<ItemId>]) -> Self {
        Self { grouped: true, ..Self::new(groups.concat()) }
    }

    /// Distinguishes selections without comparing their items: equal stamps, same selection.
    pub fn stamp(&self) -> u64 {
        self.stamp
    }

    /// The item in focus.
    pub fn focus(&self) -> Option<ItemId> {
        self.items.first().copied()
    }
}
