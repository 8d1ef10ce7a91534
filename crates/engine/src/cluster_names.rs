//! The thread that stores the names of clusters, so that the window never waits for the disk. Only the latest list counts.

use super::Severity;
use super::event_queue::EventSender;
use super::library::Library;
use vicinity_core::worker::{Inbox, Task, Worker};

/// Takes requests for the thread. Cheap to clone.
#[derive(Clone, Default)]
pub struct ClusterNameWriter(Inbox<bool>);

impl ClusterNameWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(library: Library, event_sender: EventSender) -> std::io::Result<(Self, Worker)> {
        let writer = Self::default();
        let task = SaveNames { inbox: writer.0.clone(), library, event_sender };
        let worker = Worker::serve("cluster-names", &writer.0, task)?;
        Ok((writer, worker))
    }

    /// Has the names that the library has now stored, even if it is closed next.
    pub fn save(&self) {
        self.0.update(|unsaved| *unsaved = true);
    }
}

struct SaveNames {
    inbox: Inbox<bool>,
    library: Library,
    event_sender: EventSender,
}

impl Task for SaveNames {
    type Request = ();

    fn next(&mut self) -> Option<()> {
        self.inbox.wait(|unsaved, closed| std::mem::take(unsaved).then_some(Some(())).or(closed.then_some(None)))
    }

    fn handle(&mut self, (): &mut ()) {
        if let Err(error) = self.library.save_cluster_names() {
            self.event_sender.notice(Severity::Error, format!("The name was not stored: {error}"));
        }
    }

    fn recover(&mut self, _: Option<&mut ()>, reason: &str) {
        self.event_sender.notice(Severity::Error, format!("The name was not stored ({reason})"));
    }
}
