//! What the window's code may see: read-only state, and commands to ask for changes.
//!
//! The UI draws from `&Ctx` and sends commands; `app` is the one place that applies them. No files here, no engine calls.

pub mod background;
pub mod clusters;
pub mod commands;
pub mod devices;
pub mod dropped_files;
pub mod export;
pub mod format;
pub mod groups;
pub mod labels;
pub mod library;
pub mod listing;
pub mod model_list;
pub mod picture_atlas;
pub mod preferences;
pub mod selection;
pub mod services;
pub mod state;
pub mod view;
pub mod viewpoint;

pub use clusters::ClusterState;
pub use commands::{Command, CommandSender};
pub use export::{ExportProgress, ExportToken};
pub use labels::AppliedLabels;
pub use library::{
    AxesState, LegendKey, LibraryState, LoadedPreview, MapTool, QueryChip, QueryState, RightTab, TextHits,
};
pub use picture_atlas::SmallPicture;
pub use preferences::{CentralView, ColourBy, FilterDisplay, Preferences, RecentLibrary, ThemeChoice};
pub use selection::Selection;
pub use state::State;
pub use vicinity_engine::visible::{
    AttributeHistogram, ColumnCounts, FactCounts, FactValue, FolderCounts, FolderId, Histograms,
};
pub use vicinity_engine::{
    GraphMeasures, ImportOptions, Notice, Root, Severity, Snapshot, UnfinishedImport, VisibleRows,
};
pub use vicinity_models::LongText;
pub use view::{Dialog, FilterControl, PathRequest, View};

/// What a panel gets to draw itself.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    /// Read-only.
    pub state: &'a State,
    /// Where commands go.
    pub commands: &'a CommandSender,
}

impl<'a> Ctx<'a> {
    /// Asks for something.
    pub fn send(&self, command: impl Into<Command>) {
        self.commands.send(command);
    }

    /// The thumbnail of an item that is on screen now; requests it if it is not in memory.
    /// `Some(None)`: the item has none.
    pub fn thumbnail(&self, item: vicinity_core::ItemId) -> Option<Option<&'a egui::TextureHandle>> {
        self.commands.thumbnail_shown(item);
        self.state.library().thumbnails.get(&item).map(Option::as_ref)
    }

    /// The small picture of an item that the map shows now; requests it if it is not in memory.
    pub fn small_picture(&self, item: vicinity_core::ItemId) -> Option<SmallPicture> {
        self.commands.small_picture_shown(item);
        self.state.library().small_pictures.get(item)
    }
}
