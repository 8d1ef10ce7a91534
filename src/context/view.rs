//! The window itself, whatever library is open: its dialogs, what has the focus, and what the program knows of this
//! machine and of the network.

use vicinity_core::NetworkUse;
use vicinity_core::condition::field::Field;
use vicinity_core::table::ColumnName;
use vicinity_engine::runtime_settings::{DevicePreferences, DeviceSummary};

use vicinity_models::remote::Provider;

use super::model_list::ModelList;
use super::preferences::ThemeChoice;
use super::services::KeyLocation;

/// The window, whatever library is open. Nothing of it is kept when the program ends.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Dialogs that are open, the one opened last at the end.
    pub dialogs: Vec<Dialog>,
    /// A path that is asked for.
    pub path_request: Option<PathRequest>,
    /// Grows by one whenever the search box is to get the focus.
    pub focus_search: u64,
    /// Grows by one whenever the gallery's field for file names is to get the focus.
    pub focus_find: u64,
    /// The criterion of the filter whose control is to be shown; the number grows whenever one is.
    pub filter_request: Option<(u64, FilterControl)>,
    /// Whether a window of time moves through the collection.
    pub timeline_playing: bool,
    /// Whether the window is so narrow that the right panel is a drawer.
    pub narrow: bool,
    /// Whether that drawer is open.
    pub drawer_open: bool,
    /// Whether there is a step to undo, and one to redo.
    pub can_undo: [bool; 2],
    /// Whether there is a place to go back to, and one to go forward to.
    pub can_go: [bool; 2],
    /// The time, seconds since the epoch; for "yesterday".
    pub now: i64,
    /// What the command line asked for, in place of the preferences, in this run.
    pub overrides: Overrides,
    /// The graphics adapter that draws the window, with its interface.
    pub graphics: Option<String>,
    /// The devices of this machine; empty before they were asked for.
    pub devices: Vec<DeviceSummary>,
    /// The languages in which text in pictures can be read, or why it cannot; `None` before that was asked for.
    pub text_languages: Option<Result<Vec<String>, String>>,
    /// All models; `None` where they are not managed here, or not known yet.
    pub model_list: Option<ModelList>,
    /// Where each provider's key is, in the order of [`Provider::ALL`]; `None` before it was
    /// looked for.
    pub key_locations: Option<[KeyLocation; 3]>,
    /// What the network was used for in this session.
    pub network: Vec<NetworkUse>,
    /// The host that is asked for new versions; `None` if none is, whatever is allowed.
    pub update_host: Option<String>,
}

/// What replaces a preference in this run only.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Overrides {
    /// A theme.
    pub theme: Option<ThemeChoice>,
    /// How models are run.
    pub devices: Option<DevicePreferences>,
}

/// A control of the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterControl {
    /// The folders.
    Folder,
    /// Images or texts.
    Type,
    /// The field for file names.
    Name,
    /// A fact of items.
    Field(Field),
    /// A column of tables.
    Column(ColumnName),
    /// The condition in words.
    Condition,
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
    /// The name of a cluster.
    ClusterName,
    /// Version and licences.
    About,
    /// A path typed by hand, where the system's file dialog cannot be shown.
    Path,
}

impl View {
    /// Where a provider's key is; `None` before it was looked for.
    pub fn key_of(&self, provider: Provider) -> Option<KeyLocation> {
        let at = Provider::ALL.iter().position(|p| *p == provider)?;
        self.key_locations.as_ref()?.get(at).copied()
    }
}

impl Dialog {
    /// Whether it shows something of the open library.
    pub(super) fn is_of_library(self) -> bool {
        match self {
            Self::Failures | Self::Import | Self::Labels | Self::ClusterName => true,
            Self::Services
            | Self::Palette
            | Self::Shortcuts
            | Self::Settings
            | Self::Models
            | Self::About
            | Self::Path => false,
        }
    }
}

/// A path that the user is asked to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathRequest {
    /// What for.
    pub purpose: PathPurpose,
    /// What was wrong with the path typed last.
    pub error: Option<String>,
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
    /// The folder of a model, to use it in place.
    Model,
    /// The folder of a model, to copy it in.
    ImportModel,
    /// The archive of a model, to copy it in.
    ImportArchive,
    /// A file of labels.
    LoadLabels,
    /// Where to write vectors.
    Export,
    /// Where to write the selected items.
    ExportSelection,
    /// Where to copy their files to.
    CopyFiles,
    /// Where to write the map.
    SaveMap,
}
