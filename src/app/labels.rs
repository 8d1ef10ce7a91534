//! Labels: which are asked for next, what comes of them, and the set that items are compared with.

use std::sync::Arc;

use super::asked_query::same_part;
use super::pending::LabelsFor;
use super::window::App;
use crate::context::format;
use crate::context::{AppliedLabels, ColourBy};
use vicinity_core::{ItemId, LabelScore, LabelSet, LabelledItems, ScoredLabels};
use vicinity_engine::{Job, LabelTargets, ModelUnavailable, Severity};

impl App {
    /// Requests labels of a picture from outside the collection. They are kept while its hits are selected.
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
            self.labelling.query = part.is_some();
            labels.query_part = part;
            self.request_next_labels();
        }
    }

    /// Asks the engine for the labels that are wanted next, unless it is at others.
    pub(super) fn request_next_labels(&mut self) {
        let labelling = &mut self.labelling;
        if labelling.under_way.is_some() || self.backend.is_none() {
            return;
        }
        if self.state.library().has_own_vectors() {
            // No label can be compared with them. Only whoever asked for labels is told.
            (labelling.query, labelling.focus) = (false, None);
            if labelling.selection.take().is_some() {
                self.notice(Severity::Warning, ModelUnavailable::OwnVectors.to_string());
            }
            return;
        }
        let asked = self.state.library().labels.query_part.clone().filter(|_| std::mem::take(&mut labelling.query));
        let (what, targets) = if let Some(part) = asked {
            (LabelsFor::Query, LabelTargets::Part(part))
        } else if let Some(id) = labelling.focus.take() {
            (LabelsFor::Focus(id), LabelTargets::Items(vec![id]))
        } else if let Some(items) = labelling.selection.take() {
            (LabelsFor::Selection, LabelTargets::Items(items))
        } else {
            return;
        };
        let ticket = self.search.next();
        let labels = self.state.preferences.label_set.clone();
        self.labelling.under_way = Some((ticket, what, labels.clone()));
        self.submit(Job::Label { ticket, targets, labels });
    }

    pub(super) fn label_focus(&mut self) {
        self.labelling.focus = self.state.library().selection.focus();
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
        let mut given: Vec<_> = kept.best.iter().map(|(id, score)| (*id, *score)).collect();
        given.sort_unstable_by_key(|(id, _)| *id);
        self.state.library_mut().labels.applied = Arc::new(AppliedLabels::of(&kept.set.labels, given));
    }

    /// Another set is in use: what is shown is scored again. Labels that items were given stay.
    pub(super) fn labels_changed(&mut self) {
        self.state.library_mut().labels.focus_scores = None;
        self.state.library_mut().labels.query_scores = None;
        self.labelling.query = self.state.library().labels.query_part.is_some();
        self.label_focus();
        self.save_preferences();
    }

    pub(super) fn apply_labels(&mut self) {
        let items = self.state.library().selection.items.clone();
        if items.is_empty() {
            return self.notice(Severity::Info, "Select the items to label first");
        }
        self.labelling.selection = Some(items);
        self.request_next_labels();
    }

    pub(super) fn labels_received(&mut self, ticket: u64, result: Result<Arc<Vec<ScoredLabels>>, String>) {
        let Some((_, what, set)) = self.labelling.under_way.take_if(|(under_way, ..)| *under_way == ticket) else {
            return;
        };
        // If the set or the query has changed in the meantime, the answer to the new one follows.
        let current = set == self.state.preferences.label_set;
        match (what, result) {
            (LabelsFor::Selection, Ok(scored)) => self.assign_labels(&set, &scored),
            (LabelsFor::Query, Ok(scored)) if current && !self.labelling.query => {
                self.state.library_mut().labels.query_scores = Some(scored);
            }
            (LabelsFor::Focus(id), Ok(scored)) if current && self.state.library().selection.focus() == Some(id) => {
                self.state.library_mut().labels.focus_scores = Some(scored);
            }
            (_, Err(why)) => self.notice(Severity::Error, why),
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
        self.state.preferences.colour_by = ColourBy::Label;
        let left = match unsure {
            0 => String::new(),
            n => format!(" · {} without a clear label", format::count(n, "other")),
        };
        self.notice(Severity::Info, format!("{many} labelled; the map is coloured by label{left}"));
    }
}
