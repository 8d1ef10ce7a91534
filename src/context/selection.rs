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

/// What newly found items do with the selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SelectMode {
    /// They are the selection.
    #[default]
    Replace,
    /// They are added.
    Add,
    /// They are taken out.
    Subtract,
    /// Only those that were selected already stay.
    Intersect,
}

impl SelectMode {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Replace, Self::Add, Self::Subtract, Self::Intersect];

    /// What the keys that are held ask for: Shift adds, Alt subtracts, both intersect.
    pub fn held(keys: egui::Modifiers) -> Option<Self> {
        match (keys.shift, keys.alt) {
            (true, true) => Some(Self::Intersect),
            (true, false) => Some(Self::Add),
            (false, true) => Some(Self::Subtract),
            (false, false) => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Replace => "Replace",
            Self::Add => "Add",
            Self::Subtract => "Subtract",
            Self::Intersect => "Intersect",
        }
    }
}

impl Selection {
    /// The items that are selected after `found` were; each once, those selected before first.
    pub fn combined(&self, found: Vec<ItemId>, mode: SelectMode) -> Vec<ItemId> {
        let kept = |wanted: bool| {
            let found: HashSet<ItemId> = found.iter().copied().collect();
            self.items.iter().copied().filter(|id| found.contains(id) == wanted).collect()
        };
        match mode {
            SelectMode::Replace => found,
            SelectMode::Subtract => kept(false),
            SelectMode::Intersect => kept(true),
            SelectMode::Add => {
                let new = found.iter().filter(|id| !self.set.contains(id));
                self.items.iter().chain(new).copied().collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_replaced_added_to_subtracted_from_or_intersected() {
        let ids = |ids: &[u32]| ids.iter().copied().map(ItemId).collect::<Vec<_>>();
        let before = Selection::new(ids(&[5, 1, 3]));
        let after = |mode| before.combined(ids(&[3, 4, 5]), mode);
        assert_eq!(after(SelectMode::Replace), ids(&[3, 4, 5]));
        assert_eq!(after(SelectMode::Add), ids(&[5, 1, 3, 4]), "the item in focus stays in front");
        assert_eq!(after(SelectMode::Subtract), ids(&[1]));
        assert_eq!(after(SelectMode::Intersect), ids(&[5, 3]));
        let held = |shift, alt| SelectMode::held(egui::Modifiers { shift, alt, ..egui::Modifiers::NONE });
        assert_eq!(held(false, false), None);
        assert_eq!(
            [held(true, false), held(false, true), held(true, true)].map(|mode| mode.map(SelectMode::name)),
            [Some("Add"), Some("Subtract"), Some("Intersect")]
        );
    }
}
