//! Which dropped files can be searched with, as far as their names tell.

use std::path::Path;

const IMAGE_EXTENSIONS: [&str; 20] = [
    "jpg", "jpeg", "png", "gif", "webp", "bmp", "tif", "tiff", "tga", "ico", "exr", "hdr", "qoi", "dds", "ff", "pbm",
    "pgm", "ppm", "pnm", "jfif",
];

/// By its name: only a hint for what to offer; what a file is, its content decides later.
pub fn has_image_extension(path: &Path) -> bool {
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    ending.is_some_and(|e| IMAGE_EXTENSIONS.contains(&e.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_tell_pictures_from_folders_and_texts() {
        assert!(has_image_extension(Path::new("/a/Dog.JPG")));
        assert!(!has_image_extension(Path::new("/a/photos")) && !has_image_extension(Path::new("/a/notes.txt")));
    }
}
