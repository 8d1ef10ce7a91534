//! Checks for a newer version if the user has allowed that.

use super::messages::Message;
use super::window::{App, seconds_since_epoch};
use vicinity_engine::updates;

impl App {
    /// Allows or forbids it.
    pub(super) fn allow_updates(&mut self, allowed: bool) {
        self.state.preferences.updates.allowed = allowed;
        self.updates_changed();
    }

    /// Checks if it is time to; called every frame. A failure is only logged: the computer may be offline.
    pub(super) fn check_for_updates(&mut self) {
        let now = seconds_since_epoch();
        if !self.state.preferences.updates.is_due(now) {
            return;
        }
        let (Some(address), Some(runtime)) = (self.updates.clone(), self.network.runtime.clone()) else { return };
        self.state.preferences.updates.asked = now;
        self.updates_changed();
        let (messages, network_log) = (self.messages(), self.network.network_log.clone());
        runtime.spawn(async move {
            match updates::newest(&address, network_log).await {
                Ok(version) => messages.send(Message::Newest(version)),
                Err(why) => log::warn!("could not check for a new version: {why}"),
            }
        });
    }

    pub(super) fn newest_found(&mut self, version: String) {
        self.state.preferences.updates.newest = Some(version);
        self.updates_changed();
    }

    fn updates_changed(&mut self) {
        self.save_preferences();
    }

    /// The page of the newest version, in the user's browser.
    pub(super) fn show_releases(&self) {
        self.spawn("releases", Message::Failed, move |messages| {
            if let Err(error) = opener::open_browser(updates::PAGE) {
                messages.send(Message::Failed(format!("Could not open {} in a browser: {error}", updates::PAGE)));
            }
        });
    }
}
