//! Files that are replaced atomically: written beside the target, synced to disk, then renamed over it.
//!
//! Everything in this workspace that replaces a file goes through here, so that the guarantees are the same everywhere:
//! a reader sees the old or the new file, never a part; after a power cut one of the two is there, unless the caller
//! chose [`write_cache`]; permissions of a replaced file are kept and symbolic links are followed. On Windows the rename
//! replaces an existing file too (`MoveFileExW`).

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// Maximum number of symbolic links that are followed, the same as in Linux.
const MOST_LINKS: usize = 40;

/// A file that is being written. Until [`Self::commit`] the target is unchanged; dropping it leaves nothing behind.
pub struct AtomicFile {
    draft: BufWriter<NamedTempFile>,
    target: PathBuf,
}

impl AtomicFile {
    /// Starts a file that will replace `path`, or the file that `path` links to.
    ///
    /// # Errors
    /// When its folder does not exist or cannot be written, or the file there is write-protected or not a plain file.
    pub fn create(path: &Path) -> io::Result<Self> {
        let target = target(path)?;
        let before = match fs::metadata(&target) {
            Ok(before) if before.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(before) if !before.is_file() => return Err(io::Error::other("it is not a regular file")),
            Ok(before) if before.permissions().readonly() => return Err(io::ErrorKind::PermissionDenied.into()),
            Ok(before) => Some(before.permissions()),
            Err(_) => None,
        };
        let draft = draft(target.parent().unwrap_or(Path::new(".")))?;
        if let Some(permissions) = before {
            draft.as_file().set_permissions(permissions)?;
        }
        Ok(Self { draft: BufWriter::new(draft), target })
    }

    /// Syncs the file to disk and puts it in place.
    ///
    /// # Errors
    /// When the disk is full, or the file cannot be renamed. The old file is still there then.
    pub fn commit(self) -> io::Result<()> {
        let target = self.target.clone();
        self.replace(true)?;
        sync_folder(&target)
    }

    fn replace(self, sync: bool) -> io::Result<()> {
        let draft = self.draft.into_inner().map_err(io::IntoInnerError::into_error)?;
        if sync {
            draft.as_file().sync_all()?;
        }
        draft.persist(&self.target).map(drop).map_err(|error| error.error)
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.draft.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.draft.flush()
    }
}

/// Writes a whole file.
///
/// # Errors
/// As for [`AtomicFile::create`] and [`AtomicFile::commit`].
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(content)?;
    file.commit()
}

/// Writes a whole file that can be lost in a power cut, in part too: its reader has to check it. Waits for no disk.
///
/// # Errors
/// As for [`write()`].
pub fn write_cache(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(content)?;
    file.replace(false)
}

/// Copies a file.
///
/// # Errors
/// As for [`write()`], and when `from` cannot be read.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut file = AtomicFile::create(to)?;
    io::copy(&mut File::open(from)?, &mut file)?;
    file.commit()
}

/// Syncs a finished file to disk and moves it to its place in the same file system.
///
/// # Errors
/// When it cannot be synced or renamed.
pub fn persist(from: &Path, to: &Path) -> io::Result<()> {
    // Windows syncs only files that are open for writing.
    fs::OpenOptions::new().read(true).write(true).open(from)?.sync_all()?;
    rename(from, to)
}

/// Renames a file or folder, durably.
///
/// # Errors
/// When it cannot be renamed.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder(to)
}

/// Makes the name of a new or renamed file durable, where the file system can do so.
///
/// # Errors
/// When the disk reports an error.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    // Tested here; macOS has the same calls.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        // Some network file systems cannot sync a folder, and some folders may be written but not read.
        return synced.or_else(|error| match error.kind() {
            InvalidInput | PermissionDenied | Unsupported => Ok(()),
            _ => Err(error),
        });
    }
    // Windows opens no folder as a file, and NTFS journals names by itself, as the documentation of CreateFile and NTFS
    // says. Compiled by `scripts/windows`; wine cannot show what a power cut leaves.
    #[cfg(not(unix))]
    let _nothing_to_do = path;
    Ok(())
}

/// The file that `path` names, whether it exists or not: absolute, without `..` and symbolic links.
///
/// # Errors
/// When its folder does not exist, or it names no file.
pub fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = std::path::absolute(path)?;
    for _ in 0..MOST_LINKS {
        // `canonicalize` needs the file to exist, so only the folder goes through it.
        let folder = fs::canonicalize(path.parent().ok_or(io::ErrorKind::IsADirectory)?)?;
        let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
        let found = folder.join(name);
        match fs::read_link(&found) {
            Ok(leads_to) => path = folder.join(leads_to),
            Err(_) => return Ok(found),
        }
    }
    Err(io::Error::other("its symbolic links form a loop"))
}

/// Hidden and named so that scans skip it if a crash leaves it behind.
fn draft(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".vicinity-").suffix(".tmp");
    #[cfg(unix)] // tested here
    {
        use std::os::unix::fs::PermissionsExt;
        // As `File::create` does: restricted by the user's umask.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Whether two paths name the same file.
///
/// # Errors
/// When the folder of one of them does not exist.
pub fn is_same(a: &Path, b: &Path) -> io::Result<bool> {
    let (a, b) = (target(a)?, target(b)?);
    if a == b {
        return Ok(true);
    }
    let identity = |path: &Path| same_file::Handle::from_path(path).ok();
    if let (Some(a), Some(b)) = (identity(&a), identity(&b)) {
        return Ok(a == b);
    }
    // Only the file system knows whether names that differ in case alone are the same file.
    let fold = |path: &Path| path.to_string_lossy().to_lowercase();
    Ok(a.parent() == b.parent() && fold(&a) == fold(&b) && ignores_case(&a))
}

/// Whether names in the folder of a file that does not exist yet ignore case, tested with the folder's own name.
fn ignores_case(path: &Path) -> bool {
    let Some(folder) = path.parent() else { return false };
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let swap = |c: char| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    let other: String = name.chars().map(swap).collect();
    other != name && same_file::is_same_file(folder, folder.with_file_name(&other)).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn an_old_file_stays_until_the_new_one_is_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.csv");
        write(&path, b"old").expect("written");
        let mut file = AtomicFile::create(&path).expect("begun");
        file.write_all(&[b'x'; 1 << 20]).expect("written");
        assert_eq!(fs::read(&path).expect("there"), b"old");
        drop(file);
        assert_eq!((fs::read(&path).expect("there"), names(dir.path())), (b"old".to_vec(), vec!["a.csv".to_owned()]));
        write(&path, b"new").expect("written");
        assert_eq!((fs::read(&path).expect("there"), names(dir.path())), (b"new".to_vec(), vec!["a.csv".to_owned()]));
        assert!(AtomicFile::create(&dir.path().join("absent/a.csv")).is_err());
        assert!(AtomicFile::create(dir.path()).is_err(), "a folder");
    }

    // Tested here.
    #[cfg(unix)]
    #[test]
    fn links_modes_and_write_protection_are_respected() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = tempfile::tempdir().expect("a folder");
        let (file, link, dangling) = (dir.path().join("file"), dir.path().join("link"), dir.path().join("dangling"));
        fs::write(&file, "old").expect("written");
        let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("set");
        mode(0o640);
        symlink("file", &link).expect("a link");
        symlink("later", &dangling).expect("a link");
        write(&link, b"new").expect("written");
        assert_eq!(fs::read(&file).expect("there"), b"new");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o640);
        write(&dangling, b"made").expect("written");
        assert_eq!(fs::read(dir.path().join("later")).expect("there"), b"made");
        mode(0o440);
        assert!(write(&link, b"newer").is_err());
        assert_eq!(fs::read(&file).expect("there"), b"new");
        symlink("round", dir.path().join("round")).expect("a link");
        assert!(target(&dir.path().join("round")).is_err());
    }

    #[test]
    fn caches_copies_and_finished_files_replace_what_is_there() {
        let dir = tempfile::tempdir().expect("a folder");
        let at = |name: &str| dir.path().join(name);
        write_cache(&at("a"), b"1").expect("written");
        write_cache(&at("a"), b"2").expect("written");
        copy(&at("a"), &at("b")).expect("copied");
        fs::write(at("c.part"), b"3").expect("written");
        persist(&at("c.part"), &at("b")).expect("moved");
        rename(&at("b"), &at("d")).expect("renamed");
        assert_eq!(
            (fs::read(at("a")).expect("there"), fs::read(at("d")).expect("there")),
            (b"2".to_vec(), b"3".to_vec())
        );
        assert_eq!(names(dir.path()), ["a", "d"]);
        assert!(copy(&at("absent"), &at("a")).is_err());
        assert_eq!(names(dir.path()), ["a", "d"], "a failed copy leaves nothing behind");
    }

    #[test]
    fn one_file_by_two_names_is_one_file() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir(dir.path().join("sub")).expect("made");
        let at = |name: &str| dir.path().join(name);
        assert!(is_same(&at("a.csv"), &at("sub/../a.csv")).expect("known"));
        assert!(is_same(&at("a.csv"), &at("./a.csv")).expect("known"));
        assert!(!is_same(&at("a.csv"), &at("b.csv")).expect("known"));
        assert!(!is_same(&at("a.csv"), &at("sub/a.csv")).expect("known"));
        fs::write(at("a.csv"), "").expect("written");
        fs::hard_link(at("a.csv"), at("b.csv")).expect("linked");
        assert!(is_same(&at("a.csv"), &at("b.csv")).expect("known"));
        assert!(is_same(&at("absent/a"), &at("b")).is_err());
    }
}
