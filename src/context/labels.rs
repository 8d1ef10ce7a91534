//! Labels in the window: scores on screen, and the labels that items were given.

use std::collections::HashMap;
use std::sync::Arc;

use super::VisibleRows;
use vicinity_core::{ItemId, LabelScore, QueryPart, ScoredLabels};

/// Labels that items were given, and scores of labels on screen.
#[derive(Debug, Clone, Default)]
pub struct LabelState {
    /// Scores of the focus.
    pub focus_scores: Option<Arc<Vec<ScoredLabels>>>,
    /// Something outside the collection whose labels are wanted.
    pub query_part: Option<QueryPart>,
    /// Scores of what is searched with.
    pub query_scores: Option<Arc<Vec<ScoredLabels>>>,
    /// The labels given to items.
    pub applied: Arc<AppliedLabels>,
    /// Visible items of each label, if the filter excludes some.
    pub visible_counts: Option<Arc<Vec<usize>>>,
}

impl LabelState {
    /// Items of a label that the filter admits.
    pub fn count(&self, label: usize) -> usize {
        let counts = self.visible_counts.as_deref().unwrap_or(&self.applied.counts);
        counts.get(label).copied().unwrap_or(0)
    }
}

/// The labels given to items. They keep their names when another label set is taken.
#[derive(Debug, Clone, Default)]
pub struct AppliedLabels {
    /// The names; labels of items are positions in this list.
    pub names: Vec<String>,
    /// Best label of each labelled item.
    pub best: HashMap<ItemId, LabelScore>,
    /// Items of each label, in the order of `names`.
    pub counts: Vec<usize>,
}

impl AppliedLabels {
    /// Labels that were given before; each is a position in `names`. Positions without a name are dropped.
    pub fn of(names: &[String], best: impl IntoIterator<Item = (ItemId, LabelScore)>) -> Self {
        let mut applied = Self::default();
        applied.assign(names, best.into_iter().map(|(id, score)| (id, Some(score))));
        applied
    }

    /// Gives items labels of `set`, in place of those that they have; `None` takes an item's label away.
    pub fn assign(&mut self, set: &[String], labelled: impl IntoIterator<Item = (ItemId, Option<LabelScore>)>) {
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut names = std::mem::take(&mut self.names);
        let first_new = names.len();
        let mut new: Vec<&String> = Vec::new();
        for (at, name) in names.iter().enumerate() {
            known.insert(name, at);
        }
        for (id, score) in labelled {
            let Some((name, score)) = score.and_then(|score| Some((set.get(score.label)?, score))) else {
                self.best.remove(&id);
                continue;
            };
            let label = *known.entry(name).or_insert_with(|| {
                new.push(name);
                first_new + new.len() - 1
            });
            self.best.insert(id, LabelScore { label, ..score });
        }
        drop(known);
        let new: Vec<String> = new.into_iter().cloned().collect();
        names.extend(new);
        self.names = names;
        self.counts = vec![0; self.names.len()];
        for score in self.best.values() {
            self.counts[score.label] += 1;
        }
    }

    /// Items of each label that are visible, in the order of `names`.
    pub fn visible_counts(&self, visible: &VisibleRows) -> Vec<usize> {
        let mut counts = vec![0; self.names.len()];
        for score in self.best.iter().filter(|(id, _)| visible.contains_item(**id)).map(|(_, score)| score) {
            if let Some(count) = counts.get_mut(score.label) {
                *count += 1;
            }
        }
        counts
    }

    /// The visible items of a label, best first.
    pub fn visible_items(&self, label: usize, visible: &VisibleRows) -> Vec<ItemId> {
        let of_label = self.best.iter().filter(|(_, score)| score.label == label);
        let mut items: Vec<_> = of_label.filter(|(id, _)| visible.contains_item(**id)).collect();
        items.sort_by(|a, b| b.1.score.total_cmp(&a.1.score).then(a.0.cmp(b.0)));
        items.into_iter().map(|(id, _)| *id).collect()
    }

    /// The label of an item.
    pub fn name_of(&self, id: ItemId) -> Option<&str> {
        self.names.get(self.best.get(&id)?.label).map(String::as_str)
    }

    /// The labels that items have, by the number of their items, largest first. So they get their colours.
    pub fn largest_first(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.counts.len()).filter(|label| self.counts[*label] > 0).collect();
        order.sort_by_key(|label| std::cmp::Reverse(self.counts[*label]));
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(label: usize) -> Option<LabelScore> {
        Some(LabelScore { label, score: 0.3, share: 0.9 })
    }

    #[test]
    fn given_labels_keep_their_names_when_another_set_is_taken() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut applied = AppliedLabels::default();
        let (first, second) = (set(&["dog", "cat"]), set(&["boat", "dog"]));
        applied.assign(&first, [(ItemId(1), score(0)), (ItemId(2), score(1)), (ItemId(3), score(1))]);
        applied.assign(&second, [(ItemId(2), score(0)), (ItemId(4), score(1)), (ItemId(3), None)]);
        let names = [1, 2, 3, 4].map(|id| applied.name_of(ItemId(id)));
        assert_eq!(names, [Some("dog"), Some("boat"), None, Some("dog")]);
        let counts: Vec<_> =
            applied.largest_first().into_iter().map(|at| (applied.names[at].as_str(), applied.counts[at])).collect();
        assert_eq!(counts, [("dog", 2), ("boat", 1)], "cat has no item left");
        let again = AppliedLabels::of(&applied.names, applied.best.clone());
        assert_eq!(again.name_of(ItemId(2)), Some("boat"), "as they come back from a library");
        assert_eq!(again.best.len(), 3);
    }
}
