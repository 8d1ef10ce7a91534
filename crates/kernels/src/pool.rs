//! Attention with one query, the same for all sequences: how some models make one vector of a picture.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use super::simd::{Simd, dispatch};
use super::{math, values};

/// `softmax(q kᵀ / sqrt(d)) v` with a single query, head by head, each sequence on its own.
#[derive(Debug, Clone, Copy)]
pub struct Pool<'a> {
    /// Number of heads.
    pub heads: usize,
    /// Lengths of the sequences, none empty; they add up to the rows of the keys and values.
    pub lengths: &'a [usize],
}

impl Pool<'_> {
    /// `query` is `[width]`, `keys_values` `[tokens, 2 * width]`, the rows being key and value; gives
    /// `[sequences, width]`.
    ///
    /// # Errors
    /// When the shapes do not fit one another, the heads or the lengths.
    pub fn forward(&self, query: &Tensor, keys_values: &Tensor) -> Result<Tensor> {
        query.apply_op2_no_bwd(keys_values, self)
    }

    /// The width, when all shapes fit.
    ///
    /// # Errors
    /// When they do not.
    pub fn width(&self, query: &[usize], keys_values: &[usize]) -> Result<usize> {
        match (query, keys_values) {
            (&[width], &[tokens, columns])
                if columns == 2 * width
                    && self.heads > 0
                    && width.is_multiple_of(self.heads)
                    && self.lengths.iter().sum::<usize>() == tokens
                    && !self.lengths.contains(&0) =>
            {
                Ok(width)
            }
            _ => candle_core::bail!(
                "pool: the query is {query:?}, keys and values are {keys_values:?} for sequences of {:?}",
                self.lengths
            ),
        }
    }

    fn run(&self, query: &[f32], keys_values: &[f32], out: &mut [f32]) {
        let (width, mut first, mut scores) = (query.len(), 0, Vec::new());
        let size = width / self.heads;
        for (&len, out) in self.lengths.iter().zip(out.chunks_exact_mut(width)) {
            scores.resize(len, 0.0);
            for (head, out) in out.chunks_exact_mut(size).enumerate() {
                let at = head * size;
                let keys_values = &keys_values[first * 2 * width + at..];
                one_head(&query[at..at + size], keys_values, width, &mut scores, out);
            }
            first += len;
        }
    }
}

fn one_head(query: &[f32], keys_values: &[f32], width: usize, scores: &mut [f32], out: &mut [f32]) {
    assert!(keys_values.len() >= (scores.len() - 1) * 2 * width + width + query.len());
    let values = &keys_values[width..];
    // SAFETY: dispatch! picks an instruction set that the processor has.
    unsafe { dispatch!(dots(query: &[f32], keys_values: &[f32], width: usize, scores: &mut [f32])) };
    math::softmax(scores, (query.len() as f32).sqrt().recip());
    let scores = &*scores;
    // SAFETY: as above.
    unsafe { dispatch!(weigh(scores: &[f32], values: &[f32], width: usize, out: &mut [f32])) };
}

#[inline(always)]
unsafe fn dots<S: Simd>(query: &[f32], keys_values: &[f32], width: usize, scores: &mut [f32]) {
    let whole = query.len() - query.len() % S::LANES;
    for (score, key) in scores.iter_mut().zip(keys_values.chunks(2 * width)) {
        // SAFETY: a key is as long as the query; the caller vouches for the instruction set.
        let mut sum = unsafe {
            let mut sum = S::splat(0.0);
            for i in (0..whole).step_by(S::LANES) {
                sum = S::mul_add(S::load(query.as_ptr().add(i)), S::load(key.as_ptr().add(i)), sum);
            }
            S::sum(sum)
        };
        for (q, k) in query[whole..].iter().zip(&key[whole..]) {
            sum += q * k;
        }
        *score = sum;
    }
}

#[inline(always)]
unsafe fn weigh<S: Simd>(scores: &[f32], values: &[f32], width: usize, out: &mut [f32]) {
    let (n, whole) = (out.len(), out.len() - out.len() % S::LANES);
    out.fill(0.0);
    for (score, value) in scores.iter().zip(values.chunks(2 * width)) {
        // SAFETY: a value is as long as the output; the caller vouches for the instruction set.
        unsafe {
            for i in (0..whole).step_by(S::LANES) {
                let to = out.as_mut_ptr().add(i);
                S::store(to, S::mul_add(S::splat(*score), S::load(value.as_ptr().add(i)), S::load(to)));
            }
        }
        for (out, value) in out[whole..].iter_mut().zip(&value[whole..n]) {
            *out += score * value;
        }
    }
}

impl CustomOp2 for Pool<'_> {
    fn name(&self) -> &'static str {
        "pool"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (query, keys_values) = (values(s1, l1, "pool")?, values(s2, l2, "pool")?);
        let width = self.width(l1.dims(), l2.dims())?;
        let shape = Shape::from((self.lengths.len(), width));
        let mut out = vec![0.0; shape.elem_count()];
        self.run(query, keys_values, &mut out);
        Ok((CpuStorage::F32(out), shape))
    }
}
