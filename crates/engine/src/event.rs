//! What the engine reports.

use std::sync::Arc;

use super::axes_error::AxesError;
use super::derived::duplicate_groups::Duplicates;
use super::file_content::FileContentError;
use super::graph_measures::GraphMeasures;
use super::import_summary::ImportSummary;
use super::job::SearchSlot;
use super::notice::Notice;
use super::open_request::OpenRequest;
use super::search_error::SearchError;
use super::snapshot::Snapshot;
use super::store::{Compaction, UnfinishedImport};
use super::visible::{FactCounts, FolderCounts, Histograms, VisibleRows};
use thiserror::Error;
use vicinity_core::{
    AxesLayout, ClusterNames, Clusters, FactsProgress, Failure, ItemId, LabelledItems, Layout, MapProgress, MapQuality,
    PhotoFacts, Picture, PictureText, Progress, ScoredLabels, SearchResult, SkipCounts, Suggestion, TextProgress,
};

/// What the engine reports. At most one batch every 100 ms.
#[derive(Debug, Clone)]
pub enum Event {
    /// The collection changed; take the new snapshot.
    Snapshot(Arc<Snapshot>),
    /// The progress of the import.
    Progress(Progress),
    /// The import ended (also after a cancel).
    ImportFinished(ImportSummary),
    /// All files that could not be read.
    Failures(Arc<Vec<Failure>>),
    /// How many files were skipped, for each reason.
    Skipped(Arc<SkipCounts>),
    /// The import that was interrupted, if any: once after opening, and after every import.
    Unfinished(Option<UnfinishedImport>),
    /// Answer to [`Job::Filter`](super::Job::Filter).
    Visible(Arc<VisibleRows>),
    /// The folders of the collection and how many items of each [`Job::Filter`](super::Job::Filter) admits, whichever folder it chooses.
    Folders(Arc<FolderCounts>),
    /// The facts of photos and how many items with each value [`Job::Filter`](super::Job::Filter) admits.
    FactCounts(Arc<FactCounts>),
    /// How many items have which numbers and dates, and how many of these [`Job::Filter`](super::Job::Filter) admits apart
    /// from its limits of the same attribute.
    Histograms(Arc<Histograms>),
    /// Answer to [`Job::Search`](super::Job::Search).
    SearchDone {
        /// As asked.
        slot: SearchSlot,
        /// As asked.
        ticket: u64,
        /// The hits, or why there are none.
        result: Result<Arc<SearchResult>, Arc<SearchError>>,
    },
    /// Answer to [`Job::PlaceOnAxes`](super::Job::PlaceOnAxes).
    AxesDone {
        /// As asked.
        ticket: u64,
        /// The positions, or why there are none.
        result: Result<Arc<AxesLayout>, Arc<AxesError>>,
    },
    /// Answer to [`Job::Label`](super::Job::Label).
    LabelDone {
        /// As asked.
        ticket: u64,
        /// One entry per target, or why there are none.
        result: Result<Arc<Vec<ScoredLabels>>, Arc<SearchError>>,
    },
    /// Answer to [`Job::FindClusters`](super::Job::FindClusters).
    Clusters(Arc<Clusters>),
    /// Answer to [`Job::MeasureMap`](super::Job::MeasureMap).
    MapQuality(Arc<MapQuality>),
    /// Answer to [`Job::MeasureGraph`](super::Job::MeasureGraph).
    GraphMeasures(Arc<GraphMeasures>),
    /// The names that the user gave clusters; sent once the library is open.
    ClusterNames(Arc<ClusterNames>),
    /// Answer to [`Job::Suggest`](super::Job::Suggest).
    Suggested {
        /// As asked.
        ticket: u64,
        /// The clearest first; empty where nothing stands out.
        suggestions: Arc<Vec<Suggestion>>,
    },
    /// The labels that items already have; sent once the library is open.
    StoredLabels(Arc<LabelledItems>),
    /// A layout is ready.
    Layout(Arc<Layout>),
    /// A layout that takes long is being computed; `None` when it ended or was cancelled.
    LayoutProgress(Option<MapProgress>),
    /// A thumbnail, longest side at most 256 pixels; `None` if it has none.
    Thumbnail(ItemId, Option<Arc<Picture>>),
    /// Answer to [`Job::Preview`](super::Job::Preview).
    Preview(ItemId, Result<PreviewContent, PreviewError>),
    /// What is known of a photo: answer to [`Job::Facts`](super::Job::Facts). Empty for what is not a photo.
    Facts(ItemId, Arc<PhotoFacts>),
    /// The metadata of photos and the words of files are being read; `None` when that ended, also where there was nothing
    /// to read.
    FactsProgress(Option<FactsProgress>),
    /// The text that was read in a picture: answer to [`Job::PictureText`](super::Job::PictureText). Empty where none was.
    PictureText(ItemId, Arc<PictureText>),
    /// The pictures in whose text all words of a query occur: answer to
    /// [`Job::FindPictureText`](super::Job::FindPictureText). The best first.
    PictureTextFound {
        /// As asked.
        query: Arc<str>,
        /// The pictures.
        items: Arc<[ItemId]>,
    },
    /// Text in pictures is being read; `None` when that ended, also where there was nothing to read.
    TextProgress(Option<TextProgress>),
    /// The state of the model.
    Model(ModelState),
    /// Answer to [`Job::FindDuplicates`](super::Job::FindDuplicates).
    Duplicates(Arc<Duplicates>),
    /// The library was compacted, because somebody asked for it or it was idle: the space before and after, or a sentence.
    Compacted(Result<Compaction, String>),
    /// A message for the status bar: something was done, or failed.
    Notice(Notice),
    /// The service that embeds this library ended an import; a notice follows.
    ServiceFailed(vicinity_models::RemoteError),
    /// A second start of the program wants something opened here.
    OpenRequested(Arc<OpenRequest>),
}

/// The state of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelState {
    /// Being loaded, or compared with the CPU's results.
    Loading,
    /// Loaded.
    Ready {
        /// For the user: what it runs on.
        runs_on: String,
        /// For the user: the result of checking it, where there was something to find.
        check: Option<String>,
    },
    /// Not in memory; reloaded when next needed.
    Unloaded,
    /// There is none, as the user brought the vectors.
    OwnVectors,
    /// It cannot be loaded; the message says why.
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

/// Why an item has no preview.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PreviewError {
    /// It was removed.
    #[error("this item is no longer in the collection")]
    ItemRemoved,
    /// Its file cannot be read.
    #[error(transparent)]
    File(#[from] FileContentError),
    /// Its file has changed since.
    #[error("the file is no longer an image")]
    NoLongerImage,
    /// Its file has changed since.
    #[error("the file is no longer a text")]
    NoLongerText,
    /// Its file has changed since.
    #[error("the file no longer has this part")]
    NoLongerPart,
    /// A fault of ours, with the message of the panic.
    #[error("the preview failed unexpectedly ({0})")]
    Panicked(String),
}
