//! Commands about items: selection, preview, labels, and their files.

use std::path::PathBuf;
use std::sync::Arc;

use egui::Key;
use vicinity_core::{ItemId, LabelSet};

use super::{actions, always, command, command_shift, not_exporting, unless, with_items, with_selection};
use crate::context::State;
use crate::context::selection::Selection;

actions! {
    /// Actions on items.
    ItemAction {
        /// Select everything that matches.
        SelectAll("Select all", "Select all items that match the search and the filter", [command(Key::A)], with_items);
        /// Select files with the same content, and list them in the gallery.
        ShowDuplicates("Show exact duplicates", "Select files with the same content and list them", [], with_items);
        /// Show the selected item in the file manager.
        Reveal("Show in folder", "Show the file in the file manager", [command_shift(Key::R)], with_selection);
        /// Copy the path(s) of the selection.
        CopyPath("Copy path", "Copy the paths of the selected items", [command_shift(Key::C)], with_selection);
        /// Write the selected items to a file.
        ExportSelection(
            "Export selection…",
            "Write the selected items as a list (.csv, .parquet), or their vectors with a list (.npy)",
            [],
            can_export
        );
        /// Copy the files of the selected items into a folder.
        CopyFiles(
            "Copy files to folder…",
            "Copy the files of the selected items into a folder; nothing is overwritten",
            [],
            can_export
        );
        /// End the export.
        CancelExport("Cancel export", "Files that were copied are kept", [], exporting);
        /// Label the selection with the label set.
        ApplyLabels(
            "Auto-label selection",
            "Give each selected item its closest label and colour the map",
            [],
            with_selection
        );
        /// Edit the label set.
        EditLabels("Edit labels…", "Edit the words that items are compared with", [], always);
    }
}

/// Commands about items that have a payload.
#[derive(Debug, Clone)]
pub enum ItemCommand {
    /// Select exactly these; the first is the one in focus.
    Select(Vec<ItemId>),
    /// The same with a selection that was made on another thread, since it may hold every item.
    SelectMany(Arc<Selection>),
    /// Select the visible items of a label, by its position in `AppliedLabels::names`.
    SelectLabelled(usize),
    /// Select one while walking through a list: the list stays in sight.
    Focus(ItemId),
    /// Add to, or take from, the selection.
    Toggle(ItemId),
    /// The pointer rests on this item.
    Hover(Option<ItemId>),
    /// Open the large preview of an item.
    OpenPreview(ItemId),
    /// Close it.
    ClosePreview,
    /// Show an item in the file manager.
    Reveal(ItemId),
    /// Show a file or folder in the file manager.
    RevealPath(PathBuf),
    /// Copy an item's path.
    CopyPath(ItemId),
    /// Copy a text.
    CopyText(String),
    /// Replace the label set.
    SetLabels(LabelSet),
    /// Load a label set from a file that the user picks.
    LoadLabels,
}

fn can_export(state: &State) -> Option<&'static str> {
    with_selection(state).or_else(|| not_exporting(state))
}

fn exporting(state: &State) -> Option<&'static str> {
    unless(state.library().export.is_some(), "Nothing is being exported")
}
