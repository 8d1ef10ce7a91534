//! Tables: detection of separators and headers, all rows, and the types of their columns. The first byte chooses the name,
//! and whether it is read from a file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vicinity_media::{Content, ReadOptions, open, read};

const NAMES: [&str; 4] = ["x.csv", "x.tsv", "x.tab", "x.jsonl"];

fuzz_target!(|data: &[u8]| {
    vicinity_fuzz::end_at_own_panics();
    let Some((path, bytes)) = vicinity_fuzz::named(data, &NAMES) else { return };
    let options = ReadOptions { rows: true, ..ReadOptions::default() };
    let content = if data.first().is_some_and(|choice| choice & 128 > 0) {
        let path = vicinity_fuzz::file(&path.to_string_lossy(), bytes);
        let Ok(mut file) = open(&path) else { return };
        let filled = file.fill();
        filled.and_then(|()| file.content(&path, &options)).map(|content| content.map(|(_, content)| content))
    } else {
        read(path, bytes, &options)
    };
    if let Ok(Some(Content::Rows(rows))) = content {
        // No row without a byte of its own: nothing here may go on for ever.
        let most = bytes.len() + 1;
        assert!(vicinity_fuzz::table(rows, true, most + 1) <= most);
    }
});
