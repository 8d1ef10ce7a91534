//! Resizes images as Pillow 12 does, bit for bit: models are trained with it, and a resize that differs by a few
//! levels moves every vector.
//!
//! Two passes, columns first, each rounded to 8 bits; weights are fixed-point numbers with 22 bits after the point;
//! a filter is widened when a side shrinks ("antialias"); a pass is skipped if the size stays.

use std::borrow::Cow;
use std::ops::Range;

use vicinity_core::Picture;
use vicinity_kernels::resample::{BITS, CHANNELS, Taps, columns, rows};

/// Kernel of a resize.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResizeFilter {
    /// Triangle.
    Bilinear,
    /// Cubic with a = -0.5.
    Bicubic,
}

impl ResizeFilter {
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

/// The taps of the outputs in `window` when a side of `inputs` becomes one of `outputs`.
fn taps(inputs: usize, outputs: usize, window: Range<usize>, filter: ResizeFilter) -> Vec<Taps> {
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
    window.map(tap).collect()
}

/// The bytes of the picture squashed to `width` x `height`, RGB, row by row.
pub fn squash(picture: &Picture, width: usize, height: usize, filter: ResizeFilter) -> Vec<u8> {
    resize(picture, (width, 0..width), (height, 0..height), filter)
}

/// The part `(x, y)` of the picture resized to `width` x `height`: the very bytes that cutting it out afterwards would
/// give, but a long narrow picture never becomes a huge one on the way.
pub fn resize(
    picture: &Picture,
    (width, x): (usize, Range<usize>),
    (height, y): (usize, Range<usize>),
    filter: ResizeFilter,
) -> Vec<u8> {
    let (from_width, from_height) = (picture.width() as usize, picture.height() as usize);
    let line = x.len() * CHANNELS;
    let narrow = if from_width != width {
        Cow::Owned(columns(picture.rgb(), from_width, &taps(from_width, width, x, filter)))
    } else if x.len() == width {
        Cow::Borrowed(picture.rgb())
    } else {
        let inside = x.start * CHANNELS..x.end * CHANNELS;
        Cow::Owned(picture.rgb().chunks_exact(width * CHANNELS).flat_map(|r| &r[inside.clone()]).copied().collect())
    };
    if from_height != height {
        rows(&narrow, line, &taps(from_height, height, y, filter))
    } else if y.len() == height {
        narrow.into_owned()
    } else {
        narrow[y.start * line..y.end * line].to_vec()
    }
}
