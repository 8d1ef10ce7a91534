//! Layouts: from vectors of many dimensions to positions on the map.
//!
//! Plain numbers in, positions out: no items, no files, no threads but rayon's current pool. Everything is a pure
//! function of its arguments: the same vectors and seed give the same bits, whatever the number of threads (each
//! result is owned by one task, and sums are taken over fixed blocks in a fixed order).
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use vicinity_layout::{UmapParams, VectorTable, umap};
//!
//! let vectors: Vec<f32> = (0..40).flat_map(|i| [(i % 2) as f32, i as f32 / 40.0, 1.0]).collect();
//! let table = VectorTable::new(&vectors, 3);
//! let positions = umap(&table, &UmapParams::default(), None, &AtomicBool::new(false), &|_stage, _share| {})?;
//! assert_eq!(positions.len(), 40);
//! # Ok::<(), vicinity_layout::Cancelled>(())
//! ```

use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

mod align;
mod approximate;
mod clusters;
mod curve;
mod fuzzy;
mod incremental;
mod kmeans;
mod knn;
mod lanczos;
mod map_tree;
mod matrix;
mod nearest;
mod neighbours;
mod optimise;
mod pca;
mod place_new;
mod preservation;
mod random;
mod refine;
mod spectral;
mod trustworthiness;
mod umap;
mod vector_source;

pub use align::align;
pub use approximate::approximate;
pub use clusters::{ClusterTree, LEVELS, MapCluster, clusters, usual_counts};
pub use incremental::PreviousLayout;
pub use knn::{Knn, knn};
pub use nearest::nearest;
pub use neighbours::neighbours;
pub use pca::pca;
pub use place_new::place_new;
pub use preservation::preserved;
pub use trustworthiness::trustworthiness;
pub use umap::{UmapParams, umap};
pub use vector_source::{VectorSource, VectorTable};

/// The caller asked to stop; there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the layout was cancelled")]
pub struct Cancelled;

/// An error once the caller has asked to stop.
fn check(cancel: &AtomicBool) -> Result<(), Cancelled> {
    if cancel.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
}
