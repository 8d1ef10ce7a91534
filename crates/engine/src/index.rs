//! Exact search: every vector of the snapshot is scored.
//!
//! # How pictures and texts are ranked in one list
//! A model puts pictures and texts into two clouds that do not overlap (the *modality gap*), and two texts are scored by
//! one tower while a text and a picture are scored by two. So the raw cosines of text-text and text-picture pairs differ
//! both in their middle and in their spread: a mixed list by raw cosine would show one kind first and the other last.
//! [`Scoring::Centred`] repairs both, for query `q` of modality `p` and item `v` of modality `m`:
//!
//! 1. *middle*: `c = cos(q - w_p mean_p, v - w_m mean_m)`. The means are those of this library, weighed by
//!    `w = n / (n + 16)`: a mean of a handful of items says more of these items than of their modality.
//! 2. *spread*: `score = c * s / s_m`, with `s_m` the robust spread (median absolute deviation) of `c` over all
//!    items of modality `m` under this query, that is, of the bulk that does not match, and `s` the smaller of
//!    the two. A modality of few items takes the other's spread (weighed by the same `w`).
//!
//! So a score says how far an item lies from the bulk of its own kind, in one unit for both kinds.
//! Where the library or the filter leaves only one modality, the second step changes nothing.
//! [`Scoring::RawCosine`] is the plain cosine.
//!
//! Of a snapshot that is cut to fewer dimensions ([`Snapshot::is_truncated`]) only the beginning of each vector is read, and
//! divided by its length on the way: the scores are those of vectors cut and scaled to unit length beforehand.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use super::dot::dots;
use super::snapshot::{CHUNK, Snapshot};
use super::visible::VisibleRows;
use vicinity_core::{Embedding, Histogram, Hit, ItemId, Modality, Scoring, SearchResult};

/// Items at which a modality's own mean weighs one half.
const PRIOR_ITEMS: f32 = 16.0;

/// One embedded ingredient of a query.
#[derive(Debug, Clone)]
pub struct QueryVector {
    /// Its unit vector.
    pub embedding: Embedding,
    /// Which tower made it.
    pub modality: Modality,
    /// How much it counts, 1 for a part of its own.
    pub weight: f32,
}

/// What to look for.
#[derive(Debug, Clone)]
pub struct SearchParams<'a> {
    /// Averaged as unit vectors.
    pub parts: &'a [QueryVector],
    /// Items of the query, which are no hits.
    pub asked: &'a HashSet<ItemId>,
    /// Which rows of which snapshot are scored.
    pub visible: &'a VisibleRows,
    /// How scores are made.
    pub scoring: Scoring,
    /// The most hits wanted.
    pub k: usize,
}

/// Scores every visible row and lists the best.
pub fn search(params: &SearchParams<'_>) -> SearchResult {
    let start = Instant::now();
    let snapshot = params.visible.snapshot();
    let scores = scores(params);
    let hits = top_hits(snapshot, &scores, params);
    let (threshold, above_by_modality) = above_threshold(snapshot, &scores);
    SearchResult {
        hits,
        histogram: Histogram::new(&scores, threshold),
        scores: Arc::from(scores),
        above_threshold: above_by_modality.iter().sum(),
        above_by_modality,
        threshold,
        epoch: snapshot.epoch(),
        seconds: [0.0, start.elapsed().as_secs_f32()],
    }
}

/// The score of every row; NaN if it is not visible or has no vector.
pub(super) fn scores(params: &SearchParams<'_>) -> Vec<f32> {
    let snapshot = params.visible.snapshot();
    let centring = Centring::new(snapshot, params.scoring);
    let mut scores = vec![f32::NAN; snapshot.len()];
    if let Some(query) = centring.query(params.parts) {
        score_rows(params.visible, &centring, &query, &mut scores);
        if params.scoring == Scoring::Centred {
            equalise_spread(snapshot, &mut scores);
        }
    }
    scores
}

/// What is subtracted from the vectors of each modality before they are compared.
pub struct Centring {
    means: [Vec<f32>; 2],
    squared: [f32; 2],
}

impl Centring {
    /// The shrunken means of the library, or zeros for raw cosine.
    pub fn new(snapshot: &Snapshot, scoring: Scoring) -> Self {
        let dim = snapshot.dim();
        let means = Modality::ALL.map(|modality| match (scoring, snapshot.mean(modality)) {
            (Scoring::Centred, Some(mean)) => {
                let weight = weight(snapshot.count(modality));
                mean.iter().map(|m| m * weight).collect()
            }
            _ => vec![0.0; dim],
        });
        let squared = [0, 1].map(|m| means[m].iter().map(|x| x * x).sum());
        Self { means, squared }
    }

    /// The mean that is subtracted from one modality.
    pub fn mean(&self, modality: Modality) -> &[f32] {
        &self.means[modality.index()]
    }

    /// The parts, each centred and of unit length, averaged by their weights; `None` where nothing is left.
    fn query(&self, parts: &[QueryVector]) -> Option<Vec<f32>> {
        let mut sum = vec![0.0f32; self.means[0].len()];
        for part in parts {
            let mean = self.mean(part.modality);
            let Ok(cut) = part.embedding.truncated(mean.len()) else { continue };
            let centred: Vec<f32> = cut.as_slice().iter().zip(mean).map(|(v, m)| v - m).collect();
            if let Ok(unit) = Embedding::new(centred) {
                sum.iter_mut().zip(unit.as_slice()).for_each(|(s, v)| *s += v * part.weight);
            }
        }
        Some(Embedding::new(sum).ok()?.as_slice().to_vec())
    }
}

fn weight(items: usize) -> f32 {
    items as f32 / (items as f32 + PRIOR_ITEMS)
}

fn score_rows(visible: &VisibleRows, centring: &Centring, query: &[f32], scores: &mut [f32]) {
    let snapshot = visible.snapshot();
    let offsets = [0, 1].map(|m| dots([query], &centring.means[m])[0]);
    scores.par_chunks_mut(CHUNK / 4).enumerate().for_each(|(chunk, scores)| {
        for (i, score) in scores.iter_mut().enumerate() {
            let row = chunk * (CHUNK / 4) + i;
            if !visible.contains(row) {
                continue;
            }
            let (Some(item), Some(vector)) = (snapshot.item(row), snapshot.vector(row)) else { continue };
            let m = item.modality.index();
            let mean = &centring.means[m];
            let [along_query, along_mean] = if snapshot.is_truncated() {
                let [along_query, along_mean, square] = dots([query, mean, vector], vector);
                let length = square.max(f32::MIN_POSITIVE).sqrt();
                [along_query / length, along_mean / length]
            } else {
                dots([query, mean], vector)
            };
            // |v - mean|^2 = |v|^2 - 2 v.mean + |mean|^2, and v has unit length
            let length = (1.0 - 2.0 * along_mean + centring.squared[m]).max(1e-6).sqrt();
            *score = ((along_query - offsets[m]) / length).clamp(-1.0, 1.0);
        }
    });
}

/// Brings the scores of both modalities to one spread (step 2 of the module's documentation).
fn equalise_spread(snapshot: &Snapshot, scores: &mut [f32]) {
    let mut by_modality = [Vec::new(), Vec::new()];
    for (item, score) in snapshot.items().zip(scores.iter()) {
        if !score.is_nan() {
            by_modality[item.modality.index()].push(*score);
        }
    }
    if by_modality.iter().any(Vec::is_empty) {
        return;
    }
    let weights = [0, 1].map(|m| weight(by_modality[m].len()));
    let own = by_modality.map(|mut scores| spread(&mut scores).1.max(1e-3));
    // geometric, as spreads are ratios; a modality of few items leans on the other's
    let spreads = [0, 1].map(|m: usize| own[m].powf(weights[m]) * own[1 - m].powf(1.0 - weights[m]));
    let smaller = spreads[0].min(spreads[1]);
    let factors = spreads.map(|s| smaller / s);
    for (item, score) in snapshot.items().zip(scores.iter_mut()) {
        *score *= factors[item.modality.index()];
    }
}

/// Median, and the standard deviation that a normal bulk of this median absolute deviation has. Reorders its input.
pub(super) fn spread(scores: &mut [f32]) -> (f32, f32) {
    let middle = median(scores);
    scores.iter_mut().for_each(|s| *s = (*s - middle).abs());
    (middle, 1.4826 * median(scores))
}

fn median(values: &mut [f32]) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let at = values.len() / 2;
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}

fn top_hits(snapshot: &Snapshot, scores: &[f32], params: &SearchParams<'_>) -> Vec<Hit> {
    let asked = params.asked;
    let mut rows: Vec<(f32, u32)> =
        scores.iter().enumerate().filter(|(_, s)| !s.is_nan()).map(|(row, s)| (*s, row as u32)).collect();
    let by_score = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    let wanted = params.k.saturating_add(asked.len());
    if wanted < rows.len() {
        rows.select_nth_unstable_by(wanted, by_score);
        rows.truncate(wanted);
    }
    rows.sort_unstable_by(by_score);
    let hits = rows.iter().filter_map(|&(score, row)| Some((score, snapshot.item(row as usize)?)));
    let hits = hits.filter(|(_, item)| !asked.contains(&item.id));
    hits.take(params.k).map(|(score, item)| Hit { item: item.id, modality: item.modality, score }).collect()
}

/// How many standard deviations the largest of `n` normal numbers lies above their middle, on average
/// (Cramér's asymptotic formula): 2.2 of 64, 3.3 of 2,000, 4.3 of 100,000.
pub(super) fn expected_largest(n: usize) -> f32 {
    let log = (n.max(3) as f32).ln();
    let root = (2.0 * log).sqrt();
    root - (log.ln() + (4.0 * std::f32::consts::PI).ln()) / (2.0 * root)
}

/// The threshold for matches, and how many items of each modality are at or above it: the score that the bulk, taken
/// as a normal distribution of robust middle and spread, reaches by chance once among so many.
fn above_threshold(snapshot: &Snapshot, scores: &[f32]) -> (f32, [usize; 2]) {
    let mut known: Vec<f32> = scores.iter().copied().filter(|s| !s.is_nan()).collect();
    if known.is_empty() {
        return (0.0, [0; 2]);
    }
    let chance = expected_largest(known.len()).max(2.0);
    let (middle, deviation) = spread(&mut known);
    let threshold = middle + chance * deviation;
    let mut above = [0; 2];
    for (row, _) in scores.iter().enumerate().filter(|(_, score)| **score >= threshold && **score > middle) {
        if let Some(item) = snapshot.item(row) {
            above[item.modality.index()] += 1;
        }
    }
    (threshold, above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SnapshotParts, Vectors};
    use std::path::{Path, PathBuf};
    use vicinity_core::{ContentHash, Filter, Item};
    use vicinity_models::ModelKey;

    const DIM: usize = 8;

    /// Direction `at`, seen from the middle of a modality, with a little noise of its own.
    fn vector(modality: Modality, at: usize, item: usize) -> Embedding {
        let mut v = vec![0.0f32; DIM];
        v[6 + modality.index()] = 3.0;
        // texts lie further apart than pictures
        v[at] += if modality == Modality::Text { 2.0 } else { 0.5 };
        v[item % 6] += 0.05;
        Embedding::new(v).expect("not zero")
    }

    /// For each of six directions ten pictures and ten texts.
    fn library() -> Snapshot {
        let item = |i: usize| Item {
            id: ItemId(i as u32 * 3),
            path: Path::new(if i < 60 { "/a/x" } else { "/b/x" }).into(),
            part: None,
            modality: Modality::ALL[i % 2],
            bytes: 0,
            modified_ns: 0,
            hash: ContentHash([0; 32]),
            pixels: None,
            snippet: None,
        };
        let vectors: Vec<f32> =
            (0..120).flat_map(|i| vector(Modality::ALL[i % 2], i / 2 % 6, i / 12).as_slice().to_vec()).collect();
        let means = [0, 1].map(|m| {
            let mut mean = vec![0.0; DIM];
            for row in vectors.chunks(DIM).skip(m).step_by(2) {
                mean.iter_mut().zip(row).for_each(|(sum, v)| *sum += v / 60.0);
            }
            Arc::from(mean)
        });
        Snapshot::new(SnapshotParts {
            library: PathBuf::new(),
            epoch: 0,
            generation: 0,
            photos: Vec::new(),
            tables: Arc::default(),
            groups: Arc::default(),
            roots: Vec::new(),
            chunks: vec![Arc::new((0..120).map(item).collect())],
            vector_rows: vec![Arc::new((0..120).collect())],
            vectors: Vectors::Owned(vectors.into()),
            model: ModelKey { name: String::new(), revision: String::new(), preprocessing: String::new(), dim: DIM },
            means,
            counts: [60, 60],
            read_only: None,
        })
    }

    fn find(scoring: Scoring, filter: &Filter, k: usize) -> SearchResult {
        let parts = [QueryVector { embedding: vector(Modality::Text, 2, 9), modality: Modality::Text, weight: 1.0 }];
        let visible = VisibleRows::new(Arc::new(library()), filter.clone(), None);
        search(&SearchParams { parts: &parts, asked: &HashSet::new(), visible: &visible, scoring, k })
    }

    #[test]
    fn pictures_and_texts_that_match_share_the_list() {
        let images = |result: &SearchResult| result.hits.iter().filter(|h| h.modality == Modality::Image).count();
        let raw = find(Scoring::RawCosine, &Filter::default(), 20);
        assert_eq!(images(&raw), 0, "by raw cosine every text comes before every picture");
        let centred = find(Scoring::Centred, &Filter::default(), 20);
        assert_eq!(images(&centred), 10);
        assert!(centred.hits.iter().all(|hit| hit.item.0 / 3 / 2 % 6 == 2), "and all of them match");
        assert!(centred.hits.is_sorted_by(|a, b| a.score >= b.score));
    }

    #[test]
    fn what_matches_stands_out() {
        let found = find(Scoring::Centred, &Filter::default(), 5);
        assert_eq!((found.hits.len(), found.above_threshold, found.above_by_modality), (5, 20, [10, 10]));
        assert_eq!(found.histogram.as_ref().map(Histogram::len), Some(120));
        assert!(found.hits[4].score >= found.threshold);
    }

    #[test]
    fn filters_leave_the_others_without_a_score() {
        let filter =
            Filter { modality: Some(Modality::Image), folder: Some(PathBuf::from("/b")), ..Default::default() };
        let found = find(Scoring::Centred, &filter, 100);
        assert_eq!(found.hits.len(), 30);
        assert_eq!(found.histogram.as_ref().map(Histogram::len), Some(30));
        assert_eq!(found.scores.iter().filter(|score| !score.is_nan()).count(), 30);
    }

    #[test]
    fn an_item_is_no_hit_of_its_own_query() {
        let snapshot = Arc::new(library());
        let embedding = Embedding::new(snapshot.vector(4).expect("there")).expect("not zero");
        let parts = [QueryVector { embedding, modality: Modality::Image, weight: 1.0 }];
        let visible = VisibleRows::everything(snapshot);
        let (asked, scoring) = (HashSet::from([ItemId(12)]), Scoring::Centred);
        let found = search(&SearchParams { parts: &parts, asked: &asked, visible: &visible, scoring, k: 1000 });
        assert_eq!(found.hits.len(), 119);
        assert!(found.hits.iter().all(|hit| hit.item != ItemId(12)));
    }

    #[test]
    fn the_expected_largest_is_that_of_normal_numbers() {
        // from tables: 2.36 of 64 numbers, 3.44 of 2,000; the asymptotic formula is a little low
        assert!((expected_largest(64) - 2.36).abs() < 0.2);
        assert!((expected_largest(2000) - 3.44).abs() < 0.2);
    }
}
