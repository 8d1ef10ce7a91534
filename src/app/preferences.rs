//! Preferences as a JSON file. A file that cannot be read means the defaults.

use std::path::{Path, PathBuf};

use crate::context::Preferences;
use vicinity_core::atomic_file;
use vicinity_core::worker::{Inbox, Task, Worker};

/// Reads them; the program starts even if the file is missing or damaged.
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
    latest: Inbox<Option<Preferences>>,
    /// Dropping it waits until the latest are written. `None`: preferences are not kept (tests, no home).
    _worker: Option<Worker>,
}

impl PreferencesWriter {
    /// Writes to `path`, if any.
    pub fn new(path: Option<PathBuf>) -> Self {
        let latest = Inbox::default();
        let start = |path| Worker::serve("settings", &latest, WriteTask { path, latest: latest.clone() });
        let worker = path.and_then(|path| start(path).map_err(|e| log::error!("settings are not saved: {e}")).ok());
        Self { latest, _worker: worker }
    }

    /// Saves them in the background.
    pub fn save(&self, preferences: &Preferences) {
        self.latest.update(|latest| *latest = Some(preferences.clone()));
    }
}

struct WriteTask {
    path: PathBuf,
    latest: Inbox<Option<Preferences>>,
}

impl Task for WriteTask {
    type Request = Preferences;

    fn next(&mut self) -> Option<Preferences> {
        // The last ones are written even when the window closes.
        self.latest.wait(|latest, closed| latest.take().map(Some).or(closed.then_some(None)))
    }

    fn handle(&mut self, preferences: &mut Preferences) {
        if let Err(error) = write(preferences, &self.path) {
            log::warn!("could not save the settings: {error}: {}", self.path.display());
        }
    }

    fn recover(&mut self, _: Option<&mut Preferences>, reason: &str) {
        log::error!("could not save the settings: {reason}: {}", self.path.display());
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

    #[test]
    fn the_last_ones_are_written_before_the_writer_is_gone() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("settings.json");
        let writer = PreferencesWriter::new(Some(path.clone()));
        for height in [100.0, 200.0, 300.0] {
            writer.save(&Preferences { gallery_height: height, ..Default::default() });
        }
        drop(writer);
        assert_eq!(read(&path).gallery_height, 300.0);
        Ok(())
    }
}
