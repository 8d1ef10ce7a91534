//! Tests of the kernels: random shapes and numbers against plain loops in f64, once per instruction set.

#![allow(clippy::unwrap_used, reason = "a failed step ends the test")]

mod attention;
mod convolutions;
mod dense;
mod resizing;

use candle_core::{Device, Tensor};
use vicinity_kernels::WeightMatrix;

/// How far a sum in f32 may be from one in f64, relative to the size of its terms.
const TOLERANCE: f64 = 2e-5;

/// Numbers in [-1, 1), always the same for a seed.
struct Numbers(u64);

impl Numbers {
    fn one(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    fn many(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.one()).collect()
    }
}

/// A matrix in memory, row by row.
struct Matrix {
    rows: usize,
    cols: usize,
    values: Vec<f32>,
}

impl Matrix {
    fn new(rows: usize, cols: usize, numbers: &mut Numbers) -> Self {
        Self { rows, cols, values: numbers.many(rows * cols) }
    }

    fn at(&self, row: usize, col: usize) -> f64 {
        f64::from(self.values[row * self.cols + col])
    }
}

impl WeightMatrix for Matrix {
    fn rows(&self) -> usize {
        self.rows
    }

    fn cols(&self) -> usize {
        self.cols
    }

    fn unpack_row(&self, row: usize, out: &mut [f32]) {
        out.copy_from_slice(&self.values[row * self.cols..][..self.cols]);
    }
}

fn tensor(values: &[f32], shape: impl Into<candle_core::Shape>) -> Tensor {
    Tensor::from_slice(values, shape, &Device::Cpu).expect("as many numbers as the shape has")
}

fn flat(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().and_then(|t| t.to_vec1()).expect("numbers")
}

/// Asserts that `found` is `wanted`, up to [`TOLERANCE`] of the size of the sums' terms.
#[track_caller]
fn assert_close(found: &[f32], wanted: &[f64], size: f64) {
    assert_eq!(found.len(), wanted.len());
    for (at, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        let off = (f64::from(*found) - wanted).abs();
        assert!(off <= TOLERANCE * size.max(1.0), "number {at} is {found}, not {wanted}");
    }
}

/// Runs every other test of this program again with each instruction set that the processor might be restricted to.
#[test]
fn every_instruction_set_agrees() {
    for set in ["portable", "avx2"] {
        let mut child = std::process::Command::new(std::env::current_exe().expect("this program"));
        let child = child.args(["--skip", "every_instruction_set_agrees"]).env("VICINITY_SIMD", set);
        let output = child.output().expect("the tests start");
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && !report.contains(" 0 passed"), "{set}: {report}");
    }
}
