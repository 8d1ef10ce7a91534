//! What is known of a photo beside its pixels: when, where and with what it was taken, and what people wrote about it.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};

use super::photo_json;

/// What metadata say about one picture. Every field is optional; texts are trimmed and never empty. As JSON it has the
/// fields that are known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PhotoFacts {
    /// When the picture was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<TakenTime>,
    /// Maker of the camera.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera_maker: Option<String>,
    /// Model of the camera.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera_model: Option<String>,
    /// Model of the lens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lens: Option<String>,
    /// Focal length, millimetres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focal_length_mm: Option<f64>,
    /// Focal length that gives the same view on 35 mm film, millimetres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focal_length_35mm: Option<f64>,
    /// Aperture as an f-number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aperture: Option<f64>,
    /// Exposure time, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure_secs: Option<f64>,
    /// Sensitivity as an ISO speed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iso: Option<u32>,
    /// How the stored pixels are turned upright, 1 to 8 as in EXIF (1: they are upright).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orientation: Option<u8>,
    /// Width and height as stored, pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixels: Option<[u32; 2]>,
    /// Where the picture was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<GeoPosition>,
    /// Stars, 0 to 5; -1 for a rejected picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<i8>,
    /// Colour label, in the words of the program that wrote it (`Red`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour_label: Option<String>,
    /// Keywords, without repetitions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// Hierarchical keywords, with `|` between levels (`Animals|Dogs`), without repetitions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keyword_paths: Vec<String>,
    /// Title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Caption or description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// People who made the picture.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub creators: Vec<String>,
    /// Program, or version of the camera, that wrote the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
    /// Length of a video, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_secs: Option<f64>,
    /// Names of the files that a camera or phone stored with the picture. They follow from what is in its folder, and are
    /// not stored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub companions: Vec<String>,
}

/// A moment as a camera's clock showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenTime {
    /// Local time; midnight where only the day is known.
    #[serde(with = "photo_json::local")]
    pub local: DateTime,
    /// How far local time was ahead of UTC, if known.
    #[serde(default, with = "photo_json::offset", skip_serializing_if = "Option::is_none")]
    pub offset: Option<Offset>,
    /// Where the time is from.
    pub source: TimeSource,
}

/// Where a time is from, the most reliable first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeSource {
    /// Metadata in the file.
    Metadata,
    /// A sidecar file beside it.
    Sidecar,
    /// The file's name.
    FileName,
    /// The file's time of change.
    Modified,
}

/// A place on Earth, in the WGS 84 system.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GeoPosition {
    /// Degrees north of the equator, -90 to 90.
    pub latitude: f64,
    /// Degrees east of Greenwich, -180 to 180.
    pub longitude: f64,
    /// Metres above sea level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altitude_m: Option<f64>,
}

impl PhotoFacts {
    /// Fills in what is missing from `other`.
    pub fn or(self, other: Self) -> Self {
        let list = |mine: Vec<String>, others| if mine.is_empty() { others } else { mine };
        Self {
            taken: self.taken.or(other.taken),
            camera_maker: self.camera_maker.or(other.camera_maker),
            camera_model: self.camera_model.or(other.camera_model),
            lens: self.lens.or(other.lens),
            focal_length_mm: self.focal_length_mm.or(other.focal_length_mm),
            focal_length_35mm: self.focal_length_35mm.or(other.focal_length_35mm),
            aperture: self.aperture.or(other.aperture),
            exposure_secs: self.exposure_secs.or(other.exposure_secs),
            iso: self.iso.or(other.iso),
            orientation: self.orientation.or(other.orientation),
            pixels: self.pixels.or(other.pixels),
            position: self.position.or(other.position),
            rating: self.rating.or(other.rating),
            colour_label: self.colour_label.or(other.colour_label),
            keywords: list(self.keywords, other.keywords),
            keyword_paths: list(self.keyword_paths, other.keyword_paths),
            title: self.title.or(other.title),
            caption: self.caption.or(other.caption),
            creators: list(self.creators, other.creators),
            software: self.software.or(other.software),
            duration_secs: self.duration_secs.or(other.duration_secs),
            companions: list(self.companions, other.companions),
        }
    }
}

impl TakenTime {
    /// Nanoseconds since the Unix epoch; a time without an offset is read in `time_zone`. `None` outside the years 1678
    /// to 2261.
    pub fn unix_ns(&self, time_zone: &TimeZone) -> Option<i64> {
        let zone = self.offset.map_or_else(|| time_zone.clone(), TimeZone::fixed);
        let time = self.local.to_zoned(zone).ok()?.timestamp().as_nanosecond();
        i64::try_from(time).ok()
    }
}

impl TimeSource {
    /// Lower-case words, as printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Sidecar => "sidecar",
            Self::FileName => "file name",
            Self::Modified => "time of change",
        }
    }
}

impl GeoPosition {
    /// `None` where the numbers are no place on Earth.
    pub fn new(latitude: f64, longitude: f64, altitude_m: Option<f64>) -> Option<Self> {
        let valid = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        let altitude_m = altitude_m.filter(|altitude| altitude.is_finite());
        valid.then_some(Self { latitude, longitude, altitude_m })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_filled_in_and_never_replaced() {
        let mine = PhotoFacts { title: Some("Mine".into()), keywords: vec!["a".into()], ..PhotoFacts::default() };
        let other = PhotoFacts {
            title: Some("Other".into()),
            keywords: vec!["b".into()],
            iso: Some(100),
            creators: vec!["Ann".into()],
            ..PhotoFacts::default()
        };
        let both = mine.clone().or(other.clone());
        assert_eq!(both.title.as_deref(), Some("Mine"));
        assert_eq!((both.keywords, both.iso, both.creators), (mine.keywords, other.iso, other.creators));
    }

    #[test]
    fn a_local_time_counts_from_the_epoch_by_its_offset_or_the_given_zone() {
        let local = DateTime::constant(2023, 6, 14, 15, 30, 12, 0);
        let time = |offset| TakenTime { local, offset, source: TimeSource::Metadata };
        let east = TimeZone::fixed(Offset::constant(2));
        let utc = time(Some(Offset::UTC)).unix_ns(&east);
        assert_eq!(utc, Some(1_686_756_612_000_000_000));
        let hours = |n: i64| n * 3_600_000_000_000;
        assert_eq!(time(None).unix_ns(&east), utc.map(|ns| ns - hours(2)));
        assert_eq!(time(Some(Offset::constant(-5))).unix_ns(&east), utc.map(|ns| ns + hours(5)));
    }

    #[test]
    fn numbers_that_are_no_place_on_earth_make_no_position() {
        assert!(GeoPosition::new(-90.0, 180.0, Some(-11.0)).is_some());
        assert!(GeoPosition::new(90.1, 0.0, None).is_none() && GeoPosition::new(0.0, f64::NAN, None).is_none());
        assert_eq!(GeoPosition::new(0.0, 0.0, Some(f64::INFINITY)).and_then(|place| place.altitude_m), None);
    }
}
