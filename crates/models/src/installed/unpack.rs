//! Unpacks archives of models: zip, tar, and tar packed by gzip, recognised by their first bytes.
//!
//! Nothing in an archive is trusted: a path that could lead out of the folder, or a link, refuses the whole archive;
//! bytes are counted as they are unpacked, whatever sizes the archive declares.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::EntryType;

use super::error::ImportError;
use super::model_store::is_inside;
use crate::local::torch;

/// The most entries of an archive.
const MAX_ENTRIES: usize = 10_000;
/// The most folders deep that a file of a model can be.
const MAX_DEPTH: usize = 4;
/// Bytes of an entry that describes the next one: its name, its times.
const MAX_EXTENSION_BYTES: u64 = 64 << 10;
/// Weights shrink by a tenth when packed; what grows a hundredfold is made to fill a disk.
const MAX_GROWTH: u64 = 100;
/// Bytes that may be unpacked whatever the length of the archive.
const ALWAYS_ALLOWED: u64 = 64 << 20;
/// Larger than any model that this program knows.
const MAX_BYTES: u64 = 32 << 30;

/// Whether a file belongs to a model; everything else in a folder or an archive is left alone.
pub fn is_wanted(path: &Path) -> bool {
    let named = |name: &std::ffi::OsStr| !name.to_string_lossy().starts_with('.');
    let kind = path.extension().is_some_and(|e| ["json", "safetensors", "txt", "model"].iter().any(|k| e == *k));
    kind && path.iter().all(named) && path.iter().count() <= MAX_DEPTH && !path.starts_with("__MACOSX")
}

/// Unpacks what belongs to a model into `into`, at most `free` bytes.
///
/// # Errors
/// When it is no archive, holds something that a model does not, or is too large.
pub fn unpack(archive: &Path, into: &Path, free: u64) -> Result<(), ImportError> {
    let unreadable = |source| ImportError::Io { path: archive.to_owned(), source };
    let mut file = File::open(archive).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let mut budget = Budget { left: MAX_BYTES.min(length.saturating_mul(MAX_GROWTH).max(ALWAYS_ALLOWED)).min(free) };
    let mut head = [0; 4];
    let n = file.read(&mut head).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    match head.get(..n).unwrap_or_default() {
        [b'P', b'K', 3, 4] => unzip(file, into, &mut budget),
        [0x1f, 0x8b, ..] => untar(MultiGzDecoder::new(BufReader::new(file)), into, &mut budget),
        _ => untar(BufReader::new(file), into, &mut budget),
    }
}

/// Bytes that may still be unpacked.
struct Budget {
    left: u64,
}

impl Budget {
    fn pass(&mut self, from: &mut impl Read, to: &mut impl io::Write) -> Result<(), ImportError> {
        let copied = io::copy(&mut from.take(self.left.saturating_add(1)), to)?;
        self.left = self.left.checked_sub(copied).ok_or(ImportError::TooLarge)?;
        Ok(())
    }
}

/// Where an entry goes below `into`; `None` for one that does not belong to a model.
fn target(into: &Path, name: &str) -> Result<Option<PathBuf>, ImportError> {
    let mut plain = name;
    while let Some(rest) = plain.strip_prefix("./") {
        plain = rest;
    }
    let path = Path::new(plain.trim_end_matches('/'));
    // `\` and `:` lead elsewhere on Windows.
    if !is_inside(path) && !matches!(plain, "" | ".") || plain.contains(['\\', ':', '\0']) {
        return Err(ImportError::PathOutside { name: name.to_owned() });
    }
    Ok(is_wanted(path).then(|| into.join(path)))
}

fn write(target: &Path, content: &mut impl Read, budget: &mut Budget) -> Result<(), ImportError> {
    let failed = |source| ImportError::Io { path: target.to_owned(), source };
    fs::create_dir_all(target.parent().unwrap_or(target)).map_err(failed)?;
    let mut file = File::create_new(target).map_err(failed)?;
    budget.pass(content, &mut file)?;
    file.sync_all().map_err(failed)
}

fn unzip(file: File, into: &Path, budget: &mut Budget) -> Result<(), ImportError> {
    // The list of files is read as a whole.
    torch::small_directory(&file, MAX_ENTRIES as u64).map_err(|reason| ImportError::Damaged { reason })?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
    if archive.len() > MAX_ENTRIES {
        return Err(ImportError::TooManyFiles);
    }
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?.into_owned();
        if entry.is_symlink() {
            return Err(ImportError::Link { name });
        }
        let target = target(into, &name)?;
        if let Some(target) = target.filter(|_| !entry.is_dir()) {
            write(&target, &mut entry, budget)?;
        }
    }
    Ok(())
}

fn untar(packed: impl Read, into: &Path, budget: &mut Budget) -> Result<(), ImportError> {
    // What is skipped is unpacked too, so the whole stream is bounded.
    let mut archive = tar::Archive::new(packed.take(budget.left.saturating_add(1 << 20)));
    // Raw: the library would read names and attributes of any length into memory.
    let entries = archive.entries()?.raw(true);
    let mut named: Option<String> = None;
    for (at, entry) in entries.enumerate() {
        let mut entry = entry.map_err(damaged)?;
        if at >= MAX_ENTRIES {
            return Err(ImportError::TooManyFiles);
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
            _ => return Err(ImportError::Link { name: name(&entry) }),
        }
    }
    Ok(())
}

/// The content of an entry that describes the next one.
fn extension(entry: &mut impl Read) -> Result<Vec<u8>, ImportError> {
    let mut bytes = Vec::new();
    entry.take(MAX_EXTENSION_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_EXTENSION_BYTES {
        return Err(ImportError::Damaged { reason: "it contains a name that is too long".to_owned() });
    }
    Ok(bytes)
}

/// The name in a GNU entry, which ends with a zero.
fn long_name(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// The name in POSIX attributes, if any.
fn attributes(bytes: &[u8]) -> Result<Option<String>, ImportError> {
    let mut name = None;
    for attribute in tar::PaxExtensions::new(bytes) {
        let attribute = attribute.map_err(damaged)?;
        match attribute.key_bytes() {
            b"path" => name = Some(String::from_utf8_lossy(attribute.value_bytes()).into_owned()),
            // Of files above 8 GiB, whose length does not fit into their own entry.
            b"size" => return Err(ImportError::LargeFile),
            key if key.starts_with(b"GNU.sparse") => return Err(ImportError::SparseFile),
            _ => {}
        }
    }
    Ok(name)
}

fn damaged(error: impl std::fmt::Display) -> ImportError {
    ImportError::Damaged { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_out_of_the_archive_are_refused() {
        let into = Path::new("/m");
        let found = |name: &str| target(into, name).expect("inside");
        assert_eq!(found("./a/config.json"), Some(into.join("a/config.json")));
        assert_eq!((found("a/notes.md"), found("./")), (None, None));
        for bad in ["../config.json", "/config.json", "a/../../config.json", "..\\config.json", "C:config.json"] {
            assert!(matches!(target(into, bad), Err(ImportError::PathOutside { .. })), "{bad}");
        }
    }
}
