//! Formatting of numbers, sizes, times and paths for display.

use std::path::Path;

use vicinity_core::condition::field::Field;
pub use vicinity_core::format::{bytes, number};
use vicinity_core::{AxisSource, MapProgress, MapStage};

/// `3, "image"` -> `3 images`.
pub fn count(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(n), if n == 1 { "" } else { "s" })
}

/// `12_400_000.0` -> `12 MB/s`.
pub fn bytes_per_second(n: f32) -> String {
    format!("{}/s", bytes(n.max(0.0) as u64))
}

/// `103` -> `1 min 43 s left`.
pub fn time_left(seconds: f32) -> String {
    let s = seconds.max(0.0).ceil() as u64;
    match s {
        0..60 => format!("{s} s left"),
        60..600 => format!("{} min {} s left", s / 60, s % 60),
        600..3600 => format!("{} min left", s.div_ceil(60)),
        _ => format!("{} h {} min left", s / 3600, s % 3600 / 60),
    }
}

/// Stage, progress and remaining time of a layout.
pub fn map_progress(progress: &MapProgress) -> String {
    let doing = match progress.stage {
        MapStage::Neighbours => "finding neighbours",
        MapStage::Arranging => "arranging",
        MapStage::Checking => "checking accuracy",
    };
    let left = progress.seconds_left.map_or(String::new(), |seconds| format!(", about {}", time_left(seconds)));
    format!("Map: {doing} {}{left}", percent(progress.share))
}

/// How long ago, in days if it is more than a few hours.
pub fn ago(then: i64, now: i64) -> String {
    let s = (now - then).max(0);
    match s {
        0..90 => "just now".to_owned(),
        90..5400 => format!("{} min ago", (s + 30) / 60),
        5400..79_200 => count(((s + 1800) / 3600) as u64, "hour") + " ago",
        79_200..172_800 => "yesterday".to_owned(),
        172_800..2_592_000 => count((s / 86_400) as u64, "day") + " ago",
        2_592_000..63_072_000 => count((s / 2_592_000) as u64, "month") + " ago",
        _ => count((s / 31_536_000) as u64, "year") + " ago",
    }
}

/// A modification time as `14 Jun 2024, 18:02`.
pub fn date(modified_ns: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(modified_ns))
        .map(|t| t.to_zoned(jiff::tz::TimeZone::system()).strftime("%-d %b %Y, %H:%M").to_string())
        .unwrap_or_default()
}

/// A message with a capital first letter, unless it begins with a path or a URL.
pub fn sentence(text: &str) -> String {
    let first = text.split_whitespace().next().unwrap_or_default();
    let word = first.chars().all(|c| c.is_alphabetic() || c == ',');
    if word { capital(text) } else { text.to_owned() }
}

/// Text with a capital first letter.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |letter| letter.to_uppercase().chain(letters).collect())
}

/// A share in [0, 1] as `71%`.
pub fn percent(share: f32) -> String {
    format!("{:.0}%", share * 100.0)
}

/// What an axis measures.
pub fn axis(source: &AxisSource) -> String {
    match source {
        AxisSource::Opposites([low, high]) => format!("{} – {}", low.trim(), high.trim()),
        AxisSource::Column(name) => name.as_str().to_owned(),
        AxisSource::Field(field) => measured_field(*field),
    }
}

/// A time or number, as the heading of its histogram or axis.
pub fn measured_field(field: Field) -> String {
    match field {
        Field::Taken => "Date taken".to_owned(),
        Field::Modified => "Date modified".to_owned(),
        Field::Size => "File size".to_owned(),
        Field::Focal => "Focal length".to_owned(),
        Field::Exposure => "Exposure time".to_owned(),
        Field::Iso => "ISO".to_owned(),
        field => capital(field.as_str()),
    }
}

/// A score with three decimals and a true minus sign.
pub fn score(value: f32) -> String {
    format!("{value:.3}").replace('-', "−")
}

/// The folder of a file, below the added folder `root`: `Photos / 2024 / Lake`.
pub fn folder_below(root: Option<&Path>, file: &Path) -> String {
    let folder = file.parent().unwrap_or(file);
    let start = root.and_then(Path::parent);
    let shown = start.and_then(|s| folder.strip_prefix(s).ok()).unwrap_or(folder);
    let parts: Vec<_> = shown
        .components()
        .filter(|c| !matches!(c, std::path::Component::RootDir))
        .map(|c| c.as_os_str().to_string_lossy())
        .collect();
    parts.join(" / ")
}

/// The last part of a path, or all of it.
pub fn file_name(path: &Path) -> String {
    vicinity_core::format::file_name(path).into_owned()
}

/// A shortcut as shown to users: `Ctrl+K`, `[`.
pub fn keys(ctx: &egui::Context, keys: &egui::KeyboardShortcut) -> String {
    let long = keys.logical_key.name();
    let short = match keys.logical_key {
        egui::Key::Slash => "/",
        egui::Key::OpenBracket => "[",
        egui::Key::CloseBracket => "]",
        egui::Key::Plus => "+",
        egui::Key::Equals => "=",
        egui::Key::Minus => "−",
        egui::Key::Questionmark => "?",
        egui::Key::Escape => "Esc",
        _ => long,
    };
    // `?` already implies Shift.
    let plain = keys.logical_key == egui::Key::Questionmark;
    let shown = if plain { long.to_owned() } else { ctx.format_shortcut(keys) };
    shown.replace(long, short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_their_noun() {
        assert_eq!([count(1, "image"), count(1171, "image")], ["1 image", "1,171 images"]);
    }

    #[test]
    fn times_are_as_people_say_them() {
        assert_eq!(
            [time_left(9.2), time_left(103.0), time_left(1500.0), time_left(4000.0)],
            ["10 s left", "1 min 43 s left", "25 min left", "1 h 6 min left"]
        );
        let mut progress = MapProgress { stage: MapStage::Arranging, share: 0.421, seconds_left: None };
        assert_eq!(map_progress(&progress), "Map: arranging 42%");
        progress.seconds_left = Some(103.0);
        assert_eq!(map_progress(&progress), "Map: arranging 42%, about 1 min 43 s left");
        assert_eq!(
            [ago(0, 30), ago(0, 600), ago(0, 7200), ago(0, 90_000), ago(0, 260_000)],
            ["just now", "10 min ago", "2 hours ago", "yesterday", "3 days ago"]
        );
    }

    #[test]
    fn messages_begin_with_a_capital_but_addresses_do_not() {
        assert_eq!(sentence("the disk is full"), "The disk is full");
        assert_eq!(sentence("huggingface.co cannot be reached"), "huggingface.co cannot be reached");
    }

    #[test]
    fn folders_start_at_what_was_added() {
        let file = Path::new("/home/a/Photos/2024/Lake/dog.jpg");
        assert_eq!(folder_below(Some(Path::new("/home/a/Photos")), file), "Photos / 2024 / Lake");
        assert_eq!(folder_below(None, file), "home / a / Photos / 2024 / Lake");
    }

    #[test]
    fn dates_name_the_month() {
        assert!(date(1_718_388_120_000_000_000).contains("Jun 2024"));
        assert_eq!(score(-0.0312), "−0.031");
    }
}
