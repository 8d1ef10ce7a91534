//! Where models lie, where they come from, and how patient to be.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{cache, hub};
use vicinity_core::app_dirs;

/// Where models lie, where they come from, and how patient to be.
#[derive(Debug, Clone)]
pub struct InstallOptions {
    /// Folder of the models.
    pub dir: PathBuf,
    /// Address of the hub or a mirror of it.
    pub endpoint: String,
    /// Sent to the endpoint alone.
    pub token: Option<String>,
    /// Cache of other programs to take files from.
    pub hub_cache: Option<PathBuf>,
    /// How long a silent connection is waited for.
    pub read_timeout: Duration,
    /// First pause after a failed attempt; doubles with each.
    pub backoff: Duration,
    /// Attempts in a row that may bring nothing.
    pub max_attempts: u32,
    /// Free bytes on the disk of a folder.
    pub free_space: fn(&Path) -> io::Result<u64>,
}

impl InstallOptions {
    /// The usual ones for models in `dir`, without token and cache.
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

    /// As the environment says: `VICINITY_MODELS`, `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_CACHE`, `HF_HOME`; proxies are
    /// those of the system. `None` where the system names no home folder.
    pub fn from_environment() -> Option<Self> {
        let text = |name: &str| std::env::var(name).ok().map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let mut options = Self::new(app_dirs::models()?);
        options.endpoint = text("HF_ENDPOINT").unwrap_or(options.endpoint);
        options.token = text("HF_TOKEN");
        options.hub_cache = cache::default_dir();
        Some(options)
    }
}

/// Free bytes on the disk of `dir`, which need not exist yet.
fn free_space(dir: &Path) -> io::Result<u64> {
    let there = dir.ancestors().find(|folder| folder.exists()).unwrap_or(dir);
    fs4::available_space(there)
}
