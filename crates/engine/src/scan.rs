//! Walks the user's folders and says which files are there. Reads no file's content.
//!
//! A file has one path, however many links lead to it: what lies in a folder of the collection has its path there, and
//! what links reach outside of it has that of the link that comes first. What the program itself has written (libraries,
//! its data folder, thumbnails) is passed over.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use globset::{Glob, GlobSet, GlobSetBuilder};
use thiserror::Error;
use walkdir::{DirEntry, WalkDir};

use super::store::{self, FileStamp};
use vicinity_core::{Failure, SkipReason, app_dirs};
use vicinity_media::ReadError;

/// A file that may become an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Absolute path.
    pub path: PathBuf,
    /// Size in bytes.
    pub len: u64,
    /// Modification time, nanoseconds since the Unix epoch; before it, negative.
    pub modified_ns: i64,
    /// Changes with every edit, also one that keeps size and modification time; 0 where nothing of the kind is known.
    /// On Unix the time at which the system last changed anything about the file, elsewhere a hash of its ends. Not the
    /// number of the inode: some file systems give new ones whenever a disk is plugged in.
    pub change_mark: i64,
}

impl Candidate {
    /// Distinguishes the file from an edited one.
    pub fn stamp(&self) -> FileStamp {
        FileStamp { bytes: self.len, modified_ns: self.modified_ns, change_mark: self.change_mark }
    }
}

/// What a walk meets.
#[derive(Debug)]
pub enum ScanEntry {
    /// A file.
    File(Candidate),
    /// A folder that is on another disk than the one around it.
    Mount(PathBuf),
    /// Something that is not looked into.
    Skipped(SkipReason),
    /// A file or folder that the system does not let us look at.
    Failed(Failure),
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

/// Why a list of patterns cannot be used.
#[derive(Debug, Error)]
pub enum ExcludesError {
    /// One of them is not a glob.
    #[error("invalid pattern “{pattern}”: {}", error.kind())]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        error: globset::Error,
    },
    /// They are too many, or too long.
    #[error("invalid exclude list: {0}")]
    List(globset::Error),
}

/// Glob patterns for names of files and folders to skip.
#[derive(Debug, Clone)]
pub struct Excludes(GlobSet);

impl Excludes {
    /// # Errors
    /// When a pattern is not a glob.
    pub fn new(patterns: &[String]) -> Result<Self, ExcludesError> {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns.iter().map(|p| p.trim()).filter(|p| !p.is_empty()) {
            set.add(Glob::new(pattern).map_err(|error| ExcludesError::Pattern { pattern: pattern.to_owned(), error })?);
        }
        set.build().map(Self).map_err(ExcludesError::List)
    }

    /// Whether files and folders of this name are skipped.
    pub(crate) fn skips(&self, name: &Path) -> bool {
        self.0.is_match(name)
    }
}

/// Walks folders and single files, recursively, in the order of their names; `found` hears of each file, and of each
/// folder that could not be listed. Ends early once `cancel` is set. See [`FolderWalk`].
pub fn scan(
    roots: &[PathBuf],
    excludes: &Excludes,
    cancel: &AtomicBool,
    found: &mut dyn FnMut(Result<Candidate, Failure>),
) {
    let mut walk = FolderWalk::new(excludes, roots.to_vec(), cancel);
    for root in roots {
        walk.root(root, &mut |news| match news {
            ScanEntry::File(candidate) => found(Ok(candidate)),
            ScanEntry::Failed(failure) => found(Err(failure)),
            ScanEntry::Mount(_) | ScanEntry::Skipped(_) => {}
        });
    }
}

/// Whether a folder has nothing in it that a walk would look at; false where it cannot be listed.
pub fn is_empty(folder: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(folder) else { return false };
    entries.all(|entry| entry.is_ok_and(|entry| is_hidden(Path::new(&entry.file_name()))))
}

/// The one path of a file or folder, without links, `..` or another case of its letters; as it is where it is not there.
pub fn canonical_path(path: &Path) -> PathBuf {
    let absolute = || std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let is_share = |path: &Path| path.as_os_str().as_encoded_bytes().starts_with(br"\\");
    match dunce::canonicalize(path) {
        // On Windows a drive that stands for a share stays one: so its user knows it.
        Ok(real) if is_share(&real) && !is_share(path) => absolute(),
        Ok(real) => real,
        Err(_) => absolute(),
    }
}

/// A walk over roots, one after the other.
///
/// Hidden files and folders below a root are skipped (a root may be hidden itself), as is what the patterns match. Links
/// are followed; a folder or file that is reached twice is visited once, so loops end.
pub struct FolderWalk<'a> {
    excludes: &'a Excludes,
    /// All folders of the collection, also those that are not walked now.
    roots: Vec<PathBuf>,
    cancel: &'a AtomicBool,
    folders_seen: HashSet<PathBuf>,
    files_seen: HashSet<PathBuf>,
    libraries: HashSet<PathBuf>,
    /// Our own folders, wherever they lie.
    own: Vec<PathBuf>,
}

/// What is done with something in a folder.
enum Visit {
    /// It is looked at.
    Into,
    /// It is another way to this place, which has its own path.
    Elsewhere(PathBuf),
    /// It is passed over, and counted where there is a reason to.
    Past(Option<SkipReason>),
}

impl<'a> FolderWalk<'a> {
    /// A walk through a collection with these roots.
    pub fn new(excludes: &'a Excludes, roots: Vec<PathBuf>, cancel: &'a AtomicBool) -> Self {
        let own = [
            app_dirs::data(),
            app_dirs::models(),
            app_dirs::settings_file().and_then(|f| Some(f.parent()?.to_owned())),
        ];
        let own = own.into_iter().flatten().filter(|dir| dir.is_dir()).map(|dir| canonical_path(&dir)).collect();
        let (folders_seen, files_seen, libraries) = Default::default();
        Self { excludes, roots, cancel, folders_seen, files_seen, libraries, own }
    }

    /// Whether a walk over all roots could meet this path, by its names.
    pub fn looks_at(&self, path: &Path) -> bool {
        let is_below = |root: &PathBuf| {
            let below = path.strip_prefix(root).ok()?;
            Some(below.iter().map(Path::new).all(|name| !is_hidden(name) && !self.excludes.skips(name)))
        };
        let is_own = || self.own.iter().any(|folder| path.starts_with(folder)) || is_part_of_library(path);
        self.roots.iter().any(|root| is_below(root) == Some(true)) && !is_own()
    }

    /// Walks one root, a folder or file, to its end; false where it was cancelled.
    pub fn root(&mut self, root: &Path, found: &mut dyn FnMut(ScanEntry)) -> bool {
        if is_part_of_library(root) {
            let reason = "This is part of a Vicinity library and is not imported".to_owned();
            found(ScanEntry::Failed(Failure { path: root.to_owned(), reason }));
            return true;
        }
        let mut starts = vec![root.to_owned()];
        while let Some(start) = starts.pop() {
            if !self.below(&start, &mut starts, found) {
                return false;
            }
        }
        true
    }

    fn below(&mut self, start: &Path, elsewhere: &mut Vec<PathBuf>, found: &mut dyn FnMut(ScanEntry)) -> bool {
        let mut walk = WalkDir::new(start).follow_links(true).sort_by_file_name().into_iter();
        while let Some(entry) = walk.next() {
            if self.cancel.load(Ordering::Relaxed) {
                return false;
            }
            let entry = match entry {
                Ok(entry) => entry,
                // walkdir reports the link that would close a loop; that is no failure.
                Err(error) if error.loop_ancestor().is_some() => continue,
                Err(error) => {
                    let unwanted = error.depth() > 0 && error.path().is_some_and(|path| self.is_unwanted(path));
                    if !unwanted {
                        found(ScanEntry::Failed(failure(start, &error)));
                    }
                    continue;
                }
            };
            let is_folder = entry.file_type().is_dir();
            match self.way(&entry, is_folder) {
                Visit::Into if is_folder => {
                    if entry.depth() > 0 && !entry.path_is_symlink() && is_mounted(&entry) {
                        found(ScanEntry::Mount(entry.into_path()));
                    }
                }
                Visit::Into => self.file(entry.into_path(), found),
                Visit::Elsewhere(path) if is_folder => {
                    walk.skip_current_dir();
                    elsewhere.push(path);
                }
                Visit::Elsewhere(path) => self.file(path, found),
                Visit::Past(reason) => {
                    if is_folder {
                        walk.skip_current_dir();
                    }
                    if let Some(reason) = reason {
                        found(ScanEntry::Skipped(reason));
                    }
                }
            }
        }
        true
    }

    fn file(&mut self, path: PathBuf, found: &mut dyn FnMut(ScanEntry)) {
        // One root may lie within another.
        if self.files_seen.insert(path.clone()) {
            found(candidate(path).map_or_else(ScanEntry::Failed, ScanEntry::File));
        }
    }

    fn way(&mut self, entry: &DirEntry, is_folder: bool) -> Visit {
        let (path, below) = (entry.path(), entry.depth() > 0);
        if below && is_hidden(Path::new(entry.file_name())) {
            return Visit::Past(None);
        }
        if below && self.excludes.skips(Path::new(entry.file_name())) {
            return Visit::Past(Some(SkipReason::Excluded));
        }
        let in_library = path.parent().is_some_and(|parent| self.libraries.contains(parent));
        if in_library && store::is_library_file(entry.file_name()) {
            return Visit::Past(None);
        }
        if below
            && entry.path_is_symlink()
            && let Some(target) = self.target_in_collection(path)
        {
            return Visit::Elsewhere(target);
        }
        if is_folder { self.folder(path, below) } else { Self::special(entry) }
    }

    fn special(entry: &DirEntry) -> Visit {
        if entry.file_type().is_file() { Visit::Into } else { Visit::Past(Some(SkipReason::Special)) }
    }

    fn folder(&mut self, path: &Path, below: bool) -> Visit {
        let identity = canonical_path(path);
        if below && (self.own.contains(&identity) || is_data_folder(path)) {
            return Visit::Past(None);
        }
        if below && is_marked_cache(path) {
            return Visit::Past(Some(SkipReason::Cache));
        }
        if !self.folders_seen.insert(identity) {
            return Visit::Past(None);
        }
        if store::is_library(path) {
            self.libraries.insert(path.to_owned());
        }
        Visit::Into
    }

    /// Where a link leads, if that is a place in a folder of the collection which a walk over it would look at.
    fn target_in_collection(&self, link: &Path) -> Option<PathBuf> {
        let target = dunce::canonicalize(link).ok()?;
        let seen_from = |root: &PathBuf| {
            target.strip_prefix(root).is_ok_and(|below| {
                below.iter().map(Path::new).all(|name| !is_hidden(name) && !self.excludes.skips(name))
            })
        };
        self.roots.iter().any(seen_from).then_some(target)
    }

    fn is_unwanted(&self, path: &Path) -> bool {
        path.file_name().map(Path::new).is_some_and(|name| is_hidden(name) || self.excludes.skips(name))
    }
}

/// Whether a folder is on another device than the folder around it.
#[cfg(unix)] // Tested here.
fn is_mounted(folder: &DirEntry) -> bool {
    use std::os::unix::fs::MetadataExt;
    let around = folder.path().parent().and_then(|parent| fs::metadata(parent).ok());
    folder.metadata().ok().zip(around).is_some_and(|(own, around)| own.dev() != around.dev())
}

/// Volumes that are mounted in a folder are rare here: their drives are added as such.
#[cfg(not(unix))] // Compiled by `scripts/windows`.
fn is_mounted(_folder: &DirEntry) -> bool {
    false
}

pub(crate) fn is_hidden(name: &Path) -> bool {
    name.as_os_str().as_encoded_bytes().first() == Some(&b'.')
}

/// Whether a path leads into what a library consists of.
fn is_part_of_library(path: &Path) -> bool {
    let folders = path.ancestors().skip(1);
    path.ancestors()
        .zip(folders)
        .any(|(part, folder)| part.file_name().is_some_and(store::is_library_file) && store::is_library(folder))
}

/// Whether a folder is where this program, or a portable one, keeps its libraries.
fn is_data_folder(folder: &Path) -> bool {
    if store::is_library(&folder.join("default")) {
        return true;
    }
    let libraries = fs::read_dir(folder.join("libraries")).into_iter().flatten().flatten();
    libraries.take(16).any(|entry| store::is_library(&entry.path()))
}

/// Whether a folder says of itself that it is a cache.
fn is_marked_cache(folder: &Path) -> bool {
    let mut beginning = [0; store::CACHE_SIGNATURE.len()];
    let read = File::open(folder.join(store::CACHE_TAG)).and_then(|mut tag| tag.read_exact(&mut beginning));
    read.is_ok() && beginning == store::CACHE_SIGNATURE
}

/// Size and times of one file.
///
/// # Errors
/// When it is not there or may not be looked at.
pub fn candidate(path: PathBuf) -> Result<Candidate, Failure> {
    match fs::metadata(&path).and_then(|meta| Ok((change_mark(&path, &meta)?, meta))) {
        Ok((change_mark, meta)) => {
            let modified_ns = meta.modified().map_or(0, nanoseconds);
            Ok(Candidate { path, len: meta.len(), modified_ns, change_mark })
        }
        Err(error) => Err(Failure { reason: ReadError::from(&error).to_string(), path }),
    }
}

/// Since the Unix epoch; negative before it.
fn nanoseconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |before| -before),
    }
}

// Tested here.
#[cfg(unix)]
fn change_mark(_: &Path, meta: &Metadata) -> io::Result<i64> {
    use std::os::unix::fs::MetadataExt;
    Ok(meta.ctime().wrapping_mul(1_000_000_000).wrapping_add(meta.ctime_nsec()))
}

/// A hash of the first and the last bytes: what tools that keep the modification time change (metadata of pictures)
/// stands at a file's beginning or end.
// Tested by `scripts/windows`; what it calls is tested here.
#[cfg(not(unix))]
fn change_mark(path: &Path, meta: &Metadata) -> io::Result<i64> {
    hash_of_both_ends(path, meta.len())
}

/// A hash of the first and the last 4 KiB.
// Tested here.
#[cfg(any(not(unix), test))]
fn hash_of_both_ends(path: &Path, len: u64) -> io::Result<i64> {
    use std::io::{Seek, SeekFrom};
    const SAMPLE: u64 = 4096;
    let mut file = File::open(path)?;
    let mut sample = Vec::new();
    file.by_ref().take(SAMPLE).read_to_end(&mut sample)?;
    if len > SAMPLE {
        file.seek(SeekFrom::Start(len.saturating_sub(SAMPLE).max(SAMPLE)))?;
        file.take(SAMPLE).read_to_end(&mut sample)?;
    }
    let hash = blake3::hash(&sample);
    let mut mark = [0; 8];
    mark.copy_from_slice(&hash.as_bytes()[..8]);
    Ok(i64::from_le_bytes(mark))
}

fn failure(root: &Path, error: &walkdir::Error) -> Failure {
    let path = error.path().unwrap_or(root).to_owned();
    let reason = match error.io_error() {
        Some(io) => ReadError::from(io).to_string(),
        None => "Could not list the folder".to_owned(),
    };
    Failure { path, reason }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_change_at_either_end_changes_the_hash_of_the_ends() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a");
        for len in [0_usize, 10, 5000, 20_000] {
            let mut bytes = vec![7; len];
            let mark = |bytes: &[u8]| {
                fs::write(&path, bytes).expect("written");
                hash_of_both_ends(&path, bytes.len() as u64).expect("read")
            };
            let before = mark(&bytes);
            assert_eq!(mark(&bytes), before);
            for at in [18, len.saturating_sub(2)].into_iter().filter(|at| *at < len) {
                bytes[at] ^= 1;
                assert_ne!(mark(&bytes), before, "{at} of {len}");
                bytes[at] ^= 1;
            }
        }
    }

    #[test]
    fn times_before_1970_are_told_apart() {
        let second = Duration::from_secs(1);
        assert_eq!(nanoseconds(UNIX_EPOCH + second), 1_000_000_000);
        assert_eq!(nanoseconds(UNIX_EPOCH - second), -1_000_000_000);
    }
}
