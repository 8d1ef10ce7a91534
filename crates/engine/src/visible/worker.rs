//! The thread that evaluates filters, so that the window never waits for one. Only the latest request counts.

use std::sync::Arc;

use super::super::event_queue::EventSender;
use super::super::{Event, Severity, Snapshot};
use super::VisibleCache;
use vicinity_core::Filter;
use vicinity_core::worker::{Inbox, Task, Worker};

type Request = (Arc<Snapshot>, Filter);

/// Takes requests for the thread. Cheap to clone.
#[derive(Clone, Default)]
pub struct FilterWorker(Inbox<Option<Request>>);

impl FilterWorker {
    /// Starts the thread.
    pub fn start(cache: VisibleCache, event_sender: EventSender) -> std::io::Result<(Self, Worker)> {
        let filters = Self::default();
        let worker = Worker::serve("filter", &filters.0, Evaluator { inbox: filters.0.clone(), cache, event_sender })?;
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
}

impl Task for Evaluator {
    type Request = Request;

    fn next(&mut self) -> Option<Request> {
        self.inbox.take(Option::take)
    }

    fn handle(&mut self, (snapshot, filter): &mut Request) {
        self.event_sender.send(Event::Visible(self.cache.rows(snapshot, filter)));
    }

    fn recover(&mut self, _: Option<&mut Request>, reason: &str) {
        self.event_sender.notice(Severity::Error, format!("The filter could not be applied ({reason})"));
    }
}
