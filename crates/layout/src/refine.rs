//! Makes almost true neighbours truer: a neighbour's neighbour is often a neighbour too (the local join of NN-descent;
//! Dong, Moses and Li 2011).
//!
//! Around each row those that it counts among its neighbours, and those that count it among theirs, are compared with
//! each other by one small matrix product, as far as one of the two is new there. A round goes by the neighbours as they
//! were when it began, and of what it finds the best is kept whoever finds it first: neither order nor number of
//! threads matters.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::knn::{Best, Incoming, lock};
use super::matrix::times_transposed;
use super::vector_source::{VectorSource, gather_units};
use super::{Cancelled, check};

/// Rows per task.
const BLOCK: usize = 256;

/// The rows' best neighbours, in blocks of equal length, while they are refined.
pub struct Refining<'a> {
    rows: &'a dyn VectorSource,
    best: &'a [Mutex<Best>],
    /// Rows a block of `best`.
    block: usize,
    k: usize,
    /// The neighbours when the last round began.
    before: Vec<u32>,
}

impl<'a> Refining<'a> {
    /// Of neighbours that were never refined.
    pub fn new(rows: &'a dyn VectorSource, best: &'a [Mutex<Best>], block: usize, k: usize) -> Self {
        Self { rows, best, block, k, before: Vec::new() }
    }

    /// One round.
    ///
    /// # Errors
    /// When cancelled.
    pub fn round(&mut self, cancel: &AtomicBool, progress: &(dyn Fn(f32) + Sync)) -> Result<(), Cancelled> {
        let k = self.k;
        let (mut now, mut bounds) = (Vec::new(), Vec::new());
        for block in self.best {
            let block = lock(block);
            now.extend_from_slice(block.neighbours());
            bounds.extend(block.bounds().iter().map(|bound| AtomicU32::new(bound.to_bits())));
        }
        let known =
            |at: usize| self.before.get(at - at % k..).is_some_and(|rows| rows.iter().take(k).any(|n| *n == now[at]));
        let fresh: Vec<bool> = (0..now.len()).into_par_iter().map(|at| !known(at)).collect();
        let round = Round { incoming: Incoming::new(&now, k), now: &now, fresh: &fresh, bounds: &bounds, of: self };
        let (count, done) = (bounds.len(), AtomicUsize::new(0));
        (0..count.div_ceil(BLOCK)).into_par_iter().with_max_len(1).try_for_each_init(
            Buffers::default,
            |buffers, at| {
                check(cancel)?;
                (at * BLOCK..((at + 1) * BLOCK).min(count)).for_each(|row| round.join(row, buffers));
                let done = done.fetch_add(BLOCK, Ordering::Relaxed) + BLOCK;
                progress((done as f32 / count as f32).min(1.0));
                Ok(())
            },
        )?;
        self.before = now;
        Ok(())
    }
}

#[derive(Default)]
struct Buffers {
    /// Those around a row, the new ones first.
    around: Vec<u32>,
    /// Row, and whether it was there before.
    met: Vec<(u32, bool)>,
    vectors: Vec<f32>,
    cosines: Vec<f32>,
    bounds: Vec<f32>,
}

struct Round<'a> {
    now: &'a [u32],
    /// For each of `now` whether it is new.
    fresh: &'a [bool],
    incoming: Incoming,
    /// The bits of each row's k-th similarity; it may have risen since.
    bounds: &'a [AtomicU32],
    of: &'a Refining<'a>,
}

impl Round<'_> {
    /// Compares those around a row with each other.
    fn join(&self, row: usize, buffers: &mut Buffers) {
        let new = self.gather_around(row, buffers);
        let (rows, all) = (self.of.rows, buffers.around.len());
        if new == 0 || all < 2 {
            return;
        }
        gather_units(rows, buffers.around.iter().map(|&row| row as usize), &mut buffers.vectors);
        buffers.cosines.resize(new * all, 0.0);
        times_transposed(&buffers.vectors[..new * rows.dim()], &buffers.vectors, rows.dim(), &mut buffers.cosines);
        buffers.bounds.clear();
        buffers.bounds.extend(buffers.around.iter().map(|&row| self.bound(row)));
        for (i, cosines) in buffers.cosines.chunks_exact(all).enumerate() {
            let (one, bound) = (buffers.around[i], buffers.bounds[i]);
            let others = buffers.around.iter().zip(&buffers.bounds).zip(cosines).skip(i + 1);
            for ((&other, &other_bound), &cosine) in others {
                if cosine >= bound {
                    self.offer(one, cosine, other);
                }
                if cosine >= other_bound {
                    self.offer(other, cosine, one);
                }
            }
        }
    }

    /// Fills in who is around a row; returns how many are new there.
    fn gather_around(&self, row: usize, buffers: &mut Buffers) -> usize {
        let k = self.of.k;
        let Buffers { around, met, .. } = buffers;
        met.clear();
        met.extend((row * k..(row + 1) * k).map(|at| (self.now[at], !self.fresh[at])));
        let incoming = self.incoming.of(row);
        let some = incoming.len().min(k);
        let evenly = (0..some).map(|i| incoming[i * incoming.len() / some] as usize);
        met.extend(evenly.map(|at| ((at / k) as u32, !self.fresh[at])));
        met.retain(|(other, _)| *other != u32::MAX && *other as usize != row);
        met.sort_unstable();
        met.dedup_by_key(|(other, _)| *other);
        around.clear();
        around.extend(met.iter().filter(|(_, old)| !old).map(|(other, _)| *other));
        let new = around.len();
        around.extend(met.iter().filter(|(_, old)| *old).map(|(other, _)| *other));
        new
    }

    fn bound(&self, row: u32) -> f32 {
        f32::from_bits(self.bounds[row as usize].load(Ordering::Relaxed))
    }

    fn offer(&self, row: u32, similarity: f32, neighbour: u32) {
        if similarity < self.bound(row) {
            return;
        }
        let (block, at) = (row as usize / self.of.block, row as usize % self.of.block);
        let mut best = lock(&self.of.best[block]);
        best.offer_again(at, similarity, neighbour);
        self.bounds[row as usize].store(best.bounds()[at].to_bits(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::knn::{Knn, collect, knn, of_blocks};
    use super::super::random::Stream;
    use super::super::vector_source::VectorTable;
    use super::*;

    const COUNT: usize = 3000;
    const DIM: usize = 24;
    const K: usize = 10;

    /// Forty groups; later coordinates vary less.
    fn vectors() -> Vec<f32> {
        let value = |row: usize, d: usize| {
            let centre = Stream::new(1, row as u64 % 40, d as u64).signed();
            (centre + Stream::new(2, row as u64, d as u64).signed()) / (1.0 + d as f32).sqrt()
        };
        (0..COUNT * DIM).map(|at| value(at / DIM, at % DIM)).collect()
    }

    /// Each row has looked at a fortieth of the others only.
    fn poor(table: &VectorTable<'_>) -> Vec<Mutex<Best>> {
        let best = of_blocks(COUNT, 128, K);
        let mut all = Vec::new();
        gather_units(table, 0..COUNT, &mut all);
        for row in 0..COUNT {
            let mut random = Stream::new(3, row as u64, 0);
            let mut others: Vec<u32> = (0..COUNT / 40).map(|_| random.below(COUNT) as u32).collect();
            others.sort_unstable();
            others.dedup();
            let dot = |other: &u32| -> f32 {
                let (a, b) = (&all[row * DIM..][..DIM], &all[*other as usize * DIM..][..DIM]);
                a.iter().zip(b).map(|(a, b)| a * b).sum()
            };
            let cosines: Vec<f32> = others.iter().map(dot).collect();
            lock(&best[row / 128]).offer_all(row % 128, &cosines, &others, row as u32);
        }
        best
    }

    fn refined(table: &VectorTable<'_>, rounds: usize, threads: usize) -> Knn {
        let best = poor(table);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let mut refining = Refining::new(table, &best, 128, K);
            (0..rounds).for_each(|_| refining.round(&AtomicBool::new(false), &|_| {}).expect("nobody cancelled"));
        });
        collect(best, K)
    }

    #[test]
    fn poor_neighbours_become_good_ones_on_any_number_of_threads() {
        let vectors = vectors();
        let table = VectorTable::new(&vectors, DIM);
        let truth = knn(&vectors, DIM, K, &AtomicBool::new(false)).expect("nobody cancelled");
        let recall = |found: &Knn| {
            let rows = found.indices.chunks(K).zip(truth.indices.chunks(K));
            let hits: usize = rows.map(|(found, truth)| truth.iter().filter(|row| found.contains(row)).count()).sum();
            hits as f32 / truth.indices.len() as f32
        };
        let recalls = [0, 1, 2, 3, 4].map(|rounds| recall(&refined(&table, rounds, 2)));
        assert!(recalls[0] < 0.1 && recalls.is_sorted() && recalls[4] > 0.9, "{recalls:?}");
        let found = refined(&table, 3, 1);
        assert!(found == refined(&table, 3, 3), "one thread and three find different neighbours");
        for (row, others) in found.indices.chunks(K).enumerate() {
            let mut others = others.to_vec();
            others.sort_unstable();
            others.dedup();
            assert!(others.len() == K && !others.contains(&(row as u32)), "{row} has {others:?}");
        }
    }

    #[test]
    fn a_round_can_be_cancelled() {
        let vectors = vectors();
        let table = VectorTable::new(&vectors, DIM);
        let best = poor(&table);
        assert!(Refining::new(&table, &best, 128, K).round(&AtomicBool::new(true), &|_| {}).is_err());
    }
}
