//! Copies files of the collection into a folder. Nothing is overwritten, and the files themselves are only read.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::output_files::OutputError;
use crate::snapshot::Snapshot;
use vicinity_core::Failure;

/// Bytes that are copied before it is asked whether to go on.
const STEP: u64 = 16 << 20;
/// How often another name is tried for one file.
const MAX_NAMES: u32 = 100_000;

/// What came of copying.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyReport {
    /// Files copied.
    pub copied: usize,
    /// How many of these have another name than before, since theirs was taken.
    pub renamed: usize,
    /// Bytes copied.
    pub bytes: u64,
    /// Files that were not copied, and why.
    pub failures: Vec<Failure>,
    /// Whether copying was cancelled; what was copied stays.
    pub cancelled: bool,
}

/// Copies the files of these rows into a folder, which is created if it does not exist. A file with several items is copied once.
/// `go_on` is asked often, with the number of files done and of all, and ends it with `false`.
///
/// # Errors
/// When the folder cannot be used.
pub fn copy_files(
    snapshot: &Snapshot,
    rows: &[usize],
    folder: &Path,
    mut go_on: impl FnMut(usize, usize) -> bool,
) -> Result<CopyReport, OutputError> {
    let folder = usable_folder(snapshot, folder)?;
    let mut seen = HashSet::new();
    let items = rows.iter().filter_map(|row| snapshot.item(*row));
    let files: Vec<&Path> = items.map(|item| &*item.path).filter(|path| seen.insert(*path)).collect();
    let (mut report, mut names) = (CopyReport::default(), FreeNames::default());
    for (done, file) in files.iter().enumerate() {
        let mut go_on = || go_on(done, files.len());
        if !go_on() {
            report.cancelled = true;
            break;
        }
        match copy(file, &folder, &mut names, &mut go_on) {
            Ok(Some(copy)) => {
                report.copied += 1;
                report.renamed += usize::from(copy.renamed);
                report.bytes += copy.bytes;
            }
            Ok(None) => report.cancelled = true,
            Err(error) => {
                let full = error.kind() == io::ErrorKind::StorageFull;
                report.failures.push(Failure { path: file.to_path_buf(), reason: error.to_string() });
                if full {
                    let rest = files.iter().skip(done + 1);
                    let reason = "not copied: the disk is full";
                    report
                        .failures
                        .extend(rest.map(|path| Failure { path: path.to_path_buf(), reason: reason.to_owned() }));
                    break;
                }
            }
        }
        if report.cancelled {
            break;
        }
    }
    Ok(report)
}

/// The folder, created if it does not exist.
fn usable_folder(snapshot: &Snapshot, folder: &Path) -> Result<PathBuf, OutputError> {
    let path = folder.to_owned();
    if folder.exists() && !folder.is_dir() {
        return Err(OutputError::NotAFolder { path });
    }
    let failed = |error: io::Error| OutputError::io(folder, &error);
    // Nothing is created in the library, not even a folder.
    let absolute = std::path::absolute(folder).map_err(failed)?;
    let there = absolute.ancestors().find_map(|folder| fs::canonicalize(folder).ok());
    let library = fs::canonicalize(&snapshot.parts().library);
    if there.is_some_and(|there| library.is_ok_and(|library| there.starts_with(library))) {
        return Err(OutputError::InLibrary { path });
    }
    fs::create_dir_all(folder).map_err(failed)?;
    fs::canonicalize(folder).map_err(failed)
}

struct CopiedFile {
    renamed: bool,
    bytes: u64,
}

/// `None` if it was cancelled.
fn copy(
    file: &Path,
    folder: &Path,
    names: &mut FreeNames,
    go_on: &mut dyn FnMut() -> bool,
) -> io::Result<Option<CopiedFile>> {
    // A pipe would be waited for.
    let about = fs::metadata(file)?;
    if !about.is_file() {
        return Err(io::Error::other("it is no longer a file"));
    }
    let mut from = File::open(file)?;
    let (mut to, path, renamed) = names.create(file, folder)?;
    let copied = (|| {
        let mut bytes = 0;
        loop {
            match io::copy(&mut (&mut from).take(STEP), &mut to)? {
                0 => break,
                step => bytes += step,
            }
            if !go_on() {
                return Ok(None);
            }
        }
        if let Ok(modified) = about.modified() {
            // Not every file system keeps it.
            let _not_kept = to.set_modified(modified);
        }
        Ok(Some(CopiedFile { renamed, bytes }))
    })();
    if !matches!(copied, Ok(Some(_))) {
        drop(to);
        // It is ours: it did not exist before.
        let _stays = fs::remove_file(&path);
    }
    copied
}

/// Finds names that are not taken in a folder.
#[derive(Default)]
struct FreeNames {
    /// The number to try next for each name, in lower case.
    next: HashMap<String, u32>,
}

impl FreeNames {
    /// Creates a file with the name of another: `a.jpg`, or `a (2).jpg` where that is taken.
    fn create(&mut self, file: &Path, folder: &Path) -> io::Result<(File, PathBuf, bool)> {
        let name = file.file_name().unwrap_or(file.as_os_str());
        let next = self.next.entry(name.to_string_lossy().to_lowercase()).or_insert(1);
        while *next < MAX_NAMES {
            let number = *next;
            *next += 1;
            let path = folder.join(numbered(Path::new(name), number));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(created) => return Ok((created, path, number > 1)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("too many files with this name already exist"))
    }
}

/// `a (2).jpg` of `a.jpg`; the first is unchanged.
fn numbered(name: &Path, number: u32) -> PathBuf {
    if number < 2 {
        return name.to_owned();
    }
    let mut numbered = name.file_stem().unwrap_or(name.as_os_str()).to_owned();
    numbered.push(format!(" ({number})"));
    if let Some(extension) = name.extension() {
        numbered.push(".");
        numbered.push(extension);
    }
    PathBuf::from(numbered)
}
