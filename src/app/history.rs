//! Undo and redo of what the user chose: selection, query, labels. What is stored is never part of it.

use std::sync::Arc;

use crate::context::{AppliedLabels, LibraryState, State};
use crate::context::{QueryChip, Selection};
use vicinity_core::{Filter, LabelSet, Scoring};

/// Steps kept.
const STEPS: usize = 100;
/// Items that all of them hold together, selected or labelled, each shared list once: some 10 MB. One step is kept
/// whatever it holds.
const ITEMS: usize = 500_000;
/// Typing within this time is one step.
const ONE_STEP_SECS: f64 = 1.0;

/// What changed; changes of one kind in quick succession are one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditKind {
    /// Letters in the search box.
    Typing,
    /// Anything else.
    Step,
}

#[derive(Clone)]
struct UndoState {
    selection: Arc<Selection>,
    text: String,
    chips: Vec<QueryChip>,
    filter: Filter,
    scoring: Scoring,
    labels: LabelSet,
    applied: Arc<AppliedLabels>,
}

impl UndoState {
    fn of(state: &State) -> Self {
        let LibraryState { selection, query, labels, .. } = state.library();
        Self {
            selection: Arc::clone(selection),
            text: query.text.clone(),
            chips: query.chips.clone(),
            filter: query.filter.clone(),
            scoring: query.scoring,
            labels: state.preferences.label_set.clone(),
            applied: Arc::clone(&labels.applied),
        }
    }

    /// Items that it holds and `newer`, the step after it, does not share.
    fn own_items(&self, newer: Option<&Self>) -> usize {
        let selection = newer.is_none_or(|newer| !Arc::ptr_eq(&self.selection, &newer.selection));
        let labels = newer.is_none_or(|newer| !Arc::ptr_eq(&self.applied, &newer.applied));
        usize::from(selection) * self.selection.items.len() + usize::from(labels) * self.applied.best.len()
    }

    fn restore(self, state: &mut State) {
        state.preferences.label_set = self.labels;
        let library = state.library_mut();
        library.selection = self.selection;
        library.labels.applied = self.applied;
        let query = &mut library.query;
        (query.text, query.chips) = (self.text, self.chips);
        (query.filter, query.scoring) = (self.filter, self.scoring);
    }
}

/// Steps that can be undone, and steps that were.
#[derive(Default)]
pub struct History {
    past: Vec<UndoState>,
    future: Vec<UndoState>,
    last: Option<(EditKind, f64)>,
}

impl History {
    /// Call before a change.
    pub fn record(&mut self, state: &State, change: EditKind, now: f64) {
        let same_step = change == EditKind::Typing
            && self.last.is_some_and(|(kind, at)| kind == EditKind::Typing && now - at < ONE_STEP_SECS);
        self.last = Some((change, now));
        self.future.clear();
        if same_step {
            return;
        }
        self.past.push(UndoState::of(state));
        self.forget();
    }

    /// Drops the pictures of all chips, which are made again when a step is taken.
    pub fn forget_textures(&mut self) {
        let steps = self.past.iter_mut().chain(&mut self.future);
        steps.flat_map(|step| &mut step.chips).for_each(|chip| chip.texture = None);
    }

    /// Drops the oldest steps.
    fn forget(&mut self) {
        let (mut items, mut newer) = (0, None);
        let newest = self.past.iter().rev().take(STEPS);
        let kept = newest.take_while(|step| {
            // One list is kept however long it is, and takes the whole bound.
            items += step.own_items(newer.replace(*step)).min(ITEMS);
            items <= ITEMS
        });
        let kept = kept.count().max(1);
        self.past.drain(..self.past.len().saturating_sub(kept));
    }

    /// One step back; returns whether there was one.
    pub fn undo(&mut self, state: &mut State) -> bool {
        let Some(moment) = self.past.pop() else { return false };
        self.future.push(UndoState::of(state));
        self.last = None;
        moment.restore(state);
        true
    }

    /// One step forth again.
    pub fn redo(&mut self, state: &mut State) -> bool {
        let Some(moment) = self.future.pop() else { return false };
        self.past.push(UndoState::of(state));
        self.last = None;
        moment.restore(state);
        true
    }

    /// Whether there is a step to undo, and one to redo.
    pub fn can(&self) -> [bool; 2] {
        [!self.past.is_empty(), !self.future.is_empty()]
    }

    /// Forgets everything: another library was opened.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vicinity_core::ItemId;

    fn selected(n: u32) -> State {
        let selection = Arc::new(Selection::new((0..n).map(ItemId).collect()));
        State { library: Some(LibraryState { selection, ..LibraryState::default() }), ..State::default() }
    }

    #[test]
    fn many_steps_with_large_selections_are_forgotten_early() {
        let mut history = History::default();
        let small = selected(10);
        (0..300).for_each(|at| history.record(&small, EditKind::Step, f64::from(at)));
        assert_eq!(history.past.len(), STEPS);
        (0..20).for_each(|at| history.record(&selected(100_000), EditKind::Step, f64::from(at)));
        assert_eq!(history.past.len() * 100_000, ITEMS);
        history.record(&selected(600_000), EditKind::Step, 0.0);
        assert_eq!(history.past.len(), 1, "the last step can always be taken back");
    }

    /// Each step would otherwise take some 14 MB of its own: 4 for the list, 10 for the set.
    #[test]
    fn a_million_selected_items_are_held_once_however_many_steps_follow() {
        let mut state = selected(1_000_000);
        let held = Arc::clone(&state.library().selection);
        let mut history = History::default();
        for step in 0..50 {
            history.record(&state, EditKind::Step, f64::from(step));
            state.library_mut().query.text = format!("query {step}");
        }
        assert_eq!(history.past.len(), 50, "what is shared does not count again");
        assert!(history.past.iter().all(|step| Arc::ptr_eq(&step.selection, &held)));
        assert_eq!(Arc::strong_count(&held), 50 + 2);
        while history.undo(&mut state) {}
        assert!(Arc::ptr_eq(&state.library().selection, &held) && state.library().query.text.is_empty());
    }

    #[test]
    fn goes_back_and_forth_and_takes_typing_as_one_step() {
        let mut state = State::default();
        let mut history = History::default();
        for (i, text) in ["d", "do", "dog"].into_iter().enumerate() {
            history.record(&state, EditKind::Typing, i as f64 * 0.1);
            text.clone_into(&mut state.library_mut().query.text);
        }
        history.record(&state, EditKind::Step, 5.0);
        state.library_mut().selection = Selection::new(vec![ItemId(4)]).into();
        assert!(history.undo(&mut state));
        assert_eq!((state.library().query.text.as_str(), state.library().selection.items.len()), ("dog", 0));
        assert!(history.undo(&mut state));
        assert_eq!(state.library().query.text, "");
        assert!(!history.undo(&mut state));
        assert!(history.redo(&mut state) && history.redo(&mut state) && !history.redo(&mut state));
        assert_eq!((state.library().query.text.as_str(), state.library().selection.focus()), ("dog", Some(ItemId(4))));
    }
}
