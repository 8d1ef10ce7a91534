//! Walks the user's folders and says which files are there. Reads no file's content.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::UNIX_EPOCH;

use globset::{Glob, GlobSet, GlobSetBuilder};
use walkdir::WalkDir;

use vicinity_core::Failure;

/// A file that may become an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Absolute path.
    pub path: PathBuf,
    /// Size in bytes.
    pub len: u64,
    /// Modification time, nanoseconds since the Unix epoch.
    pub modified_ns: i64,
}

/// What a new library skips.
pub const DEFAULT_EXCLUDES: &[&str] = &[
    "node_modules",
    "__pycache__",
    "target",
    "Thumbs.db",
    "desktop.ini",
    "$RECYCLE.BIN",
    "System Volume Information",
    "*.tmp",
    "*.part",
    "~$*",
    "*.lock",
];

/// Glob patterns for names of files and folders to skip.
#[derive(Debug, Clone)]
pub struct Excludes(GlobSet);

impl Excludes {
    /// # Errors
    /// A sentence that names the first pattern which is not a glob.
    pub fn new(patterns: &[String]) -> Result<Self, String> {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns.iter().map(|p| p.trim()).filter(|p| !p.is_empty()) {
            set.add(Glob::new(pattern).map_err(|e| format!("“{pattern}” is not a pattern: {}", e.kind()))?);
        }
        set.build().map(Self).map_err(|e| format!("the exclude list cannot be used: {e}"))
    }

    fn skips(&self, name: &Path) -> bool {
        self.0.is_match(name)
    }
}

/// Walks folders and single files, recursively, in the order of their names.
///
/// Hidden files and folders below a root are skipped (a root may be hidden itself), as is what `excludes` matches. Links
/// are followed; a folder or file that is reached twice is visited once, so loops end. `found` hears of each file, and
/// of each folder that could not be listed. Ends early once `cancel` is set.
pub fn scan(
    roots: &[PathBuf],
    excludes: &Excludes,
    cancel: &AtomicBool,
    found: &mut dyn FnMut(Result<Candidate, Failure>),
) {
    let mut folders_seen = HashSet::new();
    let mut files_seen = HashSet::new();
    for root in roots {
        let walk = WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter().filter_entry(|entry| {
            let name = Path::new(entry.file_name());
            let wanted = entry.depth() == 0 || !(is_hidden(name) || excludes.skips(name));
            wanted && (!entry.file_type().is_dir() || folders_seen.insert(identity(entry.path())))
        });
        for entry in walk {
            if cancel.load(Ordering::Relaxed) {
                return;
            }
            match entry {
                Ok(entry) if entry.file_type().is_file() => {
                    let path = entry.into_path();
                    // One root may lie within another.
                    if files_seen.insert(path.clone()) {
                        found(candidate(path));
                    }
                }
                Ok(_) => {}
                // walkdir reports the link that would close a loop; that is no failure.
                Err(error) if error.loop_ancestor().is_some() => {}
                Err(error) => found(Err(failure(root, &error))),
            }
        }
    }
}

fn is_hidden(name: &Path) -> bool {
    name.as_os_str().as_encoded_bytes().first() == Some(&b'.')
}

/// What two ways to one folder have in common.
fn identity(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Size and time of one file.
pub fn candidate(path: PathBuf) -> Result<Candidate, Failure> {
    match fs::metadata(&path) {
        Ok(meta) => {
            let since = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
            let modified_ns = since.and_then(|d| i64::try_from(d.as_nanos()).ok()).unwrap_or(0);
            Ok(Candidate { path, len: meta.len(), modified_ns })
        }
        Err(error) => Err(Failure { reason: vicinity_media::io_sentence(&error), path }),
    }
}

fn failure(root: &Path, error: &walkdir::Error) -> Failure {
    let path = error.path().unwrap_or(root).to_owned();
    let reason = match error.io_error() {
        Some(io) => vicinity_media::io_sentence(io),
        None => "The folder could not be listed".to_owned(),
    };
    Failure { path, reason }
}
