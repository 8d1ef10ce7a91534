//! Work of the window that may take long, or block, on threads of their own.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::messages::{Message, MessageSender};
use super::window::App;

impl App {
    /// Runs `work` on a thread. Where it panics, or no thread can be had, the window gets `failed` with the reason: it
    /// waits for the outcome otherwise.
    pub(super) fn spawn(
        &self,
        name: &str,
        failed: impl FnOnce(String) -> Message + Send + 'static,
        work: impl FnOnce(&MessageSender) + Send + 'static,
    ) {
        let (messages, otherwise, task) = (self.messages(), self.messages(), name.to_owned());
        let run = move || {
            if catch_unwind(AssertUnwindSafe(|| work(&messages))).is_err() {
                messages.send(failed(format!("Something went wrong ({task}); the log has more")));
            }
        };
        if let Err(error) = std::thread::Builder::new().name(name.to_owned()).spawn(run) {
            otherwise.send(Message::Failed(format!("No thread could be started for {name}: {error}")));
        }
    }
}
