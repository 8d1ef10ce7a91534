//! Where tests find what they read, how they start themselves again, and how much memory they took.

use std::path::{Path, PathBuf};
use std::process::Command;

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

/// The command that runs one test of `module_path!()` again, in a process of its own.
pub fn rerun(module: &str, test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", &test_name(module, test)]);
    command
}

/// Asserts that tests of `module_path!()` pass when the kernels are restricted to each of some instruction sets.
#[track_caller]
pub fn assert_pass_with(instruction_sets: &[&str], module: &str, tests: &[&str]) {
    for set in instruction_sets {
        for test in tests {
            let child = rerun(module, test).env("VICINITY_SIMD", set).output().expect("the test starts");
            let report = String::from_utf8_lossy(&child.stdout).into_owned();
            assert!(child.status.success() && report.contains("1 passed"), "{set}: {report}");
        }
    }
}

/// Peak resident memory of this process in MiB, where the system reports it.
pub fn peak_memory_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kb| kb / 1024)
}
