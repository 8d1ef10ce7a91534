//! Length and time of MP4 and QuickTime files, from the header of the movie alone (ISO/IEC 14496-12, `mvhd`).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::Offset;
use vicinity_core::{PhotoFacts, TakenTime, TimeSource};

use crate::boxes::{self, Fields};
use crate::sniff::extension;

/// File name extensions of videos in boxes.
const BOX_NAMES: &[&str] = &["3g2", "3gp", "m4v", "mov", "mp4", "qt"];
/// Those of other videos.
const OTHER_NAMES: &[&str] =
    &["asf", "avi", "flv", "m2ts", "mkv", "mpeg", "mpg", "mts", "ogv", "ts", "vob", "webm", "wmv"];

/// The most boxes that are passed over.
const MAX_BOXES: usize = 1_000;
/// Seconds from the epoch of these files, 1904, to that of Unix.
const EPOCH: i64 = 2_082_844_800;

/// What the header of a movie says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MovieHeader {
    /// Length, seconds.
    pub seconds: f64,
    /// When it was recorded, in UTC; `None` where that is not set.
    pub created: Option<Timestamp>,
}

/// What is known of a video beside its frames; `None` for what is not one by its name, and for what is named so but has no
/// header of a movie.
pub(crate) fn video_facts(path: &Path) -> Option<PhotoFacts> {
    let extension = extension(path);
    if OTHER_NAMES.contains(&extension.as_str()) {
        return Some(PhotoFacts::default());
    }
    let header = BOX_NAMES.contains(&extension.as_str()).then(|| movie_header(path)).flatten()?;
    let taken = header.created.map(|time| TakenTime {
        local: Offset::UTC.to_datetime(time),
        offset: Some(Offset::UTC),
        source: TimeSource::Metadata,
    });
    Some(PhotoFacts { taken, duration_secs: Some(header.seconds), ..PhotoFacts::default() })
}

/// Reads the header of an MP4 or QuickTime file; `None` for anything else and where it cannot be read. Reads a few hundred
/// bytes wherever in the file they are.
pub fn movie_header(path: &Path) -> Option<MovieHeader> {
    let found = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mut file = File::open(path).ok()?;
    let moov = find(&mut file, 0..found.len(), *b"moov")?;
    let mvhd = find(&mut file, moov, *b"mvhd")?;
    let mut body = Vec::new();
    file.seek(SeekFrom::Start(mvhd.start)).ok()?;
    file.take(32.min(mvhd.end - mvhd.start)).read_to_end(&mut body).ok()?;
    read_header(&body)
}

/// The place of the content of the first box of a type within a range of the file.
fn find(file: &mut File, within: std::ops::Range<u64>, kind: [u8; 4]) -> Option<std::ops::Range<u64>> {
    let mut start = within.start;
    for _ in 0..MAX_BOXES {
        let head = box_head(file, start).ok()?;
        let head = boxes::head(&head)?;
        // A box without a length reaches to the end; `boxes::head` saw no more than its header.
        let end = if head.len <= 16 && head.kind == kind { within.end } else { start.checked_add(head.len as u64)? };
        if head.kind == kind {
            return Some(start.checked_add(head.body as u64)?..end.min(within.end));
        }
        start = end;
        if start >= within.end {
            return None;
        }
    }
    None
}

fn box_head(file: &mut File, start: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(16).read_to_end(&mut head)?;
    Ok(head)
}

fn read_header(body: &[u8]) -> Option<MovieHeader> {
    let mut fields = Fields(body);
    let size = if fields.version()? == 1 { 8 } else { 4 };
    let created = fields.number(size)?;
    fields.bytes(size)?;
    let (per_second, duration) = (fields.number(4)?, fields.number(size)?);
    let is_known = per_second > 0 && duration < (1 << (size * 8 - 1));
    let since_1970 = i64::try_from(created).ok()?.checked_sub(EPOCH)?;
    let created = (since_1970 > 0).then(|| Timestamp::from_second(since_1970).ok()).flatten();
    is_known.then(|| MovieHeader { seconds: duration as f64 / per_second as f64, created })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header_of(bytes: &[u8]) -> Option<MovieHeader> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        movie_header(file.path())
    }

    /// A box.
    pub fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
    }

    #[test]
    fn the_header_is_found_before_and_behind_the_frames() {
        // 3.2 s, recorded on 14 June 2023 at 13:30:12 UTC.
        let created = (1_686_749_412 + EPOCH) as u32;
        let numbers = [0, created, created, 600, 1920];
        let mvhd = boxed(b"mvhd", &numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>());
        let (ftyp, moov) = (boxed(b"ftyp", b"qt  \0\0\0\0"), boxed(b"moov", &mvhd));
        let mdat = [&b"\0\0\0\x01mdat\0\0\0\0\0\0\x01\0"[..], &[7; 240]].concat();
        let known = MovieHeader { seconds: 3.2, created: Timestamp::from_second(1_686_749_412).ok() };
        for file in [[&ftyp[..], &moov, &mdat].concat(), [&ftyp[..], &mdat, &moov].concat()] {
            assert_eq!(header_of(&file), Some(known));
        }
        for hostile in [
            &b""[..],
            b"\xff\xd8\xff\xe0 a picture",
            b"\0\0\0\0moov",
            b"\0\0\0\x08moov\0\0\0\x08mvhd",
            b"\0\0\0\x01moov\xff\xff\xff\xff\xff\xff\xff\xff",
            &[&ftyp[..], &boxed(b"moov", &boxed(b"mvhd", &[0; 20]))].concat(),
            &boxed(b"free", b"").repeat(5_000),
        ] {
            assert_eq!(header_of(hostile), None, "{}", hostile[..hostile.len().min(40)].escape_ascii());
        }
    }
}
