//! Messages in the status bar.

use std::time::Duration;

use super::window::App;
use vicinity_engine::{Notice, Severity};

/// A message that something was done stays so long.
const NOTICE_SECS: f64 = 7.0;
/// Messages kept.
const MAX_NOTICES: usize = 50;

impl App {
    /// Shows a message in the status bar.
    pub(super) fn notice(&mut self, severity: Severity, text: impl Into<String>) {
        self.notice_at = self.now();
        let notices = &mut self.state.library_mut().notices;
        notices.push(Notice { severity, text: text.into() });
        if notices.len() > MAX_NOTICES {
            notices.remove(0);
        }
        self.ctx.request_repaint_after(Duration::from_secs_f64(NOTICE_SECS + 0.1));
    }

    /// Removes a message that something was done, once it has been shown long enough.
    pub(super) fn expire_notices(&mut self) {
        let old = self.now() - self.notice_at > NOTICE_SECS;
        let notices = &mut self.state.library_mut().notices;
        if old && notices.last().is_some_and(|n| n.severity == Severity::Info) {
            notices.clear();
        }
    }
}
