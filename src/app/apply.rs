//! The one place that carries out what the user asked for.

use super::history::EditKind;
use super::receive::notice;
use super::window::App;
use crate::context::command::SearchTiming;
use crate::context::{CentralView, Command, Dialog, MapTool, PathPurpose, SystemCommand, ThemeChoice, UiCommand};
use vicinity_core::{Filter, LayoutMethod, QueryPart, Stage};
use vicinity_engine::{Job, Severity};

impl App {
    /// Carries out everything asked for in this frame.
    pub(super) fn apply_commands(&mut self) {
        let commands = self.commands.drain();
        if commands.is_empty() {
            return;
        }
        for command in commands {
            match command {
                Command::Ui(command) => self.ui_command(command),
                Command::System(command) => self.system_command(command),
            }
            self.state.view.can_undo = self.history.can();
        }
        // What was drawn shows the state before.
        self.ctx.request_repaint();
    }

    /// What the pointer rests on in a list is shown on the map; the map says itself what it rests on there.
    pub(super) fn follow_pointer(&mut self) {
        let pointed_at = self.commands.take_pointed_at();
        if pointed_at != self.pointed_at {
            self.pointed_at = pointed_at;
            self.state.library_mut().hover = pointed_at;
            self.ctx.request_repaint();
        }
    }

    /// Fetches thumbnails of what this frame showed.
    pub(super) fn request_thumbnails(&mut self) {
        let (shown, soon) = (self.commands.drain_shown(), self.commands.drain_soon());
        let now = self.now();
        if let Some(wanted) = self.textures.shown(&shown, &soon, &self.state.library().thumbnails, now) {
            self.submit(Job::Thumbnails(wanted));
        }
    }

    /// Notes the state before a change, for undo.
    pub(super) fn record_step(&mut self) {
        let now = self.now();
        self.history.record(&self.state, EditKind::Step, now);
    }

    fn ui_command(&mut self, command: UiCommand) {
        if let Some(why) = command.unavailable(&self.state) {
            return notice(self, Severity::Info, why);
        }
        match command {
            UiCommand::OpenFolder => self.dialog(PathPurpose::AddFolders),
            UiCommand::OpenFiles => self.dialog(PathPurpose::AddFiles),
            UiCommand::OpenPath => self.ask_for_path(PathPurpose::AddFolders),
            UiCommand::ChooseLibrary => self.dialog(PathPurpose::OpenLibrary),
            UiCommand::CloseLibrary => self.close_library(),
            UiCommand::OpenSample => self.open_sample(),
            UiCommand::FocusSearch => self.state.view.focus_search += 1,
            UiCommand::FindByName => {
                self.system_command(SystemCommand::SetCentre(CentralView::Gallery));
                self.state.view.focus_find += 1;
            }
            UiCommand::PasteQuery => self.ctx.send_viewport_cmd(egui::ViewportCommand::RequestPaste),
            UiCommand::SearchBySelection => self.search_by_selection(),
            UiCommand::ClearSearch => self.clear_search(),
            UiCommand::Palette => self.show_dialog(Dialog::Palette, !self.state.is_dialog_open(Dialog::Palette)),
            UiCommand::Shortcuts => self.show_dialog(Dialog::Shortcuts, !self.state.is_dialog_open(Dialog::Shortcuts)),
            UiCommand::ShowFailures => self.show_dialog(Dialog::Failures, !self.state.is_dialog_open(Dialog::Failures)),
            UiCommand::ImportSettings => self.import_settings(),
            UiCommand::Settings => self.settings_dialog(),
            UiCommand::UnloadModel => self.submit(Job::UnloadModel),
            UiCommand::Models => self.show_dialog(Dialog::Models, !self.state.is_dialog_open(Dialog::Models)),
            UiCommand::Services => self.services_dialog(),
            UiCommand::About => self.show_dialog(Dialog::About, !self.state.is_dialog_open(Dialog::About)),
            UiCommand::EditLabels => self.show_dialog(Dialog::Labels, !self.state.is_dialog_open(Dialog::Labels)),
            UiCommand::ShowMap => self.system_command(SystemCommand::SetCentre(CentralView::Map)),
            UiCommand::ShowGallery => self.system_command(SystemCommand::SetCentre(CentralView::Gallery)),
            UiCommand::ToggleLeft => self.state.preferences.left_open = !self.state.preferences.left_open,
            UiCommand::ToggleRight => self.state.set_right_open(!self.state.right_open()),
            UiCommand::FitMap | UiCommand::ZoomIn | UiCommand::ZoomOut => self.shell.map_command(command),
            UiCommand::ToggleLasso => {
                let lasso = self.state.library().map_tool == MapTool::Lasso;
                self.state.library_mut().map_tool = if lasso { MapTool::Pan } else { MapTool::Lasso };
            }
            UiCommand::SelectAll => self.select_all(),
            UiCommand::StepBack => self.step_back(),
            UiCommand::Undo => self.undo_or_redo(true),
            UiCommand::Redo => self.undo_or_redo(false),
            UiCommand::PauseOrResume => match self.state.library().progress.stage {
                Stage::Idle => {}
                Stage::Paused => self.submit(Job::Resume),
                Stage::Scanning | Stage::Embedding => self.submit(Job::Pause),
            },
            UiCommand::CancelImport => self.submit(Job::Cancel),
            UiCommand::Rescan => self.submit(Job::Rescan),
            UiCommand::RetryFailed => self.submit(Job::Retry(Vec::new())),
            UiCommand::Reveal => {
                if let Some(id) = self.state.library().selection.focus() {
                    self.reveal_item(id);
                }
            }
            UiCommand::CopyPath => self.copy_paths(&self.state.library().selection.items.clone()),
            UiCommand::ApplyLabels => self.apply_labels(),
            UiCommand::ProjectAgain => self.submit(Job::ComputeLayout(LayoutMethod::Umap)),
            UiCommand::CycleTheme => {
                let next = match self.state.theme() {
                    ThemeChoice::System => ThemeChoice::Light,
                    ThemeChoice::Light => ThemeChoice::Dark,
                    ThemeChoice::Dark => ThemeChoice::System,
                };
                self.state.set_theme(next);
                let name = ["Theme: follow system", "Theme: light", "Theme: dark"][next as usize];
                notice(self, Severity::Info, name);
                self.save_preferences();
            }
            UiCommand::Export => self.dialog(PathPurpose::Export),
            UiCommand::Quit => self.ctx.send_viewport_cmd(egui::ViewportCommand::Close),
        }
    }

    pub(super) fn system_command(&mut self, command: SystemCommand) {
        let now = self.now();
        match command {
            SystemCommand::Add(paths) => self.add(paths),
            SystemCommand::RemoveRoot(path) => {
                if self.state.library().query.filter.folder.as_ref().is_some_and(|f| f.starts_with(&path)) {
                    self.state.library_mut().query.filter.folder = None;
                }
                self.submit(Job::Remove(path));
            }
            SystemCommand::OpenLibrary(path) => self.open_library(path, Vec::new()),
            SystemCommand::UseModel(model) => self.use_model(model),
            SystemCommand::SetDimensions(dim) => self.submit(Job::SetDimensions(dim)),
            SystemCommand::SetRunning(wishes) => self.set_running(wishes),
            SystemCommand::ChooseModelFolder => self.dialog(PathPurpose::Model),
            SystemCommand::AllowUpdates(allowed) => self.allow_updates(allowed),
            SystemCommand::ShowReleases => self.show_releases(),
            SystemCommand::Model(command) => self.model_command(command),
            SystemCommand::FirstChoice(choice) => self.first_choice(choice),
            SystemCommand::Service(command) => self.service_command(command),
            SystemCommand::SetQueryText(text, immediacy) => {
                if text != self.state.library().query.text {
                    self.history.record(&self.state, EditKind::Typing, now);
                    self.state.library_mut().query.text = text;
                    self.query_changed();
                }
                match immediacy {
                    SearchTiming::Delayed => self.search_soon(),
                    SearchTiming::Now => self.search_now(),
                }
            }
            SystemCommand::AddQueryPart(part) => {
                self.record_step();
                self.add_query_part(part);
            }
            SystemCommand::RemoveQueryPart(index) => {
                if index < self.state.library().query.chips.len() {
                    self.record_step();
                    self.state.library_mut().query.chips.remove(index);
                    self.query_changed();
                    self.search_now();
                }
            }
            SystemCommand::SetFilter(filter) => {
                if filter != self.state.library().query.filter {
                    self.record_step();
                    let library = self.state.library_mut();
                    let before = std::mem::replace(&mut library.query.filter, filter);
                    // Matches are counted for both modalities, so choosing one leaves the counts as they are.
                    if before != (Filter { modality: before.modality, ..library.query.filter.clone() }) {
                        library.query.matches = None;
                    }
                    library.gallery.pinned = None;
                    self.search_now();
                }
            }
            SystemCommand::FindByName(typed) => {
                self.history.record(&self.state, EditKind::Typing, now);
                self.find_by_name(&typed);
            }
            SystemCommand::SetSort(sort) => {
                self.state.preferences.gallery_sort = sort;
                self.save_preferences();
            }
            SystemCommand::ListSelection => {
                self.system_command(SystemCommand::SetCentre(CentralView::Gallery));
                self.pin_selection();
            }
            SystemCommand::Unpin => self.state.library_mut().gallery.pinned = None,
            SystemCommand::SetScoring(scoring) => {
                self.record_step();
                self.state.library_mut().query.scoring = scoring;
                self.state.library_mut().query.matches = None;
                self.search_now();
            }
            SystemCommand::Select(items) => {
                if items != self.state.library().selection.items {
                    self.record_step();
                    self.select(items);
                    // Several at once come from elsewhere (a label, the map): the gallery lists them.
                    if self.state.preferences.central_view == CentralView::Gallery
                        && self.state.library().selection.items.len() > 1
                    {
                        self.pin_selection();
                    }
                }
                self.show_item_tab();
            }
            SystemCommand::SelectLabelled(label) => {
                let library = self.state.library();
                let Some(visible) = &library.visible else { return };
                let items = library.labels.applied.visible_items(label, visible);
                self.system_command(SystemCommand::Select(items));
            }
            SystemCommand::FocusHit(id) => {
                if self.state.library().selection.items != [id] {
                    self.record_step();
                    self.select(vec![id]);
                }
            }
            SystemCommand::ToggleSelected(id) => {
                self.record_step();
                let mut items = self.state.library().selection.items.clone();
                if self.state.library().selection.set.contains(&id) {
                    items.retain(|i| *i != id);
                } else {
                    items.insert(0, id);
                }
                self.select(items);
                if self.state.library().selection.items.len() > 1 {
                    self.show_item_tab();
                }
            }
            SystemCommand::Hover(id) => self.state.library_mut().hover = id,
            SystemCommand::AskWithFile(path) => {
                self.record_step();
                if !self.state.has_library() {
                    return self.add(vec![path]);
                }
                self.select(Vec::new());
                self.state.library_mut().query.text.clear();
                self.add_query_part(QueryPart::File(path));
            }
            SystemCommand::SetLabels(set) => self.set_labels(set),
            SystemCommand::LoadLabels => self.dialog(PathPurpose::LoadLabels),
            SystemCommand::SetColourBy(colour_by) => self.state.preferences.colour_by = colour_by,
            SystemCommand::SetFilterDisplay(display) => {
                self.state.preferences.filter_display = display;
                self.save_preferences();
            }
            SystemCommand::FitFilter => self.shell.fit_filter(),
            SystemCommand::TypedPath(purpose, typed) => self.check_path(purpose, typed),
            SystemCommand::ToggleLegend(entry) => {
                if !self.state.library_mut().hidden_legend.remove(&entry) {
                    self.state.library_mut().hidden_legend.insert(entry);
                }
            }
            SystemCommand::SetMapTool(tool) => self.state.library_mut().map_tool = tool,
            SystemCommand::SetCentre(centre) => {
                // A selection that was made elsewhere is what the gallery is opened for.
                if centre == CentralView::Gallery && self.state.preferences.central_view != centre {
                    self.pin_selection();
                }
                self.state.preferences.central_view = centre;
                self.state.library_mut().preview = None;
                self.save_preferences();
            }
            SystemCommand::SetRightTab(tab) => self.state.library_mut().right_tab = tab,
            SystemCommand::SetTheme(theme) => {
                self.state.set_theme(theme);
                self.save_preferences();
            }
            SystemCommand::Retry(paths) => self.submit(Job::Retry(paths)),
            SystemCommand::SetImport(options) => {
                self.state.library_mut().import = Some(options.clone());
                self.submit(Job::SetImport(options));
                self.submit(Job::Rescan);
            }
            SystemCommand::WantThumbnails(items) => items.into_iter().for_each(|id| self.commands.thumbnail_shown(id)),
            SystemCommand::OpenPreview(id) => {
                self.state.library_mut().preview = Some(id);
                // One of several that are selected is looked at without dropping the others.
                if !self.state.library().selection.set.contains(&id) {
                    self.select(vec![id]);
                }
                self.request_preview(id);
            }
            SystemCommand::CancelProjection => self.submit(Job::CancelLayout),
            SystemCommand::ClosePreview => self.state.library_mut().preview = None,
            SystemCommand::Float(window, open) => self.show_dialog(window, open),
            SystemCommand::FocusFirstHit => self.focus_first_hit(),
            SystemCommand::SetGalleryHeight(height) => self.state.preferences.gallery_height = height,
            SystemCommand::SetNarrow(narrow) => {
                self.state.view.narrow = narrow;
                self.state.view.drawer_open = false;
            }
            SystemCommand::HoldDrop(paths) => self.state.library_mut().dropped = paths,
            SystemCommand::PastePicture(image) => self.paste(image),
            SystemCommand::DecideDrop(target) => self.decide_drop(target),
            SystemCommand::RevealItem(id) => self.reveal_item(id),
            SystemCommand::RevealPath(path) => self.reveal(path),
            SystemCommand::CopyItemPath(id) => self.copy_paths(&[id]),
            SystemCommand::CopyText(text) => {
                self.ctx.copy_text(text);
                notice(self, Severity::Info, "Copied");
            }
        }
    }
}
