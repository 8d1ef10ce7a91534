//! Reads the weights of a model from the bytes of its safetensors files, and unpacks quantised matrices.
//!
//! Numbers are f32, or f16 or bf16 and widened. //! Every complaint names the tensor. Two ways of packing a matrix `NAME` are known beside plain f32:
//! * `NAME.q8` (int8) with `NAME.scale` (f32, one a row): `w[r, c] = q8[r, c] * scale[r]`;
//! * `NAME.q4` (two values a byte, the low nibble first, 8 subtracted) with `NAME.scale4` (f16, one for 64 columns).

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::TowerError;

/// Columns that share a scale in a `q4` matrix.
const Q4_GROUP: usize = 64;

/// The tensors of one file, or of the several that a large model is split into.
pub struct Weights<'a> {
    parts: Vec<(&'a str, SafeTensors<'a>)>,
}

impl<'a> Weights<'a> {
    /// Reads the header. `file` is named in errors.
    ///
    /// # Errors
    /// When the bytes are not a whole safetensors file.
    pub fn parse(file: &'a str, bytes: &'a [u8]) -> Result<Self, TowerError> {
        Self::parse_all([(file, bytes)])
    }

    /// Reads the headers of several files.
    ///
    /// # Errors
    /// When one is not a whole safetensors file.
    pub fn parse_all(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, TowerError> {
        let part = |(file, bytes): (&'a str, &'a [u8])| {
            let reason = |e| format!("it is not a whole safetensors file ({e}); fetch it again");
            SafeTensors::deserialize(bytes).map(|t| (file, t)).map_err(|e| TowerError::file(file, reason(e)))
        };
        Ok(Self { parts: files.into_iter().map(part).collect::<Result<_, _>>()? })
    }

    /// Names of all tensors, in no particular order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flat_map(|(_, tensors)| tensors.names())
    }

    /// Whether there is such a tensor.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The dimensions of a tensor.
    ///
    /// # Errors
    /// When it is missing.
    pub fn shape(&self, name: &str) -> Result<Vec<usize>, TowerError> {
        self.find(name).map(|(_, view)| view.shape().to_vec()).ok_or_else(|| self.missing(name))
    }

    /// A plain tensor with `len` values, widened to f32.
    ///
    /// # Errors
    /// When it is missing, of another type or size, or holds a number that is not finite.
    pub fn vector(&self, name: &str, len: usize) -> Result<Vec<f32>, TowerError> {
        let (file, view) = self.sized(name, len)?;
        let data = view.data();
        let values = match view.dtype() {
            Dtype::F32 => data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Dtype::F16 => data.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
            Dtype::BF16 => data.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
            other => return Err(TowerError::file(file, format!("tensor {name} is {other:?}, not F32, F16 or BF16"))),
        };
        self.finite(name, values)
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

    fn find(&self, name: &str) -> Option<(&'a str, TensorView<'a>)> {
        self.parts.iter().find_map(|(file, tensors)| Some((*file, tensors.tensor(name).ok()?)))
    }

    fn missing(&self, name: &str) -> TowerError {
        TowerError::file(self.file(name), format!("tensor {name} is missing"))
    }

    /// The file to name in a complaint about a tensor.
    fn file(&self, name: &str) -> &'a str {
        let first = self.parts.first().map_or("model.safetensors", |(file, _)| *file);
        self.find(name).map_or(first, |(file, _)| file)
    }

    fn sized(&self, name: &str, len: usize) -> Result<(&'a str, TensorView<'a>), TowerError> {
        let (file, view) = self.find(name).ok_or_else(|| self.missing(name))?;
        let found: usize = view.shape().iter().product();
        if found == len {
            Ok((file, view))
        } else {
            let shape = view.shape();
            Err(TowerError::file(file, format!("tensor {name} has {found} values {shape:?}, not {len}")))
        }
    }

    fn bytes(&self, name: &str, dtype: Dtype, len: usize) -> Result<&'a [u8], TowerError> {
        let (file, view) = self.sized(name, len)?;
        if view.dtype() != dtype {
            return Err(TowerError::file(file, format!("tensor {name} is {:?}, not {dtype:?}", view.dtype())));
        }
        Ok(view.data())
    }

    fn finite(&self, name: &str, values: Vec<f32>) -> Result<Vec<f32>, TowerError> {
        if values.iter().all(|v| v.is_finite()) {
            Ok(values)
        } else {
            let reason = format!("tensor {name} holds a number that is not finite");
            Err(TowerError::file(self.file(name), reason))
        }
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
    /// From its numbers, row by row. `None` where there are not `rows * cols` of them.
    pub fn new(rows: usize, cols: usize, values: Vec<f32>) -> Option<Self> {
        (values.len() == rows * cols).then_some(Self { rows, cols, data: Data::F32(values) })
    }

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
