//! Undo and redo of what the user chose: selection, query, labels. What is stored is never part of it.

use std::sync::Arc;

use crate::context::state::{QueryChip, Selection};
use crate::context::{AppliedLabels, State};
use vicinity_core::{Filter, LabelSet, Scoring};

/// Steps kept.
const STEPS: usize = 100;
/// Items that all of them hold together, selected or labelled: some 10 MB. One step is kept whatever it holds.
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
    selection: Selection,
    text: String,
    chips: Vec<QueryChip>,
    filter: Filter,
    scoring: Scoring,
    labels: LabelSet,
    applied: Arc<AppliedLabels>,
}

impl UndoState {
    fn of(state: &State) -> Self {
        Self {
            selection: state.selection.clone(),
            text: state.query.text.clone(),
            chips: state.query.chips.clone(),
            filter: state.query.filter.clone(),
            scoring: state.query.scoring,
            labels: state.labels.set.clone(),
            applied: state.labels.applied.clone(),
        }
    }

    /// Items that it holds.
    fn items(&self) -> usize {
        self.selection.items.len() + self.applied.best.len()
    }

    fn restore(self, state: &mut State) {
        state.selection = self.selection;
        state.query.text = self.text;
        state.query.chips = self.chips;
        state.query.filter = self.filter;
        state.query.scoring = self.scoring;
        state.labels.set = self.labels;
        state.labels.applied = self.applied;
    }
}

/// See the module's documentation.
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

    /// Drops the oldest steps.
    fn forget(&mut self) {
        let mut items = 0;
        let newest = self.past.iter().rev().take(STEPS);
        let kept = newest.take_while(|moment| {
            items += moment.items();
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

    #[test]
    fn many_steps_with_large_selections_are_forgotten_early() {
        let mut history = History::default();
        let everything = |n: u32| State { selection: Selection::new((0..n).map(ItemId).collect()), ..State::default() };
        let (small, large) = (everything(10), everything(100_000));
        (0..300).for_each(|at| history.record(&small, EditKind::Step, f64::from(at)));
        assert_eq!(history.past.len(), STEPS);
        (0..20).for_each(|at| history.record(&large, EditKind::Step, f64::from(at)));
        assert_eq!(history.past.iter().map(UndoState::items).sum::<usize>(), ITEMS);
        history.record(&everything(600_000), EditKind::Step, 0.0);
        assert_eq!(history.past.len(), 1, "the last step can always be taken back");
    }

    #[test]
    fn goes_back_and_forth_and_takes_typing_as_one_step() {
        let mut state = State::default();
        let mut history = History::default();
        for (i, text) in ["d", "do", "dog"].into_iter().enumerate() {
            history.record(&state, EditKind::Typing, i as f64 * 0.1);
            text.clone_into(&mut state.query.text);
        }
        history.record(&state, EditKind::Step, 5.0);
        state.selection = Selection::new(vec![ItemId(4)]);
        assert!(history.undo(&mut state));
        assert_eq!((state.query.text.as_str(), state.selection.items.len()), ("dog", 0));
        assert!(history.undo(&mut state));
        assert_eq!(state.query.text, "");
        assert!(!history.undo(&mut state));
        assert!(history.redo(&mut state) && history.redo(&mut state) && !history.redo(&mut state));
        assert_eq!((state.query.text.as_str(), state.selection.focus()), ("dog", Some(ItemId(4))));
    }
}
