//! When a thread may look through the whole library: while nothing else needs it, and the user does not hold the thread.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Event;
use super::event_queue::EventSender;
use super::library::Library;
use vicinity_core::worker::Inbox;

/// What waits for the thread.
#[derive(Debug, Default)]
pub struct PassRequest {
    /// Whether the library is to be looked through.
    pass: bool,
    /// Whether it is free for that.
    released: bool,
    /// Whether the user holds the thread.
    paused: bool,
}

/// Tells the thread when it may work. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BackgroundPass {
    inbox: Inbox<PassRequest>,
    /// Whether it works by itself whenever the library is free.
    automatic: bool,
}

impl BackgroundPass {
    /// For a thread that waits for [`Self::release`]. One that is not `automatic` waits for a request, too.
    pub fn new(library: &Library, automatic: bool) -> Self {
        Self { inbox: Inbox::default(), automatic: automatic && library.read_only().is_none() }
    }

    /// What the thread is served from.
    pub fn inbox(&self) -> &Inbox<PassRequest> {
        &self.inbox
    }

    /// The library is needed for something else: stops after what is at hand.
    pub fn hold(&self) {
        self.inbox.update(|waiting| {
            waiting.released = false;
            self.inbox.cancel();
        });
    }

    /// The library is free.
    pub fn release(&self) {
        self.inbox.update(|waiting| {
            waiting.released = true;
            waiting.pass |= self.automatic;
        });
    }

    /// Looks through the library once it is free. The end of that is reported in any case: as `ended`, if the thread is no
    /// longer there.
    pub fn request(&self, event_sender: &EventSender, ended: Event) {
        if self.inbox.is_closed() {
            return event_sender.send(ended);
        }
        self.inbox.update(|waiting| waiting.pass = true);
    }

    /// Stops until it is told to go on, or the library is opened again.
    pub fn pause(&self, paused: bool) {
        self.inbox.update(|waiting| {
            waiting.paused = paused;
            if paused {
                self.inbox.cancel();
            }
        });
    }

    /// Waits until the library is to be looked through; `None` at the end.
    pub fn next(&self) -> Option<()> {
        self.inbox.take_uncancelled(|waiting| {
            let due = waiting.released && !waiting.paused;
            (due && std::mem::take(&mut waiting.pass)).then_some(())
        })
    }

    /// To be polled while the library is looked through.
    pub fn cancelled(&self) -> &AtomicBool {
        self.inbox.cancelled()
    }

    /// After a look: if it was stopped, and not for the end, the rest of it follows. Then, whether the user holds it.
    pub fn put_off(&self) -> Option<bool> {
        if !self.cancelled().load(Ordering::Relaxed) || self.inbox.is_closed() {
            return None;
        }
        Some(self.inbox.update(|waiting| {
            waiting.pass = true;
            waiting.paused
        }))
    }
}
