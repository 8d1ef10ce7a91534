//! What is stored about a crash: a text file on this machine, which the user may send or not.

use std::backtrace::Backtrace;
use std::fmt::Write as _;
use std::panic::{self, PanicHookInfo};
use std::path::{Path, PathBuf};

use vicinity_core::{app_dirs, worker};
use vicinity_models::guard;

/// Most reports kept; older ones are deleted.
const MAX_REPORTS: usize = 5;
/// Ending of a report that the user has seen.
const SEEN: &str = "seen.txt";

/// Installs a hook that writes a report for every panic, also for one that a worker catches. Decoders of hostile files
/// and models of strangers are the exception: if they panic, a file or model is unreadable, and that is no crash.
pub fn install_hook() {
    let otherwise = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if vicinity_media::is_guarded() || guard::is_guarded() {
            return log::debug!("a decoder or a model panicked: {info}");
        }
        if let Some(dir) = app_dirs::crashes()
            && let Err(error) = save(&dir, &report(info))
        {
            log::warn!("could not write a crash report: {error}");
        }
        if !worker::is_supervised() {
            otherwise(info);
        }
    }));
}

fn report(info: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let mut text = format!("{}\n{}\n", program(), jiff::Timestamp::now());
    let _ = writeln!(text, "thread {}: {info}\n\n{}", thread.name().unwrap_or("?"), Backtrace::force_capture());
    text
}

/// Which program this is, on one line: name, version, system.
pub fn program() -> String {
    let kind = if cfg!(debug_assertions) { "development" } else { "release" };
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("vicinity {} ({kind} build, {os} {arch})", env!("CARGO_PKG_VERSION"))
}

fn save(dir: &Path, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let time = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S-%3f");
    vicinity_core::atomic_file::write(&dir.join(format!("crash-{time}-{}.txt", std::process::id())), text.as_bytes())?;
    let all = reports(dir);
    for old in all.iter().take(all.len().saturating_sub(MAX_REPORTS)) {
        let _ = std::fs::remove_file(old);
    }
    Ok(())
}

/// All reports, the latest last.
pub fn reports(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let ours = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("crash-"));
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(ours).collect();
    all.sort();
    all
}

/// The latest report that the user has not seen yet. Each is returned once.
pub fn unseen(dir: &Path) -> Option<PathBuf> {
    let fresh = |path: &PathBuf| !path.to_string_lossy().ends_with(SEEN);
    let mut latest = None;
    for report in reports(dir).into_iter().filter(fresh) {
        let seen = report.with_extension(SEEN);
        if std::fs::rename(&report, &seen).is_ok() {
            latest = Some(seen);
        }
    }
    latest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_reports_are_kept_and_each_is_told_of_once() {
        let dir = tempfile::tempdir().expect("a folder");
        for i in 0..8 {
            std::fs::write(dir.path().join(format!("crash-20260101-00000{i}.txt")), "old").expect("written");
        }
        save(dir.path(), "the latest").expect("kept");
        let all = reports(dir.path());
        assert_eq!(all.len(), MAX_REPORTS);
        assert_eq!(std::fs::read_to_string(&all[MAX_REPORTS - 1]).expect("read"), "the latest");
        let found = unseen(dir.path()).expect("one to tell of");
        assert_eq!(std::fs::read_to_string(found).expect("still there"), "the latest");
        assert_eq!(unseen(dir.path()), None);
        assert_eq!(reports(dir.path()).len(), MAX_REPORTS);
    }
}
