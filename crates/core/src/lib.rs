//! The plain types that all other crates share: items, embeddings, queries, filters, layouts and positions.
//!
//! It knows no model, database or window, starts threads only as [`worker`]s of others, and does no I/O except in
//! [`atomic_file`].
//!
//! ```
//! use vicinity_core::Embedding;
//!
//! let (a, b) = (Embedding::new(vec![3.0, 4.0])?, Embedding::new(vec![4.0, 3.0])?);
//! assert!((a.cosine(&b) - 0.96).abs() < 1e-6, "vectors have unit length");
//! # Ok::<(), vicinity_core::EmbeddingError>(())
//! ```

pub mod app_dirs;
pub mod atomic_file;
pub mod attribute;
pub mod axes;
pub mod bins;
pub mod cluster;
pub mod cluster_name;
pub mod condition;
pub mod dates;
pub mod embedding;
pub mod filter;
pub mod format;
pub mod groups;
pub mod histogram;
pub mod item;
pub mod item_facts;
pub mod label;
pub mod layout;
pub mod map_quality;
pub mod monitor;
pub mod name;
pub mod network;
pub mod part;
pub mod path_bytes;
pub mod photo;
mod photo_json;
pub mod photo_lines;
pub mod photo_summary;
pub mod picture;
pub mod picture_text;
pub mod placed_names;
pub mod progress;
pub mod query;
pub mod rate;
pub mod skip_reason;
pub mod space;
pub mod table;
pub mod worker;

pub use attribute::Attribute;
pub use axes::{AxesLayout, Axis, AxisSource};
pub use bins::{BinScale, Bins};
pub use cluster::{Cluster, Clusters};
pub use cluster_name::{ClusterNames, GivenName};
pub use condition::Condition;
pub use embedding::{Embedding, EmbeddingError};
pub use filter::Filter;
pub use groups::{ItemGroup, ItemGroups};
pub use histogram::Histogram;
pub use item::{ContentHash, Item, ItemId, Modality};
pub use item_facts::ItemFacts;
pub use label::{LabelScore, LabelSet, LabelledItems, ScoredLabels};
pub use layout::{Layout, LayoutMethod};
pub use map_quality::{MapQuality, ModalityGap};
pub use name::NamePattern;
pub use network::{NetworkLedger, NetworkUse};
pub use part::Part;
pub use photo::{GeoPosition, PhotoFacts, TakenTime, TimeSource};
pub use photo_summary::PhotoSummary;
pub use picture::Picture;
pub use picture_text::{InvalidLanguages, PictureText, PictureWord, TextLanguages};
pub use progress::{FactsProgress, Failure, MapProgress, MapStage, Progress, Stage, TextProgress};
pub use query::{Hit, Query, QueryPart, Scoring, SearchResult, Suggestion};
pub use skip_reason::{SkipCounts, SkipReason};
pub use space::{MapPos, MapView, ScreenPos};
pub use table::{Table, TableSet};
