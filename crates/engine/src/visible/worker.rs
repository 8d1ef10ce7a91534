//! The thread that evaluates filters and counts folders, so that the window never waits for either. Only the latest
//! request counts.

use std::sync::Arc;

use super::super::event_queue::EventSender;
use super::super::{Event, Severity, Snapshot};
use super::{FactCounter, FolderIndex, VisibleCache, VisibleRows};
use vicinity_core::Filter;
use vicinity_core::worker::{Inbox, Task, Worker};

type Request = (Arc<Snapshot>, Filter);

/// Takes requests for the thread. Cheap to clone.
#[derive(Clone, Default)]
pub struct FilterWorker(Inbox<Option<Request>>);

impl FilterWorker {
    /// Starts the thread.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(cache: VisibleCache, event_sender: EventSender) -> std::io::Result<(Self, Worker)> {
        let filters = Self::default();
        let evaluator = Evaluator {
            inbox: filters.0.clone(),
            cache,
            event_sender,
            folders: FolderIndex::default(),
            facts: FactCounter::default(),
            in_all_folders: None,
        };
        let worker = Worker::serve("filter", &filters.0, evaluator)?;
        Ok((filters, worker))
    }

    /// Replaces a request that waits.
    pub fn request(&self, snapshot: Arc<Snapshot>, filter: Filter) {
        self.0.update(|request| *request = Some((snapshot, filter)));
    }
}

struct Evaluator {
    inbox: Inbox<Option<Request>>,
    cache: VisibleCache,
    event_sender: EventSender,
    folders: FolderIndex,
    facts: FactCounter,
    /// The rows in which folders were counted last.
    in_all_folders: Option<Arc<VisibleRows>>,
}

impl Task for Evaluator {
    type Request = Request;

    fn next(&mut self) -> Option<Request> {
        self.inbox.take(Option::take)
    }

    fn handle(&mut self, (snapshot, filter): &mut Request) {
        let visible = self.cache.rows(snapshot, filter);
        self.event_sender.send(Event::Visible(Arc::clone(&visible)));
        let rows = if filter.folder.is_none() {
            Arc::clone(&visible)
        } else {
            let filter = Filter { folder: None, ..filter.clone() };
            Arc::new(VisibleRows::new(Arc::clone(snapshot), filter, self.in_all_folders.as_deref()))
        };
        // What a panic left half done is never counted with again.
        let mut folders = std::mem::take(&mut self.folders);
        self.event_sender.send(Event::Folders(Arc::new(folders.count(&rows))));
        self.folders = folders;
        self.in_all_folders = Some(rows);
        let mut facts = std::mem::take(&mut self.facts);
        self.event_sender.send(Event::FactCounts(Arc::new(facts.count(&visible))));
        self.facts = facts;
    }

    fn recover(&mut self, _: Option<&mut Request>, reason: &str) {
        self.event_sender.notice(Severity::Error, format!("The filter could not be applied ({reason})"));
    }
}
