//! What single commands do; `apply` calls them.

use std::sync::Arc;

use super::receive::notice;
use super::window::{App, Message};
use crate::context::command::DropTarget;
use crate::context::{Dialog, MapTool, RightTab, SystemCommand};
use crate::ui::file_drop::has_image_extension;
use vicinity_core::{ItemId, Picture, QueryPart};
use vicinity_engine::Severity;

/// A pasted picture is brought to at most this many pixels a side; the model sees far fewer.
const PASTED_SIDE: usize = 1024;

impl App {
    pub(super) fn show_dialog(&mut self, window: Dialog, open: bool) {
        self.state.view.dialogs.retain(|w| *w != window);
        if window == Dialog::Path && !open {
            self.state.view.path_request = None;
        }
        if open {
            self.state.view.dialogs.push(window);
        }
    }

    pub(super) fn import_settings(&mut self) {
        if self.state.library().import.is_some() {
            self.show_dialog(Dialog::Import, !self.state.is_dialog_open(Dialog::Import));
        } else {
            notice(self, Severity::Info, "Import settings belong to a library; open a folder first");
        }
    }

    /// What was picked on the map or in the gallery is looked at.
    pub(super) fn show_item_tab(&mut self) {
        if !self.state.library().selection.items.is_empty() {
            self.state.library_mut().right_tab = RightTab::Item;
        }
    }

    pub(super) fn search_by_selection(&mut self) {
        let items: Vec<ItemId> = self.state.library().selection.items.iter().copied().take(8).collect();
        if items.is_empty() {
            return notice(self, Severity::Info, "Select an item first");
        }
        self.record_step();
        self.state.library_mut().query.text.clear();
        self.state.library_mut().query.chips.clear();
        for id in items {
            self.add_query_part(QueryPart::Item(id));
        }
    }

    pub(super) fn clear_search(&mut self) {
        self.record_step();
        self.state.library_mut().query.text.clear();
        self.state.library_mut().query.chips.clear();
        self.query_changed();
        self.search_now();
    }

    /// One thing at a time, the topmost first: what is open, then what is selected, asked, filtered.
    pub(super) fn step_back(&mut self) {
        if self.state.library().dropped.is_empty()
            && let Some(window) = self.state.view.dialogs.last()
        {
            return self.show_dialog(*window, false);
        }
        let state = &mut self.state;
        if !state.library().dropped.is_empty() {
            state.library_mut().dropped.clear();
        } else if state.library_mut().preview.take().is_some() {
        } else if state.library().map_tool != MapTool::Pan {
            state.library_mut().map_tool = MapTool::Pan;
        } else if state.view.narrow && state.view.drawer_open {
            state.view.drawer_open = false;
        } else if !state.library().selection.items.is_empty() {
            self.record_step();
            self.select(Vec::new());
            self.state.library_mut().right_tab = RightTab::Results;
        } else if state.library_mut().gallery.pinned.take().is_some() {
        } else if !state.library().query.is_empty() {
            self.clear_search();
        } else if state.library().query.filter != Default::default() {
            self.system_command(SystemCommand::SetFilter(Default::default()));
        }
    }

    pub(super) fn undo_or_redo(&mut self, undo: bool) {
        let (set, applied) =
            (self.state.preferences.label_set.clone(), Arc::clone(&self.state.library().labels.applied));
        let changed = if undo { self.history.undo(&mut self.state) } else { self.history.redo(&mut self.state) };
        if changed {
            self.state.library_mut().query.matches = None;
            self.search_now();
            self.inspect();
            self.refresh_chips();
            if set != self.state.preferences.label_set {
                self.labels_changed();
            }
            if !Arc::ptr_eq(&applied, &self.state.library().labels.applied) {
                self.store_all_labels();
            }
        }
    }

    /// Chips that an undo has brought back: their pictures and labels may not be there any more.
    fn refresh_chips(&mut self) {
        let without = self.state.library().query.chips.iter().filter(|chip| chip.texture.is_none());
        let files: Vec<_> = without
            .filter_map(|c| if let QueryPart::File(path) = &c.part { Some(path.clone()) } else { None })
            .collect();
        files.into_iter().for_each(|path| self.load_chip_picture(path));
        self.request_query_labels();
    }

    /// The hits that stand out, or all that the filter lets through.
    pub(super) fn select_all(&mut self) {
        let Some(visible) = self.state.library().visible.clone() else { return };
        let query = &self.state.library().query;
        let hits = query.result.as_ref().filter(|_| !query.is_empty()).map(|r| r.matching());
        let items = match hits.filter(|hits| !hits.is_empty()) {
            Some(hits) => hits.iter().map(|h| h.item).collect(),
            None => visible.items().map(|i| i.id).collect(),
        };
        self.record_step();
        self.select(items);
        self.show_item_tab();
    }

    pub(super) fn decide_drop(&mut self, target: Option<DropTarget>) {
        let files = std::mem::take(&mut self.state.library_mut().dropped);
        match target {
            Some(DropTarget::Add) => self.add(files),
            Some(DropTarget::Ask) => {
                for file in files.into_iter().filter(|f| has_image_extension(f)).take(4) {
                    self.system_command(SystemCommand::AskWithFile(file));
                }
            }
            None => {}
        }
    }

    pub(super) fn paste(&mut self, image: Arc<egui::ColorImage>) {
        let (sender, waker) = (self.inbox.0.clone(), self.waker());
        self.spawn("paste", move || {
            let message = match shrunk(&image) {
                Some(picture) => Message::Pasted(Arc::new(picture)),
                None => Message::Failed("The image on the clipboard is empty".to_owned()),
            };
            let _ = sender.send(message);
            waker();
        });
    }

    pub(super) fn reveal_item(&mut self, id: ItemId) {
        if let Some(path) = self.state.item(id).map(|i| i.path.to_path_buf()) {
            self.reveal(path);
        }
    }

    pub(super) fn reveal(&self, path: std::path::PathBuf) {
        let (sender, waker) = (self.inbox.0.clone(), self.waker());
        self.spawn("reveal", move || {
            if let Err(error) = opener::reveal(&path) {
                let _ = sender.send(Message::Failed(format!("Could not open a file manager: {error}")));
                waker();
            }
        });
    }

    pub(super) fn copy_paths(&mut self, items: &[ItemId]) {
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
