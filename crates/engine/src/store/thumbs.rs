//! The cache of thumbnails: one small JPEG a content hash. May be deleted at any time, also while in use.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use vicinity_core::ContentHash;

/// Tells backup programs and ourselves that a folder holds nothing of value (<https://bford.info/cachedir/>).
pub const CACHE_TAG: &str = "CACHEDIR.TAG";
/// With which such a file begins.
pub const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// No thumbnail of 256 pixels is larger; whatever is, is not ours.
const MAX_BYTES: u64 = 1 << 20;

/// Stands between a picture and its checksum.
const GUARD: &[u8] = b"vicinity";

/// A cheap handle on the cache; any thread may use its own clone.
#[derive(Debug, Clone)]
pub struct ThumbnailCache {
    dir: Arc<Path>,
    writable: bool,
    /// Whether the folder was marked as a cache by this handle or a clone.
    tagged: Arc<AtomicBool>,
}

impl ThumbnailCache {
    pub(super) fn new(library: &Path, writable: bool) -> Self {
        Self { dir: library.join("thumbs").into(), writable, tagged: Arc::default() }
    }

    /// Keeps a JPEG. A cache may forget: failing to write is noted in the log only.
    pub fn put(&self, hash: &ContentHash, jpeg: &[u8]) {
        if !self.writable {
            return;
        }
        let path = self.path(hash);
        if !self.tagged.swap(true, Ordering::Relaxed)
            && let Err(error) = self.tag()
        {
            log::debug!("{} was not marked as a cache: {error}", self.dir.display());
        }
        let guarded = [jpeg, GUARD, &crc32fast::hash(jpeg).to_le_bytes()].concat();
        if let Err(error) = write_whole(&path, &guarded) {
            log::debug!("thumbnail {} was not kept: {error}", path.display());
        }
    }

    /// The JPEG kept for a content, if there is a whole one.
    pub fn get(&self, hash: &ContentHash) -> Option<Vec<u8>> {
        let mut jpeg = Vec::new();
        fs::File::open(self.path(hash)).ok()?.take(MAX_BYTES).read_to_end(&mut jpeg).ok()?;
        // Thumbnails are not synced to disk: after a power cut one may be there in part. Nor is a decoder sure to notice
        // a damaged byte.
        let (rest, crc) = jpeg.split_last_chunk::<4>()?;
        let picture = rest.strip_suffix(GUARD)?;
        let (whole, length) = (crc32fast::hash(picture).to_le_bytes() == *crc, picture.len());
        jpeg.truncate(length);
        (whole && jpeg.starts_with(&[0xFF, 0xD8]) && jpeg.ends_with(&[0xFF, 0xD9])).then_some(jpeg)
    }

    fn tag(&self) -> std::io::Result<()> {
        let tag = self.dir.join(CACHE_TAG);
        if tag.exists() {
            return Ok(());
        }
        write_whole(&tag, &[CACHE_SIGNATURE, b"\n# Thumbnails of Vicinity; may be deleted at any time.\n"].concat())
    }

    fn path(&self, hash: &ContentHash) -> PathBuf {
        let name: String = hash.0.iter().map(|byte| format!("{byte:02x}")).collect();
        self.dir.join(&name[..2]).join(format!("{}.jpg", &name[2..]))
    }
}

/// Writes beside and renames, so that a reader sees a whole file or none.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let name = format!("{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let beside = path.with_extension(name);
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _best_effort = fs::remove_file(&beside);
    }
    written
}
