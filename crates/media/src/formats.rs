//! The names of formats.

use image::ImageFormat;

/// The format of a picture file that is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureFormat {
    /// One that the `image` crate decodes.
    Common(ImageFormat),
    /// HEIF with HEVC pictures: photos of phones.
    Heic,
    /// HEIF with AV1 pictures.
    Avif,
    /// JPEG XL.
    JpegXl,
    /// JPEG 2000, in boxes or as a bare stream.
    Jpeg2000,
    /// Photoshop files with a merged picture.
    Photoshop,
    /// Drawings of lines and areas.
    Svg,
    /// A camera's raw photo, of which the preview within is shown.
    Raw,
}

impl PictureFormat {
    /// Its name in sentences.
    pub fn name(self) -> &'static str {
        match self {
            Self::Common(format) => common_name(format),
            Self::Heic => "HEIC",
            Self::Avif => "AVIF",
            Self::JpegXl => "JPEG XL",
            Self::Jpeg2000 => "JPEG 2000",
            Self::Photoshop => "PSD",
            Self::Svg => "SVG",
            Self::Raw => "raw photo",
        }
    }
}

/// A format of documents or pictures that is recognised but not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnreadFormat {
    /// Name of its files, in the plural.
    pub name: &'static str,
    /// Whether it is a document rather than a picture.
    pub is_document: bool,
}

impl From<ImageFormat> for PictureFormat {
    fn from(format: ImageFormat) -> Self {
        Self::Common(format)
    }
}

fn common_name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Gif => "GIF",
        ImageFormat::WebP => "WebP",
        ImageFormat::Pnm => "PNM",
        ImageFormat::Tiff => "TIFF",
        ImageFormat::Tga => "TGA",
        ImageFormat::Dds => "DDS",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Ico => "ICO",
        ImageFormat::Hdr => "HDR",
        ImageFormat::OpenExr => "OpenEXR",
        ImageFormat::Farbfeld => "farbfeld",
        ImageFormat::Qoi => "QOI",
        _ => "image data",
    }
}
