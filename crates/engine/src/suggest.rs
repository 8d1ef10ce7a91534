//! Which queries to suggest for a collection: those of a bundled list whose best hits demonstrably stand out.
//!
//! Each candidate is scored as a search would score it. It qualifies where its best hits lie further from the bulk than
//! the largest of so many random numbers would, and where these items answer no other candidate better. Of those that
//! qualify the clearest are taken whose hits are different ones. Large collections are judged by a sample of rows.

use std::collections::HashSet;
use std::sync::Arc;

use super::index::{self, QueryVector, SearchParams};
use super::snapshot::{CHUNK, Snapshot};
use super::visible::VisibleRows;
use vicinity_core::{ContentHash, Embedding, Item, Modality, Scoring, Suggestion};

/// Queries suggested at most.
pub const MAX_SUGGESTIONS: usize = 5;
/// Rows looked at; more of a larger collection would change little and take long.
const SAMPLE: usize = 12_000;
/// Of fewer rows there is no bulk that anything could stand out from.
const MIN_ROWS: usize = 30;
/// Hits named with each suggestion.
const HITS_SHOWN: usize = 4;
/// How many deviations a hit has to lie beyond what chance alone would give. Measured on 1,171 labelled photos: see
/// `docs/architecture.md`, *Suggested queries*.
const MARGIN: f32 = 1.0;

/// What people look for in photos and notes. One line each, as one would type it.
pub const CANDIDATES: [&str; 131] = [
    "a dog",
    "a cat",
    "a bird",
    "a horse",
    "sheep or cows",
    "an elephant",
    "a bear",
    "a monkey",
    "a butterfly",
    "an insect on a leaf",
    "a fish",
    "a snake",
    "a turtle",
    "a shark or whale",
    "penguins",
    "a giraffe or zebra",
    "a lion or tiger",
    "a frog",
    "a rabbit",
    "a spider",
    "a lobster or crab",
    "a smiling face",
    "a baby",
    "children playing",
    "a group of people",
    "a crowd",
    "a wedding",
    "a birthday cake",
    "people eating together",
    "someone sleeping",
    "a person with glasses",
    "a man in a suit",
    "a plate of food",
    "fruit",
    "bananas",
    "strawberries",
    "lemons and oranges",
    "apples",
    "vegetables",
    "pizza",
    "a hamburger",
    "ice cream",
    "a cup of coffee",
    "a teapot",
    "a glass of wine",
    "bread",
    "a mushroom",
    "a pumpkin",
    "a beach",
    "palm trees",
    "snowy mountains",
    "a forest",
    "a waterfall",
    "a lake",
    "flowers",
    "a sunflower",
    "a sunset over the sea",
    "clouds in the sky",
    "the moon",
    "the earth from space",
    "a planet with rings",
    "a desert",
    "a rainbow",
    "lightning",
    "a campfire",
    "autumn leaves",
    "a city skyline",
    "a street at night",
    "a church",
    "a castle",
    "a lighthouse",
    "a bridge",
    "pyramids",
    "a statue",
    "a fountain",
    "a traffic light",
    "a stop sign",
    "a market",
    "a swimming pool",
    "a playground",
    "a kitchen",
    "a living room",
    "a bedroom",
    "a bathroom",
    "a bookshelf",
    "a desk with a computer",
    "a chair",
    "a lamp",
    "a clock",
    "a candle",
    "a sofa",
    "a washing machine",
    "toys",
    "a teddy bear",
    "shoes",
    "an umbrella",
    "a backpack",
    "a watch",
    "a telephone",
    "a camera",
    "a television",
    "a pair of scissors",
    "tools",
    "a guitar",
    "a piano",
    "a violin",
    "drums",
    "a trumpet or saxophone",
    "a red car",
    "a school bus",
    "a truck",
    "a train",
    "a motorcycle",
    "a bicycle",
    "an airplane",
    "a helicopter",
    "a sailboat",
    "a hot air balloon",
    "a parachute",
    "a soccer ball",
    "a golf ball",
    "a tennis player",
    "basketball",
    "skiing in the snow",
    "surfing on a wave",
    "a screenshot",
    "a map",
    "a handwritten letter",
    "a receipt",
    "a recipe",
    "a painting",
];

/// The work on one collection, a few candidates at a time, so that searches need not wait for all of it.
pub struct SuggestionSearch {
    sample: VisibleRows,
    fits: Vec<Fit>,
    /// The candidate that each row of the sample answers best, and how well.
    best: Vec<(f32, usize)>,
}

/// How a candidate's best hits stand out.
struct Fit {
    /// Rows of the sample, best first, with the deviations by which each lies above the bulk.
    rows: Vec<(usize, f32)>,
    /// Deviations that chance alone gives the best.
    chance: f32,
}

impl SuggestionSearch {
    /// Begins with the visible items of a collection.
    pub fn new(visible: &VisibleRows) -> Self {
        let sample = VisibleRows::everything(sample(visible, SAMPLE));
        let best = vec![(f32::NEG_INFINITY, usize::MAX); sample.len()];
        Self { sample, fits: Vec::new(), best }
    }

    /// Candidates scored so far.
    pub fn done(&self) -> usize {
        self.fits.len()
    }

    /// Scores the next candidate.
    pub fn score(&mut self, candidate: &Embedding) {
        let parts = [QueryVector { embedding: candidate.clone(), modality: Modality::Text, weight: 1.0 }];
        let lookup = SearchParams {
            parts: &parts,
            asked: &HashSet::new(),
            visible: &self.sample,
            scoring: Scoring::Centred,
            k: 0,
        };
        let scores = index::scores(&lookup);
        let mut known: Vec<f32> = scores.iter().copied().filter(|s| !s.is_nan()).collect();
        let (middle, deviation) = index::spread(&mut known);
        let mut rows: Vec<(usize, f32)> = Vec::new();
        if deviation > 0.0 {
            let deviations = scores.iter().map(|s| (s - middle) / deviation).enumerate();
            rows.extend(deviations.filter(|(_, z)| z.is_finite()));
        }
        for (row, z) in &rows {
            if *z > self.best[*row].0 {
                self.best[*row] = (*z, self.fits.len());
            }
        }
        rows.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        rows.truncate(4 * HITS_SHOWN);
        self.fits.push(Fit { rows, chance: index::expected_largest(known.len()).max(2.0) });
    }

    /// The queries to suggest, the clearest first.
    pub fn finish(self) -> Vec<Suggestion> {
        if self.sample.len() < MIN_ROWS {
            return Vec::new();
        }
        let wanted = needed(self.sample.len());
        let mut order: Vec<(f32, usize)> =
            (0..self.fits.len()).filter_map(|at| Some((self.strength(at, wanted)?, at))).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut taken: Vec<ContentHash> = Vec::new();
        let mut chosen = Vec::new();
        for (_, at) in order {
            let items = self.items(at);
            if items.iter().any(|item| taken.contains(&item.hash)) {
                continue;
            }
            taken.extend(items.iter().map(|item| item.hash));
            let items = items.iter().map(|item| item.id).collect();
            chosen.push(Suggestion { text: CANDIDATES[at].to_owned(), items });
            if chosen.len() == MAX_SUGGESTIONS {
                break;
            }
        }
        chosen
    }

    /// How far the hit number `wanted` lies beyond chance; `None` where the candidate does not qualify.
    fn strength(&self, at: usize, wanted: usize) -> Option<f32> {
        let fit = self.fits.get(at)?;
        let best = fit.rows.get(..wanted)?;
        let beyond = best.last()?.1 - fit.chance;
        // Its best hits answer nothing else better.
        let own = best.iter().filter(|(row, _)| self.best[*row].1 == at).count();
        (beyond >= MARGIN && own == wanted).then_some(beyond)
    }

    /// The best hits of a candidate that stand out and answer no other candidate better, no content twice.
    fn items(&self, at: usize) -> Vec<&Item> {
        let mut items: Vec<&Item> = Vec::new();
        for (row, z) in &self.fits[at].rows {
            let Some(item) = self.sample.snapshot().item(*row).filter(|_| *z >= self.fits[at].chance) else { break };
            let is_new = items.iter().all(|other| other.hash != item.hash);
            if self.best[*row].1 == at && is_new {
                items.push(item);
            }
        }
        items.truncate(HITS_SHOWN);
        items
    }
}

/// In a large collection a query has to have several good hits, in a small one a single one is an answer.
fn needed(rows: usize) -> usize {
    match rows {
        0..300 => 1,
        300..2_000 => 2,
        _ => 3,
    }
}

/// Evenly spaced visible rows; all of them if there are few.
fn sample(visible: &VisibleRows, most: usize) -> Arc<Snapshot> {
    let snapshot = visible.snapshot();
    let step = visible.len().div_ceil(most).max(1);
    if step == 1 && visible.are_everything() {
        return Arc::clone(snapshot);
    }
    let mut parts = snapshot.parts().clone();
    let rows: Vec<usize> = visible.rows().step_by(step).collect();
    let vector_row = |row: &usize| {
        let chunk = snapshot.parts().vector_rows.get(row / CHUNK);
        chunk.and_then(|chunk| chunk.get(row % CHUNK)).copied().unwrap_or(u32::MAX)
    };
    parts.chunks = rows
        .chunks(CHUNK)
        .map(|rows| rows.iter().filter_map(|row| snapshot.item(*row)).cloned().collect::<Vec<_>>())
        .map(Arc::new)
        .collect();
    parts.vector_rows = rows.chunks(CHUNK).map(|rows| Arc::new(rows.iter().map(vector_row).collect())).collect();
    Arc::new(Snapshot::truncated(parts, snapshot.dim()))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::{SnapshotParts, Vectors};
    use vicinity_core::{Filter, ItemId};
    use vicinity_models::ModelKey;

    const DIM: usize = 16;

    /// Pseudo-random numbers in [-1, 1] that are the same every time.
    fn noise(seed: usize) -> f32 {
        ((seed as f32 * 12.9898).sin() * 43_758.547).fract()
    }

    fn direction(at: usize, weight: f32, seed: usize) -> Embedding {
        let mut v: Vec<f32> = (0..DIM).map(|d| noise(seed * DIM + d)).collect();
        v[at] += weight;
        Embedding::new(v).expect("not zero")
    }

    /// `rows` pictures of nothing in particular, of which three show what lies in direction 3, and two of these are
    /// the same file.
    fn library(rows: usize) -> VisibleRows {
        let item = |i: usize| Item {
            id: ItemId(i as u32),
            path: Path::new(if i.is_multiple_of(2) { "/even/x" } else { "/odd/x" }).into(),
            part: None,
            modality: Modality::Image,
            bytes: 0,
            modified_ns: 0,
            hash: ContentHash([if i == 7 { 6 } else { i as u8 }; 32]),
            pixels: None,
            snippet: None,
        };
        let special = [5, 6, 7];
        let vectors: Vec<f32> = (0..rows)
            .flat_map(|i| direction(3, if special.contains(&i) { 9.0 } else { 0.0 }, i).as_slice().to_vec())
            .collect();
        VisibleRows::everything(Arc::new(Snapshot::new(SnapshotParts {
            library: PathBuf::new(),
            epoch: 0,
            generation: 0,
            photos: Vec::new(),
            tables: Arc::default(),
            groups: Arc::default(),
            roots: Vec::new(),
            chunks: vec![Arc::new((0..rows).map(item).collect())],
            vector_rows: vec![Arc::new((0..rows as u32).collect())],
            vectors: Vectors::Owned(vectors.into()),
            model: ModelKey { name: String::new(), revision: String::new(), preprocessing: String::new(), dim: DIM },
            means: [Arc::from(vec![0.0; DIM]), Arc::new([])],
            counts: [rows, 0],
            read_only: None,
        })))
    }

    #[test]
    fn what_stands_out_is_suggested_once_and_what_does_not_is_left_out() {
        let mut work = SuggestionSearch::new(&library(200));
        // The second asks for the same as the first, a little less clearly; the third for nothing that is there.
        for (at, weight, seed) in [(3, 9.0, 901), (3, 4.0, 902), (8, 0.5, 903)] {
            work.score(&direction(at, weight, seed));
        }
        assert_eq!(work.done(), 3);
        let found = work.finish();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].text, CANDIDATES[0]);
        assert_eq!(found[0].items.len(), 2, "one of two equal files: {:?}", found[0].items);
    }

    #[test]
    fn a_collection_without_anything_particular_has_no_suggestions() {
        let mut work = SuggestionSearch::new(&VisibleRows::everything(sample(&library(1000), 250)));
        (0..20).for_each(|seed| work.score(&direction(seed % DIM, 0.2, 700 + seed)));
        assert_eq!(work.finish(), []);
    }

    #[test]
    fn a_handful_of_items_has_no_suggestions() {
        let mut work = SuggestionSearch::new(&library(MIN_ROWS - 1));
        work.score(&direction(3, 9.0, 901));
        assert_eq!(work.finish(), []);
    }

    #[test]
    fn only_visible_items_are_judged_and_shown() {
        let everything = library(200);
        let suggested = |folder: &str| {
            let filter = Filter { folder: Some(folder.into()), ..Filter::default() };
            let mut work = SuggestionSearch::new(&VisibleRows::new(Arc::clone(everything.snapshot()), filter, None));
            work.score(&direction(3, 9.0, 901));
            work.finish().into_iter().map(|found| found.items).collect::<Vec<_>>()
        };
        assert_eq!(suggested("/even"), [[ItemId(6)]]);
        let odd = suggested("/odd");
        assert!(odd.len() == 1 && odd[0].len() == 2 && odd[0].iter().all(|id| [5, 7].contains(&id.0)), "{odd:?}");
        assert!(suggested("/none").is_empty());
    }

    #[test]
    fn a_sample_keeps_each_item_with_its_vector() {
        let whole = library(1000);
        let part = sample(&whole, 300);
        let whole = whole.snapshot();
        assert_eq!(part.len(), 250);
        for row in 0..part.len() {
            assert_eq!((part.item(row), part.vector(row)), (whole.item(row * 4), whole.vector(row * 4)));
        }
    }
}
