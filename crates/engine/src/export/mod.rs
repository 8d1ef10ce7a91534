//! Writes vectors and lists of items for other programs, rows in the same order, and copies files.

mod copy;
mod item_table;
mod parquet_file;

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use super::Snapshot;
use super::output_files::{self, OutputError, by_extension};
pub use copy::{CopyReport, copy_files};
pub use item_table::ExportedItems;
use vicinity_core::LabelledItems;
use vicinity_core::atomic_file::AtomicFile;

/// What a list of items is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListFormat {
    Csv,
    Parquet,
}

const LISTS: [(&str, ListFormat); 2] = [("csv", ListFormat::Csv), ("parquet", ListFormat::Parquet)];

/// Writes a `.npy` file (format 1.0, little-endian f32, rows first) and a `.csv` file beside it; either both are there
/// afterwards or neither was touched. Items without a vector are left out of both; `labels` are those given to items. Returns the number of rows.
///
/// # Errors
/// When a file cannot be written.
pub fn write_labelled(
    snapshot: &Snapshot,
    labels: Option<&LabelledItems>,
    vectors: &Path,
    items: &Path,
) -> Result<usize, OutputError> {
    let rows: Vec<usize> = (0..snapshot.len()).collect();
    write_items(
        &ExportedItems { snapshot, rows: &rows, labels, scores: None, go_on: &|| true },
        Some(vectors),
        Some(items),
    )
}

/// Writes vectors of items as `.npy`, and a list of them as `.csv` or `.parquet`; either all files are there afterwards or none was
/// touched. With vectors, items that have none are left out of both. Returns the number of rows.
///
/// # Errors
/// When a file cannot be written.
pub fn write_items(
    export: &ExportedItems<'_>,
    vectors: Option<&Path>,
    list: Option<&Path>,
) -> Result<usize, OutputError> {
    check_names(vectors, list)?;
    let snapshot = export.snapshot;
    output_files::check(snapshot, &vectors.into_iter().chain(list).collect::<Vec<_>>())?;
    let is_wanted = |row: usize| row < snapshot.len() && (vectors.is_none() || snapshot.unit(row).is_some());
    let kept: Vec<usize> = (0..export.rows.len()).filter(|at| is_wanted(export.rows[*at])).collect();
    let rows: Vec<usize> = kept.iter().map(|at| export.rows[*at]).collect();
    let scores =
        export.scores.map(|scores| kept.iter().filter_map(|at| scores.get(*at).copied()).collect::<Vec<f32>>());
    let table = ExportedItems { rows: &rows, scores: scores.as_deref(), ..*export };
    let npy = |path: &Path| {
        let vectors = rows.iter().filter_map(|row| snapshot.unit(*row));
        draft(path, |file| write_npy(file, rows.len(), snapshot.dim(), vectors, export.go_on))
    };
    let listed = |path: &Path| match by_extension(path, &LISTS)? {
        ListFormat::Csv => draft(path, |file| table.write_csv(file)),
        ListFormat::Parquet => draft(path, |file| parquet_file::write(&table, file)),
    };
    let drafts = [vectors.map(npy).transpose()?.zip(vectors), list.map(listed).transpose()?.zip(list)];
    for (draft, path) in drafts.into_iter().flatten() {
        draft.commit().map_err(|error| OutputError::io(path, &error))?;
    }
    Ok(rows.len())
}

/// Whether the names of both files end as their formats do.
///
/// # Errors
/// When one does not.
pub fn check_names(vectors: Option<&Path>, list: Option<&Path>) -> Result<(), OutputError> {
    let is_npy = |path: &Path| path.extension().is_some_and(|found| found.eq_ignore_ascii_case("npy"));
    if let Some(path) = vectors.filter(|path| !is_npy(path)) {
        return Err(OutputError::WrongExtension { path: path.to_owned(), content: "Vectors are", extension: "npy" });
    }
    list.map_or(Ok(()), |path| by_extension(path, &LISTS).map(drop))
}

fn draft(path: &Path, fill: impl FnOnce(&mut AtomicFile) -> io::Result<()>) -> Result<AtomicFile, OutputError> {
    let write = || {
        let mut file = AtomicFile::create(path)?;
        fill(&mut file)?;
        Ok(file)
    };
    write().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::Interrupted => OutputError::Cancelled,
        _ => OutputError::io(path, &error),
    })
}

fn write_npy<'a>(
    file: &mut AtomicFile,
    rows: usize,
    dim: usize,
    vectors: impl Iterator<Item = Cow<'a, [f32]>>,
    go_on: &dyn Fn() -> bool,
) -> io::Result<()> {
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dim}), }}");
    // magic, version and length take 10 bytes; all of the header together a multiple of 64, ended by a line break
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header.extend(std::iter::repeat_n(' ', padded - header.len() - 1));
    header.push('\n');
    file.write_all(b"\x93NUMPY\x01\x00")?;
    file.write_all(&(padded as u16).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    for vector in vectors {
        item_table::check_cancelled(go_on)?;
        for value in vector.iter() {
            file.write_all(&value.to_le_bytes())?;
        }
    }
    file.flush()
}
