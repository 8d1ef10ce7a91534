//! Tables with vectors of their own.

use std::path::{Path, PathBuf};

/// Writes a NumPy matrix of `f32`.
pub fn matrix(path: &Path, rows: &[Vec<f32>]) {
    let columns = rows.first().map_or(1, Vec::len);
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {columns}), }}\n", rows.len());
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(rows.iter().flatten().flat_map(|v| v.to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
}

/// A table of `rows` texts, and vectors that point further round a circle from row to row: row n is most similar to its
/// neighbours. Every text is there twice.
pub fn circle(folder: &Path, rows: usize) -> [PathBuf; 2] {
    let [table, vectors] = ["table.csv", "v.npy"].map(|name| folder.join(name));
    let lines: Vec<String> = (0..rows).map(|row| format!("note {}", row / 2)).collect();
    std::fs::write(&table, format!("text\n{}\n", lines.join("\n"))).unwrap();
    matrix(&vectors, &points(rows, 1.0));
    [table, vectors]
}

/// Points on an arc, `step` tenths of a radian apart, at different distances from its centre.
pub fn points(rows: usize, step: f32) -> Vec<Vec<f32>> {
    let at = |row: usize| {
        let (angle, distance) = (row as f32 * step / 10.0, 1.0 + row as f32);
        vec![distance * angle.cos(), distance * angle.sin(), 0.0]
    };
    (0..rows).map(at).collect()
}
