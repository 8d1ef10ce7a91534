//! Commands about the query, and what narrows it.

use std::path::PathBuf;
use std::sync::Arc;

use egui::Key;
use vicinity_core::{Filter, QueryPart, Scoring};

use super::{actions, always, command, command_shift, plain, unless, with_library, with_selection};
use crate::context::State;

actions! {
    /// Actions on the query.
    SearchAction {
        /// Put the cursor into the search box.
        Focus(
            "Search",
            "Type what you are looking for",
            [plain(Key::V), plain(Key::Slash), command(Key::F)],
            always
        );
        /// Put the cursor into the gallery's field for file names.
        FindByName(
            "Find by file name",
            "Show only files whose name contains the text you type",
            [command_shift(Key::F)],
            with_library
        );
        /// Take the picture or text on the clipboard as a query.
        Paste("Search from clipboard", "Search with the image or text you copied", [], always);
        /// Search by the selected items.
        BySelection("Find similar", "Find items similar to the selection", [plain(Key::S)], with_selection);
        /// Show all items again.
        ClearFilters("Clear filters", "Show all items again", [], with_filter);
        /// Empty the search box.
        Clear("Clear search", "Remove everything from the search box", [], with_query);
    }
}

/// Commands about the query that have a payload.
#[derive(Debug, Clone)]
pub enum SearchCommand {
    /// The words in the search box changed.
    SetText(String, SearchTiming),
    /// Add a picture, file or item to the query.
    AddPart(QueryPart),
    /// Remove a part.
    RemovePart(usize),
    /// Which hits are wanted.
    SetFilter(Filter),
    /// The same as a step of a gesture: all of its steps are undone together.
    AdjustFilter(Filter),
    /// The gesture has ended.
    FinishFilter,
    /// Only items whose file name contains this; empty: any.
    SetName(String),
    /// Balanced or raw cosine.
    SetScoring(Scoring),
    /// Search with a file from outside the collection, and show its closest labels.
    WithFile(PathBuf),
    /// Search with a picture from the clipboard.
    WithPicture(Arc<egui::ColorImage>),
    /// Put the focus on the first hit.
    FocusFirstHit,
}

/// When a search starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchTiming {
    /// Shortly after the last key.
    Delayed,
    /// At once.
    Now,
}

fn with_filter(state: &State) -> Option<&'static str> {
    unless(!state.library().query.filter.is_empty(), "No filter is set")
}

fn with_query(state: &State) -> Option<&'static str> {
    unless(!state.library().query.is_empty(), "The search is already empty")
}
