//! Pictures that are decoded in the program itself, whole: parsers, decoders, colours.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use vicinity_media::{Content, ReadOptions, read};

fuzz_target!(|data: &[u8]| {
    vicinity_fuzz::end_at_own_panics();
    if let Ok(Some(Content::Image { picture, original })) = read(Path::new("x"), data, &ReadOptions::default()) {
        assert!(picture.width().max(picture.height()) <= 2048 && original.iter().all(|side| *side > 0));
    }
});
