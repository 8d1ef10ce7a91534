//! Approximate nearest neighbours of very many rows: almost always the true ones, with a hundredth of the comparisons.
//!
//! Every row is compared, by matrix products of whole vectors, with the rows of those lists of a [`Partition`] whose
//! centres are nearest to it. How many lists that takes is measured on a few rows, whose neighbours are known. Where it
//! takes too many, what was found in some is refined from neighbour to neighbour. Neighbours are totally ordered, so
//! neither order nor number of threads matters.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::kmeans::{Partition, nearest};
use super::knn::{Best, Knn, SAME, collect, lock, of_blocks};
use super::matrix::times_transposed;
use super::refine::Refining;
use super::vector_source::{VectorSource, gather_units};
use super::{Cancelled, check};

/// Number of rows whose true neighbours determine how many lists are searched.
const SAMPLE_ROWS: usize = 256;
/// The share of true neighbours that must be in these lists.
const TARGET_RECALL: f64 = 0.97;
/// The share of true neighbours that, once found, needs no refining: where vectors form clear groups it is reached in
/// the lists; otherwise, or if lists were split, it is not.
const GOOD_RECALL: f64 = 0.95;
/// The fewest lists.
const MIN_PROBES: usize = 4;
/// Maximum number of rows that a row is compared with in lists, on average; beyond it, refining is faster.
const MAX_COMPARED: usize = 8192;
/// Maximum number of refinement rounds.
const MAX_ROUNDS: usize = 4;
/// A round that raised the share of true neighbours by less is the last.
const MIN_GAIN: f64 = 0.005;
/// The share of the progress at which all lists have been looked into; the rest is to refine, where that is needed.
const SEARCH_SHARE: f32 = 0.6;
/// A list longer than this multiple of the average (equal vectors) is split.
const MAX_LIST_FACTOR: usize = 8;
/// Rows multiplied at once.
const BLOCK: usize = 256;

/// The `k` (or almost) nearest neighbours of all rows by cosine. `progress` receives the share done, in [0, 1].
///
/// # Errors
/// When cancelled.
pub fn approximate(
    rows: &dyn VectorSource,
    k: usize,
    cancel: &AtomicBool,
    progress: &(dyn Fn(f32) + Sync),
) -> Result<Knn, Cancelled> {
    let count = rows.count();
    let k = k.min(count.saturating_sub(1));
    if k == 0 || rows.dim() == 0 {
        return Ok(Knn { k: 0, indices: Vec::new(), distances: Vec::new() });
    }
    let partition = Partition::new(rows, cancel)?;
    let known = Known::new(rows, k, cancel)?;
    let wanted = known.probes(rows, &partition, cancel)?;
    let probes = wanted.min((MAX_COMPARED * partition.len() / count).max(MIN_PROBES)).min(partition.len());
    let best = of_blocks(count, BLOCK, k);
    let lists = Lists::new(rows, &partition, probes, cancel)?;
    look(rows, &lists, &best, cancel, &|done| progress(SEARCH_SHARE * done))?;
    drop(lists);
    refine(rows, &known, &best, cancel, &|done| progress(SEARCH_SHARE + (1.0 - SEARCH_SHARE) * done))?;
    Ok(collect(best, k))
}

/// Compares each row with the members of the lists that it searches.
fn look(
    rows: &dyn VectorSource,
    lists: &Lists,
    best: &[Mutex<Best>],
    cancel: &AtomicBool,
    progress: &(dyn Fn(f32) + Sync),
) -> Result<(), Cancelled> {
    let total = lists.seekers.iter().map(Vec::len).sum::<usize>().max(1);
    let done = AtomicUsize::new(0);
    lists.members.par_iter().zip(&lists.seekers).with_max_len(1).try_for_each_init(
        Buffers::default,
        |buffers, (members, seekers)| {
            gather_units(rows, members.iter().map(|&row| row as usize), &mut buffers.members);
            for seekers in seekers.chunks(BLOCK) {
                check(cancel)?;
                compare(rows, seekers, members, buffers, best);
                let done = done.fetch_add(seekers.len(), Ordering::Relaxed) + seekers.len();
                progress(done as f32 / total as f32);
            }
            Ok(())
        },
    )
}

/// Refines until enough of the known neighbours are found, or a round finds hardly any more.
fn refine(
    rows: &dyn VectorSource,
    known: &Known,
    best: &[Mutex<Best>],
    cancel: &AtomicBool,
    progress: &(dyn Fn(f32) + Sync),
) -> Result<(), Cancelled> {
    let mut refining = Refining::new(rows, best, BLOCK, known.truth.k);
    let (mut recall, mut before, mut done) = (known.recall(best), 0.0, 0.0);
    for _ in 0..MAX_ROUNDS {
        if recall >= GOOD_RECALL || recall < before + MIN_GAIN {
            break;
        }
        let share = (1.0 - done) / 2.0; // each round has less to do
        refining.round(cancel, &|part| progress(done + share * part))?;
        done += share;
        before = std::mem::replace(&mut recall, known.recall(best));
    }
    progress(1.0);
    Ok(())
}

#[derive(Default)]
struct Buffers {
    members: Vec<f32>,
    seekers: Vec<f32>,
    cosines: Vec<f32>,
}

/// Offers the members to each of the seekers.
fn compare(rows: &dyn VectorSource, seekers: &[u32], members: &[u32], buffers: &mut Buffers, best: &[Mutex<Best>]) {
    gather_units(rows, seekers.iter().map(|&row| row as usize), &mut buffers.seekers);
    buffers.cosines.resize(seekers.len() * members.len(), 0.0);
    times_transposed(&buffers.seekers, &buffers.members, rows.dim(), &mut buffers.cosines);
    for (&seeker, cosines) in seekers.iter().zip(buffers.cosines.chunks_exact(members.len())) {
        lock(&best[seeker as usize / BLOCK]).offer_all(seeker as usize % BLOCK, cosines, members, seeker);
    }
}

/// A few rows whose true neighbours are known.
struct Known {
    rows: Vec<u32>,
    /// The rows themselves, of unit length.
    vectors: Vec<f32>,
    truth: Knn,
}

impl Known {
    fn new(rows: &dyn VectorSource, k: usize, cancel: &AtomicBool) -> Result<Self, Cancelled> {
        let (count, taken) = (rows.count(), SAMPLE_ROWS.min(rows.count()));
        let known: Vec<u32> = (0..taken).map(|i| (i * count / taken) as u32).collect();
        let mut vectors = Vec::new();
        gather_units(rows, known.iter().map(|&row| row as usize), &mut vectors);
        let truth = exact_of(rows, &known, &vectors, k, cancel)?;
        Ok(Self { rows: known, vectors, truth })
    }

    /// In how many lists to look so that [`TARGET_RECALL`] of the neighbours are found.
    fn probes(&self, rows: &dyn VectorSource, partition: &Partition, cancel: &AtomicBool) -> Result<usize, Cancelled> {
        let (mut own, mut theirs, mut block) = (Vec::new(), Vec::new(), Vec::new());
        partition.scores(&self.vectors, rows.dim(), &mut own);
        let mut at_rank = vec![0usize; partition.len()];
        for (own, neighbours) in own.chunks_exact(partition.len()).zip(self.truth.indices.chunks_exact(self.truth.k)) {
            check(cancel)?;
            gather_units(rows, neighbours.iter().map(|&row| row as usize), &mut block);
            partition.scores(&block, rows.dim(), &mut theirs);
            for line in theirs.chunks_exact(partition.len()) {
                let score = own[nearest(line) as usize];
                at_rank[own.iter().filter(|s| **s > score).count()] += 1;
            }
        }
        let wanted = (TARGET_RECALL * self.truth.indices.len() as f64) as usize;
        let mut found = 0;
        let too_few = |n: &&usize| {
            let go_on = found < wanted;
            found += **n;
            go_on
        };
        Ok(at_rank.iter().take_while(too_few).count().max(MIN_PROBES))
    }

    /// The share of the true neighbours, or equally near ones, that were found.
    fn recall(&self, best: &[Mutex<Best>]) -> f64 {
        let near = |(&row, distances): (&u32, &[f32])| {
            let last = distances.last().map_or(0.0, |distance| 1.0 - distance - SAME);
            let best = lock(&best[row as usize / BLOCK]);
            best.similarities(row as usize % BLOCK).iter().filter(|s| **s >= last).count()
        };
        let found: usize = self.rows.iter().zip(self.truth.distances.chunks_exact(self.truth.k)).map(near).sum();
        found as f64 / self.truth.distances.len() as f64
    }
}

/// The true neighbours of a few rows.
fn exact_of(
    rows: &dyn VectorSource,
    known: &[u32],
    vectors: &[f32],
    k: usize,
    cancel: &AtomicBool,
) -> Result<Knn, Cancelled> {
    let best = of_blocks(known.len(), known.len(), k);
    (0..rows.count().div_ceil(BLOCK)).into_par_iter().try_for_each_init(
        || (Vec::new(), Vec::new()),
        |(block, cosines), at| {
            check(cancel)?;
            let others: Vec<u32> = (at * BLOCK..((at + 1) * BLOCK).min(rows.count())).map(|row| row as u32).collect();
            gather_units(rows, others.iter().map(|&row| row as usize), block);
            cosines.resize(known.len() * others.len(), 0.0);
            times_transposed(vectors, block, rows.dim(), cosines);
            let mut best = lock(&best[0]);
            for ((i, &row), cosines) in known.iter().enumerate().zip(cosines.chunks_exact(others.len())) {
                best.offer_all(i, cosines, &others, row);
            }
            Ok(())
        },
    )?;
    Ok(collect(best, k))
}

/// Members of each list, and rows that search it.
struct Lists {
    members: Vec<Vec<u32>>,
    seekers: Vec<Vec<u32>>,
}

impl Lists {
    fn new(
        rows: &dyn VectorSource,
        partition: &Partition,
        probes: usize,
        cancel: &AtomicBool,
    ) -> Result<Self, Cancelled> {
        let count = rows.count();
        let mut choices = vec![0u32; count * probes];
        choices.par_chunks_mut(BLOCK * probes).enumerate().try_for_each_init(
            || (Vec::new(), Vec::new()),
            |(block, scores), (at, choices)| {
                check(cancel)?;
                gather_units(rows, at * BLOCK..at * BLOCK + choices.len() / probes, block);
                partition.scores(block, rows.dim(), scores);
                for (choices, line) in choices.chunks_exact_mut(probes).zip(scores.chunks_exact(partition.len())) {
                    highest(line, choices);
                }
                Ok(())
            },
        )?;
        Ok(Self::of_choices(&choices, probes, partition.len()))
    }

    /// From each row's lists, its own first. Of a list that was cut a row belongs to one part and looks into one; a
    /// list without members is none.
    fn of_choices(choices: &[u32], probes: usize, lists: usize) -> Self {
        let longest = (MAX_LIST_FACTOR * choices.len() / probes).div_ceil(lists);
        let mut sizes = vec![0usize; lists];
        choices.iter().step_by(probes).for_each(|&own| sizes[own as usize] += 1);
        let parts: Vec<usize> = sizes.iter().map(|size| size.div_ceil(longest).max(1)).collect();
        let firsts: Vec<usize> = parts.iter().scan(0, |sum, n| Some(std::mem::replace(sum, *sum + n))).collect();
        let total = parts.iter().sum();
        let mut made = Self { members: vec![Vec::new(); total], seekers: vec![Vec::new(); total] };
        sizes.fill(0);
        for (row, choices) in choices.chunks_exact(probes).enumerate() {
            for (i, list) in choices.iter().map(|&list| list as usize).enumerate() {
                let part = firsts[list] + if i == 0 { sizes[list] / longest } else { row % parts[list] };
                if i == 0 {
                    sizes[list] += 1;
                    made.members[part].push(row as u32);
                }
                made.seekers[part].push(row as u32);
            }
        }
        let full = made.members.into_iter().zip(made.seekers).filter(|(members, _)| !members.is_empty());
        let (members, seekers) = full.unzip();
        Self { members, seekers }
    }
}

/// The places of the highest scores, highest first; of equal ones the first.
fn highest(scores: &[f32], places: &mut [u32]) {
    let mut kept = Vec::with_capacity(places.len() + 1);
    for (place, &score) in scores.iter().enumerate() {
        if kept.len() == places.len() && kept.last().is_some_and(|last: &(f32, u32)| score <= last.0) {
            continue;
        }
        kept.insert(kept.partition_point(|k| k.0 >= score), (score, place as u32));
        kept.truncate(places.len());
    }
    places.iter_mut().zip(kept).for_each(|(place, kept)| *place = kept.1);
}
