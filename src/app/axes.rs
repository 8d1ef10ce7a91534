//! The scatter plot: asks for the positions along its axes while it is shown.

use std::sync::Arc;
use std::time::Duration;

use super::window::App;
use crate::context::{CentralView, Snapshot, format};
use vicinity_core::{AxesLayout, AxisSource};
use vicinity_engine::Job;

/// Other axes are asked for so long after the last key.
const REST_SECS: f64 = 0.25;
/// While items arrive, positions are renewed this often.
const RENEW_SECS: f64 = 1.0;

impl App {
    pub(super) fn set_axes(&mut self, axes: [AxisSource; 2]) {
        if axes != self.state.preferences.axes {
            self.state.preferences.axes = axes;
            self.axes.due = Some(self.now() + REST_SECS);
            self.save_preferences();
        }
    }

    /// Asks for positions once the collection or the axes are others.
    pub(super) fn update_axes(&mut self) {
        let snapshot = self.state.library().snapshot.clone().filter(|snapshot| !snapshot.is_empty());
        let Some(snapshot) = snapshot.filter(|_| self.state.preferences.central_view == CentralView::Axes) else {
            return;
        };
        let axes = &self.state.preferences.axes;
        let wait = match &self.axes.wanted {
            Some((of, by)) if by == axes && (Arc::ptr_eq(of, &snapshot) || is_unmoved(of, &snapshot, axes)) => return,
            Some((_, by)) if by == axes => RENEW_SECS,
            _ => 0.0,
        };
        let now = self.now();
        let due = *self.axes.due.get_or_insert(now + wait);
        if due > now {
            return self.ctx.request_repaint_after(Duration::from_secs_f64(due - now + 0.005));
        }
        let axes = axes.clone();
        self.axes.due = None;
        self.axes.ticket += 1;
        self.axes.wanted = Some((snapshot, axes.clone()));
        self.state.library_mut().axes.pending = true;
        self.submit(Job::PlaceOnAxes { ticket: self.axes.ticket, axes });
    }

    pub(super) fn axes_received(&mut self, ticket: u64, result: Result<Arc<AxesLayout>, String>) {
        if ticket != self.axes.ticket {
            return;
        }
        let axes = &mut self.state.library_mut().axes;
        axes.pending = false;
        axes.error = result.as_ref().err().map(|why| format::sentence(why));
        if let Ok(placed) = result {
            axes.placed = Some(placed);
        }
    }
}

/// Whether the places on axes between opposites are the same: other facts of the same items change nothing, and a service is paid for
/// each look at the words.
fn is_unmoved(before: &Snapshot, now: &Snapshot, axes: &[AxisSource; 2]) -> bool {
    let of = |snapshot: &Snapshot| (snapshot.epoch(), snapshot.len(), snapshot.dim());
    axes.iter().all(|axis| matches!(axis, AxisSource::Opposites(_))) && of(before) == of(now)
}
