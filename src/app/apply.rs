//! The one place that carries out what the user asked for.

use std::sync::Arc;

use super::dialogs::Purpose;
use super::history::Change;
use super::receive::notice;
use super::window::{App, Message};
use crate::context::command::{DropTarget, Immediacy};
use crate::context::{Centre, Command, Floating, MapTool, RightTab, SystemCommand, ThemeChoice, UiCommand};
use crate::domain::{ItemId, LayoutMethod, Picture, QueryPart, Stage};
use crate::engine::{Job, Severity};
use crate::ui::drop::looks_like_picture;
use crate::ui::panels::gallery::passes;

/// A pasted picture is brought to at most this many pixels a side; the model sees far fewer.
const PASTED_SIDE: usize = 1024;

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
        }
        // What was drawn shows the state before.
        self.ctx.request_repaint();
    }

    /// What the pointer rests on in a list is shown on the map; the map says itself what it rests on there.
    pub(super) fn follow_pointer(&mut self) {
        let pointed_at = self.commands.take_pointed_at();
        if pointed_at != self.pointed_at {
            self.pointed_at = pointed_at;
            self.state.hover = pointed_at;
            self.ctx.request_repaint();
        }
    }

    /// Fetches thumbnails of what this frame showed.
    pub(super) fn want_thumbnails(&mut self) {
        let shown = self.commands.drain_shown();
        let now = self.now();
        if let Some(wanted) = self.textures.shown(&shown, &self.state.thumbnails, now) {
            self.submit(Job::Thumbnails(wanted));
        }
    }

    /// Notes the state before a change, for undo.
    pub(super) fn remember_step(&mut self) {
        let now = self.now();
        self.history.record(&self.state, Change::Step, now);
    }

    fn ui_command(&mut self, command: UiCommand) {
        match command {
            UiCommand::OpenFolder => self.dialog(Purpose::AddFolders),
            UiCommand::OpenFiles => self.dialog(Purpose::AddFiles),
            UiCommand::ChooseLibrary => self.dialog(Purpose::OpenLibrary),
            UiCommand::CloseLibrary => self.close_library(),
            UiCommand::OpenSample => self.open_sample(),
            UiCommand::FocusSearch => self.state.focus_search += 1,
            UiCommand::PasteQuery => self.ctx.send_viewport_cmd(egui::ViewportCommand::RequestPaste),
            UiCommand::SearchBySelection => self.search_by_selection(),
            UiCommand::ClearSearch => self.clear_search(),
            UiCommand::Palette => self.float(Floating::Palette, !self.state.floats(Floating::Palette)),
            UiCommand::Shortcuts => self.float(Floating::Shortcuts, !self.state.floats(Floating::Shortcuts)),
            UiCommand::ShowFailures => self.float(Floating::Failures, !self.state.floats(Floating::Failures)),
            UiCommand::ImportSettings => self.import_settings(),
            UiCommand::Settings => self.settings_dialog(),
            UiCommand::UnloadModel => self.submit(Job::UnloadModel),
            UiCommand::Models => self.float(Floating::Models, !self.state.floats(Floating::Models)),
            UiCommand::Services => self.services_dialog(),
            UiCommand::About => self.float(Floating::About, !self.state.floats(Floating::About)),
            UiCommand::EditLabels => self.float(Floating::Labels, !self.state.floats(Floating::Labels)),
            UiCommand::ShowMap => self.system_command(SystemCommand::SetCentre(Centre::Map)),
            UiCommand::ShowGallery => self.system_command(SystemCommand::SetCentre(Centre::Gallery)),
            UiCommand::ToggleLeft => self.state.left_open = !self.state.left_open,
            UiCommand::ToggleRight => self.state.right_open = !self.state.right_open,
            UiCommand::FitMap | UiCommand::ZoomIn | UiCommand::ZoomOut => self.shell.map_command(command),
            UiCommand::ToggleLasso => {
                let lasso = self.state.map_tool == MapTool::Lasso;
                self.state.map_tool = if lasso { MapTool::Pan } else { MapTool::Lasso };
            }
            UiCommand::SelectAll => self.select_all(),
            UiCommand::StepBack => self.step_back(),
            UiCommand::Undo => self.undo_or_redo(true),
            UiCommand::Redo => self.undo_or_redo(false),
            UiCommand::PauseOrResume => match self.state.progress.stage {
                Stage::Idle => {}
                Stage::Paused => self.submit(Job::Resume),
                Stage::Scanning | Stage::Embedding => self.submit(Job::Pause),
            },
            UiCommand::CancelImport => self.submit(Job::Cancel),
            UiCommand::Rescan => self.submit(Job::Rescan),
            UiCommand::RetryFailed => self.submit(Job::Retry(Vec::new())),
            UiCommand::Reveal => {
                if let Some(id) = self.state.selection.focus() {
                    self.reveal_item(id);
                }
            }
            UiCommand::CopyPath => self.copy_paths(&self.state.selection.items.clone()),
            UiCommand::ApplyLabels => self.apply_labels(),
            UiCommand::ProjectAgain => self.submit(Job::Project(LayoutMethod::Umap)),
            UiCommand::CycleTheme => {
                self.state.theme = match self.state.theme {
                    ThemeChoice::System => ThemeChoice::Light,
                    ThemeChoice::Light => ThemeChoice::Dark,
                    ThemeChoice::Dark => ThemeChoice::System,
                };
                let name = ["Theme: as the system says", "Theme: light", "Theme: dark"][self.state.theme as usize];
                notice(self, Severity::Info, name);
                self.keep_settings();
            }
            UiCommand::Export => self.dialog(Purpose::Export),
            UiCommand::Quit => self.ctx.send_viewport_cmd(egui::ViewportCommand::Close),
        }
    }

    fn system_command(&mut self, command: SystemCommand) {
        let now = self.now();
        match command {
            SystemCommand::Add(paths) => self.add(paths),
            SystemCommand::RemoveRoot(path) => {
                if self.state.query.filter.folder.as_ref().is_some_and(|f| f.starts_with(&path)) {
                    self.state.query.filter.folder = None;
                }
                self.submit(Job::Remove(path));
            }
            SystemCommand::OpenLibrary(path) => self.open_library(path, Vec::new()),
            SystemCommand::UseModel(model) => self.use_model(model),
            SystemCommand::SetDimensions(dim) => self.submit(Job::SetDimensions(dim)),
            SystemCommand::SetRunning(wishes) => self.set_running(wishes),
            SystemCommand::ChooseModelFolder => self.dialog(Purpose::Model),
            SystemCommand::AllowUpdates(allowed) => self.allow_updates(allowed),
            SystemCommand::ShowReleases => self.show_releases(),
            SystemCommand::Model(errand) => self.model_errand(errand),
            SystemCommand::FirstChoice(choice) => self.first_choice(choice),
            SystemCommand::Service(errand) => self.service_errand(errand),
            SystemCommand::SetQueryText(text, immediacy) => {
                if text != self.state.query.text {
                    self.history.record(&self.state, Change::Typing, now);
                    self.state.query.text = text;
                    self.query_changed();
                }
                match immediacy {
                    Immediacy::AfterRest => self.search_soon(),
                    Immediacy::Now => self.search_now(),
                }
            }
            SystemCommand::AddQueryPart(part) => {
                self.remember_step();
                self.add_query_part(part);
            }
            SystemCommand::RemoveQueryPart(index) => {
                if index < self.state.query.chips.len() {
                    self.remember_step();
                    self.state.query.chips.remove(index);
                    self.query_changed();
                    self.search_now();
                }
            }
            SystemCommand::SetFilter(filter) => {
                if filter != self.state.query.filter {
                    self.remember_step();
                    if filter.folder != self.state.query.filter.folder {
                        self.state.query.matches = None;
                    }
                    self.state.query.filter = filter;
                    self.search_now();
                }
            }
            SystemCommand::SetScoring(scoring) => {
                self.remember_step();
                self.state.query.scoring = scoring;
                self.state.query.matches = None;
                self.search_now();
            }
            SystemCommand::Select(items) => {
                if items != self.state.selection.items {
                    self.remember_step();
                    self.select(items);
                }
                self.show_item_tab();
            }
            SystemCommand::FocusHit(id) => {
                if self.state.selection.items != [id] {
                    self.remember_step();
                    self.select(vec![id]);
                }
            }
            SystemCommand::ToggleSelected(id) => {
                self.remember_step();
                let mut items = self.state.selection.items.clone();
                if self.state.selection.set.contains(&id) {
                    items.retain(|i| *i != id);
                } else {
                    items.insert(0, id);
                }
                self.select(items);
                if self.state.selection.items.len() > 1 {
                    self.show_item_tab();
                }
            }
            SystemCommand::Hover(id) => self.state.hover = id,
            SystemCommand::AskWithFile(path) => {
                self.remember_step();
                if !self.state.is_open() {
                    return self.add(vec![path]);
                }
                self.select(Vec::new());
                self.state.query.text.clear();
                self.add_query_part(QueryPart::File(path));
            }
            SystemCommand::SetLabels(set) => self.set_labels(set),
            SystemCommand::LoadLabels => self.dialog(Purpose::LoadLabels),
            SystemCommand::SetColourBy(colour_by) => {
                // The entries of the legend mean something else now.
                self.state.legend_off.clear();
                self.state.colour_by = colour_by;
            }
            SystemCommand::ToggleLegend(entry) => {
                if !self.state.legend_off.remove(&entry) {
                    self.state.legend_off.insert(entry);
                }
            }
            SystemCommand::SetMapTool(tool) => self.state.map_tool = tool,
            SystemCommand::SetCentre(centre) => {
                self.state.centre = centre;
                self.state.preview = None;
                self.keep_settings();
            }
            SystemCommand::SetRightTab(tab) => self.state.right_tab = tab,
            SystemCommand::SetTheme(theme) => {
                self.state.theme = theme;
                self.keep_settings();
            }
            SystemCommand::Retry(paths) => self.submit(Job::Retry(paths)),
            SystemCommand::SetImport(options) => {
                self.state.import = Some(options.clone());
                self.submit(Job::SetImport(options));
                self.submit(Job::Rescan);
            }
            SystemCommand::WantThumbnails(items) => items.into_iter().for_each(|id| self.commands.thumbnail_shown(id)),
            SystemCommand::OpenPreview(id) => {
                self.state.preview = Some(id);
                if self.state.selection.focus() != Some(id) {
                    self.select(vec![id]);
                }
                self.want_preview(id);
            }
            SystemCommand::CancelProjection => self.submit(Job::CancelProjection),
            SystemCommand::ClosePreview => self.state.preview = None,
            SystemCommand::Float(window, open) => self.float(window, open),
            SystemCommand::FocusFirstHit => self.focus_first_hit(),
            SystemCommand::SetGalleryHeight(height) => self.state.gallery_height = height,
            SystemCommand::SetNarrow(narrow) => {
                if narrow {
                    self.wide_right_open = self.state.right_open;
                }
                self.state.right_open = !narrow && self.wide_right_open;
                self.state.narrow = narrow;
            }
            SystemCommand::HoldDrop(paths) => self.state.dropped = paths,
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

    pub(super) fn float(&mut self, window: Floating, open: bool) {
        self.state.floating.retain(|w| *w != window);
        if open {
            self.state.floating.push(window);
        }
    }

    fn import_settings(&mut self) {
        if self.state.import.is_some() {
            self.float(Floating::Import, !self.state.floats(Floating::Import));
        } else {
            notice(self, Severity::Info, "Import settings belong to a library: open a folder first");
        }
    }

    /// What was picked on the map or in the gallery is looked at.
    fn show_item_tab(&mut self) {
        if !self.state.selection.items.is_empty() {
            self.state.right_tab = RightTab::Item;
        }
    }

    fn search_by_selection(&mut self) {
        let items: Vec<ItemId> = self.state.selection.items.iter().copied().take(8).collect();
        if items.is_empty() {
            return notice(self, Severity::Info, "Select a picture or text first");
        }
        self.remember_step();
        self.state.query.text.clear();
        self.state.query.chips.clear();
        for id in items {
            self.add_query_part(QueryPart::Item(id));
        }
    }

    fn clear_search(&mut self) {
        self.remember_step();
        self.state.query.text.clear();
        self.state.query.chips.clear();
        self.query_changed();
        self.search_now();
    }

    /// One thing at a time: what is open, then what is selected, then what is asked, then what is filtered.
    fn step_back(&mut self) {
        let state = &mut self.state;
        if state.floating.pop().is_some() || state.preview.take().is_some() {
        } else if !state.dropped.is_empty() {
            state.dropped.clear();
        } else if state.map_tool != MapTool::Pan {
            state.map_tool = MapTool::Pan;
        } else if state.narrow && state.right_open {
            state.right_open = false;
        } else if !state.selection.items.is_empty() {
            self.remember_step();
            self.select(Vec::new());
            self.state.right_tab = RightTab::Results;
        } else if !state.query.is_empty() {
            self.clear_search();
        } else if state.query.filter != Default::default() {
            self.system_command(SystemCommand::SetFilter(Default::default()));
        }
    }

    fn undo_or_redo(&mut self, undo: bool) {
        let set = self.state.labels.set.clone();
        let changed = if undo { self.history.undo(&mut self.state) } else { self.history.redo(&mut self.state) };
        if changed {
            self.state.query.matches = None;
            self.search_now();
            self.inspect();
            if set != self.state.labels.set {
                self.labels_changed();
            }
        }
    }

    /// The hits that stand out, or all that the filter lets through.
    fn select_all(&mut self) {
        let Some(snapshot) = self.state.snapshot.clone() else { return };
        let query = &self.state.query;
        let hits = query.result.as_ref().filter(|r| !query.is_empty() && r.standing_out > 0);
        let items = match hits {
            Some(result) => result.hits.iter().take(result.standing_out).map(|h| h.item).collect(),
            None => snapshot.items().filter(|i| passes(i, &query.filter)).map(|i| i.id).collect(),
        };
        self.remember_step();
        self.select(items);
        self.show_item_tab();
    }

    fn decide_drop(&mut self, target: Option<DropTarget>) {
        let files = std::mem::take(&mut self.state.dropped);
        match target {
            Some(DropTarget::Add) => self.add(files),
            Some(DropTarget::Ask) => {
                for file in files.into_iter().filter(|f| looks_like_picture(f)).take(4) {
                    self.system_command(SystemCommand::AskWithFile(file));
                }
            }
            None => {}
        }
    }

    fn paste(&mut self, image: Arc<egui::ColorImage>) {
        let (sender, waker) = (self.inbox.0.clone(), self.waker());
        self.spawn("paste", move || {
            let message = match shrunk(&image) {
                Some(picture) => Message::Pasted(Arc::new(picture)),
                None => Message::Failed("The picture on the clipboard is empty".to_owned()),
            };
            let _ = sender.send(message);
            waker();
        });
    }

    fn reveal_item(&mut self, id: ItemId) {
        if let Some(path) = self.state.item(id).map(|i| i.path.to_path_buf()) {
            self.reveal(path);
        }
    }

    fn reveal(&self, path: std::path::PathBuf) {
        let (sender, waker) = (self.inbox.0.clone(), self.waker());
        self.spawn("reveal", move || {
            if let Err(error) = opener::reveal(&path) {
                let _ = sender.send(Message::Failed(format!("No file manager could be opened: {error}")));
                waker();
            }
        });
    }

    fn copy_paths(&mut self, items: &[ItemId]) {
        let paths: Vec<String> =
            items.iter().filter_map(|id| self.state.item(*id)).map(|i| i.path.display().to_string()).collect();
        if paths.is_empty() {
            return;
        }
        let said = if paths.len() == 1 { "Path copied".to_owned() } else { format!("{} paths copied", paths.len()) };
        self.ctx.copy_text(paths.join("\n"));
        notice(self, Severity::Info, said);
    }
}

/// The picture without transparency, halved until it is small enough.
fn shrunk(image: &egui::ColorImage) -> Option<Picture> {
    let [width, height] = image.size;
    let step = width.max(height).div_ceil(PASTED_SIDE).max(1);
    let (w, h) = (width / step, height / step);
    let mut rgb = Vec::with_capacity(w * h * 3);
    for y in 0..h {
        for x in 0..w {
            // The mean of a block, over white where it is transparent.
            let mut sum = [0u32; 3];
            for by in 0..step {
                for bx in 0..step {
                    let [r, g, b, a] = image.pixels.get((y * step + by) * width + x * step + bx)?.to_array();
                    for (channel, value) in sum.iter_mut().zip([r, g, b]) {
                        *channel += u32::from(value) + 255 - u32::from(a);
                    }
                }
            }
            rgb.extend(sum.map(|s| (s / (step * step) as u32) as u8));
        }
    }
    Picture::new(w as u32, h as u32, rgb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_picture_is_made_small_and_opaque() {
        let image = egui::ColorImage::new([2100, 1050], vec![egui::Color32::TRANSPARENT; 2100 * 1050]);
        let picture = shrunk(&image).expect("not empty");
        assert_eq!((picture.width(), picture.height()), (700, 350));
        assert!(picture.rgb().iter().all(|v| *v == 255));
    }
}
