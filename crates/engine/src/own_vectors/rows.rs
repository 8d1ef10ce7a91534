//! The vectors of rows, one by one.

use thiserror::Error;

use vicinity_core::{Embedding, EmbeddingError};
use vicinity_media::npy::{NpyError, NpyRows};
use vicinity_media::{ReadError, VectorColumn};

/// Rows that are named when several have no vector.
const NAMED_ROWS: usize = 8;

/// Why a row has no vector. Other rows are not affected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VectorRowProblem {
    /// A number is NaN or infinite.
    #[error("its vector has a number that is not finite")]
    NotFinite,
    /// All numbers are zero, so that it has no direction.
    #[error("its vector is zero")]
    Zero,
    /// There is no list of numbers in the field.
    #[error("it has no vector")]
    Missing,
    /// The vectors of other rows have another number of dimensions.
    #[error("its vector has {found} dimensions instead of {wanted}")]
    Dimensions {
        /// How many it has.
        found: usize,
        /// How many most have.
        wanted: usize,
    },
}

/// Where vectors come from, row by row.
pub enum RowVectorSource {
    Npy(NpyRows),
    /// `next` is the row that the column gives next.
    Field {
        column: VectorColumn,
        next: u32,
    },
}

/// The vectors of the rows of a table.
pub struct RowVectors {
    source: RowVectorSource,
    dim: usize,
}

impl RowVectors {
    pub(super) fn new(source: RowVectorSource, dim: usize) -> Self {
        Self { source, dim }
    }

    /// Number of dimensions.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of rows; `None` where the table itself holds the vectors.
    pub fn rows(&self) -> Option<u64> {
        match &self.source {
            RowVectorSource::Npy(npy) => Some(npy.rows()),
            RowVectorSource::Field { .. } => None,
        }
    }

    /// The vector of a row, counted from 1, scaled to unit length. Rows have to be asked for in ascending order.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn row(&mut self, row: u32) -> Result<Result<Embedding, VectorRowProblem>, NpyError> {
        let values = match &mut self.source {
            RowVectorSource::Npy(npy) => Some(npy.row(u64::from(row).saturating_sub(1))?),
            RowVectorSource::Field { column, next } => field_row(column, next, row)?,
        };
        Ok(values.ok_or(VectorRowProblem::Missing).and_then(|values| self.unit(values)))
    }

    fn unit(&self, mut values: Vec<f64>) -> Result<Embedding, VectorRowProblem> {
        if values.len() != self.dim {
            return Err(VectorRowProblem::Dimensions { found: values.len(), wanted: self.dim });
        }
        let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        if values.iter().any(|value| !value.is_finite()) {
            return Err(VectorRowProblem::NotFinite);
        }
        if largest <= 0.0 {
            return Err(VectorRowProblem::Zero);
        }
        // Very large and very small numbers would not fit into f32.
        values.iter_mut().for_each(|value| *value /= largest);
        let single: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
        Embedding::new(single).map_err(|error| match error {
            EmbeddingError::NotFinite => VectorRowProblem::NotFinite,
            _ => VectorRowProblem::Zero,
        })
    }
}

fn field_row(column: &mut VectorColumn, next: &mut u32, row: u32) -> Result<Option<Vec<f64>>, ReadError> {
    while *next < row {
        *next += 1;
        if column.next_row()?.is_none() {
            return Ok(None);
        }
    }
    *next = row.saturating_add(1);
    Ok(column.next_row()?.flatten())
}

/// The rows of a table that have no vector.
#[derive(Debug, Default)]
pub struct VectorRowProblems(Vec<(u32, VectorRowProblem)>);

impl VectorRowProblems {
    /// Notes a row.
    pub fn add(&mut self, row: u32, problem: VectorRowProblem) {
        self.0.push((row, problem));
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether all rows have a vector.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong, in one sentence; `None` if nothing is.
    pub fn sentence(&self) -> Option<String> {
        let ((first, problem), others) = self.0.split_first()?;
        let named: Vec<String> = others.iter().take(NAMED_ROWS).map(|(row, _)| row.to_string()).collect();
        let rest = others.len() - named.len();
        let more = match (others.len(), rest) {
            (0, _) => String::new(),
            (1, _) => format!(" (also row {})", named.join("")),
            (_, 0) => format!(" (also rows {})", named.join(", ")),
            _ => format!(" (also rows {} and {rest} more)", named.join(", ")),
        };
        Some(format!("Row {first}: {problem}{more}"))
    }
}
