//! The metadata of a file as they are stored in it.

use std::borrow::Cow;

/// The most bytes of one block that is put together or inflated.
pub const MAX_BLOCK: usize = 16 << 20;

/// The metadata of a file, as bytes.
#[derive(Debug, Default)]
pub struct Blocks<'a> {
    /// Blocks that are small TIFF files.
    pub exif: Vec<Cow<'a, [u8]>>,
    /// XMP packets.
    pub xmp: Vec<Cow<'a, [u8]>>,
    /// Records of IPTC-IIM.
    pub iptc: Vec<Cow<'a, [u8]>>,
    /// The texts of PNG.
    pub png_texts: Vec<PngText>,
    /// Width and height as stored.
    pub pixels: Option<[u32; 2]>,
}

/// A text of a PNG file.
#[derive(Debug)]
pub struct PngText {
    /// What it is.
    pub keyword: &'static str,
    /// What it says.
    pub text: String,
}
