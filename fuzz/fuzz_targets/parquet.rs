//! Parquet files, by rows and by columns. The first byte chooses which, and from which row on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vicinity_core::Part;
use vicinity_media::{Content, ReadOptions, open, read_part};

/// Rows that are read: few bytes can stand for a million equal ones.
const MAX_ROWS: usize = 2000;

fuzz_target!(|data: &[u8]| {
    vicinity_fuzz::end_at_own_panics();
    let Some((choice, bytes)) = data.split_first() else { return };
    let path = vicinity_fuzz::file("x.parquet", bytes);
    if choice & 12 == 12 {
        let _row = read_part(&path, Part::Row(u32::from(choice >> 4) + 1));
        return;
    }
    let options = ReadOptions { rows: true, texts_only: choice & 1 > 0, ..ReadOptions::default() };
    let Ok(mut file) = open(&path) else { return };
    if file.fill().is_err() {
        return;
    }
    if let Ok(Some((_, Content::Rows(rows)))) = file.content(&path, &options) {
        vicinity_fuzz::table(rows, choice & 2 > 0, MAX_ROWS);
    }
});
