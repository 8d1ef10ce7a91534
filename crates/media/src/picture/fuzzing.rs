//! The parsers of picture files, run by the programs in `fuzz/` alone.

use image::ImageFormat;

use super::{container::Container, *};
use crate::fuzzing::drain;

/// Pages of a TIFF file that are looked at.
const MAX_PAGES: u32 = 4;

/// Runs all parsers of containers over the bytes, whatever they are.
pub fn parse(bytes: &[u8]) {
    const COMMON: [ImageFormat; 5] =
        [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Bmp];
    for format in COMMON {
        // A parser that finds its own first bytes missing has nothing to say about the rest.
        if let Ok(container) = open(bytes, format) {
            drain(container.pieces);
        }
    }
    for page in 1..=tiff::page_count(bytes).min(MAX_PAGES) {
        if let Ok(Container { pieces, .. }) = tiff::open_page(bytes, page) {
            drain(pieces);
        }
    }
    if let Ok(jpeg) = jpeg::open(bytes) {
        let _size = (jpeg.size(), jpeg.needed(), jpeg.samples(), jpeg.is_ink());
        drain(jpeg.container.pieces);
    }
    let _sizes = (jpeg::size(bytes), png::size(bytes), psd::size(bytes), jxl::size(bytes), heif::glance(bytes));
    let _icon = (icon::size(bytes), containers::bmp_size(bytes));
    let _jp2 = jp2::size(bytes).map(jp2::needed);
    if let Some(preview) = raw::preview(bytes) {
        assert!(jpeg::size(preview.jpeg).is_some(), "a preview has a size");
    }
    let _raw = raw::glance(bytes);
    for format in heif::format(bytes).into_iter().chain([PictureFormat::Heic]) {
        parse_heif(bytes, format);
    }
    // It has no other decoder than the one here.
    let _picture = psd::decode(bytes);
}

fn parse_heif(bytes: &[u8], format: PictureFormat) {
    let Ok(heif) = heif::open(bytes, format) else { return };
    let _needed = heif_needed(&heif);
    let _profile = heif::profile(&heif.file);
    for id in &heif.coded {
        let _known = (heif::alpha_of(&heif.file, *id), heif::code_points(&heif.file, *id));
    }
}
