//! Partitions vectors into many small lists of similar ones (k-means), so that neighbours are searched in a few lists only.
//!
//! Done on the principal components, which costs a tenth and cuts as well; what is found in the lists is compared by
//! the whole vectors.

use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::matrix::times_transposed;
use super::random::Stream;
use super::vector_source::{VectorSource, gather_units};
use super::{Cancelled, check, pca};

/// Number of principal components used for clustering.
const AXES: usize = 64;
/// Lists per square root of the number of rows.
const LISTS_PER_ROOT: f64 = 2.0;
/// Rows per list from which the centres are computed.
const SAMPLE: usize = 32;
/// Rounds of k-means; later ones hardly move a centre.
const ROUNDS: usize = 8;
/// Rows that are multiplied at once.
const BLOCK: usize = 128;

/// The centres of the lists.
pub struct Partition {
    /// Row-major, `wide` axes of the vectors' length.
    axes: Vec<f32>,
    wide: usize,
    /// Row-major, `wide` numbers per centre.
    centres: Vec<f32>,
    /// Half the squared length of each centre.
    offsets: Vec<f32>,
}

impl Partition {
    /// Centres for these rows; a function of the rows alone.
    ///
    /// # Errors
    /// When cancelled.
    pub fn new(rows: &dyn VectorSource, cancel: &AtomicBool) -> Result<Self, Cancelled> {
        let count = rows.count();
        let lists = ((LISTS_PER_ROOT * (count as f64).sqrt()) as usize).clamp(1, count);
        let axes = pca::axes(rows, AXES.min(rows.dim()), cancel)?;
        let wide = axes.len() / rows.dim().max(1);
        let mut partition = Self { axes, wide, centres: Vec::new(), offsets: Vec::new() };
        let taken = (lists * SAMPLE).min(count);
        let sample = partition.reduced(rows, taken, cancel)?;
        let first = (0..lists).map(|list| one_of(list, lists, taken));
        partition.set(first.flat_map(|at| &sample[at * wide..(at + 1) * wide]).copied().collect());
        for _ in 0..ROUNDS {
            let owners = partition.owners(&sample, cancel)?;
            partition.set(partition.means(&sample, &owners));
        }
        Ok(partition)
    }

    /// How many lists there are.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Similarity of each unit vector in `block` to each centre, as one row of [`Partition::len`] per vector.
    pub fn scores(&self, block: &[f32], dim: usize, out: &mut Vec<f32>) {
        let mut reduced = vec![0.0f32; block.len() / dim * self.wide];
        times_transposed(block, &self.axes, dim, &mut reduced);
        self.scores_of_reduced(&reduced, out);
    }

    fn scores_of_reduced(&self, reduced: &[f32], out: &mut Vec<f32>) {
        out.resize(reduced.len() / self.wide * self.len(), 0.0);
        times_transposed(reduced, &self.centres, self.wide, out);
        for line in out.chunks_exact_mut(self.len()) {
            line.iter_mut().zip(&self.offsets).for_each(|(score, offset)| *score -= offset);
        }
    }

    fn set(&mut self, centres: Vec<f32>) {
        self.offsets = centres.chunks_exact(self.wide).map(|c| c.iter().map(|x| x * x).sum::<f32>() / 2.0).collect();
        self.centres = centres;
    }

    /// `taken` rows on the axes, from all over the table.
    fn reduced(&self, rows: &dyn VectorSource, taken: usize, cancel: &AtomicBool) -> Result<Vec<f32>, Cancelled> {
        let (count, dim) = (rows.count(), rows.dim());
        let mut sample = vec![0.0f32; taken * self.wide];
        sample.par_chunks_mut(BLOCK * self.wide).enumerate().try_for_each_init(Vec::new, |block, (at, out)| {
            check(cancel)?;
            let first = at * BLOCK;
            gather_units(rows, (first..first + out.len() / self.wide).map(|i| one_of(i, taken, count)), block);
            times_transposed(block, &self.axes, dim, out);
            Ok(())
        })?;
        Ok(sample)
    }

    /// The nearest centre of each reduced row.
    fn owners(&self, sample: &[f32], cancel: &AtomicBool) -> Result<Vec<u32>, Cancelled> {
        let mut owners = vec![0u32; sample.len() / self.wide];
        owners.par_chunks_mut(BLOCK).zip(sample.par_chunks(BLOCK * self.wide)).try_for_each_init(
            Vec::new,
            |scores, (owners, block)| {
                check(cancel)?;
                self.scores_of_reduced(block, scores);
                owners.iter_mut().zip(scores.chunks_exact(self.len())).for_each(|(o, line)| *o = nearest(line));
                Ok(())
            },
        )?;
        Ok(owners)
    }

    /// The mean of each centre's rows; a centre without any stays.
    fn means(&self, sample: &[f32], owners: &[u32]) -> Vec<f32> {
        let mut sums = vec![0.0f32; self.centres.len()];
        let mut counts = vec![0u32; self.len()];
        for (row, &owner) in sample.chunks_exact(self.wide).zip(owners) {
            counts[owner as usize] += 1;
            sums[owner as usize * self.wide..][..self.wide].iter_mut().zip(row).for_each(|(s, x)| *s += x);
        }
        for (list, &n) in counts.iter().enumerate() {
            let range = list * self.wide..(list + 1) * self.wide;
            if n == 0 {
                sums[range.clone()].copy_from_slice(&self.centres[range]);
            } else {
                sums[range].iter_mut().for_each(|s| *s /= n as f32);
            }
        }
        sums
    }
}

/// Some element of the `part`-th of `parts` equal parts of `count` elements. Any, not the first: in a table with a rhythm,
/// evenly spaced rows would all be of one kind.
fn one_of(part: usize, parts: usize, count: usize) -> usize {
    let (start, end) = (part * count / parts, (part + 1) * count / parts);
    start + Stream::new(0, part as u64, count as u64).below((end - start).max(1))
}

/// The first of the highest scores.
pub fn nearest(scores: &[f32]) -> u32 {
    let best = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    scores.iter().position(|s| *s == best).unwrap_or(0) as u32
}
