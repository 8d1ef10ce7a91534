//! The cache of Python's `huggingface_hub`: files in it need not be downloaded again.
//!
//! Read-only. A file is stored at `models--OWNER--NAME/snapshots/COMMIT/FILE`, usually a link to `blobs/HASH`.

use std::env::var_os;
use std::fs;
use std::path::{Path, PathBuf};

use super::checksum::ExpectedHash;

/// A file in the cache; the caller has to check its content.
#[derive(Debug, Clone)]
pub struct CachedFile {
    /// Path of the file, links followed.
    pub path: PathBuf,
    /// Length in bytes.
    pub bytes: u64,
    /// The hash in its name, on systems with links.
    pub expected: Option<ExpectedHash>,
}

/// `$HF_HUB_CACHE`, `$HF_HOME/hub`, or `huggingface/hub` in the user's cache folder.
pub fn default_dir() -> Option<PathBuf> {
    let named = |name: &str| var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("HF_HUB_CACHE")
        .or_else(|| Some(named("HF_HOME")?.join("hub")))
        .or_else(|| Some(named("XDG_CACHE_HOME")?.join("huggingface/hub")))
        .or_else(|| Some(directories::BaseDirs::new()?.home_dir().join(".cache/huggingface/hub")))
}

/// The file of a repository at a commit.
pub fn find(cache: &Path, repo: &str, commit: &str, file: &str) -> Option<CachedFile> {
    let snapshots = cache.join(format!("models--{}", repo.replace('/', "--"))).join("snapshots");
    let path = fs::canonicalize(snapshots.join(commit).join(file)).ok()?;
    let found = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
    let expected = path.file_name().and_then(|name| ExpectedHash::from_tag(name.to_str()?));
    Some(CachedFile { path, bytes: found.len(), expected })
}
