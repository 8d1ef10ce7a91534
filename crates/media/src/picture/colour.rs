//! Colour profiles: pixels become sRGB, which models and screens expect. A broken profile, or one of another kind of
//! picture, is ignored, as browsers do; one that says sRGB in its own words changes nothing.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use image::DynamicImage;
use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace, Layout,
    MatrixCoefficients, ToneReprCurve, TransferCharacteristics, Transform8BitExecutor, Transform16BitExecutor,
    TransformOptions,
};
use vicinity_core::Picture;

/// Maximum size of a profile, bytes. Those of printing presses have one to three million.
pub const MAX_PROFILE_BYTES: usize = 4 << 20;

/// Levels of 255 by which a profile may differ from sRGB and still be taken for it: the profile's own rounding.
const SAME: u8 = 2;

/// Number of conversions cached: most collections have images of one to three cameras and programs.
const KEPT: usize = 8;

/// What a file says about its colours.
#[derive(Debug)]
pub enum Profile<'a> {
    /// An ICC profile.
    Icc(Cow<'a, [u8]>),
    /// Primaries, transfer function, matrix and range of ITU-T H.273.
    CodePoints([u8; 4]),
    /// As PNG writes them, in units of 1/100,000: the exponent of encoding; x and y of white, red, green and blue.
    Gamma {
        /// The exponent.
        gamma: u32,
        /// The chromaticities.
        primaries: Option<[u32; 8]>,
    },
}

impl Profile<'_> {
    /// The same, without the file that it was found in.
    pub fn into_owned(self) -> Profile<'static> {
        match self {
            Self::Icc(icc) => Profile::Icc(Cow::Owned(icc.into_owned())),
            Self::CodePoints(points) => Profile::CodePoints(points),
            Self::Gamma { gamma, primaries } => Profile::Gamma { gamma, primaries },
        }
    }
}

/// The colour model of an image's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Samples {
    /// One of brightness.
    Grey,
    /// Red, green, blue.
    Rgb,
    /// Four of ink, 255 is full ink.
    Cmyk,
}

impl Samples {
    fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// Colour tables ready for use.
#[derive(Clone)]
enum Conversion {
    /// The colours are sRGB, or the profile is of no use.
    None,
    Eight(Arc<Transform8BitExecutor>),
    Sixteen(Arc<Transform16BitExecutor>),
}

/// What a conversion is for: the profile's hash, and the layout of the pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    profile: [u8; 32],
    samples: Samples,
    alpha: bool,
    deep: bool,
}

static CONVERSIONS: Mutex<Vec<(Key, Conversion)>> = Mutex::new(Vec::new());

/// The image in sRGB. `samples` is the colour model in the file: a grey image has a grey profile.
pub fn picture_to_srgb(picture: Picture, samples: Samples, profile: &Profile) -> Picture {
    let Conversion::Eight(table) = conversion(profile, samples, false, false) else { return picture };
    let (width, height) = (picture.width(), picture.height());
    let grey: Vec<u8>;
    let source = if samples == Samples::Grey {
        grey = picture.rgb().iter().step_by(3).copied().collect();
        &grey
    } else {
        picture.rgb()
    };
    let mut rgb = vec![0; picture.rgb().len()];
    match table.transform(source, &mut rgb).ok().and_then(|()| Picture::new(width, height, rgb)) {
        Some(converted) => converted,
        None => picture,
    }
}

/// Red, green and blue from ink; without a profile as if inks were perfect.
pub fn cmyk_to_rgb(ink: &[u8], profile: Option<&Profile>) -> Vec<u8> {
    let mut rgb = vec![0; ink.len() / 4 * 3];
    if let Some(Conversion::Eight(table)) = profile.map(|profile| conversion(profile, Samples::Cmyk, false, false))
        && table.transform(ink, &mut rgb).is_ok()
    {
        return rgb;
    }
    for (ink, rgb) in ink.chunks_exact(4).zip(rgb.chunks_exact_mut(3)) {
        let black = 255 - u32::from(ink[3]);
        for (colour, ink) in rgb.iter_mut().zip(ink) {
            *colour = (((255 - u32::from(*ink)) * black + 127) / 255) as u8;
        }
    }
    rgb
}

/// A picture of 16 bits per channel in sRGB; any other as it is. Dark tones of 16 bits would be lost in 8 before.
pub fn deep_to_srgb(image: DynamicImage, profile: &Profile) -> DynamicImage {
    match &image {
        DynamicImage::ImageLuma16(grey) => converted(grey.as_raw(), Samples::Grey, false, profile, &image),
        DynamicImage::ImageLumaA16(grey) => converted(grey.as_raw(), Samples::Grey, true, profile, &image),
        DynamicImage::ImageRgb16(rgb) => converted(rgb.as_raw(), Samples::Rgb, false, profile, &image),
        DynamicImage::ImageRgba16(rgba) => converted(rgba.as_raw(), Samples::Rgb, true, profile, &image),
        _ => None,
    }
    .unwrap_or(image)
}

/// Whether the picture has 16 bits per channel.
pub fn is_deep(image: &DynamicImage) -> bool {
    use DynamicImage as D;
    matches!(image, D::ImageLuma16(_) | D::ImageLumaA16(_) | D::ImageRgb16(_) | D::ImageRgba16(_))
}

fn converted(
    source: &[u16],
    samples: Samples,
    alpha: bool,
    profile: &Profile,
    image: &DynamicImage,
) -> Option<DynamicImage> {
    let Conversion::Sixteen(table) = conversion(profile, samples, alpha, true) else { return None };
    let (width, height) = (image.width(), image.height());
    let pixels = width as usize * height as usize;
    let mut out = vec![0u16; pixels * if alpha { 4 } else { 3 }];
    table.transform(source, &mut out).ok()?;
    if alpha {
        image::ImageBuffer::from_raw(width, height, out).map(DynamicImage::ImageRgba16)
    } else {
        image::ImageBuffer::from_raw(width, height, out).map(DynamicImage::ImageRgb16)
    }
}

/// The conversion from a profile, made once for many pictures.
fn conversion(profile: &Profile, samples: Samples, alpha: bool, deep: bool) -> Conversion {
    let key = Key { profile: hash(profile), samples, alpha, deep };
    let mut kept = CONVERSIONS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(at) = kept.iter().position(|(known, _)| *known == key) {
        let found = kept.remove(at);
        let conversion = found.1.clone();
        kept.insert(0, found);
        return conversion;
    }
    drop(kept);
    // A hostile profile may panic; then the picture is taken as it is.
    let made = catch_unwind(AssertUnwindSafe(|| made(profile, samples, alpha, deep)));
    let conversion = made.ok().flatten().unwrap_or(Conversion::None);
    let mut kept = CONVERSIONS.lock().unwrap_or_else(PoisonError::into_inner);
    kept.insert(0, (key, conversion.clone()));
    kept.truncate(KEPT);
    conversion
}

fn hash(profile: &Profile) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    match profile {
        Profile::Icc(bytes) => hasher.update(bytes),
        Profile::CodePoints(points) => hasher.update(b"points").update(points),
        Profile::Gamma { gamma, primaries } => {
            hasher.update(b"gamma").update(&gamma.to_be_bytes());
            for number in primaries.iter().flatten() {
                hasher.update(&number.to_be_bytes());
            }
            &mut hasher
        }
    };
    *hasher.finalize().as_bytes()
}

fn made(profile: &Profile, samples: Samples, alpha: bool, deep: bool) -> Option<Conversion> {
    let (profile, srgb) = (parsed(profile, samples)?, ColorProfile::new_srgb());
    let fitting = match samples {
        Samples::Grey => DataColorSpace::Gray,
        Samples::Rgb => DataColorSpace::Rgb,
        Samples::Cmyk => DataColorSpace::Cmyk,
    };
    if profile.color_space != fitting {
        return None;
    }
    let layout = |alpha| match samples {
        Samples::Grey if alpha => Layout::GrayAlpha,
        Samples::Grey => Layout::Gray,
        Samples::Rgb if !alpha => Layout::Rgb,
        Samples::Rgb | Samples::Cmyk => Layout::Rgba,
    };
    let options = TransformOptions::default();
    let opaque = profile.create_transform_8bit(layout(false), &srgb, Layout::Rgb, options).ok()?;
    if samples != Samples::Cmyk && changes_nothing(&opaque, samples) {
        return None;
    }
    if !deep {
        return Some(Conversion::Eight(opaque));
    }
    let out = if alpha { Layout::Rgba } else { Layout::Rgb };
    profile.create_transform_16bit(layout(alpha), &srgb, out, options).ok().map(Conversion::Sixteen)
}

/// Whether colours all over the cube stay as they are.
fn changes_nothing(table: &Arc<Transform8BitExecutor>, samples: Samples) -> bool {
    let levels = || (0..=255u8).step_by(15);
    let source: Vec<u8> = match samples {
        Samples::Grey => (0..=255).collect(),
        _ => levels().flat_map(|r| levels().flat_map(move |g| levels().flat_map(move |b| [r, g, b]))).collect(),
    };
    let mut out = vec![0; source.len() / samples.channels() * 3];
    let same = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= SAME;
    table.transform(&source, &mut out).is_ok()
        && match samples {
            Samples::Grey => out.chunks_exact(3).zip(&source).all(|(rgb, grey)| rgb.iter().all(|c| same((c, grey)))),
            _ => source.iter().zip(&out).all(same),
        }
}

fn parsed(profile: &Profile, samples: Samples) -> Option<ColorProfile> {
    let of_rgb = match profile {
        Profile::Icc(bytes) => return ColorProfile::new_from_slice(bytes).ok(),
        Profile::CodePoints(points) => of_code_points(*points)?,
        Profile::Gamma { gamma, primaries } => of_gamma(*gamma, *primaries)?,
    };
    if samples != Samples::Grey {
        return Some(of_rgb);
    }
    let mut grey = ColorProfile::new_gray_with_gamma(1.0);
    grey.gray_trc = of_rgb.red_trc;
    Some(grey)
}

/// Pictures of high dynamic range (PQ and HLG) are left as they are: without tone mapping they would turn black.
fn of_code_points([primaries, transfer, matrix, full_range]: [u8; 4]) -> Option<ColorProfile> {
    const HIGH_DYNAMIC_RANGE: [u8; 2] = [16, 18];
    if matrix != 0 || full_range != 1 || HIGH_DYNAMIC_RANGE.contains(&transfer) {
        return None;
    }
    let primaries = CicpColorPrimaries::try_from(primaries).ok()?;
    let transfer = TransferCharacteristics::try_from(transfer).ok()?;
    let profile = ColorProfile::new_from_cicp(CicpProfile {
        color_primaries: primaries,
        transfer_characteristics: transfer,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    });
    profile.is_matrix_shaper().then_some(profile)
}

fn of_gamma(gamma: u32, primaries: Option<[u32; 8]>) -> Option<ColorProfile> {
    /// What writers of sRGB give, and how far they round it.
    const OF_SRGB: u32 = 45_455;
    const NEARLY: u32 = 2_000;
    const PRIMARIES: [u32; 8] = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000];
    let primaries = primaries.filter(|found| found.iter().zip(PRIMARIES).any(|(a, b)| a.abs_diff(b) > NEARLY / 2));
    let is_srgb = gamma.abs_diff(OF_SRGB) <= NEARLY;
    if (is_srgb && primaries.is_none()) || !(10_000..=500_000).contains(&gamma) {
        return None;
    }
    let mut profile = ColorProfile::new_srgb();
    profile.cicp = None;
    if let Some(found) = primaries {
        let [white, red, green, blue] = [0, 2, 4, 6].map(|at| {
            let [x, y] = [found[at], found[at + 1]].map(|n| n as f32 / 100_000.0);
            Chromaticity::new(x, y)
        });
        if [white, red, green, blue].iter().any(|point| point.y <= 0.0) {
            return None;
        }
        profile.update_rgb_colorimetry(white.to_xyyb(), ColorPrimaries { red, green, blue });
    }
    if !is_srgb {
        let curve = ToneReprCurve::Parametric(vec![100_000.0 / gamma as f32]);
        profile.red_trc = Some(curve.clone());
        profile.green_trc = Some(curve.clone());
        profile.blue_trc = Some(curve);
    }
    Some(profile)
}
