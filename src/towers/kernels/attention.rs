//! Multi-head self-attention over several sequences that lie one after another, without padding.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::linear::{Activation, Place, Task, pack};
use super::{math, values};

/// `softmax(q kᵀ / sqrt(d)) v`, head by head, each sequence on its own.
pub struct Attention<'a> {
    /// Number of heads.
    pub heads: usize,
    /// Lengths of the sequences; they add up to the rows of the input.
    pub lengths: &'a [usize],
}

impl Attention<'_> {
    /// `[tokens, 3 * width]`, the rows being query, key and value, to `[tokens, width]`.
    ///
    /// # Errors
    /// When the shape does not fit the heads or the lengths.
    pub fn forward(&self, qkv: &Tensor) -> Result<Tensor> {
        qkv.apply_op1_no_bwd(self)
    }

    /// One head of one sequence. `qkv` begins at its queries, `out` at its output.
    fn head(&self, qkv: &[f32], out: &mut [f32], len: usize, width: usize, scratch: &mut Scratch) {
        let (size, stride) = (width / self.heads, 3 * width);
        let Scratch { panels, scores } = scratch;
        pack(panels, len, size, |j, row| row.copy_from_slice(&qkv[j * stride + width..][..size]));
        scores.resize(len * len, 0.0);
        let product = Task {
            x: qkv.as_ptr(),
            x_stride: stride,
            rows: len,
            inputs: size,
            outputs: len,
            panels,
            bias: None,
            activation: Activation::None,
            residual: std::ptr::null(),
            out: scores.as_mut_ptr(),
            place: &Place::Stride(len),
        };
        assert!(qkv.len() >= (len - 1) * stride + 2 * width + size && out.len() >= (len - 1) * width + size);
        // SAFETY: the lengths were just checked.
        unsafe { product.run() };
        for row in scores.chunks_exact_mut(len) {
            math::softmax(row, (size as f32).sqrt().recip());
        }
        pack(panels, size, len, |d, row| {
            for (j, value) in row.iter_mut().enumerate() {
                *value = qkv[j * stride + 2 * width + d];
            }
        });
        let product = Task {
            x: scores.as_ptr(),
            x_stride: len,
            rows: len,
            inputs: len,
            outputs: size,
            panels,
            bias: None,
            activation: Activation::None,
            residual: std::ptr::null(),
            out: out.as_mut_ptr(),
            place: &Place::Stride(width),
        };
        // SAFETY: the lengths were checked above.
        unsafe { product.run() };
    }
}

#[derive(Default)]
struct Scratch {
    panels: Vec<f32>,
    scores: Vec<f32>,
}

impl CustomOp1 for Attention<'_> {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let qkv = values(storage, layout, "attention")?;
        let (tokens, columns) = layout.shape().dims2()?;
        let width = columns / 3;
        if self.lengths.iter().sum::<usize>() != tokens || width * 3 != columns || width % self.heads != 0 {
            candle_core::bail!("attention: the input is {:?} for sequences of {:?}", layout.dims(), self.lengths);
        }
        let (mut out, mut scratch, mut first) = (vec![0.0; tokens * width], Scratch::default(), 0);
        for &len in self.lengths.iter().filter(|len| **len > 0) {
            for head in 0..self.heads {
                let at = head * (width / self.heads);
                let out = &mut out[first * width + at..];
                self.head(&qkv[first * columns + at..], out, len, width, &mut scratch);
            }
            first += len;
        }
        Ok((CpuStorage::F32(out), Shape::from((tokens, width))))
    }
}
