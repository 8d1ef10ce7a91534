//! Work done off the UI thread for the newest key.

use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// Computes the result for the newest key. At most one thread runs at a time; it does not use the shared thread pool,
/// which a layout may keep busy for seconds.
pub struct BackgroundTask<K, T> {
    last_key: Option<K>,
    running: Option<Receiver<T>>,
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
    /// `in_frame`, the work is done immediately on this thread.
    pub fn start(&mut self, ctx: &egui::Context, key: K, in_frame: bool, work: impl FnOnce() -> T + Send + 'static) {
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
        let ctx = ctx.clone();
        let job = move || {
            // A closed channel means that the map was dropped and nobody needs the result.
            _ = send.send(work());
            ctx.request_repaint();
        };
        if let Err(error) = std::thread::Builder::new().name("map".to_owned()).spawn(job) {
            log::warn!("the map could not start a thread: {error}");
            self.running = None;
            self.last_key = None;
        }
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
