//! Files that the window writes for the user.

use std::sync::{Arc, Weak};

/// An export that is under way. Dropping it cancels it: closing the library does so, too.
#[derive(Debug, Clone, Default)]
pub struct ExportProgress {
    /// What is done, for the status bar.
    pub activity: &'static str,
    /// Files done.
    pub done: u64,
    /// All files; 0 where they are not counted.
    pub total: u64,
    alive: Arc<()>,
}

/// Tells the thread that exports whether to go on.
#[derive(Debug, Clone, Default)]
pub struct ExportToken(Weak<()>);

impl ExportProgress {
    /// One that begins.
    pub fn new(activity: &'static str) -> Self {
        Self { activity, ..Self::default() }
    }

    /// For its thread.
    pub fn token(&self) -> ExportToken {
        ExportToken(Arc::downgrade(&self.alive))
    }

    /// Whether it is the one that a thread works on.
    pub fn is_of(&self, token: &ExportToken) -> bool {
        Weak::ptr_eq(&Arc::downgrade(&self.alive), &token.0)
    }
}

impl ExportToken {
    /// Whether it was not cancelled.
    pub fn goes_on(&self) -> bool {
        self.0.strong_count() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_ends_with_what_the_window_keeps_of_it() {
        let (first, second) = (ExportProgress::new("Copying files"), ExportProgress::new("Copying files"));
        let token = first.token();
        assert!(first.is_of(&token) && !second.is_of(&token) && token.goes_on());
        drop(first);
        assert!(!token.goes_on());
    }
}
