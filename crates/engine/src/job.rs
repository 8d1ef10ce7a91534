//! What the engine can be asked to do.

use std::path::PathBuf;
use std::sync::Arc;

use super::import_options::ImportOptions;
use super::own_vectors::RowPositions;
use super::snapshot::Snapshot;
use vicinity_core::{
    AxisSource, ClusterNames, Filter, ItemGroups, ItemId, LabelScore, LabelSet, Layout, LayoutMethod, Query, QueryPart,
};

/// Something for the engine to do. Jobs return at once; what comes of them arrives as [`Event`](super::Event)s.
#[derive(Debug, Clone)]
pub enum Job {
    /// Add folders or files to the collection and embed what is new.
    Add(Vec<PathBuf>),
    /// Drop a folder or file from the collection (the user's files stay).
    Remove(PathBuf),
    /// Scan all folders again.
    Rescan,
    /// The same, without a request of the user: something may have changed. Nothing is said that was said before.
    Follow,
    /// Try failed files again; if the list is empty, scan all folders and retry every failed file.
    Retry(Vec<PathBuf>),
    /// Pause the import after the current batch.
    Pause,
    /// Resume the import.
    Resume,
    /// Cancel the import; stored items are kept.
    Cancel,
    /// Change what is skipped and how texts are read; applies at the next scan.
    SetImport(ImportOptions),
    /// Use this many dimensions of each vector, one of [`vicinity_models::ModelInfo::matryoshka`]; remembered in the
    /// library, and nothing is embedded again. A new snapshot follows, and a new map.
    SetDimensions(usize),
    /// Search. The answer carries `ticket`; a newer ticket of one slot makes older ones moot.
    Search {
        /// Where the request comes from.
        slot: SearchSlot,
        /// Increases with every request of a slot.
        ticket: u64,
        /// What to search for.
        query: Query,
    },
    /// Place all items along two axes, the horizontal and the vertical one. Only the latest request is answered, with
    /// [`Event::AxesDone`](super::Event::AxesDone).
    PlaceOnAxes {
        /// Comes back with the answer.
        ticket: u64,
        /// What they measure.
        axes: [AxisSource; 2],
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
    /// Store these groups in place of all that there were. A snapshot with them follows.
    StoreGroups(Arc<ItemGroups>),
    /// Evaluate a filter. Only the latest request is answered, with [`Event::Visible`](super::Event::Visible),
    /// [`Event::Histograms`](super::Event::Histograms), [`Event::Folders`](super::Event::Folders) and
    /// [`Event::FactCounts`](super::Event::FactCounts); of a request that another one follows, only with the first of these.
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
    /// Recompute the layout. Cancels one in progress.
    ComputeLayout(LayoutMethod),
    /// Use these positions as the layout: those of the rows of the table that all items come from.
    UsePositions(Arc<RowPositions>),
    /// Find the clusters of a layout of the current collection, and name them. Answered by
    /// [`Event::Clusters`](super::Event::Clusters), unless the collection has changed or a newer request came.
    FindClusters(Arc<Layout>),
    /// Measure how well a layout of the current collection keeps neighbours. Answered by
    /// [`Event::MapQuality`](super::Event::MapQuality), unless a newer request came.
    MeasureMap(Arc<Layout>),
    /// Replace the names that the user gave clusters. The clusters that are found from now on have them.
    NameClusters(Arc<ClusterNames>),
    /// Compare all items with their nearest neighbours. Answered by [`Event::GraphMeasures`](super::Event::GraphMeasures).
    MeasureGraph,
    /// Cancel a layout in progress and keep the current one.
    CancelLayout,
    /// Thumbnails wanted, most urgent first; replaces what was wanted before.
    Thumbnails(Vec<ItemId>),
    /// A large preview or the full text of an item.
    Preview(ItemId),
    /// What is known of a photo. Answered by [`Event::Facts`](super::Event::Facts).
    Facts(ItemId),
    /// Read the metadata of all photos and the words of all files that are new or have changed. The window's engine does
    /// that by itself; the end is reported by [`Event::FactsProgress`](super::Event::FactsProgress) with `None`.
    ReadFacts,
    /// The text that was read in a picture. Answered by [`Event::PictureText`](super::Event::PictureText).
    PictureText(ItemId),
    /// Find pictures by the text in them. Only the latest request is answered, by
    /// [`Event::PictureTextFound`](super::Event::PictureTextFound).
    FindPictureText(Arc<str>),
    /// Read the text in all pictures that are new or have changed, in the languages of
    /// [`ImportOptions::read_text`]. The window's engine does that by itself; the end is reported by
    /// [`Event::TextProgress`](super::Event::TextProgress) with `None`.
    ReadPictureText,
    /// Pause reading text in pictures, or go on.
    PausePictureText(bool),
    /// Unload the model; it is reloaded when next needed.
    UnloadModel,
    /// Load the model again, as the preferences of [`RuntimeSettings`](super::runtime_settings::RuntimeSettings) say now.
    ReloadModel,
    /// Find files with the same content. Answered by [`Event::Duplicates`](super::Event::Duplicates).
    FindDuplicates,
    /// Verify the library against its checksums, and repair it, unless that was done before. Every engine begins with it.
    Verify,
    /// Remove the vectors that no item needs any more from the library's files. Answered by
    /// [`Event::Compacted`](super::Event::Compacted).
    Compact,
    /// Write the vectors and the list of items (rows in the same order).
    Export {
        /// A `.npy` file.
        vectors: PathBuf,
        /// A `.csv` file.
        items: PathBuf,
    },
}

/// Independent sources of searches.
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
