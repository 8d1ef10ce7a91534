//! Operations on the CPU that candle lacks or does slowly, as candle custom operations.
//!
//! Parallelism belongs one level up, over groups of pictures and texts, where it costs nothing; dense layers and
//! attention let idle threads help nevertheless, so that one picture or a long text does not wait. Weights are brought into the kernels' order once, when
//! a model is loaded. Each row of a matrix product is summed in the same order however many rows there are, so a
//! vector does not depend on what it was computed together with.
//!
//! ```
//! let mut scores = [1.0, 1.0, 3.0];
//! vicinity_kernels::math::softmax(&mut scores, 1.0);
//! assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-5 && scores[2] > scores[0]);
//! ```
#![expect(clippy::needless_range_loop, reason = "indices into register tiles; iterators hide them from the optimiser")]

pub mod attention;
pub mod bf16_matmul;
pub mod block;
pub mod channel_conv;
pub mod conv;
pub mod conv_mlp;
pub mod linear;
pub mod math;
pub mod matmul;
mod matmul_task;
pub mod norm;
pub mod pool;
pub mod resample;
pub mod rope;
pub mod simd;
pub mod squeeze_excite;

pub use attention::Attention;
pub use block::Block;
pub use channel_conv::ChannelConv;
pub use conv::{Depthwise, Stem};
pub use conv_mlp::ConvMlp;
pub use linear::PackedLinear;
pub use matmul_task::Activation;
pub use norm::FusedLayerNorm;
pub use pool::Pool;
pub use rope::{Angles, Pairs, Rope};
pub use squeeze_excite::SqueezeExcite;

use candle_core::{CpuStorage, Layout, Result};

/// A matrix of weights, wherever its numbers are stored; unpacked to f32 one row at a time.
pub trait WeightMatrix {
    /// Number of rows (outputs).
    fn rows(&self) -> usize;

    /// Number of columns (inputs).
    fn cols(&self) -> usize;

    /// Writes one row to `out`, which is [`Self::cols`] long.
    fn unpack_row(&self, row: usize, out: &mut [f32]);

    /// All numbers, row by row.
    fn unpack(&self) -> Vec<f32> {
        let mut all = vec![0.0; self.rows() * self.cols()];
        for (row, out) in all.chunks_exact_mut(self.cols().max(1)).enumerate() {
            self.unpack_row(row, out);
        }
        all
    }
}

/// The numbers of a contiguous f32 tensor.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout, op: &'static str) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => candle_core::bail!("{op} needs a contiguous tensor"),
    }
}

/// `len` numbers that `write` writes from the given place on, without zeros before.
///
/// # Safety
/// `write` must write all of them.
unsafe fn written(len: usize, write: impl FnOnce(*mut f32)) -> Vec<f32> {
    let mut values = Vec::with_capacity(len);
    write(values.as_mut_ptr());
    // SAFETY: there is room for `len`, and the caller vouches for `write`.
    unsafe { values.set_len(len) };
    values
}
