//! Rotary position encoding: pairs of numbers of the queries and keys turn by angles that belong to their position.

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Tensor};

/// Which two numbers of a head turn together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairs {
    /// One of the first half and one of the second (GPT-NeoX).
    Halves,
    /// Neighbours (GPT-J).
    Neighbours,
}

/// Cosines and sines of angles: a row for each position, a column for each pair of a head.
#[derive(Debug, Clone)]
pub struct Angles {
    pairs: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Angles {
    /// From angles in radians, position after position; `pairs`, at least one, for each.
    pub fn new(pairs: usize, angles: impl Iterator<Item = f32>) -> Self {
        let (sin, cos) = angles.map(f32::sin_cos).unzip();
        Self { pairs, cos, sin }
    }

    /// Columns.
    pub fn pairs(&self) -> usize {
        self.pairs
    }

    /// Rows.
    pub fn positions(&self) -> usize {
        self.cos.len() / self.pairs
    }

    /// The cosines and sines of the first `positions` rows, or of all where there are fewer.
    pub fn first(&self, positions: usize) -> (&[f32], &[f32]) {
        let most = self.cos.len().min(positions * self.pairs);
        (&self.cos[..most], &self.sin[..most])
    }
}

/// The turn of all queries and keys of several consecutive sequences.
pub struct Rope<'a> {
    /// Which numbers turn together.
    pub pairs: Pairs,
    /// Length of each sequence, and the angles of its positions.
    pub sequences: &'a [(usize, &'a Angles)],
}

impl Rope<'_> {
    /// Turns the queries and keys of `[tokens, 3 * width]`, the rows being query, key and value, where they are.
    ///
    /// # Errors
    /// When the shape does not fit the sequences, or the tensor is not of f32 on the CPU.
    pub fn turn(&self, qkv: &Tensor) -> Result<()> {
        qkv.inplace_op1(self)
    }

    /// Pairs of a head, when the input, the sequences and their angles fit one another.
    ///
    /// # Errors
    /// When they do not.
    pub fn fits(&self, (tokens, columns): (usize, usize)) -> Result<usize> {
        let pairs = self.sequences.first().map_or(1, |(_, angles)| angles.pairs());
        let all = self.sequences.iter().map(|(len, _)| len).sum::<usize>();
        let one = |(len, angles): &(usize, &Angles)| angles.pairs() == pairs && angles.positions() >= *len;
        if all != tokens || !columns.is_multiple_of(6 * pairs) || !self.sequences.iter().all(one) {
            candle_core::bail!("rope: {tokens} x {columns} is not {all} tokens of heads of {pairs} pairs");
        }
        Ok(pairs)
    }
}

impl InplaceOp1 for Rope<'_> {
    fn name(&self) -> &'static str {
        "rope"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (tokens, columns) = layout.shape().dims2()?;
        let pairs = self.fits((tokens, columns))?;
        let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            candle_core::bail!("rope needs a contiguous tensor of f32")
        };
        let mut rows = values[start..end].chunks_exact_mut(columns);
        for (len, angles) in self.sequences {
            let (cos, sin) = angles.first(*len);
            let angles = cos.chunks_exact(pairs).zip(sin.chunks_exact(pairs));
            for (row, (cos, sin)) in rows.by_ref().take(*len).zip(angles) {
                for head in row[..columns / 3 * 2].chunks_exact_mut(2 * pairs) {
                    turn_head(head, self.pairs, cos, sin);
                }
            }
        }
        Ok(())
    }
}

fn turn_head(head: &mut [f32], pairs: Pairs, cos: &[f32], sin: &[f32]) {
    match pairs {
        Pairs::Halves => {
            let (first, second) = head.split_at_mut(cos.len());
            for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
                (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
            }
        }
        Pairs::Neighbours => {
            for (([a, b], cos), sin) in head.as_chunks_mut().0.iter_mut().zip(cos).zip(sin) {
                (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
            }
        }
    }
}
