//! Videos: frames that stand for their scenes, decoded by the program `ffmpeg` where one is found on the search path.
//!
//! The program is started for each file and reads that file alone; nothing is linked. What it writes is not trusted: sizes
//! are checked before anything is allocated, and it is ended when it takes too long, when the import is cancelled and when
//! nobody reads its frames any more. Which kind of container a file is follows from its content and is named to
//! `ffmpeg`, so that no list of other files or addresses is ever opened.

mod container;
mod error;
mod frame_parts;
mod key_frames;
pub(crate) mod log;
mod movie;
pub(crate) mod ppm;
mod program;
mod selection;
mod stream;
#[cfg(test)]
mod tests;

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use vicinity_core::Picture;

pub use container::VideoFormat;
pub(crate) use container::detect;
pub use error::VideoError;
pub(crate) use frame_parts::{parts, read_part};
pub use key_frames::{KeyFrame, KeyFrames};
pub(crate) use movie::video_facts;
pub use movie::{MovieHeader, movie_header};
pub use program::is_available;
use program::{Ffmpeg, FrameRequest, Frames};
use stream::FrameStream;

use crate::cancel::CancelFlag;
use crate::sniff::BEGINNING;

/// Longest side of a frame that is embedded, pixels.
const FRAME_SIDE: u32 = 1024;
/// Longest side of a frame that is read again to be looked at, pixels.
const PREVIEW_SIDE: u32 = 1600;
/// The longest wait for it: somebody is looking.
const PREVIEW_LIMIT: Duration = Duration::from_secs(20);

/// Reads the frames of a video that stand for its scenes.
///
/// # Errors
/// When there is no `ffmpeg`, or it cannot be started.
pub fn key_frames(path: &Path, format: VideoFormat, cancelled: CancelFlag) -> Result<KeyFrames, VideoError> {
    let ffmpeg = Ffmpeg::find().ok_or(VideoError::NoFfmpeg)?;
    KeyFrames::start(ffmpeg, path, format, cancelled)
}

/// The length of a video, seconds: of MP4 and QuickTime files by their header, of others if `ffmpeg` is installed and knows it.
pub fn duration_secs(path: &Path) -> Option<f64> {
    if let Some(header) = movie_header(path) {
        return Some(header.seconds);
    }
    let mut head = Vec::new();
    let file = std::fs::File::open(path).ok().filter(|file| file.metadata().is_ok_and(|found| found.is_file()))?;
    file.take(BEGINNING as u64).read_to_end(&mut head).ok()?;
    let ffmpeg = Ffmpeg { frame_limit: PREVIEW_LIMIT, ..Ffmpeg::find()? };
    let (format, frames, longest_side) = (detect(&head)?, Frames::First, PREVIEW_SIDE);
    let request = FrameRequest { path, format, from_ms: 0, frames, longest_side };
    let mut stream = FrameStream::start(&ffmpeg, &request, CancelFlag::default()).ok()?;
    // Its length is said before the first frame.
    drop(stream.next());
    stream.duration_ms().map(|ms| ms as f64 / 1000.0)
}

/// Reads the frame at a time that [`key_frames()`] named, milliseconds from the start, and the size of the video, as there.
///
/// # Errors
/// When there is no `ffmpeg`, or the video has no such frame any more.
pub fn read_frame(path: &Path, format: VideoFormat, ms: u32) -> Result<(Picture, [u32; 2]), VideoError> {
    let ffmpeg = Ffmpeg::find().ok_or(VideoError::NoFfmpeg)?;
    let ffmpeg = Ffmpeg { frame_limit: PREVIEW_LIMIT, ..ffmpeg };
    read_frame_with(&ffmpeg, path, format, ms)
}

fn read_frame_with(
    ffmpeg: &Ffmpeg,
    path: &Path,
    format: VideoFormat,
    ms: u32,
) -> Result<(Picture, [u32; 2]), VideoError> {
    // Times are rounded; a millisecond is less than any frame takes.
    let from_ms = ms.saturating_sub(1);
    let request = FrameRequest { path, format, from_ms, frames: Frames::First, longest_side: PREVIEW_SIDE };
    let mut stream = FrameStream::start(ffmpeg, &request, CancelFlag::default())?;
    match stream.next() {
        Some(frame) => frame.map(|frame| (frame.picture, frame.original)),
        None => Err(stream.problem()),
    }
}
