//! Small JSON files of a library, each with a checksum: a damaged one is reported, never taken for what was written.

use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How a file with a checksum begins; it stands there, hexadecimal, and the line ends with [`END`].
const BEGIN: &str = "{\n  \"checksum\": \"";
/// What follows the checksum.
const END: &str = "\",\n";

/// What was found in a file.
#[derive(Debug)]
pub enum Checked<T> {
    /// There is no file.
    Missing,
    /// What was written.
    Valid(T),
    /// Something else than was written, or a file that cannot be read: a sentence.
    Damaged(String),
}

impl<T> Checked<T> {
    /// The value, where it is there and whole.
    pub fn valid(self) -> Option<T> {
        match self {
            Self::Valid(value) => Some(value),
            Self::Missing | Self::Damaged(_) => None,
        }
    }
}

/// Reads a file. Those of earlier versions have no checksum.
pub fn read<T: DeserializeOwned>(path: &Path) -> Checked<T> {
    let damaged = |why: &dyn std::fmt::Display| Checked::Damaged(format!("{} is damaged ({why})", path.display()));
    let text = match std::fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => return damaged(&error.utf8_error()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Checked::Missing,
        Err(error) => return damaged(&error),
    };
    let guarded = text.strip_prefix(BEGIN).and_then(|rest| rest.split_once(END));
    let json = match guarded {
        None => text,
        Some((sum, rest)) => {
            let json = format!("{{\n{rest}");
            if checksum(&json) != sum {
                return damaged(&"its checksum differs");
            }
            json
        }
    };
    match serde_json::from_str(&json) {
        Ok(value) => Checked::Valid(value),
        Err(error) => damaged(&error),
    }
}

/// Writes an object; a reader sees a whole file or none.
///
/// # Errors
/// When the folder cannot be written.
fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_string_pretty(value)?;
    let text = match json.strip_prefix("{\n") {
        Some(rest) => format!("{BEGIN}{}{END}{rest}", checksum(&json)),
        None => json,
    };
    vicinity_core::atomic_file::write(path, text.as_bytes())
}

/// Writes an object, or removes the file if there is none.
///
/// # Errors
/// When the folder cannot be written.
pub fn save(path: &Path, value: Option<&impl Serialize>) -> io::Result<()> {
    match value {
        Some(value) => write(path, value),
        None => match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}

fn checksum(json: &str) -> String {
    blake3::hash(json.as_bytes()).to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_changed_byte_is_noticed_and_files_of_earlier_versions_are_read() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("note.json");
        let value: BTreeMap<String, f32> = [("one".to_owned(), 0.1), ("two".to_owned(), 1.5e-7)].into();
        assert!(matches!(read::<BTreeMap<String, f32>>(&path), Checked::Missing));
        write(&path, &value).expect("written");
        assert_eq!(read(&path).valid(), Some(value.clone()));
        let bytes = std::fs::read(&path).expect("there");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            std::fs::write(&path, changed).expect("written");
            let found: Checked<BTreeMap<String, f32>> = read(&path);
            assert!(found.valid().is_none_or(|found| found == value), "byte {at}");
        }
        std::fs::write(&path, r#"{"one":0.1,"two":1.5e-7}"#).expect("written");
        assert_eq!(read(&path).valid(), Some(value));
    }
}
