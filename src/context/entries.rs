//! Name, explanation and keys of every command: menus, buttons, the palette and the keyboard all read them here.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::state::State;
use super::{CentralView, UiCommand};
use vicinity_core::Stage;
use vicinity_engine::ModelState;

/// What the user reads about a command.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Sentence case; `…` where it asks for more.
    pub text: &'static str,
    /// One line more.
    pub tooltip: &'static str,
    /// All keys that send it, the one to show first.
    pub keys: &'static [KeyboardShortcut],
}

const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

const fn command(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn command_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}

impl UiCommand {
    /// All of them, in the order of the palette.
    pub const ALL: [Self; 44] = [
        Self::FocusSearch,
        Self::FindByName,
        Self::OpenFolder,
        Self::OpenFiles,
        Self::OpenSample,
        Self::OpenPath,
        Self::ChooseLibrary,
        Self::CloseLibrary,
        Self::PasteQuery,
        Self::SearchBySelection,
        Self::ClearSearch,
        Self::ShowMap,
        Self::ShowGallery,
        Self::ToggleLeft,
        Self::ToggleRight,
        Self::FitMap,
        Self::ZoomIn,
        Self::ZoomOut,
        Self::ToggleLasso,
        Self::SelectAll,
        Self::StepBack,
        Self::Undo,
        Self::Redo,
        Self::PauseOrResume,
        Self::CancelImport,
        Self::Rescan,
        Self::RetryFailed,
        Self::ShowFailures,
        Self::Reveal,
        Self::CopyPath,
        Self::ApplyLabels,
        Self::EditLabels,
        Self::ProjectAgain,
        Self::CycleTheme,
        Self::ImportSettings,
        Self::Settings,
        Self::UnloadModel,
        Self::Models,
        Self::Services,
        Self::Export,
        Self::Shortcuts,
        Self::Palette,
        Self::About,
        Self::Quit,
    ];

    /// What the user reads about it.
    pub const fn entry(self) -> Entry {
        let (text, tooltip, keys): (_, _, &'static [KeyboardShortcut]) = match self {
            Self::OpenFolder => ("Open folder…", "Add a folder with all its subfolders", const { &[command(Key::O)] }),
            Self::OpenFiles => ("Add files…", "Add individual images and texts", const { &[command_shift(Key::O)] }),
            Self::OpenPath => ("Open by path…", "Type or paste the path of a folder or file to add", &[]),
            Self::ChooseLibrary => ("Open library…", "Open an existing library folder", &[]),
            Self::CloseLibrary => ("Close library", "Return to the start screen; the library is kept", &[]),
            Self::OpenSample => ("Open sample collection", "A small collection to try out", &[]),
            Self::FocusSearch => (
                "Search",
                "Type what you are looking for",
                const { &[plain(Key::V), plain(Key::Slash), command(Key::F)] },
            ),
            Self::FindByName => (
                "Find by file name",
                "Show only files whose name contains the text you type",
                const { &[command_shift(Key::F)] },
            ),
            Self::PasteQuery => ("Search from clipboard", "Search with the image or text you copied", &[]),
            Self::SearchBySelection => {
                ("Find similar", "Find items similar to the selection", const { &[plain(Key::S)] })
            }
            Self::ClearSearch => ("Clear search", "Remove everything from the search box", &[]),
            Self::Palette => ("All commands", "Find any command by name", const { &[command(Key::K), plain(Key::P)] }),
            Self::ShowMap => {
                ("Map", "All items as points; similar items are close together", const { &[plain(Key::Num1)] })
            }
            Self::ShowGallery => ("Gallery", "All items as a grid of thumbnails", const { &[plain(Key::Num2)] }),
            Self::ToggleLeft => {
                ("Collection panel", "Show or hide the left panel", const { &[plain(Key::OpenBracket)] })
            }
            Self::ToggleRight => {
                ("Results panel", "Show or hide the right panel", const { &[plain(Key::CloseBracket)] })
            }
            Self::FitMap => ("Fit map", "Show all points", const { &[plain(Key::F), plain(Key::Num0)] }),
            Self::ZoomIn => ("Zoom in", "Enlarge the map", const { &[plain(Key::Plus), plain(Key::Equals)] }),
            Self::ZoomOut => ("Zoom out", "Shrink the map", const { &[plain(Key::Minus)] }),
            Self::ToggleLasso => ("Lasso", "Select by drawing around points", const { &[plain(Key::L)] }),
            Self::SelectAll => ("Select all", "Select all items shown", const { &[command(Key::A)] }),
            Self::StepBack => (
                "Back",
                "Close what is open, then clear the selection, then the search",
                const { &[plain(Key::Escape)] },
            ),
            Self::Undo => ("Undo", "Undo the last change of selection, search or labels", const { &[command(Key::Z)] }),
            Self::Redo => ("Redo", "Redo what was undone", const { &[command_shift(Key::Z), command(Key::Y)] }),
            Self::PauseOrResume => ("Pause or resume import", "Items already imported are kept", &[]),
            Self::CancelImport => ("Cancel import", "Items already imported are kept", &[]),
            Self::Rescan => ("Rescan folders", "Look for new, changed and deleted files", const { &[plain(Key::F5)] }),
            Self::RetryFailed => ("Retry all failed files", "Try again to read all unreadable files", &[]),
            Self::ShowFailures => ("Unreadable files", "Files that could not be read, and why", &[]),
            Self::Reveal => ("Show in folder", "Show the file in the file manager", const { &[command_shift(Key::R)] }),
            Self::CopyPath => ("Copy path", "Copy the paths of the selected items", const { &[command_shift(Key::C)] }),
            Self::ApplyLabels => {
                ("Auto-label selection", "Give each selected item its closest label and colour the map", &[])
            }
            Self::EditLabels => ("Edit labels…", "Edit the words that items are compared with", &[]),
            Self::ProjectAgain => ("Recompute layout", "Compute the layout of the map again", &[]),
            Self::CycleTheme => ("Change theme", "Light, dark or follow system", &[]),
            Self::ImportSettings => ("Import settings…", "Choose what to skip and how to read texts", &[]),
            Self::Settings => ("Settings…", "Device, memory and updates", &[]),
            Self::UnloadModel => ("Unload model", "Free its memory; it is reloaded when next needed", &[]),
            Self::Models => ("Models…", "Compare, download and choose models", &[]),
            Self::Services => ("Embedding services…", "Embed a library with Nomic, Gemini or your own server", &[]),
            Self::Export => ("Export vectors…", "Vectors as .npy, items as .csv", &[]),
            Self::Shortcuts => {
                ("Keyboard shortcuts", "List all keys", const { &[plain(Key::F1), plain(Key::Questionmark)] })
            }
            Self::About => ("About Vicinity", "Version and licences", &[]),
            Self::Quit => ("Quit", "Close Vicinity", const { &[command(Key::Q)] }),
        };
        Entry { text, tooltip, keys }
    }

    /// Why it cannot be done now, as a sentence for its tooltip; `None` where it can.
    pub fn unavailable(self, state: &State) -> Option<&'static str> {
        const NO_LIBRARY: &str = "Open a folder or a library first";
        const NO_SELECTION: &str = "Select an item first";
        const NO_IMPORT: &str = "No import is running";
        let unless = |possible: bool, why: &'static str| (!possible).then_some(why);
        let items = state.library().snapshot.as_ref().is_some_and(|snapshot| !snapshot.is_empty());
        let importing = state.library().progress.stage != Stage::Idle;
        match self {
            Self::CloseLibrary | Self::ShowMap | Self::ShowGallery | Self::FindByName => {
                unless(state.has_library(), NO_LIBRARY)
            }
            Self::Rescan | Self::ImportSettings => unless(state.library().import.is_some(), NO_LIBRARY),
            Self::Export | Self::SelectAll | Self::ProjectAgain if !state.has_library() => Some(NO_LIBRARY),
            Self::Export | Self::SelectAll | Self::ProjectAgain => unless(items, "The collection is empty"),
            Self::SearchBySelection | Self::Reveal | Self::CopyPath | Self::ApplyLabels => {
                unless(!state.library().selection.items.is_empty(), NO_SELECTION)
            }
            Self::ClearSearch => unless(!state.library().query.is_empty(), "The search is already empty"),
            Self::FitMap | Self::ZoomIn | Self::ZoomOut | Self::ToggleLasso => unless(
                state.library().layout.is_some() && state.preferences.central_view == CentralView::Map,
                "Show the map first",
            ),
            Self::Undo => unless(state.view.can_undo[0], "Nothing to undo"),
            Self::Redo => unless(state.view.can_undo[1], "Nothing to redo"),
            Self::PauseOrResume | Self::CancelImport => unless(importing, NO_IMPORT),
            Self::ShowFailures => unless(state.has_library(), NO_LIBRARY),
            Self::RetryFailed => unless(!state.library().failures.is_empty(), "There are no unreadable files"),
            Self::UnloadModel => match state.library().model_state {
                None | Some(ModelState::Ready { .. }) if state.has_library() => None,
                _ => Some("The model is already unloaded"),
            },
            Self::OpenFolder
            | Self::OpenFiles
            | Self::OpenPath
            | Self::ChooseLibrary
            | Self::OpenSample
            | Self::FocusSearch
            | Self::PasteQuery
            | Self::Palette
            | Self::ToggleLeft
            | Self::ToggleRight
            | Self::StepBack
            | Self::EditLabels
            | Self::CycleTheme
            | Self::Settings
            | Self::Models
            | Self::Services
            | Self::Shortcuts
            | Self::About
            | Self::Quit => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_commands_share_a_name_or_a_key() {
        let names: HashSet<_> = UiCommand::ALL.iter().map(|c| c.entry().text).collect();
        assert_eq!(names.len(), UiCommand::ALL.len());
        let keys: Vec<_> = UiCommand::ALL.iter().flat_map(|c| c.entry().keys).collect();
        for (i, a) in keys.iter().enumerate() {
            assert!(!keys[i + 1..].contains(a), "{a:?} is taken twice");
        }
    }
}
