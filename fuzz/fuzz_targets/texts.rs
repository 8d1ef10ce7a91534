//! Texts: encodings, web pages, RTF, mail, subtitles, logs. The first byte chooses the name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vicinity_media::{ReadOptions, read};

const NAMES: [&str; 8] = ["x.txt", "x.html", "x.rtf", "x.eml", "x.srt", "x.vtt", "x.xml", "x.log"];

fuzz_target!(|data: &[u8]| {
    vicinity_fuzz::end_at_own_panics();
    if let Some((path, bytes)) = vicinity_fuzz::named(data, &NAMES) {
        let _content_or_error = read(path, bytes, &ReadOptions::default());
    }
});
