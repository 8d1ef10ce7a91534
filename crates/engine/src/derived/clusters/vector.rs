//! Sums over vectors.

/// The mean of vectors of `dim` numbers; zeros if there is none.
pub fn mean<'a>(vectors: impl ExactSizeIterator<Item = &'a [f32]>, dim: usize) -> Vec<f32> {
    let (mut sum, count) = (vec![0.0f32; dim], vectors.len() as f32);
    for vector in vectors {
        sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value / count);
    }
    sum
}

/// What one vector has more than another, of unit length; zeros if about nothing.
pub fn difference(a: &[f32], b: &[f32]) -> Vec<f32> {
    unit(a.iter().zip(b).map(|(a, b)| a - b).collect())
}

/// Scales a vector to unit length, unless it is about zero.
pub fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = length(&vector);
    if length > 1e-6 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
    vector
}

/// The length of a vector.
pub fn length(vector: &[f32]) -> f32 {
    vector.iter().map(|value| value * value).sum::<f32>().sqrt()
}
