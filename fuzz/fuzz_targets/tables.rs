//! Tables: detection of separators and headers, and all rows. The first byte chooses the name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vicinity_media::{Content, ReadOptions, read};

const NAMES: [&str; 4] = ["x.csv", "x.tsv", "x.tab", "x.jsonl"];

fuzz_target!(|data: &[u8]| {
    vicinity_fuzz::end_at_own_panics();
    let Some((path, bytes)) = vicinity_fuzz::named(data, &NAMES) else { return };
    let options = ReadOptions { rows: true, ..ReadOptions::default() };
    if let Ok(Some(Content::Rows(rows))) = read(path, bytes, &options) {
        // No row without a byte of its own: nothing here may go on for ever.
        assert!(rows.take(bytes.len() + 2).count() <= bytes.len() + 1);
    }
});
