//! What a download has to bring: every file with its commit, length and hash, asked for before the first byte.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cache;
use super::checksum::ExpectedHash;
use super::download::Download;
use super::error::ModelError;
use super::hub::{FileMetadata, FileRef, is_commit};
use crate::catalogue::HubSource;

/// File that remembers what is being gathered.
pub(super) const PLAN_FILE: &str = "plan.json";

/// A file that is wanted.
pub(super) struct WantedFile {
    pub source: &'static HubSource,
    pub file: &'static str,
    pub commit: String,
    pub line: PlannedFile,
    pub cached: Option<PathBuf>,
}

/// A line of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PlannedFile {
    pub path: String,
    pub bytes: u64,
    pub expected: ExpectedHash,
}

/// Bytes there and bytes wanted of a download that was left lying in `partial`; `None` where there is none.
pub(super) fn interrupted(partial: &Path) -> Option<(u64, u64)> {
    let plan = read_plan(partial)?;
    Some((plan.iter().map(|line| bytes_present(partial, line)).sum(), plan.iter().map(|line| line.bytes).sum()))
}

pub(super) fn read_plan(partial: &Path) -> Option<Vec<PlannedFile>> {
    serde_json::from_slice(&fs::read(partial.join(PLAN_FILE)).ok()?).ok()
}

pub(super) fn bytes_present(partial: &Path, line: &PlannedFile) -> u64 {
    let length = |path: PathBuf| fs::metadata(path).map(|m| m.len()).ok();
    let found = length(partial.join(&line.path)).or_else(|| length(part_path(&partial.join(&line.path))));
    found.unwrap_or(0).min(line.bytes)
}

pub(super) fn part_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

impl Download<'_> {
    /// Asks the hub, or other programs' cache where that knows.
    pub(super) async fn plan(&self) -> Result<Vec<WantedFile>, ModelError> {
        let mut plan = Vec::new();
        for source in self.known.sources {
            let mut revision = source.revision.to_owned();
            for file in source.files {
                let place = FileRef { repo: source.repo, revision: &revision, file: file.name };
                let facts = match self.cached(place, None) {
                    Some((_, facts)) => facts,
                    None => self.patiently(async || self.hub.metadata(place).await).await?,
                };
                let expected = match (file.sha256, facts.expected) {
                    (Some(pin), ExpectedHash::Sha256(told)) if pin != told => {
                        let file = format!("{} of {}", file.name, source.repo);
                        return Err(ModelError::Wrong { file, source_of_hash: "the program expects" });
                    }
                    (Some(pin), _) => ExpectedHash::Sha256(pin.to_owned()),
                    (None, told) => told,
                };
                // the files of one repository are all of one commit
                revision.clone_from(&facts.commit);
                let place = FileRef { repo: source.repo, revision: &revision, file: file.name };
                let cached = self.cached(place, Some(&expected)).map(|(path, _)| path);
                let path = [source.folder, file.name].iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>();
                let line = PlannedFile { path: path.join("/"), bytes: facts.bytes, expected };
                plan.push(WantedFile { source, file: file.name, commit: facts.commit, line, cached });
            }
        }
        Ok(plan)
    }

    /// The file in other programs' cache, where it is filed under a hash or its hash is known.
    fn cached(&self, place: FileRef<'_>, known: Option<&ExpectedHash>) -> Option<(PathBuf, FileMetadata)> {
        let dir = self.shared.options.hub_cache.as_ref().filter(|_| is_commit(place.revision))?;
        let found = cache::find(dir, place.repo, place.revision, place.file)?;
        let expected = known.cloned().or(found.expected)?;
        Some((found.path, FileMetadata { commit: place.revision.to_owned(), bytes: found.bytes, expected }))
    }
}
