//! Questions to the engine, and which of its answers still count: results, neighbours, labels.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::receive::notice;
use super::textures;
use super::window::{App, Message};
use crate::context::RightTab;
use crate::context::labels::AppliedLabels;
use crate::context::{QueryChip, Selection};
use crate::ui::format;
use vicinity_core::{
    Filter, ItemId, LabelScore, LabelSet, LabelledItems, NamePattern, Picture, Query, QueryPart, ScoredLabels, Stage,
    Suggestion,
};
use vicinity_engine::{Job, LabelTargets, SearchSlot, Severity, file_content};
use vicinity_media::{Content, thumbnail};

/// A search starts so long after the last key.
const REST_SECS: f64 = 0.15;
/// While items arrive, the answer is renewed this often.
const RENEW_SECS: f64 = 1.0;
/// The most hits listed.
const MOST_HITS: usize = 500;
/// Neighbours asked for: those shown, and the item itself.
const NEIGHBOURS: usize = 13;

/// What a search says before there is anything to search.
pub(super) const NOTHING_OPEN: &str = "Nothing to search yet; open a folder or library first";

/// Longest side of the picture on a chip and beside its nearest labels, pixels.
const CHIP_SIDE: u32 = 256;

/// What labels are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LabelsFor {
    /// The picture or text that is asked with.
    Asked,
    /// The item in focus.
    Focus(ItemId),
    /// The selection: each item keeps its best label.
    Selection,
}

/// Labels are asked for one after the other: the engine answers only the latest question about labels.
#[derive(Default)]
struct Labelling {
    under_way: Option<(u64, LabelsFor, LabelSet)>,
    asked: bool,
    focus: Option<ItemId>,
    selection: Option<Vec<ItemId>>,
}

/// What suggestions belong to: epoch, number of items, dimensions, model, and filter.
type SuggestionsOf = (u64, usize, usize, String, Filter);

/// Tickets and times.
#[derive(Default)]
pub(super) struct Search {
    ticket: u64,
    latest: u64,
    due: Option<f64>,
    neighbours: Option<(u64, ItemId)>,
    labelling: Labelling,
    suggesting: Option<(u64, SuggestionsOf)>,
    asked_for: Option<ItemId>,
    /// Whether the first hit gets the focus once the answer is there.
    pub focus_first: bool,
}

impl Search {
    fn next(&mut self) -> u64 {
        self.ticket += 1;
        self.ticket
    }

    /// Whether an answer is that to the latest question.
    pub fn is_latest(&self, ticket: u64) -> bool {
        ticket == self.latest
    }

    /// Whose neighbours an answer holds.
    pub fn neighbours_of(&self, ticket: u64) -> Option<ItemId> {
        self.neighbours.filter(|(t, _)| *t == ticket).map(|(_, id)| id)
    }
}

impl App {
    pub(super) fn submit(&mut self, job: Job) {
        if let Some(backend) = &self.backend {
            // Until the first news of it, nobody is told that there is nothing.
            self.state.library_mut().adding |= matches!(job, Job::Add(_));
            backend.submit(job);
        }
    }

    /// Searches after a rest.
    pub(super) fn search_soon(&mut self) {
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
                notice(self, Severity::Warning, NOTHING_OPEN);
            }
            return;
        }
        query.pending = true;
        query.error = None;
        let mut parts: Vec<QueryPart> = query.chips.iter().map(|c| c.part.clone()).collect();
        if !query.text.trim().is_empty() {
            parts.push(QueryPart::Text(query.text.trim().to_owned()));
        }
        let query = Query { parts, filter: query.filter.clone(), scoring: query.scoring, k: MOST_HITS };
        self.submit(Job::Search { slot: SearchSlot::Results, ticket: self.search.latest, query });
    }

    /// Items came or went: answers on screen are renewed, but not more than once a second.
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

    pub(super) fn add_query_part(&mut self, part: QueryPart) {
        let label = match &part {
            QueryPart::Text(text) => text.chars().take(40).collect(),
            QueryPart::Picture(_) => "Pasted image".to_owned(),
            QueryPart::File(path) => format::file_name(path),
            QueryPart::Item(id) => self.state.item(*id).map_or_else(|| "Item".to_owned(), |i| i.name()),
        };
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

    /// Reads a small version of a picture that is asked with, for its chip.
    pub(super) fn load_chip_picture(&self, path: PathBuf) {
        let (sender, waker) = (self.inbox.0.clone(), self.waker());
        self.spawn("chip-picture", move || {
            // What is wrong with the file is told by the search.
            if let Ok(Content::Image { picture, .. }) = file_content::open(&path, false) {
                let small = Arc::new(thumbnail::shrink(&picture, CHIP_SIDE));
                let _ = sender.send(Message::ChipPicture(path, small));
                waker();
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
        self.state.library_mut().query.chips.clear();
        self.state.library_mut().query.text.clear();
        self.select(Vec::new());
        self.add_query_part(QueryPart::Picture(picture));
    }

    /// Labels of a picture that is only a question. It keeps them while its hits are looked at.
    pub(super) fn request_query_labels(&mut self) {
        let part = self.state.library().query.external_chip().map(|chip| chip.part.clone());
        let labels = &mut self.state.library_mut().labels;
        let same = match (&labels.query_part, &part) {
            (Some(before), Some(now)) => same_part(before, now),
            (None, None) => true,
            _ => false,
        };
        if !same {
            labels.query_scores = None;
            self.search.labelling.asked = part.is_some();
            labels.query_part = part;
            self.request_next_labels();
        }
    }

    /// Asks the engine for the labels that are wanted next, unless it is at others.
    pub(super) fn request_next_labels(&mut self) {
        let labelling = &mut self.search.labelling;
        if labelling.under_way.is_some() || self.backend.is_none() {
            return;
        }
        let asked = self.state.library().labels.query_part.clone().filter(|_| std::mem::take(&mut labelling.asked));
        let (what, targets) = if let Some(part) = asked {
            (LabelsFor::Asked, LabelTargets::Part(part))
        } else if let Some(id) = labelling.focus.take() {
            (LabelsFor::Focus(id), LabelTargets::Items(vec![id]))
        } else if let Some(items) = labelling.selection.take() {
            (LabelsFor::Selection, LabelTargets::Items(items))
        } else {
            return;
        };
        let ticket = self.search.next();
        let labels = self.state.preferences.label_set.clone();
        self.search.labelling.under_way = Some((ticket, what, labels.clone()));
        self.submit(Job::Label { ticket, targets, labels });
    }

    /// Selects exactly these, and asks for what the inspector shows of the first.
    pub(super) fn select(&mut self, items: Vec<ItemId>) {
        self.state.library_mut().selection = Arc::new(Selection::new(items));
        self.inspect();
    }

    /// Asks for labels, neighbours and a large picture of the item in focus, where they are not at hand.
    pub(super) fn inspect(&mut self) {
        let focus = self.state.library().selection.focus();
        let Some(id) = focus else {
            self.search.asked_for = None;
            self.search.labelling.focus = None;
            self.state.library_mut().labels.focus_scores = None;
            return self.request_query_labels();
        };
        if self.search.asked_for == focus {
            return;
        }
        self.search.asked_for = focus;
        let ticket = self.search.next();
        self.search.neighbours = Some((ticket, id));
        let query = Query { parts: vec![QueryPart::Item(id)], k: NEIGHBOURS, ..Query::default() };
        self.submit(Job::Search { slot: SearchSlot::Neighbours, ticket, query });
        self.label_focus();
        self.request_preview(id);
    }

    pub(super) fn request_preview(&mut self, id: ItemId) {
        if !self.state.library().previews.contains_key(&id) {
            self.submit(Job::Preview(id));
        }
    }

    fn label_focus(&mut self) {
        self.search.labelling.focus = self.state.library().selection.focus();
        self.request_next_labels();
    }

    pub(super) fn set_labels(&mut self, set: LabelSet) {
        if set.labels.is_empty() || set == self.state.preferences.label_set {
            return;
        }
        self.record_step();
        self.state.preferences.label_set = set;
        self.labels_changed();
    }

    /// Stores labels given to items; `None` takes one away.
    fn store_labels(&mut self, labels: Vec<String>, given: Vec<(ItemId, Option<LabelScore>)>, all: bool) {
        self.submit(Job::StoreLabels { labels, given, all });
    }

    /// After labels were taken back, or given again: stores all of them.
    pub(super) fn store_all_labels(&mut self) {
        let applied = Arc::clone(&self.state.library().labels.applied);
        let given = applied.best.iter().map(|(id, score)| (*id, Some(*score))).collect();
        self.store_labels(applied.names.clone(), given, true);
    }

    /// The labels that the library keeps.
    pub(super) fn labels_restored(&mut self, kept: &LabelledItems) {
        let mut given: Vec<_> = kept.best.iter().map(|(id, score)| (*id, Some(*score))).collect();
        given.sort_unstable_by_key(|(id, _)| *id);
        let mut applied = AppliedLabels::default();
        applied.assign(&kept.set.labels, given);
        self.state.library_mut().labels.applied = Arc::new(applied);
    }

    /// Another set is in use: what is shown is scored again. Labels that items were given stay.
    pub(super) fn labels_changed(&mut self) {
        self.state.library_mut().labels.focus_scores = None;
        self.state.library_mut().labels.query_scores = None;
        self.search.labelling.asked = self.state.library().labels.query_part.is_some();
        self.label_focus();
        self.save_preferences();
    }

    pub(super) fn apply_labels(&mut self) {
        let items = self.state.library().selection.items.clone();
        if items.is_empty() {
            return notice(self, Severity::Info, "Select the items to label first");
        }
        self.search.labelling.selection = Some(items);
        self.request_next_labels();
    }

    pub(super) fn labels_received(&mut self, ticket: u64, result: Result<Arc<Vec<ScoredLabels>>, String>) {
        let Some((_, what, set)) = self.search.labelling.under_way.take_if(|(under_way, ..)| *under_way == ticket)
        else {
            return;
        };
        // Where the set or the question has changed in the meantime, the answer to the new one follows.
        let current = set == self.state.preferences.label_set;
        match (what, result) {
            (LabelsFor::Selection, Ok(scored)) => self.assign_labels(&set, &scored),
            (LabelsFor::Asked, Ok(scored)) if current && !self.search.labelling.asked => {
                self.state.library_mut().labels.query_scores = Some(scored);
            }
            (LabelsFor::Focus(id), Ok(scored)) if current && self.state.library().selection.focus() == Some(id) => {
                self.state.library_mut().labels.focus_scores = Some(scored);
            }
            (_, Err(why)) => notice(self, Severity::Error, why),
            _ => {}
        }
        self.request_next_labels();
    }

    /// Each item gets its best label, where one fits clearly.
    fn assign_labels(&mut self, set: &LabelSet, scored: &[ScoredLabels]) {
        self.record_step();
        let best = |scored: &ScoredLabels| Some((scored.item?, scored.clear().copied()));
        let labelled: Vec<_> = scored.iter().filter_map(best).collect();
        let unsure = labelled.iter().filter(|(_, label)| label.is_none()).count() as u64;
        let many = format::count(labelled.len() as u64 - unsure, "item");
        self.store_labels(set.labels.clone(), labelled.clone(), false);
        Arc::make_mut(&mut self.state.library_mut().labels.applied).assign(&set.labels, labelled);
        self.state.preferences.colour_by = crate::context::ColourBy::Label;
        let left = match unsure {
            0 => String::new(),
            n => format!(" · {} without a clear label", format::count(n, "other")),
        };
        notice(self, Severity::Info, format!("{many} labelled; the map is coloured by label{left}"));
    }

    /// Asks for queries that the collection answers well, once it is at rest and whenever it has changed.
    pub(super) fn suggest_when_idle(&mut self) {
        let Some(snapshot) = self.state.library().snapshot.as_ref().filter(|s| !s.is_empty()) else { return };
        if self.backend.is_none() || self.state.is_reading() || self.state.library().progress.stage != Stage::Idle {
            return;
        }
        // A name that is still being typed is not worth suggestions.
        if self.search.due.is_some() {
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
    pub(super) fn find_by_name(&mut self, typed: &str) {
        let name = NamePattern::new(typed);
        if name != self.state.library().query.filter.name {
            self.state.library_mut().query.filter.name = name;
            self.state.library_mut().query.matches = None;
            self.search_soon();
        }
    }

    /// Focus on the first hit; where the answer is not there yet, once it comes.
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

/// Whether two parts ask for the same; parts are told apart by where they come from, not by their pixels.
fn same_part(a: &QueryPart, b: &QueryPart) -> bool {
    match (a, b) {
        (QueryPart::Text(a), QueryPart::Text(b)) => a == b,
        (QueryPart::Picture(a), QueryPart::Picture(b)) => Arc::ptr_eq(a, b),
        (QueryPart::File(a), QueryPart::File(b)) => a == b,
        (QueryPart::Item(a), QueryPart::Item(b)) => a == b,
        _ => false,
    }
}
