//! Why a file was left out of the collection although nothing is wrong with it.

use std::collections::BTreeMap;

/// The kind of a file that was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// A camera's raw photo.
    RawPhoto,
    /// A document, table or presentation of an office program, or an e-book.
    Office,
    /// An archive or a disk image.
    Archive,
    /// A video of a kind that is not read.
    Video,
    /// A video that could be read if the program `ffmpeg` were installed.
    VideoWithoutFfmpeg,
    /// An audio file.
    Sound,
    /// A program, library or font.
    Program,
    /// Empty, or only white space.
    Blank,
    /// Larger than the limit for reading.
    TooLarge,
    /// A pipe, a socket or a device.
    Special,
    /// Its name matches an exclude pattern; a folder counts once.
    Excluded,
    /// A folder marked as a cache (`CACHEDIR.TAG`).
    Cache,
    /// What a program notes about a picture in a file beside it; it is read with the picture.
    Sidecar,
    /// What a camera or phone stored with a picture of the same name: a raw photo, or a short video.
    Companion,
    /// Anything else that is neither a picture nor a text.
    Other,
}

/// Number of files left out, by reason.
pub type SkipCounts = BTreeMap<SkipReason, u64>;

impl SkipReason {
    /// All reasons.
    pub const ALL: [Self; 15] = [
        Self::RawPhoto,
        Self::Office,
        Self::Archive,
        Self::Video,
        Self::VideoWithoutFfmpeg,
        Self::Sound,
        Self::Program,
        Self::Blank,
        Self::TooLarge,
        Self::Special,
        Self::Excluded,
        Self::Cache,
        Self::Sidecar,
        Self::Companion,
        Self::Other,
    ];

    /// Lower-case name, as stored and as printed in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RawPhoto => "raw_photo",
            Self::Office => "office",
            Self::Archive => "archive",
            Self::Video => "video",
            Self::VideoWithoutFfmpeg => "video_without_ffmpeg",
            Self::Sound => "sound",
            Self::Program => "program",
            Self::Blank => "blank",
            Self::TooLarge => "too_large",
            Self::Special => "special",
            Self::Excluded => "excluded",
            Self::Cache => "cache",
            Self::Sidecar => "sidecar",
            Self::Companion => "companion",
            Self::Other => "other",
        }
    }

    /// The reverse of [`Self::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }

    /// Whether the same file may be read another time: after a program was installed, or a setting changed.
    pub fn may_change(self) -> bool {
        matches!(self, Self::RawPhoto | Self::Video | Self::VideoWithoutFfmpeg | Self::TooLarge)
    }

    /// Noun for the user, singular and plural.
    fn nouns(self) -> [&'static str; 2] {
        match self {
            Self::RawPhoto => ["raw photo", "raw photos"],
            Self::Office => ["office document", "office documents"],
            Self::Archive => ["archive", "archives"],
            Self::Video => ["video", "videos"],
            Self::VideoWithoutFfmpeg => ["video (needs ffmpeg)", "videos (need ffmpeg)"],
            Self::Sound => ["sound file", "sound files"],
            Self::Program => ["program file", "program files"],
            Self::Blank => ["blank file", "blank files"],
            Self::TooLarge => ["file that is too large", "files that are too large"],
            Self::Special => ["pipe, socket or device", "pipes, sockets or devices"],
            Self::Excluded => ["excluded name", "excluded names"],
            Self::Cache => ["cache folder", "cache folders"],
            Self::Sidecar => ["sidecar", "sidecars"],
            Self::Companion => ["companion", "companions"],
            Self::Other => ["other file", "other files"],
        }
    }
}

/// All counts as a phrase, most frequent first: `12 videos, 3 raw photos`.
pub fn describe(counts: &SkipCounts, count: impl Fn(u64) -> String) -> String {
    let mut all: Vec<(SkipReason, u64)> =
        counts.iter().map(|(reason, n)| (*reason, *n)).filter(|(_, n)| *n > 0).collect();
    all.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let phrase = |(reason, n): &(SkipReason, u64)| format!("{} {}", count(*n), reason.nouns()[usize::from(*n != 1)]);
    all.iter().map(phrase).collect::<Vec<_>>().join(", ")
}

/// What the user may do so that fewer files are left out, if anything.
pub fn advice(counts: &SkipCounts) -> Option<&'static str> {
    let videos = counts.get(&SkipReason::VideoWithoutFfmpeg).is_some_and(|n| *n > 0);
    videos.then_some("Videos are read by the program ffmpeg: install it (ffmpeg.org), then rescan the folders")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_listed_most_frequent_first_and_survive_a_round_trip() {
        let counts = SkipCounts::from([(SkipReason::RawPhoto, 1), (SkipReason::Video, 12), (SkipReason::Sound, 0)]);
        assert_eq!(describe(&counts, |n| n.to_string()), "12 videos, 1 raw photo");
        assert_eq!(advice(&counts), None);
        let counts = SkipCounts::from([(SkipReason::VideoWithoutFfmpeg, 2), (SkipReason::Companion, 1)]);
        assert_eq!(describe(&counts, |n| n.to_string()), "2 videos (need ffmpeg), 1 companion");
        assert!(advice(&counts).is_some_and(|sentence| sentence.contains("ffmpeg")));
        for reason in SkipReason::ALL {
            assert_eq!(SkipReason::from_name(reason.as_str()), Some(reason));
        }
    }
}
