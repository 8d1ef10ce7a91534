//! The frames of a video that stand for its scenes.
//!
//! At first only those frames are decoded that the file stores as whole pictures: encoders put them where scenes change, and
//! this is many times as fast as decoding all. A second look at all frames follows where that is too little: in short
//! videos with few such frames, in files without any, and behind the last one of a file in which they end.

use std::path::{Path, PathBuf};

use vicinity_core::Picture;

use super::container::VideoFormat;
use super::error::VideoError;
use super::program::{Ffmpeg, FrameRequest, Frames};
use super::selection::{FrameSelection, MIN_GAP_MS};
use super::stream::{Frame, FrameStream};
use super::{CancelFlag, FRAME_SIDE};

/// Up to this length a video with few whole pictures is decoded as a whole, milliseconds.
const SHORT_MS: u64 = 60_000;
/// Whole pictures this far apart are few, milliseconds.
const FEW_MS: u64 = MIN_GAP_MS as u64 + 1_000;
/// Behind the last whole picture at most this is not looked at, milliseconds.
const REST_MS: u64 = 90_000;

/// A frame that stands for a scene.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyFrame {
    /// Time from the start of the video, milliseconds.
    pub ms: u32,
    /// Its pixels: upright, longer side at most 1,024.
    pub picture: Picture,
    /// Width and height of the video, upright and with square pixels.
    pub original: [u32; 2],
}

/// The frames of one video, those of the first look by time, then those of the second. Dropping it ends the program.
#[derive(Debug)]
pub struct KeyFrames {
    ffmpeg: Ffmpeg,
    path: PathBuf,
    format: VideoFormat,
    cancelled: CancelFlag,
    /// The look under way.
    stream: Option<FrameStream>,
    /// Whether that is the second one.
    is_second: bool,
    selection: FrameSelection,
    seen: Seen,
}

/// What the first look has come across.
#[derive(Debug, Default)]
struct Seen {
    /// Frames, chosen or not.
    frames: u64,
    /// Time of the last one, milliseconds.
    last_ms: u32,
    /// The longest time without one, milliseconds.
    longest_gap_ms: u32,
}

impl Seen {
    /// Counts a frame; its time, which is that of the one before where it has none.
    fn add(&mut self, ms: Option<u32>) -> u32 {
        let ms = ms.unwrap_or(self.last_ms);
        self.longest_gap_ms = self.longest_gap_ms.max(ms.saturating_sub(self.last_ms));
        self.last_ms = ms;
        self.frames += 1;
        ms
    }

    /// Where a second look begins, if there is to be one.
    fn second_look(&self, duration_ms: Option<u64>) -> Option<u32> {
        if self.frames == 0 {
            return Some(0);
        }
        let duration = duration_ms?;
        let rest = duration.saturating_sub(self.last_ms.into());
        let gap = rest.max(self.longest_gap_ms.into());
        match () {
            () if duration <= SHORT_MS && gap > FEW_MS => Some(0),
            () if rest > REST_MS => Some(self.last_ms),
            () => None,
        }
    }
}

impl KeyFrames {
    /// Starts the first look.
    pub(super) fn start(
        ffmpeg: Ffmpeg,
        path: &Path,
        format: VideoFormat,
        cancelled: CancelFlag,
    ) -> Result<Self, VideoError> {
        let (selection, seen) = Default::default();
        let path = path.to_owned();
        let mut all = Self { ffmpeg, path, format, cancelled, stream: None, is_second: false, selection, seen };
        all.stream = Some(all.look(Frames::WholePictures, 0)?);
        Ok(all)
    }

    fn look(&self, frames: Frames, from_ms: u32) -> Result<FrameStream, VideoError> {
        let Self { path, format, .. } = self;
        let request = FrameRequest { path, format: *format, from_ms, frames, longest_side: FRAME_SIDE };
        FrameStream::start(&self.ffmpeg, &request, CancelFlag::clone(&self.cancelled))
    }

    /// The next frame of the look under way that is chosen; `None` at its end.
    fn next_chosen(&mut self) -> Option<Result<KeyFrame, VideoError>> {
        let stream = self.stream.as_mut()?;
        while !self.selection.is_full() {
            match stream.next()? {
                Ok(Frame { ms, picture, original }) => {
                    let ms = self.seen.add(ms);
                    if self.selection.choose(ms, &picture) {
                        return Some(Ok(KeyFrame { ms, picture, original }));
                    }
                }
                Err(error) => {
                    self.stream = None;
                    return Some(Err(error));
                }
            }
        }
        None
    }

    /// What follows the end of a look: a second one, or an error where there was no frame at all.
    fn go_on(&mut self) -> Result<(), VideoError> {
        let Some(mut stream) = self.stream.take() else { return Ok(()) };
        if self.selection.is_full() {
            return Ok(());
        }
        let problem = if self.seen.frames == 0 { Err(stream.problem()) } else { Ok(()) };
        let from = self.seen.second_look(stream.duration_ms());
        drop(stream);
        match from {
            Some(from) if !self.is_second && problem != Err(VideoError::NoVideo) => {
                self.is_second = true;
                self.stream = Some(self.look(Frames::EverySecond, from)?);
                Ok(())
            }
            _ => problem,
        }
    }
}

impl Iterator for KeyFrames {
    type Item = Result<KeyFrame, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.stream.is_some() {
            if let Some(found) = self.next_chosen() {
                return Some(found);
            }
            if let Err(error) = self.go_on() {
                return Some(Err(error));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_look_follows_where_whole_pictures_are_few_or_end() {
        let of = |times: &[u32], duration| {
            let mut seen = Seen::default();
            for ms in times {
                seen.add(Some(*ms));
            }
            seen.second_look(duration)
        };
        assert_eq!(of(&[], None), Some(0), "none at all");
        assert_eq!(of(&[0, 2_000, 4_000], Some(5_000)), None);
        assert_eq!(of(&[0, 10_000], Some(12_000)), Some(0), "short, with a gap");
        assert_eq!(of(&[0], Some(30_000)), Some(0), "short, and only at its beginning");
        assert_eq!(of(&[0, 10_000, 20_000, 30_000], Some(80_000)), None);
        assert_eq!(of(&[0, 10_000, 20_000], Some(600_000)), Some(20_000), "they end");
        assert_eq!(of(&[0, 10_000], None), None);
    }
}
