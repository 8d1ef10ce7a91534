//! Runs the work that panels send for other threads.

use std::io;

use super::messages::Message;
use super::window::App;
use crate::context::background::BackgroundWork;
use vicinity_core::worker::Worker;

impl App {
    /// Runs everything sent in this frame, each on a thread of its own. A panic becomes a sentence in the status bar; what
    /// was drawn before stays.
    pub(super) fn run_background_work(&self) {
        for work in self.commands.background().take() {
            let messages = self.messages();
            let report = move |sentence| messages.send(Message::Failed(sentence));
            if let Err(error) = run(work, report) {
                log::error!("no thread could be started: {error}");
            }
        }
    }
}

/// Runs work on a supervised thread that nobody waits for; `report` gets the sentence about its panic.
fn run(work: BackgroundWork, report: impl FnOnce(String) + Send + 'static) -> io::Result<()> {
    let name = work.name;
    let failed = move |reason: String| report(format!("The {name} could not be updated: {reason}"));
    Worker::once(name, || {}, work.run, failed).map(Worker::detach)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::context::CommandSender;

    #[test]
    fn a_panic_of_background_work_is_reported_in_a_sentence() {
        let sender = CommandSender::default();
        sender.background().push("map", || panic!("no such row"));
        let (report, reported) = channel();
        for work in sender.background().take() {
            let report = report.clone();
            run(work, move |sentence| report.send(sentence).expect("somebody listens")).expect("a thread");
        }
        drop(report);
        let sentences: Vec<String> = reported.iter().collect();
        assert_eq!(sentences, ["The map could not be updated: internal error: no such row"]);
        assert!(sender.background().take().is_empty(), "each once");
    }
}
