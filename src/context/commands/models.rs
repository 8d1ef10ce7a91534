//! Commands about models, and the devices that they run on.

use vicinity_engine::ModelState;
use vicinity_engine::model_source::ModelSource;
use vicinity_engine::runtime_settings::DevicePreferences;
use vicinity_models::catalogue::Recommendation;

use super::{actions, always};
use crate::context::State;

actions! {
    /// Actions on models.
    ModelAction {
        /// Device, and how long models stay in memory.
        Settings("Settings…", "Device, memory and updates", [], always);
        /// Take the model out of memory until it is needed again.
        Unload("Unload model", "Free its memory; it is reloaded when next needed", [], loaded);
        /// Compare, download and remove models.
        ShowModels("Models…", "Compare, download and choose models", [], always);
    }
}

/// Commands about models that have a payload.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelCommand {
    /// Download it, or resume the download.
    Download(String),
    /// Pause the download.
    Pause(String),
    /// End the download and delete what was downloaded.
    Cancel(String),
    /// Delete it.
    Remove(String),
    /// Read its files again and compare checksums.
    Verify(String),
    /// Copy one in from a folder that the user picks.
    ImportFolder,
    /// Copy one in from an archive that the user picks.
    ImportArchive,
    /// Use this model for the open library.
    Use(ModelSource),
    /// The same with a model folder that the user picks.
    ChooseFolder,
    /// The choice of the first start.
    ChooseFirst(Recommendation),
    /// Use only so many dimensions of each vector.
    SetDimensions(usize),
    /// How models are run.
    SetDevices(DevicePreferences),
    /// Look for new versions of the program, or do not.
    AllowUpdates(bool),
    /// Show the page of the newest version in the browser.
    ShowReleases,
}

fn loaded(state: &State) -> Option<&'static str> {
    match state.library().model_state {
        None | Some(ModelState::Ready { .. }) if state.has_library() => None,
        _ => Some("The model is already unloaded"),
    }
}
