//! Layouts: from vectors of many dimensions to positions on the map.
//!
//! Plain numbers in, positions out: no items, no files, no threads but rayon's current pool. Everything is a pure
//! function of its arguments: the same vectors and seed give the same bits, whatever the number of threads (each
//! result is owned by one task, and sums are taken over fixed blocks in a fixed order).

use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

mod approximate;
mod curve;
mod fit;
mod fuzzy;
mod keep;
mod knn;
mod lanczos;
mod matrix;
mod optimise;
mod partition;
mod pca;
mod place;
mod quality;
mod random;
mod refine;
mod source;
mod umap;

pub use approximate::approximate;
pub use fit::align;
pub use keep::Standing;
pub use knn::{Knn, knn};
pub use pca::pca;
pub use place::place_new;
pub use quality::trustworthiness;
pub use source::{Rows, Table};
pub use umap::{UmapParams, umap};

/// The caller asked to stop; there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the layout was cancelled")]
pub struct Cancelled;

/// An error once the caller has asked to stop.
fn check(cancel: &AtomicBool) -> Result<(), Cancelled> {
    if cancel.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
}
