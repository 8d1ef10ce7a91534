//! Companions: files that belong to a picture of the same name beside them and are no items of their own, such as the raw
//! photo that a camera writes with a JPEG, and the video of a Live Photo.

use std::path::Path;

use super::skip_reason::RAW_NAMES;
use super::sniff::extension;
use super::video::movie_header;

/// What a file may be beside a picture of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompanionKind {
    /// A raw photo.
    Raw,
    /// A short video, as phones take with a photo.
    Film,
}

/// Longest video that a phone takes with a photo, seconds. Longer ones are items, whatever lies beside them.
const MAX_FILM: f64 = 6.0;
/// File name extensions of pictures that cameras and phones write companions to.
const PICTURE_NAMES: &[&str] = &["heic", "heif", "hif", "jpe", "jpeg", "jpg"];
/// File name extensions of videos of phones.
const FILM_NAMES: &[&str] = &["mov", "mp4"];

/// What a file may be beside a picture, by its name.
pub fn companion_kind(path: &Path) -> Option<CompanionKind> {
    let extension = extension(path);
    let is_in = |names: &[&str]| names.contains(&extension.as_str());
    if is_in(RAW_NAMES) { Some(CompanionKind::Raw) } else { is_in(FILM_NAMES).then_some(CompanionKind::Film) }
}

/// Whether a picture may have companions, by its name.
pub fn has_companions(path: &Path) -> bool {
    PICTURE_NAMES.contains(&extension(path).as_str())
}

/// Whether a video is as short as those that phones take with a photo. Reads its header.
pub fn is_short_video(path: &Path) -> bool {
    movie_header(path).is_some_and(|header| header.seconds <= MAX_FILM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_file_may_be_beside_a_picture() {
        let kind = |name: &str| companion_kind(Path::new(name));
        assert_eq!([kind("a.CR2"), kind("b.dng")], [Some(CompanionKind::Raw); 2]);
        assert_eq!([kind("IMG_1.MOV"), kind("IMG_1.mp4")], [Some(CompanionKind::Film); 2]);
        assert_eq!([kind("a.jpg"), kind("a.mkv"), kind("a")], [None; 3]);
        assert!(has_companions(Path::new("a.HEIC")) && !has_companions(Path::new("a.png")));
    }
}
