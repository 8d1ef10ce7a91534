//! The thread that evaluates filters, so that the window never waits for one. Only the latest request counts.

use std::sync::Arc;
use std::thread::JoinHandle;

use super::super::event_queue::EventSender;
use super::super::{Event, Snapshot};
use super::VisibleCache;
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
            while let Some((snapshot, filter)) = inbox.next() {
                event_sender.send(Event::Visible(cache.rows(&snapshot, &filter)));
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
