//! Archives of models: zip, tar, and tar packed by gzip, told apart by their first bytes.
//!
//! Nothing in an archive is trusted: a path that could lead out of the folder, or a link, refuses the whole archive;
//! bytes are counted as they come out, whatever the archive says of its sizes.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::EntryType;

use super::model_store::is_inside;
use crate::local::torch;

/// The most entries of an archive.
const MOST_ENTRIES: usize = 10_000;
/// The most folders deep that a file of a model lies.
const DEEPEST: usize = 4;
/// Bytes that an entry says of the next one: its name, its times.
const LONGEST_EXTENSION: u64 = 64 << 10;
/// Weights shrink by a tenth when packed; what grows a hundredfold is made to fill a disk.
const MOST_GROWTH: u64 = 100;
const ALWAYS_ALLOWED: u64 = 64 << 20;
/// Larger than any model that this program knows.
const MOST_BYTES: u64 = 32 << 30;

/// Whether a file belongs to a model; everything else in a folder or an archive is left alone.
pub fn is_wanted(path: &Path) -> bool {
    let named = |name: &std::ffi::OsStr| !name.to_string_lossy().starts_with('.');
    let kind = path.extension().is_some_and(|e| ["json", "safetensors", "txt", "model"].iter().any(|k| e == *k));
    kind && path.iter().all(named) && path.iter().count() <= DEEPEST && !path.starts_with("__MACOSX")
}

/// Unpacks what belongs to a model into `into`, at most `room` bytes.
///
/// # Errors
/// A part of a sentence.
pub fn unpack(archive: &Path, into: &Path, room: u64) -> Result<(), String> {
    let mut file = File::open(archive).map_err(|e| e.to_string())?;
    let length = file.metadata().map_err(|e| e.to_string())?.len();
    let mut budget = Budget { left: MOST_BYTES.min(length.saturating_mul(MOST_GROWTH).max(ALWAYS_ALLOWED)).min(room) };
    let mut head = [0; 4];
    let n = file.read(&mut head).map_err(|e| e.to_string())?;
    file.rewind().map_err(|e| e.to_string())?;
    match head.get(..n).unwrap_or_default() {
        [b'P', b'K', 3, 4] => unzip(file, into, &mut budget),
        [0x1f, 0x8b, ..] => untar(MultiGzDecoder::new(BufReader::new(file)), into, &mut budget),
        _ => untar(BufReader::new(file), into, &mut budget),
    }
}

/// Bytes that may still come out.
struct Budget {
    left: u64,
}

impl Budget {
    fn pass(&mut self, from: &mut impl Read, to: &mut impl io::Write) -> Result<(), String> {
        let copied = io::copy(&mut from.take(self.left.saturating_add(1)), to).map_err(|e| e.to_string())?;
        self.left =
            self.left.checked_sub(copied).ok_or("it contains more than a model can, or than there is space for")?;
        Ok(())
    }
}

/// The place of an entry below `into`; `None` for one that is not wanted.
fn target(into: &Path, name: &str) -> Result<Option<PathBuf>, String> {
    let mut plain = name;
    while let Some(rest) = plain.strip_prefix("./") {
        plain = rest;
    }
    let path = Path::new(plain.trim_end_matches('/'));
    // `\` and `:` lead elsewhere on Windows
    if !is_inside(path) && !matches!(plain, "" | ".") || plain.contains(['\\', ':', '\0']) {
        return Err(format!("the archive contains a path outside it: {name:?}"));
    }
    Ok(is_wanted(path).then(|| into.join(path)))
}

fn write(target: &Path, content: &mut impl Read, budget: &mut Budget) -> Result<(), String> {
    let complain = |e: io::Error| format!("{}: {e}", target.display());
    fs::create_dir_all(target.parent().unwrap_or(target)).map_err(complain)?;
    let mut file = File::create_new(target).map_err(complain)?;
    budget.pass(content, &mut file)?;
    file.sync_all().map_err(complain)
}

fn unzip(file: File, into: &Path, budget: &mut Budget) -> Result<(), String> {
    // the list of files is read as a whole
    torch::small_directory(&file, MOST_ENTRIES as u64)?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|e| e.to_string())?;
    if archive.len() > MOST_ENTRIES {
        return Err("it contains too many files".to_owned());
    }
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).map_err(|e| e.to_string())?;
        let name = entry.name().map_err(|e| e.to_string())?.into_owned();
        if entry.is_symlink() {
            return Err(format!("the archive contains a link: {name:?}"));
        }
        let target = target(into, &name)?;
        if let Some(target) = target.filter(|_| !entry.is_dir()) {
            write(&target, &mut entry, budget)?;
        }
    }
    Ok(())
}

fn untar(packed: impl Read, into: &Path, budget: &mut Budget) -> Result<(), String> {
    // what is skipped is unpacked too, so the whole stream is bounded
    let mut archive = tar::Archive::new(packed.take(budget.left.saturating_add(1 << 20)));
    // read as they are: the library would take names and attributes of any length into memory
    let entries = archive.entries().map_err(|e| e.to_string())?.raw(true);
    let mut named: Option<String> = None;
    for (at, entry) in entries.enumerate() {
        let mut entry = entry.map_err(|e| format!("it is not a readable archive ({e})"))?;
        if at >= MOST_ENTRIES {
            return Err("it contains too many files".to_owned());
        }
        let name = |entry: &tar::Entry<'_, _>| String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        match entry.header().entry_type() {
            EntryType::GNULongName => named = Some(long_name(&extension(&mut entry)?)),
            EntryType::XHeader => named = attributes(&extension(&mut entry)?)?.or(named),
            EntryType::Regular | EntryType::Continuous => {
                let name = named.take().unwrap_or_else(|| name(&entry));
                if let Some(target) = target(into, &name)? {
                    write(&target, &mut entry, budget)?;
                }
            }
            EntryType::Directory => drop(target(into, &named.take().unwrap_or_else(|| name(&entry)))?),
            EntryType::XGlobalHeader => {}
            _ => return Err(format!("the archive contains a link or a device: {:?}", name(&entry))),
        }
    }
    Ok(())
}

/// What an entry says of the next one.
fn extension(entry: &mut impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    entry.take(LONGEST_EXTENSION + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > LONGEST_EXTENSION {
        return Err("it contains a name that is too long".to_owned());
    }
    Ok(bytes)
}

/// The name in a GNU entry, which ends with a zero.
fn long_name(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// The name in POSIX attributes, where there is one.
fn attributes(bytes: &[u8]) -> Result<Option<String>, String> {
    let mut name = None;
    for attribute in tar::PaxExtensions::new(bytes) {
        let attribute = attribute.map_err(|e| format!("it is not a readable archive ({e})"))?;
        match attribute.key_bytes() {
            b"path" => name = Some(String::from_utf8_lossy(attribute.value_bytes()).into_owned()),
            // of files above 8 GiB, whose length does not fit into their own entry
            b"size" => return Err("it contains a file above 8 GiB; unpack it and import the folder".to_owned()),
            key if key.starts_with(b"GNU.sparse") => return Err("it contains a sparse file".to_owned()),
            _ => {}
        }
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_out_of_the_archive_are_refused() {
        let into = Path::new("/m");
        assert_eq!(target(into, "./a/config.json"), Ok(Some(into.join("a/config.json"))));
        assert_eq!(target(into, "a/notes.md"), Ok(None));
        assert_eq!(target(into, "./"), Ok(None));
        for bad in ["../config.json", "/config.json", "a/../../config.json", "..\\config.json", "C:config.json"] {
            assert!(target(into, bad).is_err(), "{bad}");
        }
    }
}
