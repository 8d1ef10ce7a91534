//! Reads the columns of tables whose rows are items.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::file_content::{self, check_regular_file};
use crate::library::Library;
use crate::scan;
use crate::store::{ReadTable, StoreError, TableFile, TableFiles};
use vicinity_core::Table;
use vicinity_core::table::{TableBuilder, TableOptions};
use vicinity_core::worker::catch_panic;
use vicinity_media::{Content, ReadOptions, TableRows};

/// Columns are stored, and shown, this often while tables are read.
const INTERVAL: Duration = Duration::from_secs(1);

/// How tables are read.
fn options(tables: TableOptions) -> ReadOptions {
    ReadOptions { rows: true, tables, pages: false, texts_only: true }
}

/// Finds the tables whose columns are missing or outdated, reads them, and stores their columns. `shown` is called after a
/// snapshot with more columns was published, `progress` with the number of tables that were read, and that of those to be
/// read.
///
/// # Errors
/// When the library cannot be read or written.
pub fn fill(
    library: &Library,
    cancelled: &AtomicBool,
    shown: &dyn Fn(),
    progress: &dyn Fn(u64, u64),
) -> Result<(), StoreError> {
    let snapshot = library.snapshot();
    let mut files = TableFiles::open(&snapshot.parts().library)?;
    let (mut known, mut outdated) = (Vec::new(), Vec::new());
    while let Some(page) = files.next_page()? {
        if cancelled.load(Ordering::Relaxed) {
            return Ok(());
        }
        for file in page {
            match (file.is_current, snapshot.tables().get(&file.path)) {
                (true, Some(_)) => {}
                (true, None) => known.push(file),
                (false, _) => outdated.push(file),
            }
        }
    }
    let options = options(library.import_options().tables);
    let (total, mut stored, mut read) = (outdated.len() as u64, Instant::now(), Vec::new());
    for (done, file) in (1..).zip(outdated) {
        let Some(table) = read_table(&file, &options, cancelled) else {
            if cancelled.load(Ordering::Relaxed) {
                break;
            }
            continue;
        };
        read.push(ReadTable { file, table: Arc::new(table) });
        if stored.elapsed() >= INTERVAL {
            library.put_tables(&std::mem::take(&mut read), &std::mem::take(&mut known))?;
            shown();
            progress(done, total);
            stored = Instant::now();
        }
    }
    if !(read.is_empty() && known.is_empty()) {
        library.put_tables(&read, &known)?;
        shown();
    }
    Ok(())
}

/// The columns of a table; `None` if it is not as the last import found it, or the work was cancelled. What cannot be read has
/// none, until it changes.
fn read_table(file: &TableFile, options: &ReadOptions, cancelled: &AtomicBool) -> Option<Table> {
    check_regular_file(&file.path).ok()?;
    scan::candidate(file.path.clone()).ok().filter(|now| now.stamp().matches(file.stamp))?;
    let columns = catch_panic(|| match file_content::open(&file.path, options.clone()) {
        Ok(Content::Rows(rows)) => columns(rows, cancelled),
        _ => Some(Table::default()),
    });
    columns.unwrap_or_else(|reason| {
        log::warn!("the columns of {} could not be read: {reason}", file.path.display());
        Some(Table::default())
    })
}

/// The columns of a file that need not be in a library, read as `tables` say.
///
/// # Errors
/// When the file cannot be read.
pub fn of_file(path: &Path, tables: TableOptions) -> Result<Option<Table>, file_content::FileContentError> {
    match file_content::open(path, options(tables))? {
        Content::Rows(rows) => Ok(columns(rows, &AtomicBool::new(false))),
        Content::Image { .. } | Content::Text(_) | Content::Parts(_) => Ok(None),
    }
}

fn columns(rows: TableRows, cancelled: &AtomicBool) -> Option<Table> {
    let (mut rows, mut builder) = (rows.with_cells(), TableBuilder::default());
    while let Some(row) = rows.next() {
        if cancelled.load(Ordering::Relaxed) {
            return None;
        }
        add_columns(&mut builder, &rows);
        let Ok(row) = row else { continue };
        row.cells.iter().for_each(|(column, text)| builder.push(row.number, *column, text));
    }
    add_columns(&mut builder, &rows);
    let format = rows.format();
    Some(builder.finish(format))
}

fn add_columns(builder: &mut TableBuilder, rows: &TableRows) {
    for column in rows.columns().iter().skip(builder.added()) {
        builder.add_column(&column.name, column.kind);
    }
}
