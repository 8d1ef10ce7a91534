//! Whether what is here is what it was, and whether there is room for more.

use super::Shared;
use super::checksum::sha256_of;
use super::error::{ModelError, size};
use super::model_store::{ListedFile, Manifest};

impl Shared {
    /// Whether `bytes` fit on the disk of the models and leave `reserve` free.
    pub(super) fn room_for(&self, bytes: u64, reserve: u64) -> Result<(), ModelError> {
        let dir = self.store.root();
        let free = (self.options.free_space)(dir).map_err(ModelError::io(dir))?;
        if bytes == 0 || free >= bytes.saturating_add(reserve) {
            return Ok(());
        }
        let need = bytes.saturating_add(reserve);
        let missing = size(need.saturating_sub(free));
        Err(ModelError::Space { dir: dir.to_owned(), need: size(need), free: size(free), missing })
    }

    /// Re-reads every file of a model; a sentence for each that is not what the manifest says.
    pub(super) fn troubles(&self, manifest: &Manifest, mut see: impl FnMut(u64)) -> Vec<String> {
        let dir = self.store.dir(&manifest.id);
        let check = |file: &ListedFile| match sha256_of(&dir.join(&file.path), |n| {
            see(n);
            true
        }) {
            Ok(found) if found == file.sha256 => None,
            Ok(_) => Some(format!("{} is damaged: its SHA-256 does not match", file.path)),
            Err(error) => Some(format!("Could not read {}: {error}", file.path)),
        };
        manifest.files.iter().filter_map(check).collect()
    }
}
