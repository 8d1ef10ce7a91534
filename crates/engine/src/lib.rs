//! Layer 2: files, threads, storage, search, projection. No egui.
//!
//! Driven through [`Job`] (in) and [`Event`] (out), by a test, the command line or the window alike.

use std::path::PathBuf;
use std::sync::Arc;

use vicinity_core::{
    Failure, Filter, ItemId, LabelScore, LabelSet, LabelledItems, Layout, LayoutMethod, MapProgress, Picture, Progress,
    Query, QueryPart, ScoredLabels, SearchResult, SkipCounts, Suggestion,
};

/// Something for the engine to do. Jobs return at once; what comes of them arrives as [`Event`]s.
#[derive(Debug, Clone)]
pub enum Job {
    /// Add folders or files to the collection and embed what is new.
    Add(Vec<PathBuf>),
    /// Drop a folder or file from the collection (the user's files stay).
    Remove(PathBuf),
    /// Look at all folders again.
    Rescan,
    /// Try failed files again; where the list is empty, look at all folders again and try all that failed.
    Retry(Vec<PathBuf>),
    /// Hold the import after the batch in flight.
    Pause,
    /// Go on.
    Resume,
    /// End the import; what is stored stays.
    Cancel,
    /// Change what is skipped and how texts are taken in; takes effect at the next scan.
    SetImport(ImportOptions),
    /// Look at so many dimensions of each vector, one of [`vicinity_models::ModelInfo::matryoshka`]; remembered in the
    /// library, and nothing is embedded again. A new snapshot follows, and a new map.
    SetDimensions(usize),
    /// Search. The answer carries `ticket`; a newer ticket of one slot makes older ones moot.
    Search {
        /// Who asks.
        slot: SearchSlot,
        /// Counts up a slot.
        ticket: u64,
        /// What is asked.
        query: Query,
    },
    /// Score labels for items, or for a query part that need not be in the collection.
    Label {
        /// Comes back with the answer.
        ticket: u64,
        /// What to label.
        targets: LabelTargets,
        /// With which labels.
        labels: LabelSet,
    },
    /// Store labels given to items.
    StoreLabels {
        /// The labels.
        labels: Vec<String>,
        /// The items, and which label each is given, by its place; `None` takes its label away.
        given: Vec<(ItemId, Option<LabelScore>)>,
        /// Whether these are all: labels given before are dropped. Else only those of the same items are replaced.
        all: bool,
    },
    /// Evaluate a filter. Only the latest request is answered, with [`Event::Visible`] and [`Event::Folders`].
    Filter {
        /// The collection whose rows are wanted.
        snapshot: Arc<Snapshot>,
        /// Which of its items are visible.
        filter: Filter,
    },
    /// Find queries that the visible items answer well. Searches and labels go first; with a service nothing is sent for
    /// this, and nothing comes back.
    Suggest {
        /// Comes back with the answer.
        ticket: u64,
        /// Which items are visible.
        filter: Filter,
    },
    /// Lay the map out anew. Cancels a layout under way.
    ComputeLayout(LayoutMethod),
    /// Stop a layout under way and keep the one that stands.
    CancelLayout,
    /// Thumbnails wanted, most urgent first; replaces what was wanted before.
    Thumbnails(Vec<ItemId>),
    /// A large preview or the full text of an item.
    Preview(ItemId),
    /// Take the model out of the memory; it comes back with the next question.
    UnloadModel,
    /// Load the model again, where the wishes of [`runtime_settings::RuntimeSettings`] say now.
    ReloadModel,
    /// Write the vectors and the list of items (rows in the same order).
    Export {
        /// A `.npy` file.
        vectors: PathBuf,
        /// A `.csv` file.
        items: PathBuf,
    },
}

/// What an open library may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Reading and writing; only reading where another process writes it, or its disk is write-protected or full.
    #[default]
    ReadWrite,
    /// Reading, whoever writes it meanwhile. There has to be a library; nothing is created, repaired or locked.
    Read,
}

/// When the map is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LayoutUpdates {
    /// Whenever the collection has changed.
    #[default]
    Automatic,
    /// By [`Job::ComputeLayout`] only, where nobody looks at a map.
    OnRequest,
}

/// How a library is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenMode {
    /// What it may be used for.
    pub access: Access,
    /// When the map is laid out.
    pub layout: LayoutUpdates,
}

/// Independent askers of searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SearchSlot {
    /// The search box and its gallery.
    Results,
    /// The neighbours shown in the inspector.
    Neighbours,
}

/// What labels are wanted for.
#[derive(Debug, Clone)]
pub enum LabelTargets {
    /// Items of the collection.
    Items(Vec<ItemId>),
    /// Something else: a dropped picture.
    Part(QueryPart),
}

/// What an import skips, and how it reads texts. Stored in the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// Glob patterns of file or folder names to skip (`node_modules`, `*.tmp`).
    pub excludes: Vec<String>,
    /// Take csv, tsv and jsonl files apart, one item a row.
    pub rows: bool,
    /// What to do with texts longer than the model's window.
    pub long_text: vicinity_models::LongText,
}

/// News from the engine. At most one batch every 100 ms.
#[derive(Debug, Clone)]
pub enum Event {
    /// The collection changed; take the new snapshot.
    Snapshot(Arc<Snapshot>),
    /// How far the import has come.
    Progress(Progress),
    /// The import came to its end (also after a cancel).
    ImportFinished(ImportSummary),
    /// All files that could not be read, as of now.
    Failures(Arc<Vec<Failure>>),
    /// How many files were left out, and why, as of now.
    Skipped(Arc<SkipCounts>),
    /// The import that did not come to its end, where there is one: once after opening, and after every import.
    Unfinished(Option<UnfinishedImport>),
    /// Answer to [`Job::Filter`].
    Visible(Arc<VisibleRows>),
    /// The folders of the collection and how many items of each [`Job::Filter`] admits, whichever folder it chooses.
    Folders(Arc<FolderCounts>),
    /// Answer to [`Job::Search`].
    SearchDone {
        /// As asked.
        slot: SearchSlot,
        /// As asked.
        ticket: u64,
        /// The hits, or a sentence for the user.
        result: Result<Arc<SearchResult>, String>,
    },
    /// Answer to [`Job::Label`].
    LabelDone {
        /// As asked.
        ticket: u64,
        /// One entry a target, or a sentence for the user.
        result: Result<Arc<Vec<ScoredLabels>>, String>,
    },
    /// Answer to [`Job::Suggest`].
    Suggested {
        /// As asked.
        ticket: u64,
        /// The clearest first; empty where nothing stands out.
        suggestions: Arc<Vec<Suggestion>>,
    },
    /// The labels that were given to items before, told once the library is open.
    StoredLabels(Arc<LabelledItems>),
    /// A layout is ready.
    Layout(Arc<Layout>),
    /// A layout that takes long is being computed; `None` when it ended or was cancelled.
    LayoutProgress(Option<MapProgress>),
    /// A thumbnail, longest side at most 256 pixels; `None` where there is none.
    Thumbnail(ItemId, Option<Arc<Picture>>),
    /// Answer to [`Job::Preview`].
    Preview(ItemId, Result<PreviewContent, String>),
    /// Where the model is.
    Model(ModelState),
    /// A sentence for the status bar: something was done, or went wrong.
    Notice(Notice),
    /// A second start of the program wants something opened here.
    OpenRequested(Arc<single_instance::OpenRequest>),
}

/// Where the model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelState {
    /// On its way into the memory, or being compared with what it should compute.
    Loading,
    /// At work.
    Ready {
        /// For the user: what it runs on.
        runs_on: String,
        /// For the user: what was found of that, where there was something to find.
        check: Option<String>,
    },
    /// Not in memory; it comes back with the next question.
    Unloaded,
    /// It cannot be loaded: a sentence.
    Failed(String),
}

/// A large look at one item.
#[derive(Debug, Clone)]
pub enum PreviewContent {
    /// Longest side at most 1,600 pixels.
    Picture(Arc<Picture>),
    /// The text, at most 100,000 characters.
    Text(Arc<str>),
}

/// A sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Whether something went wrong.
    pub severity: Severity,
    /// The sentence.
    pub text: String,
}

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something was done.
    Info,
    /// Something needs a look; the rest works.
    Warning,
    /// What was asked could not be done.
    Error,
}

/// Seconds that the stages of an import worked, summed over their threads where they have several.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StageSeconds {
    /// Reading, decoding, thumbnails and the preparation for the model; on the decode pool.
    pub read: f64,
    /// The towers, batch by batch.
    pub embed: f64,
    /// Vectors and catalog, synced.
    pub store: f64,
}

/// What an import did. Counts are of items.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImportSummary {
    /// In the collection now.
    pub items: u64,
    /// Of these, pictures.
    pub images: u64,
    /// Of these, texts.
    pub texts: u64,
    /// Embedded in this run.
    pub embedded: u64,
    /// Taken over without embedding.
    pub reused: u64,
    /// Could not be read.
    pub failed: u64,
    /// Found and left out, for each reason.
    pub skipped: SkipCounts,
    /// Wall-clock time of the run.
    pub seconds: f64,
    /// Time the stages worked; they overlap.
    pub busy: StageSeconds,
    /// Whether the user ended it early.
    pub cancelled: bool,
}

mod adaptive_batch;
mod checked_json;
pub mod crash;
pub mod derived;
pub mod device_check;
mod dot;
mod embed;
mod engine;
mod event_queue;
pub mod export;
pub mod file_content;
mod import;
mod import_control;
mod import_stats;
pub mod index;
pub mod labels;
mod library;
pub mod map_image;
pub mod model_loader;
pub mod model_selection;
pub mod output_files;
#[cfg(test)]
mod panic_tests;
mod previews;
pub mod remote;
pub mod runtime;
pub mod runtime_settings;
pub mod sample;
pub mod scan;
pub mod searcher;
pub mod single_instance;
pub mod snapshot;
pub mod store;
pub mod suggest;
pub mod updates;
pub mod visible;

use engine::spare_threads;
pub use engine::{Engine, OpenError};
pub use snapshot::{Root, Snapshot, SnapshotParts, Vectors};
pub use store::{StoreError, UnfinishedImport};
pub use visible::{FolderCounts, VisibleRows};
