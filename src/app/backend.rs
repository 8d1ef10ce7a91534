//! What the window needs of an engine. A trait, so that tests drive the window with answers of their own.

use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::Receiver;

use crate::engine::choice::{Installed, ModelSource};
use crate::engine::{Event, ImportOptions, Job};
use crate::towers::ModelInfo;

/// Wakes the window up; called from any thread.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// A library that is open.
pub trait Backend: Send {
    /// Asks for something; returns at once.
    fn submit(&self, job: Job);
    /// Where answers arrive.
    fn events(&self) -> &Receiver<Event>;
    /// The model in use.
    fn model(&self) -> Option<ModelInfo>;
    /// Where the model runs.
    fn device(&self) -> String;
    /// Models that it could be seen through instead.
    fn models(&self) -> Vec<Installed>;
    /// The library's import options.
    fn import(&self) -> ImportOptions;
}

/// Opens a library, through a model or the one that it remembers; called on a thread of its own. The error is a sentence for the user.
pub type Opener = Arc<dyn Fn(&Path, Option<ModelSource>, Waker) -> Result<Box<dyn Backend>, String> + Send + Sync>;
