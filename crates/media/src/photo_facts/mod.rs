//! What metadata say about a picture: EXIF, XMP and IPTC-IIM in the file, an XMP sidecar beside it, the pattern of its
//! name, and its time of change.
//!
//! Nothing here decodes pixels or fails: damaged metadata are as good as none. Counts, lengths and depths are limited
//! before anything is allocated. Of two sources, EXIF counts more for what a camera knows, and XMP, then IPTC, for what
//! people write. What a person changed last is in the sidecar, which therefore counts more for the latter.
//!
//! EXIF is read with the crate's own reader of directories, which borrows the file, knows BigTIFF and skips damaged
//! entries; `kamadak-exif` would copy files of up to a gigabyte.

mod block_facts;
mod block_list;
mod blocks;
mod boxes;
mod dates;
mod exif;
mod iptc;
mod parts;
pub(crate) mod photoshop;
mod png_text;
mod text;
mod xmp;
mod xmp_facts;

use std::fs::{self, File};
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::Offset;
use vicinity_core::{PhotoFacts, TakenTime, TimeSource};

use block_facts::{BlockFacts, union};
use block_list::{Blocks, MAX_BLOCK};
use dates::LocalTime;
pub use dates::time_in_name;

use crate::error::ReadError;
use crate::video::video_facts;

/// What a picture's facts are read from.
#[derive(Debug, Clone, Copy)]
pub struct PhotoSource<'a> {
    /// Path of the picture; only the file name counts.
    pub path: &'a Path,
    /// Content of the picture.
    pub bytes: &'a [u8],
    /// Content of the XMP file beside it, if any; see [`sidecar_paths`].
    pub sidecar: Option<&'a [u8]>,
    /// Modification time, nanoseconds since the Unix epoch.
    pub modified_ns: i64,
}

/// Everything that is known of a picture. `taken` is always known: at worst it is the time of change.
pub fn photo_facts(source: &PhotoSource<'_>) -> PhotoFacts {
    combined(embedded_facts(source.bytes), source.sidecar, source.path, source.modified_ns)
}

fn combined(within: PhotoFacts, sidecar: Option<&[u8]>, path: &Path, modified_ns: i64) -> PhotoFacts {
    let beside = sidecar.map(sidecar_facts).unwrap_or_default();
    let taken = within.taken.or(beside.taken).or_else(|| time_in_name(path)).or_else(|| {
        let time = Timestamp::from_nanosecond(i128::from(modified_ns)).ok()?;
        let local = Offset::UTC.to_datetime(time);
        Some(TakenTime { local, offset: Some(Offset::UTC), source: TimeSource::Modified })
    });
    PhotoFacts { taken, ..edited(&beside).or(within).or(beside) }
}

/// Everything that is known of a picture or video, from its file and from the sidecar beside it, if any. Reads only the parts of the
/// file that hold metadata, at most 64 MB. A sidecar that cannot be read is as good as none.
///
/// # Errors
/// When the picture cannot be read, or is larger than pictures are read.
pub fn read_photo(path: &Path, sidecar: Option<&Path>, modified_ns: i64) -> Result<PhotoFacts, ReadError> {
    let within = match video_facts(path) {
        Some(facts) => facts,
        None => embedded_facts(&parts::read(path)?.bytes),
    };
    let sidecar = sidecar.and_then(read_sidecar);
    Ok(combined(within, sidecar.as_deref(), path, modified_ns))
}

fn read_sidecar(path: &Path) -> Option<Vec<u8>> {
    // Opening a pipe would wait for whoever writes into it.
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BLOCK as u64).read_to_end(&mut bytes));
    read.map_err(|error| log::info!("the sidecar {} cannot be read: {error}", path.display())).ok()?;
    Some(bytes)
}

/// What the metadata in a file say. Empty where there are none, or none that can be read.
pub fn embedded_facts(bytes: &[u8]) -> PhotoFacts {
    caught(|| of_blocks(&blocks::find(bytes), TimeSource::Metadata))
}

/// What an XMP sidecar file says.
pub fn sidecar_facts(xmp: &[u8]) -> PhotoFacts {
    let blocks = Blocks { xmp: vec![xmp.into()], ..Blocks::default() };
    caught(|| of_blocks(&blocks, TimeSource::Sidecar))
}

/// Where programs keep the sidecar of a picture: `IMG_1.jpg.xmp` (darktable, digiKam) and `IMG_1.xmp` (Lightroom, Bridge).
pub fn sidecar_paths(picture: &Path) -> [PathBuf; 2] {
    let mut appended = picture.as_os_str().to_owned();
    appended.push(".xmp");
    [appended.into(), picture.with_extension("xmp")]
}

/// No reader here should panic; if one does, that picture has no metadata.
fn caught(read: impl FnOnce() -> PhotoFacts) -> PhotoFacts {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        log::warn!("a reader of metadata panicked");
        PhotoFacts::default()
    })
}

fn of_blocks(blocks: &Blocks<'_>, source: TimeSource) -> PhotoFacts {
    let first = |found: Vec<BlockFacts>| found.into_iter().reduce(BlockFacts::or).unwrap_or_default();
    let exif = first(blocks.exif.iter().map(|block| exif::read(block)).collect());
    let xmp = first(blocks.xmp.iter().map(|block| xmp_facts::read(block)).collect());
    let iptc = first(blocks.iptc.iter().map(|block| iptc::read(block)).collect());
    let png = png_text::facts(&blocks.png_texts);
    let all = [&exif, &xmp, &iptc, &png];
    let times = all.iter().map(|block| block.original).chain(all.iter().map(|block| block.digitized));
    let times: Vec<LocalTime> = times.chain(all.iter().map(|block| block.written)).flatten().collect();
    let taken = times.first().map(|time| TakenTime {
        local: time.local,
        // XMP often repeats the time of EXIF with the offset that EXIF lacked before version 2.31.
        offset: time.offset.or_else(|| times.iter().filter(|other| other.is_same_second(time)).find_map(|t| t.offset)),
        source,
    });
    let pixels = blocks.pixels.filter(|[width, height]| *width > 0 && *height > 0);
    let known = PhotoFacts { taken, pixels, ..PhotoFacts::default() };
    let keywords = union([&xmp, &iptc, &exif].map(|block| &block.facts.keywords));
    let written = edited(&xmp.facts).or(edited(&iptc.facts)).or(exif.facts).or(png.facts);
    PhotoFacts { keywords, ..known.or(written).or(xmp.facts).or(iptc.facts) }
}

/// The part of the facts that people write.
fn edited(facts: &PhotoFacts) -> PhotoFacts {
    let PhotoFacts { rating, colour_label, keywords, keyword_paths, title, caption, creators, .. } = facts.clone();
    PhotoFacts { rating, colour_label, keywords, keyword_paths, title, caption, creators, ..PhotoFacts::default() }
}

#[cfg(test)]
mod tests;
