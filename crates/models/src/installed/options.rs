//! Where models are installed, where they are downloaded from, and the limits of downloads.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{hub, hub_cache};
use vicinity_core::app_dirs;

/// Where models are installed, where they are downloaded from, and the limits of downloads.
#[derive(Debug, Clone)]
pub struct InstallOptions {
    /// Folder of installed models.
    pub dir: PathBuf,
    /// URL of the hub or of a mirror.
    pub endpoint: String,
    /// Access token; sent to the endpoint only.
    pub token: Option<String>,
    /// Cache of `huggingface_hub` to take files from, if any.
    pub hub_cache: Option<PathBuf>,
    /// After this long without a byte a connection counts as broken.
    pub read_timeout: Duration,
    /// Wait after a failed attempt; doubles with each.
    pub backoff: Duration,
    /// Attempts in a row that may fail.
    pub max_attempts: u32,
    /// Free bytes on the disk that a folder is on.
    pub free_space: fn(&Path) -> io::Result<u64>,
}

impl InstallOptions {
    /// The defaults for models in `dir`, without token and cache.
    pub fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            endpoint: hub::ENDPOINT.to_owned(),
            token: None,
            hub_cache: None,
            read_timeout: Duration::from_secs(30),
            backoff: Duration::from_millis(500),
            max_attempts: 8,
            free_space,
        }
    }

    /// From the environment: `VICINITY_MODELS`, `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_CACHE`, `HF_HOME`; proxies are
    /// those of the system. `None` if the system names no home folder.
    pub fn from_environment() -> Option<Self> {
        let text = |name: &str| std::env::var(name).ok().map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let mut options = Self::new(app_dirs::models()?);
        options.endpoint = text("HF_ENDPOINT").unwrap_or(options.endpoint);
        options.token = text("HF_TOKEN");
        options.hub_cache = hub_cache::default_dir();
        Some(options)
    }
}

/// Free bytes on the disk of `dir`, which need not exist yet.
fn free_space(dir: &Path) -> io::Result<u64> {
    let there = dir.ancestors().find(|folder| folder.exists()).unwrap_or(dir);
    fs4::available_space(there)
}
