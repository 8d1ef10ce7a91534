//! What several integration tests share.
#![allow(dead_code, reason = "each test file is its own crate and uses a part")]

use std::path::{Path, PathBuf};

/// The folder of test data beside the project, or `None` (said on stderr) where a clone stands alone.
pub fn shared(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("VICINITY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    if folder.is_dir() {
        Some(folder)
    } else {
        eprintln!("skipped: {test} (../shared is absent)");
        None
    }
}
