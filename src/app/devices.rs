//! The settings of devices: shown, changed, kept.

use super::window::{App, Message};
use crate::context::Dialog;
use vicinity_engine::Job;
use vicinity_engine::model_selection::ModelSource;
use vicinity_engine::runtime_settings::DevicePreferences;

impl App {
    pub(super) fn settings_dialog(&mut self) {
        let open = !self.state.is_dialog_open(Dialog::Settings);
        self.show_dialog(Dialog::Settings, open);
        if open {
            self.refresh_devices();
        }
    }

    /// Drivers may take their time, so they are asked by a thread.
    pub(super) fn refresh_devices(&self) {
        let (sender, waker, running) = (self.inbox.0.clone(), self.waker(), self.running.clone());
        let model = self.state.library().model.as_ref().map(|model| model.key.clone());
        self.spawn("devices", move || {
            // The devices are the same for every model; the verdicts are found by its key.
            let lines = running.device_summaries(&ModelSource::Starter, model.as_ref());
            let _ = sender.send(Message::Devices(lines));
            waker();
        });
    }

    /// From now on; the model moves where it has to.
    pub(super) fn set_running(&mut self, wishes: DevicePreferences) {
        let before = self.state.device_preferences();
        self.running.set(wishes);
        self.state.preferences.devices = wishes;
        self.state.view.overrides.devices = None;
        self.save_preferences();
        if (before.device, before.precision) != (wishes.device, wishes.precision) {
            self.submit(Job::ReloadModel);
        }
    }
}
