//! What downloads, imports and checks share.

use super::error::ModelError;
use super::model_store::ModelStore;
use super::options::InstallOptions;
use vicinity_core::{NetworkLedger, format};

/// Settings, the folder of installed models, and who is notified.
pub(super) struct InstallContext {
    pub options: InstallOptions,
    pub store: ModelStore,
    pub network_log: NetworkLedger,
    /// Called when the status is worth another look.
    pub changed: Box<dyn Fn() + Send + Sync>,
}

impl InstallContext {
    /// Checks that `bytes` fit on the disk of the models and leave `reserve` bytes free.
    pub fn check_free_space(&self, bytes: u64, reserve: u64) -> Result<(), ModelError> {
        let dir = self.store.root();
        let free = (self.options.free_space)(dir).map_err(ModelError::io(dir))?;
        let need = bytes.saturating_add(reserve);
        if bytes == 0 || free >= need {
            return Ok(());
        }
        let missing = format::bytes(need.saturating_sub(free));
        Err(ModelError::Space { dir: dir.to_owned(), need: format::bytes(need), free: format::bytes(free), missing })
    }
}
