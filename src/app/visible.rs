//! Keeps the visible rows and the counts of folders up to date with the collection and the filter.

use std::sync::Arc;

use super::window::App;
use vicinity_core::Filter;
use vicinity_engine::{Job, Snapshot, VisibleRows};

/// Collections of at most so many items are filtered within the frame that needs it: that takes well under a
/// millisecond, and nothing lags behind.
const AT_ONCE: usize = 4_000;

/// The latest request to the engine.
pub(super) type FilterRequest = Option<(Arc<Snapshot>, Filter)>;

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
        if *rows.filter() == library.query.filter && library.snapshot.is_some() {
            library.visible = Some(rows);
        }
    }
}
