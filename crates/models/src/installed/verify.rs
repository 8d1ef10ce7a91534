//! Checks the files of an installed model against its manifest.

use super::checksum::sha256_of;
use super::model_store::{ListedFile, Manifest, ModelStore};

/// A file of an installed model that is not what its manifest says.
#[derive(Debug, thiserror::Error)]
pub enum InstalledFileProblem {
    /// Its content differs.
    #[error("{path} is damaged: its SHA-256 does not match")]
    Damaged {
        /// Path inside the model's folder.
        path: String,
    },
    /// It is missing, or the system cannot read it.
    #[error("Could not read {path}: {source}")]
    Unreadable {
        /// Path inside the model's folder.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// Re-reads every file of a model; `on_read` receives the number of bytes read at each step.
pub(super) fn problems(
    store: &ModelStore,
    manifest: &Manifest,
    mut on_read: impl FnMut(u64),
) -> Vec<InstalledFileProblem> {
    let dir = store.dir(&manifest.id);
    let check = |file: &ListedFile| {
        let path = file.path.clone();
        match sha256_of(&dir.join(&path), &mut on_read) {
            Ok(found) if found == file.sha256 => None,
            Ok(_) => Some(InstalledFileProblem::Damaged { path }),
            Err(source) => Some(InstalledFileProblem::Unreadable { path, source }),
        }
    };
    manifest.files.iter().filter_map(check).collect()
}
