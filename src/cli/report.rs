//! Text for a bug report. File names are included only on request.

use super::args::GlobalArgs;
use super::outcome::Outcome;
use super::output::print_line;
use super::session::{self, Session};
use crate::settings::SharedSettings;
use vicinity_core::Modality;
use vicinity_core::app_dirs;
use vicinity_core::format::number;
use vicinity_engine::updates::UpdateSettings;
use vicinity_engine::{crash, model_source, store};
use vicinity_models::device;

/// Maximum lines of the last crash report.
const CRASH_LINES: usize = 40;

/// Prints the report. Errors are part of it, because a report is made when something is broken.
pub fn print(global: &GlobalArgs, include_paths: bool, adapters: Option<Vec<String>>) -> anyhow::Result<Outcome> {
    for text in program().into_iter().chain(graphics(adapters)).chain(models()) {
        print_line(&text)?;
    }
    for text in library(global, include_paths)
        .unwrap_or_else(|error| vec![row("library", &without_paths(&format!("{error:#}"), include_paths))])
    {
        print_line(&text)?;
    }
    last_crash(include_paths).iter().try_for_each(|text| print_line(text))?;
    session::existing_if_named(global)?;
    Ok(Outcome::Done)
}

fn row(name: &str, value: &str) -> String {
    format!("{name:<9}{value}")
}

fn program() -> Vec<String> {
    let mut rows = vec![row("program", &crash::program()), row("system", &system())];
    for device in device::devices() {
        rows.push(row("device", &format!("{}, {} threads, {}", device.name, device.threads, device.features)));
    }
    rows.push(row("updates", &updates()));
    rows
}

fn updates() -> String {
    let UpdateSettings { allowed, newest, .. } = SharedSettings::load().updates;
    match (allowed, newest) {
        (false, _) => "not checked".to_owned(),
        (true, None) => "checked; no newer version found yet".to_owned(),
        (true, Some(newest)) => format!("checked; newest is {newest}"),
    }
}

/// Name and version of the operating system; only Linux has them in a file.
fn system() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let session = std::env::var("XDG_SESSION_TYPE").unwrap_or_default();
    let parts = [name.unwrap_or(std::env::consts::OS).trim_matches('"'), kernel.trim(), session.trim()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn graphics(adapters: Option<Vec<String>>) -> Vec<String> {
    match adapters {
        None => vec![row("graphics", "not used: this build has no window")],
        Some(adapters) if adapters.is_empty() => vec![row("graphics", "no driver found")],
        Some(adapters) => adapters.iter().map(|adapter| row("graphics", adapter)).collect(),
    }
}

fn models() -> Vec<String> {
    let installed: Vec<String> = model_source::installed().into_iter().map(|model| model.id).collect();
    vec![row("models", &if installed.is_empty() { "only the built-in model".to_owned() } else { installed.join(", ") })]
}

fn library(global: &GlobalArgs, include_paths: bool) -> anyhow::Result<Vec<String>> {
    let path = session::library(global)?;
    let shown = if include_paths { format!(" in {}", path.display()) } else { String::new() };
    if !store::exists(&path) {
        return Ok(vec![row("library", &format!("not created yet{shown}"))]);
    }
    let session = Session::open_quietly(global)?;
    let snapshot = session.engine.snapshot();
    let [images, texts] = [Modality::Image, Modality::Text].map(|kind| number(snapshot.count(kind) as u64));
    let model = &snapshot.parts().model;
    let failures = session.engine.failures();
    let mut rows = vec![
        row("library", &format!("{images} images, {texts} texts, {} failed{shown}", number(failures.len() as u64))),
        row("", &format!("model {} ({}), {} dimensions", model.name, model.revision, model.dim)),
    ];
    rows.extend(session.engine.check().iter().map(|trouble| row("", &without_paths(trouble, include_paths))));
    if include_paths {
        rows.extend(snapshot.parts().roots.iter().map(|root| row("", &root.path.display().to_string())));
        rows.extend(failures.iter().map(|failed| row("", &format!("{}: {}", failed.path.display(), failed.reason))));
    }
    Ok(rows)
}

fn last_crash(include_paths: bool) -> Vec<String> {
    let last = app_dirs::crashes().and_then(|dir| crash::reports(&dir).pop());
    let Some(text) = last.and_then(|path| std::fs::read_to_string(path).ok()) else {
        return vec![row("crash", "no report")];
    };
    let lines = text.lines().take(CRASH_LINES).enumerate();
    lines.map(|(i, text)| row(if i == 0 { "crash" } else { "" }, &without_paths(text, include_paths))).collect()
}

/// Removes paths, except those of our own source.
fn without_paths(text: &str, include_paths: bool) -> String {
    if include_paths {
        return text.to_owned();
    }
    let is_ours = |word: &str| ["src/", "crates/"].iter().any(|folder| word.starts_with(folder));
    let is_path = |word: &str| word.contains(['/', '\\']) && !is_ours(word.trim_start_matches("at "));
    // A path may contain spaces, so everything from its first word on is removed.
    match text
        .split(' ')
        .scan(0, |at, word| Some((std::mem::replace(at, *at + word.len() + 1), word)))
        .find(|(_, word)| is_path(word))
    {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_paths;

    #[test]
    fn paths_are_removed_unless_requested() {
        let text = "panicked at src/ui/shell.rs:12:4: cannot open /home/anna/My Diary/1.jpg: gone";
        assert_eq!(without_paths(text, false), "panicked at src/ui/shell.rs:12:4: cannot open …");
        assert_eq!(without_paths(text, true), text);
        assert_eq!(without_paths(r"C:\Users\anna\x.jpg is damaged", false), "…");
    }
}
