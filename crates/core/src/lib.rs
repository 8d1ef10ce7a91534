//! Layer 0: the plain types that every other layer speaks in.
//!
//! Nothing here does I/O but [`atomic_file`], starts a thread, or knows a model, a database or a window.

pub mod atomic_file;
pub mod desk;
pub mod embedding;
pub mod home;
pub mod item;
pub mod label;
pub mod layout;
pub mod left_out;
pub mod name;
pub mod network;
pub mod path_bytes;
pub mod picture;
pub mod progress;
pub mod query;
pub mod rate;
pub mod space;

pub use embedding::{Embedding, EmbeddingError};
pub use item::{ContentHash, Item, ItemId, Modality};
pub use label::{LabelScore, LabelSet, LabelledItems, ScoredLabels};
pub use layout::{Layout, LayoutMethod};
pub use left_out::{LeftOut, LeftOutCounts};
pub use name::NamePattern;
pub use network::{Ledger, NetworkUse};
pub use picture::Picture;
pub use progress::{Failure, MapProgress, MapStage, Progress, Stage};
pub use query::{Filter, Hit, Query, QueryPart, Scoring, SearchResult, Suggestion};
pub use space::{MapPos, MapView, ScreenPos};
