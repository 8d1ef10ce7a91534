//! Documents in ZIP containers: DOCX, ODT, EPUB. The first byte chooses the name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vicinity_media::{ReadOptions, read};

const NAMES: [&str; 4] = ["x.docx", "x.odt", "x.epub", "x"];

fuzz_target!(|data: &[u8]| {
    vicinity_fuzz::end_at_own_panics();
    if let Some((path, bytes)) = vicinity_fuzz::named(data, &NAMES) {
        let _content_or_error = read(path, bytes, &ReadOptions::default());
    }
});
