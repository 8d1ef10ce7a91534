//! The commands about the query: when a search is sent, and which result still counts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::history::EditKind;
use super::messages::Message;
use super::textures;
use super::window::App;
use crate::context::commands::{SearchAction, SearchCommand, SearchTiming};
use crate::context::format;
use crate::context::{QueryChip, RightTab};
use vicinity_core::{Filter, ItemId, NamePattern, Picture, Query, QueryPart, Suggestion};
use vicinity_engine::{Job, SearchSlot, Severity, file_content};
use vicinity_media::{Content, ReadOptions, thumbnail};

/// A search starts so long after the last key.
const REST_SECS: f64 = 0.15;
/// While items arrive, the result is renewed this often.
const RENEW_SECS: f64 = 1.0;
/// The most hits listed.
const MAX_HITS: usize = 500;
/// The most selected items that are a part of the query each; more of them are one together.
const MAX_SELECTED_PARTS: usize = 8;
/// Longest side of the picture on a chip and beside its closest labels, pixels.
const CHIP_SIDE: u32 = 256;

/// The message before there is anything to search.
pub(super) const NOTHING_OPEN: &str = "Nothing to search yet; open a folder or library first";

impl App {
    pub(super) fn search_action(&mut self, action: SearchAction) {
        match action {
            SearchAction::Focus => self.state.view.focus_search += 1,
            SearchAction::FindByName => {
                self.show_gallery();
                self.state.view.focus_find += 1;
            }
            SearchAction::Paste => self.ctx.send_viewport_cmd(egui::ViewportCommand::RequestPaste),
            SearchAction::BySelection => self.search_by_selection(),
            SearchAction::ClearFilters => self.set_filter(Filter::default()),
            SearchAction::Clear => self.clear_search(),
        }
    }

    pub(super) fn search_command(&mut self, command: SearchCommand) {
        match command {
            SearchCommand::SetText(text, timing) => self.set_query_text(text, timing),
            SearchCommand::AddPart(part) => {
                self.record_step();
                self.add_query_part(part);
            }
            SearchCommand::RemovePart(index) => {
                if index < self.state.library().query.chips.len() {
                    self.record_step();
                    self.state.library_mut().query.chips.remove(index);
                    self.query_changed();
                    self.search_now();
                }
            }
            SearchCommand::SetFilter(filter) => self.set_filter(filter),
            SearchCommand::AdjustFilter(filter) => self.adjust_filter(filter),
            SearchCommand::FinishFilter => self.finish_filter(),
            SearchCommand::SetName(typed) => {
                self.record(EditKind::Typing);
                self.find_by_name(&typed);
            }
            SearchCommand::SetScoring(scoring) => {
                self.record_step();
                let query = &mut self.state.library_mut().query;
                query.scoring = scoring;
                query.matches = None;
                self.search_now();
            }
            SearchCommand::WithFile(path) => self.search_by_file(path),
            SearchCommand::WithPicture(image) => self.paste(image),
            SearchCommand::FocusFirstHit => self.focus_first_hit(),
        }
    }

    fn set_query_text(&mut self, text: String, timing: SearchTiming) {
        if text != self.state.library().query.text {
            self.record(EditKind::Typing);
            self.state.library_mut().query.text = text;
            self.query_changed();
        }
        match timing {
            SearchTiming::Delayed => self.search_soon(),
            SearchTiming::Now => self.search_now(),
        }
    }

    pub(super) fn set_filter(&mut self, filter: Filter) {
        if filter == self.state.library().query.filter {
            return;
        }
        self.record_step();
        self.replace_filter(filter);
        self.search_now();
    }

    /// A step of a gesture that changes the filter; searches wait until it rests.
    fn adjust_filter(&mut self, filter: Filter) {
        if filter == self.state.library().query.filter {
            return;
        }
        if !self.search.adjusting {
            self.record_step();
            self.search.adjusting = true;
        }
        self.replace_filter(filter);
        // The timeline plays for minutes: what is due is not put off then.
        let waits = !self.state.view.timeline_playing || self.search.due.is_none();
        if !self.state.library().query.is_empty() && waits {
            self.search_soon();
        }
    }

    pub(super) fn finish_filter(&mut self) {
        if std::mem::take(&mut self.search.adjusting) && self.search.due.is_some() {
            self.search_now();
        }
    }

    fn replace_filter(&mut self, filter: Filter) {
        let library = self.state.library_mut();
        let before = std::mem::replace(&mut library.query.filter, filter);
        // Matches are counted for both modalities, so choosing one leaves the counts as they are.
        if before != (Filter { modality: before.modality, ..library.query.filter.clone() }) {
            library.query.matches = None;
        }
        library.gallery.pinned = None;
    }

    fn search_by_selection(&mut self) {
        let selection = Arc::clone(&self.state.library().selection);
        let items: Vec<ItemId> = selection.items.iter().copied().take(MAX_SELECTED_PARTS).collect();
        if items.is_empty() {
            return self.notice(Severity::Info, "Select an item first");
        }
        if selection.items.len() > MAX_SELECTED_PARTS {
            let label = format::count(selection.items.len() as u64, "item");
            return self.search_by(QueryPart::Items(selection.items.as_slice().into()), label);
        }
        self.record_step();
        self.empty_query();
        for id in items {
            self.add_query_part(QueryPart::Item(id));
        }
    }

    /// Searches by one part alone.
    pub(super) fn search_by(&mut self, part: QueryPart, label: String) {
        self.record_step();
        self.empty_query();
        self.add_chip(part, label);
    }

    pub(super) fn clear_search(&mut self) {
        self.record_step();
        self.empty_query();
        self.query_changed();
        self.search_now();
    }

    fn empty_query(&mut self) {
        let query = &mut self.state.library_mut().query;
        query.text.clear();
        query.chips.clear();
    }

    fn search_by_file(&mut self, path: PathBuf) {
        self.record_step();
        if !self.state.has_library() {
            return self.add(vec![path]);
        }
        self.select(Vec::new());
        self.state.library_mut().query.text.clear();
        self.add_query_part(QueryPart::File(path));
    }

    fn paste(&mut self, image: Arc<egui::ColorImage>) {
        self.spawn("paste", Message::Failed, move |messages| {
            messages.send(match super::pasted::shrunk(&image) {
                Some(picture) => Message::Pasted(Arc::new(picture)),
                None => Message::Failed("The image on the clipboard is empty".to_owned()),
            });
        });
    }

    /// Searches after a rest.
    fn search_soon(&mut self) {
        self.search_within(REST_SECS);
    }

    fn search_within(&mut self, secs: f64) {
        self.search.due = Some(self.now() + secs);
        self.ctx.request_repaint_after(Duration::from_secs_f64(secs + 0.005));
    }

    pub(super) fn search_when_due(&mut self) {
        match self.search.due {
            Some(due) if due <= self.now() => self.search_now(),
            Some(due) => self.ctx.request_repaint_after(Duration::from_secs_f64((due - self.now()).max(0.0) + 0.005)),
            None => {}
        }
    }

    pub(super) fn search_now(&mut self) {
        self.search.due = None;
        self.search.latest = self.search.next();
        let has_library = self.state.has_library();
        let query = &mut self.state.library_mut().query;
        if query.is_empty() {
            query.result = None;
            query.matches = None;
            query.error = None;
            query.pending = false;
            self.search.focus_first = false;
            return;
        }
        if !has_library {
            query.pending = false;
            query.error = Some(NOTHING_OPEN.to_owned());
            if self.state.library().notices.last().is_none_or(|n| n.text != NOTHING_OPEN) {
                self.notice(Severity::Warning, NOTHING_OPEN);
            }
            return;
        }
        query.pending = true;
        query.error = None;
        let mut parts: Vec<QueryPart> = query.chips.iter().map(|c| c.part.clone()).collect();
        if !query.text.trim().is_empty() {
            parts.push(QueryPart::Text(query.text.trim().to_owned()));
        }
        let query = Query { parts, filter: query.filter.clone(), scoring: query.scoring, k: MAX_HITS };
        self.submit(Job::Search { slot: SearchSlot::Results, ticket: self.search.latest, query });
        self.find_in_pictures();
    }

    /// Items were added or removed: the results on screen are renewed, at most once per second.
    pub(super) fn collection_changed(&mut self) {
        if !self.state.library().query.is_empty() && self.search.due.is_none() {
            self.search_within(RENEW_SECS);
        }
    }

    /// The query became another one: counts of the old one mean nothing any more.
    pub(super) fn query_changed(&mut self) {
        self.state.library_mut().query.matches = None;
        self.state.library_mut().gallery.pinned = None;
        if !self.state.library().query.is_empty() {
            self.state.library_mut().right_tab = RightTab::Results;
            if self.state.view.narrow {
                // A drawer: what is found has to be seen somewhere.
                self.state.set_right_open(true);
            }
        }
        self.request_query_labels();
    }

    fn add_query_part(&mut self, part: QueryPart) {
        let label = match &part {
            QueryPart::Text(text) => text.chars().take(40).collect(),
            QueryPart::Picture(_) => "Pasted image".to_owned(),
            QueryPart::File(path) => format::file_name(path),
            QueryPart::Item(id) => self.state.item(*id).map_or_else(|| "Item".to_owned(), |i| i.name()),
            QueryPart::Items(items) => format::count(items.len() as u64, "item"),
        };
        self.add_chip(part, label);
    }

    fn add_chip(&mut self, part: QueryPart, label: String) {
        let texture = match &part {
            QueryPart::Picture(picture) => Some(textures::load(&self.ctx, "question", picture)),
            QueryPart::File(path) => {
                self.load_chip_picture(path.clone());
                None
            }
            _ => None,
        };
        self.state.library_mut().query.chips.push(QueryChip { part, label, texture });
        self.query_changed();
        self.search_now();
        self.state.set_right_open(true);
    }

    /// Reads a small version of a picture that is searched with, for its chip.
    pub(super) fn load_chip_picture(&self, path: PathBuf) {
        self.spawn("chip-picture", Message::Failed, move |messages| {
            // The search reports what is wrong with the file.
            if let Ok(Content::Image { picture, .. }) = file_content::open(&path, ReadOptions::default()) {
                let small = Arc::new(thumbnail::shrink(&picture, CHIP_SIDE));
                messages.send(Message::ChipPicture(path, small));
            }
        });
    }

    /// The small version has come: every chip of that file shows it, also after an undo.
    pub(super) fn chip_picture(&mut self, path: &Path, picture: &Picture) {
        let texture = textures::load(&self.ctx, "question", picture);
        for chip in &mut self.state.library_mut().query.chips {
            if matches!(&chip.part, QueryPart::File(of) if of == path) {
                chip.texture = Some(texture.clone());
            }
        }
    }

    pub(super) fn search_by_picture(&mut self, picture: Arc<Picture>) {
        self.record_step();
        self.empty_query();
        self.select(Vec::new());
        self.add_query_part(QueryPart::Picture(picture));
    }

    /// Asks for queries that the collection answers well, once it is at rest and whenever it has changed.
    pub(super) fn suggest_when_idle(&mut self) {
        let Some(snapshot) = self.state.library().snapshot.as_ref().filter(|s| !s.is_empty()) else { return };
        if self.backend.is_none() || self.state.is_reading() || self.state.library().has_own_vectors() {
            return;
        }
        // Neither a name that is still being typed nor a range that still moves is worth suggestions.
        if self.search.due.is_some() || self.search.adjusting {
            return;
        }
        let filter = self.state.library().query.filter.clone();
        let model = snapshot.parts().model.name.clone();
        let of = (snapshot.epoch(), snapshot.len(), snapshot.dim(), model, filter.clone());
        if self.search.suggesting.as_ref().is_some_and(|(_, asked)| *asked == of) {
            return;
        }
        if self.search.suggesting.as_ref().is_some_and(|(_, (.., by))| *by != filter) {
            // What one part of the collection answers says nothing of another.
            self.state.library_mut().suggestions = Arc::default();
        }
        let ticket = self.search.next();
        self.search.suggesting = Some((ticket, of));
        self.submit(Job::Suggest { ticket, filter });
    }

    pub(super) fn suggestions_received(&mut self, ticket: u64, suggestions: Arc<Vec<Suggestion>>) {
        if self.search.suggesting.as_ref().is_some_and(|(latest, _)| *latest == ticket) {
            self.state.library_mut().suggestions = suggestions;
        }
    }

    /// Shows only files whose name contains what was typed.
    fn find_by_name(&mut self, typed: &str) {
        let name = NamePattern::new(typed);
        if name != self.state.library().query.filter.name {
            self.state.library_mut().query.filter.name = name;
            self.state.library_mut().query.matches = None;
            self.search_soon();
        }
    }

    /// Puts the focus on the first hit, as soon as there are results.
    pub(super) fn focus_first_hit(&mut self) {
        if self.state.library().query.pending || self.search.due.is_some() {
            self.search.focus_first = true;
            return;
        }
        let first = self.state.library().query.result.as_ref().and_then(|r| r.hits.first()).map(|h| h.item);
        if let Some(id) = first {
            self.record_step();
            self.select(vec![id]);
        }
    }
}
