//! The state that the window draws. Only `app` changes it.

use std::path::Path;
use std::sync::Arc;

use vicinity_core::{AxesLayout, Item, ItemId, Layout, SearchResult};
use vicinity_engine::runtime_settings::DevicePreferences;

use super::library::{LibraryState, RightTab};
use super::listing::NavigationList;
use super::preferences::{CentralView, Preferences, ThemeChoice};
use super::view::{Dialog, View};

/// Everything the window draws.
#[derive(Default)]
pub struct State {
    /// The library that is open, or being opened; `None` at the start.
    pub library: Option<LibraryState>,
    /// What is typed and reported while no library is open; it becomes part of the library that is opened next.
    pub draft: LibraryState,
    /// What the user chose for every library.
    pub preferences: Preferences,
    /// The window itself.
    pub view: View,
}

impl State {
    /// The open library; an empty one where none is open.
    pub fn library(&self) -> &LibraryState {
        self.library.as_ref().unwrap_or(&self.draft)
    }

    /// The same, to be changed.
    pub fn library_mut(&mut self) -> &mut LibraryState {
        self.library.as_mut().unwrap_or(&mut self.draft)
    }

    /// Drops everything of the open library.
    pub fn close_library(&mut self) {
        self.library = None;
        self.view.timeline_playing = false;
        self.view.filter_request = None;
        self.view.dialogs.retain(|dialog| !dialog.is_of_library());
    }

    /// Whether a library is open or being opened.
    pub fn has_library(&self) -> bool {
        self.library.is_some()
    }

    /// Whether a dialog is open.
    pub fn is_dialog_open(&self, dialog: Dialog) -> bool {
        self.view.dialogs.contains(&dialog)
    }

    /// The theme in use.
    pub fn theme(&self) -> ThemeChoice {
        self.view.overrides.theme.unwrap_or(self.preferences.theme)
    }

    /// Chooses a theme, in this run and for the next ones.
    pub fn set_theme(&mut self, theme: ThemeChoice) {
        self.preferences.theme = theme;
        self.view.overrides.theme = None;
    }

    /// How models are run.
    pub fn device_preferences(&self) -> DevicePreferences {
        self.view.overrides.devices.unwrap_or(self.preferences.devices)
    }

    /// Whether the choice of a model at the first start is still to be offered.
    pub fn first_start(&self) -> bool {
        !self.preferences.welcomed && self.preferences.recents.is_empty()
    }

    /// Whether the right panel is shown, as a panel or as a drawer.
    pub fn right_open(&self) -> bool {
        if self.view.narrow { self.view.drawer_open } else { self.preferences.right_open }
    }

    /// Shows or hides the right panel.
    pub fn set_right_open(&mut self, open: bool) {
        if self.view.narrow {
            self.view.drawer_open = open;
        } else {
            self.preferences.right_open = open;
        }
    }

    /// Whether files are being read, or about to be.
    pub fn is_reading(&self) -> bool {
        let library = self.library();
        !library.rests() || library.opening
    }

    /// What the right panel shows: beside the gallery the item, as the hits are in the centre already.
    pub fn visible_right_tab(&self) -> RightTab {
        if self.preferences.central_view.shows_gallery() { RightTab::Item } else { self.library().right_tab }
    }

    /// The axes of the scatter plot on screen; `None` in other views, and before their positions are known.
    pub fn placed_axes(&self) -> Option<&Arc<AxesLayout>> {
        let library = self.library();
        let epoch = library.snapshot.as_ref().map(|snapshot| snapshot.epoch());
        let is_shown = self.preferences.central_view == CentralView::Axes;
        library.axes.placed.as_ref().filter(|placed| is_shown && Some(placed.layout.epoch) == epoch)
    }

    /// The positions that the map shows: its own, or those along axes.
    pub fn map_layout(&self) -> Option<&Arc<Layout>> {
        self.placed_axes().map(|placed| &placed.layout).or(self.library().layout.as_ref())
    }

    /// The search result on screen.
    pub fn current_result(&self) -> Option<&Arc<SearchResult>> {
        let query = &self.library().query;
        query.result.as_ref().filter(|_| !query.is_empty())
    }

    /// The list that arrows walk through.
    pub fn navigation_list(&self) -> NavigationList<'_> {
        match self.current_result() {
            _ if self.preferences.central_view.shows_gallery() => {
                NavigationList::Gallery(&self.library().gallery.listing)
            }
            Some(result) => NavigationList::Hits(&result.hits),
            None => NavigationList::Selection(&self.library().selection.items),
        }
    }

    /// The score of an item under the search on screen.
    pub fn score_of(&self, id: ItemId) -> Option<f32> {
        let result = self.current_result()?;
        let snapshot = self.library().snapshot.as_ref().filter(|s| s.epoch() == result.epoch)?;
        result.scores.get(snapshot.row_of(id)?).copied().filter(|score| score.is_finite())
    }

    /// The added folder that contains a file.
    pub fn root_of(&self, file: &Path) -> Option<&Path> {
        let roots = self.library().snapshot.iter().flat_map(|snapshot| &snapshot.parts().roots);
        roots.map(|root| root.path.as_path()).find(|root| file.starts_with(root))
    }

    /// An item of the collection.
    pub fn item(&self, id: ItemId) -> Option<&Item> {
        self.library().snapshot.as_ref()?.get(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_before_a_library_is_open_is_seen_and_closing_leaves_nothing() {
        let mut state = State::default();
        state.library_mut().query.text.push_str("dog");
        assert_eq!(state.library().query.text, "dog");
        state.library = Some(std::mem::take(&mut state.draft));
        state.library_mut().name.push_str("Photos");
        state.view.dialogs = vec![Dialog::Models, Dialog::Failures];
        state.close_library();
        let left = state.library();
        assert!(left.query.is_empty() && left.name.is_empty() && !state.has_library());
        assert_eq!(state.view.dialogs, [Dialog::Models]);
    }

    #[test]
    fn the_drawer_of_a_narrow_window_is_no_preference() {
        let mut state = State::default();
        state.view.narrow = true;
        assert!(!state.right_open());
        state.set_right_open(true);
        state.set_right_open(false);
        state.view.narrow = false;
        assert!(state.right_open(), "as it was chosen in the wide window");
    }
}
