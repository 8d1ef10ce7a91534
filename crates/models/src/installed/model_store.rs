//! The folder of installed models, and the manifest of each.
//!
//! `MODELS/ID/` holds the files and `manifest.json`; without a readable manifest, or with a file missing or of another
//! length, the model is not installed. Files of unfinished downloads are in `MODELS/.partial/ID/`, which becomes
//! `MODELS/ID/` by one rename.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::ModelError;
use crate::catalogue::Terms;
use vicinity_core::atomic_file;

/// Name of the manifest.
pub(super) const MANIFEST: &str = "manifest.json";
const DAMAGED: &str = "manifest.damaged.json";
const PARTIAL: &str = ".partial";
/// Version of the manifest's format.
const FORMAT: u32 = 1;

/// What a model consists of, where it came from, and on which terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the format.
    pub format: u32,
    /// Name of the model and of its folder.
    pub id: String,
    /// Display name.
    pub title: String,
    /// Which weights: the commits, or a hash of the weights where there is no commit.
    pub revision: String,
    /// Repositories and commits; empty for an imported model.
    pub sources: Vec<Origin>,
    /// Name of the licence.
    pub licence: String,
    /// Terms of use; `None` if unknown.
    pub terms: Option<Terms>,
    /// Every file except the manifest.
    pub files: Vec<ListedFile>,
    /// When the manifest was written, RFC 3339.
    pub made: String,
}

/// A repository that files were downloaded from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// `owner/name`.
    pub repo: String,
    /// The commit.
    pub commit: String,
    /// Folder of its files.
    pub folder: String,
}

/// A file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedFile {
    /// Path inside the model's folder, with `/`.
    pub path: String,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 in hex.
    pub sha256: String,
}

impl Manifest {
    /// A manifest without files, in the current format, dated now.
    pub(super) fn new(id: &str, title: &str, licence: &str, terms: Option<Terms>) -> Self {
        Self {
            format: FORMAT,
            id: id.to_owned(),
            title: title.to_owned(),
            revision: String::new(),
            sources: Vec::new(),
            licence: licence.to_owned(),
            terms,
            files: Vec::new(),
            made: jiff::Timestamp::now().to_string(),
        }
    }

    /// Length of all files, bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// One name for all commits of a model.
pub(super) fn revision(sources: &[Origin]) -> String {
    match sources {
        [one] => one.commit.clone(),
        several => several.iter().map(|s| s.commit.get(..12).unwrap_or(&s.commit)).collect::<Vec<_>>().join("+"),
    }
}

/// The folder of installed models.
#[derive(Debug, Clone)]
pub struct ModelStore {
    root: PathBuf,
}

impl ModelStore {
    /// At `root`, which need not exist.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a model.
    pub fn dir(&self, id: &str) -> PathBuf {
        self.root.join(id)
    }

    /// Where the files of a model are collected until all are present. Model names have no `~`, so names with one are free for
    /// other purposes.
    pub(super) fn partial(&self, id: &str) -> PathBuf {
        self.root.join(PARTIAL).join(id)
    }

    /// The manifest of a model whose files all have the recorded length; contents are not read.
    pub fn manifest(&self, id: &str) -> Option<Manifest> {
        let dir = self.dir(id);
        let manifest = read_manifest(&dir.join(MANIFEST))?;
        let is_present = |file: &ListedFile| {
            is_inside(Path::new(&file.path))
                && fs::metadata(dir.join(&file.path)).is_ok_and(|m| m.is_file() && m.len() == file.bytes)
        };
        (manifest.id == id && manifest.files.iter().all(is_present)).then_some(manifest)
    }

    /// Manifests of all installed models, by name.
    pub fn all(&self) -> Vec<Manifest> {
        let Ok(entries) = fs::read_dir(&self.root) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut found: Vec<_> =
            names.filter(|name| is_model_name(name)).filter_map(|name| self.manifest(&name)).collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found
    }

    /// Installs the files in `staging`: writes the manifest, then renames the folder.
    pub(super) fn install(&self, manifest: &Manifest, staging: &Path) -> Result<(), ModelError> {
        write_json(&staging.join(MANIFEST), manifest)?;
        let (target, old) = (self.dir(&manifest.id), self.partial(&format!("{}~old", manifest.id)));
        if target.exists() {
            remove_dir_if_present(&old)?;
            atomic_file::rename(&target, &old).map_err(ModelError::io(&target))?;
        }
        atomic_file::rename(staging, &target).map_err(ModelError::io(&target))?;
        remove_dir_if_present(&old)
    }

    /// Marks a model as damaged: it is no longer installed, but its intact files are reused when it is downloaded again.
    pub(super) fn mark_damaged(&self, id: &str) -> Result<(), ModelError> {
        let path = self.dir(id).join(MANIFEST);
        fs::rename(&path, self.dir(id).join(DAMAGED)).map_err(ModelError::io(&path))
    }

    /// Deletes a model and its partial download.
    pub(super) fn remove(&self, id: &str) -> Result<(), ModelError> {
        let (dir, partial) = (self.dir(id), self.partial(id));
        // First the manifest: without it the model is not installed, whatever happens to the rest.
        match fs::remove_file(dir.join(MANIFEST)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(ModelError::io(&dir)(error)),
            _ => {}
        }
        remove_dir_if_present(&dir)?;
        remove_dir_if_present(&partial)
    }

    /// Prevents other windows and commands from downloading the same model while the returned file is open.
    pub(super) fn lock(&self, id: &str) -> Result<File, ModelError> {
        let dir = self.root.join(PARTIAL);
        fs::create_dir_all(&dir).map_err(ModelError::io(&dir))?;
        let path = dir.join(format!("{id}~lock"));
        let open = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = open.map_err(ModelError::io(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(ModelError::Busy { id: id.to_owned() }),
            // Some network file systems have no locks.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(file),
            Err(TryLockError::Error(error)) => Err(ModelError::io(&path)(error)),
        }
    }
}

fn read_manifest(path: &Path) -> Option<Manifest> {
    let manifest: Manifest = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (manifest.format == FORMAT).then_some(manifest)
}

/// Whether `name` is a valid model name: one that can be a folder on every system.
pub fn is_model_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c);
    (1..=64).contains(&name.len()) && name.chars().all(plain) && !name.starts_with('.') && !name.ends_with('.')
}

/// Whether a relative path stays below where it is joined.
pub(super) fn is_inside(path: &Path) -> bool {
    let mut parts = path.components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// Writes a JSON file atomically.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), ModelError> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| ModelError::io(path)(error.into()))?;
    atomic_file::write(path, &bytes).map_err(ModelError::io(path))
}

/// Deletes a folder with its content; does nothing if there is none.
pub(super) fn remove_dir_if_present(dir: &Path) -> Result<(), ModelError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(ModelError::io(dir)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_that_could_escape_are_refused() {
        assert!(is_model_name("nomic-embed-v1.5"));
        for bad in ["", ".", "..", ".hidden", "a/b", "a\\b", "C:", "Ä", "con ", "dot."] {
            assert!(!is_model_name(bad), "{bad}");
        }
        assert!(is_inside(Path::new("text/model.safetensors")));
        for bad in ["", "..", "../x", "a/../../x", "/etc/passwd", "./a/../b"] {
            assert!(!is_inside(Path::new(bad)), "{bad}");
        }
    }
}
