//! Work that a panel needs done off the window's thread. Panels start no threads: they send the work, and `app` runs it
//! supervised.

use std::cell::RefCell;

/// One piece of work.
pub struct BackgroundWork {
    /// Name of the thread.
    pub name: &'static str,
    /// The work. It hands its result back by itself, through a channel.
    pub run: Box<dyn FnOnce() + Send>,
}

/// The work sent in one frame. Used on the UI thread only.
#[derive(Default)]
pub struct BackgroundQueue(RefCell<Vec<BackgroundWork>>);

impl BackgroundQueue {
    /// Adds work.
    pub fn push(&self, name: &'static str, run: impl FnOnce() + Send + 'static) {
        self.0.borrow_mut().push(BackgroundWork { name, run: Box::new(run) });
    }

    /// Takes everything sent since the last time.
    pub fn take(&self) -> Vec<BackgroundWork> {
        self.0.take()
    }
}

impl std::fmt::Debug for BackgroundQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.0.borrow().iter().map(|work| work.name).collect();
        f.debug_tuple("BackgroundQueue").field(&names).finish()
    }
}
