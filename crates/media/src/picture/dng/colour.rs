//! From a camera's colours to sRGB, by the matrices in the file (DNG 1.4, chapter 6). Calibrations of a single camera are
//! left out.

use super::super::ifd::IfdEntry;
use super::entries::{entry, reals};
use super::matrix::{IDENTITY, Matrix3, apply, diagonal, inverse, mixed, product};

const COLOUR_MATRICES: [u16; 2] = [50721, 50722];
const FORWARD_MATRICES: [u16; 2] = [50964, 50965];
const ILLUMINANTS: [u16; 2] = [50778, 50779];
const NEUTRAL: u16 = 50728;
const WHITE_XY: u16 = 50729;
const EXPOSURE: u16 = 50730;

/// The light that colours are compared in: D50, as x and y and as X, Y and Z.
const D50_XY: [f64; 2] = [0.3457, 0.3585];
const D50: [f64; 3] = [0.9643, 1.0, 0.8251];
/// Linear sRGB of X, Y and Z in D50, by Bradford's adaptation (B. Lindbloom).
const SRGB_OF_XYZ: Matrix3 = [
    [3.133_856_1, -1.616_866_7, -0.490_614_6],
    [-0.978_768_4, 1.916_141_5, 0.033_454_0],
    [0.071_945_3, -0.228_991_4, 1.405_242_7],
];
const BRADFORD: Matrix3 = [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]];
/// Steps in which the light of a photo is found.
const STEPS: usize = 30;
/// Greatest exposure that is made up for, stops.
const MAX_EXPOSURE: f64 = 4.0;
/// Number of levels for which the curve of sRGB is computed.
const CURVE: usize = 1 << 14;

/// What a file says about its colours.
#[derive(Debug, Default)]
pub struct ColourTags {
    /// The camera's colours of X, Y and Z, for up to two lights.
    cameras: [Option<Matrix3>; 2],
    /// X, Y and Z of the camera's colours.
    forward: [Option<Matrix3>; 2],
    /// Temperatures of both lights, kelvin.
    temperatures: [Option<f64>; 2],
    /// The camera's colours of what is white.
    neutral: Option<[f64; 3]>,
    white_xy: Option<[f64; 2]>,
    exposure: f64,
}

impl ColourTags {
    /// From the first directory.
    pub fn of(main: &[IfdEntry<'_>]) -> Self {
        let matrix = |tag: u16| reals(main, tag, 9).map(|m| [0, 3, 6].map(|at| [m[at], m[at + 1], m[at + 2]]));
        let light = |tag: u16| entry(main, tag).and_then(IfdEntry::number).and_then(temperature);
        let is_usable = |neutral: &[f64; 3]| neutral.iter().all(|value| (1e-3..=1e3).contains(value));
        let neutral = reals(main, NEUTRAL, 3).map(|n| [n[0], n[1], n[2]]).filter(is_usable);
        let is_white = |[x, y]: &[f64; 2]| (0.1..0.9).contains(x) && (0.1..0.9).contains(y);
        Self {
            cameras: COLOUR_MATRICES.map(matrix),
            forward: FORWARD_MATRICES.map(matrix),
            temperatures: ILLUMINANTS.map(light),
            neutral,
            white_xy: reals(main, WHITE_XY, 2).map(|xy| [xy[0], xy[1]]).filter(is_white),
            exposure: reals(main, EXPOSURE, 1).map_or(0.0, |stops| stops[0].clamp(-MAX_EXPOSURE, MAX_EXPOSURE)),
        }
    }

    /// The matrix for a light, of the two that are for others.
    fn mixed(&self, matrices: &[Option<Matrix3>; 2], xy: [f64; 2]) -> Option<Matrix3> {
        let (first, second) = match matrices {
            [Some(first), Some(second)] => (first, second),
            [one, other] => return one.or(*other),
        };
        let [Some(a), Some(b)] = self.temperatures else { return Some(*second) };
        if (a - b).abs() < 1.0 {
            return Some(*first);
        }
        // Lights differ as the inverses of their temperatures do.
        let share = (1.0 / temperature_of(xy) - 1.0 / b) / (1.0 / a - 1.0 / b);
        Some(mixed(first, second, share.clamp(0.0, 1.0)))
    }

    /// The light in which the photo was taken.
    fn white(&self) -> [f64; 2] {
        if let Some(xy) = self.white_xy.filter(|_| self.neutral.is_none()) {
            return xy;
        }
        let Some(neutral) = self.neutral else { return D50_XY };
        let mut xy = D50_XY;
        for _ in 0..STEPS {
            let matrix = self.mixed(&self.cameras, xy).and_then(|matrix| inverse(&matrix));
            let Some(next) = matrix.and_then(|matrix| xy_of(apply(&matrix, neutral))) else { break };
            let is_near = (next[0] - xy[0]).abs() + (next[1] - xy[1]).abs() < 1e-7;
            xy = next;
            if is_near {
                break;
            }
        }
        xy
    }
}

/// How the light of a camera becomes sRGB.
pub struct Development {
    /// The camera's colours of white, the largest of which is 1: more light than that shows no colour.
    white: [f32; 3],
    matrix: [[f32; 3]; 3],
    curve: Vec<u8>,
}

impl Development {
    /// By what a file says. `has_colours`: whether it is no picture in black and white.
    pub fn new(tags: &ColourTags, has_colours: bool) -> Self {
        let (white, matrix) = if has_colours { conversion(tags) } else { ([1.0; 3], IDENTITY) };
        let gain = tags.exposure.exp2();
        Self {
            white: white.map(|value| value as f32),
            matrix: matrix.map(|row| row.map(|value| (value * gain) as f32)),
            curve: (0..=CURVE).map(|level| curve(level as f32 / CURVE as f32)).collect(),
        }
    }

    /// The colour of a pixel.
    pub fn srgb(&self, camera: [f32; 3]) -> [u8; 3] {
        let seen = [0, 1, 2].map(|at| camera[at].min(self.white[at]));
        self.matrix.map(|row| {
            let light = row[0] * seen[0] + row[1] * seen[1] + row[2] * seen[2];
            let level = (light.clamp(0.0, 1.0) * CURVE as f32 + 0.5) as usize;
            self.curve.get(level).copied().unwrap_or(255)
        })
    }
}

/// What white is for the camera, and linear sRGB of its colours.
fn conversion(tags: &ColourTags) -> ([f64; 3], Matrix3) {
    let xy = tags.white();
    let camera = tags.mixed(&tags.cameras, xy).map(|matrix| product(&matrix, &adaptation(D50_XY, xy)));
    let white = match (tags.neutral, &camera) {
        (Some(neutral), _) => neutral,
        (None, Some(camera)) => apply(camera, D50),
        (None, None) => [1.0; 3],
    };
    let white = largest_is_one(white);
    let balance = diagonal(white.map(|value| 1.0 / value));
    let forward = tags.mixed(&tags.forward, xy).and_then(|matrix| {
        let sums = apply(&matrix, [1.0; 3]);
        let scale = diagonal([0, 1, 2].map(|at| D50[at] / sums[at]));
        let balanced = product(&product(&scale, &matrix), &balance);
        balanced.as_flattened().iter().all(|value| value.is_finite()).then_some(balanced)
    });
    let by_camera = || {
        let camera = camera?;
        let most = apply(&camera, D50).into_iter().fold(f64::MIN_POSITIVE, f64::max);
        inverse(&camera.map(|row| row.map(|value| value / most)))
    };
    match forward.or_else(by_camera) {
        Some(xyz) => (white, product(&SRGB_OF_XYZ, &xyz)),
        None => (white, balance),
    }
}

fn largest_is_one(white: [f64; 3]) -> [f64; 3] {
    let most = white.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    white.map(|value| (value / most).clamp(1e-3, 1.0))
}

/// X, Y and Z in another light (Bradford).
fn adaptation(from: [f64; 2], to: [f64; 2]) -> Matrix3 {
    let cones = |xy: [f64; 2]| apply(&BRADFORD, xyz_of(xy)).map(|value| value.max(1e-3));
    let (from, to) = (cones(from), cones(to));
    let scale = diagonal([0, 1, 2].map(|at| (to[at] / from[at]).clamp(0.1, 10.0)));
    inverse(&BRADFORD).map_or(IDENTITY, |back| product(&back, &product(&scale, &BRADFORD)))
}

fn xyz_of([x, y]: [f64; 2]) -> [f64; 3] {
    [x / y, 1.0, (1.0 - x - y) / y]
}

fn xy_of(xyz: [f64; 3]) -> Option<[f64; 2]> {
    let sum: f64 = xyz.iter().sum();
    let xy = [xyz[0] / sum, xyz[1] / sum];
    xy.iter().all(|value| (0.05..0.9).contains(value)).then_some(xy)
}

/// The temperature of a light, kelvin (C. S. McCamy, 1992).
fn temperature_of([x, y]: [f64; 2]) -> f64 {
    let n = (x - 0.3320) / (0.1858 - y);
    (((449.0 * n + 3525.0) * n + 6823.3) * n + 5520.33).clamp(1000.0, 50_000.0)
}

/// The temperature of a light that EXIF has a number for.
fn temperature(light: u64) -> Option<f64> {
    Some(match light {
        3 | 17 => 2856.0,
        2 | 14 => 4150.0,
        15 => 3450.0,
        24 => 3200.0,
        18 => 4874.0,
        13 | 23 => 5003.0,
        1 | 4 | 9 | 20 => 5503.0,
        10 | 12 | 19 | 21 => 6504.0,
        11 | 22 => 7504.0,
        _ => return None,
    })
}

/// The curve of sRGB (IEC 61966-2-1).
fn curve(light: f32) -> u8 {
    let value = if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (value * 255.0 + 0.5) as u8
}
