//! Everything a user can ask for. Menu, palette, buttons and keys all send the same commands; text, tooltip and
//! shortcut of each stand here and nowhere else.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;

use vicinity_core::{Filter, ItemId, LabelSet, QueryPart, Scoring};

use super::background::BackgroundQueue;
use super::listing::Sort;
use super::model_list::ModelCommand;
use super::services::ServiceCommand;
use super::{CentralView, ColourBy, Dialog, FilterDisplay, LegendKey, MapTool, RightTab, ThemeChoice};

/// A command without payload: an entry of menus and the palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UiCommand {
    /// Choose folders to add (rfd).
    OpenFolder,
    /// Choose files to add.
    OpenFiles,
    /// Type the path of a folder or file to add.
    OpenPath,
    /// Choose a library folder to open.
    ChooseLibrary,
    /// Back to the start.
    CloseLibrary,
    /// Open the bundled sample collection.
    OpenSample,
    /// Put the cursor into the search box.
    FocusSearch,
    /// Put the cursor into the gallery's field for file names.
    FindByName,
    /// Take the picture or text on the clipboard as a query.
    PasteQuery,
    /// Search by the selected items.
    SearchBySelection,
    /// Empty the search box.
    ClearSearch,
    /// Show the command palette.
    Palette,
    /// CentralView: map.
    ShowMap,
    /// CentralView: gallery.
    ShowGallery,
    /// Hide or show the left panel.
    ToggleLeft,
    /// Hide or show the right panel.
    ToggleRight,
    /// Show all points.
    FitMap,
    /// Closer.
    ZoomIn,
    /// Further.
    ZoomOut,
    /// Select with a box or a lasso instead of panning.
    ToggleLasso,
    /// Select everything visible.
    SelectAll,
    /// One step back: close what is open, then clear selection, then the query.
    StepBack,
    /// Undo the last change of selection, filter or labels.
    Undo,
    /// Redo.
    Redo,
    /// Pause or resume the import.
    PauseOrResume,
    /// End the import.
    CancelImport,
    /// Look at the folders again.
    Rescan,
    /// Try all failed files again.
    RetryFailed,
    /// Show the list of files that could not be read.
    ShowFailures,
    /// Show the selected item in the file manager.
    Reveal,
    /// Copy the path(s) of the selection.
    CopyPath,
    /// Label the selection with the label set.
    ApplyLabels,
    /// Edit the label set.
    EditLabels,
    /// Compute the neighbour-preserving map anew.
    ProjectAgain,
    /// Light, dark, system in turn.
    CycleTheme,
    /// Import settings (excludes, rows, long texts).
    ImportSettings,
    /// Device, and how long models stay in memory.
    Settings,
    /// Take the model out of the memory until it is needed again.
    UnloadModel,
    /// Which models there are, what they are good and bad at; get and remove them.
    Models,
    /// Services that embed instead of this machine.
    Services,
    /// Write vectors and items to files.
    Export,
    /// List the keys.
    Shortcuts,
    /// Version, and the licences of everything inside.
    About,
    /// Close the window.
    Quit,
}

/// What a path is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathPurpose {
    /// Folders to add.
    AddFolders,
    /// Files to add.
    AddFiles,
    /// A library folder to open.
    OpenLibrary,
    /// The folder of a model, to use it where it is.
    Model,
    /// The folder of a model, to copy it in.
    ImportModel,
    /// The archive of a model, to copy it in.
    ImportArchive,
    /// A file of labels.
    LoadLabels,
    /// Where to write vectors.
    Export,
}

/// A command with payload.
#[derive(Debug, Clone)]
pub enum SystemCommand {
    /// Add folders or files to the collection.
    Add(Vec<PathBuf>),
    /// Drop a root from the collection.
    RemoveRoot(PathBuf),
    /// Open another library folder.
    OpenLibrary(PathBuf),
    /// See the open library through another model.
    UseModel(vicinity_engine::model_selection::ModelSource),
    /// Look at so many dimensions of each vector.
    SetDimensions(usize),
    /// How models are run.
    SetRunning(vicinity_engine::runtime_settings::DevicePreferences),
    /// The same with a model folder that the user picks.
    ChooseModelFolder,
    /// Look for new versions of the program, or do not.
    AllowUpdates(bool),
    /// The page of the newest version, in the browser.
    ShowReleases,
    /// Something with a model's files.
    Model(ModelCommand),
    /// What the first start offered.
    FirstChoice(vicinity_models::catalogue::Recommendation),
    /// Something with an embedding service.
    Service(ServiceCommand),
    /// Words in the search box changed (searches after 150 ms of rest, or at once).
    SetQueryText(String, SearchTiming),
    /// Add a picture, file or item to the query.
    AddQueryPart(QueryPart),
    /// Take a part away.
    RemoveQueryPart(usize),
    /// Which hits are wanted.
    SetFilter(Filter),
    /// Only items whose file name contains this; empty: any.
    FindByName(String),
    /// The gallery's order.
    SetSort(Sort),
    /// The gallery lists the selection.
    ListSelection,
    /// The gallery lists everything again, no more a selection.
    Unpin,
    /// Centred or raw cosine.
    SetScoring(Scoring),
    /// Select exactly these; the first is the one in focus.
    Select(Vec<ItemId>),
    /// Select the visible items of a label, by its position in `AppliedLabels::names`.
    SelectLabelled(usize),
    /// Select one while walking through a list: the list stays in sight.
    FocusHit(ItemId),
    /// Add to, or take from, the selection.
    ToggleSelected(ItemId),
    /// The pointer rests on this item.
    Hover(Option<ItemId>),
    /// Show a file outside the collection as a query with its nearest labels.
    AskWithFile(PathBuf),
    /// Replace the label set.
    SetLabels(LabelSet),
    /// Load a label set from a file the user picks.
    LoadLabels,
    /// Colour of the points.
    SetColourBy(ColourBy),
    /// Fade or hide what the filter excludes.
    SetFilterDisplay(FilterDisplay),
    /// Hide or show one entry of the legend.
    ToggleLegend(LegendKey),
    /// Bring what the filter lets through into view.
    FitFilter,
    /// Take a path that was typed by hand.
    TypedPath(PathPurpose, String),
    /// Drag on the map means this.
    SetMapTool(MapTool),
    /// What the centre shows.
    SetCentre(CentralView),
    /// What the right panel shows.
    SetRightTab(RightTab),
    /// Theme.
    SetTheme(ThemeChoice),
    /// Try these files again.
    Retry(Vec<PathBuf>),
    /// Change import options.
    SetImport(vicinity_engine::ImportOptions),
    /// Thumbnails that are on screen now and not cached, most urgent first.
    WantThumbnails(Vec<ItemId>),
    /// Open the large preview of an item.
    OpenPreview(ItemId),
    /// Close it.
    ClosePreview,
    /// Stop computing a better map; the one that stands stays.
    CancelProjection,
    /// Open or close a floating window.
    Float(Dialog, bool),
    /// Put the focus on the first hit.
    FocusFirstHit,
    /// Height of the rows of the centre gallery, points.
    SetGalleryHeight(f32),
    /// The window is narrow: the right panel is a drawer, and starts closed.
    SetNarrow(bool),
    /// Files were dropped where no target was hit: keep them until the user decides.
    HoldDrop(Vec<PathBuf>),
    /// A picture came from the clipboard.
    PastePicture(std::sync::Arc<egui::ColorImage>),
    /// What to do with files that were dropped where no target was hit; `None` forgets them.
    DecideDrop(Option<DropTarget>),
    /// Show an item in the file manager.
    RevealItem(ItemId),
    /// Show a file or folder in the file manager.
    RevealPath(PathBuf),
    /// Copy an item's path.
    CopyItemPath(ItemId),
    /// Copy a text.
    CopyText(String),
}

/// The two things that can be done with a dropped picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropTarget {
    /// Ask with it: similar items and nearest labels.
    Ask,
    /// Add it to the collection.
    Add,
}

/// When a change takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchTiming {
    /// Once the user rests.
    Delayed,
    /// At once.
    Now,
}

/// Either kind.
#[derive(Debug, Clone)]
pub enum Command {
    /// Without payload.
    Ui(UiCommand),
    /// With payload.
    System(SystemCommand),
}

impl From<UiCommand> for Command {
    fn from(command: UiCommand) -> Self {
        Self::Ui(command)
    }
}

impl From<SystemCommand> for Command {
    fn from(command: SystemCommand) -> Self {
        Self::System(command)
    }
}

/// Collects the wishes of one frame; `app` drains it after drawing. Used on the UI thread only.
#[derive(Debug, Default)]
pub struct CommandSender {
    commands: RefCell<Vec<Command>>,
    shown: RefCell<Vec<ItemId>>,
    soon: RefCell<Vec<ItemId>>,
    pointed_at: Cell<Option<ItemId>>,
    background: BackgroundQueue,
}

impl CommandSender {
    /// Where work for other threads is sent.
    pub fn background(&self) -> &BackgroundQueue {
        &self.background
    }

    /// Asks for something.
    pub fn send(&self, command: impl Into<Command>) {
        self.commands.borrow_mut().push(command.into());
    }

    /// Takes everything asked for since the last time.
    pub fn drain(&self) -> Vec<Command> {
        self.commands.take()
    }

    /// Notes that an item's thumbnail is on screen in this frame: it is fetched, or kept.
    pub fn thumbnail_shown(&self, item: ItemId) {
        self.shown.borrow_mut().push(item);
    }

    /// Notes that an item's thumbnail may be on screen soon: it is fetched after all that are.
    pub fn prefetch_thumbnail(&self, item: ItemId) {
        self.soon.borrow_mut().push(item);
    }

    /// Notes that the pointer rests on an item of a list in this frame.
    pub fn hover_item(&self, item: ItemId) {
        self.pointed_at.set(Some(item));
    }

    /// The item noted since the last time.
    pub fn take_pointed_at(&self) -> Option<ItemId> {
        self.pointed_at.take()
    }

    /// Takes the items noted since the last time, in the order drawn.
    pub fn drain_shown(&self) -> Vec<ItemId> {
        self.shown.take()
    }

    /// Takes the items noted to be shown soon.
    pub fn drain_soon(&self) -> Vec<ItemId> {
        self.soon.take()
    }
}
