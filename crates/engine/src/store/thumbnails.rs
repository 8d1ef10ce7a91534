//! The thumbnail cache: one small JPEG per content hash. May be deleted at any time, even while in use.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use vicinity_core::{ContentHash, atomic_file};

/// Marks a folder as a cache for backup programs and for our own scans (<https://bford.info/cachedir/>).
pub const CACHE_TAG: &str = "CACHEDIR.TAG";
/// Beginning of a cache tag file.
pub const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Upper bound of the size of a thumbnail of 256 pixels.
const MAX_BYTES: u64 = 1 << 20;

/// Separates a picture from its checksum.
const CHECKSUM_MARKER: &[u8] = b"vicinity";

/// A handle to the cache. Cheap to clone, for use by any thread.
#[derive(Debug, Clone)]
pub struct ThumbnailCache {
    dir: Arc<Path>,
    writable: bool,
    /// Whether this handle or a clone has tagged the folder as a cache.
    tagged: Arc<AtomicBool>,
}

impl ThumbnailCache {
    pub(super) fn new(library: &Path, writable: bool) -> Self {
        Self { dir: library.join("thumbs").into(), writable, tagged: Arc::default() }
    }

    /// Stores a JPEG. Errors are only logged, as a cache may lose entries.
    pub fn put(&self, hash: &ContentHash, jpeg: &[u8]) {
        if !self.writable {
            return;
        }
        let path = self.path(hash);
        if !self.tagged.swap(true, Ordering::Relaxed)
            && let Err(error) = self.tag()
        {
            log::debug!("{} was not tagged as a cache: {error}", self.dir.display());
        }
        let guarded = [jpeg, CHECKSUM_MARKER, &crc32fast::hash(jpeg).to_le_bytes()].concat();
        if let Err(error) = write(&path, &guarded) {
            log::debug!("thumbnail {} was not stored: {error}", path.display());
        }
    }

    /// The JPEG of a content, if an intact one is stored.
    pub fn get(&self, hash: &ContentHash) -> Option<Vec<u8>> {
        let mut jpeg = Vec::new();
        fs::File::open(self.path(hash)).ok()?.take(MAX_BYTES).read_to_end(&mut jpeg).ok()?;
        // Thumbnails are not synced to disk, so that one may be incomplete after a power cut, and decoders do not notice
        // every damaged byte.
        let (rest, crc) = jpeg.split_last_chunk::<4>()?;
        let picture = rest.strip_suffix(CHECKSUM_MARKER)?;
        let (whole, length) = (crc32fast::hash(picture).to_le_bytes() == *crc, picture.len());
        jpeg.truncate(length);
        (whole && jpeg.starts_with(&[0xFF, 0xD8]) && jpeg.ends_with(&[0xFF, 0xD9])).then_some(jpeg)
    }

    fn tag(&self) -> std::io::Result<()> {
        let tag = self.dir.join(CACHE_TAG);
        if tag.exists() {
            return Ok(());
        }
        write(&tag, &[CACHE_SIGNATURE, b"\n# Thumbnails of Vicinity; may be deleted at any time.\n"].concat())
    }

    fn path(&self, hash: &ContentHash) -> PathBuf {
        let name = hex::encode(hash.0);
        self.dir.join(&name[..2]).join(format!("{}.jpg", &name[2..]))
    }
}

/// Creates the folder of a file and writes the file. Not synced: every thumbnail has a checksum.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    atomic_file::write_cache(path, bytes)
}
