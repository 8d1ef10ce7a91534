//! What the user chose for every library: kept in the settings file as a whole.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use crate::settings::ThemeChoice;

use super::listing::Sort;
use super::model_list::ModelSpeed;
use vicinity_core::{AxisSource, LabelSet};
use vicinity_engine::runtime_settings::DevicePreferences;
use vicinity_engine::updates::UpdateSettings;

/// Libraries remembered.
const MAX_RECENTS: usize = 12;
/// Height of the gallery's rows at first, points.
const GALLERY_HEIGHT: f32 = 148.0;
/// The axes at first: most collections of photos spread along both.
const AXES: [&str; 2] = ["indoor|outdoor", "things|people"];
/// The map's share of the split view at first, and the smallest and largest.
const SPLIT_SHARE: f32 = 0.55;
const SPLIT_LIMITS: [f32; 2] = [0.2, 0.8];

/// What the user chose for every library. Sizes of panels and of the window itself are kept by egui.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// Light, dark, or as the system.
    pub theme: ThemeChoice,
    /// Whether the left panel is shown.
    pub left_open: bool,
    /// Whether the right panel is shown in a window that is wide enough.
    pub right_open: bool,
    /// Map, gallery, both, or axes.
    #[serde(alias = "centre")]
    pub central_view: CentralView,
    /// The map's share of the split view, between 0 and 1.
    pub split_share: f32,
    /// What the horizontal and the vertical axis of the scatter plot measure.
    pub axes: [AxisSource; 2],
    /// Colour of the points.
    pub colour_by: ColourBy,
    /// The column that colours the points, if one does.
    pub colour_column: String,
    /// How the items are shown that the filter excludes, or that do not match.
    pub filter_display: FilterDisplay,
    /// Whether items over time are shown.
    pub timeline_open: bool,
    /// Whether the heights of bars in histograms are logarithms.
    pub log_histograms: bool,
    /// Height of the gallery's rows, points.
    pub gallery_height: f32,
    /// The gallery's order.
    pub gallery_sort: Sort,
    /// The column that orders the gallery, if one does.
    pub sort_column: String,
    /// Whether animations are left out.
    pub reduce_motion: bool,
    /// Libraries opened before, the latest first.
    pub recents: Vec<RecentLibrary>,
    /// The labels that items are compared with.
    #[serde(rename = "labels", with = "label_set_format")]
    pub label_set: LabelSet,
    /// Whether a model was chosen at the first start, or the choice passed over.
    pub welcomed: bool,
    /// Name of the model for new libraries; `None` for the built-in one.
    #[serde(alias = "favourite")]
    pub default_model: Option<String>,
    /// How fast models embedded on this machine, by name.
    pub speeds: BTreeMap<String, ModelSpeed>,
    /// Device, precision, and how long models stay in memory.
    #[serde(rename = "running")]
    pub devices: DevicePreferences,
    /// Looking for new versions of the program.
    pub updates: UpdateSettings,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::System,
            left_open: true,
            right_open: true,
            central_view: CentralView::Map,
            split_share: SPLIT_SHARE,
            axes: AXES.map(AxisSource::from),
            colour_by: ColourBy::Modality,
            colour_column: String::new(),
            filter_display: FilterDisplay::default(),
            timeline_open: false,
            log_histograms: false,
            gallery_height: GALLERY_HEIGHT,
            gallery_sort: Sort::default(),
            sort_column: String::new(),
            reduce_motion: false,
            recents: Vec::new(),
            label_set: LabelSet::default(),
            welcomed: false,
            default_model: None,
            speeds: BTreeMap::new(),
            devices: DevicePreferences::default(),
            updates: UpdateSettings::default(),
        }
    }
}

impl Preferences {
    /// The same with every value that a file may hold, but the window cannot show, replaced.
    pub fn valid(mut self) -> Self {
        let height = self.gallery_height;
        self.gallery_height = if height.is_finite() { height.clamp(72.0, 320.0) } else { GALLERY_HEIGHT };
        self.recents.truncate(MAX_RECENTS);
        self.set_split_share(self.split_share);
        self
    }

    /// Sets the map's share of the split view, within its limits; the usual one for a number that is none.
    pub fn set_split_share(&mut self, share: f32) {
        let [low, high] = SPLIT_LIMITS;
        self.split_share = if share.is_finite() { share.clamp(low, high) } else { SPLIT_SHARE };
    }

    /// Puts a library first among the recent ones.
    pub fn remember(&mut self, recent: RecentLibrary) {
        self.recents.retain(|other| other.path != recent.path);
        self.recents.insert(0, recent);
        self.recents.truncate(MAX_RECENTS);
    }
}

/// What the centre of the window shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum CentralView {
    /// The map.
    #[default]
    Map,
    /// A justified grid.
    Gallery,
    /// The map and the gallery beside each other.
    Split,
    /// A scatter plot along two axes.
    Axes,
}

impl CentralView {
    /// Whether the map is shown, as itself or as a scatter plot.
    pub fn shows_map(self) -> bool {
        self != Self::Gallery
    }

    /// Whether the gallery is shown.
    pub fn shows_gallery(self) -> bool {
        matches!(self, Self::Gallery | Self::Split)
    }
}

/// What colours the points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize)]
pub enum ColourBy {
    /// Images, texts.
    #[default]
    Modality,
    /// The folder below the root.
    Folder,
    /// Score of the query.
    Similarity,
    /// Best label, where labels were applied.
    Label,
    /// Cluster of the map at the coarsest level.
    Cluster,
    /// Group that the user keeps; the first of several.
    Group,
    /// Camera of a photo.
    Camera,
    /// Year in which a photo was taken.
    Year,
    /// Stars of a photo.
    Rating,
    /// How many items have it among their nearest.
    Typical,
    /// Mean distance to its nearest.
    Outlier,
    /// The share of its true neighbours that are near it on the map.
    Preserved,
    /// Whether another item has the same content.
    Duplicate,
    /// A column of tables, [`Preferences::colour_column`].
    Column,
}

/// How the items are shown that the filter excludes, and those that a search with matches does not find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum FilterDisplay {
    /// Faded.
    #[default]
    Highlight,
    /// Not at all.
    Filter,
}

/// A library that was open before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecentLibrary {
    /// The library's folder.
    pub path: PathBuf,
    /// Display name.
    pub name: String,
    /// Number of items when it was last open.
    pub items: u64,
    /// When it was last open, seconds since the epoch.
    pub opened: i64,
}

/// A label set in the settings file: `null` for the one that the program starts with, so that a better one of a newer
/// version reaches everybody who has not made their own.
mod label_set_format {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use vicinity_core::LabelSet;

    #[derive(Serialize, Deserialize)]
    struct StoredLabels {
        name: String,
        labels: Vec<String>,
    }

    pub(super) fn serialize<S: Serializer>(set: &LabelSet, serializer: S) -> Result<S::Ok, S::Error> {
        let own = (*set != LabelSet::default()).then(|| set.clone());
        own.map(|LabelSet { name, labels }| StoredLabels { name, labels }).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LabelSet, D::Error> {
        let stored = Option::<StoredLabels>::deserialize(deserializer)?.filter(|stored| !stored.labels.is_empty());
        Ok(stored.map(|StoredLabels { name, labels }| LabelSet { name, labels }).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_library_comes_first_and_once() {
        let recent = |name: &str| RecentLibrary { path: name.into(), name: name.to_owned(), items: 3, opened: 7 };
        let mut preferences = Preferences::default();
        ["a", "b", "a"].iter().for_each(|name| preferences.remember(recent(name)));
        let names: Vec<_> = preferences.recents.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn a_file_of_an_older_version_is_read_whole() {
        let old = r#"{
            "theme": "Dark", "left_open": false, "right_open": true, "centre": "Gallery", "colour_by": "Folder",
            "gallery_height": 200.0, "gallery_sort": {"key": "Name", "reversed": true}, "reduce_motion": true,
            "recents": [{"path": "/l", "name": "l", "items": 3, "opened": 7}],
            "labels": {"name": "Mine", "labels": ["dog"]}, "welcomed": true, "favourite": "nomic-embed-v1.5",
            "speeds": {"m": {"per_second": 2.5, "pictures": true, "device": "CPU"}},
            "running": {"device": "cuda:1", "precision": null, "idle_minutes": 0},
            "updates": {"allowed": true, "asked": 5, "newest": "9.9.9"}
        }"#;
        let read: Preferences = serde_json::from_str(old).expect("readable");
        assert_eq!((read.theme, read.left_open, read.right_open), (ThemeChoice::Dark, false, true));
        assert_eq!((read.central_view, read.colour_by), (CentralView::Gallery, ColourBy::Folder));
        assert!(read.gallery_sort.reversed && read.reduce_motion && read.welcomed);
        assert_eq!((read.gallery_height, read.recents.len(), read.speeds["m"].per_second), (200.0, 1, 2.5));
        assert_eq!((read.label_set.name.as_str(), read.label_set.labels.len()), ("Mine", 1));
        assert_eq!(read.default_model.as_deref(), Some("nomic-embed-v1.5"));
        assert_eq!((read.devices.device.to_string().as_str(), read.devices.idle_minutes), ("cuda:1", 0));
        assert_eq!((read.updates.allowed, read.updates.newest.as_deref()), (true, Some("9.9.9")));
        let again: Preferences = serde_json::from_str(&serde_json::to_string(&read).expect("json")).expect("readable");
        assert_eq!(again, read);
    }

    #[test]
    fn the_label_set_of_the_program_is_not_stored() {
        let text = serde_json::to_value(Preferences::default()).expect("json");
        assert!(text["labels"].is_null());
        let empty: Preferences =
            serde_json::from_str(r#"{"labels": {"name": "Mine", "labels": []}}"#).expect("readable");
        assert_eq!(empty.label_set, LabelSet::default());
    }
}
