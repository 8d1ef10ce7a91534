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
            Self::OpenFolder => ("Open folder…", "Add a folder and everything below it", const { &[command(Key::O)] }),
            Self::OpenFiles => ("Add files…", "Add single pictures and texts", const { &[command_shift(Key::O)] }),
            Self::OpenPath => ("Open by path…", "Type or paste the path of a folder or file to add", &[]),
            Self::ChooseLibrary => ("Open library…", "Open a library folder made before", &[]),
            Self::CloseLibrary => ("Close library", "Back to the start; everything stays stored", &[]),
            Self::OpenSample => ("Open the sample collection", "A small collection to try things with", &[]),
            Self::FocusSearch => (
                "Search",
                "Type what you are looking for",
                const { &[plain(Key::V), plain(Key::Slash), command(Key::F)] },
            ),
            Self::FindByName => (
                "Find by file name",
                "In the gallery: only files whose name contains what you type",
                const { &[command_shift(Key::F)] },
            ),
            Self::PasteQuery => ("Search from clipboard", "The picture or text you copied", &[]),
            Self::SearchBySelection => {
                ("Find similar", "Find what is like the selected items", const { &[plain(Key::S)] })
            }
            Self::ClearSearch => ("Clear the search", "Empty the search box", &[]),
            Self::Palette => ("All commands", "Find any command by name", const { &[command(Key::K), plain(Key::P)] }),
            Self::ShowMap => {
                ("Map", "All items as points; similar items are close together", const { &[plain(Key::Num1)] })
            }
            Self::ShowGallery => ("Gallery", "Everything as pictures", const { &[plain(Key::Num2)] }),
            Self::ToggleLeft => {
                ("Collection panel", "Hide or show the left panel", const { &[plain(Key::OpenBracket)] })
            }
            Self::ToggleRight => {
                ("Results panel", "Hide or show the right panel", const { &[plain(Key::CloseBracket)] })
            }
            Self::FitMap => ("Fit the map", "Show all points", const { &[plain(Key::F), plain(Key::Num0)] }),
            Self::ZoomIn => ("Zoom in", "Closer to the map", const { &[plain(Key::Plus), plain(Key::Equals)] }),
            Self::ZoomOut => ("Zoom out", "Further from the map", const { &[plain(Key::Minus)] }),
            Self::ToggleLasso => ("Lasso", "Select by drawing around points", const { &[plain(Key::L)] }),
            Self::SelectAll => ("Select all", "Everything that is shown", const { &[command(Key::A)] }),
            Self::StepBack => {
                ("Back", "Close what is open, then deselect, then clear the search", const { &[plain(Key::Escape)] })
            }
            Self::Undo => ("Undo", "Selection, search or labels as they were before", const { &[command(Key::Z)] }),
            Self::Redo => ("Redo", "Take back an undo", const { &[command_shift(Key::Z), command(Key::Y)] }),
            Self::PauseOrResume => ("Pause or resume the import", "What is stored stays", &[]),
            Self::CancelImport => ("Cancel the import", "What is stored stays", &[]),
            Self::Rescan => ("Rescan folders", "Look for new, changed and deleted files", const { &[plain(Key::F5)] }),
            Self::RetryFailed => ("Retry all failed files", "Try everything that could not be read again", &[]),
            Self::ShowFailures => ("Could not read", "The files that could not be read, and why", &[]),
            Self::Reveal => ("Show in folder", "In the file manager", const { &[command_shift(Key::R)] }),
            Self::CopyPath => ("Copy path", "Of the selected items", const { &[command_shift(Key::C)] }),
            Self::ApplyLabels => {
                ("Auto-label selection", "Give each selected item its closest label and colour the map", &[])
            }
            Self::EditLabels => ("Edit labels…", "The words that items are compared with", &[]),
            Self::ProjectAgain => ("Recompute layout", "Compute the neighbour-preserving map again", &[]),
            Self::CycleTheme => ("Change theme", "Light, dark, follow system", &[]),
            Self::ImportSettings => ("Import settings…", "What is skipped, and how texts are read", &[]),
            Self::Settings => ("Settings…", "Which device models run on, and how long they stay in memory", &[]),
            Self::UnloadModel => ("Unload the model", "Frees its memory; reloaded when next needed", &[]),
            Self::Models => ("Models…", "Which models there are, what they are good and bad at", &[]),
            Self::Services => ("Embedding services…", "Let Nomic, Gemini or a server of yours embed a library", &[]),
            Self::Export => ("Export vectors…", "Vectors as .npy, items as .csv", &[]),
            Self::Shortcuts => {
                ("Keyboard shortcuts", "All keys on one page", const { &[plain(Key::F1), plain(Key::Questionmark)] })
            }
            Self::About => ("About Vicinity", "Version, and the licences of everything inside", &[]),
            Self::Quit => ("Quit", "Close the window", const { &[command(Key::Q)] }),
        };
        Entry { text, tooltip, keys }
    }

    /// Why it cannot be done now, as a sentence for its tooltip; `None` where it can.
    pub fn unavailable(self, state: &State) -> Option<&'static str> {
        const NO_LIBRARY: &str = "Open a folder or a library first";
        const NO_SELECTION: &str = "Select an item first";
        const NO_IMPORT: &str = "Nothing is being imported";
        let unless = |possible: bool, why: &'static str| (!possible).then_some(why);
        let items = state.snapshot.as_ref().is_some_and(|snapshot| !snapshot.is_empty());
        let importing = state.progress.stage != Stage::Idle;
        match self {
            Self::CloseLibrary | Self::ShowMap | Self::ShowGallery | Self::FindByName => {
                unless(state.has_library(), NO_LIBRARY)
            }
            Self::Rescan | Self::ImportSettings => unless(state.import.is_some(), NO_LIBRARY),
            Self::Export | Self::SelectAll | Self::ProjectAgain if !state.has_library() => Some(NO_LIBRARY),
            Self::Export | Self::SelectAll | Self::ProjectAgain => unless(items, "The collection is empty"),
            Self::SearchBySelection | Self::Reveal | Self::CopyPath | Self::ApplyLabels => {
                unless(!state.selection.items.is_empty(), NO_SELECTION)
            }
            Self::ClearSearch => unless(!state.query.is_empty(), "Nothing is searched for"),
            Self::FitMap | Self::ZoomIn | Self::ZoomOut | Self::ToggleLasso => {
                unless(state.layout.is_some() && state.central_view == CentralView::Map, "The map is not shown")
            }
            Self::Undo => unless(state.can_undo[0], "There is nothing to undo"),
            Self::Redo => unless(state.can_undo[1], "There is nothing to redo"),
            Self::PauseOrResume | Self::CancelImport => unless(importing, NO_IMPORT),
            Self::ShowFailures => unless(state.has_library(), NO_LIBRARY),
            Self::RetryFailed => unless(!state.failures.is_empty(), "Every file could be read"),
            Self::UnloadModel => match state.model_state {
                None | Some(ModelState::Ready { .. }) if state.has_library() => None,
                _ => Some("The model is not in memory"),
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
