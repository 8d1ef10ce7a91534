//! Vectors and positions that people bring: NumPy files, fields of JSON lines, tables. The first byte chooses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vicinity_media::npy::NpyRows;
use vicinity_media::{VectorColumn, read_positions};

/// Rows that are read.
const MAX_ROWS: u64 = 200;

fuzz_target!(|data: &[u8]| {
    vicinity_fuzz::end_at_own_panics();
    let Some((choice, bytes)) = data.split_first() else { return };
    match choice % 4 {
        0 => matrix(bytes),
        1 => column(bytes),
        2 => positions("x.npy", bytes),
        _ => positions("x.csv", bytes),
    }
});

fn matrix(bytes: &[u8]) {
    let Ok(mut matrix) = NpyRows::open(&vicinity_fuzz::file("v.npy", bytes)) else { return };
    let (rows, columns) = (matrix.rows(), matrix.columns());
    for row in (0..rows.min(MAX_ROWS)).chain(rows.checked_sub(1)) {
        assert_eq!(matrix.row(row).map(|row| row.len()), Ok(columns), "the length was checked");
    }
    assert!(matrix.row(rows).is_err() && matrix.row(u64::MAX).is_err());
}

fn column(bytes: &[u8]) {
    let Ok(mut column) = VectorColumn::open(&vicinity_fuzz::file("v.jsonl", bytes), "v") else { return };
    let mut rows = 0;
    while let Ok(Some(_)) = column.next_row() {
        rows += 1;
    }
    assert!(rows <= bytes.len(), "each row has a byte of its own");
}

fn positions(name: &str, bytes: &[u8]) {
    if let Ok(positions) = read_positions(&vicinity_fuzz::file(name, bytes)) {
        assert!(positions.iter().flatten().all(|place| place.is_finite()));
    }
}
