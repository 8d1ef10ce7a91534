//! The state that the window draws. Only `app` changes it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vicinity_core::{
    Failure, Filter, Item, ItemId, Layout, MapProgress, NetworkUse, Progress, QueryPart, Scoring, SearchResult,
    SkipCounts, Stage, Suggestion,
};
use vicinity_engine::updates::UpdateSettings;
use vicinity_engine::{ImportOptions, Notice, Snapshot, UnfinishedImport, VisibleRows};
use vicinity_models::ModelInfo;

use super::command::PathPurpose;
use super::folders::FolderCounts;
use super::histogram::Histogram;
use super::labels::LabelState;
use super::listing::{Listing, NavigationList, Sort};
use super::model_list::{ModelList, ModelSpeed};
use super::services::Services;

/// What the centre of the window shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum CentralView {
    /// The map.
    #[default]
    Map,
    /// A justified grid.
    Gallery,
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

/// What colours the points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, serde::Serialize, serde::Deserialize)]
pub enum ColourBy {
    /// Images, texts.
    #[default]
    Modality,
    /// The folder below the root.
    Folder,
    /// Score of the query.
    Similarity,
    /// Best label, where labels were applied.
    Label,
}

/// How the map shows the items that the filter excludes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum FilterDisplay {
    /// Faded.
    #[default]
    Highlight,
    /// Not at all.
    Filter,
}

/// What an entry of the map's legend stands for. Switches are kept by this, since places change with the counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LegendKey {
    /// Images, or texts, by [`vicinity_core::Modality::index`].
    Modality(usize),
    /// A folder.
    Folder(PathBuf),
    /// Below none of the added folders.
    Elsewhere,
    /// A label, by its words.
    Label(String),
    /// Everything that has no colour of its own in a colouring.
    Rest(ColourBy),
    /// No label given.
    Unlabelled,
}

/// What a drag on the map does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MapTool {
    /// Move the map (Shift: box; Alt: lasso).
    #[default]
    Pan,
    /// Draw a box.
    Box,
    /// Draw a lasso.
    Lasso,
}

/// Which theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
pub enum ThemeChoice {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// A query part as a chip in the search box.
#[derive(Clone)]
pub struct QueryChip {
    /// What is asked.
    pub part: QueryPart,
    /// What the chip says.
    pub label: String,
    /// Small picture, where it has one and is not an item of the collection.
    pub texture: Option<egui::TextureHandle>,
}

/// The search box and its answer.
#[derive(Clone, Default)]
pub struct QueryState {
    /// Words typed.
    pub text: String,
    /// Everything else asked.
    pub chips: Vec<QueryChip>,
    /// Which hits are wanted.
    pub filter: Filter,
    /// Centred or raw.
    pub scoring: Scoring,
    /// Whether an answer is on its way.
    pub pending: bool,
    /// The last answer.
    pub result: Option<Arc<SearchResult>>,
    /// How its scores are spread.
    pub histogram: Option<Arc<Histogram>>,
    /// How many stand out in all, of the pictures and of the texts; where known for this query.
    pub matches: Option<[usize; 3]>,
    /// Why there is none.
    pub error: Option<String>,
}

impl QueryState {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.chips.is_empty()
    }

    /// The latest picture or file from outside the collection that is asked with.
    pub fn external_chip(&self) -> Option<&QueryChip> {
        let outside = |chip: &&QueryChip| matches!(chip.part, QueryPart::Picture(_) | QueryPart::File(_));
        self.chips.iter().rev().find(outside)
    }
}

/// The selected items. To change it, make a new one.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// In the order selected; the first is in focus (inspector).
    pub items: Vec<ItemId>,
    /// The same, for look-up.
    pub set: HashSet<ItemId>,
    stamp: u64,
}

impl Selection {
    /// Of these items.
    pub fn new(items: Vec<ItemId>) -> Self {
        static STAMPS: AtomicU64 = AtomicU64::new(1);
        let set = items.iter().copied().collect();
        Self { items, set, stamp: STAMPS.fetch_add(1, Ordering::Relaxed) }
    }

    /// Tells selections apart without comparing their items: equal stamps, same selection.
    pub fn stamp(&self) -> u64 {
        self.stamp
    }

    /// The one in focus.
    pub fn focus(&self) -> Option<ItemId> {
        self.items.first().copied()
    }
}

/// The gallery in the centre.
#[derive(Debug, Clone, Default)]
pub struct GalleryState {
    /// What it lists; renewed in the background.
    pub listing: Arc<Listing>,
    /// In which order.
    pub sort: Sort,
    /// A selection made elsewhere that is listed in place of everything.
    pub pinned: Option<Arc<Selection>>,
    /// Grows by one whenever the field for file names is to get the focus.
    pub focus_find: u64,
}

/// A window that floats above the others without blocking them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialog {
    /// The command palette.
    Palette,
    /// The list of keys.
    Shortcuts,
    /// Files that could not be read.
    Failures,
    /// Import settings.
    Import,
    /// Device, and how long models stay in memory.
    Settings,
    /// Which models there are.
    Models,
    /// Services that embed instead of this machine.
    Services,
    /// The label set.
    Labels,
    /// Version and licences.
    About,
    /// A path typed by hand, where the system's file dialog cannot be shown.
    Path,
}

/// A path that the user is asked to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathRequest {
    /// What for.
    pub purpose: PathPurpose,
    /// What was wrong with the path typed last.
    pub error: Option<String>,
}

/// A large look at one item, ready to draw.
#[derive(Clone)]
pub enum LoadedPreview {
    /// A picture.
    Picture(egui::TextureHandle),
    /// A text.
    Text(Arc<str>),
}

/// A library that is open, or being opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Library {
    /// Its folder.
    pub path: PathBuf,
    /// What to call it.
    pub name: String,
    /// Whether it is still being opened.
    pub opening: bool,
}

/// A library that was open before.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RecentLibrary {
    /// The library's folder.
    pub path: PathBuf,
    /// What to call it.
    pub name: String,
    /// Items then.
    pub items: u64,
    /// Seconds since the epoch.
    pub opened: i64,
}

/// Everything the window draws.
#[derive(Default)]
pub struct State {
    /// The library; `None` at the start.
    pub library: Option<Library>,
    /// The collection; `None` before a library is open.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The items that the filter admits. Until the answer to a change is there, those before the change; their
    /// snapshot may be older than [`Self::snapshot`], so rows are looked up in theirs.
    pub visible: Option<Arc<VisibleRows>>,
    /// Where the points lie.
    pub layout: Option<Arc<Layout>>,
    /// A layout under way.
    pub layout_progress: Option<MapProgress>,
    /// The import.
    pub progress: Progress,
    /// Files that could not be read.
    pub failures: Arc<Vec<Failure>>,
    /// Files that were left out, for each reason.
    pub skipped: Arc<SkipCounts>,
    /// The import that did not come to its end.
    pub unfinished: Option<UnfinishedImport>,
    /// Import options of this library.
    pub import: Option<ImportOptions>,
    /// The search box.
    pub query: QueryState,
    /// Selected items.
    pub selection: Selection,
    /// Item under the pointer.
    pub hover: Option<ItemId>,
    /// Neighbours of the focus.
    pub neighbours: Option<(ItemId, Arc<SearchResult>)>,
    /// Labels.
    pub labels: LabelState,
    /// The gallery in the centre.
    pub gallery: GalleryState,
    /// Queries that the collection answers well; empty before they are known.
    pub suggestions: Arc<Vec<Suggestion>>,
    /// Whether files were added and nothing was heard of them yet.
    pub adding: bool,
    /// The item whose large preview is open.
    pub preview: Option<ItemId>,
    /// Large pictures and whole texts at hand.
    pub previews: HashMap<ItemId, Result<LoadedPreview, String>>,
    /// Colour of the points.
    pub colour_by: ColourBy,
    /// How the map shows the items that the filter excludes.
    pub filter_display: FilterDisplay,
    /// Entries of the legend that are switched off.
    pub hidden_legend: BTreeSet<LegendKey>,
    /// Drag on the map.
    pub map_tool: MapTool,
    /// The centre.
    pub central_view: CentralView,
    /// The right panel.
    pub right_tab: RightTab,
    /// Panels shown.
    pub left_open: bool,
    /// Panels shown.
    pub right_open: bool,
    /// Theme chosen.
    pub theme: ThemeChoice,
    /// No gliding.
    pub reduce_motion: bool,
    /// Thumbnails at hand (`None`: there is none for this item).
    pub thumbnails: HashMap<ItemId, Option<egui::TextureHandle>>,
    /// What the status bar says, newest last.
    pub notices: Vec<Notice>,
    /// Libraries for the empty state.
    pub recents: Vec<RecentLibrary>,
    /// Dialog windows that are open, the one opened last at the end.
    pub floating: Vec<Dialog>,
    /// Seconds since the epoch, for "yesterday".
    pub now: i64,
    /// Grows by one whenever the search box is to get the focus.
    pub focus_search: u64,
    /// Items a folder.
    pub folders: FolderCounts,
    /// Rows of the centre gallery are about this high, points.
    pub gallery_height: f32,
    /// Whether the window is so narrow that the right panel is a drawer.
    pub narrow: bool,
    /// Dropped files that wait for a decision.
    pub dropped: Vec<PathBuf>,
    /// A path that is asked for.
    pub path_request: Option<PathRequest>,
    /// Whether there is a step to undo, and one to redo.
    pub can_undo: [bool; 2],
    /// What is known of the model.
    pub model: Option<ModelInfo>,
    /// Display name of the model.
    pub model_title: String,
    /// Display name of the device.
    pub device_title: String,
    /// Where the model is, where that was told.
    pub model_state: Option<vicinity_engine::ModelState>,
    /// How models are to be run.
    pub running: vicinity_engine::runtime_settings::DevicePreferences,
    /// The devices of this machine; empty before somebody asked.
    pub devices: Vec<vicinity_engine::runtime_settings::DeviceSummary>,
    /// All models; `None` where they are not managed here, or not looked at yet.
    pub model_list: Option<ModelList>,
    /// How fast models embedded here, by name.
    pub speeds: BTreeMap<String, ModelSpeed>,
    /// Name of the model for new libraries, where it is not the built-in one.
    pub default_model: Option<String>,
    /// Whether the choice of the first start is still to be offered.
    pub first_start: bool,
    /// What the network was used for in this session.
    pub network: Vec<NetworkUse>,
    /// Embedding services.
    pub services: Services,
    /// Looking for new versions of the program.
    pub updates: UpdateSettings,
    /// Who is asked for them; `None` where nobody is, whatever is allowed.
    pub update_host: Option<String>,
}

impl State {
    /// Whether a library is open or being opened.
    pub fn has_library(&self) -> bool {
        self.library.is_some()
    }

    /// Whether a floating window is open.
    pub fn is_dialog_open(&self, window: Dialog) -> bool {
        self.floating.contains(&window)
    }

    /// Whether files are being read, or about to be.
    pub fn is_reading(&self) -> bool {
        self.adding || self.progress.stage != Stage::Idle || self.library.as_ref().is_some_and(|l| l.opening)
    }

    /// What the right panel shows: beside the gallery the item, as the hits are in the centre already.
    pub fn visible_right_tab(&self) -> RightTab {
        if self.central_view == CentralView::Gallery { RightTab::Item } else { self.right_tab }
    }

    /// The answer on screen.
    pub fn current_result(&self) -> Option<&Arc<SearchResult>> {
        self.query.result.as_ref().filter(|_| !self.query.is_empty())
    }

    /// The list that arrows walk through.
    pub fn navigation_list(&self) -> NavigationList<'_> {
        match (self.central_view, self.current_result()) {
            (CentralView::Gallery, _) => NavigationList::Gallery(&self.gallery.listing),
            (CentralView::Map, Some(result)) => NavigationList::Hits(&result.hits),
            (CentralView::Map, None) => NavigationList::Selection(&self.selection.items),
        }
    }

    /// The score of an item under the search on screen.
    pub fn score_of(&self, id: ItemId) -> Option<f32> {
        let result = self.current_result()?;
        let snapshot = self.snapshot.as_ref().filter(|s| s.epoch() == result.epoch)?;
        result.scores.get(snapshot.row_of(id)?).copied().filter(|score| score.is_finite())
    }

    /// The added folder that holds a file.
    pub fn root_of(&self, file: &Path) -> Option<&Path> {
        let roots = self.snapshot.iter().flat_map(|snapshot| &snapshot.parts().roots);
        roots.map(|root| root.path.as_path()).find(|root| file.starts_with(root))
    }

    /// An item of the collection.
    pub fn item(&self, id: ItemId) -> Option<&Item> {
        self.snapshot.as_ref()?.get(id)
    }
}
