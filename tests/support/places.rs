//! Where tests find what they read, and how they start themselves again.

use std::path::{Path, PathBuf};

/// The folder of the project, whichever crate the tests belong to.
pub fn project_dir() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().find(|folder| folder.join("Cargo.lock").is_file()).unwrap_or(here)
}

/// The folder of test data beside the project, or `None` (reported on stderr) in a clone without it.
pub fn shared(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("VICINITY_SHARED").map_or_else(|| project_dir().join("../shared"), PathBuf::from);
    if folder.is_dir() {
        Some(folder)
    } else {
        eprintln!("skipped: {test} (../shared is absent)");
        None
    }
}

/// The full name of a test in the module `module_path!()`, as `--exact` wants it.
pub fn test_name(module: &str, test: &str) -> String {
    let within_program = module.split_once("::").map_or("", |(_, rest)| rest);
    format!("{within_program}::{test}")
}
