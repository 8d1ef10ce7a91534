//! What a download has to fetch: every file with its commit, length and hash, known before the first byte is fetched.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::checksum::ExpectedHash;
use super::error::{HashSource, ModelError};
use super::hub::{FileMetadata, FileRef, is_commit};
use super::hub_cache;
use crate::catalogue::HubSource;

/// File in the partial folder that records the plan.
pub(super) const PLAN_FILE: &str = "plan.json";

/// A file to fetch.
pub(super) struct WantedFile {
    pub source: &'static HubSource,
    /// Path in the repository.
    pub file: &'static str,
    pub commit: String,
    pub planned: PlannedFile,
    /// A copy in the cache of other programs, not checked yet.
    pub cached: Option<PathBuf>,
}

/// A file as the plan records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PlannedFile {
    /// Path inside the model's folder, with `/`.
    pub path: String,
    /// Length in bytes.
    pub bytes: u64,
    pub expected: ExpectedHash,
}

/// Plans the files of `sources`: `metadata` asks the hub about a file that the cache in `hub_cache` does not have.
pub(super) async fn plan(
    sources: &'static [HubSource],
    hub_cache: Option<&Path>,
    metadata: impl AsyncFn(FileRef<'_>) -> Result<FileMetadata, ModelError>,
) -> Result<Vec<WantedFile>, ModelError> {
    let mut plan = Vec::new();
    for source in sources {
        let mut revision = source.revision.to_owned();
        for file in source.files {
            let wanted = FileRef { repo: source.repo, revision: &revision, path: file.name };
            let found = match cached(hub_cache, wanted, None) {
                Some((_, metadata)) => metadata,
                None => metadata(wanted).await?,
            };
            let expected = match (file.sha256, found.expected) {
                (Some(pinned), ExpectedHash::Sha256(reported)) if pinned != reported => {
                    let file = format!("{} of {}", file.name, source.repo);
                    return Err(ModelError::ChecksumMismatch { file, expected_by: HashSource::Program });
                }
                (Some(pinned), _) => ExpectedHash::Sha256(pinned.to_owned()),
                (None, reported) => reported,
            };
            // All files of one repository come from one commit.
            revision.clone_from(&found.commit);
            let wanted = FileRef { repo: source.repo, revision: &revision, path: file.name };
            let cached = cached(hub_cache, wanted, Some(&expected)).map(|(path, _)| path);
            let planned = PlannedFile { path: source.path_of(file), bytes: found.bytes, expected };
            plan.push(WantedFile { source, file: file.name, commit: found.commit, planned, cached });
        }
    }
    Ok(plan)
}

/// The file in the cache of other programs, if its hash is known or the cache names it.
fn cached(
    hub_cache: Option<&Path>,
    wanted: FileRef<'_>,
    known: Option<&ExpectedHash>,
) -> Option<(PathBuf, FileMetadata)> {
    let dir = hub_cache.filter(|_| is_commit(wanted.revision))?;
    let found = hub_cache::find(dir, wanted.repo, wanted.revision, wanted.path)?;
    let expected = known.cloned().or(found.expected)?;
    Some((found.path, FileMetadata { commit: wanted.revision.to_owned(), bytes: found.bytes, expected }))
}

/// Bytes present and bytes in all of a download that was interrupted and left files in `partial`.
pub(super) fn interrupted(partial: &Path) -> Option<(u64, u64)> {
    let plan = read_plan(partial)?;
    Some((plan.iter().map(|file| bytes_present(partial, file)).sum(), plan.iter().map(|file| file.bytes).sum()))
}

/// The plan that an earlier download recorded.
pub(super) fn read_plan(partial: &Path) -> Option<Vec<PlannedFile>> {
    serde_json::from_slice(&fs::read(partial.join(PLAN_FILE)).ok()?).ok()
}

/// Bytes of a file that have arrived.
pub(super) fn bytes_present(partial: &Path, file: &PlannedFile) -> u64 {
    let length = |path: PathBuf| fs::metadata(path).map(|m| m.len()).ok();
    let path = partial.join(&file.path);
    length(path.clone()).or_else(|| length(part_path(&path))).unwrap_or(0).min(file.bytes)
}

/// Where a file is written while it is incomplete.
pub(super) fn part_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}
