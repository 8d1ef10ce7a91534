//! Work of the window that may take long, or block, on detached supervised threads.

use super::messages::{Message, MessageSender};
use super::window::App;
use vicinity_core::worker::Worker;

impl App {
    /// Runs `work` on a thread. Where it panics, or no thread can be had, the window gets `failed` with the reason: it
    /// waits for the outcome otherwise.
    pub(super) fn spawn(
        &self,
        name: &str,
        failed: impl FnOnce(String) -> Message + Send + 'static,
        work: impl FnOnce(&MessageSender) + Send + 'static,
    ) {
        spawn(name, self.messages(), failed, work);
    }

    /// Runs everything that panels have sent in this frame. After a panic, what was drawn before stays.
    pub(super) fn run_background_work(&self) {
        for work in self.commands.background().take() {
            let name = work.name;
            let failed = move |reason| Message::Failed(format!("The {name} could not be updated: {reason}"));
            self.spawn(name, failed, |_| (work.run)());
        }
    }
}

fn spawn(
    name: &str,
    messages: MessageSender,
    failed: impl FnOnce(String) -> Message + Send + 'static,
    work: impl FnOnce(&MessageSender) + Send + 'static,
) {
    let (reports, no_thread) = (messages.clone(), messages.clone());
    let report = move |reason| reports.send(failed(reason));
    match Worker::once(name, || {}, move || work(&messages), report) {
        Ok(worker) => worker.detach(),
        Err(error) => no_thread.send(Message::Failed(format!("Could not start a thread for {name}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::context::CommandSender;

    fn sentences(run: impl FnOnce(MessageSender)) -> Vec<String> {
        let (sender, received) = crossbeam_channel::unbounded();
        run(MessageSender { sender, waker: Arc::new(|| {}) });
        let sentence = |message| if let Message::Failed(text) = message { text } else { String::new() };
        received.iter().map(sentence).collect()
    }

    #[test]
    fn a_task_that_panics_is_answered_all_the_same() {
        let reported = sentences(|messages| spawn("paste", messages, Message::Failed, |_| panic!("no picture")));
        assert_eq!(reported, ["internal error: no picture"]);
        let reported = sentences(|messages| {
            spawn("paste", messages, Message::Failed, |messages| messages.send(Message::Failed("done".to_owned())));
        });
        assert_eq!(reported, ["done"]);
    }

    #[test]
    fn work_of_panels_is_run_once() {
        let sender = CommandSender::default();
        sender.background().push("map", || {});
        assert_eq!(sender.background().take().len(), 1);
        assert!(sender.background().take().is_empty());
    }
}
