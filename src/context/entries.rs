//! Name, explanation and keys of every command: menus, buttons, the palette and the keyboard all read them here.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::UiCommand;

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
    pub const ALL: [Self; 43] = [
        Self::FocusSearch,
        Self::FindByName,
        Self::OpenFolder,
        Self::OpenFiles,
        Self::OpenSample,
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
