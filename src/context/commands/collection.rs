//! Commands about the collection: its folders and files, the import, the library that holds it.

use std::path::PathBuf;

use egui::Key;
use vicinity_core::Stage;

use super::{actions, always, command, command_shift, plain, unless, with_items, with_library};
use crate::context::State;
use crate::context::view::PathPurpose;

actions! {
    /// Actions on the collection.
    CollectionAction {
        /// Choose folders to add.
        OpenFolder("Open folder…", "Add a folder with all its subfolders", [command(Key::O)], always);
        /// Choose files to add.
        AddFiles("Add files…", "Add individual images and texts", [command_shift(Key::O)], always);
        /// Open the bundled sample collection.
        OpenSample("Open sample collection", "A small collection to try out", [], always);
        /// Type the path of a folder or file to add.
        OpenPath("Open by path…", "Type or paste the path of a folder or file to add", [], always);
        /// Choose a library folder to open.
        ChooseLibrary("Open library…", "Open an existing library folder", [], always);
        /// Back to the start.
        CloseLibrary("Close library", "Return to the start screen; the library is kept", [], with_library);
        /// Pause or resume the import.
        PauseOrResume("Pause or resume import", "Items already imported are kept", [], importing);
        /// End the import.
        CancelImport("Cancel import", "Items already imported are kept", [], importing);
        /// Pause or resume reading text in pictures.
        PauseText("Pause or resume reading text", "Text that was read is kept", [], reading_text);
        /// Look at the folders again.
        Rescan("Rescan folders", "Look for new, changed and deleted files", [plain(Key::F5)], opened);
        /// Try all failed files again.
        RetryFailed("Retry all failed files", "Try again to read all unreadable files", [], with_failures);
        /// Show the list of files that could not be read.
        ShowFailures("Unreadable files", "Files that could not be read, and why", [], with_library);
        /// Import settings (excludes, rows, long texts).
        ImportSettings("Import settings…", "Choose what to skip, how to read texts, and whether to read text in pictures", [], opened);
        /// Write vectors and items to files.
        Export("Export vectors…", "Vectors as .npy, items as .csv", [], with_items);
    }
}

/// Commands about the collection that have a payload.
#[derive(Debug, Clone)]
pub enum CollectionCommand {
    /// Add folders or files.
    Add(Vec<PathBuf>),
    /// Remove an added folder.
    RemoveRoot(PathBuf),
    /// Open another library folder.
    OpenLibrary(PathBuf),
    /// Use a path that was typed by hand.
    SubmitPath(PathPurpose, String),
    /// Try these files again.
    Retry(Vec<PathBuf>),
    /// Change import options.
    SetImport(vicinity_engine::ImportOptions),
    /// Files were dropped where no target was hit: keep them until the user decides.
    HoldDrop(Vec<PathBuf>),
    /// What to do with the files that are kept; `None` forgets them.
    DecideDrop(Option<DropTarget>),
}

/// The two things that can be done with a dropped picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropTarget {
    /// Search with it: similar items and closest labels.
    Search,
    /// Add it to the collection.
    Add,
}

fn importing(state: &State) -> Option<&'static str> {
    unless(state.library().progress.stage != Stage::Idle, "No import is running")
}

fn reading_text(state: &State) -> Option<&'static str> {
    unless(state.library().text_progress.is_some(), "No text in pictures is being read")
}

/// Available once the library has been opened.
fn opened(state: &State) -> Option<&'static str> {
    unless(state.library().import.is_some(), "Open a folder or a library first")
}

fn with_failures(state: &State) -> Option<&'static str> {
    unless(!state.library().failures.is_empty(), "There are no unreadable files")
}
