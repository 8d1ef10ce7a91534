//! The pages of a TIFF file, each of which is an item if that is wanted.

use image::ImageFormat;
use vicinity_core::{ContentHash, Part};

use crate::budget::Reservation;
use crate::error::ReadError;
use crate::formats::PictureFormat;
use crate::guard::guarded;
use crate::parts::{FilePart, PartContent, PartError, Parts};
use crate::picture;

/// The number of pages; `None` for files that are one picture.
pub fn count(bytes: &[u8], format: PictureFormat) -> Option<u32> {
    if format != PictureFormat::Common(ImageFormat::Tiff) {
        return None;
    }
    Some(picture::tiff::page_count(bytes)).filter(|pages| *pages > 1)
}

/// The pages, one by one. `held`: what `bytes` are reserved by.
pub fn parts(bytes: Vec<u8>, held: Option<Reservation<'static>>, pages: u32) -> Parts {
    let file = blake3::hash(&bytes);
    Parts::new((1..=pages).map(move |number| {
        let _held = &held;
        let part = Part::Page(number);
        let content = guarded(|| page(&bytes, number)).map_err(|problem| PartError { part, problem })?;
        let hash = blake3::Hasher::new().update(file.as_bytes()).update(&number.to_le_bytes()).finalize();
        Ok(FilePart { part, hash: ContentHash(*hash.as_bytes()), content })
    }))
}

/// One page.
///
/// # Errors
/// When there is no such page, or it cannot be decoded.
pub fn page(bytes: &[u8], number: u32) -> Result<PartContent, ReadError> {
    let (picture, original) = picture::decode_tiff_page(bytes, number)?;
    Ok(PartContent::Picture { picture, original })
}
