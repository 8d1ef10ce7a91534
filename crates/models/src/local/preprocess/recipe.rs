//! How a model wants its pictures, read from the file beside its weights: `preprocessor_config.json` of transformers,
//! or `preprocess_cfg` of open_clip.

use std::ops::Range;

use serde_json::Value;

use crate::TowerError;
use crate::local::json;
use crate::local::model_dir::{ModelDir, PREPROCESSOR_CONFIG, PROCESSOR_CONFIG};
use vicinity_core::Picture;
use vicinity_media::resize::{ResizeFilter, resize};

/// Longest side of a prepared picture that is believed; the largest published model takes 1152.
const MAX_SIDE: u64 = 1536;
/// Channels of a prepared picture.
const CHANNELS: usize = 3;

/// The way to a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resize {
    /// None.
    Keep,
    /// To this width and height; the aspect ratio is lost.
    Squash(usize, usize),
    /// The shorter edge to this; the longer one to `floor(long * size / short)`.
    Shorter(usize),
}

/// Where the middle of a side begins when the rest is odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CropCentre {
    /// `floor((side - crop) / 2)`, as transformers crops; padding is `ceil` of the half before the picture.
    Floor,
    /// Halves go to the even number, as torchvision and open_clip crop; padding is `floor` before the picture.
    HalfEven,
}

/// What is cut out of the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crop {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Where the middle is.
    pub centre: CropCentre,
}

/// Everything that is done to a picture: resize, crop or pad with 0, then `(value * factor - mean) / std`.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// First step.
    pub resize: Resize,
    /// Second step.
    pub crop: Option<Crop>,
    /// Kernel of the first step.
    pub filter: ResizeFilter,
    /// From a byte to a number, usually 1 / 255.
    pub factor: f64,
    /// Taken away, one per channel.
    pub mean: [f32; CHANNELS],
    /// Divided by, one per channel.
    pub std: [f32; CHANNELS],
}

impl Recipe {
    /// Reads `preprocessor_config.json` of a folder, or else what `processor_config.json` says of pictures, where
    /// transformers 5 writes it.
    ///
    /// # Errors
    /// When there is none of them, it is not JSON, or asks for something that no supported model needs.
    pub fn open(folder: &ModelDir) -> Result<Self, TowerError> {
        if folder.has(PREPROCESSOR_CONFIG) || !folder.has(PROCESSOR_CONFIG) {
            return Self::parse(&folder.read(PREPROCESSOR_CONFIG)?);
        }
        let json = json::parse(PROCESSOR_CONFIG, &folder.read(PROCESSOR_CONFIG)?, &json::CONFIG)?;
        Self::of(&json["image_processor"]).map_err(|error| match error {
            TowerError::Weights { reason, .. } => TowerError::file(PROCESSOR_CONFIG, reason),
            other => other,
        })
    }

    /// Reads `preprocessor_config.json`. What is left out is what transformers assumes for CLIP and SigLIP.
    ///
    /// # Errors
    /// When it is not JSON, or asks for something that no supported model needs.
    pub fn parse(bytes: &[u8]) -> Result<Self, TowerError> {
        Self::of(&json::parse(PREPROCESSOR_CONFIG, bytes, &json::CONFIG)?)
    }

    fn of(json: &Value) -> Result<Self, TowerError> {
        let does = |key: &str| json[key].as_bool().unwrap_or(true);
        // A processor without the key (SigLIP, ViT) does not crop.
        let crops = json["do_center_crop"].as_bool().unwrap_or(!json["crop_size"].is_null());
        let crop = crops.then(|| sides("crop_size", &json["crop_size"])).transpose()?;
        let resize = if does("do_resize") { size(&json["size"], crops)? } else { Resize::Keep };
        let filter = match json["resample"].as_u64() {
            Some(2) => ResizeFilter::Bilinear,
            Some(3) | None => ResizeFilter::Bicubic,
            Some(other) => return Err(invalid(format!("resample {other} is not supported (2 and 3 are)"))),
        };
        let (mean, std) = if does("do_normalize") {
            (triple("image_mean", &json["image_mean"])?, triple("image_std", &json["image_std"])?)
        } else {
            ([0.0; CHANNELS], [1.0; CHANNELS])
        };
        let factor = if does("do_rescale") { json["rescale_factor"].as_f64().unwrap_or(1.0 / 255.0) } else { 1.0 };
        let crop = crop.map(|(width, height)| Crop { width, height, centre: CropCentre::Floor });
        Self { resize, crop, filter, factor, mean, std }.checked(PREPROCESSOR_CONFIG)
    }

    /// Reads `preprocess_cfg` of an `open_clip_config.json`.
    ///
    /// # Errors
    /// When it asks for something that no supported model needs.
    pub fn parse_open_clip(json: &Value) -> Result<Self, TowerError> {
        let (width, height) = sides("size", &json["size"])?;
        let (resize, crop) = match json["resize_mode"].as_str() {
            Some("squash") => (Resize::Squash(width, height), None),
            Some("shortest") | None if width == height => {
                (Resize::Shorter(width), Some(Crop { width, height, centre: CropCentre::HalfEven }))
            }
            other => return Err(invalid(format!("resize_mode {other:?} to {width} x {height} is not supported"))),
        };
        let filter = match json["interpolation"].as_str() {
            Some("bilinear") => ResizeFilter::Bilinear,
            Some("bicubic") | None => ResizeFilter::Bicubic,
            Some(other) => return Err(invalid(format!("interpolation {other} is not supported"))),
        };
        let (mean, std) = (triple("mean", &json["mean"])?, triple("std", &json["std"])?);
        Self { resize, crop, filter, factor: 1.0 / 255.0, mean, std }.checked("open_clip_config.json")
    }

    fn checked(self, file: &str) -> Result<Self, TowerError> {
        let complain = |reason: &str| Err(TowerError::file(file, reason));
        if self.crop.is_none() && !matches!(self.resize, Resize::Squash(..)) {
            return complain("images would have no common size: it neither crops nor sets height and width");
        }
        if self.mean.iter().any(|m| !m.is_finite()) || self.std.iter().any(|s| !s.is_normal()) {
            return complain("a mean is not finite, or a standard deviation is zero");
        }
        if self.factor.is_normal() { Ok(self) } else { complain("rescale_factor is zero") }
    }

    /// This recipe, when it makes pictures of `side` x `side`; `file` is named in the error.
    ///
    /// # Errors
    /// When it makes others.
    pub fn of_size(self, file: &str, side: usize) -> Result<Self, TowerError> {
        let (width, height) = self.size();
        if (width, height) == (side, side) {
            return Ok(self);
        }
        let reason = format!("it makes images of {width} x {height}, but the model takes {side} x {side}");
        Err(TowerError::file(file, reason))
    }

    /// Width and height of every prepared picture.
    pub fn size(&self) -> (usize, usize) {
        match (self.crop, self.resize) {
            (Some(crop), _) => (crop.width, crop.height),
            (None, Resize::Squash(width, height)) => (width, height),
            // `checked` lets no such recipe pass.
            (None, _) => (0, 0),
        }
    }

    /// The numbers of the picture, plane by plane: `[3, height, width]`.
    pub fn prepare(&self, picture: &Picture) -> Vec<f32> {
        let (rgb, tables) = (self.pixels(picture), self.tables());
        let plane = |c: usize| rgb.iter().skip(c).step_by(CHANNELS).map(move |v| (c, usize::from(*v)));
        (0..CHANNELS).flat_map(plane).map(|(c, v)| tables[c][v]).collect()
    }

    /// The numbers of the picture, pixel by pixel: `[height, width, 3]`.
    pub fn prepare_channels_last(&self, picture: &Picture) -> Vec<f32> {
        let (rgb, tables) = (self.pixels(picture), self.tables());
        rgb.iter().enumerate().map(|(i, v)| tables[i % CHANNELS][usize::from(*v)]).collect()
    }

    /// What becomes of each byte, one table per channel.
    fn tables(&self) -> [[f32; 256]; CHANNELS] {
        std::array::from_fn(|c| {
            // In double, then single precision, as numpy does it in transformers.
            std::array::from_fn(|v| ((v as f64 * self.factor) as f32 - self.mean[c]) / self.std[c])
        })
    }

    /// The bytes before the last step, RGB, row by row.
    pub fn pixels(&self, picture: &Picture) -> Vec<u8> {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let (width, height) = match self.resize {
            Resize::Keep => (width, height),
            Resize::Squash(width, height) => (width, height),
            Resize::Shorter(size) if width <= height => (size, height * size / width),
            Resize::Shorter(size) => (width * size / height, size),
        };
        let Some(crop) = self.crop else {
            return resize(picture, (width, 0..width), (height, 0..height), self.filter);
        };
        let (columns, left) = crop.centre.window(width, crop.width);
        let (rows, above) = crop.centre.window(height, crop.height);
        let line = columns.len() * CHANNELS;
        let cut = resize(picture, (width, columns), (height, rows), self.filter);
        if cut.len() == crop.width * crop.height * CHANNELS {
            return cut;
        }
        let mut out = vec![0; crop.width * crop.height * CHANNELS];
        for (row, to) in cut.chunks_exact(line).zip(out.chunks_exact_mut(crop.width * CHANNELS).skip(above)) {
            to[left * CHANNELS..][..line].copy_from_slice(row);
        }
        out
    }
}

impl CropCentre {
    /// The middle `crop` of `side` positions, and how many zeros come before it where the side is shorter.
    fn window(self, side: usize, crop: usize) -> (Range<usize>, usize) {
        let (rest, lack) = (side.saturating_sub(crop), crop.saturating_sub(side));
        let (first, before) = match self {
            Self::Floor => (rest / 2, lack.div_ceil(2)),
            // 0.5 -> 0, 1.5 -> 2, 2.5 -> 2
            Self::HalfEven => (rest / 2 + usize::from(rest % 4 == 3), lack / 2),
        };
        (first..first + side.min(crop), before)
    }
}

/// `size` in its old and new spellings. A bare number means the shorter edge where a crop follows, else a square.
fn size(json: &Value, crops: bool) -> Result<Resize, TowerError> {
    if !json["longest_edge"].is_null() {
        return Err(invalid("size.longest_edge is not supported".to_owned()));
    }
    if !json["shortest_edge"].is_null() {
        return Ok(Resize::Shorter(side("size.shortest_edge", &json["shortest_edge"])?));
    }
    if crops && json.is_number() {
        return Ok(Resize::Shorter(side("size", json)?));
    }
    sides("size", json).map(|(width, height)| Resize::Squash(width, height))
}

/// Width and height, from a number, `[height, width]`, or `{"height", "width"}`.
fn sides(name: &str, json: &Value) -> Result<(usize, usize), TowerError> {
    match json {
        Value::Number(_) => side(name, json).map(|side| (side, side)),
        Value::Array(list) if list.len() == 2 => Ok((side(name, &json[1])?, side(name, &json[0])?)),
        _ => Ok((side(&format!("{name}.width"), &json["width"])?, side(&format!("{name}.height"), &json["height"])?)),
    }
}

fn side(name: &str, json: &Value) -> Result<usize, TowerError> {
    let side = json.as_u64().filter(|side| (1..=MAX_SIDE).contains(side));
    let side = side.ok_or_else(|| invalid(format!("{name} is {json}, not a number of pixels from 1 to {MAX_SIDE}")))?;
    Ok(side as usize)
}

fn triple(name: &str, json: &Value) -> Result<[f32; CHANNELS], TowerError> {
    let number = |i: usize| json[i].as_f64().map(|v| v as f32);
    match (number(0), number(1), number(2)) {
        (Some(red), Some(green), Some(blue)) => Ok([red, green, blue]),
        _ => Err(invalid(format!("{name} is {json}, not three numbers"))),
    }
}

fn invalid(reason: String) -> TowerError {
    TowerError::file(PREPROCESSOR_CONFIG, reason)
}
