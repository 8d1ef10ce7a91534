//! Where a model computes, in which numbers, and how much at once.

use candle_core::{DType, Device, Result as CandleResult};
use rayon::prelude::*;

/// The numbers that the large matrices are stored and multiplied in. Norms, softmax and what flows past the layers are
/// f32 whatever this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 16 bits, more digits and a smaller range than bf16.
    F16,
    /// 16 bits, the range of f32.
    Bf16,
}

impl Precision {
    /// Its name in commands and lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }

    fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
        }
    }
}

/// Where a model is loaded to. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ComputeTarget {
    device: Device,
    precision: Precision,
    /// Whether the kernels of this program do the work, rather than candle's operations.
    fused: bool,
    batch: usize,
}

/// Pictures or texts that go through a device together where nothing is known of its memory.
const BATCH: usize = 64;

impl ComputeTarget {
    /// The CPU and its kernels.
    pub fn cpu() -> Self {
        Self { device: Device::Cpu, precision: Precision::F32, fused: true, batch: BATCH }
    }

    /// As [`Self::cpu`], with the large matrices in bf16 where the processor multiplies it (`kernels::bf16_matmul`) and that is
    /// asked for. The kernels know no f16.
    pub fn cpu_in(precision: Precision) -> Self {
        let precision = if precision == Precision::Bf16 { precision } else { Precision::F32 };
        Self { precision, ..Self::cpu() }
    }

    /// The CPU, computing by candle's tensor operations as other devices do: proves that path without such a device.
    pub fn plain(precision: Precision) -> Self {
        Self { fused: false, precision, ..Self::cpu() }
    }

    /// The same in f32 instead of bf16, for networks that lose too much by its few digits.
    pub(super) fn without_bf16(&self) -> Self {
        let precision = if self.precision == Precision::Bf16 { Precision::F32 } else { self.precision };
        Self { precision, ..self.clone() }
    }

    /// Another device, which takes `batch` pictures or texts at once.
    pub(super) fn new(device: Device, precision: Precision, batch: usize) -> Self {
        Self { device, precision, fused: false, batch: batch.max(1) }
    }

    /// candle's handle.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Of the large matrices.
    pub fn dtype(&self) -> DType {
        self.precision.dtype()
    }

    /// Whether the kernels do the work.
    pub fn is_fused(&self) -> bool {
        self.fused
    }

    /// Pictures or texts that go through together, where kernels do not decide that.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Pictures or texts that a call should bring.
    pub fn preferred_batch_size(&self) -> Option<usize> {
        (!self.fused).then_some(self.batch)
    }

    /// Does some work for groups of items: groups of `size` on all threads where kernels work, else as large as the
    /// device takes them, one after another.
    ///
    /// # Errors
    /// The first error of `work`.
    pub fn groups<T: Sync, R: Send>(
        &self,
        items: &[T],
        size: usize,
        work: impl Fn(&[T]) -> CandleResult<R> + Send + Sync,
    ) -> CandleResult<Vec<R>> {
        if self.fused {
            items.par_chunks(size.max(1)).map(work).collect()
        } else {
            items.chunks(self.batch).map(work).collect()
        }
    }
}

impl From<&Device> for ComputeTarget {
    /// The CPU with its kernels, or another device in f32.
    fn from(device: &Device) -> Self {
        if device.is_cpu() { Self::cpu() } else { Self::new(device.clone(), Precision::F32, BATCH) }
    }
}

impl From<&Self> for ComputeTarget {
    fn from(target: &Self) -> Self {
        target.clone()
    }
}
