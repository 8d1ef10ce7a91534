//! Preferences as a JSON file. A file that cannot be read means the defaults.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};

use crate::context::Preferences;
use vicinity_core::atomic_file;

/// Reads them; whatever is wrong with the file, the program starts.
pub fn read(path: &Path) -> Preferences {
    let Ok(bytes) = std::fs::read(path) else { return Preferences::default() };
    match serde_json::from_slice::<Preferences>(&bytes) {
        Ok(preferences) => preferences.valid(),
        Err(error) => {
            log::warn!("could not read the settings, using the defaults: {error}: {}", path.display());
            Preferences::default()
        }
    }
}

/// Writes them beside the old ones, then swaps: a crash leaves either the old or the new.
///
/// # Errors
/// When the folder cannot be made or written.
pub fn write(preferences: &Preferences, path: &Path) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    atomic_file::write(path, &serde_json::to_vec_pretty(preferences)?)
}

/// Writes preferences on a thread of its own, the latest only.
pub struct PreferencesWriter {
    sender: Option<Sender<Preferences>>,
    thread: Option<JoinHandle<()>>,
}

impl PreferencesWriter {
    /// `None`: preferences are not kept (tests, no home).
    pub fn new(path: Option<PathBuf>) -> Self {
        let Some(path) = path else { return Self { sender: None, thread: None } };
        // Bounded generously: preferences change by hand.
        let (sender, receiver): (Sender<Preferences>, Receiver<Preferences>) = crossbeam_channel::bounded(64);
        let thread = std::thread::Builder::new().name("settings".to_owned()).spawn(move || {
            while let Ok(preferences) = receiver.recv() {
                let preferences = receiver.try_iter().last().unwrap_or(preferences);
                if let Err(error) = write(&preferences, &path) {
                    log::warn!("could not save the settings: {error}: {}", path.display());
                }
            }
        });
        Self { sender: Some(sender), thread: thread.ok() }
    }

    /// Hands them over; never waits.
    pub fn save(&self, preferences: &Preferences) {
        if let Some(sender) = &self.sender {
            let _ = sender.try_send(preferences.clone());
        }
    }
}

impl Drop for PreferencesWriter {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{RecentLibrary, ThemeChoice};
    use vicinity_core::LabelSet;
    use vicinity_engine::runtime_settings::DevicePreferences;

    #[test]
    fn come_back_as_they_were() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("deep/settings.json");
        let devices =
            DevicePreferences { device: "cuda:1".parse().expect("a device"), precision: None, idle_minutes: 0 };
        let label_set = LabelSet { name: "Mine".to_owned(), labels: vec!["dog".to_owned()] };
        let mut preferences =
            Preferences { theme: ThemeChoice::Dark, gallery_height: 200.0, devices, label_set, ..Default::default() };
        preferences.remember(RecentLibrary { path: "a".into(), name: "a".to_owned(), items: 3, opened: 7 });
        write(&preferences, &path)?;
        assert_eq!(read(&path), preferences);
        assert_eq!(read(&path).label_set.labels, ["dog"]);
        Ok(())
    }

    #[test]
    fn a_damaged_file_means_the_defaults() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("settings.json");
        for bytes in ["{\"theme\": \"Da", "[1, 2]", "{\"theme\": 7}", ""] {
            std::fs::write(&path, bytes)?;
            assert_eq!(read(&path), Preferences::default());
        }
        std::fs::write(&path, "{\"theme\": \"Light\", \"unknown\": 1}")?;
        assert_eq!(read(&path).theme, ThemeChoice::Light);
        Ok(())
    }
}
