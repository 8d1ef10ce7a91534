//! Keeps the visible rows up to date with the collection and the filter.

use std::sync::Arc;

use super::window::App;
use vicinity_core::Filter;
use vicinity_engine::{Job, Snapshot, VisibleRows};

/// Collections of at most so many items are filtered within the frame that needs it: that takes well under a
/// millisecond, and nothing lags behind.
const AT_ONCE: usize = 4_000;

/// The request sent to the engine last.
pub(super) type FilterRequest = Option<(Arc<Snapshot>, Filter)>;

impl App {
    /// Requests the visible rows unless they are known. Those known before are shown until the answer is there.
    pub(super) fn follow_filter(&mut self) {
        let Some(snapshot) = self.state.library().snapshot.clone() else { return };
        let filter = &self.state.library().query.filter;
        if self.state.library().visible.as_ref().is_some_and(|rows| rows.are_of(&snapshot, filter)) {
            return;
        }
        if filter.is_empty() || snapshot.len() <= AT_ONCE {
            self.state.library_mut().visible = Some(Arc::new(VisibleRows::new(snapshot, filter.clone(), None)));
            return;
        }
        let requested = self.filter_request.as_ref().is_some_and(|(of, by)| Arc::ptr_eq(of, &snapshot) && by == filter);
        if !requested {
            let filter = filter.clone();
            self.filter_request = Some((Arc::clone(&snapshot), filter.clone()));
            self.submit(Job::Filter { snapshot, filter });
        }
    }

    /// The engine has evaluated a filter. During an import the answer may be that of the collection a moment ago.
    pub(super) fn filtered(&mut self, rows: Arc<VisibleRows>) {
        if *rows.filter() == self.state.library().query.filter && self.state.library().snapshot.is_some() {
            self.state.library_mut().visible = Some(rows);
        }
    }
}
