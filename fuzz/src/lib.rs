//! What the fuzz targets share.

use std::backtrace::Backtrace;
use std::collections::BTreeSet;
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, OnceLock, PoisonError};

use vicinity_core::table::TableBuilder;
use vicinity_media::TableRows;

/// From now on only a panic in the code of this project ends the run. Decoders of others may panic: the readers catch that,
/// and it costs one file. The places where they do are printed once.
pub fn end_at_own_panics() {
    static ONCE: Once = Once::new();
    static FOREIGN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    ONCE.call_once(|| {
        // In place of the fuzzer's, which ends the run at any panic.
        std::panic::set_hook(Box::new(|panic| {
            if is_own(panic) {
                eprintln!("{panic}\n{}", Backtrace::force_capture());
                std::process::abort();
            }
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            if FOREIGN.lock().unwrap_or_else(PoisonError::into_inner).insert(place) {
                eprintln!("not ours, and caught: {panic}");
            }
        }));
    });
}

fn is_own(panic: &PanicHookInfo<'_>) -> bool {
    let Some(file) = panic.location().map(|place| place.file().replace('\\', "/")) else { return true };
    if !(file.contains("/rustc/") || file.contains("library/")) {
        return is_own_file(&file);
    }
    // The standard library panicked for whoever called it.
    let calls = Backtrace::force_capture().to_string();
    let files = calls.lines().filter_map(|line| line.trim().strip_prefix("at "));
    let callers = files.skip_while(|file| !file.contains("panicking.rs"));
    let is_library = |file: &str| file.contains("/rustc/") || file.contains("/library/");
    callers.into_iter().find(|file| !is_library(file)).is_some_and(is_own_file)
}

fn is_own_file(file: &str) -> bool {
    !file.contains("registry") && (file.contains("crates/") || file.contains("fuzz"))
}

/// A file name with one of these endings, chosen by the first byte of the input, and the rest of the input.
pub fn named<'a>(data: &'a [u8], endings: &[&'static str]) -> Option<(&'static Path, &'a [u8])> {
    let (first, rest) = data.split_first()?;
    let name = endings.get(usize::from(*first) % endings.len())?;
    Some((Path::new(*name), rest))
}

/// A file of this name with these bytes, for what is read from files alone. The next call replaces it.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = base.join(format!("vicinity-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for files");
        folder
    });
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("a file");
    path
}

/// Reads at most `most` rows of a table, or of `cells` its columns and their types: how many rows there were.
pub fn table(rows: TableRows, cells: bool, most: usize) -> usize {
    if !cells {
        return rows.take(most).count();
    }
    let (mut rows, mut builder, mut count) = (rows.with_cells(), TableBuilder::default(), 0);
    while count < most
        && let Some(row) = rows.next()
    {
        count += 1;
        for column in rows.columns().iter().skip(builder.added()) {
            builder.add_column(&column.name, column.kind);
        }
        if let Ok(row) = row {
            row.cells.iter().for_each(|(column, text)| builder.push(row.number, *column, text));
        }
    }
    let format = rows.format();
    let table = builder.finish(format);
    for row in 1..=table.rows().min(100) {
        let _cells = table.cells(row as u32).count();
    }
    for column in &table.columns {
        let _limits = (column.kind(), column.values().limits());
    }
    count
}
