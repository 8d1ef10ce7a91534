//! Self checks: whether this machine computes what the authors of the built-in model computed ([`check`]), and whether a
//! device computes what the CPU computes, with any model ([`vectors`], [`agreement`]).
//!
//! The golden set is pictures drawn by arithmetic, and a few texts.

use std::time::{Duration, Instant};

use super::weights::Weights;
use crate::{Model, TextOptions, TowerError};
use vicinity_core::{Embedding, EmbeddingError, Picture};

/// The texts that are embedded.
pub const TEXTS: [&str; 2] = ["a photo of a dog", "Two children play football in the rain."];
/// Cosine similarity that each vector must reach.
pub const MIN_COSINE: f32 = 0.999;

/// Pictures per batch when the CPU is measured.
const MEASURED_ON_CPU: usize = 8;
/// The most pictures per batch when a device is measured.
const MEASURED_MOST: usize = 64;
/// How long a device is measured, at least one batch.
const MEASURED_TIME: Duration = Duration::from_millis(300);

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
        self.texts.iter().chain([&self.image]).all(|cosine| *cosine >= MIN_COSINE)
    }
}

/// Embeds the golden set with the starter model and compares.
///
/// # Errors
/// When the model fails, gives a number that is not finite, or the stored vectors are damaged.
pub fn check(model: &Model) -> Result<Report, TowerError> {
    let dim = model.info.key.dim;
    let stored = Weights::parse("golden.safetensors", include_bytes!("../../../../assets/starter/golden.safetensors"))?;
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

/// The vectors of the golden set: pictures first, then texts.
///
/// # Errors
/// When the model fails, or gives a number that is not finite.
pub fn vectors(model: &Model) -> Result<Vec<Embedding>, TowerError> {
    let pictures = [picture(400, 300), picture(120, 320), noise(256, 256), noise(70, 40)];
    let pixels = pictures.map(|picture| model.image.prepare(&picture));
    let mut vectors = model.image.embed(&pixels)?;
    // Short, long, empty, in another script.
    let long = "The harbour lies still, and the boats wait for the wind. ".repeat(12);
    let texts = [TEXTS[0], TEXTS[1], &long, "", "Ein Schloss über dem Fluss 城"];
    let found = model.text.embed(&texts, TextOptions::default())?;
    if (vectors.len(), found.len()) != (pixels.len(), texts.len()) {
        return Err(EmbeddingError::Empty.into());
    }
    vectors.extend(found.into_iter().map(|text| text.embedding));
    Ok(vectors)
}

/// The smallest cosine similarity of vectors and those that they should be; NaN where they cannot be compared.
pub fn agreement(wanted: &[Embedding], found: &[Embedding]) -> f32 {
    if wanted.len() != found.len() {
        return f32::NAN;
    }
    let each = wanted.iter().zip(found).map(|(wanted, found)| cosine(wanted.as_slice(), Some(found)));
    // Not `f32::min`, which passes over NaN.
    each.fold(1.0, |least, cosine| if cosine < least || cosine.is_nan() { cosine } else { least })
}

/// Prepared pictures that a model embeds a second, in the batches that it asks for.
///
/// # Errors
/// When the model fails.
pub fn images_per_second(model: &Model) -> Result<f32, TowerError> {
    let batch = model.image.preferred_batch_size().unwrap_or(MEASURED_ON_CPU).min(MEASURED_MOST);
    let pixels = vec![model.image.prepare(&picture(400, 300)); batch];
    // The first call makes the device ready.
    model.image.embed(&pixels)?;
    let (start, mut done) = (Instant::now(), 0);
    while done == 0 || start.elapsed() < MEASURED_TIME {
        model.image.embed(&pixels)?;
        done += batch;
    }
    Ok(done as f32 / start.elapsed().as_secs_f32())
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

/// Grains of all colours, hashed from their place.
fn noise(width: u32, height: u32) -> Picture {
    let grain = |i: u32| {
        // The finalizer of MurmurHash3.
        let mut hash = (i / 3).wrapping_add(0x9e37_79b9);
        hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
        hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
        (hash >> (8 * (i % 3))) as u8
    };
    Picture::new(width, height, (0..width * height * 3).map(grain).collect()).expect("three bytes a pixel")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_vector_that_is_off_is_enough() {
        let unit = |values: [f32; 3]| Embedding::new(values.to_vec()).expect("not zero");
        let wanted = [unit([1.0, 0.0, 0.0]), unit([0.0, 1.0, 0.0])];
        assert!(agreement(&wanted, &wanted) >= MIN_COSINE);
        let turned = [wanted[0].clone(), unit([0.0, 1.0, 0.1])];
        assert!(agreement(&wanted, &turned) < MIN_COSINE);
        assert!(agreement(&wanted, &wanted[..1]).is_nan());
        let other = [wanted[0].clone(), Embedding::new(vec![1.0, 0.0]).expect("not zero")];
        assert!(agreement(&wanted, &other).is_nan(), "of another size");
    }
}
