//! A self check of the built-in model: does this machine compute what the model's authors computed?
//!
//! One picture, drawn by arithmetic, and two texts are embedded and compared with stored vectors.

use std::time::{Duration, Instant};

use super::weights::Weights;
use super::{Model, TextOptions, TowerError};
use crate::domain::{Embedding, Picture};

/// The texts that are embedded.
pub const TEXTS: [&str; 2] = ["a photo of a dog", "Two children play football in the rain."];
/// Cosine similarity that each vector must reach.
pub const ENOUGH: f32 = 0.999;

/// What the check found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Cosine similarity of the picture's vector and the stored one.
    pub image: f32,
    /// The same for each text.
    pub texts: [f32; 2],
    /// Time to embed the picture, prepared.
    pub image_time: Duration,
    /// Time to embed the texts.
    pub text_time: Duration,
}

impl Report {
    /// Whether all vectors are near enough to the stored ones.
    pub fn passed(&self) -> bool {
        // NaN fails, too.
        self.texts.iter().chain([&self.image]).all(|cosine| *cosine >= ENOUGH)
    }
}

/// Embeds the golden set with the starter model and compares.
///
/// # Errors
/// When the model fails, gives a number that is not finite, or the stored vectors are damaged.
pub fn check(model: &Model) -> Result<Report, TowerError> {
    let dim = model.info.key.dim;
    let stored = Weights::parse("golden.safetensors", include_bytes!("../../assets/starter/golden.safetensors"))?;
    let pixels = [model.image.prepare(&picture(400, 300))];
    let start = Instant::now();
    let images = model.image.embed(&pixels)?;
    let image_time = start.elapsed();
    let start = Instant::now();
    let texts = model.text.embed(&TEXTS, TextOptions::default())?;
    let text_time = start.elapsed();
    let image = cosine(&stored.vector("image", dim)?, images.first());
    let wanted = stored.vector("texts", TEXTS.len() * dim)?;
    let (first, second) = wanted.split_at(dim);
    let mut found = texts.iter().map(|t| &t.embedding);
    let texts = [cosine(first, found.next()), cosine(second, found.next())];
    Ok(Report { image, texts, image_time, text_time })
}

/// NaN where there is nothing to compare, which fails the check.
fn cosine(wanted: &[f32], found: Option<&Embedding>) -> f32 {
    match (Embedding::new(wanted), found) {
        (Ok(wanted), Some(found)) if wanted.dim() == found.dim() => wanted.cosine(found),
        _ => f32::NAN,
    }
}

/// Gradients, stripes and a disc, in whole numbers, so that every machine draws the same. Sides are at least 1.
pub fn picture(width: u32, height: u32) -> Picture {
    let (width, height) = (width.max(1), height.max(1));
    let pixel = |i: u32| {
        let (x, y) = (i % width, i / width);
        let (u, v) = (x * 256 / width, y * 256 / height);
        let disc = (u.abs_diff(160)).pow(2) + (v.abs_diff(96)).pow(2) < 64 * 64;
        let (r, g) = if disc { (230, 60 + v / 4) } else { (u, u.midpoint(v)) };
        let b = if (x / 8 + y / 8) % 2 == 1 { 255 - v } else { 40 };
        [r as u8, g as u8, b as u8]
    };
    let rgb = (0..width * height).flat_map(pixel).collect();
    Picture::new(width, height, rgb).expect("three bytes for each of at least one pixel")
}
