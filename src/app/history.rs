//! Undo and redo of what the user chose: selection, query, filter, colours, groups, labels.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::asked_query::AskedQuery;
use crate::context::{AppliedLabels, ColourBy, FilterDisplay, LegendKey, LibraryState, Preferences, Selection, State};
use vicinity_core::{ClusterNames, Clusters, ItemGroup, ItemGroups, LabelSet};

/// Steps kept.
const STEPS: usize = 100;
/// Items that all of them hold together, selected, labelled or in groups, each shared list once: some 10 MB. One step is kept
/// whatever it holds.
const ITEMS: usize = 500_000;
/// Typing or walking within this time is one step.
const ONE_STEP_SECS: f64 = 1.0;

/// What changed; changes of one kind in quick succession are one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditKind {
    /// Letters in the search box.
    Typing,
    /// From one item to the next.
    Walking,
    /// Anything else.
    Step,
}

#[derive(Clone)]
struct UndoState {
    selection: Arc<Selection>,
    pinned: Option<Arc<Selection>>,
    query: AskedQuery,
    display: FilterDisplay,
    colours: (ColourBy, String),
    hidden: BTreeSet<LegendKey>,
    groups: Arc<ItemGroups>,
    labels: LabelSet,
    applied: Arc<AppliedLabels>,
    cluster_names: Arc<ClusterNames>,
    clusters: Option<Arc<Clusters>>,
}

impl UndoState {
    fn of(state: &State) -> Self {
        let LibraryState { selection, gallery, query, hidden_legend, groups, labels, clusters, cluster_state, .. } =
            state.library();
        let Preferences { filter_display, colour_by, colour_column, label_set, .. } = &state.preferences;
        Self {
            selection: Arc::clone(selection),
            pinned: gallery.pinned.clone(),
            query: AskedQuery::of(query),
            display: *filter_display,
            colours: (*colour_by, colour_column.clone()),
            hidden: hidden_legend.clone(),
            groups: Arc::clone(&groups.all),
            labels: label_set.clone(),
            applied: Arc::clone(&labels.applied),
            cluster_names: Arc::clone(&cluster_state.names),
            clusters: clusters.clone(),
        }
    }

    /// Items that it holds and `newer`, the step after it, does not share.
    fn own_items(&self, newer: Option<&Self>) -> usize {
        let selection = newer.is_none_or(|newer| !Arc::ptr_eq(&self.selection, &newer.selection));
        let labels = newer.is_none_or(|newer| !Arc::ptr_eq(&self.applied, &newer.applied));
        let grouped = |group: &&ItemGroup| {
            let same = |other: &ItemGroup| Arc::ptr_eq(other.items(), group.items());
            newer.is_none_or(|newer| !newer.groups.all().iter().any(same))
        };
        let groups = self.groups.all().iter().filter(grouped).map(|group| group.items().len());
        usize::from(selection) * self.selection.items.len()
            + usize::from(labels) * self.applied.best.len()
            + groups.sum::<usize>()
    }

    fn restore(self, state: &mut State) {
        let preferences = &mut state.preferences;
        (preferences.label_set, preferences.filter_display) = (self.labels, self.display);
        (preferences.colour_by, preferences.colour_column) = self.colours;
        let library = state.library_mut();
        (library.selection, library.gallery.pinned) = (self.selection, self.pinned);
        (library.hidden_legend, library.groups.all) = (self.hidden, self.groups);
        library.labels.applied = self.applied;
        if !Arc::ptr_eq(&library.cluster_state.names, &self.cluster_names) {
            library.cluster_state.names = self.cluster_names;
            // Of another map the names are bound again by whoever calls this.
            let same = |known: &Arc<Clusters>| self.clusters.as_ref().is_some_and(|then| then.are_of_same_map(known));
            if library.clusters.as_ref().is_some_and(same) {
                library.clusters = self.clusters;
            }
        }
        self.query.restore(&mut library.query);
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
        let same_step =
            change != EditKind::Step && self.last.is_some_and(|(kind, at)| kind == change && now - at < ONE_STEP_SECS);
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
        steps.for_each(|step| step.query.forget_textures());
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
