//! Nearest neighbours by cosine, by the method that suits the number of rows.

use std::sync::atomic::AtomicBool;

use super::Cancelled;
use super::approximate::approximate;
use super::knn::{Knn, knn_with};
use super::vector_source::{VectorSource, collect};

/// Up to this number of rows, every pair is compared.
pub const MAX_EXACT_ROWS: usize = 20_000;

/// The `k` nearest neighbours of all rows: exact ones of up to 20,000 rows, approximate ones of more. `progress` receives
/// the share done, in [0, 1].
///
/// # Errors
/// When cancelled.
pub fn neighbours(
    vectors: &dyn VectorSource,
    k: usize,
    cancel: &AtomicBool,
    progress: &(dyn Fn(f32) + Sync),
) -> Result<Knn, Cancelled> {
    if vectors.count() > MAX_EXACT_ROWS {
        return approximate(vectors, k, cancel, progress);
    }
    knn_with(&collect(vectors, cancel)?, vectors.dim(), k, cancel, progress)
}
