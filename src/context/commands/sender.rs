//! Collects the commands of one frame.

use std::cell::{Cell, RefCell};

use vicinity_core::ItemId;

use super::Command;
use crate::context::background::BackgroundQueue;

/// Collects the commands of one frame; `app` drains it after drawing. Used on the UI thread only.
#[derive(Debug, Default)]
pub struct CommandSender {
    commands: RefCell<Vec<Command>>,
    shown: RefCell<Vec<ItemId>>,
    soon: RefCell<Vec<ItemId>>,
    small: RefCell<Vec<ItemId>>,
    pointed_at: Cell<Option<ItemId>>,
    cluster: Cell<Option<u32>>,
    background: BackgroundQueue,
}

impl CommandSender {
    /// Where work for other threads is sent.
    pub fn background(&self) -> &BackgroundQueue {
        &self.background
    }

    /// Asks for something.
    pub fn send(&self, command: impl Into<Command>) {
        self.commands.borrow_mut().push(command.into());
    }

    /// Takes everything asked for since the last time.
    pub fn drain(&self) -> Vec<Command> {
        self.commands.take()
    }

    /// Notes that an item's thumbnail is on screen in this frame: it is fetched, or kept.
    pub fn thumbnail_shown(&self, item: ItemId) {
        self.shown.borrow_mut().push(item);
    }

    /// Notes that the map shows an item's small picture in this frame.
    pub fn small_picture_shown(&self, item: ItemId) {
        self.small.borrow_mut().push(item);
    }

    /// Notes that an item's thumbnail may be on screen soon: it is fetched after all that are.
    pub fn prefetch_thumbnail(&self, item: ItemId) {
        self.soon.borrow_mut().push(item);
    }

    /// Notes that the pointer rests on an item of a list in this frame.
    pub fn hover_item(&self, item: ItemId) {
        self.pointed_at.set(Some(item));
    }

    /// Notes that the pointer or the focus rests on a cluster in this frame.
    pub fn point_at_cluster(&self, cluster: u32) {
        self.cluster.set(Some(cluster));
    }

    /// The cluster noted since the last time.
    pub fn take_cluster(&self) -> Option<u32> {
        self.cluster.take()
    }

    /// The item noted since the last time.
    pub fn take_pointed_at(&self) -> Option<ItemId> {
        self.pointed_at.take()
    }

    /// Takes the items noted since the last time, in the order drawn.
    pub fn drain_shown(&self) -> Vec<ItemId> {
        self.shown.take()
    }

    /// Forgets the items noted: their library is closed.
    pub fn forget_items(&self) {
        self.shown.take();
        self.soon.take();
        self.small.take();
        self.pointed_at.take();
        self.cluster.take();
    }

    /// Takes the items noted whose small pictures are shown.
    pub fn drain_small(&self) -> Vec<ItemId> {
        self.small.take()
    }

    /// Takes the items noted to be shown soon.
    pub fn drain_soon(&self) -> Vec<ItemId> {
        self.soon.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_a_library_that_is_closed_are_forgotten() {
        let sender = CommandSender::default();
        sender.thumbnail_shown(ItemId(1));
        sender.prefetch_thumbnail(ItemId(2));
        sender.hover_item(ItemId(1));
        sender.forget_items();
        assert!(sender.drain_shown().is_empty() && sender.drain_soon().is_empty());
        assert_eq!(sender.take_pointed_at(), None);
    }
}
