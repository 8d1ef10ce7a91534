//! Multi-head self-attention over several consecutive sequences, without padding.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::matmul::{pack, pack_columns};
use super::matmul_task::{Activation, Join, Panels, Place, Task};
use super::{math, values, written};

/// Queries whose scores are held at once: few enough that a long text's scores stay in the cache.
const BLOCK: usize = 64;

/// `softmax(q kᵀ / sqrt(d)) v`, head by head, each sequence on its own.
#[derive(Debug, Clone, Copy)]
pub struct Attention<'a> {
    /// Number of heads.
    pub heads: usize,
    /// Lengths of the sequences; they add up to the rows of the input.
    pub lengths: &'a [usize],
    /// Whether a token sees only itself and those before it.
    pub causal: bool,
    /// How many of the first tokens of each sequence are seen, where the rest is padding; at least one.
    pub seen: Option<&'a [usize]>,
}

/// One head of one sequence.
struct Job<'a> {
    /// Begins at its queries.
    qkv: &'a [f32],
    /// Numbers of the output before its own.
    out: usize,
    len: usize,
    seen: usize,
}

/// The output, of which every job writes its own columns and rows.
struct Out(*mut f32);

// SAFETY: no two jobs write to one place.
unsafe impl Sync for Out {}

impl<'a> Attention<'a> {
    /// Every token sees all tokens of its sequence.
    pub fn full(heads: usize, lengths: &'a [usize]) -> Self {
        Self { heads, lengths, causal: false, seen: None }
    }

    /// `[tokens, 3 * width]`, the rows being query, key and value, to `[tokens, width]`.
    ///
    /// # Errors
    /// When the shape does not fit the heads or the lengths.
    pub fn forward(&self, qkv: &Tensor) -> Result<Tensor> {
        qkv.apply_op1_no_bwd(self)
    }

    /// The width of a token, when input, heads, lengths and seen fit one another.
    ///
    /// # Errors
    /// When they do not.
    pub fn width(&self, (tokens, columns): (usize, usize)) -> Result<usize> {
        let width = columns / 3;
        let seen_fits = |seen: &[usize]| {
            seen.len() == self.lengths.len() && seen.iter().zip(self.lengths).all(|(s, len)| (1..=*len).contains(s))
        };
        if self.lengths.iter().sum::<usize>() != tokens
            || width * 3 != columns
            || self.heads == 0
            || !width.is_multiple_of(self.heads)
            || !self.seen.is_none_or(seen_fits)
        {
            candle_core::bail!("attention: the input is {tokens} x {columns} for sequences of {:?}", self.lengths);
        }
        Ok(width)
    }

    fn jobs<'b>(&self, qkv: &'b [f32], width: usize) -> Vec<Job<'b>> {
        let (size, mut first, mut jobs) = (width / self.heads, 0, Vec::new());
        for (i, &len) in self.lengths.iter().enumerate() {
            let seen = self.seen.and_then(|s| s.get(i)).map_or(len, |s| *s);
            let heads = (0..if len == 0 { 0 } else { self.heads }).map(|head| head * size);
            jobs.extend(heads.map(|at| Job {
                qkv: &qkv[first * 3 * width + at..],
                out: first * width + at,
                len,
                seen,
            }));
            first += len;
        }
        jobs
    }

    /// # Safety
    /// `out` must begin an output of the whole input's tokens, and no other job write to the same head and sequence.
    unsafe fn run(&self, job: &Job<'_>, width: usize, out: &Out, scratch: &mut Scratch) {
        let (size, stride, Job { qkv, len, seen, .. }) = (width / self.heads, 3 * width, job);
        let (len, seen) = (*len, *seen);
        assert!(qkv.len() >= (len - 1) * stride + 2 * width + size);
        let Scratch { keys, columns, scores } = scratch;
        pack(keys, seen, size, |j, row| row.copy_from_slice(&qkv[j * stride + width..][..size]));
        pack_columns(columns, size, seen, &qkv[2 * width..], stride);
        for first in (0..len).step_by(BLOCK) {
            let rows = BLOCK.min(len - first);
            scores.resize(rows * seen, 0.0);
            let x = qkv[first * stride..].as_ptr();
            let place = Place::Stride(seen);
            let product = product((x, stride), rows, (size, seen), keys, scores.as_mut_ptr(), &place);
            // SAFETY: the lengths were checked above.
            unsafe { product.run() };
            for (i, row) in (first..).zip(scores.chunks_exact_mut(seen)) {
                let (row, hidden) = row.split_at_mut(if self.causal { seen.min(i + 1) } else { seen });
                math::softmax(row, (size as f32).sqrt().recip());
                hidden.fill(0.0);
            }
            let place = Place::Stride(width);
            let to = out.0.wrapping_add(job.out + first * width);
            let product = self::product((scores.as_ptr(), seen), rows, (seen, size), columns, to, &place);
            // SAFETY: the lengths were checked above; the caller vouches for `out`.
            unsafe { product.run() };
        }
    }
}

/// A plain matrix product.
fn product<'a>(
    (x, x_stride): (*const f32, usize),
    rows: usize,
    (inputs, outputs): (usize, usize),
    panels: &'a [f32],
    out: *mut f32,
    place: &'a Place<'a>,
) -> Task<'a> {
    Task {
        x,
        x_stride,
        rows,
        inputs,
        outputs,
        panels: Panels::Single(panels),
        bias: None,
        activation: Activation::None,
        residual: std::ptr::null(),
        join: Join::Sum,
        out,
        place,
    }
}

#[derive(Default)]
struct Scratch {
    keys: Vec<f32>,
    columns: Vec<f32>,
    scores: Vec<f32>,
}

impl CustomOp1 for Attention<'_> {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let qkv = values(storage, layout, "attention")?;
        let (tokens, columns) = layout.shape().dims2()?;
        let width = self.width((tokens, columns))?;
        let jobs = self.jobs(qkv, width);
        let work = |out| {
            let out = Out(out);
            // SAFETY: the lengths add up to the tokens, and each job has a head and a sequence of its own.
            let run = |scratch: &mut Scratch, job: &Job<'_>| unsafe { self.run(job, width, &out, scratch) };
            jobs.par_iter().with_min_len(self.least_jobs(&jobs)).for_each_init(Scratch::default, run);
        };
        // SAFETY: the jobs are all heads of all sequences.
        let values = unsafe { written(tokens * width, work) };
        Ok((CpuStorage::F32(values), Shape::from((tokens, width))))
    }
}

impl Attention<'_> {
    /// Jobs that are worth waking a thread.
    fn least_jobs(&self, jobs: &[Job<'_>]) -> usize {
        /// Pairs of tokens: some 30 microseconds for heads of 64.
        const WORTH_A_THREAD: usize = 16 * 1024;
        let pairs: usize = jobs.iter().map(|job| job.len * job.seen).sum();
        (jobs.len() * WORTH_A_THREAD).checked_div(pairs).map_or(1, |least| least + 1)
    }
}
