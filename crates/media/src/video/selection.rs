//! Which frames stand for the scenes of a video.

use vicinity_core::Picture;

use crate::picture::frames::is_blank;
use crate::resize::{ResizeFilter, squash};

/// Two chosen frames are at least this far apart, milliseconds.
pub const MIN_GAP_MS: u32 = 5_000;
/// Where a scene lasts longer, it has one frame for each of these, milliseconds.
const MAX_GAP_MS: u32 = 60_000;
/// At most this many frames of one file are chosen.
pub const MAX_FRAMES: usize = 500;
/// Side of the small version of a frame by which frames are compared, pixels.
const SIDE: usize = 16;
/// Mean difference of two small frames, in levels of 255, from which they show different scenes.
const NEW_SCENE: u32 = 12;

/// The frames chosen so far.
#[derive(Debug, Default)]
pub struct FrameSelection {
    /// Time and small version of each, by time.
    chosen: Vec<(u32, Vec<u8>)>,
}

impl FrameSelection {
    /// Whether a frame is chosen: the first that shows something, one that differs from those chosen before and after it,
    /// or one long after the one before.
    pub fn choose(&mut self, ms: u32, frame: &Picture) -> bool {
        let at = self.chosen.partition_point(|(other, _)| *other <= ms);
        let before = at.checked_sub(1).and_then(|before| self.chosen.get(before));
        let after = self.chosen.get(at);
        let is_close = |other: &(u32, Vec<u8>)| other.0.abs_diff(ms) < MIN_GAP_MS;
        if self.is_full() || before.is_some_and(is_close) || after.is_some_and(is_close) || is_blank(frame) {
            return false;
        }
        let small = squash(frame, SIDE, SIDE, ResizeFilter::Bilinear);
        let differs = |other: &(u32, Vec<u8>)| is_new_scene(&small, &other.1);
        let is_due = before.is_some_and(|(other, _)| ms - other >= MAX_GAP_MS);
        let is_chosen = is_due || (before.is_none_or(differs) && after.is_none_or(differs));
        if is_chosen {
            self.chosen.insert(at, (ms, small));
        }
        is_chosen
    }

    /// Whether no more frames are chosen.
    pub fn is_full(&self) -> bool {
        self.chosen.len() >= MAX_FRAMES
    }
}

fn is_new_scene(a: &[u8], b: &[u8]) -> bool {
    let sum: u32 = a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    sum >= NEW_SCENE * a.len() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of two colours, so that it is not blank.
    fn scene(level: u8) -> Picture {
        let row: Vec<u8> = [[level; 24], [level / 2 + 100; 24]].concat();
        Picture::new(16, 8, row.repeat(8)).unwrap()
    }

    #[test]
    fn new_scenes_are_chosen_five_seconds_apart_and_long_ones_every_minute() {
        let mut selection = FrameSelection::default();
        let black = Picture::new(2, 2, vec![3; 12]).unwrap();
        assert!(!selection.choose(0, &black), "it shows nothing");
        assert!(selection.choose(1_000, &scene(0)));
        assert!(!selection.choose(5_900, &scene(250)), "too soon");
        assert!(!selection.choose(7_000, &scene(4)), "the same scene");
        assert!(selection.choose(8_000, &scene(250)));
        assert!(!selection.choose(67_900, &scene(250)));
        assert!(selection.choose(68_000, &scene(250)), "a minute later");
        assert!(!selection.choose(20_000, &scene(250)), "as before and after");
        assert!(selection.choose(30_000, &scene(0)), "found later");
    }

    #[test]
    fn a_file_has_a_bounded_number_of_frames() {
        let mut selection = FrameSelection::default();
        let chosen = (0..2_000).filter(|at| selection.choose(at * 6_000, &scene((at % 2 * 250) as u8))).count();
        assert_eq!((chosen, selection.is_full()), (MAX_FRAMES, true));
    }
}
