//! The facts of a photo as people read them: a name and a value for each that is known.

use super::photo::{GeoPosition, PhotoFacts, TakenTime, TimeSource};
use super::photo_json::offset_text;

/// One fact: what it is, and what is known.
pub type FactLine = (&'static str, String);

/// The facts of a photo except its size, the most asked for first.
pub fn lines(facts: &PhotoFacts) -> Vec<FactLine> {
    let list = |all: &[String], between: &str| (!all.is_empty()).then(|| all.join(between));
    let all = [
        ("taken", facts.taken.as_ref().map(taken)),
        ("duration", facts.duration_secs.map(duration)),
        ("camera", facts.camera()),
        ("lens", facts.lens.clone()),
        ("exposure", exposure(facts)),
        ("place", facts.position.as_ref().map(place)),
        ("rating", facts.rating.map(rating)),
        ("colour", facts.colour_label.clone()),
        ("keywords", keywords(facts)),
        ("title", facts.title.clone()),
        ("caption", facts.caption.clone()),
        ("creator", list(&facts.creators, ", ")),
        ("software", facts.software.clone()),
        ("companions", list(&facts.companions, ", ")),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// `14 Jun 2023, 15:30:12 +02:00`, and where that is from unless it is the file's metadata.
fn taken(taken: &TakenTime) -> String {
    let mut text = taken.local.strftime("%-d %b %Y, %H:%M:%S").to_string();
    if let Some(offset) = taken.offset {
        text.push(' ');
        text.push_str(&offset_text(offset));
    }
    match taken.source {
        TimeSource::Metadata => text,
        source => format!("{text} ({})", source.as_str()),
    }
}

/// `0:42`, with hours where there are some.
fn duration(secs: f64) -> String {
    let secs = secs.round() as u64;
    let (hours, minutes, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{secs:02}") } else { format!("{minutes}:{secs:02}") }
}

/// `35 mm  f/2  1/250 s  ISO 400`.
fn exposure(facts: &PhotoFacts) -> Option<String> {
    let focal_length = facts.focal_length_mm.map(|length| match facts.focal_length_35mm {
        Some(full_frame) if (full_frame - length).abs() >= 1.0 => {
            format!("{} mm ({} mm full frame)", short(length), short(full_frame))
        }
        _ => format!("{} mm", short(length)),
    });
    let parts = [
        focal_length,
        facts.aperture.map(|aperture| format!("f/{}", short(aperture))),
        facts.exposure_secs.map(exposure_time),
        facts.iso.map(|iso| format!("ISO {iso}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("  "))
}

/// A fraction as cameras show it below a third of a second.
fn exposure_time(secs: f64) -> String {
    if secs > 0.0 && secs < 0.3 { format!("1/{:.0} s", 1.0 / secs) } else { format!("{} s", short(secs)) }
}

/// At most one decimal.
fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn place(position: &GeoPosition) -> String {
    let GeoPosition { latitude, longitude, altitude_m } = *position;
    let [north, east] = [if latitude < 0.0 { 'S' } else { 'N' }, if longitude < 0.0 { 'W' } else { 'E' }];
    let altitude = altitude_m.map(|altitude| format!(", {altitude:.0} m")).unwrap_or_default();
    format!("{:.5}° {north}, {:.5}° {east}{altitude}", latitude.abs(), longitude.abs())
}

/// In words: few fonts have stars.
fn rating(stars: i8) -> String {
    if stars < 0 { "rejected".to_owned() } else { format!("{stars} of 5 stars") }
}

/// Words, then paths, of which a last level that is a word already says nothing new.
fn keywords(facts: &PhotoFacts) -> Option<String> {
    let paths = facts.keyword_paths.iter().filter(|path| path.contains('|') || !facts.keywords.contains(path));
    let paths = paths.map(|path| path.split('|').map(str::trim).collect::<Vec<_>>().join(" › "));
    let all: Vec<String> = facts.keywords.iter().cloned().chain(paths).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

#[cfg(test)]
mod tests {
    use jiff::civil::DateTime;
    use jiff::tz::Offset;

    use super::*;

    #[test]
    fn facts_are_written_as_people_write_them_and_what_is_unknown_is_left_out() {
        let local = DateTime::constant(2023, 6, 14, 15, 30, 12, 0);
        let facts = PhotoFacts {
            taken: Some(TakenTime { local, offset: Some(Offset::constant(2)), source: TimeSource::FileName }),
            camera_maker: Some("FUJIFILM".into()),
            camera_model: Some("X100V".into()),
            focal_length_mm: Some(23.0),
            focal_length_35mm: Some(35.0),
            aperture: Some(2.0),
            exposure_secs: Some(1.0 / 250.0),
            iso: Some(400),
            position: GeoPosition::new(-33.856_789_1, 151.215_3, Some(12.4)),
            rating: Some(3),
            keywords: vec!["dog".into()],
            keyword_paths: vec!["Animals|Dogs".into(), "dog".into()],
            creators: vec!["Ann".into(), "Bo".into()],
            duration_secs: Some(41.6),
            companions: vec!["a.CR2".into(), "a.mov".into()],
            ..Default::default()
        };
        let expected = [
            ("taken", "14 Jun 2023, 15:30:12 +02:00 (file name)"),
            ("duration", "0:42"),
            ("camera", "FUJIFILM X100V"),
            ("exposure", "23 mm (35 mm full frame)  f/2  1/250 s  ISO 400"),
            ("place", "33.85679° S, 151.21530° E, 12 m"),
            ("rating", "3 of 5 stars"),
            ("keywords", "dog, Animals › Dogs"),
            ("creator", "Ann, Bo"),
            ("companions", "a.CR2, a.mov"),
        ];
        assert_eq!(lines(&facts), expected.map(|(name, value)| (name, value.to_owned())));
        assert_eq!(lines(&PhotoFacts::default()), []);
        let parts = |secs, aperture| {
            exposure(&PhotoFacts { exposure_secs: Some(secs), aperture: Some(aperture), ..Default::default() })
        };
        assert_eq!(parts(0.5, 2.8).as_deref(), Some("f/2.8  0.5 s"));
        assert_eq!(parts(30.0, 11.0).as_deref(), Some("f/11  30 s"));
        assert_eq!(duration(3_661.0), "1:01:01");
        assert_eq!((rating(-1), rating(0)), ("rejected".to_owned(), "0 of 5 stars".to_owned()));
    }
}
