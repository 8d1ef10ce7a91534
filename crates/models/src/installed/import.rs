//! Imports models from a folder or an archive, for machines without a network.
//!
//! Files are copied, never linked: later changes to the originals must not change the model.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::checksum::sha256_of;
use super::context::InstallContext;
use super::error::{ImportError, ModelError};
use super::model_store::{ListedFile, MANIFEST, Manifest, Origin, is_model_name, remove_dir_if_present, revision};
use super::unpack::{is_wanted, unpack};
use crate::catalogue::{self, CatalogueEntry};

/// Bytes of a manifest; each file takes 150.
const MAX_MANIFEST_BYTES: u64 = 4 << 20;
const CONFIGS: [&str; 2] = ["config.json", "open_clip_config.json"];

/// Copies a model in; `id` is its name, by default that of the folder or archive.
pub(super) fn import(context: &InstallContext, path: &Path, id: Option<&str>) -> Result<Manifest, ModelError> {
    let id = id.map_or_else(|| name_of(path), str::to_owned);
    if !is_model_name(&id) {
        return Err(failed(path, ImportError::InvalidName { name: id }));
    }
    if catalogue::find(&id).is_some_and(CatalogueEntry::is_built_in) {
        return Err(ModelError::BuiltIn { id });
    }
    if context.store.manifest(&id).is_some() {
        return Err(ModelError::Exists { id });
    }
    let _lock = context.store.lock(&id)?;
    let staging = context.store.partial(&format!("{id}~import"));
    remove_dir_if_present(&staging)?;
    fs::create_dir_all(&staging).map_err(ModelError::io(&staging))?;
    let result = copy(context, path, &staging)
        .map_err(|reason| failed(path, reason))
        .and_then(|()| install(context, path, &id, &staging));
    remove_dir_if_present(&staging)?;
    result
}

fn failed(path: &Path, reason: ImportError) -> ModelError {
    ModelError::Import { path: path.to_owned(), reason }
}

/// Copies or unpacks what belongs to a model.
fn copy(context: &InstallContext, path: &Path, into: &Path) -> Result<(), ImportError> {
    let root = context.store.root();
    let free =
        (context.options.free_space)(root).map_err(|source| ImportError::Io { path: root.to_owned(), source })?;
    if path.is_dir() { copy_folder(path, into, free) } else { unpack(path, into, free) }
}

/// Makes the copied files an installed model.
fn install(context: &InstallContext, path: &Path, id: &str, staging: &Path) -> Result<Manifest, ModelError> {
    let root = model_root(staging).ok_or_else(|| failed(path, ImportError::ModelUnavailable))?;
    let exported = exported_manifest(&root);
    let files = list(&root)?;
    let entry = catalogue::find(id);
    let mut manifest = match entry {
        Some(entry) => Manifest::new(id, entry.title, entry.licence.name, Some(entry.licence.terms)),
        None => Manifest::new(id, id, "unknown", None),
    };
    manifest.revision = format!("sha256-{}", weights_hash(&files));
    manifest.files = files;
    match (entry, exported) {
        (Some(entry), _) => match compare(entry, &manifest.files) {
            Match::Same => {
                manifest.sources = origins(entry);
                manifest.revision = revision(&manifest.sources);
            }
            Match::Unknown => {}
            Match::Different(file) => {
                return Err(failed(path, ImportError::OtherModel { file, id: id.to_owned() }));
            }
        },
        (None, Some(exported)) if exported.files == manifest.files => {
            manifest = Manifest { id: id.to_owned(), made: manifest.made, format: manifest.format, ..exported };
        }
        _ => {}
    }
    context.store.install(&manifest, &root)?;
    Ok(manifest)
}

/// The manifest of a model that was exported from here, if it has one of plausible length.
fn exported_manifest(root: &Path) -> Option<Manifest> {
    let mut bytes = Vec::new();
    File::open(root.join(MANIFEST)).ok()?.take(MAX_MANIFEST_BYTES).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// A model name made from that of a folder or archive.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let stem = [".tar.gz", ".tgz", ".tar", ".zip"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    stem.replace([' ', '+'], "-")
}

fn copy_folder(from: &Path, into: &Path, free: u64) -> Result<(), ImportError> {
    let mut left = free;
    // Links are followed: the snapshots in the hub's cache consist of them, and the folder is the user's own.
    for entry in WalkDir::new(from).follow_links(true).max_depth(4) {
        let entry = entry.map_err(|error| ImportError::Io { path: from.to_owned(), source: error.into() })?;
        let path = entry.path().strip_prefix(from).unwrap_or(entry.path());
        if !entry.file_type().is_file() || !is_wanted(path) {
            continue;
        }
        let target = into.join(path);
        let mut copy = || -> std::io::Result<()> {
            fs::create_dir_all(target.parent().unwrap_or(into))?;
            let length = fs::metadata(entry.path())?.len();
            left = left.checked_sub(length).ok_or(std::io::ErrorKind::StorageFull)?;
            // Windows syncs only files that are open for writing, and deletes none that are write-protected: so the content alone
            // is copied, without attributes.
            let mut file = File::create(&target)?;
            std::io::copy(&mut File::open(entry.path())?, &mut file)?;
            file.sync_all()
        };
        copy().map_err(|source| ImportError::Io { path: path.to_owned(), source })?;
    }
    Ok(())
}

/// The folder that holds the model: the one given, or the only folder in it.
fn model_root(staging: &Path) -> Option<PathBuf> {
    if is_model(staging) {
        return Some(staging.to_owned());
    }
    let mut entries = fs::read_dir(staging).ok()?.flatten();
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
        let sha256 = sha256_of(entry.path(), |_| {}).map_err(ModelError::io(entry.path()))?;
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

/// How files compare with those of a catalogue entry.
enum Match {
    /// All weights have known hashes, and these are them.
    Same,
    /// Some weights have no known hash; nothing differs.
    Unknown,
    /// This file differs.
    Different(String),
}

fn compare(entry: &CatalogueEntry, files: &[ListedFile]) -> Match {
    let mut result = Match::Same;
    for source in entry.sources {
        for file in source.files {
            let path = source.path_of(file);
            let found = files.iter().find(|listed| listed.path == path);
            match (file.sha256, found) {
                (Some(pin), Some(found)) if found.sha256 != pin => return Match::Different(path),
                (Some(_), Some(_)) => {}
                (None, Some(_)) if !path.ends_with(".safetensors") => {}
                _ => result = Match::Unknown,
            }
        }
    }
    result
}

fn origins(entry: &CatalogueEntry) -> Vec<Origin> {
    let origin = |source: &catalogue::HubSource| Origin {
        repo: source.repo.to_owned(),
        commit: source.revision.to_owned(),
        folder: source.folder.to_owned(),
    };
    entry.sources.iter().map(origin).collect()
}
