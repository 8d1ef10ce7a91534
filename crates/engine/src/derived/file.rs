//! The file of an artefact in its library: the kind of the artefact with its version, a checksum, a hash of what it was
//! computed from, and the artefact. Read only where all of these fit; one that does not is as good as none.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use vicinity_core::atomic_file::AtomicFile;

/// Bytes of a hash.
const HASH: usize = 32;

/// The folder of artefacts in a library. It may be deleted.
pub const FOLDER: &str = "derived";

/// What a kind of artefact was computed from: everything that would change it.
pub type InputsHash = [u8; HASH];

/// Where one kind of artefact is stored.
pub struct ArtefactFile {
    /// What its files are called.
    pub name: &'static str,
    /// What they begin with: the kind of the artefact and the version of its format and its method. A file with another
    /// one is not read.
    pub magic: [u8; 8],
}

impl ArtefactFile {
    /// The file for an artefact with these inputs.
    pub fn path(&self, library: &Path, inputs: &InputsHash) -> PathBuf {
        library.join(FOLDER).join(format!("{}-{}.bin", self.name, hex::encode(&inputs[..4])))
    }

    /// Stores an artefact, whole or not at all.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn write(&self, library: &Path, inputs: &InputsHash, body: &[u8]) -> io::Result<()> {
        std::fs::create_dir_all(library.join(FOLDER))?;
        let mut file = AtomicFile::create(&self.path(library, inputs))?;
        file.write_all(&self.magic)?;
        file.write_all(&checksum(inputs, body))?;
        file.write_all(inputs)?;
        file.write_all(body)?;
        file.commit()
    }

    /// The artefact that is stored for these inputs; `None` if it is missing, damaged or of another version.
    pub fn read(&self, library: &Path, inputs: &InputsHash) -> Option<Vec<u8>> {
        let mut bytes = std::fs::read(self.path(library, inputs)).ok()?;
        let rest = bytes.strip_prefix(&self.magic)?;
        let (found, rest) = rest.split_at_checked(HASH)?;
        let body = rest.strip_prefix(inputs)?;
        (found == checksum(inputs, body)).then_some(())?;
        Some(bytes.split_off(self.magic.len() + 2 * HASH))
    }
}

fn checksum(inputs: &InputsHash, body: &[u8]) -> [u8; HASH] {
    *blake3::Hasher::new().update(inputs).update(body).finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: ArtefactFile = ArtefactFile { name: "sums", magic: *b"VICSUM\0\x01" };

    #[test]
    fn what_was_stored_is_read_for_the_same_inputs_and_version_alone() {
        let library = tempfile::tempdir().expect("a folder");
        let (ours, others) = ([7; HASH], [8; HASH]);
        assert_eq!(FILE.read(library.path(), &ours), None);
        FILE.write(library.path(), &ours, b"body").expect("written");
        assert_eq!(FILE.read(library.path(), &ours).as_deref(), Some(&b"body"[..]));
        assert_eq!(FILE.read(library.path(), &others), None);
        let next = ArtefactFile { magic: *b"VICSUM\0\x02", ..FILE };
        assert_eq!(next.read(library.path(), &ours), None, "a new version computes it again");
        let path = FILE.path(library.path(), &ours);
        let whole = std::fs::read(&path).expect("there");
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, damaged).expect("written");
            assert_eq!(FILE.read(library.path(), &ours), None, "byte {at}");
            std::fs::write(&path, &whole[..at]).expect("written");
            assert_eq!(FILE.read(library.path(), &ours), None, "cut at {at}");
        }
        std::fs::remove_dir_all(library.path().join(FOLDER)).expect("it may be deleted");
        FILE.write(library.path(), &ours, b"again").expect("written");
    }
}
