//! A point on the unit sphere of a model's embedding space.

use thiserror::Error;

/// Why a list of numbers is not an embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EmbeddingError {
    /// The list has no numbers.
    #[error("the model returned an empty vector")]
    Empty,
    /// A number is NaN or infinite.
    #[error("the model returned a number that is not finite")]
    NotFinite,
    /// All numbers are zero, so there is no direction.
    #[error("the model returned a vector of length zero")]
    Zero,
    /// The vector does not have that many dimensions.
    #[error("a vector of {of} dimensions cannot be shortened to {wanted}")]
    Dimension {
        /// Dimensions wanted.
        wanted: usize,
        /// Dimensions of the vector.
        of: usize,
    },
}

/// A vector of unit L2 norm; its dimension is its length.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(Box<[f32]>);

impl Embedding {
    /// Scales `values` to unit length.
    ///
    /// # Errors
    /// When `values` is empty, holds a non-finite number, or has length zero.
    pub fn new(values: impl Into<Box<[f32]>>) -> Result<Self, EmbeddingError> {
        let mut values = values.into();
        if values.is_empty() {
            return Err(EmbeddingError::Empty);
        }
        if values.iter().any(|v| !v.is_finite()) {
            return Err(EmbeddingError::NotFinite);
        }
        let norm = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        if norm <= 0.0 {
            return Err(EmbeddingError::Zero);
        }
        for value in &mut values {
            *value = (f64::from(*value) / norm) as f32;
        }
        Ok(Self(values))
    }

    /// The first `dim` components, scaled to unit length again. The result is a usable embedding if the model was
    /// trained for it (`ModelInfo::matryoshka`).
    ///
    /// # Errors
    /// When `dim` is zero or larger than [`Self::dim`], and when all remaining components are zero.
    pub fn truncated(&self, dim: usize) -> Result<Self, EmbeddingError> {
        match self.0.get(..dim) {
            Some(first) if dim > 0 => Self::new(first),
            _ => Err(EmbeddingError::Dimension { wanted: dim, of: self.dim() }),
        }
    }

    /// Number of dimensions.
    pub fn dim(&self) -> usize {
        self.0.len()
    }

    /// The components, unit L2 norm.
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// Cosine similarity in [-1, 1]. Both sides have the same dimension.
    pub fn cosine(&self, other: &Self) -> f32 {
        debug_assert_eq!(self.dim(), other.dim());
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }
}

impl From<Embedding> for Vec<f32> {
    fn from(embedding: Embedding) -> Self {
        embedding.0.into_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_unit_length_by_construction() {
        let e = Embedding::new(vec![3.0, 4.0]).expect("finite and not zero");
        assert_eq!(e.as_slice(), [0.6, 0.8]);
        assert!((e.cosine(&e) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_shortened_vector_has_unit_length_again() {
        let e = Embedding::new(vec![3.0, 4.0, 12.0]).expect("finite and not zero");
        let short = e.truncated(2).expect("a part");
        assert!(short.as_slice().iter().zip([0.6, 0.8]).all(|(a, b)| (a - b).abs() < 1e-6), "{short:?}");
        assert_eq!(e.truncated(3), Ok(e.clone()));
        assert_eq!(e.truncated(0), Err(EmbeddingError::Dimension { wanted: 0, of: 3 }));
        assert_eq!(e.truncated(4), Err(EmbeddingError::Dimension { wanted: 4, of: 3 }));
    }

    #[test]
    fn rejects_vectors_without_a_direction() {
        assert_eq!(Embedding::new(vec![]), Err(EmbeddingError::Empty));
        assert_eq!(Embedding::new(vec![0.0, 0.0]), Err(EmbeddingError::Zero));
        assert_eq!(Embedding::new(vec![f32::NAN, 1.0]), Err(EmbeddingError::NotFinite));
        assert_eq!(Embedding::new(vec![f32::INFINITY, 1.0]), Err(EmbeddingError::NotFinite));
    }
}
