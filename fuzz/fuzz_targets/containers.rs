//! Parsers of picture files without decoders of pixels: boxes of HEIF, JPEG XL and JPEG 2000, directories of TIFF and raw
//! photos, Photoshop, icons, segments of JPEG, chunks of PNG and WebP; and what tells formats.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    vicinity_fuzz::end_at_own_panics();
    vicinity_media::fuzzing::containers(data);
});
