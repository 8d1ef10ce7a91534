//! Commands about the window: what is shown, panels, dialogs, theme, undo.

use egui::Key;

use super::{actions, alt, always, command, command_shift, plain, unless, with_library};
use crate::context::listing::Sort;
use crate::context::{CentralView, Dialog, FilterControl, RightTab, State, ThemeChoice};

actions! {
    /// Actions on the window.
    ViewAction {
        /// Show the map.
        ShowMap("Map", "All items as points; similar items are close together", [plain(Key::Num1)], with_library);
        /// Show the gallery.
        ShowGallery("Gallery", "All items as a grid of thumbnails", [plain(Key::Num2)], with_library);
        /// Show the map and the gallery.
        ShowSplit("Split", "The map and the gallery beside each other", [plain(Key::Num3)], with_library);
        /// Show a scatter plot along two axes.
        ShowAxes("Axes", "All items as points between opposites, or by date or number", [plain(Key::Num4)], with_library);
        /// Show items over time.
        ToggleTimeline("Timeline", "Show or hide items over time", [plain(Key::T)], with_library);
        /// Move a window of time through the collection.
        PlayTimeline("Play timeline", "Play or pause: a window of time moves through the collection", [], with_library);
        /// Heights of the bars of histograms.
        ToggleLogScale("Logarithmic histograms", "Make small bars of histograms visible beside large ones", [], always);
        /// Hide or show the left panel.
        ToggleLeft("Collection panel", "Show or hide the left panel", [plain(Key::OpenBracket)], always);
        /// Hide or show the right panel.
        ToggleRight("Results panel", "Show or hide the right panel", [plain(Key::CloseBracket)], always);
        /// One step back: close what is open, then clear the selection, then the query.
        Back("Back", "Close what is open, then clear the selection, then the search", [plain(Key::Escape)], always);
        /// Back to the view, filter and search before.
        GoBack("Go back", "Back to the previous view, filter or search", [alt(Key::ArrowLeft)], with_past);
        /// Forward again.
        GoForward("Go forward", "Forward to the next view, filter or search", [alt(Key::ArrowRight)], with_future);
        /// Undo the last change of selection, search, filter, colours, groups or labels.
        Undo("Undo", "Undo the last change of selection, search, filter, colours, groups or labels", [command(Key::Z)], undoable);
        /// Redo.
        Redo("Redo", "Redo what was undone", [command_shift(Key::Z), command(Key::Y)], redoable);
        /// Light, dark, system in turn.
        CycleTheme("Change theme", "Light, dark or follow system", [], always);
        /// List the keys.
        Shortcuts("Keyboard shortcuts", "List all keys", [plain(Key::F1), plain(Key::Questionmark)], always);
        /// Show the command palette.
        Palette("All commands", "Find any command by name", [command(Key::K), plain(Key::P)], always);
        /// Version, and the licences of everything inside.
        About("About Vicinity", "Version and licences", [], always);
        /// Close the window.
        Quit("Quit", "Close Vicinity", [command(Key::Q)], always);
    }
}

/// Commands about the window that have a payload.
#[derive(Debug, Clone)]
pub enum ViewCommand {
    /// What the centre shows.
    SetCentral(CentralView),
    /// What the right panel shows.
    SetRightTab(RightTab),
    /// Theme.
    SetTheme(ThemeChoice),
    /// Open or close a dialog.
    ShowDialog(Dialog, bool),
    /// The gallery's order.
    SetSort(Sort),
    /// The gallery is ordered by a column of tables, in the usual direction or the other.
    SortByColumn {
        /// Its name.
        column: String,
        /// Whether the usual direction is turned round.
        reversed: bool,
    },
    /// The gallery lists the selection.
    ListSelection,
    /// The gallery lists everything again, no more a selection.
    Unpin,
    /// Height of the rows of the gallery, points.
    SetGalleryHeight(f32),
    /// The map's share of the split view.
    SetSplitShare(f32),
    /// Lead to the control of a criterion of the filter.
    ShowFilter(FilterControl),
    /// The timeline no longer plays.
    StopTimeline,
    /// The window is narrow: the right panel is a drawer, and starts closed.
    SetNarrow(bool),
}

fn with_past(state: &State) -> Option<&'static str> {
    unless(state.view.can_go[0], "There is no previous view")
}

fn with_future(state: &State) -> Option<&'static str> {
    unless(state.view.can_go[1], "There is no next view")
}

fn undoable(state: &State) -> Option<&'static str> {
    unless(state.view.can_undo[0], "Nothing to undo")
}

fn redoable(state: &State) -> Option<&'static str> {
    unless(state.view.can_undo[1], "Nothing to redo")
}
