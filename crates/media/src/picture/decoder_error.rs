//! What a decoder's error means.

use std::io;

use image::{ImageError, ImageFormat};

use crate::error::PictureError;

/// The error for the user; what the decoder says itself goes to the log. `cut`: the file is known to lack its end.
pub fn of(error: &ImageError, format: ImageFormat, cut: bool) -> PictureError {
    log::debug!("could not decode an image: {error}");
    match error {
        ImageError::Limits(_) => PictureError::TooMuchMemory,
        ImageError::Unsupported(_) => PictureError::Unsupported { format: format.into() },
        _ if cut || is_end_of_file(error) => PictureError::CutShort,
        _ => PictureError::Damaged { format: format.into() },
    }
}

fn is_end_of_file(error: &(dyn std::error::Error + 'static)) -> bool {
    let is_end = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
    if let Some(ImageError::IoError(error)) = error.downcast_ref() {
        return is_end(error);
    }
    error.downcast_ref().is_some_and(is_end) || error.source().is_some_and(is_end_of_file)
}
