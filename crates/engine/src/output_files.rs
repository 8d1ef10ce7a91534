//! What may be written for the user where: never over a file of the collection, never into the library, never two files
//! under one name.

use std::path::Path;

use super::Snapshot;
use vicinity_core::atomic_file::{is_same, target};

/// Refuses files that would be lost or would destroy something, before any of them is written.
///
/// # Errors
/// A message that names the file.
pub fn check(snapshot: &Snapshot, outputs: &[&Path]) -> Result<(), String> {
    for (at, output) in outputs.iter().enumerate() {
        check_target(output)?;
        for other in &outputs[..at] {
            if is_same(output, other).unwrap_or(false) {
                return Err(format!(
                    "{} and {} are the same file; choose different names",
                    other.display(),
                    output.display()
                ));
            }
        }
        let file = target(output).map_err(|error| write_error(output, &error))?;
        let library = std::fs::canonicalize(&snapshot.parts().library);
        if library.is_ok_and(|library| file.starts_with(library)) {
            return Err(format!("{} is inside the library; choose another folder", output.display()));
        }
        if is_collection_file(snapshot, &file) {
            return Err(format!("{} is a file of the collection; choose another name", output.display()));
        }
    }
    Ok(())
}

/// Refuses a place where no file can be written: without a folder, or where something else is.
///
/// # Errors
/// A message that names the file.
pub fn check_target(output: &Path) -> Result<(), String> {
    let file = target(output).map_err(|error| write_error(output, &error))?;
    match std::fs::metadata(&file) {
        Ok(found) if found.is_dir() => Err(format!("{} is a folder; pass a file name", output.display())),
        Ok(found) if !found.is_file() => {
            Err(format!("{} is a device, pipe or socket; pass a file name", output.display()))
        }
        _ => Ok(()),
    }
}

/// Why a file could not be written.
pub fn write_error(output: &Path, error: &std::io::Error) -> String {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
    match (error.kind(), folder) {
        (std::io::ErrorKind::NotFound, Some(folder)) if !folder.is_dir() => {
            format!(
                "could not write {}: the folder {} does not exist; create it first",
                output.display(),
                folder.display()
            )
        }
        _ => format!("{} could not be written: {error}", output.display()),
    }
}

/// Whether a file, with its links resolved, is one that items were made of.
fn is_collection_file(snapshot: &Snapshot, file: &Path) -> bool {
    let named = |path: &Path| path.file_name() == file.file_name();
    snapshot
        .items()
        .any(|item| named(&item.path) && (*item.path == *file || is_same(&item.path, file).unwrap_or(false)))
}
