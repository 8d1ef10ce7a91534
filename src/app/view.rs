//! The window's commands: what is shown, panels, dialogs, theme, undo.

use std::sync::Arc;

use super::asked_query::AskedQuery;
use super::textures;
use super::window::App;
use crate::context::commands::{SearchAction, ViewAction, ViewCommand};
use crate::context::listing::{Sort, SortKey};
use crate::context::{CentralView, Dialog, FilterControl, MapTool, RightTab, ThemeChoice};
use vicinity_core::{Filter, QueryPart};
use vicinity_engine::Severity;

impl App {
    pub(super) fn view_action(&mut self, action: ViewAction) {
        match action {
            ViewAction::ShowMap => self.set_central_view(CentralView::Map),
            ViewAction::ShowGallery => self.set_central_view(CentralView::Gallery),
            ViewAction::ShowSplit => self.set_central_view(CentralView::Split),
            ViewAction::ShowAxes => self.set_central_view(CentralView::Axes),
            ViewAction::ToggleTimeline => self.toggle_timeline(),
            ViewAction::PlayTimeline => self.play_timeline(),
            ViewAction::ToggleLogScale => {
                self.state.preferences.log_histograms = !self.state.preferences.log_histograms;
                self.save_preferences();
            }
            ViewAction::ToggleLeft => self.state.preferences.left_open = !self.state.preferences.left_open,
            ViewAction::ToggleRight => self.state.set_right_open(!self.state.right_open()),
            ViewAction::Back => self.step_back(),
            ViewAction::GoBack => self.go(true),
            ViewAction::GoForward => self.go(false),
            ViewAction::Undo => self.undo_or_redo(true),
            ViewAction::Redo => self.undo_or_redo(false),
            ViewAction::CycleTheme => self.cycle_theme(),
            ViewAction::Shortcuts => self.toggle_dialog(Dialog::Shortcuts),
            ViewAction::Palette => self.toggle_dialog(Dialog::Palette),
            ViewAction::About => self.toggle_dialog(Dialog::About),
            ViewAction::Quit => self.ctx.send_viewport_cmd(egui::ViewportCommand::Close),
        }
    }

    pub(super) fn view_command(&mut self, command: ViewCommand) {
        match command {
            ViewCommand::SetCentral(view) => self.set_central_view(view),
            ViewCommand::SetRightTab(tab) => self.state.library_mut().right_tab = tab,
            ViewCommand::SetTheme(theme) => {
                self.state.set_theme(theme);
                self.save_preferences();
            }
            ViewCommand::ShowDialog(dialog, open) => self.show_dialog(dialog, open),
            ViewCommand::SetSort(sort) => {
                self.state.preferences.gallery_sort = sort;
                self.save_preferences();
            }
            ViewCommand::SortByColumn { column, reversed } => {
                self.state.preferences.gallery_sort = Sort { key: SortKey::Column, reversed };
                self.state.preferences.sort_column = column;
                self.save_preferences();
            }
            ViewCommand::ListSelection => {
                self.record_step();
                self.show_gallery();
                self.pin_selection();
            }
            ViewCommand::Unpin => {
                self.record_step();
                self.state.library_mut().gallery.pinned = None;
            }
            ViewCommand::SetGalleryHeight(height) => self.state.preferences.gallery_height = height,
            ViewCommand::SetSplitShare(share) => {
                self.state.preferences.set_split_share(share);
                self.save_preferences();
            }
            ViewCommand::ShowFilter(control) => self.show_filter_control(control),
            ViewCommand::StopTimeline => self.stop_timeline(),
            ViewCommand::SetNarrow(narrow) => {
                self.state.view.narrow = narrow;
                self.state.view.drawer_open = false;
            }
        }
    }

    pub(super) fn set_central_view(&mut self, view: CentralView) {
        // A selection that was made elsewhere is what the gallery is opened for.
        if view.shows_gallery() && !self.state.preferences.central_view.shows_gallery() {
            self.pin_selection();
        }
        self.state.preferences.central_view = view;
        self.state.library_mut().preview = None;
        self.save_preferences();
    }

    /// Shows the gallery, alone unless it is beside the map already.
    pub(super) fn show_gallery(&mut self) {
        if !self.state.preferences.central_view.shows_gallery() {
            self.set_central_view(CentralView::Gallery);
        }
    }

    /// The gallery beside the map lists a selection made there until another one is made.
    pub(super) fn follow_selection(&mut self) {
        let library = self.state.library_mut();
        let listed = |id| library.gallery.pinned.as_ref().is_some_and(|pinned| pinned.set.contains(&id));
        match library.selection.focus() {
            Some(id) if listed(id) => {}
            Some(_) if library.gallery.pinned.is_some() => self.pin_selection(),
            Some(_) => {}
            None => library.gallery.pinned = None,
        }
    }

    /// The gallery lists the selection, where that is more than one item.
    pub(super) fn pin_selection(&mut self) {
        let library = self.state.library_mut();
        library.gallery.pinned = (library.selection.items.len() > 1).then(|| Arc::clone(&library.selection));
    }

    fn toggle_timeline(&mut self) {
        let open = !self.state.preferences.timeline_open;
        self.state.preferences.timeline_open = open;
        self.stop_timeline();
        self.save_preferences();
    }

    fn stop_timeline(&mut self) {
        if std::mem::take(&mut self.state.view.timeline_playing) {
            self.finish_filter();
        }
    }

    fn play_timeline(&mut self) {
        if self.state.view.timeline_playing {
            self.stop_timeline();
        } else {
            self.state.view.timeline_playing = true;
            self.state.preferences.timeline_open = true;
        }
    }

    /// The control of a criterion, wherever it is.
    fn show_filter_control(&mut self, control: FilterControl) {
        if control == FilterControl::Name {
            return self.search_action(SearchAction::FindByName);
        }
        self.state.preferences.left_open = true;
        let next = self.state.view.filter_request.as_ref().map_or(1, |(at, _)| at + 1);
        self.state.view.filter_request = Some((next, control));
    }

    fn cycle_theme(&mut self) {
        let (next, name) = match self.state.theme() {
            ThemeChoice::System => (ThemeChoice::Light, "Theme: light"),
            ThemeChoice::Light => (ThemeChoice::Dark, "Theme: dark"),
            ThemeChoice::Dark => (ThemeChoice::System, "Theme: follow system"),
        };
        self.state.set_theme(next);
        self.notice(Severity::Info, name);
        self.save_preferences();
    }

    pub(super) fn show_dialog(&mut self, dialog: Dialog, open: bool) {
        self.state.view.dialogs.retain(|other| *other != dialog);
        if dialog == Dialog::Path && !open {
            self.state.view.path_request = None;
        }
        if open {
            self.state.view.dialogs.push(dialog);
        }
    }

    pub(super) fn toggle_dialog(&mut self, dialog: Dialog) {
        self.show_dialog(dialog, !self.state.is_dialog_open(dialog));
    }

    /// One thing at a time, the topmost first: what is open, then the selection, the query, the filter.
    fn step_back(&mut self) {
        let library = self.state.library_mut();
        if !library.dropped.is_empty() {
            return library.dropped.clear();
        }
        if let Some(dialog) = self.state.view.dialogs.last() {
            return self.show_dialog(*dialog, false);
        }
        let library = self.state.library_mut();
        if library.groups.renamed.take().is_some() || library.preview.take().is_some() {
        } else if library.map_tool != MapTool::Pan {
            self.set_tool(MapTool::Pan);
        } else if self.state.view.narrow && self.state.view.drawer_open {
            self.state.view.drawer_open = false;
        } else if !self.state.library().selection.items.is_empty() {
            self.record_step();
            self.select(Vec::new());
            self.state.library_mut().right_tab = RightTab::Results;
        } else if self.state.library().gallery.pinned.is_some() {
            self.record_step();
            self.state.library_mut().gallery.pinned = None;
        } else if !self.state.library().query.is_empty() {
            self.clear_search();
        } else {
            self.set_filter(Filter::default());
        }
    }

    fn undo_or_redo(&mut self, undo: bool) {
        let set = self.state.preferences.label_set.clone();
        let names = Arc::clone(&self.state.library().cluster_state.names);
        let clusters = self.state.library().clusters.clone();
        self.search.adjusting = false;
        let library = self.state.library();
        let (applied, groups) = (Arc::clone(&library.labels.applied), Arc::clone(&library.groups.all));
        let query = AskedQuery::of(&library.query);
        let changed = if undo { self.history.undo(&mut self.state) } else { self.history.redo(&mut self.state) };
        if changed {
            if !Arc::ptr_eq(&groups, &self.state.library().groups.all) {
                self.store_groups();
            }
            if !query.is(&self.state.library().query) {
                self.query_restored();
            }
            self.inspect();
            if set != self.state.preferences.label_set {
                self.labels_changed();
            }
            if !Arc::ptr_eq(&applied, &self.state.library().labels.applied) {
                self.store_all_labels();
            }
            if !Arc::ptr_eq(&names, &self.state.library().cluster_state.names) {
                self.store_cluster_names();
                let now = self.state.library().clusters.as_ref();
                if clusters.zip(now).is_some_and(|(before, now)| Arc::ptr_eq(&before, now)) {
                    self.bind_cluster_names();
                }
            }
            self.save_preferences();
        }
    }

    /// Undo or "Go back" has restored another query.
    pub(super) fn query_restored(&mut self) {
        self.state.library_mut().query.matches = None;
        self.search_now();
        self.refresh_chips();
    }

    /// Chips that an undo or another graphics device has left without a picture or labels.
    pub(super) fn refresh_chips(&mut self) {
        let mut files = Vec::new();
        for chip in self.state.library_mut().query.chips.iter_mut().filter(|chip| chip.texture.is_none()) {
            match &chip.part {
                QueryPart::File(path) => files.push(path.clone()),
                QueryPart::Picture(picture) => chip.texture = Some(textures::load(&self.ctx, "question", picture)),
                QueryPart::Text(_) | QueryPart::Item(_) | QueryPart::Items(_) => {}
            }
        }
        files.into_iter().for_each(|path| self.load_chip_picture(path));
        self.request_query_labels();
    }
}
