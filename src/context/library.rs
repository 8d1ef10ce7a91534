//! Everything that the window shows of one library. When the library is closed, all of it is dropped.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use vicinity_core::photo_lines::FactLine;
use vicinity_core::{
    AxesLayout, Cluster, Clusters, FactsProgress, Failure, Filter, ItemId, Layout, MapProgress, MapQuality, Modality,
    PictureText, Progress, QueryPart, Scoring, SearchResult, SkipCounts, Stage, Suggestion, TextProgress,
};
use vicinity_engine::{
    FactCounts, FolderCounts, GraphMeasures, Histograms, ImportOptions, ModelState, Notice, Snapshot, UnfinishedImport,
    VisibleRows,
};
use vicinity_models::ModelInfo;

use super::clusters::ClusterState;
use super::export::ExportProgress;
use super::groups::GroupState;
use super::labels::LabelState;
use super::listing::Listing;
use super::picture_atlas::PictureAtlas;
use super::preferences::ColourBy;
use super::selection::{SelectMode, Selection};
use super::services::Services;

/// A library that is open, or being opened, and everything that the window shows of it.
#[derive(Clone)]
pub struct LibraryState {
    /// Its folder.
    pub path: PathBuf,
    /// Display name.
    pub name: String,
    /// Whether it is still being opened.
    pub opening: bool,
    /// The collection; `None` before it is open.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The items that the filter admits. Until the answer to a change is there, those before the change; their
    /// snapshot may be older than [`Self::snapshot`], so rows are looked up in theirs.
    pub visible: Option<Arc<VisibleRows>>,
    /// Positions of the points on the map.
    pub layout: Option<Arc<Layout>>,
    /// The scatter plot along two axes.
    pub axes: AxesState,
    /// The clusters of the map; those of an earlier layout until they are known.
    pub clusters: Option<Arc<Clusters>>,
    /// How well the map keeps neighbours; of an earlier layout until it is measured.
    pub map_quality: Option<Arc<MapQuality>>,
    /// Whether it is being measured.
    pub measuring_map: bool,
    /// The names, counts and focus of clusters.
    pub cluster_state: ClusterState,
    /// What the nearest neighbours tell of items, once points were coloured by it.
    pub graph: Option<Arc<GraphMeasures>>,
    /// A layout that is being computed.
    pub layout_progress: Option<MapProgress>,
    /// The import.
    pub progress: Progress,
    /// Whether files were added and no progress of them was reported yet.
    pub adding: bool,
    /// Files that could not be read.
    pub failures: Arc<Vec<Failure>>,
    /// Number of files that were skipped, by reason.
    pub skipped: Arc<SkipCounts>,
    /// The import that did not come to its end.
    pub unfinished: Option<UnfinishedImport>,
    /// Its import options; `None` before it is open.
    pub import: Option<ImportOptions>,
    /// The search box.
    pub query: QueryState,
    /// Queries that the collection answers well; empty before they are known.
    pub suggestions: Arc<Vec<Suggestion>>,
    /// Selected items.
    pub selection: Arc<Selection>,
    /// Item under the pointer.
    pub hover: Option<ItemId>,
    /// Neighbours of the item in focus.
    pub neighbours: Option<(ItemId, Arc<SearchResult>)>,
    /// Labels that items were given, and scores of labels on screen.
    pub labels: LabelState,
    /// The gallery in the centre.
    pub gallery: GalleryState,
    /// The item whose large preview is open.
    pub preview: Option<ItemId>,
    /// Large pictures and whole texts in memory.
    pub previews: HashMap<ItemId, Result<LoadedPreview, String>>,
    /// What is known of the photo in focus, ready to draw; empty for a text.
    pub facts: Option<(ItemId, Arc<[FactLine]>)>,
    /// Files whose metadata or words are being read.
    pub facts_progress: Option<FactsProgress>,
    /// The text in the pictures that are in focus or in the preview; empty where none was read.
    pub picture_texts: HashMap<ItemId, Arc<PictureText>>,
    /// Pictures whose text is being read.
    pub text_progress: Option<TextProgress>,
    /// Files that are being written for the user.
    pub export: Option<ExportProgress>,
    /// Thumbnails in memory (`None`: there is none for this item).
    pub thumbnails: HashMap<ItemId, Option<egui::TextureHandle>>,
    /// Small pictures on the map.
    pub small_pictures: PictureAtlas,
    /// Entries of the legend that are switched off.
    pub hidden_legend: BTreeSet<LegendKey>,
    /// Items that are kept under names.
    pub groups: GroupState,
    /// What a drag on the map does.
    pub map_tool: MapTool,
    /// What the items that it encloses do with the selection.
    pub select_mode: SelectMode,
    /// What the right panel shows.
    pub right_tab: RightTab,
    /// The folders, and the number of items of each that the rest of the filter admits.
    pub folders: Arc<FolderCounts>,
    /// The facts of photos, and the number of items with each value that the rest of the filter admits.
    pub fact_counts: Arc<FactCounts>,
    /// How many items have which numbers and dates.
    pub histograms: Arc<Histograms>,
    /// Dropped files that wait for a decision.
    pub dropped: Vec<PathBuf>,
    /// Messages of the status bar, newest last.
    pub notices: Vec<Notice>,
    /// The model that embeds it.
    pub model: Option<ModelInfo>,
    /// Display name of the model.
    pub model_title: String,
    /// Display name of the device.
    pub device_title: String,
    /// Whether the model is in memory, if it was reported.
    pub model_state: Option<ModelState>,
    /// The embedding service, and the dialog about it.
    pub services: Services,
}

impl LibraryState {
    /// Whether nothing is imported.
    pub fn rests(&self) -> bool {
        self.progress.stage == Stage::Idle && !self.adding
    }

    /// Whether the user brought the vectors, so that nothing but items can be searched by.
    pub fn has_own_vectors(&self) -> bool {
        self.model_state == Some(ModelState::OwnVectors)
    }

    /// The cluster in focus, with its place among all.
    pub fn cluster_in_focus(&self) -> Option<(u32, &Cluster)> {
        let at = self.cluster_state.focus?;
        Some((at, self.clusters.as_ref()?.all.get(at as usize)?))
    }
}

impl Default for LibraryState {
    fn default() -> Self {
        Self {
            path: PathBuf::new(),
            name: String::new(),
            opening: false,
            snapshot: None,
            visible: None,
            layout: None,
            axes: AxesState::default(),
            clusters: None,
            map_quality: None,
            measuring_map: false,
            graph: None,
            cluster_state: ClusterState::default(),
            layout_progress: None,
            progress: Progress::default(),
            adding: false,
            failures: Arc::default(),
            skipped: Arc::default(),
            unfinished: None,
            import: None,
            query: QueryState::default(),
            suggestions: Arc::default(),
            selection: Arc::default(),
            hover: None,
            neighbours: None,
            labels: LabelState::default(),
            gallery: GalleryState::default(),
            preview: None,
            previews: HashMap::new(),
            facts: None,
            facts_progress: None,
            picture_texts: HashMap::new(),
            text_progress: None,
            export: None,
            thumbnails: HashMap::new(),
            small_pictures: PictureAtlas::default(),
            hidden_legend: BTreeSet::new(),
            groups: GroupState::default(),
            map_tool: MapTool::default(),
            select_mode: SelectMode::default(),
            right_tab: RightTab::default(),
            folders: Arc::default(),
            fact_counts: Arc::default(),
            histograms: Arc::default(),
            dropped: Vec::new(),
            notices: Vec::new(),
            model: None,
            model_title: String::new(),
            device_title: "CPU".to_owned(),
            model_state: None,
            services: Services::default(),
        }
    }
}

/// The scatter plot along two axes.
#[derive(Debug, Clone, Default)]
pub struct AxesState {
    /// The positions; those of the axes before while others are computed.
    pub placed: Option<Arc<AxesLayout>>,
    /// Whether others are computed.
    pub pending: bool,
    /// Why there are none for the axes on screen.
    pub error: Option<String>,
}

/// What the right panel shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RightTab {
    /// Hits.
    #[default]
    Results,
    /// The inspector.
    Item,
}

/// What an entry of the map's legend stands for. Switches are kept by this, since places change with the counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LegendKey {
    /// Images, or texts.
    Modality(Modality),
    /// A folder.
    Folder(PathBuf),
    /// Below none of the added folders.
    Elsewhere,
    /// A label, by its words.
    Label(String),
    /// A cluster of the map, by its name.
    Cluster(String),
    /// A group, by its name.
    Group(String),
    /// Everything that has no colour of its own in a colouring.
    Rest(ColourBy),
    /// No label given.
    Unlabelled,
    /// A camera, year or rating, by its words.
    Fact(ColourBy, String),
    /// A camera, year or rating that is not known.
    Unknown(ColourBy),
}

/// What a drag on the map does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MapTool {
    /// Move the map; with Shift a box, with Alt a lasso.
    #[default]
    Pan,
    /// Draw a box.
    Box,
    /// Draw a lasso.
    Lasso,
}

/// A query part as a chip in the search box.
#[derive(Clone)]
pub struct QueryChip {
    /// The part of the query.
    pub part: QueryPart,
    /// Text of the chip.
    pub label: String,
    /// Small picture, if it has one and is not an item of the collection.
    pub texture: Option<egui::TextureHandle>,
}

/// The search box and its result.
#[derive(Clone, Default)]
pub struct QueryState {
    /// Words typed.
    pub text: String,
    /// All other parts of the query.
    pub chips: Vec<QueryChip>,
    /// Which hits are wanted.
    pub filter: Filter,
    /// Balanced or raw.
    pub scoring: Scoring,
    /// Whether a search is under way.
    pub pending: bool,
    /// The last result.
    pub result: Option<Arc<SearchResult>>,
    /// Number of matches: in all, of pictures, of texts; if known for this query.
    pub matches: Option<[usize; 3]>,
    /// Why there is no result.
    pub error: Option<String>,
    /// The pictures in which the words were read.
    pub text_hits: TextHits,
}

/// Pictures in whose text all words of a query occur.
#[derive(Clone, Default)]
pub struct TextHits {
    /// The words.
    pub query: Arc<str>,
    /// The pictures, the best first.
    pub items: Arc<[ItemId]>,
    /// The same.
    pub set: HashSet<ItemId>,
}

impl QueryState {
    /// Whether nothing is searched for.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.chips.is_empty()
    }

    /// The pictures in which the words on screen were read, the best first.
    pub fn found_in_pictures(&self) -> &[ItemId] {
        if *self.text_hits.query == *self.text.trim() { &self.text_hits.items } else { &[] }
    }

    /// Whether all words on screen were read in a picture.
    pub fn is_in_picture(&self, id: ItemId) -> bool {
        self.text_hits.set.contains(&id) && *self.text_hits.query == *self.text.trim()
    }

    /// The latest picture or file from outside the collection that is searched with.
    pub fn external_chip(&self) -> Option<&QueryChip> {
        let external = |chip: &&QueryChip| matches!(chip.part, QueryPart::Picture(_) | QueryPart::File(_));
        self.chips.iter().rev().find(external)
    }
}

/// The gallery in the centre.
#[derive(Debug, Clone, Default)]
pub struct GalleryState {
    /// What it lists; renewed in the background.
    pub listing: Arc<Listing>,
    /// A selection made elsewhere that is listed in place of everything.
    pub pinned: Option<Arc<Selection>>,
}

/// A large view of one item, ready to draw.
#[derive(Clone)]
pub enum LoadedPreview {
    /// A picture.
    Picture(egui::TextureHandle),
    /// A text.
    Text(Arc<str>),
}
