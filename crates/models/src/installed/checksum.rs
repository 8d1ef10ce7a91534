//! Checksums of files: SHA-256, and Git's own hash, which is the only one the hub reports for small files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Bytes per read.
const CHUNK: usize = 1 << 18;

/// The hash that a file must have.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedHash {
    /// SHA-256 of the content.
    Sha256(String),
    /// SHA-1 of Git's blob: a header with the length, then the content.
    GitSha1(String),
}

impl ExpectedHash {
    /// From an entity tag of the hub, if that is a hash.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let tag = tag.trim().trim_start_matches("W/").trim_matches('"').to_ascii_lowercase();
        match tag.len() {
            _ if !tag.bytes().all(|b| b.is_ascii_hexdigit()) => None,
            64 => Some(Self::Sha256(tag)),
            40 => Some(Self::GitSha1(tag)),
            _ => None,
        }
    }
}

/// Computes both hashes of a content whose length is known.
#[derive(Clone)]
pub struct FileHasher {
    sha256: Sha256,
    git: Sha1,
    /// Bytes hashed so far.
    pub done: u64,
}

impl FileHasher {
    /// For a content of `total` bytes.
    pub fn new(total: u64) -> Self {
        let git = Sha1::new().chain_update(format!("blob {total}\0"));
        Self { sha256: Sha256::new(), git, done: 0 }
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.git.update(bytes);
        self.done += bytes.len() as u64;
    }

    /// The SHA-256, and whether the content is as expected.
    pub fn finish(self, expected: &ExpectedHash) -> (String, bool) {
        let (sha256, git) = (hex::encode(self.sha256.finalize()), hex::encode(self.git.finalize()));
        let right = match expected {
            ExpectedHash::Sha256(wanted) => *wanted == sha256,
            ExpectedHash::GitSha1(wanted) => *wanted == git,
        };
        (sha256, right)
    }
}

/// Hashes a whole file into `hasher`. `on_read` receives the number of bytes at each step; false ends it.
pub fn read_into(hasher: &mut FileHasher, path: &Path, mut on_read: impl FnMut(u64) -> bool) -> io::Result<()> {
    read_chunks(path, |bytes| {
        hasher.update(bytes);
        on_read(bytes.len() as u64)
    })
}

/// SHA-256 of a file, in hex. `on_read` receives the number of bytes at each step.
pub fn sha256_of(path: &Path, mut on_read: impl FnMut(u64)) -> io::Result<String> {
    let mut hash = Sha256::new();
    read_chunks(path, |bytes| {
        hash.update(bytes);
        on_read(bytes.len() as u64);
        true
    })?;
    Ok(hex::encode(hash.finalize()))
}

/// Reads a whole file piece by piece; false ends it with [`io::ErrorKind::Interrupted`].
fn read_chunks(path: &Path, mut on_chunk: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; CHUNK];
    loop {
        let n = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..n).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
        if !on_chunk(bytes) {
            return Err(io::ErrorKind::Interrupted.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_hashes_are_the_known_ones() {
        // `printf hello | sha256sum` and `printf hello | git hash-object --stdin`
        let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let git = ExpectedHash::from_tag("W/\"b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0\"").expect("a hash");
        let mut hasher = FileHasher::new(5);
        hasher.update(b"hel");
        hasher.update(b"lo");
        assert_eq!(hasher.clone().finish(&git), (sha256.to_owned(), true));
        assert_eq!(hasher.clone().finish(&ExpectedHash::Sha256(sha256.to_owned())), (sha256.to_owned(), true));
        assert!(!hasher.finish(&ExpectedHash::GitSha1(git_of_nothing())).1);
        assert_eq!(ExpectedHash::from_tag("\"abc\""), None);
    }

    fn git_of_nothing() -> String {
        "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391".to_owned()
    }
}
