//! The settings of devices: shown, changed, kept.

use super::messages::Message;
use super::window::App;
use crate::context::Dialog;
use vicinity_engine::Job;
use vicinity_engine::model_source::ModelSource;
use vicinity_engine::runtime_settings::DevicePreferences;

impl App {
    pub(super) fn toggle_settings(&mut self) {
        self.toggle_dialog(Dialog::Settings);
        if self.state.is_dialog_open(Dialog::Settings) {
            self.refresh_devices();
        }
    }

    /// Drivers may take their time, so they are asked by a thread.
    pub(super) fn refresh_devices(&self) {
        let running = self.running.clone();
        let model = self.state.library().model.as_ref().map(|model| model.key.clone());
        self.spawn("devices", Message::Failed, move |messages| {
            // The devices are the same for every model; the verdicts are found by its key.
            let lines = running.device_summaries(&ModelSource::Starter, model.as_ref());
            messages.send(Message::Devices(lines));
        });
    }

    /// Runs models so from now on; a loaded one moves where it has to.
    pub(super) fn set_devices(&mut self, devices: DevicePreferences) {
        let before = self.state.device_preferences();
        self.running.set(devices);
        self.state.preferences.devices = devices;
        self.state.view.overrides.devices = None;
        self.save_preferences();
        if (before.device, before.precision) != (devices.device, devices.precision) {
            self.submit(Job::ReloadModel);
        }
    }
}
