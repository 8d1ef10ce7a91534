//! What the program remembers of its user, as a JSON file. A file that cannot be read means the defaults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};
use serde::{Deserialize, Serialize};

use crate::context::listing::Sort;
use crate::context::model_list::ModelSpeed;
use crate::context::state::RecentLibrary;
use crate::context::{CentralView, ColourBy, FilterDisplay, ThemeChoice};
use vicinity_core::{LabelSet, atomic_file};
use vicinity_engine::runtime_settings::DevicePreferences;
use vicinity_engine::updates::UpdateSettings;

/// Libraries remembered.
const RECENTS: usize = 12;

/// See the module's documentation. Sizes of panels and the window itself are kept by egui.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Theme.
    pub theme: ThemeChoice,
    /// Whether the left panel is shown.
    pub left_open: bool,
    /// Whether the right panel is shown.
    pub right_open: bool,
    /// Map or gallery.
    pub centre: CentralView,
    /// Colour of the points.
    pub colour_by: ColourBy,
    /// Height of the gallery's rows, points.
    pub gallery_height: f32,
    /// The gallery's order.
    pub gallery_sort: Sort,
    /// How the map shows what the filter excludes.
    pub filter_display: FilterDisplay,
    /// Whether nothing glides.
    pub reduce_motion: bool,
    /// Libraries, the latest first.
    pub recents: Vec<RecentLibrary>,
    /// The label set, where it is not the starting one.
    pub labels: Option<Labels>,
    /// Whether the choice of the first start was made or passed over.
    pub welcomed: bool,
    /// Name of the model for new libraries, where it is not the built-in one.
    pub favourite: Option<String>,
    /// How fast models embedded here, by name.
    pub speeds: BTreeMap<String, ModelSpeed>,
    /// Device, precision, and how long models stay.
    pub running: DevicePreferences,
    /// Looking for new versions.
    pub updates: UpdateSettings,
}

/// A label set as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    name: String,
    labels: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::System,
            left_open: true,
            right_open: true,
            centre: CentralView::Map,
            colour_by: ColourBy::Modality,
            gallery_height: 148.0,
            gallery_sort: Sort::default(),
            filter_display: FilterDisplay::default(),
            reduce_motion: false,
            recents: Vec::new(),
            labels: None,
            welcomed: false,
            favourite: None,
            speeds: BTreeMap::new(),
            running: DevicePreferences::default(),
            updates: UpdateSettings::default(),
        }
    }
}

impl Settings {
    /// Reads them; whatever is wrong with the file, the program starts.
    pub fn read(path: &Path) -> Self {
        let Ok(bytes) = std::fs::read(path) else { return Self::default() };
        match serde_json::from_slice::<Self>(&bytes) {
            Ok(settings) => settings.sane(),
            Err(error) => {
                log::warn!("could not read the settings, using the defaults: {error}: {}", path.display());
                Self::default()
            }
        }
    }

    fn sane(mut self) -> Self {
        self.gallery_height =
            if self.gallery_height.is_finite() { self.gallery_height.clamp(72.0, 320.0) } else { 148.0 };
        self.recents.truncate(RECENTS);
        self
    }

    /// Writes them beside the old ones, then swaps: a crash leaves either the old or the new.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        atomic_file::write(path, &serde_json::to_vec_pretty(self)?)
    }

    /// Puts a library to the front of those remembered.
    pub fn remember(&mut self, recent: RecentLibrary) {
        self.recents.retain(|r| r.path != recent.path);
        self.recents.insert(0, recent);
        self.recents.truncate(RECENTS);
    }

    /// The label set to start with.
    pub fn label_set(&self) -> LabelSet {
        match &self.labels {
            Some(l) if !l.labels.is_empty() => LabelSet { name: l.name.clone(), labels: l.labels.clone() },
            _ => LabelSet::default(),
        }
    }

    /// Keeps a label set.
    pub fn set_labels(&mut self, set: &LabelSet) {
        let own = *set != LabelSet::default();
        self.labels = own.then(|| Labels { name: set.name.clone(), labels: set.labels.clone() });
    }
}

/// Writes settings on a thread of its own, the latest only.
pub struct SettingsWriter {
    sender: Option<Sender<Settings>>,
    thread: Option<JoinHandle<()>>,
}

impl SettingsWriter {
    /// `None`: settings are not kept (tests, no home).
    pub fn new(path: Option<PathBuf>) -> Self {
        let Some(path) = path else { return Self { sender: None, thread: None } };
        // Bounded generously: settings change by hand.
        let (sender, receiver): (Sender<Settings>, Receiver<Settings>) = crossbeam_channel::bounded(64);
        let thread = std::thread::Builder::new().name("settings".to_owned()).spawn(move || {
            while let Ok(settings) = receiver.recv() {
                let settings = receiver.try_iter().last().unwrap_or(settings);
                if let Err(error) = settings.write(&path) {
                    log::warn!("could not save the settings: {error}: {}", path.display());
                }
            }
        });
        Self { sender: Some(sender), thread: thread.ok() }
    }

    /// Hands them over; never waits.
    pub fn save(&self, settings: &Settings) {
        if let Some(sender) = &self.sender {
            let _ = sender.try_send(settings.clone());
        }
    }
}

impl Drop for SettingsWriter {
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

    fn recent(name: &str) -> RecentLibrary {
        RecentLibrary { path: PathBuf::from(name), name: name.to_owned(), items: 3, opened: 7 }
    }

    #[test]
    fn come_back_as_they_were() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("deep/settings.json");
        let running =
            DevicePreferences { device: "cuda:1".parse().expect("a device"), precision: None, idle_minutes: 0 };
        let mut settings = Settings { theme: ThemeChoice::Dark, gallery_height: 200.0, running, ..Default::default() };
        settings.remember(recent("a"));
        settings.set_labels(&LabelSet { name: "Mine".to_owned(), labels: vec!["dog".to_owned()] });
        settings.write(&path)?;
        assert_eq!(Settings::read(&path), settings);
        assert_eq!(Settings::read(&path).label_set().labels, ["dog"]);
        Ok(())
    }

    #[test]
    fn a_damaged_file_means_the_defaults() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("settings.json");
        for bytes in ["{\"theme\": \"Da", "[1, 2]", "{\"theme\": 7}", ""] {
            std::fs::write(&path, bytes)?;
            assert_eq!(Settings::read(&path), Settings::default());
        }
        std::fs::write(&path, "{\"theme\": \"Light\", \"unknown\": 1}")?;
        assert_eq!(Settings::read(&path).theme, ThemeChoice::Light);
        Ok(())
    }

    #[test]
    fn the_latest_library_comes_first_and_once() {
        let mut settings = Settings::default();
        for name in ["a", "b", "a"] {
            settings.remember(recent(name));
        }
        let names: Vec<_> = settings.recents.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
