//! The thread that evaluates filters and counts items, so that the window never waits for either. Only the latest
//! request counts.

use std::sync::Arc;

use super::super::event_queue::EventSender;
use super::super::{Event, Severity, Snapshot};
use super::{FactCounter, FolderIndex, HistogramCounter, VisibleCache, VisibleRows};
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
        let evaluator = Evaluator::new(filters.0.clone(), cache, event_sender);
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
    histograms: HistogramCounter,
    /// The rows in which folders were counted last.
    in_all_folders: Option<Arc<VisibleRows>>,
}

impl Evaluator {
    fn new(inbox: Inbox<Option<Request>>, cache: VisibleCache, event_sender: EventSender) -> Self {
        Self {
            inbox,
            cache,
            event_sender,
            folders: FolderIndex::default(),
            facts: FactCounter::default(),
            histograms: HistogramCounter::default(),
            in_all_folders: None,
        }
    }

    /// Whether another request waits, as while the user moves a limit: then the rest would be for nothing.
    fn is_outdated(&self) -> bool {
        self.inbox.read(Option::is_some)
    }
}

impl Task for Evaluator {
    type Request = Request;

    fn next(&mut self) -> Option<Request> {
        self.inbox.take(Option::take)
    }

    fn handle(&mut self, (snapshot, filter): &mut Request) {
        let visible = self.cache.rows(snapshot, filter);
        self.event_sender.send(Event::Visible(Arc::clone(&visible)));
        if self.is_outdated() {
            return;
        }
        // What a panic left half done is never counted with again.
        let mut histograms = std::mem::take(&mut self.histograms);
        self.event_sender.send(Event::Histograms(Arc::new(histograms.count(&visible))));
        self.histograms = histograms;
        if self.is_outdated() {
            return;
        }
        let rows = if filter.folder.is_none() {
            Arc::clone(&visible)
        } else {
            let filter = Filter { folder: None, ..filter.clone() };
            Arc::new(VisibleRows::new(Arc::clone(snapshot), filter, self.in_all_folders.as_deref()))
        };
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

#[cfg(test)]
mod tests {
    use super::super::tests::{item, of_chunks_with_roots};
    use super::*;

    #[test]
    fn of_a_request_that_another_one_follows_only_the_rows_are_reported() {
        let (event_sender, receiver, _thread) = EventSender::start(|| ()).expect("a thread");
        let inbox = Inbox::default();
        let mut evaluator = Evaluator::new(inbox.clone(), VisibleCache::default(), event_sender);
        let snapshot = of_chunks_with_roots(vec![Arc::new((0..10).map(item).collect())], &[]);
        let mut request = (snapshot, Filter::default());
        inbox.update(|waiting| *waiting = Some(request.clone()));
        evaluator.handle(&mut request);
        inbox.update(Option::take);
        evaluator.handle(&mut request);
        let kind = |event: Event| match event {
            Event::Visible(_) => "rows",
            Event::Histograms(_) => "histograms",
            Event::Folders(_) => "folders",
            Event::FactCounts(_) => "facts",
            _ => "other",
        };
        let events: Vec<_> = receiver.iter().take(5).map(kind).collect();
        assert_eq!(events, ["rows", "rows", "histograms", "folders", "facts"]);
    }
}
