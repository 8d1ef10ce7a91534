//! Commands about groups of items that are kept under names.

use std::sync::Arc;

use egui::Key;

use super::{actions, plain, with_selection};
use crate::context::selection::SelectMode;

actions! {
    /// Actions on groups.
    GroupAction {
        /// Keep the selection as a group.
        Keep("Save as group", "Save the selected items as a named group", [plain(Key::G)], with_selection);
    }
}

/// Commands about groups that have a payload. Groups are meant by their names.
#[derive(Debug, Clone)]
pub enum GroupCommand {
    /// Select the visible items of a group, or change the selection by them.
    Select(Arc<str>, SelectMode),
    /// Show only the items of a group, or no longer.
    ToggleFilter(Arc<str>),
    /// Find items similar to those of a group.
    FindSimilar(Arc<str>),
    /// Add the selected items to a group.
    AddSelection(Arc<str>),
    /// Take the selected items out of a group.
    RemoveSelection(Arc<str>),
    /// Edit the name of a group; `None` no longer.
    EditName(Option<Arc<str>>),
    /// Give a group another name.
    Rename {
        /// The name so far.
        from: Arc<str>,
        /// The new name, as typed.
        to: String,
    },
    /// Copy the paths of a group's files.
    CopyPaths(Arc<str>),
    /// Delete a group; its items stay.
    Delete(Arc<str>),
}
