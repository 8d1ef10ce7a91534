//! Keeps the gallery's list up to date: short lists at once, long ones on a thread of their own.

use std::sync::Arc;

use super::messages::Message;
use super::window::App;
use crate::context::FilterDisplay;
use crate::context::listing::{Listing, ListingRequest, ListingSource};
use vicinity_core::table::ColumnName;

/// Lists of up to this many items are made within the frame that needs them.
const AT_ONCE: usize = 2_000;

impl App {
    /// Keeps the list of the gallery up to date.
    pub(super) fn update_gallery(&mut self) {
        if !self.state.preferences.central_view.shows_gallery() {
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
            let wanted = request.clone();
            let failed = move |_| Message::Listed(Box::new(wanted), None);
            self.spawn("list-gallery", failed, move |messages| {
                let listing = Listing::new(&request);
                messages.send(Message::Listed(Box::new(request), Some(listing)));
            });
        }
    }

    /// A list has arrived; what changed in the meantime is listed in the next frame.
    pub(super) fn listing_received(&mut self, request: &ListingRequest, listing: Option<Listing>) {
        self.lists.under_way = false;
        let current = self.lists.wanted.as_ref().is_some_and(|wanted| wanted.same_as(request));
        if let (true, Some(listing)) = (current, listing) {
            self.state.library_mut().gallery.listing = Arc::new(listing);
        }
        self.ctx.request_repaint();
    }

    fn gallery_request(&self) -> Option<ListingRequest> {
        let state = &self.state;
        let source = match (&state.library().gallery.pinned, state.current_result()) {
            (Some(selection), _) => ListingSource::Selection(selection.clone()),
            (None, Some(result)) => ListingSource::Hits(result.clone()),
            (None, None) => ListingSource::Everything,
        };
        let visible = state.library().visible.clone()?;
        let column = ColumnName::new(&state.preferences.sort_column);
        let only_matches = state.preferences.filter_display == FilterDisplay::Filter;
        Some(ListingRequest { visible, source, only_matches, sort: state.preferences.gallery_sort, column })
    }
}
