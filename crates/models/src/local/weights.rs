//! Reads the weights of a model from its safetensors files, mapped into memory or given as bytes, and unpacks them.
//!
//! Plain tensors may be f32, f16 or bf16 and come out as f32. Every error names the file and the tensor.
//! Two ways of packing a matrix `NAME` are known beside these:
//! * `NAME.q8` (int8) with `NAME.scale` (f32, one per row): `w[r, c] = q8[r, c] * scale[r]`;
//! * `NAME.q4` (two values per byte, the low nibble first, 8 subtracted) with `NAME.scale4` (f16, one for 64 columns).

use std::borrow::Cow;
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use half::{bf16, f16};
use memmap2::Mmap;
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensors};

use crate::TowerError;

/// Columns that share a scale in a `q4` matrix.
const Q4_GROUP: usize = 64;
/// Bytes of a file that are looked at before their pages are let go.
pub(super) const RELEASED: usize = 16 * 1024 * 1024;
/// Bytes before the header: its length.
const HEADER_LEN: usize = 8;
/// Bytes of a header; one of 10,000 tensors has 1 MB, and takes five times as much when it is read.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// The tensors of one file, or of the several that a large model is split into; there is at least one.
pub struct Weights<'a> {
    parts: Vec<Part<'a>>,
}

/// One file.
struct Part<'a> {
    file: Cow<'a, str>,
    header: Metadata,
    /// Where the tensors begin.
    start: usize,
    bytes: Bytes<'a>,
}

enum Bytes<'a> {
    Given(&'a [u8]),
    Mapped(Arc<Mmap>),
}

impl Bytes<'_> {
    fn all(&self) -> &[u8] {
        match self {
            Self::Given(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

impl<'a> Weights<'a> {
    /// Reads the header. `file` is named in errors.
    ///
    /// # Errors
    /// When the bytes are not a whole safetensors file.
    pub fn parse(file: &'a str, bytes: &'a [u8]) -> Result<Self, TowerError> {
        Self::new(file.into(), Bytes::Given(bytes))
    }

    fn new(file: Cow<'a, str>, bytes: Bytes<'a>) -> Result<Self, TowerError> {
        let header = bytes.all().first_chunk().map_or(0, |len| u64::from_le_bytes(*len));
        if header > MAX_HEADER_BYTES && header <= bytes.all().len() as u64 {
            return Err(TowerError::file(
                file.into_owned(),
                format!("its header of {header} bytes is too large for a model"),
            ));
        }
        match SafeTensors::read_metadata(bytes.all()) {
            Ok((header_len, header)) => {
                Ok(Self { parts: vec![Part { file, header, start: HEADER_LEN + header_len, bytes }] })
            }
            Err(e) => {
                let reason = format!("it is not a whole safetensors file ({e}); download it again");
                Err(TowerError::file(file.into_owned(), reason))
            }
        }
    }

    /// The tensors of this file and those of another one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self
    }

    /// Names of all tensors, in no particular order.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.parts.iter().flat_map(|part| part.header.offset_keys())
    }

    /// Whether there is a tensor of that name.
    pub fn has(&self, name: &str) -> bool {
        self.parts.iter().any(|part| part.header.info(name).is_some())
    }

    /// The sides of a tensor.
    ///
    /// # Errors
    /// When it is missing.
    pub fn shape(&self, name: &str) -> Result<&[usize], TowerError> {
        Ok(&self.info(name)?.1.shape)
    }

    /// A plain tensor with `len` values, whatever its sides.
    ///
    /// # Errors
    /// When it is missing, of another type or size, or contains a number that is not finite.
    pub fn vector(&self, name: &str, len: usize) -> Result<Vec<f32>, TowerError> {
        let (part, dtype, range) = self.plain(name, len)?;
        let mut values = vec![0.0; len];
        decode(dtype, &part.bytes.all()[range.clone()], &mut values);
        if let Bytes::Mapped(map) = &part.bytes {
            release(map, range);
        }
        self.finite(name, values)
    }

    /// A matrix in whichever packing the file has it; a convolution's kernel counts as one row per channel.
    ///
    /// # Errors
    /// When it is missing, of another type or shape, or holds a number or scale that is not finite.
    pub fn matrix(&self, name: &str, rows: usize, cols: usize) -> Result<Matrix, TowerError> {
        let (q8, q4) = (format!("{name}.q8"), format!("{name}.q4"));
        let len = rows.saturating_mul(cols);
        let data = if self.has(&q8) {
            let values = self.bytes(&q8, Dtype::I8, len)?.iter().map(|b| b.cast_signed()).collect();
            Data::Q8 { values, scale: self.vector(&format!("{name}.scale"), rows)? }
        } else if self.has(&q4) {
            if !cols.is_multiple_of(Q4_GROUP) {
                return Err(self.error(&q4, &format!("has rows of {cols} values, not of a multiple of {Q4_GROUP}")));
            }
            let values = self.bytes(&q4, Dtype::U8, len / 2)?.to_vec();
            let scale = self.vector(&format!("{name}.scale4"), len / Q4_GROUP)?;
            Data::Q4 { values, scale }
        } else {
            self.fits(name, rows, cols)?;
            let (part, dtype, range) = self.plain(name, len)?;
            match &part.bytes {
                Bytes::Given(_) => Data::F32(self.vector(name, len)?),
                Bytes::Mapped(map) => Data::Mapped { map: map.clone(), dtype, range },
            }
        };
        let matrix = Matrix { rows, cols, data };
        if matrix.is_finite() { Ok(matrix) } else { Err(self.not_finite(name)) }
    }

    /// Whether the sides of a tensor can be parted into those of the rows and those of the columns.
    fn fits(&self, name: &str, rows: usize, cols: usize) -> Result<(), TowerError> {
        let shape = self.shape(name)?;
        let parted = |at: usize| {
            let (before, after) = shape.split_at(at);
            product(before) == Some(rows) && product(after) == Some(cols)
        };
        if (0..=shape.len()).any(parted) {
            Ok(())
        } else {
            Err(self.error(name, &format!("has the shape {shape:?}, not [{rows}, {cols}]")))
        }
    }

    /// The type of a tensor of floating-point numbers, and where its bytes are.
    fn plain(&self, name: &str, len: usize) -> Result<(&Part<'a>, Dtype, Range<usize>), TowerError> {
        let dtype = self.info(name)?.1.dtype;
        if !matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
            return Err(self.error(name, &format!("is {dtype:?}, not F32, F16 or BF16")));
        }
        let (part, range) = self.place(name, dtype, len)?;
        Ok((part, dtype, range))
    }

    fn info(&self, name: &str) -> Result<(&Part<'a>, &TensorInfo), TowerError> {
        let found = self.parts.iter().find_map(|part| Some((part, part.header.info(name)?)));
        found.ok_or_else(|| self.error(name, "is missing"))
    }

    fn bytes(&self, name: &str, dtype: Dtype, len: usize) -> Result<&[u8], TowerError> {
        let (part, range) = self.place(name, dtype, len)?;
        Ok(&part.bytes.all()[range])
    }

    fn place(&self, name: &str, dtype: Dtype, len: usize) -> Result<(&Part<'a>, Range<usize>), TowerError> {
        let (part, info) = self.info(name)?;
        let found = product(&info.shape).unwrap_or(usize::MAX);
        if info.dtype != dtype {
            Err(self.error(name, &format!("is {:?}, not {dtype:?}", info.dtype)))
        } else if found != len {
            Err(self.error(name, &format!("has {found} values, not {len}")))
        } else {
            Ok((part, part.start + info.data_offsets.0..part.start + info.data_offsets.1))
        }
    }

    fn finite(&self, name: &str, values: Vec<f32>) -> Result<Vec<f32>, TowerError> {
        if values.iter().all(|v| v.is_finite()) { Ok(values) } else { Err(self.not_finite(name)) }
    }

    fn not_finite(&self, name: &str) -> TowerError {
        self.error(name, "contains a number that is not finite")
    }

    /// An error about a tensor, and the file that it is in or should be in.
    fn error(&self, name: &str, reason: &str) -> TowerError {
        let holds = |part: &&Part<'_>| part.header.info(name).is_some();
        let part = self.parts.iter().find(holds).or_else(|| self.parts.first());
        let file = part.map_or("model.safetensors", |part| &part.file);
        TowerError::file(file, format!("tensor {name} {reason}"))
    }
}

impl Weights<'static> {
    /// Maps a file and reads its header. Large tables stay in the map, so the file must not be changed while the
    /// model is in use; replacing it by another of the same name is harmless.
    ///
    /// # Errors
    /// When it cannot be opened, or is not a whole safetensors file.
    pub fn open(path: &Path) -> Result<Self, TowerError> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        // SAFETY: the file is only read; that nobody cuts it meanwhile is the documented condition.
        match File::open(path).and_then(|file| unsafe { Mmap::map(&file) }) {
            Ok(map) => Self::mapped(name, Arc::new(map)),
            Err(e) => Err(TowerError::file(name, e.to_string())),
        }
    }

    /// As [`Self::open`], of a file that is mapped already; `file` is named in errors.
    ///
    /// # Errors
    /// When it is not a whole safetensors file.
    pub fn mapped(file: String, map: Arc<Mmap>) -> Result<Self, TowerError> {
        Self::new(file.into(), Bytes::Mapped(map))
    }
}

/// Lets the pages of a part of a mapped file go. What was read once, to be checked, packed or hashed, would else count as
/// the program's memory for as long as the file is mapped; read again, it comes back from the system's cache.
pub(super) fn release(map: &Mmap, range: Range<usize>) {
    // Tested here; macOS has the same call.
    #[cfg(unix)]
    {
        // SAFETY: the mapping is of a file and only read, so that dropped pages are the same when they are read again.
        let released =
            unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, range.len()) };
        if let Err(error) = released {
            log::debug!("the pages of a model stay in memory: {error}");
        }
    }
    // Windows takes pages back by itself, and memmap2 documents the advice for Unix only. Compiled by
    // `scripts/windows`.
    #[cfg(not(unix))]
    let _nothing_to_do = (map, range);
}

/// Values of a tensor with these sides. The header's own check cannot tell an overflow behind a side of zero.
fn product(sides: &[usize]) -> Option<usize> {
    sides.iter().try_fold(1_usize, |product, side| product.checked_mul(*side))
}

/// Little-endian numbers as f32; as many as `out` holds.
fn decode(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        Dtype::F16 => {
            for (out, b) in out.iter_mut().zip(bytes.as_chunks().0) {
                *out = f16::from_le_bytes(*b).to_f32();
            }
        }
        Dtype::BF16 => {
            for (out, b) in out.iter_mut().zip(bytes.as_chunks().0) {
                *out = bf16::from_le_bytes(*b).to_f32();
            }
        }
        _ => {
            for (out, b) in out.iter_mut().zip(bytes.as_chunks().0) {
                *out = f32::from_le_bytes(*b);
            }
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
    /// Plain numbers that stay in the file until they are asked for.
    Mapped {
        map: Arc<Mmap>,
        dtype: Dtype,
        range: Range<usize>,
    },
    Q8 {
        values: Vec<i8>,
        scale: Vec<f32>,
    },
    Q4 {
        values: Vec<u8>,
        scale: Vec<f32>,
    },
}

impl Drop for Matrix {
    fn drop(&mut self) {
        if let Data::Mapped { map, range, .. } = &self.data {
            release(map, range.clone());
        }
    }
}

impl vicinity_kernels::WeightMatrix for Matrix {
    fn rows(&self) -> usize {
        self.rows
    }

    fn cols(&self) -> usize {
        self.cols
    }

    fn unpack_row(&self, row: usize, out: &mut [f32]) {
        Matrix::unpack_row(self, row, out);
    }
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

    /// Looks at mapped numbers only: the others were looked at when they were read.
    fn is_finite(&self) -> bool {
        let Data::Mapped { map, range, .. } = &self.data else { return true };
        let bytes_a_row = range.len() / self.rows.max(1);
        let rows_at_once = (RELEASED / bytes_a_row.max(1)).max(1);
        let mut row = vec![0.0; self.cols];
        (0..self.rows).all(|i| {
            self.unpack_row(i, &mut row);
            if (i + 1).is_multiple_of(rows_at_once) {
                let end = range.start + (i + 1) * bytes_a_row;
                release(map, end - rows_at_once * bytes_a_row..end);
            }
            row.iter().all(|v| v.is_finite())
        })
    }

    /// Unpacks row `row` into `out`, which holds one value per column.
    pub fn unpack_row(&self, row: usize, out: &mut [f32]) {
        let (start, end) = (row * self.cols, (row + 1) * self.cols);
        match &self.data {
            Data::F32(values) => out.copy_from_slice(&values[start..end]),
            Data::Mapped { map, dtype, range } => {
                let size = range.len() / (self.rows * self.cols);
                decode(*dtype, &map[range.start + start * size..range.start + end * size], out);
            }
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
