//! The thread that evaluates filters and counts folders, so that the window never waits for either. Only the latest
//! request counts.

use std::sync::Arc;
use std::thread::JoinHandle;

use super::super::event_queue::EventSender;
use super::super::{Event, Snapshot};
use super::{FolderIndex, VisibleCache, VisibleRows};
use vicinity_core::Filter;
use vicinity_core::monitor::Monitor;

#[derive(Default)]
struct Inbox {
    request: Option<(Arc<Snapshot>, Filter)>,
    closed: bool,
}

/// Takes requests for the thread. Cheap to clone.
#[derive(Clone, Default)]
pub struct FilterWorker(Arc<Monitor<Inbox>>);

impl FilterWorker {
    /// Starts the thread.
    pub fn start(cache: VisibleCache, event_sender: EventSender) -> std::io::Result<(Self, JoinHandle<()>)> {
        let worker = Self::default();
        let inbox = worker.clone();
        let thread = std::thread::Builder::new().name("vicinity-filter".to_owned()).spawn(move || {
            let mut folders = FolderIndex::default();
            let mut in_all_folders: Option<Arc<VisibleRows>> = None;
            while let Some((snapshot, filter)) = inbox.next() {
                let visible = cache.rows(&snapshot, &filter);
                event_sender.send(Event::Visible(Arc::clone(&visible)));
                let rows = if filter.folder.is_none() {
                    visible
                } else {
                    let filter = Filter { folder: None, ..filter };
                    Arc::new(VisibleRows::new(snapshot, filter, in_all_folders.as_deref()))
                };
                event_sender.send(Event::Folders(Arc::new(folders.count(&rows))));
                in_all_folders = Some(rows);
            }
        })?;
        Ok((worker, thread))
    }

    /// Replaces a request that waits.
    pub fn request(&self, snapshot: Arc<Snapshot>, filter: Filter) {
        self.0.update(|inbox| inbox.request = Some((snapshot, filter)));
    }

    /// Ends the thread.
    pub fn close(&self) {
        self.0.update(|inbox| inbox.closed = true);
    }

    /// Waits for a request; `None` once closed.
    fn next(&self) -> Option<(Arc<Snapshot>, Filter)> {
        self.0.wait(|inbox| if inbox.closed { Some(None) } else { inbox.request.take().map(Some) })
    }
}
