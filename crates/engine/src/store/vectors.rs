//! The vector file of one model: a 64-byte header, then rows of `dim` little-endian f32. Append-only.
//!
//! Only the catalog says how many rows are committed. Anything after them is the incomplete tail of a batch that was never
//! committed, and is overwritten. A row is never changed in place, and the file is never truncated below its committed
//! length, so a mapping in any process stays valid. Only committed rows are mapped, and never more than the file holds:
//! reading a mapped page after the end of a file kills the process (SIGBUS). Another program that truncates a mapped file
//! cannot be guarded against.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::MmapOptions;
use rayon::prelude::*;

use crate::snapshot::Vectors;
use vicinity_core::atomic_file;
use vicinity_models::ModelKey;

#[cfg(target_endian = "big")]
compile_error!("vector files are mapped as little-endian numbers");

const MAGIC: [u8; 8] = *b"VICVECT\x01";
/// Bytes before the first row; keeps rows of 16 f32 and more on cache lines.
pub(super) const HEADER: usize = 64;

/// Result of looking at a vector file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileCheck {
    /// A file of this model with this number of complete rows.
    Rows(u64),
    /// There is no file.
    Missing,
    /// Another file, or a damaged header.
    Foreign,
}

/// The vector file of one model.
#[derive(Debug, Clone)]
pub(super) struct VectorFile {
    path: PathBuf,
    dim: usize,
    key: [u8; 32],
}

impl VectorFile {
    /// The file called `name` of the library in a folder.
    pub(super) fn named(library: &Path, name: &str, model: &ModelKey) -> Self {
        Self::new(library.join("vectors").join(name), model)
    }

    /// Describes the file without opening it.
    pub(super) fn new(path: PathBuf, model: &ModelKey) -> Self {
        Self { path, dim: model.dim, key: key_hash(model) }
    }

    /// Path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Checks the header and the length.
    pub(super) fn inspect(&self) -> io::Result<FileCheck> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(FileCheck::Missing),
            Err(error) => return Err(error),
        };
        let mut header = [0; HEADER];
        match file.read_exact(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(FileCheck::Foreign),
            other => other?,
        }
        if header != self.header() {
            return Ok(FileCheck::Foreign);
        }
        Ok(FileCheck::Rows((file.metadata()?.len() - HEADER as u64) / self.row_bytes()))
    }

    /// Creates an empty file, replacing any other.
    pub(super) fn create(&self) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        atomic_file::write(&self.path, &self.header())
    }

    /// Writes rows after the first `committed` ones and syncs them to disk. Returns their checksums. After an error the
    /// file is unchanged.
    pub(super) fn append<'a>(&self, committed: u32, rows: impl Iterator<Item = &'a [f32]>) -> io::Result<Vec<u32>> {
        let mut bytes = Vec::new();
        let mut checksums = Vec::new();
        for (at, row) in (committed..).zip(rows) {
            debug_assert_eq!(row.len(), self.dim);
            bytes.extend(row.iter().flat_map(|v| v.to_le_bytes()));
            checksums.push(checksum(at, row));
        }
        let end = self.end_of(committed);
        let mut file = OpenOptions::new().write(true).open(&self.path)?;
        let written = (|| {
            // A file that has been truncated since it was checked must not get a hole of zeros.
            if file.metadata()?.len() < end {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the vector file is truncated"));
            }
            file.seek(SeekFrom::Start(end))?;
            file.write_all(&bytes)?;
            file.sync_data()
        })();
        if written.is_err() {
            self.cut(committed);
        }
        written.map(|()| checksums)
    }

    /// Truncates the file after the committed rows, best effort: the rest would be overwritten anyway.
    pub(super) fn cut(&self, committed: u32) {
        let end = self.end_of(committed);
        let cut = OpenOptions::new()
            .write(true)
            .open(&self.path)
            .and_then(|file| if file.metadata()?.len() > end { file.set_len(end) } else { Ok(()) });
        if let Err(error) = cut {
            log::debug!("the tail of {} was not truncated: {error}", self.path.display());
        }
    }

    /// Maps the first `rows` rows, or fewer if the file is shorter.
    pub(super) fn map(&self, rows: u32) -> io::Result<Vectors> {
        let file = File::open(&self.path)?;
        let len = self.end_of(rows).min(file.metadata()?.len());
        let len = usize::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        if len <= HEADER {
            return Ok(Vectors::Owned(Arc::new([])));
        }
        // SAFETY: the mapped range is within the file, which only grows (see the module documentation), and every bit
        // pattern is a valid f32.
        let map = unsafe { MmapOptions::new().len(len).map(&file)? };
        Ok(Vectors::Mapped { map: Arc::new(map), offset: HEADER })
    }

    /// The header of a file of this model.
    pub(super) fn header(&self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(&MAGIC);
        header[8..16].copy_from_slice(&(self.dim as u64).to_le_bytes());
        header[16..48].copy_from_slice(&self.key);
        header
    }

    /// Number of dimensions of a vector.
    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    /// Bytes of a row.
    pub(super) fn row_bytes(&self) -> u64 {
        self.dim.max(1) as u64 * 4
    }

    fn end_of(&self, rows: u32) -> u64 {
        HEADER as u64 + u64::from(rows) * self.row_bytes()
    }
}

/// Checksum of one row and its number, so that a row in the wrong place is detected too.
pub(super) fn checksum(row: u32, values: &[f32]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&row.to_le_bytes());
    hasher.update(bytemuck::cast_slice(values));
    hasher.finalize()
}

/// Number of rows that are checked before their memory is released.
const CHECKED_AT_ONCE: usize = 16_384;

/// The numbers of those `rows` (number, checksum) that are damaged; none more once `cancelled` says so.
pub(super) fn damaged(
    vectors: &Vectors,
    dim: usize,
    mut rows: Vec<(u32, u32)>,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Vec<u32> {
    // In file order: the file may be larger than memory.
    rows.par_sort_unstable();
    let is_damaged =
        |(row, sum): &&(u32, u32)| vectors.row(*row, dim).is_none_or(|values| checksum(*row, values) != *sum);
    rows.par_chunks(CHECKED_AT_ONCE)
        .flat_map_iter(|rows| {
            if cancelled() {
                return Vec::new();
            }
            let found: Vec<u32> = rows.iter().filter(is_damaged).map(|(row, _)| *row).collect();
            if let [(first, _), .., (last, _)] = rows {
                vectors.release(*first..last.saturating_add(1), dim);
            }
            found
        })
        .collect()
}

/// Identifies an embedding space.
pub(super) fn key_hash(model: &ModelKey) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in [&model.name, &model.revision, &model.preprocessing] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.update(&(model.dim as u64).to_le_bytes());
    *hasher.finalize().as_bytes()
}

/// A recognisable file name that is unique to the model.
pub(super) fn file_name(model: &ModelKey) -> String {
    let name: String = model
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(40)
        .collect();
    let hash = hex::encode(&key_hash(model)[..4]);
    format!("{name}-{hash}.f32")
}

/// The name of the file that replaces `file` when it is compacted. Names are never used again, so that nobody takes a new
/// file for an old one.
pub(super) fn next_file_name(file: &str, model: &ModelKey) -> String {
    let first = file_name(model);
    let stem = first.trim_end_matches(".f32");
    format!("{stem}.{}.f32", number_of(file, stem).unwrap_or(0) + 1)
}

/// How often the file called `name` was compacted; `None` if it is not a file of this model.
fn number_of(name: &str, stem: &str) -> Option<u32> {
    let number = name.strip_prefix(stem)?.strip_suffix(".f32")?;
    if number.is_empty() { Some(0) } else { number.strip_prefix('.')?.parse().ok() }
}

/// The newest vector file of a model in a folder.
pub(super) fn find_file(folder: &Path, model: &ModelKey) -> Option<String> {
    let first = file_name(model);
    let stem = first.trim_end_matches(".f32");
    let names = std::fs::read_dir(folder).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let is_whole =
        |name: &String| matches!(VectorFile::new(folder.join(name), model).inspect(), Ok(FileCheck::Rows(_)));
    let found = names.filter_map(|name| Some((number_of(&name, stem)?, name))).filter(|(_, name)| is_whole(name));
    found.max().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::checksum;

    #[test]
    fn a_checksum_knows_its_place_and_its_bits() {
        let flipped = f32::from_bits(0.8_f32.to_bits() ^ 1);
        assert_eq!(checksum(3, &[0.6, 0.8]), checksum(3, &[0.6, 0.8]));
        assert_ne!(checksum(3, &[0.6, 0.8]), checksum(4, &[0.6, 0.8]));
        assert_ne!(checksum(3, &[0.6, 0.8]), checksum(3, &[0.6, flipped]));
    }
}
