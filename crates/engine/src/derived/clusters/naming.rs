//! Names of clusters.
//!
//! A cluster's direction is the mean of its items' vectors less the mean of all clusters of its level, and a little of what
//! sets it apart from the cluster that it is a part of; vectors are centred by modality. The word of the vocabulary that is nearest by
//! cosine is its name. A broader word wins if several of the nearest words belong to it: a cluster of spaniels, terriers and puppies is
//! one of dogs. Larger clusters choose first, and what one is called none of its level or within it is.
//! A word that too few of a cluster's items are close to is no name for it (`support`). What the user calls the items wins over the
//! vocabulary if it covers a cluster far better than the others (`own_words`). Texts are named by their own particular words.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::super::centred::Centred;
use super::own_words::own_words;
use super::support::{SupportedWords, WordTable};
use super::terms::particular_words;
use super::vector::{difference, length, mean, unit};
use super::vocabulary::VOCABULARY;
use super::word_vectors::WordVectors;
use crate::Snapshot;
use vicinity_core::{LabelledItems, MapPos, Modality};
use vicinity_layout::{ClusterTree, LEVELS, VectorSource};

/// Items of a cluster of the finest level that stand for it.
const SAMPLE: usize = 200;
/// Nearest words that count for the broader ones.
const NEAREST: usize = 10;
/// How much it helps a word if all of the nearest belong to it. Both weights were chosen on photos without labels, by looking.
const BROADER: f32 = 0.25;
/// How much counts what sets a cluster apart from its parent.
const APART: f32 = 0.3;
/// The mean of unit vectors that have little in common is short. A cluster below the first of these lengths has no word in common, one
/// below the second only one of the broadest.
const MIXED: [f32; 2] = [0.12, 0.2];
/// Names of a cluster.
const NAMES: usize = 3;

/// Items that stand for each cluster, and what they have in common.
pub struct ClusterMembers {
    /// For each cluster, rows of all of its parts, in proportion.
    rows: Vec<Vec<usize>>,
    /// Mean of the centred vectors.
    means: Vec<Vec<f32>>,
    /// Where each is, and the row most like its mean.
    middles: Vec<Option<(MapPos, usize)>>,
    /// What most items of each are.
    modalities: Vec<Modality>,
}

impl ClusterMembers {
    /// Takes items of each cluster.
    pub fn sample(snapshot: &Snapshot, positions: &[MapPos], tree: &ClusterTree) -> Self {
        let rows = sample_rows(tree);
        let centred = Centred::new(snapshot);
        let parts: Vec<_> = rows
            .par_iter()
            .map(|rows| {
                let mean = mean_of_rows(&centred, rows);
                let middle = middle(&centred, positions, rows, &mean);
                let texts =
                    rows.iter().filter(|row| snapshot.item(**row).is_some_and(|i| i.modality == Modality::Text));
                let modality = if 2 * texts.count() > rows.len() { Modality::Text } else { Modality::Image };
                (mean, middle, modality)
            })
            .collect();
        let mut found = Self { rows, means: Vec::new(), middles: Vec::new(), modalities: Vec::new() };
        for (mean, middle, modality) in parts {
            found.means.push(mean);
            found.middles.push(middle);
            found.modalities.push(modality);
        }
        found
    }

    /// Where the name of a cluster belongs, and the row that is most like all others.
    pub fn middle(&self, cluster: usize) -> Option<(MapPos, usize)> {
        *self.middles.get(cluster)?
    }

    /// Names for each cluster, best first.
    pub fn names(
        &self,
        snapshot: &Snapshot,
        tree: &ClusterTree,
        words: Option<&WordVectors>,
        labels: Option<&LabelledItems>,
    ) -> Vec<Vec<String>> {
        let mut candidates = self.own_words(snapshot, tree, labels);
        for (own, others) in candidates.iter_mut().zip(self.candidates(snapshot, tree, words)) {
            own.extend(others);
        }
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_by_key(|at| (tree.clusters[*at].levels.0, std::cmp::Reverse(tree.clusters[*at].count), *at));
        let mut taken: Vec<HashSet<&str>> = vec![HashSet::new(); LEVELS];
        let mut first: Vec<Option<&str>> = vec![None; candidates.len()];
        let mut names = vec![Vec::new(); candidates.len()];
        for at in order {
            let cluster = &tree.clusters[at];
            let levels = cluster.levels.0 as usize..=cluster.levels.1 as usize;
            let above = std::iter::successors(cluster.parent, |above| tree.clusters[*above as usize].parent);
            let above: Vec<&str> = above.filter_map(|above| first[above as usize]).collect();
            let is_free = |name: &&String| {
                !above.contains(&name.as_str()) && levels.clone().all(|level| !taken[level].contains(name.as_str()))
            };
            let free: Vec<&String> = candidates[at].iter().filter(is_free).take(NAMES).collect();
            if let Some(name) = free.first() {
                first[at] = Some(name);
                levels.for_each(|level| {
                    taken[level].insert(name);
                });
            }
            names[at] = free.into_iter().cloned().collect();
        }
        names
    }

    fn candidates(&self, snapshot: &Snapshot, tree: &ClusterTree, words: Option<&WordVectors>) -> Vec<Vec<String>> {
        let mut found = vec![Vec::new(); tree.clusters.len()];
        for (level, names) in (0..LEVELS).map(|level| (level, self.particular_words(snapshot, tree, level))) {
            for (at, names) in names {
                if tree.clusters[at].levels.0 as usize == level {
                    found[at] = names;
                }
            }
        }
        let Some(words) = words else { return found };
        let directions = self.directions(tree);
        let centred = Centred::new(snapshot);
        for modality in Modality::ALL {
            let words = words.centred(modality);
            let table = WordTable::new(&words);
            let named: Vec<(usize, Vec<String>)> = (0..directions.len())
                .into_par_iter()
                .filter(|at| self.modalities[*at] == modality)
                .map(|at| {
                    let mut names = nearest_words(&directions[at], &words, length(&self.means[at]));
                    if modality == Modality::Image && !names.is_empty() {
                        let supported = SupportedWords::new(&centred, &self.rows[at], &table);
                        names.retain(|word| supported.contain(*word));
                    }
                    (at, names.into_iter().map(|word| VOCABULARY.words[word].to_owned()).collect())
                })
                .collect();
            named.into_iter().for_each(|(at, names)| found[at].extend(names));
        }
        found
    }

    /// Of all clusters, the words of the user that cover them far better than the others of their level.
    fn own_words(&self, snapshot: &Snapshot, tree: &ClusterTree, labels: Option<&LabelledItems>) -> Vec<Vec<String>> {
        let mut found = vec![Vec::new(); tree.clusters.len()];
        for level in 0..LEVELS {
            let shown: Vec<usize> = (0..self.rows.len()).filter(|at| is_shown(tree, *at, level)).collect();
            let rows: Vec<&[usize]> = shown.iter().map(|at| &*self.rows[*at]).collect();
            for (at, words) in shown.into_iter().zip(own_words(snapshot, labels, &rows, NAMES)) {
                if usize::from(tree.clusters[at].levels.0) == level {
                    found[at] = words;
                }
            }
        }
        found
    }

    /// Of the clusters of texts at a level, the words that set them apart from the others there.
    fn particular_words(&self, snapshot: &Snapshot, tree: &ClusterTree, level: usize) -> Vec<(usize, Vec<String>)> {
        let shown = (0..self.rows.len()).filter(|at| is_shown(tree, *at, level));
        let of_texts: Vec<usize> = shown.filter(|at| self.modalities[*at] == Modality::Text).collect();
        let snippets = of_texts.iter().enumerate().flat_map(|(class, at)| {
            let items = self.rows[*at].iter().filter_map(|row| snapshot.item(*row));
            items.filter_map(move |item| Some((class, &**item.snippet.as_ref()?)))
        });
        let words = particular_words(snippets, of_texts.len(), NAMES + 1);
        let joined = |words: Vec<String>| -> Vec<String> {
            // One word says little of a text.
            words.chunks(2).map(|pair| pair.join(", ")).collect()
        };
        of_texts.into_iter().zip(words.into_iter().map(joined)).collect()
    }

    /// What is particular to each cluster, of unit length.
    fn directions(&self, tree: &ClusterTree) -> Vec<Vec<f32>> {
        let dim = self.means.first().map_or(0, Vec::len);
        let of_level = |level: usize| {
            let shown = (0..self.means.len()).filter(|at| usize::from(tree.clusters[*at].levels.0) == level);
            mean(shown.map(|at| &*self.means[at]).collect::<Vec<_>>().into_iter(), dim)
        };
        let of_levels: Vec<Vec<f32>> = (0..LEVELS).map(of_level).collect();
        let direction = |at: usize| {
            let cluster = &tree.clusters[at];
            let mean = &self.means[at];
            let mut found = difference(mean, &of_levels[usize::from(cluster.levels.0)]);
            if let Some(parent) = cluster.parent {
                let apart = difference(mean, &self.means[parent as usize]);
                found.iter_mut().zip(apart).for_each(|(value, apart)| *value += APART * apart);
            }
            unit(found)
        };
        (0..self.means.len()).into_par_iter().map(direction).collect()
    }
}

/// Whether a cluster is shown at a level.
fn is_shown(tree: &ClusterTree, cluster: usize, level: usize) -> bool {
    let (coarsest, finest) = tree.clusters[cluster].levels;
    (usize::from(coarsest)..=usize::from(finest)).contains(&level)
}

/// The best words for a direction, best first, where the mean of the cluster's vectors is so long.
fn nearest_words(direction: &[f32], words: &[(usize, Vec<f32>)], length: f32) -> Vec<usize> {
    // All zeros where there is nothing to differ from.
    if length < MIXED[0] || direction.iter().all(|value| *value == 0.0) {
        return Vec::new();
    }
    let cosine = |vector: &[f32]| direction.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>();
    let mut scored: Vec<(f32, usize)> = words.iter().map(|(word, vector)| (cosine(vector), *word)).collect();
    let better = |a: &(f32, usize), b: &(f32, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    scored.sort_unstable_by(better);
    let mut belonging: HashMap<usize, usize> = HashMap::new();
    for (_, word) in scored.iter().take(NEAREST) {
        for broader in VOCABULARY.path(*word) {
            *belonging.entry(broader).or_default() += 1;
        }
    }
    for (score, word) in &mut scored {
        let others = belonging.get(word).map_or(0, |count| count - 1);
        *score *= 1.0 + BROADER * others as f32 / (NEAREST - 1) as f32;
    }
    scored.sort_unstable_by(better);
    let is_wanted = |word: &usize| length >= MIXED[1] || VOCABULARY.is_broadest(*word);
    scored.into_iter().filter(|(_, word)| is_wanted(word)).take(4 * NEAREST).map(|(_, word)| word).collect()
}

/// Evenly spread rows of each cluster of the finest level, and for the others those of their parts, as many as these have items.
fn sample_rows(tree: &ClusterTree) -> Vec<Vec<usize>> {
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); tree.clusters.len()];
    let mut seen = vec![0usize; tree.clusters.len()];
    for (row, finest) in tree.of_points.iter().enumerate() {
        let mut at = Some(*finest);
        while let Some(cluster) = at {
            let cluster = cluster as usize;
            let step = (tree.clusters[cluster].count as usize).div_ceil(SAMPLE);
            if seen[cluster].is_multiple_of(step) {
                rows[cluster].push(row);
            }
            seen[cluster] += 1;
            at = tree.clusters[cluster].parent;
        }
    }
    rows
}

fn mean_of_rows(centred: &Centred<'_>, rows: &[usize]) -> Vec<f32> {
    let mut sum = vec![0.0f32; centred.dim()];
    let mut vector = vec![0.0f32; centred.dim()];
    for row in rows {
        centred.read(*row, &mut vector);
        sum.iter_mut().zip(&vector).for_each(|(sum, value)| *sum += value / rows.len() as f32);
    }
    sum
}

/// The position of the row that is nearest to the medians of both coordinates, and the row most like the mean.
fn middle(centred: &Centred<'_>, positions: &[MapPos], rows: &[usize], mean: &[f32]) -> Option<(MapPos, usize)> {
    let at: Vec<MapPos> = rows.iter().filter_map(|row| positions.get(*row)).copied().collect();
    let median = |value: fn(&MapPos) -> f32| {
        let mut values: Vec<f32> = at.iter().map(value).collect();
        let middle = values.len() / 2;
        (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f32::total_cmp).1)
    };
    let (x, y) = (median(|p| p.x)?, median(|p| p.y)?);
    let distance = |p: &MapPos| (p.x - x).powi(2) + (p.y - y).powi(2);
    let centre = at.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    let mut vector = vec![0.0f32; mean.len()];
    let mut likeness = |row: usize| {
        centred.read(row, &mut vector);
        vector.iter().zip(mean).map(|(a, b)| a * b).sum::<f32>()
    };
    let typical =
        rows.iter().map(|row| (likeness(*row), *row)).max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))?;
    Some((*centre, typical.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_nothing_or_is_a_mixed_lot_has_no_name() {
        let words = [(3, vec![1.0, 0.0]), (4, vec![0.0, 1.0])];
        assert_eq!(nearest_words(&[0.8, 0.6], &words, 0.5)[0], 3);
        assert!(nearest_words(&[0.0, 0.0], &words, 0.5).is_empty());
        assert!(nearest_words(&[0.8, 0.6], &words, 0.1).is_empty());
        let broadest = nearest_words(&[0.8, 0.6], &words, 0.15);
        assert!(broadest.iter().all(|word| VOCABULARY.is_broadest(*word)));
    }
}
