//! The commands about items: selection, preview, and their files. Labels are in `labels`.

use std::sync::Arc;

use super::history::EditKind;
use super::messages::Message;
use super::window::App;
use crate::context::commands::{ItemAction, ItemCommand, PathPurpose};
use crate::context::format;
use crate::context::listing::matching_items;
use crate::context::{CentralView, Dialog, RightTab, Selection, Snapshot};
use vicinity_core::{ItemId, PhotoFacts, Query, QueryPart, photo_lines};
use vicinity_engine::{Duplicates, Job, SearchSlot, Severity};

/// Collections of at most this many items are searched for a selection within the frame.
pub(super) const FOUND_IN_FRAME: usize = 4_000;
/// Characters of a fact that are shown.
const FACT_SHOWN: usize = 800;
/// Neighbours asked for: those shown, and the item itself.
const NEIGHBOURS: usize = 13;

impl App {
    pub(super) fn item_action(&mut self, action: ItemAction) {
        match action {
            ItemAction::SelectAll => self.select_all(),
            ItemAction::ShowDuplicates => self.submit(Job::FindDuplicates),
            ItemAction::Reveal => {
                if let Some(id) = self.state.library().selection.focus() {
                    self.reveal_item(id);
                }
            }
            ItemAction::CopyPath => self.copy_paths(&self.state.library().selection.items.clone()),
            ItemAction::ExportSelection => self.file_dialog(PathPurpose::ExportSelection),
            ItemAction::CopyFiles => self.file_dialog(PathPurpose::CopyFiles),
            ItemAction::CancelExport => self.cancel_export(),
            ItemAction::ApplyLabels => self.apply_labels(),
            ItemAction::EditLabels => self.toggle_dialog(Dialog::Labels),
        }
    }

    pub(super) fn item_command(&mut self, command: ItemCommand) {
        match command {
            ItemCommand::Select(items) => self.show_selection(Selection::new(items).into(), true),
            ItemCommand::SelectMany(selection) => self.show_selection(selection, true),
            ItemCommand::SelectLabelled(label) => {
                let library = self.state.library();
                let (Some(visible), applied) = (library.visible.clone(), Arc::clone(&library.labels.applied)) else {
                    return;
                };
                self.select_found(true, move || applied.visible_items(label, &visible));
            }
            ItemCommand::Focus(id) => {
                if self.state.library().selection.items != [id] {
                    self.record(EditKind::Walking);
                    self.select(vec![id]);
                }
            }
            ItemCommand::Toggle(id) => self.toggle_selected(id),
            ItemCommand::Hover(id) => self.state.library_mut().hover = id,
            ItemCommand::OpenPreview(id) => {
                self.state.library_mut().preview = Some(id);
                // One of several that are selected is looked at without dropping the others.
                if !self.state.library().selection.set.contains(&id) {
                    self.record(EditKind::Walking);
                    self.select(vec![id]);
                }
                self.request_preview(id);
                self.request_picture_text(id);
            }
            ItemCommand::ClosePreview => self.state.library_mut().preview = None,
            ItemCommand::Reveal(id) => self.reveal_item(id),
            ItemCommand::RevealPath(path) => self.reveal(path),
            ItemCommand::CopyPath(id) => self.copy_paths(&[id]),
            ItemCommand::CopyText(text) => {
                self.ctx.copy_text(text);
                self.notice(Severity::Info, "Copied");
            }
            ItemCommand::SetLabels(set) => self.set_labels(set),
            ItemCommand::LoadLabels => self.file_dialog(PathPurpose::LoadLabels),
        }
    }

    /// Selects duplicates, group by group, and lists them in the gallery.
    pub(super) fn show_duplicates(&mut self, found: &Duplicates) {
        if found.groups.is_empty() {
            return self.notice(Severity::Info, "No two files have the same content");
        }
        self.show_selection(Selection::of_groups(&found.groups).into(), true);
        self.show_gallery();
        self.pin_selection();
        let (files, groups) = (found.to_spare() as u64, found.groups.len() as u64);
        let [files, groups] = [format::count(files, "duplicate"), format::count(groups, "file")];
        let spare = format::bytes(found.bytes_to_spare);
        self.notice(Severity::Info, format!("{files} of {groups}, {spare} in total"));
    }

    fn toggle_selected(&mut self, id: ItemId) {
        self.record_step();
        let selection = &self.state.library().selection;
        let mut items = selection.items.clone();
        if selection.set.contains(&id) {
            items.retain(|item| *item != id);
        } else {
            items.insert(0, id);
        }
        self.select(items);
        if self.state.library().selection.items.len() > 1 {
            self.show_item_tab();
        }
    }

    /// What was picked on the map or in the gallery is shown in the inspector.
    fn show_item_tab(&mut self) {
        let library = self.state.library_mut();
        if !library.selection.items.is_empty() {
            library.right_tab = RightTab::Item;
        }
    }

    /// Selects exactly these, and asks for what the inspector shows of the first.
    pub(super) fn select(&mut self, items: Vec<ItemId>) {
        self.set_selection(Selection::new(items).into());
    }

    fn set_selection(&mut self, selection: Arc<Selection>) {
        self.state.library_mut().selection = selection;
        if self.state.preferences.central_view == CentralView::Split {
            self.follow_selection();
        }
        self.inspect();
    }

    /// Selects as a step that can be undone, and shows it. Several at once that come from elsewhere (a label, the map)
    /// are `listed` by the gallery.
    fn show_selection(&mut self, selection: Arc<Selection>, listed: bool) {
        if selection.items != self.state.library().selection.items {
            self.record_step();
            self.set_selection(selection);
            let several = self.state.library().selection.items.len() > 1;
            if listed && several && self.state.preferences.central_view.shows_gallery() {
                self.pin_selection();
            }
        }
        self.show_item_tab();
    }

    /// Selects what `find` finds. In a large collection it does so on another thread.
    pub(super) fn select_found(&mut self, listed: bool, find: impl FnOnce() -> Vec<ItemId> + Send + 'static) {
        let Some(of) = self.state.library().snapshot.clone() else { return };
        if of.len() <= FOUND_IN_FRAME {
            return self.show_selection(Selection::new(find()).into(), listed);
        }
        self.spawn("selection", Message::Failed, move |messages| {
            messages.send(Message::Selected { of, selection: Selection::new(find()).into(), listed });
        });
    }

    /// What [`Self::select_found`] has found, unless another collection is shown by now.
    pub(super) fn selection_found(&mut self, of: &Snapshot, selection: Arc<Selection>, listed: bool) {
        let same = |now: &Arc<Snapshot>| now.epoch() == of.epoch() && now.parts().library == of.parts().library;
        if self.state.library().snapshot.as_ref().is_some_and(same) {
            self.show_selection(selection, listed);
        }
    }

    /// Everything that matches the search, whether it is listed or not; without matches everything that the filter admits,
    /// or the gallery lists.
    fn select_all(&mut self) {
        let library = self.state.library();
        let Some(visible) = library.visible.clone() else { return };
        let in_gallery = self.state.preferences.central_view == CentralView::Gallery;
        let pinned = library.gallery.pinned.clone().filter(|_| in_gallery);
        let result = self.state.current_result().cloned();
        self.select_found(false, move || {
            if let Some(pinned) = pinned {
                return pinned.items.iter().copied().filter(|id| visible.contains_item(*id)).collect();
            }
            let matching = result.map(|result| matching_items(&result, visible.snapshot())).unwrap_or_default();
            match matching.is_empty() {
                true => visible.items().map(|item| item.id).collect(),
                false => matching.into_iter().map(|(id, _)| id).collect(),
            }
        });
    }

    /// Asks for labels, neighbours and a large picture of the item in focus, where they are not in memory.
    pub(super) fn inspect(&mut self) {
        let focus = self.state.library().selection.focus();
        let Some(id) = focus else {
            self.search.inspected = None;
            self.labelling.focus = None;
            self.state.library_mut().labels.focus_scores = None;
            self.state.library_mut().facts = None;
            return self.request_query_labels();
        };
        if self.search.inspected == focus {
            return;
        }
        self.search.inspected = focus;
        let ticket = self.search.next();
        self.search.neighbours = Some((ticket, id));
        let query = Query { parts: vec![QueryPart::Item(id)], k: NEIGHBOURS, ..Query::default() };
        self.submit(Job::Search { slot: SearchSlot::Neighbours, ticket, query });
        self.label_focus();
        self.request_preview(id);
        self.state.library_mut().facts = None;
        self.submit(Job::Facts(id));
        self.request_picture_text(id);
    }

    /// Asks again for what is known of the item in focus, if other facts of it were read.
    pub(super) fn refresh_facts(&mut self, before: Option<&Snapshot>, now: &Snapshot) {
        let (Some(id), Some(before)) = (self.state.library().selection.focus(), before) else { return };
        // A caption is in no summary, but whatever is read again gives its chunk anew.
        if !before.shares_photo_of(now, id) {
            self.submit(Job::Facts(id));
        }
    }

    pub(super) fn facts_received(&mut self, id: ItemId, facts: &PhotoFacts) {
        if self.state.library().selection.focus() == Some(id) {
            let lines = photo_lines::lines(facts).into_iter().map(|(name, value)| (name, shortened(value)));
            self.state.library_mut().facts = Some((id, lines.collect()));
        }
    }

    pub(super) fn request_preview(&mut self, id: ItemId) {
        if !self.state.library().previews.contains_key(&id) {
            self.submit(Job::Preview(id));
        }
    }

    fn reveal_item(&mut self, id: ItemId) {
        if let Some(path) = self.state.item(id).map(|i| i.path.to_path_buf()) {
            self.reveal(path);
        }
    }

    fn reveal(&self, path: std::path::PathBuf) {
        self.spawn("reveal", Message::Failed, move |messages| {
            if let Err(error) = opener::reveal(&path) {
                messages.send(Message::Failed(format!("Could not open a file manager: {error}")));
            }
        });
    }

    pub(super) fn copy_paths(&mut self, items: &[ItemId]) {
        let paths: Vec<String> =
            items.iter().filter_map(|id| self.state.item(*id)).map(|i| i.path.display().to_string()).collect();
        if paths.is_empty() {
            return;
        }
        let done = if paths.len() == 1 { "Path copied".to_owned() } else { format!("{} paths copied", paths.len()) };
        self.ctx.copy_text(paths.join("\n"));
        self.notice(Severity::Info, done);
    }
}

/// A caption may be as long as a book.
fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(FACT_SHOWN) {
        text.truncate(end);
        text.push('…');
    }
    text
}
