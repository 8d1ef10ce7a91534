//! Writes vectors and the list of items for other programs, rows in the same order.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::Snapshot;

/// Writes a `.npy` file (format 1.0, little-endian f32, rows first) and a `.csv` file beside it.
/// Items without a vector are left out of both. Returns the number of rows.
///
/// # Errors
/// A sentence that names the file.
pub fn write(snapshot: &Snapshot, vectors: &Path, items: &Path) -> Result<usize, String> {
    let rows: Vec<usize> = (0..snapshot.len()).filter(|row| snapshot.unit(*row).is_some()).collect();
    write_npy(vectors, rows.len(), snapshot.dim(), rows.iter().filter_map(|row| snapshot.unit(*row)))
        .map_err(|error| format!("{} could not be written: {error}", vectors.display()))?;
    write_items(snapshot, &rows, items)
        .map_err(|error| format!("{} could not be written: {error}", items.display()))?;
    Ok(rows.len())
}

fn write_npy<'a>(
    path: &Path,
    rows: usize,
    dim: usize,
    vectors: impl Iterator<Item = Cow<'a, [f32]>>,
) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
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

fn write_items(snapshot: &Snapshot, rows: &[usize], path: &Path) -> Result<(), csv::Error> {
    let mut table = csv::Writer::from_path(path)?;
    table.write_record(["id", "path", "row", "modality", "bytes", "width", "height", "snippet"])?;
    for item in rows.iter().filter_map(|row| snapshot.item(*row)) {
        let side = |at: usize| item.pixels.map(|pixels| pixels[at].to_string()).unwrap_or_default();
        table.write_record([
            item.id.0.to_string(),
            item.path.display().to_string(),
            item.row.map(|row| row.to_string()).unwrap_or_default(),
            item.modality.word().to_owned(),
            item.bytes.to_string(),
            side(0),
            side(1),
            item.snippet.as_deref().unwrap_or_default().to_owned(),
        ])?;
    }
    table.flush()?;
    Ok(())
}
