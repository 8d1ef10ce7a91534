//! The part of a photo's facts that filters, sorting and colours compare: small enough to be kept for a million items.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::civil::DateTime;

use super::part::Part;
use super::photo::{PhotoFacts, TimeSource};

/// What is compared of one photo. Texts are shared between photos, see [`Texts`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PhotoSummary {
    /// When it was taken, as the camera's clock showed it: seconds since 1970-01-01 00:00 of that clock. People ask for the
    /// day that it was where they were, so no time zone takes part.
    pub taken: Option<i64>,
    /// Where that time is from.
    pub taken_source: Option<TimeSource>,
    /// Maker and model of the camera.
    pub camera: Option<Arc<str>>,
    /// Model of the lens.
    pub lens: Option<Arc<str>>,
    /// Colour label, in the words of the program that wrote it.
    pub colour_label: Option<Arc<str>>,
    /// Keywords; of a keyword path, the whole path.
    pub keywords: Arc<[Arc<str>]>,
    /// Degrees north and east.
    pub position: Option<[f32; 2]>,
    /// Focal length, millimetres.
    pub focal_length_mm: Option<f32>,
    /// Aperture as an f-number.
    pub aperture: Option<f32>,
    /// Exposure time, seconds.
    pub exposure_secs: Option<f32>,
    /// Sensitivity as an ISO speed.
    pub iso: Option<u32>,
    /// Stars, 0 to 5; -1 for a rejected picture.
    pub rating: Option<i8>,
}

/// Texts that many photos have in common, each stored once.
#[derive(Debug, Default)]
pub struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// The stored copy of a text.
    pub fn share(&mut self, text: &str) -> Arc<str> {
        match self.0.get(text) {
            Some(known) => Arc::clone(known),
            None => {
                let new: Arc<str> = text.into();
                self.0.insert(Arc::clone(&new));
                new
            }
        }
    }
}

impl PhotoSummary {
    /// Sums up the facts of a photo.
    pub fn new(facts: &PhotoFacts, texts: &mut Texts) -> Self {
        let mut share = |text: &Option<String>| text.as_deref().map(|text| texts.share(text));
        let (lens, colour_label, camera) = (share(&facts.lens), share(&facts.colour_label), share(&facts.camera()));
        let keywords = facts.keywords.iter().chain(&facts.keyword_paths).map(|keyword| texts.share(keyword)).collect();
        Self {
            taken: facts.taken.map(|taken| seconds_of_clock(taken.local)),
            taken_source: facts.taken.map(|taken| taken.source),
            camera,
            lens,
            colour_label,
            keywords,
            position: facts.position.map(|place| [place.latitude as f32, place.longitude as f32]),
            focal_length_mm: facts.focal_length_mm.map(|length| length as f32),
            aperture: facts.aperture.map(|aperture| aperture as f32),
            exposure_secs: facts.exposure_secs.map(|time| time as f32),
            iso: facts.iso,
            rating: facts.rating,
        }
    }

    /// What is known of a part of the file that this is of: a frame of a video was taken as long after the recording began as
    /// its time says. Rows of tables have no such facts.
    pub fn of_part(self, part: Part) -> Option<Self> {
        if matches!(part, Part::Row(_)) {
            return None;
        }
        let later = self.taken_source.map_or(0, |source| seconds_into(part, source));
        Some(Self { taken: self.taken.map(|begin| begin.saturating_add(later)), ..self })
    }
}

/// How long after its file began a part was taken, where the source of the file's time tells when that was; seconds.
fn seconds_into(part: Part, source: TimeSource) -> i64 {
    match (part, source) {
        (Part::Frame { ms }, TimeSource::Metadata | TimeSource::Sidecar) => i64::from(ms / 1000),
        _ => 0,
    }
}

impl PhotoFacts {
    /// The same for a part of the file; see [`PhotoSummary::of_part`].
    #[must_use]
    pub fn of_part(mut self, part: Part) -> Self {
        if let Some(taken) = &mut self.taken {
            let later = jiff::SignedDuration::from_secs(seconds_into(part, taken.source));
            taken.local = taken.local.saturating_add(later);
        }
        self
    }

    /// Maker and model of the camera, the maker once (`Canon EOS R5`, not `Canon Canon EOS R5`).
    pub fn camera(&self) -> Option<String> {
        match (self.camera_maker.as_deref(), self.camera_model.as_deref()) {
            (Some(maker), Some(model)) => {
                // Nikon writes "NIKON CORPORATION" and "NIKON D850".
                let brand = maker.split_whitespace().next().unwrap_or(maker);
                let named = model.get(..brand.len()).is_some_and(|start| start.eq_ignore_ascii_case(brand));
                Some(if named { model.to_owned() } else { format!("{maker} {model}") })
            }
            (maker, model) => maker.or(model).map(str::to_owned),
        }
    }
}

/// Seconds since 1970-01-01 00:00 on the clock that showed this time.
pub fn seconds_of_clock(time: DateTime) -> i64 {
    // Dates within jiff's years, -9999 to 9999, all have a timestamp in UTC but for its last hours.
    let limit = if time.year() < 1970 { i64::MIN } else { i64::MAX };
    jiff::tz::Offset::UTC.to_timestamp(time).map_or(limit, jiff::Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo::TakenTime;

    #[test]
    fn the_time_of_a_clock_counts_without_its_offset() {
        let local = DateTime::constant(2023, 6, 14, 15, 30, 12, 0);
        let taken = |hours| {
            let offset = Some(jiff::tz::Offset::constant(hours));
            let facts = PhotoFacts {
                taken: Some(TakenTime { local, offset, source: TimeSource::Sidecar }),
                ..Default::default()
            };
            PhotoSummary::new(&facts, &mut Texts::default())
        };
        assert_eq!(taken(9), taken(-5));
        assert_eq!((taken(0).taken, taken(0).taken_source), (Some(1_686_756_612), Some(TimeSource::Sidecar)));
    }

    #[test]
    fn a_frame_was_taken_after_the_recording_began_and_a_page_with_its_file() {
        let local = DateTime::constant(2023, 6, 14, 15, 30, 12, 0);
        let facts =
            |source| PhotoFacts { taken: Some(TakenTime { local, offset: None, source }), ..Default::default() };
        let taken = |source, part| {
            let summary = PhotoSummary::new(&facts(source), &mut Texts::default()).of_part(part)?.taken?;
            let of_facts = facts(source).of_part(part).taken.map(|taken| seconds_of_clock(taken.local));
            assert_eq!(of_facts, Some(summary));
            Some(summary - seconds_of_clock(local))
        };
        let frame = Part::Frame { ms: 67_900 };
        assert_eq!(taken(TimeSource::Metadata, frame), Some(67));
        assert_eq!(taken(TimeSource::Modified, frame), Some(0), "the end, or any other time");
        assert_eq!(taken(TimeSource::Metadata, Part::Page(9)), Some(0));
        let of_row = PhotoSummary::new(&facts(TimeSource::Metadata), &mut Texts::default()).of_part(Part::Row(1));
        assert_eq!(of_row, None);
    }

    #[test]
    fn a_camera_is_named_by_its_maker_once() {
        let camera = |maker: &str, model: &str| {
            let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            PhotoFacts { camera_maker: text(maker), camera_model: text(model), ..Default::default() }.camera()
        };
        assert_eq!(camera("FUJIFILM", "X100V").as_deref(), Some("FUJIFILM X100V"));
        assert_eq!(camera("Canon", "Canon EOS R5").as_deref(), Some("Canon EOS R5"));
        assert_eq!(camera("NIKON CORPORATION", "NIKON D850").as_deref(), Some("NIKON D850"));
        assert_eq!(camera("é", "ß").as_deref(), Some("é ß"));
        assert_eq!(
            (camera("Leica", "").as_deref(), camera("", "M11").as_deref(), camera("", "")),
            (Some("Leica"), Some("M11"), None)
        );
    }

    #[test]
    fn equal_texts_are_stored_once_and_keyword_paths_are_keywords() {
        let facts = PhotoFacts {
            lens: Some("35mm".into()),
            keywords: vec!["dog".into()],
            keyword_paths: vec!["Animals|Dogs".into()],
            ..Default::default()
        };
        let mut texts = Texts::default();
        let [a, b] = [(); 2].map(|()| PhotoSummary::new(&facts, &mut texts));
        assert!(a == b && a.lens.iter().zip(&b.lens).all(|(a, b)| Arc::ptr_eq(a, b)));
        assert_eq!(a.keywords.iter().map(|keyword| &**keyword).collect::<Vec<_>>(), ["dog", "Animals|Dogs"]);
    }
}
