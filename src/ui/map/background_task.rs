//! Work done off the UI thread for the newest key.

use std::sync::mpsc::{Receiver, TryRecvError, channel};

use crate::context::Ctx;
use crate::context::background::BackgroundQueue;

/// Computes the result for the newest key. At most one thread runs at a time; it does not use the shared thread pool,
/// which a layout may keep busy for seconds.
pub struct BackgroundTask<K, T> {
    last_key: Option<K>,
    running: Option<Receiver<T>>,
}

/// Where work is run, and what it wakes.
#[derive(Clone, Copy)]
pub struct Background<'a> {
    /// Woken when work is done.
    pub egui: &'a egui::Context,
    /// Takes the work.
    pub queue: &'a BackgroundQueue,
}

impl<'a> Background<'a> {
    /// The queue of a frame.
    pub fn new(egui: &'a egui::Context, cx: &Ctx<'a>) -> Self {
        Self { egui, queue: cx.commands.background() }
    }
}

impl<K, T> Default for BackgroundTask<K, T> {
    fn default() -> Self {
        Self { last_key: None, running: None }
    }
}

impl<K: PartialEq, T: Send + 'static> BackgroundTask<K, T> {
    /// Whether work for `key` may start: no other work is running, and `key` differs from the last one.
    pub fn accepts(&self, key: &K) -> bool {
        self.running.is_none() && self.last_key.as_ref() != Some(key)
    }

    /// Starts `work` if `key` is [accepted](Self::accepts); otherwise the caller tries again next frame. With
    /// `in_frame`, the work is done immediately on this thread. Work that panics is reported by `app`, and not repeated
    /// for the same key.
    pub fn start(&mut self, on: Background<'_>, key: K, in_frame: bool, work: impl FnOnce() -> T + Send + 'static) {
        if !self.accepts(&key) {
            return;
        }
        self.last_key = Some(key);
        let (send, receive) = channel();
        self.running = Some(receive);
        if in_frame {
            _ = send.send(work());
            return;
        }
        let ctx = on.egui.clone();
        on.queue.push("map", move || {
            // A closed channel means that the map was dropped and nobody needs the result.
            _ = send.send(work());
            ctx.request_repaint();
        });
    }

    /// Takes the result, if it is ready.
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

    /// Forgets the key; the result of a running computation is dropped.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(task: &mut BackgroundTask<u32, u32>, queue: &BackgroundQueue, key: u32) {
        let egui = egui::Context::default();
        task.start(Background { egui: &egui, queue }, key, false, move || key.checked_sub(1).expect("not zero"));
    }

    #[test]
    fn a_panic_ends_the_work_of_one_key_alone() {
        let (mut task, queue) = (BackgroundTask::default(), BackgroundQueue::default());
        start(&mut task, &queue, 0);
        assert!(!task.accepts(&7), "one at a time");
        for work in queue.take() {
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(work.run)).is_err());
        }
        assert_eq!(task.take(), None);
        assert!(!task.accepts(&0) && task.accepts(&7), "what has panicked is not tried again");
        start(&mut task, &queue, 7);
        queue.take().into_iter().for_each(|work| (work.run)());
        assert_eq!(task.take(), Some(6));
    }
}
