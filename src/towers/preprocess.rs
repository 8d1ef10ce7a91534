//! Resizes pictures as Pillow 12 does, bit for bit: models are trained behind it, and a resize that differs by a few
//! levels moves every vector.
//!
//! Two passes, columns first, each rounded to 8 bits; weights are fixed-point numbers with 22 bits after the point;
//! a filter is widened when a side shrinks ("antialias"); a pass is left out where the size stays.

use crate::domain::Picture;

/// Kernel of a resize.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Triangle.
    Bilinear,
    /// Cubic with a = -0.5.
    Bicubic,
}

impl Filter {
    fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    fn at(self, x: f64) -> f64 {
        let x = x.abs();
        match self {
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5,
            Self::Bicubic => 0.0,
        }
    }
}

/// Bits after the point of a weight.
const BITS: u32 = 22;
/// Bytes a pixel.
const CHANNELS: usize = 3;

/// Which inputs one output is made of.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

/// The taps of every output when a side of `inputs` becomes one of `outputs`.
fn taps(inputs: usize, outputs: usize, filter: Filter) -> Vec<Taps> {
    let scale = inputs as f64 / outputs as f64;
    let widened = scale.max(1.0);
    let support = filter.support() * widened;
    let tap = |i: usize| {
        let centre = (i as f64 + 0.5) * scale;
        // `as usize` cuts towards zero and negatives to zero, as Pillow does.
        let first = (centre - support + 0.5) as usize;
        let end = ((centre + support + 0.5) as usize).min(inputs);
        let exact: Vec<f64> = (first..end).map(|j| filter.at((j as f64 - centre + 0.5) / widened)).collect();
        let sum: f64 = exact.iter().sum();
        let fixed = |w: &f64| (w / sum * f64::from(1 << BITS)).round() as i32;
        Taps { first, weights: exact.iter().map(fixed).collect() }
    };
    (0..outputs).map(tap).collect()
}

fn to_u8(sum: i32) -> u8 {
    ((sum + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8
}

fn resize_columns(rgb: &[u8], width: usize, outputs: usize, filter: Filter) -> Vec<u8> {
    let taps = taps(width, outputs, filter);
    let mut out = vec![0; rgb.len() / width * outputs];
    let rows = rgb.chunks_exact(width * CHANNELS).zip(out.chunks_exact_mut(outputs * CHANNELS));
    for (row, out) in rows {
        for (tap, out) in taps.iter().zip(out.as_chunks_mut::<CHANNELS>().0) {
            let pixels = row[tap.first * CHANNELS..].as_chunks::<CHANNELS>().0;
            let mut sums = [0; CHANNELS];
            for (pixel, weight) in pixels.iter().zip(&tap.weights) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*value) * weight;
                }
            }
            *out = sums.map(to_u8);
        }
    }
    out
}

fn resize_rows(rgb: &[u8], width: usize, outputs: usize, filter: Filter) -> Vec<u8> {
    let line = width * CHANNELS;
    let taps = taps(rgb.len() / line, outputs, filter);
    let mut out = vec![0; line * outputs];
    let mut sums = vec![0_i32; line];
    for (tap, out) in taps.iter().zip(out.chunks_exact_mut(line)) {
        sums.fill(0);
        for (row, weight) in rgb[tap.first * line..].chunks_exact(line).zip(&tap.weights) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += i32::from(*value) * weight;
            }
        }
        for (out, sum) in out.iter_mut().zip(&sums) {
            *out = to_u8(*sum);
        }
    }
    out
}

/// The bytes of the picture squashed to `width` x `height`, RGB, row by row.
pub fn squash(picture: &Picture, width: usize, height: usize, filter: Filter) -> Vec<u8> {
    let (from_width, from_height) = (picture.width() as usize, picture.height() as usize);
    let columns = (from_width != width).then(|| resize_columns(picture.rgb(), from_width, width, filter));
    let narrow = columns.as_deref().unwrap_or(picture.rgb());
    if from_height == height { narrow.to_vec() } else { resize_rows(narrow, width, height, filter) }
}
