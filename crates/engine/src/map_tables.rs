//! A map as a table for other programs: the position of each item, or its clusters.

use std::io;
use std::path::Path;

use super::map_image::placed;
use super::output_files::{OutputError, by_extension};
use super::snapshot::Snapshot;
use vicinity_core::atomic_file::AtomicFile;
use vicinity_core::path_bytes::{path_bytes, path_text};
use vicinity_core::{Axis, Clusters, Item, Layout};
use vicinity_layout::LEVELS;

/// Formats of tables, and what parts their fields.
const TABLES: [(&str, u8); 3] = [("csv", b','), ("tsv", b'\t'), ("tab", b'\t')];

/// Whether the name of a file names a format of tables.
///
/// # Errors
/// When it does not; the message lists all formats.
pub fn check(path: &Path) -> Result<(), OutputError> {
    by_extension(path, &TABLES).map(drop)
}

/// Writes `path,modality,x,y`, one line per item that has a position; rows of a table as `path:row`. A column
/// `path_bytes` is added if a path is not valid text. Fields are separated by tabs in a `.tsv` or `.tab` file.
///
/// # Errors
/// When the file cannot be written.
pub fn write_positions(snapshot: &Snapshot, layout: &Layout, path: &Path) -> Result<(), OutputError> {
    let columns = ["x", "y"].map(str::to_owned);
    let rows = || placed(snapshot, layout).filter_map(|(row, pos)| Some((snapshot.item(row)?, pos)));
    write_table(path, &columns, rows, |pos| vec![pos.x.to_string(), pos.y.to_string()])
}

/// Writes `path,modality,cluster_0,name_0,cluster_1,name_1,cluster_2,name_2`: the clusters of each item, from the coarsest, by their
/// place in [`Clusters::all`]. Otherwise as [`write_positions`].
///
/// # Errors
/// When the file cannot be written.
pub fn write_clusters(snapshot: &Snapshot, clusters: &Clusters, path: &Path) -> Result<(), OutputError> {
    let columns: Vec<String> =
        (0..LEVELS).flat_map(|level| [format!("cluster_{level}"), format!("name_{level}")]).collect();
    let at_level = |row: usize, level: usize| {
        // The coarsest cluster is the last; one that is not divided stands for several levels.
        let at = clusters.of_row(row).find(|at| usize::from(clusters.all[*at as usize].levels.0) <= level);
        let name = at.and_then(|at| clusters.all[at as usize].name()).unwrap_or_default().to_owned();
        [at.map(|at| at.to_string()).unwrap_or_default(), name]
    };
    let rows = || snapshot.items().zip(0..clusters.of_rows.len());
    write_table(path, &columns, rows, |row| (0..LEVELS).flat_map(|level| at_level(row, level)).collect())
}

/// Writes `path,modality,x,y`: the value of each item on both axes, dates as `2023-06-14T12:00:00`; empty where it is not known.
/// Otherwise as [`write_positions`].
///
/// # Errors
/// When the file cannot be written.
pub fn write_axes(snapshot: &Snapshot, axes: &[Axis; 2], path: &Path) -> Result<(), OutputError> {
    let columns = ["x", "y"].map(str::to_owned);
    let rows = || snapshot.items().zip(0..axes[0].values.len());
    write_table(path, &columns, rows, |row| axes.iter().map(|axis| axis.text(row).unwrap_or_default()).collect())
}

/// Writes path and modality of items, and what `fields` says of each in `columns`.
fn write_table<'a, T, I: Iterator<Item = (&'a Item, T)>>(
    path: &Path,
    columns: &[String],
    rows: impl Fn() -> I,
    fields: impl Fn(T) -> Vec<String>,
) -> Result<(), OutputError> {
    let delimiter = by_extension(path, &TABLES)?;
    let exact = rows().any(|(item, _)| path_bytes(&item.path).is_some());
    let fill = |file: &mut AtomicFile| -> Result<(), csv::Error> {
        let mut table = csv::WriterBuilder::new().delimiter(delimiter).from_writer(file);
        let columns = ["path", "modality"].into_iter().chain(columns.iter().map(String::as_str));
        table.write_record(columns.chain(exact.then_some("path_bytes")))?;
        for (item, of_item) in rows() {
            let first = [address(item), item.modality.as_str().to_owned()];
            let last = exact.then(|| path_bytes(&item.path).unwrap_or_default());
            table.write_record(first.into_iter().chain(fields(of_item)).chain(last))?;
        }
        Ok(table.flush()?)
    };
    let write = || -> Result<(), io::Error> {
        let mut file = AtomicFile::create(path)?;
        fill(&mut file).map_err(io::Error::other)?;
        file.commit()
    };
    write().map_err(|error| OutputError::io(path, &error))
}

fn address(item: &Item) -> String {
    let path = path_text(&item.path);
    match item.part {
        Some(part) => format!("{path}{part}"),
        None => path,
    }
}
