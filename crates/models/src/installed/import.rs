//! Models from a folder or an archive, for machines without network.
//!
//! The files are copied, never linked: what the user does with the originals later must not change the model.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::Shared;
use super::checksum::sha256_of;
use super::error::ModelError;
use super::model_store::{ListedFile, Manifest, Origin, is_name, remove_all};
use super::unpack::{is_wanted, unpack};
use crate::catalogue::{self, CatalogueEntry};

const MANIFEST: &str = "manifest.json";
/// A file that is listed in it takes 150 bytes.
const LONGEST_MANIFEST: u64 = 4 << 20;
const CONFIGS: [&str; 2] = ["config.json", "open_clip_config.json"];

impl Shared {
    /// Copies a model in; `id` is its name, by default that of the folder or archive.
    pub(super) fn import(&self, path: &Path, id: Option<&str>) -> Result<Manifest, ModelError> {
        let cannot = |reason: String| ModelError::Import { path: path.to_owned(), reason };
        let id = id.map_or_else(|| name_of(path), str::to_owned);
        if !is_name(&id) {
            return Err(cannot(format!(
                "{id:?} is not a valid model name (a-z, 0-9, - . _); choose one with --as NAME"
            )));
        }
        if catalogue::find(&id).is_some_and(CatalogueEntry::is_built_in) {
            return Err(ModelError::BuiltIn { id });
        }
        if self.store.manifest(&id).is_some() {
            return Err(ModelError::Exists { id });
        }
        let _lock = self.store.lock(&id)?;
        let gathered = self.store.partial(&format!("{id}~import"));
        remove_all(&gathered)?;
        fs::create_dir_all(&gathered).map_err(ModelError::io(&gathered))?;
        let result = self.gather(path, &gathered).map_err(cannot).and_then(|()| self.settle(path, &id, &gathered));
        remove_all(&gathered)?;
        result
    }

    fn gather(&self, path: &Path, into: &Path) -> Result<(), String> {
        let room = (self.options.free_space)(self.store.root()).map_err(|e| e.to_string())?;
        if path.is_dir() { copy_folder(path, into, room) } else { unpack(path, into, room) }
    }

    fn settle(&self, path: &Path, id: &str, gathered: &Path) -> Result<Manifest, ModelError> {
        let cannot = |reason: &str| ModelError::Import { path: path.to_owned(), reason: reason.to_owned() };
        let root = root_of(gathered).ok_or_else(|| {
            cannot(
                "it contains no model: a config.json (or open_clip_config.json) next to a .safetensors file is needed",
            )
        })?;
        let before = manifest_in(&root);
        let files = list(&root)?;
        let known = catalogue::find(id);
        let mut manifest = match known {
            Some(known) => Manifest::new(id, known.title, known.licence.name, Some(known.licence.terms)),
            None => Manifest::new(id, id, "unknown", None),
        };
        manifest.revision = format!("sha256-{}", weights_hash(&files));
        manifest.files = files;
        match (known, before) {
            (Some(known), _) => match compare(known, &manifest.files) {
                Likeness::Same => {
                    manifest.sources = origins(known);
                    manifest.revision = super::revision(&manifest.sources);
                }
                Likeness::Unknown => {}
                Likeness::Different(file) => {
                    return Err(cannot(&format!(
                        "{file} differs from that of {id}; choose another name with --as NAME"
                    )));
                }
            },
            (None, Some(before)) if before.files == manifest.files => {
                manifest = Manifest { id: id.to_owned(), made: manifest.made, format: manifest.format, ..before };
            }
            _ => {}
        }
        self.store.install(&manifest, &root)?;
        Ok(manifest)
    }
}

/// What a model that was exported says of itself; nothing where that is too long to be true.
fn manifest_in(root: &Path) -> Option<Manifest> {
    let mut bytes = Vec::new();
    File::open(root.join(MANIFEST)).ok()?.take(LONGEST_MANIFEST).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// A name from that of a folder or archive.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let stem = [".tar.gz", ".tgz", ".tar", ".zip"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    stem.replace([' ', '+'], "-")
}

fn copy_folder(from: &Path, into: &Path, room: u64) -> Result<(), String> {
    let mut left = room;
    // links are followed: the snapshots of the hub's cache consist of them, and the folder is the user's own
    for entry in WalkDir::new(from).follow_links(true).max_depth(4) {
        let entry = entry.map_err(|e| e.to_string())?;
        let path = entry.path().strip_prefix(from).unwrap_or(entry.path());
        if !entry.file_type().is_file() || !is_wanted(path) {
            continue;
        }
        let target = into.join(path);
        let mut copy = || {
            fs::create_dir_all(target.parent().unwrap_or(into))?;
            let length = fs::metadata(entry.path())?.len();
            left = left.checked_sub(length).ok_or(std::io::ErrorKind::StorageFull)?;
            fs::copy(entry.path(), &target)?;
            File::open(&target)?.sync_all()
        };
        copy().map_err(|e: std::io::Error| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}

/// The folder of the model: the one given, or the only folder in it.
fn root_of(gathered: &Path) -> Option<PathBuf> {
    if is_model(gathered) {
        return Some(gathered.to_owned());
    }
    let mut entries = fs::read_dir(gathered).ok()?.flatten();
    let (only, rest) = (entries.next()?.path(), entries.next());
    (rest.is_none() && is_model(&only)).then_some(only)
}

fn is_model(dir: &Path) -> bool {
    let tower = |dir: &Path| {
        let weights = |entry: fs::DirEntry| entry.path().extension().is_some_and(|e| e == "safetensors");
        CONFIGS.iter().any(|name| dir.join(name).is_file())
            && fs::read_dir(dir).is_ok_and(|entries| entries.flatten().any(weights))
    };
    tower(dir) || tower(&dir.join("text")) && tower(&dir.join("vision"))
}

fn list(root: &Path) -> Result<Vec<ListedFile>, ModelError> {
    let mut files = Vec::new();
    for entry in WalkDir::new(root).sort_by_file_name().into_iter().flatten().filter(|e| e.file_type().is_file()) {
        let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
        if path == Path::new(MANIFEST) {
            continue;
        }
        let sha256 = sha256_of(entry.path(), |_| true).map_err(ModelError::io(entry.path()))?;
        let bytes = fs::metadata(entry.path()).map_err(ModelError::io(entry.path()))?.len();
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        files.push(ListedFile { path: parts.join("/"), bytes, sha256 });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// 16 digits that differ wherever any weights differ.
fn weights_hash(files: &[ListedFile]) -> String {
    let weights = files.iter().filter(|file| file.path.ends_with(".safetensors"));
    let all: String = weights.map(|file| format!("{} {}\n", file.path, file.sha256)).collect();
    blake3::hash(all.as_bytes()).to_hex().chars().take(16).collect()
}

enum Likeness {
    /// All weights are known by their hash, and are these.
    Same,
    /// Nothing speaks against it.
    Unknown,
    /// This file is another.
    Different(String),
}

fn compare(known: &CatalogueEntry, files: &[ListedFile]) -> Likeness {
    let mut likeness = Likeness::Same;
    for source in known.sources {
        for file in source.files {
            let path =
                if source.folder.is_empty() { file.name.into() } else { format!("{}/{}", source.folder, file.name) };
            let found = files.iter().find(|listed| listed.path == path);
            match (file.sha256, found) {
                (Some(pin), Some(found)) if found.sha256 != pin => return Likeness::Different(path),
                (Some(_), Some(_)) => {}
                (None, Some(_)) if !path.ends_with(".safetensors") => {}
                _ => likeness = Likeness::Unknown,
            }
        }
    }
    likeness
}

fn origins(known: &CatalogueEntry) -> Vec<Origin> {
    let origin = |source: &catalogue::HubSource| Origin {
        repo: source.repo.to_owned(),
        commit: source.revision.to_owned(),
        folder: source.folder.to_owned(),
    };
    known.sources.iter().map(origin).collect()
}
