//! The frames of a video as parts of its file.

use std::path::Path;

use vicinity_core::Part;

use super::container::VideoFormat;
use super::error::VideoError;
use super::key_frames::{KeyFrame, KeyFrames};
use super::{CancelFlag, key_frames, read_frame};
use crate::animation_frames::picture_hash;
use crate::error::ReadError;
use crate::parts::{FilePart, PartContent, PartError, Parts};

/// The frames that stand for the scenes of a video; `None` where it shows nothing. The first one is read at once, as it tells
/// whether there are any.
///
/// # Errors
/// When there is no frame that can be read.
pub fn parts(path: &Path, format: VideoFormat, cancelled: CancelFlag) -> Result<Option<Parts>, ReadError> {
    parts_of(key_frames(path, format, cancelled)?)
}

fn parts_of(mut frames: KeyFrames) -> Result<Option<Parts>, ReadError> {
    let first = match frames.next() {
        None | Some(Err(VideoError::NoVideo)) => return Ok(None),
        Some(first) => first?,
    };
    let mut last_ms = first.ms;
    let rest = frames.map(move |frame| match frame {
        Ok(frame) => {
            last_ms = frame.ms;
            Ok(part(frame))
        }
        Err(error) => Err(PartError { part: Part::Frame { ms: last_ms }, problem: error.into() }),
    });
    Ok(Some(Parts::new(std::iter::once(Ok(part(first))).chain(rest))))
}

/// One frame again.
///
/// # Errors
/// When it cannot be read.
pub fn read_part(path: &Path, format: VideoFormat, ms: u32) -> Result<PartContent, ReadError> {
    let (picture, original) = read_frame(path, format, ms)?;
    Ok(PartContent::Picture { picture, original })
}

fn part(frame: KeyFrame) -> FilePart {
    let KeyFrame { ms, picture, original } = frame;
    FilePart {
        part: Part::Frame { ms },
        hash: picture_hash(&picture),
        content: PartContent::Picture { picture, original },
    }
}
