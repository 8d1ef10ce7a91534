//! What another start of the program asks the running window to open.

use std::path::PathBuf;
use std::time::Instant;

use crossbeam_channel::Sender;

/// Folders and files that a second start was given. May be empty: then only the window is wanted.
#[derive(Debug)]
pub struct OpenRequest {
    paths: Vec<PathBuf>,
    until: Instant,
    shown: Sender<()>,
}

impl OpenRequest {
    /// Paths that may be taken `until` then; `shown` tells the sender that they were.
    pub(super) fn new(paths: Vec<PathBuf>, until: Instant, shown: Sender<()>) -> Self {
        Self { paths, until, shown }
    }

    /// What is to be opened here, and the word to the sender that it is. `None` where the sender waits no longer.
    pub fn take(&self) -> Option<Vec<PathBuf>> {
        (Instant::now() < self.until && self.shown.try_send(()).is_ok()).then(|| self.paths.clone())
    }
}
