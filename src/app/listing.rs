//! Keeps the gallery's list up to date: short lists at once, long ones on a thread of their own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::window::{App, Message};
use crate::context::CentralView;
use crate::context::listing::{Listing, ListingRequest, ListingSource};

/// Lists of at most so many items are made within the frame that wants them.
const AT_ONCE: usize = 2_000;

/// What was asked for last.
#[derive(Default)]
pub(super) struct ListingState {
    wanted: Option<ListingRequest>,
    /// A thread is at work. When it has ended the latest request is looked at again.
    under_way: bool,
}

impl App {
    /// Sees to it that the gallery lists what it should.
    pub(super) fn update_gallery(&mut self) {
        if self.state.preferences.central_view != CentralView::Gallery {
            return;
        }
        let Some(request) = self.gallery_request() else {
            if self.lists.wanted.take().is_some() {
                self.state.library_mut().gallery.listing = Arc::default();
            }
            return;
        };
        if self.lists.wanted.as_ref().is_some_and(|wanted| wanted.same_as(&request)) {
            return;
        }
        if request.effort() <= AT_ONCE {
            self.state.library_mut().gallery.listing = Arc::new(Listing::new(&request));
            self.lists.wanted = Some(request);
        } else if !self.lists.under_way {
            self.lists.wanted = Some(request.clone());
            self.lists.under_way = true;
            let (sender, waker) = (self.inbox.0.clone(), self.waker());
            self.spawn("list-gallery", move || {
                // Whatever happens the window has to hear of it, or it would wait for ever.
                let listing = catch_unwind(AssertUnwindSafe(|| Listing::new(&request)));
                let _ = sender.send(Message::Listed(Box::new(request), listing.ok()));
                waker();
            });
        }
    }

    /// A list has come; what changed in the meantime is listed in the next frame.
    pub(super) fn listing_received(&mut self, request: &ListingRequest, listing: Option<Listing>) {
        self.lists.under_way = false;
        let current = self.lists.wanted.as_ref().is_some_and(|wanted| wanted.same_as(request));
        if let (true, Some(listing)) = (current, listing) {
            self.state.library_mut().gallery.listing = Arc::new(listing);
        }
        self.ctx.request_repaint();
    }

    /// The gallery lists the selection, where that is more than one item.
    pub(super) fn pin_selection(&mut self) {
        let library = self.state.library_mut();
        library.gallery.pinned = (library.selection.items.len() > 1).then(|| Arc::clone(&library.selection));
    }

    fn gallery_request(&self) -> Option<ListingRequest> {
        let state = &self.state;
        let source = match (&state.library().gallery.pinned, state.current_result()) {
            (Some(selection), _) => ListingSource::Selection(selection.clone()),
            (None, Some(result)) => ListingSource::Hits(result.clone()),
            (None, None) => ListingSource::Everything,
        };
        let visible = state.library().visible.clone()?;
        Some(ListingRequest { visible, source, sort: state.preferences.gallery_sort })
    }
}
