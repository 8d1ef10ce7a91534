//! Pause, resume and cancel of the running import.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use vicinity_core::Progress;
use vicinity_core::monitor::Monitor;

#[derive(Default)]
struct State {
    running: bool,
    /// Number of the job that the last run began with.
    begun: u64,
    paused: bool,
    interrupted: bool,
    closed: bool,
    last: Progress,
    /// Number of the job submitted last.
    submitted: u64,
    /// Jobs up to this number were cancelled by the user.
    cancelled_to: u64,
}

/// Reaches every thread of an import. Cheap to clone.
#[derive(Clone, Default)]
pub struct ImportControl {
    state: Arc<Monitor<State>>,
    cancelled: Arc<AtomicBool>,
}

impl ImportControl {
    /// The number of a job that is being submitted. A cancel reaches the jobs submitted before it, and no later ones.
    pub fn next_number(&self) -> u64 {
        self.state.update(|state| {
            state.submitted += 1;
            state.submitted
        })
    }

    /// A new run begins with the job of this number: neither paused nor cancelled, unless the user has cancelled that
    /// job, or the engine is being closed.
    pub fn begin(&self, job: u64) {
        self.state.update(|state| {
            (state.running, state.paused, state.interrupted) = (true, false, false);
            state.begun = state.begun.max(job);
            state.last = Progress::default();
            self.cancelled.store(state.closed || job <= state.cancelled_to, Ordering::Relaxed);
        });
    }

    /// The run is over.
    pub fn end(&self) {
        self.state.update(|state| {
            state.running = false;
            state.paused = false;
        });
    }

    /// Whether there is a run.
    pub fn is_running(&self) -> bool {
        self.state.read(|state| state.running)
    }

    /// Whether a run that began with the job of this number, or a later one, is over.
    pub fn has_ended(&self, job: u64) -> bool {
        self.state.read(|state| !state.running && state.begun >= job)
    }

    /// Holds the import after what is in flight; false where none is running.
    pub fn pause(&self) -> bool {
        self.state.update(|state| {
            state.paused = state.running;
            state.running
        })
    }

    /// Goes on.
    pub fn resume(&self) {
        self.state.update(|state| state.paused = false);
    }

    /// The user ends the run, and every job submitted so far.
    pub fn cancel(&self) {
        self.state.update(|state| {
            state.cancelled_to = state.submitted;
            self.cancelled.store(true, Ordering::Relaxed);
        });
    }

    /// Ends the run because of an error.
    pub fn stop(&self) {
        self.state.update(|_| self.cancelled.store(true, Ordering::Relaxed));
    }

    /// Ends the run so that another job can be done; it is restarted afterwards.
    pub fn interrupt(&self) {
        self.state.update(|state| {
            state.interrupted = state.running;
            self.cancelled.store(true, Ordering::Relaxed);
        });
    }

    /// Whether the run was ended to be restarted.
    pub fn is_interrupted(&self) -> bool {
        self.state.read(|state| state.interrupted)
    }

    /// The last sample of the run.
    pub fn last_progress(&self) -> Progress {
        self.state.read(|state| state.last)
    }

    /// Keeps a sample.
    pub fn set_last_progress(&self, progress: Progress) {
        self.state.update(|state| state.last = progress);
    }

    /// Ends this run and every later one.
    pub fn close(&self) {
        self.state.update(|state| {
            state.closed = true;
            self.cancelled.store(true, Ordering::Relaxed);
        });
    }

    /// For loops that poll.
    pub fn flag(&self) -> &AtomicBool {
        &self.cancelled
    }

    /// For work that outlives a borrow.
    pub fn shared_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancelled)
    }

    /// Whether the run is to end.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Whether the engine is being closed.
    pub fn is_closed(&self) -> bool {
        self.state.read(|state| state.closed)
    }

    /// Whether the user holds the import.
    pub fn is_paused(&self) -> bool {
        self.state.read(|state| state.paused)
    }

    /// Waits while paused; false once cancelled.
    pub fn wait_if_paused(&self) -> bool {
        self.state.wait(|state| (!state.paused || self.is_cancelled()).then_some(()));
        !self.is_cancelled()
    }
}
