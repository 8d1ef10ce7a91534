//! A picture file as its decoder sees it.

use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer};

use super::colour::Profile;
use super::pieces::Pieces;

/// The most bytes that the pixels of one picture may take.
pub const MAX_BYTES: u64 = 640 << 20;

/// A picture file, and its metadata.
pub struct Container<'a> {
    /// What the decoder is shown.
    pub pieces: Pieces<'a>,
    /// The colour profile.
    pub profile: Option<Profile<'a>>,
    /// How to turn the picture upright.
    pub orientation: Orientation,
    /// What the decoder's samples mean.
    pub samples: SampleMeaning,
    /// Whether there may be several frames.
    pub animated: bool,
    /// Whether the decoder's picture is not one of the animation.
    pub hidden_first: bool,
    /// Whether the file lacks its end; whether that matters is to be seen.
    pub cut: bool,
}

impl<'a> Container<'a> {
    /// The whole file, without metadata.
    pub fn plain(bytes: &'a [u8]) -> Self {
        Self {
            pieces: Pieces::whole(bytes),
            profile: None,
            orientation: Orientation::NoTransforms,
            samples: SampleMeaning::AsDecoded,
            animated: false,
            hidden_first: false,
            cut: false,
        }
    }
}

/// What the samples of a decoder mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SampleMeaning {
    /// What the decoder says.
    AsDecoded,
    /// Indices of these colours, of 1 bit (two colours; decoded as 0 and 255) or 8 bits.
    Palette(Vec<[u8; 3]>),
    /// Brightness and two colour differences of the full range, as JPEG has them.
    YCbCr,
}

impl SampleMeaning {
    /// The picture in red, green and blue. `None` when the decoder gave samples of another kind.
    pub fn apply(&self, image: DynamicImage) -> Option<DynamicImage> {
        let (width, height) = (image.width(), image.height());
        let rgb: Vec<u8> = match (self, image) {
            (Self::AsDecoded, image) => return Some(image),
            (Self::Palette(colours), DynamicImage::ImageLuma8(indices)) => {
                let last = colours.len().checked_sub(1)?;
                let colour = |index: u8| colours[usize::from(index).min(last)];
                indices.into_raw().into_iter().flat_map(colour).collect()
            }
            (Self::YCbCr, DynamicImage::ImageRgb8(samples)) => {
                let mut samples = samples.into_raw();
                samples.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| *pixel = rgb_of_ycbcr(*pixel));
                samples
            }
            _ => return None,
        };
        ImageBuffer::from_raw(width, height, rgb).map(DynamicImage::ImageRgb8)
    }
}

/// By the equations of JFIF, with coefficients in 1/65,536.
fn rgb_of_ycbcr([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y) << 16, i32::from(cb) - 128, i32::from(cr) - 128);
    let byte = |value: i32| ((value + (1 << 15)) >> 16).clamp(0, 255) as u8;
    [byte(y + 91_881 * cr), byte(y - 22_554 * cb - 46_802 * cr), byte(y + 116_130 * cb)]
}
