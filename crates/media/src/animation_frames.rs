//! The frames of an animation (GIF, APNG, WebP), each of which is an item if that is wanted and if it differs from the others.

use std::sync::atomic::Ordering;

use vicinity_core::{ContentHash, Part, Picture};

use crate::cancel::CancelFlag;
use crate::error::{PictureError, ReadError};
use crate::formats::PictureFormat;
use crate::guard::guarded;
use crate::parts::{FilePart, PartContent, PartError, Parts};
use crate::picture::animation::Animation;
use crate::picture::frames::is_blank;
use crate::picture::png;
use crate::resize::{ResizeFilter, squash};

/// Maximum number of frames of a file that are items.
const MAX_CHOSEN: usize = 100;
/// Side of the small version of a frame by which frames are compared, pixels.
const SIDE: usize = 24;
/// Mean difference of two small frames, in levels of 255, from which they differ visibly.
const DIFFERENT: u32 = 6;

/// The frames that show something and differ visibly from those before; `None` if fewer than two do, so that the file is one
/// picture; so are those that cannot be taken apart.
pub fn parts(bytes: &[u8], format: PictureFormat, cancelled: CancelFlag) -> Option<Parts> {
    let PictureFormat::Common(format) = format else { return None };
    let animation = Animation::open(bytes, format).ok()??;
    let mut frames = ChosenFrames { animation: Some(animation), cancelled, number: 0, chosen: Vec::new() };
    let first = frames.next().filter(Result::is_ok)?;
    let second = frames.next()?;
    Some(Parts::new([first, second].into_iter().chain(frames)))
}

/// Whether the beginning of a PNG or WebP file says that it is an animation.
pub fn is_animation(head: &[u8]) -> bool {
    // The flags of WebP's extended header (RFC 9649, 2.7): 2 says so.
    let is_webp = || head.get(12..16) == Some(b"VP8X") && head.get(20).is_some_and(|flags| flags & 2 != 0);
    let is_png = || head.starts_with(png::SIGNATURE) && png::chunks(head).any(|chunk| &chunk.kind == b"acTL");
    is_png() || is_webp()
}

/// One frame again, counted from 1.
///
/// # Errors
/// When there is no such frame, or it cannot be decoded.
pub fn frame(bytes: &[u8], format: PictureFormat, number: u32) -> Result<PartContent, ReadError> {
    let PictureFormat::Common(format) = format else { return Err(PictureError::FrameMissing.into()) };
    let mut animation = Animation::open(bytes, format)?.ok_or(PictureError::FrameMissing)?;
    for _ in 1..number {
        animation.skip()?.ok_or(PictureError::FrameMissing)?;
    }
    let picture = animation.next()?.ok_or(PictureError::FrameMissing)?;
    Ok(PartContent::Picture { picture, original: animation.size() })
}

/// The frames of an animation that differ.
struct ChosenFrames {
    /// `None` once nothing more is read.
    animation: Option<Animation>,
    cancelled: CancelFlag,
    /// The number of the frame decoded last.
    number: u32,
    /// Small versions of the frames chosen so far.
    chosen: Vec<Vec<u8>>,
}

impl ChosenFrames {
    /// Decodes frames until one is chosen.
    fn find(&mut self) -> Result<Option<FilePart>, ReadError> {
        while self.chosen.len() < MAX_CHOSEN && !self.cancelled.load(Ordering::Relaxed) {
            let Some(animation) = &mut self.animation else { break };
            self.number += 1;
            let Some(picture) = animation.next()? else { break };
            let original = animation.size();
            if self.choose(&picture) {
                let part = Part::AnimationFrame(self.number);
                let hash = picture_hash(&picture);
                return Ok(Some(FilePart { part, hash, content: PartContent::Picture { picture, original } }));
            }
        }
        Ok(None)
    }

    fn choose(&mut self, frame: &Picture) -> bool {
        if is_blank(frame) {
            return false;
        }
        let small = squash(frame, SIDE, SIDE, ResizeFilter::Bilinear);
        let is_new = self.chosen.iter().all(|other| differs(&small, other));
        if is_new {
            self.chosen.push(small);
        }
        is_new
    }
}

impl Iterator for ChosenFrames {
    type Item = Result<FilePart, PartError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.animation.as_ref()?;
        let found = guarded(|| self.find());
        if !matches!(found, Ok(Some(_))) {
            self.animation = None;
        }
        let part = Part::AnimationFrame(self.number);
        found.map_err(|problem| PartError { part, problem }).transpose()
    }
}

fn differs(a: &[u8], b: &[u8]) -> bool {
    let sum: u32 = a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    sum >= DIFFERENT * a.len() as u32
}

/// The hash of a picture's pixels.
pub fn picture_hash(picture: &Picture) -> ContentHash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&picture.width().to_le_bytes()).update(picture.rgb());
    ContentHash(*hasher.finalize().as_bytes())
}
