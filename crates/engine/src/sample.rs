//! The sample collection, carried in the program: about forty rendered pictures and as many notes.
//!
//! It does not depend on where the program was installed; it is written to a folder of the program's own before it is opened.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

static SAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../assets/sample");

/// Writes the collection to `data_dir/Sample collection`, where it is not there yet, and returns that folder.
///
/// # Errors
/// When the folder cannot be written.
pub fn unpack(data_dir: &Path) -> io::Result<PathBuf> {
    let folder = data_dir.join("Sample collection");
    fs::create_dir_all(&folder)?;
    write_missing(&SAMPLE, &folder)?;
    Ok(folder)
}

fn write_missing(from: &Dir<'_>, to: &Path) -> io::Result<()> {
    for dir in from.dirs() {
        fs::create_dir_all(to.join(dir.path()))?;
        write_missing(dir, to)?;
    }
    for file in from.files() {
        let path = to.join(file.path());
        // A file cut short by a power failure has another length; it is written again.
        if fs::metadata(&path).is_ok_and(|m| m.len() == file.contents().len() as u64) {
            continue;
        }
        fs::write(path, file.contents())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacks_once_and_mends_what_was_cut_short() {
        let data = tempfile::tempdir().unwrap();
        let folder = unpack(data.path()).unwrap();
        let picture = folder.join("golf_ball_on_tee.jpg");
        let whole = fs::read(&picture).unwrap();
        assert!(folder.join("notes/putting.txt").is_file());

        let before = fs::metadata(folder.join("notes/putting.txt")).unwrap().modified().unwrap();
        fs::write(&picture, &whole[..100]).unwrap();
        unpack(data.path()).unwrap();
        assert_eq!(fs::read(&picture).unwrap(), whole);
        assert_eq!(fs::metadata(folder.join("notes/putting.txt")).unwrap().modified().unwrap(), before);
    }
}
