//! Questions to the engine, and which of its answers still count: results, neighbours, labels.

use std::sync::Arc;
use std::time::Duration;

use super::receive::notice;
use super::textures;
use super::window::App;
use crate::context::RightTab;
use crate::context::state::{Chip, Selection};
use crate::ui::words;
use vicinity_core::{ItemId, LabelScore, LabelSet, Picture, Query, QueryPart, ScoredLabels};
use vicinity_engine::{Job, LabelTargets, SearchSlot, Severity};

/// A search starts so long after the last key.
const REST_SECS: f64 = 0.15;
/// While items arrive, the answer is renewed this often.
const RENEW_SECS: f64 = 1.0;
/// The most hits listed.
const MOST_HITS: usize = 500;
/// Neighbours asked for: those shown, and the item itself.
const NEIGHBOURS: usize = 13;

/// Tickets and times.
#[derive(Default)]
pub(super) struct Search {
    ticket: u64,
    latest: u64,
    due: Option<f64>,
    neighbours: Option<(u64, ItemId)>,
    focus_labels: u64,
    applying: Option<u64>,
    labels_waiting: bool,
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
    pub(super) fn submit(&self, job: Job) {
        if let Some(backend) = &self.backend {
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
        let query = &mut self.state.query;
        if query.is_empty() {
            query.result = None;
            query.histogram = None;
            query.matches = None;
            query.error = None;
            query.pending = false;
            self.search.focus_first = false;
            return;
        }
        query.pending = true;
        let mut parts: Vec<QueryPart> = query.chips.iter().map(|c| c.part.clone()).collect();
        if !query.text.trim().is_empty() {
            parts.push(QueryPart::Text(query.text.trim().to_owned()));
        }
        let query = Query { parts, filter: query.filter.clone(), scoring: query.scoring, k: MOST_HITS };
        self.submit(Job::Search { slot: SearchSlot::Results, ticket: self.search.latest, query });
    }

    /// Items came or went: answers on screen are renewed, but not more than once a second.
    pub(super) fn collection_changed(&mut self) {
        if !self.state.query.is_empty() && self.search.due.is_none() {
            self.search_within(RENEW_SECS);
        }
    }

    /// The query became another one: counts of the old one mean nothing any more.
    pub(super) fn query_changed(&mut self) {
        self.state.query.matches = None;
        if !self.state.query.is_empty() {
            self.state.right_tab = RightTab::Results;
        }
        self.ask_for_labels_of_question();
    }

    pub(super) fn add_query_part(&mut self, part: QueryPart) {
        let label = match &part {
            QueryPart::Text(text) => text.chars().take(40).collect(),
            QueryPart::Picture(_) => "Pasted picture".to_owned(),
            QueryPart::File(path) => words::file_name(path),
            QueryPart::Item(id) => self.state.item(*id).map_or_else(|| "Item".to_owned(), |i| i.name()),
        };
        let texture = match &part {
            QueryPart::Picture(picture) => Some(textures::load(&self.ctx, "question", picture)),
            _ => None,
        };
        self.state.query.chips.push(Chip { part, label, texture });
        self.query_changed();
        self.search_now();
        if !self.state.narrow {
            self.state.right_open = true;
        }
    }

    pub(super) fn ask_with_picture(&mut self, picture: Arc<Picture>) {
        self.remember_step();
        self.state.query.chips.clear();
        self.state.query.text.clear();
        self.select(Vec::new());
        self.add_query_part(QueryPart::Picture(picture));
    }

    /// Labels of a picture that is only a question.
    fn ask_for_labels_of_question(&mut self) {
        let outside = |c: &Chip| matches!(c.part, QueryPart::Picture(_) | QueryPart::File(_));
        let part = self.state.query.chips.iter().rev().find(|c| outside(c)).map(|c| c.part.clone());
        let before = std::mem::replace(&mut self.state.labels.asked, part.clone());
        match part {
            Some(_) if self.search.applying.is_some() => self.search.labels_waiting = true,
            Some(part) if self.state.selection.items.is_empty() => {
                self.search.focus_labels = self.search.next();
                let labels = self.state.labels.set.clone();
                self.submit(Job::Label { ticket: self.search.focus_labels, targets: LabelTargets::Part(part), labels });
            }
            None if before.is_some() && self.state.selection.items.is_empty() => self.state.labels.shown = None,
            _ => {}
        }
    }

    /// Selects exactly these, and asks for what the inspector shows of the first.
    pub(super) fn select(&mut self, items: Vec<ItemId>) {
        self.state.selection = Selection::new(items);
        self.inspect();
    }

    /// Asks for labels, neighbours and a large picture of the item in focus, where they are not at hand.
    pub(super) fn inspect(&mut self) {
        let focus = self.state.selection.focus();
        let Some(id) = focus else {
            self.search.asked_for = None;
            self.state.labels.shown = None;
            return self.ask_for_labels_of_question();
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
        self.want_preview(id);
    }

    pub(super) fn want_preview(&mut self, id: ItemId) {
        if !self.state.previews.contains_key(&id) {
            self.submit(Job::Preview(id));
        }
    }

    fn label_focus(&mut self) {
        // The engine answers the latest question about labels only: the large one goes first.
        if self.search.applying.is_some() {
            self.search.labels_waiting = true;
        } else if let Some(id) = self.state.selection.focus() {
            self.search.focus_labels = self.search.next();
            let labels = self.state.labels.set.clone();
            let targets = LabelTargets::Items(vec![id]);
            self.submit(Job::Label { ticket: self.search.focus_labels, targets, labels });
        }
    }

    pub(super) fn set_labels(&mut self, set: LabelSet) {
        if set.labels.is_empty() || set == self.state.labels.set {
            return;
        }
        self.remember_step();
        self.state.labels.set = set;
        self.state.labels.applied = Arc::default();
        self.labels_changed();
    }

    /// Another set is in use: what is shown is scored anew.
    pub(super) fn labels_changed(&mut self) {
        self.state.labels.shown = None;
        self.label_focus();
        self.ask_for_labels_of_question();
        self.keep_settings();
    }

    pub(super) fn apply_labels(&mut self) {
        let items = self.state.selection.items.clone();
        if items.is_empty() {
            return notice(self, Severity::Info, "Select items first: then each of them gets its best label");
        }
        let ticket = self.search.next();
        self.search.applying = Some(ticket);
        let labels = self.state.labels.set.clone();
        self.submit(Job::Label { ticket, targets: LabelTargets::Items(items), labels });
    }

    pub(super) fn labelled(&mut self, ticket: u64, result: Result<Arc<Vec<ScoredLabels>>, String>) {
        let applying = self.search.applying == Some(ticket);
        if applying {
            self.search.applying = None;
            if std::mem::take(&mut self.search.labels_waiting) {
                self.label_focus();
                self.ask_for_labels_of_question();
            }
        }
        match result {
            Ok(scored) if applying => {
                self.remember_step();
                let best = |s: &ScoredLabels| -> Option<(ItemId, LabelScore)> { Some((s.item?, *s.scores.first()?)) };
                let labelled: Vec<_> = scored.iter().filter_map(best).collect();
                let many = words::count(labelled.len() as u64, "item");
                Arc::make_mut(&mut self.state.labels.applied).extend(labelled);
                self.state.colour_by = crate::context::ColourBy::Label;
                notice(self, Severity::Info, format!("{many} labelled; the map is coloured by label"));
            }
            Ok(scored) if ticket == self.search.focus_labels => self.state.labels.shown = Some(scored),
            Err(why) if applying || ticket == self.search.focus_labels => notice(self, Severity::Error, why),
            _ => {}
        }
    }

    /// Focus on the first hit; where the answer is not there yet, once it comes.
    pub(super) fn focus_first_hit(&mut self) {
        if self.state.query.pending || self.search.due.is_some() {
            self.search.focus_first = true;
            return;
        }
        let first = self.state.query.result.as_ref().and_then(|r| r.hits.first()).map(|h| h.item);
        if let Some(id) = first {
            self.remember_step();
            self.select(vec![id]);
        }
    }
}
