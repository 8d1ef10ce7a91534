//! "Go back" and "Go forward".

use std::time::Duration;

use super::window::App;

impl App {
    /// Notes where things are.
    pub(super) fn follow_place(&mut self) {
        // A range that moves by itself is no place.
        if self.state.library().snapshot.is_some() && !self.state.view.timeline_playing {
            let (view, now) = (self.shell.map_view(), self.now());
            if let Some(secs) = self.navigation.follow(&self.state, view, now) {
                self.ctx.request_repaint_after(Duration::from_secs_f64(secs + 0.005));
            }
        }
        self.state.view.can_go = self.navigation.can();
    }

    /// Goes back, or forward again.
    pub(super) fn go(&mut self, back: bool) {
        let view = self.shell.map_view();
        let Some(place) = self.navigation.go(&self.state, view, back) else { return };
        // Where no map is shown, the view would move the next one that is.
        if place.central.shows_map() && place.view != view {
            self.shell.show_view(place.view);
        }
        self.state.preferences.central_view = place.central;
        self.state.library_mut().preview = None;
        if !place.query.is(&self.state.library().query) {
            self.record_step();
            place.query.restore(&mut self.state.library_mut().query);
            self.query_restored();
        }
        self.state.library_mut().gallery.pinned = place.pinned;
        self.save_preferences();
    }
}
