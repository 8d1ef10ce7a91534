//! Red, green and blue from brightness and two colour differences, as video has them (ITU-T H.273, section 8.3).

use image::{DynamicImage, ImageBuffer};

/// Samples in planes: one byte each for 8 bits, two in the computer's own order for more.
pub struct Planes<'a> {
    /// Width and height in samples of brightness.
    pub size: [usize; 2],
    /// Bits of a sample.
    pub bits: usize,
    /// Brightness,
    pub luma: &'a [u8],
    /// and bytes from one of its rows to the next.
    pub luma_stride: usize,
    /// The colour differences to blue and to red; grey pictures have none.
    pub chroma: Option<[&'a [u8]; 2]>,
    /// Bytes from one of their rows to the next.
    pub chroma_stride: usize,
    /// Whether they have half the columns, and half the rows.
    pub reduced: [bool; 2],
}

/// How the samples are to be combined.
pub struct ColourMatrix {
    kind: Kind,
    full_range: bool,
}

enum Kind {
    /// Green, blue and red as they are.
    Identity,
    /// By the shares of red and blue in brightness.
    Shares(f32, f32),
    /// Brightness, and green and orange differences.
    YCgCo,
}

impl ColourMatrix {
    /// By its code point; `None` for those that pictures do not have. Unspecified is that of JPEG, as in other programs.
    pub fn new(code_point: u16, full_range: bool) -> Option<Self> {
        let kind = match code_point {
            0 => Kind::Identity,
            1 => Kind::Shares(0.2126, 0.0722),
            2 | 3 | 5 | 6 => Kind::Shares(0.299, 0.114),
            4 => Kind::Shares(0.30, 0.11),
            7 => Kind::Shares(0.212, 0.087),
            8 => Kind::YCgCo,
            9 => Kind::Shares(0.2627, 0.0593),
            _ => return None,
        };
        Some(Self { kind, full_range })
    }

    /// Red, green and blue from 0 to 1.
    fn rgb(&self, y: f32, u: f32, v: f32) -> [f32; 3] {
        match self.kind {
            Kind::Identity => [v, y, u],
            Kind::YCgCo => [y - u + v, y + u, y - u - v],
            Kind::Shares(red, blue) => {
                let (r, b) = (y + 2.0 * (1.0 - red) * v, y + 2.0 * (1.0 - blue) * u);
                [r, (y - red * r - blue * b) / (1.0 - red - blue), b]
            }
        }
    }

    /// Offset and scale of brightness, and of the differences, for samples of some bits.
    fn levels(&self, bits: usize) -> [(f32, f32); 2] {
        let unit = (1_u32 << (bits - 8)) as f32;
        let most = ((1_u32 << bits) - 1) as f32;
        let luma = if self.full_range { (0.0, 1.0 / most) } else { (16.0 * unit, 1.0 / (219.0 * unit)) };
        let chroma = match self.kind {
            Kind::Identity => luma,
            _ if self.full_range => (128.0 * unit, 1.0 / most),
            _ => (128.0 * unit, 1.0 / (224.0 * unit)),
        };
        [luma, chroma]
    }
}

/// The opaque picture, of 16 bits where the samples have more than 8. `None` where the planes are too short.
pub fn rgba(planes: &Planes, matrix: &ColourMatrix) -> Option<DynamicImage> {
    let (width, height) = (u32::try_from(planes.size[0]).ok()?, u32::try_from(planes.size[1]).ok()?);
    if planes.bits == 8 {
        let pixels = converted(planes, matrix, |row, at| row.get(at).map(|b| f32::from(*b)), 255.0)?;
        let pixels = pixels.into_iter().map(|value| value as u8).collect();
        ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8)
    } else {
        let sample = |row: &[u8], at: usize| {
            let bytes = row.get(at * 2..at * 2 + 2)?;
            Some(f32::from(u16::from_ne_bytes([bytes[0], bytes[1]])))
        };
        let pixels = converted(planes, matrix, sample, 65_535.0)?;
        ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgba16)
    }
}

fn converted(
    planes: &Planes,
    matrix: &ColourMatrix,
    sample: impl Fn(&[u8], usize) -> Option<f32>,
    most: f32,
) -> Option<Vec<u16>> {
    let [width, height] = planes.size;
    let [(luma_offset, luma_scale), (chroma_offset, chroma_scale)] = matrix.levels(planes.bits);
    let [half_x, half_y] = planes.reduced.map(usize::from);
    let mut pixels = Vec::with_capacity(width * height * 4);
    for y in 0..height {
        let luma = planes.luma.get(y * planes.luma_stride..)?;
        let start = (y >> half_y) * planes.chroma_stride;
        let chroma = match planes.chroma {
            Some([u, v]) => Some([u.get(start..)?, v.get(start..)?]),
            None => None,
        };
        for x in 0..width {
            let brightness = (sample(luma, x)? - luma_offset) * luma_scale;
            let rgb = match chroma {
                Some([u, v]) => {
                    let [u, v] = [u, v].map(|row| sample(row, x >> half_x));
                    let [u, v] = [u?, v?].map(|value| (value - chroma_offset) * chroma_scale);
                    matrix.rgb(brightness, u, v)
                }
                None => [brightness; 3],
            };
            pixels.extend(rgb.map(|value| (value * most + 0.5).clamp(0.0, most) as u16));
            pixels.push(most as u16);
        }
    }
    Some(pixels)
}
