//! Reads the weights of a model from the bytes of a safetensors file, and unpacks quantised matrices.
//!
//! Every complaint names the tensor. Two ways of packing a matrix `NAME` are known beside plain f32:
//! * `NAME.q8` (int8) with `NAME.scale` (f32, one a row): `w[r, c] = q8[r, c] * scale[r]`;
//! * `NAME.q4` (two values a byte, the low nibble first, 8 subtracted) with `NAME.scale4` (f16, one for 64 columns).

use half::f16;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::TowerError;

/// Columns that share a scale in a `q4` matrix.
const Q4_GROUP: usize = 64;

/// The tensors of one file.
pub struct Weights<'a> {
    file: &'a str,
    tensors: SafeTensors<'a>,
}

impl<'a> Weights<'a> {
    /// Reads the header. `file` is named in errors.
    ///
    /// # Errors
    /// When the bytes are not a whole safetensors file.
    pub fn parse(file: &'a str, bytes: &'a [u8]) -> Result<Self, TowerError> {
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|e| TowerError::Weights { file: file.to_owned(), reason: e.to_string() })?;
        Ok(Self { file, tensors })
    }

    /// A plain f32 tensor with `len` values.
    ///
    /// # Errors
    /// When it is missing, of another type or size, or holds a number that is not finite.
    pub fn vector(&self, name: &str, len: usize) -> Result<Vec<f32>, TowerError> {
        let bytes = self.bytes(name, Dtype::F32, len)?;
        self.finite(name, bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    /// A matrix in whichever packing the file has it; a convolution's kernel counts as one row a channel.
    ///
    /// # Errors
    /// When it is missing, of another type or size, or a scale is not finite.
    pub fn matrix(&self, name: &str, rows: usize, cols: usize) -> Result<Matrix, TowerError> {
        let (q8, q4) = (format!("{name}.q8"), format!("{name}.q4"));
        let data = if self.has(&q8) {
            let values = self.bytes(&q8, Dtype::I8, rows * cols)?.iter().map(|b| b.cast_signed()).collect();
            Data::Q8 { values, scale: self.vector(&format!("{name}.scale"), rows)? }
        } else if self.has(&q4) {
            let values = self.bytes(&q4, Dtype::U8, rows * cols / 2)?.to_vec();
            let scales = format!("{name}.scale4");
            let halves = self.bytes(&scales, Dtype::F16, rows * cols / Q4_GROUP)?.as_chunks().0.iter();
            let scale = halves.map(|b| f16::from_le_bytes(*b).to_f32()).collect();
            Data::Q4 { values, scale: self.finite(&scales, scale)? }
        } else {
            Data::F32(self.vector(name, rows * cols)?)
        };
        Ok(Matrix { rows, cols, data })
    }

    fn has(&self, name: &str) -> bool {
        self.tensors.tensor(name).is_ok()
    }

    fn bytes(&self, name: &str, dtype: Dtype, len: usize) -> Result<&'a [u8], TowerError> {
        let view: TensorView<'a> =
            self.tensors.tensor(name).map_err(|_| self.error(format!("tensor {name} is missing")))?;
        let found: usize = view.shape().iter().product();
        if view.dtype() != dtype {
            Err(self.error(format!("tensor {name} is {:?}, not {dtype:?}", view.dtype())))
        } else if found != len {
            Err(self.error(format!("tensor {name} has {found} values, not {len}")))
        } else {
            Ok(view.data())
        }
    }

    fn finite(&self, name: &str, values: Vec<f32>) -> Result<Vec<f32>, TowerError> {
        if values.iter().all(|v| v.is_finite()) {
            Ok(values)
        } else {
            Err(self.error(format!("tensor {name} holds a number that is not finite")))
        }
    }

    fn error(&self, reason: String) -> TowerError {
        TowerError::Weights { file: self.file.to_owned(), reason }
    }
}

/// A matrix, still packed as it was in the file; rows are unpacked one at a time.
pub struct Matrix {
    rows: usize,
    cols: usize,
    data: Data,
}

enum Data {
    F32(Vec<f32>),
    Q8 { values: Vec<i8>, scale: Vec<f32> },
    Q4 { values: Vec<u8>, scale: Vec<f32> },
}

impl Matrix {
    /// Number of rows (output channels, tokens, classes).
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Unpacks row `row` into `out`, which holds one value a column.
    pub fn unpack_row(&self, row: usize, out: &mut [f32]) {
        let (start, end) = (row * self.cols, (row + 1) * self.cols);
        match &self.data {
            Data::F32(values) => out.copy_from_slice(&values[start..end]),
            Data::Q8 { values, scale } => {
                let scale = scale[row];
                for (o, v) in out.iter_mut().zip(&values[start..end]) {
                    *o = f32::from(*v) * scale;
                }
            }
            Data::Q4 { values, scale } => {
                let groups = out.chunks_exact_mut(Q4_GROUP).zip(values[start / 2..end / 2].chunks_exact(Q4_GROUP / 2));
                for ((o, bytes), scale) in groups.zip(&scale[start / Q4_GROUP..]) {
                    for (pair, byte) in o.chunks_exact_mut(2).zip(bytes) {
                        pair[0] = (f32::from(byte & 15) - 8.0) * scale;
                        pair[1] = (f32::from(byte >> 4) - 8.0) * scale;
                    }
                }
            }
        }
    }

    /// The whole matrix, row by row.
    pub fn unpack(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.rows * self.cols];
        for (row, out) in out.chunks_exact_mut(self.cols).enumerate() {
            self.unpack_row(row, out);
        }
        out
    }
}
