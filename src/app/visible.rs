//! Keeps the visible rows and the counts of folders up to date with the collection and the filter.

use std::sync::Arc;

use super::messages::Message;
use super::pending::LabelCountRequest;
use super::window::App;
use vicinity_engine::{Job, VisibleRows};

/// Collections of up to this many items are filtered within the frame that needs it: that takes well under a
/// millisecond, and nothing lags behind.
pub(super) const AT_ONCE: usize = 4_000;

impl App {
    /// Requests what belongs to the collection and the filter as they are. What is known is shown until the answer is
    /// there.
    pub(super) fn follow_filter(&mut self) {
        let library = self.state.library_mut();
        let Some(snapshot) = library.snapshot.clone() else { return };
        let filter = &library.query.filter;
        let request = self.filter_request.as_ref();
        if request.is_some_and(|(of, by)| Arc::ptr_eq(of, &snapshot) && by == filter) {
            return;
        }
        let filter = filter.clone();
        if filter.is_empty() || snapshot.len() <= AT_ONCE {
            library.visible = Some(Arc::new(VisibleRows::new(Arc::clone(&snapshot), filter.clone(), None)));
        }
        self.filter_request = Some((Arc::clone(&snapshot), filter.clone()));
        self.submit(Job::Filter { snapshot, filter });
    }

    /// The engine has evaluated a filter. During an import the answer may be that of the collection a moment ago.
    pub(super) fn filtered(&mut self, rows: Arc<VisibleRows>) {
        let library = self.state.library_mut();
        let known = library.visible.as_ref().is_some_and(|known| known.are_of(rows.snapshot(), rows.filter()));
        // While a range moves the filter may always be ahead of its answers.
        let is_wanted = self.search.adjusting || *rows.filter() == library.query.filter;
        if !known && is_wanted && library.snapshot.is_some() {
            library.visible = Some(rows);
        }
    }

    /// Counts the visible items of each label where the filter excludes some; those of many items on another thread.
    pub(super) fn count_labels(&mut self) {
        let library = self.state.library_mut();
        let Some(visible) = library.visible.clone() else { return };
        let labels = &library.labels.applied;
        if visible.are_everything() || labels.best.is_empty() {
            library.labels.visible_counts = None;
            self.label_count_request = None;
            return;
        }
        if self.label_count_request.as_ref().is_some_and(|request| request.is_for(labels, &visible)) {
            return;
        }
        let request = LabelCountRequest { labels: Arc::clone(labels), visible };
        self.label_count_request = Some(request.clone());
        if request.labels.best.len() <= AT_ONCE {
            library.labels.visible_counts = Some(Arc::new(request.labels.visible_counts(&request.visible)));
            return;
        }
        self.spawn("count-labels", Message::Failed, move |messages| {
            let counts = request.labels.visible_counts(&request.visible);
            messages.send(Message::LabelCounts(request, counts));
        });
    }

    /// The visible items of each label have been counted.
    pub(super) fn labels_counted(&mut self, request: &LabelCountRequest, counts: Vec<usize>) {
        let latest = self.label_count_request.as_ref();
        if latest.is_some_and(|latest| latest.is_for(&request.labels, &request.visible)) {
            self.state.library_mut().labels.visible_counts = Some(Arc::new(counts));
        }
    }
}
