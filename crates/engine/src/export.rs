//! Writes vectors and the list of items for other programs, rows in the same order.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use super::Snapshot;
use super::output_files::{self, OutputError};
use vicinity_core::atomic_file::AtomicFile;
use vicinity_core::path_bytes::{path_bytes, path_text};
use vicinity_core::{LabelledItems, Part};

/// Writes a `.npy` file (format 1.0, little-endian f32, rows first) and a `.csv` file beside it; either both are there
/// afterwards or neither was touched. Items without a vector are left out of both. Returns the number of rows.
///
/// # Errors
/// When a file cannot be written.
pub fn write(snapshot: &Snapshot, vectors: &Path, items: &Path) -> Result<usize, OutputError> {
    write_labelled(snapshot, None, vectors, items)
}

/// The same, with the labels that were given to items.
///
/// # Errors
/// When a file cannot be written.
pub fn write_labelled(
    snapshot: &Snapshot,
    labels: Option<&LabelledItems>,
    vectors: &Path,
    items: &Path,
) -> Result<usize, OutputError> {
    output_files::check(snapshot, &[vectors, items])?;
    let rows: Vec<usize> = (0..snapshot.len()).filter(|row| snapshot.unit(*row).is_some()).collect();
    let npy = |file: &mut AtomicFile| {
        write_npy(file, rows.len(), snapshot.dim(), rows.iter().filter_map(|row| snapshot.unit(*row)))
    };
    let npy = draft(vectors, npy)?;
    let csv = draft(items, |file| write_items(snapshot, labels, &rows, file).map_err(io::Error::other))?;
    npy.commit().map_err(|error| OutputError::io(vectors, &error))?;
    csv.commit().map_err(|error| OutputError::io(items, &error))?;
    Ok(rows.len())
}

/// Whether the names of both files end as their formats do.
///
/// # Errors
/// When a file cannot be written.
pub fn check_names(vectors: &Path, items: &Path) -> Result<(), OutputError> {
    for (path, extension, content) in [(vectors, "npy", "Vectors are"), (items, "csv", "The list of items is")] {
        if !path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension)) {
            return Err(OutputError::WrongExtension { path: path.to_owned(), content, extension });
        }
    }
    Ok(())
}

fn draft(path: &Path, fill: impl FnOnce(&mut AtomicFile) -> io::Result<()>) -> Result<AtomicFile, OutputError> {
    let write = || {
        let mut file = AtomicFile::create(path)?;
        fill(&mut file)?;
        Ok(file)
    };
    write().map_err(|error| OutputError::io(path, &error))
}

fn write_npy<'a>(
    file: &mut AtomicFile,
    rows: usize,
    dim: usize,
    vectors: impl Iterator<Item = Cow<'a, [f32]>>,
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
        for value in vector.iter() {
            file.write_all(&value.to_le_bytes())?;
        }
    }
    file.flush()
}

/// A column `path_bytes` is added if a path is not valid text.
fn write_items(
    snapshot: &Snapshot,
    labels: Option<&LabelledItems>,
    rows: &[usize],
    file: &mut AtomicFile,
) -> Result<(), csv::Error> {
    let label = |id| {
        let labels = labels?;
        let score = labels.best.get(&id)?;
        Some((labels.set.labels.get(score.label)?.clone(), score.score.to_string()))
    };
    let items = || rows.iter().filter_map(|row| snapshot.item(*row));
    let exact = items().any(|item| path_bytes(&item.path).is_some());
    let mut table = csv::Writer::from_writer(file);
    let columns = [
        "id",
        "path",
        "row",
        "modality",
        "bytes",
        "width",
        "height",
        "snippet",
        "label",
        "label_score",
        "page",
        "seconds",
        "frame",
    ];
    table.write_record(columns.into_iter().chain(exact.then_some("path_bytes")))?;
    for item in items() {
        let side = |at: usize| item.pixels.map(|pixels| pixels[at].to_string()).unwrap_or_default();
        let (label, score) = label(item.id).unwrap_or_default();
        let fields = [
            item.id.0.to_string(),
            path_text(&item.path),
            item.part.and_then(Part::row).map(|row| row.to_string()).unwrap_or_default(),
            item.modality.as_str().to_owned(),
            item.bytes.to_string(),
            side(0),
            side(1),
            item.snippet.as_deref().unwrap_or_default().to_owned(),
            label,
            score,
            item.part.and_then(Part::page).map(|page| page.to_string()).unwrap_or_default(),
            item.part.and_then(Part::seconds).map(|seconds| seconds.to_string()).unwrap_or_default(),
            item.part.and_then(Part::frame).map(|frame| frame.to_string()).unwrap_or_default(),
        ];
        table.write_record(fields.into_iter().chain(exact.then(|| path_bytes(&item.path).unwrap_or_default())))?;
    }
    table.flush()?;
    Ok(())
}
