//! Complete pixels from a mosaic: each colour is the mean of its neighbours in three by three pixels.

use super::levels::Levels;
use super::tags::RawTags;

/// The neighbours of a pixel that have a colour: offsets from -1 to 1, across and down.
type Neighbours = Vec<[usize; 2]>;

/// Hands on the pixels that are shown, by rows, as red, green and blue light of the camera.
pub fn rows(samples: &[u16], tags: &RawTags, levels: &Levels<'_>, mut put: impl FnMut([f32; 3])) {
    let [left, top] = tags.crop.origin.map(|at| at as usize);
    let [width, height] = tags.crop.size.map(|side| side as usize);
    match tags.mosaic {
        None => {
            for y in top..top + height {
                for x in left..left + width {
                    let light = |channel: usize| levels.light(sample(samples, tags, [x, y], channel), [x, y], channel);
                    put(if tags.channels == 3 { [light(0), light(1), light(2)] } else { [light(0); 3] });
                }
            }
        }
        Some(pattern) => {
            let neighbours = neighbours(pattern);
            let mut lines: [Vec<f32>; 3] = Default::default();
            for y in top..top + height {
                // The lines above, of and below the pixels, with one pixel more at both ends.
                if y == top {
                    lines = [0, 1, 2].map(|down| line(samples, tags, levels, [left, (y + down).wrapping_sub(1)]));
                } else {
                    lines.rotate_left(1);
                    lines[2] = line(samples, tags, levels, [left, y + 1]);
                }
                for x in 0..width {
                    let phase = (y % 2) * 2 + (left + x) % 2;
                    put([0, 1, 2].map(|colour| mean(&lines, x, &neighbours[phase][colour])));
                }
            }
        }
    }
}

fn mean(lines: &[Vec<f32>; 3], x: usize, neighbours: &Neighbours) -> f32 {
    let light = |[across, down]: &[usize; 2]| lines[*down].get(x + across).copied().unwrap_or(0.0);
    neighbours.iter().map(light).sum::<f32>() / neighbours.len().max(1) as f32
}

/// By place in the pattern and colour. A pixel's own colour is its own.
fn neighbours(pattern: [u8; 4]) -> [[Neighbours; 3]; 4] {
    let around = |phase: usize, colour: u8| {
        let is_of = |[across, down]: &[usize; 2]| {
            pattern[(phase / 2 + down + 1) % 2 * 2 + (phase % 2 + across + 1) % 2] == colour
        };
        let all = || (0..9).map(|at| [at % 3, at / 3]);
        if pattern[phase] == colour { vec![[1, 1]] } else { all().filter(is_of).collect() }
    };
    [0, 1, 2, 3].map(|phase| [0, 1, 2].map(|colour| around(phase, colour)))
}

/// The light of a line of the active area, from one pixel before the crop to one behind it.
fn line(samples: &[u16], tags: &RawTags, levels: &Levels<'_>, [left, y]: [usize; 2]) -> Vec<f32> {
    let [width, height] = tags.active.size.map(|side| side as usize);
    let y = mirrored(y, height);
    let count = tags.crop.size[0] as usize + 2;
    let at = |x: usize| [mirrored((left + x).wrapping_sub(1), width), y];
    (0..count).map(at).map(|at| levels.light(sample(samples, tags, at, 0), at, 0)).collect()
}

/// What is beyond an edge is as far on the other side of it, where the mosaic is the same.
fn mirrored(at: usize, side: usize) -> usize {
    match at {
        usize::MAX => 1.min(side - 1),
        at if at >= side => side.saturating_sub(2),
        at => at,
    }
}

/// The sample at a place of the active area.
fn sample(samples: &[u16], tags: &RawTags, [x, y]: [usize; 2], channel: usize) -> u16 {
    let [left, top] = tags.active.origin.map(|at| at as usize);
    let at = ((top + y) * tags.size[0] as usize + left + x) * tags.channels + channel;
    samples.get(at).copied().unwrap_or(0)
}
