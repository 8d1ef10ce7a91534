//! Something worked out off the UI thread, always for the newest question.

use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// The answer to the newest question that could be answered so far. At most one thread is at work; it has no pool of
/// its own to wait for, since the shared one may be busy with a layout for seconds.
pub struct Background<K, T> {
    asked: Option<K>,
    running: Option<Receiver<T>>,
}

impl<K, T> Default for Background<K, T> {
    fn default() -> Self {
        Self { asked: None, running: None }
    }
}

impl<K: PartialEq, T: Send + 'static> Background<K, T> {
    /// Whether an answer is on its way.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// The newest question.
    pub fn asked(&self) -> Option<&K> {
        self.asked.as_ref()
    }

    /// Asks, unless `key` was asked before or an answer is still on its way (ask again next frame then). With
    /// `at_once` the work is done here and now.
    pub fn ask(&mut self, ctx: &egui::Context, key: K, at_once: bool, work: impl FnOnce() -> T + Send + 'static) {
        if self.running.is_some() || self.asked.as_ref() == Some(&key) {
            return;
        }
        self.asked = Some(key);
        let (send, receive) = channel();
        self.running = Some(receive);
        if at_once {
            _ = send.send(work());
            return;
        }
        let ctx = ctx.clone();
        let job = move || {
            // The receiver is gone where the map is: nobody waits any more.
            _ = send.send(work());
            ctx.request_repaint();
        };
        if let Err(error) = std::thread::Builder::new().name("map".to_owned()).spawn(job) {
            log::warn!("the map could not start a thread: {error}");
            self.running = None;
            self.asked = None;
        }
    }

    /// The answer, once.
    pub fn take(&mut self) -> Option<T> {
        match self.running.as_ref()?.try_recv() {
            Ok(answer) => {
                self.running = None;
                Some(answer)
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.running = None;
                None
            }
        }
    }

    /// Forgets what was asked; an answer on its way is dropped.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}
