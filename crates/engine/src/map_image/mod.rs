//! A map as a picture, for programs without a window: points, the names of clusters with pictures, and a legend.
//!
//! The window's map is drawn elsewhere, on the graphics card; where names stand is found by the same code.

mod categories;
mod palette;
mod raster;
mod sheet;
mod svg;
mod text;

use std::io::Cursor;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageEncoder, ImageFormat};

use super::output_files::{self, OutputError, by_extension};
pub use categories::{MapCategories, MapCategory, MapColouring};
pub use palette::{MapPalette, css};
use sheet::MapSheet;
pub use sheet::{ImageOptions, MapDrawing, placed};
pub use text::escaped;
use vicinity_core::atomic_file;
use vicinity_core::{Modality, Picture};

/// What a map is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapFormat {
    /// Pixels.
    Picture(ImageFormat),
    /// SVG.
    Drawing,
    /// A web page that is one file; written by [`map_report`](super::map_report).
    Report,
}

/// Formats by the ending of the file's name.
const FORMATS: [(&str, MapFormat); 10] = [
    ("png", MapFormat::Picture(ImageFormat::Png)),
    ("jpg", MapFormat::Picture(ImageFormat::Jpeg)),
    ("jpeg", MapFormat::Picture(ImageFormat::Jpeg)),
    ("webp", MapFormat::Picture(ImageFormat::WebP)),
    ("bmp", MapFormat::Picture(ImageFormat::Bmp)),
    ("tif", MapFormat::Picture(ImageFormat::Tiff)),
    ("tiff", MapFormat::Picture(ImageFormat::Tiff)),
    ("svg", MapFormat::Drawing),
    ("html", MapFormat::Report),
    ("htm", MapFormat::Report),
];
/// Of JPEG: points have sharp edges, which less shows as a haze.
const QUALITY: u8 = 95;
/// The most points that are elements of a drawing; more become a picture within it, which viewers can still show.
const MAX_CIRCLES: usize = 50_000;

/// The format that the name of a file asks for.
///
/// # Errors
/// When it names none that is known; the message lists all formats.
pub fn format_of(path: &Path) -> Result<MapFormat, OutputError> {
    by_extension(path, &FORMATS)
}

/// Draws the map.
///
/// # Errors
/// A sentence, when names and legend cannot be drawn.
pub fn render(map: &MapDrawing<'_>, options: &ImageOptions) -> Result<Picture, String> {
    raster::render(&MapSheet::new(map, options))
}

/// Draws the map into a file, in the format that its name asks for.
///
/// # Errors
/// When the name asks for no picture, the file would replace one of the collection or cannot be written, or drawing was cancelled.
pub fn write(map: &MapDrawing<'_>, options: &ImageOptions, path: &Path) -> Result<(), OutputError> {
    output_files::check(map.snapshot, &[path])?;
    let failed = |reason: String| OutputError::Write { path: path.to_owned(), reason };
    let bytes = match format_of(path)? {
        MapFormat::Picture(format) => {
            let picture = render(map, options).map_err(failed)?;
            encode(&picture, format).map_err(|error| failed(error.to_string()))?
        }
        MapFormat::Drawing => drawing(&MapSheet::new(map, options)).map_err(|error| failed(error.to_string()))?,
        MapFormat::Report => return Err(failed("a web page cannot be written as an image".to_owned())),
    };
    if !(map.go_on)() {
        return Err(OutputError::Cancelled);
    }
    atomic_file::write(path, &bytes).map_err(|error| OutputError::io(path, &error))
}

fn drawing(sheet: &MapSheet) -> image::ImageResult<Vec<u8>> {
    let points = if sheet.points.len() <= MAX_CIRCLES {
        svg::circles(sheet)
    } else {
        svg::picture_of_points(sheet, &encode(&raster::points(sheet), ImageFormat::Png)?)
    };
    Ok(svg::document(sheet, &points).into_bytes())
}

fn encode(picture: &Picture, format: ImageFormat) -> image::ImageResult<Vec<u8>> {
    let (width, height, rgb) = (picture.width(), picture.height(), image::ExtendedColorType::Rgb8);
    let mut bytes = Cursor::new(Vec::new());
    match format {
        ImageFormat::Jpeg => {
            JpegEncoder::new_with_quality(&mut bytes, QUALITY).write_image(picture.rgb(), width, height, rgb)?;
        }
        format => image::write_buffer_with_format(&mut bytes, picture.rgb(), width, height, rgb, format)?,
    }
    Ok(bytes.into_inner())
}

const _: () = assert!(Modality::ALL.len() == 2, "a colour for each modality");
