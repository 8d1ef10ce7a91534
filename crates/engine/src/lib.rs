//! Libraries of pictures and texts: storage, import, search, and what is computed from them. Knows no window.
//!
//! An [`Engine`] opens a library. It is driven by [`Job`]s, which return at once, and answers with [`Event`]s; a test, the
//! command line and the window use it alike.
//!
//! ```
//! use vicinity_engine::{Engine, Event, Job};
//!
//! let folder = tempfile::tempdir()?;
//! let note = folder.path().join("note.txt");
//! std::fs::write(&note, "A walk along the sea.")?;
//!
//! let engine = Engine::open(&folder.path().join("library"), || {})?;
//! engine.submit(Job::Add(vec![note]));
//! let finished = engine.events().iter().find_map(|event| match event {
//!     Event::ImportFinished(summary) => Some(summary),
//!     _ => None,
//! });
//! assert_eq!(finished.map(|summary| summary.texts), Some(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adaptive_batch;
mod axes;
mod axes_error;
mod background_pass;
mod checked_json;
mod cluster_names;
mod companions;
pub mod crash;
pub mod derived;
pub mod device_check;
mod dot;
mod embed;
mod engine;
mod event;
mod event_queue;
pub mod export;
mod facts;
pub mod file_content;
mod graph_measures;
mod import;
mod import_control;
mod import_options;
mod import_stats;
mod import_summary;
pub mod index;
mod job;
pub mod labels;
mod library;
pub mod map_image;
pub mod map_report;
pub mod map_tables;
pub mod model_loader;
pub mod model_selection;
pub mod model_source;
mod model_unavailable;
mod notice;
mod open_mode;
pub mod open_request;
pub mod output_files;
pub mod own_vectors;
#[cfg(test)]
mod panic_tests;
pub mod picture_text;
mod previews;
pub mod query_text;
pub mod remote;
pub mod runtime;
pub mod runtime_settings;
pub mod sample;
pub mod scan;
mod search_error;
pub mod searcher;
pub mod service;
pub mod single_instance;
pub mod snapshot;
pub mod store;
pub mod suggest;
mod threads;
pub mod updates;
pub mod visible;
mod watch;

pub use axes_error::AxesError;
pub use derived::duplicate_groups::Duplicates;
pub use engine::{Engine, OpenError};
pub use event::{Event, ModelState, PreviewContent, PreviewError};
pub use facts::table_of_file;
pub use graph_measures::GraphMeasures;
pub use import_options::ImportOptions;
pub use import_summary::{ImportSummary, StageSeconds};
pub use job::{Job, LabelTargets, SearchSlot};
pub use model_unavailable::ModelUnavailable;
pub use notice::{Notice, Severity};
pub use open_mode::{Access, LayoutUpdates, OpenMode, Verify};
pub use previews::Thumbnails;
pub use search_error::SearchError;
pub use snapshot::{Root, Snapshot, SnapshotParts, Vectors};
pub use store::{StoreError, UnfinishedImport};
pub use visible::{ColumnCounts, FactCounts, FolderCounts, Histograms, VisibleRows};
