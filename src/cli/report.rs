//! What a report of a bug needs, as text to paste. Names of files and folders only where they are asked for.

use super::Outcome;
use super::args::Place;
use super::output::{count, line};
use super::session::{self, Session};
use crate::app::{self, Settings};
use vicinity_core::Modality;
use vicinity_core::home;
use vicinity_engine::updates::Updates;
use vicinity_engine::{choice, crash, store};
use vicinity_models::device;

/// Lines of the last crash that are shown.
const CRASH_LINES: usize = 40;

/// Prints it. What cannot be found out is said in its place: a report is made when something is broken.
pub fn print(place: &Place, names: bool) -> anyhow::Result<Outcome> {
    for text in program().into_iter().chain(graphics()).chain(models()) {
        line(&text)?;
    }
    for text in
        library(place, names).unwrap_or_else(|error| vec![row("library", &hidden(&format!("{error:#}"), names))])
    {
        line(&text)?;
    }
    last_crash(names).iter().try_for_each(|text| line(text))?;
    session::existing_if_named(place)?;
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
    let Updates { allowed, newest, .. } =
        home::settings_file().map(|file| Settings::read(&file).updates).unwrap_or_default();
    match (allowed, newest) {
        (false, _) => "are not looked for".to_owned(),
        (true, None) => "are looked for; none was told of yet".to_owned(),
        (true, Some(newest)) => format!("are looked for; the newest was {newest}"),
    }
}

/// The system's own name for itself; only Linux keeps it in a file.
fn system() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let session = std::env::var("XDG_SESSION_TYPE").unwrap_or_default();
    let parts = [name.unwrap_or(std::env::consts::OS).trim_matches('"'), kernel.trim(), session.trim()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn graphics() -> Vec<String> {
    let adapters = app::graphics();
    if adapters.is_empty() {
        return vec![row("graphics", "no driver was found")];
    }
    adapters.iter().map(|adapter| row("graphics", adapter)).collect()
}

fn models() -> Vec<String> {
    let here: Vec<String> = choice::installed().into_iter().map(|model| model.id).collect();
    vec![row("models", &if here.is_empty() { "only the built-in one".to_owned() } else { here.join(", ") })]
}

fn library(place: &Place, names: bool) -> anyhow::Result<Vec<String>> {
    let path = session::library(place)?;
    let shown = if names { format!(" in {}", path.display()) } else { String::new() };
    if !store::exists(&path) {
        return Ok(vec![row("library", &format!("none yet{shown}"))]);
    }
    let session = Session::open_quietly(place)?;
    let snapshot = session.engine.snapshot();
    let [images, texts] = [Modality::Image, Modality::Text].map(|kind| count(snapshot.count(kind) as u64));
    let model = &snapshot.parts().model;
    let failures = session.engine.failures();
    let mut rows = vec![
        row("library", &format!("{images} images, {texts} texts, {} failed{shown}", count(failures.len() as u64))),
        row("", &format!("model {} ({}), {} dimensions", model.name, model.revision, model.dim)),
    ];
    rows.extend(session.engine.check().iter().map(|trouble| row("", &hidden(trouble, names))));
    if names {
        rows.extend(snapshot.parts().roots.iter().map(|root| row("", &root.path.display().to_string())));
        rows.extend(failures.iter().map(|failed| row("", &format!("{}: {}", failed.path.display(), failed.reason))));
    }
    Ok(rows)
}

fn last_crash(names: bool) -> Vec<String> {
    let last = home::crashes().and_then(|dir| crash::reports(&dir).pop());
    let Some(text) = last.and_then(|path| std::fs::read_to_string(path).ok()) else {
        return vec![row("crash", "none is kept")];
    };
    let lines = text.lines().take(CRASH_LINES).enumerate();
    lines.map(|(i, text)| row(if i == 0 { "crash" } else { "" }, &hidden(text, names))).collect()
}

/// Without words that are paths. Those of our own source stay.
fn hidden(text: &str, names: bool) -> String {
    if names {
        return text.to_owned();
    }
    let is_path = |word: &str| word.contains(['/', '\\']) && !word.trim_start_matches("at ").starts_with("src/");
    // A path may have blanks in it: from its first word on, nothing of the line is sure.
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
    use super::hidden;

    #[test]
    fn names_of_files_are_left_out_unless_asked_for() {
        let text = "panicked at src/ui/shell.rs:12:4: cannot open /home/anna/My Diary/1.jpg: gone";
        assert_eq!(hidden(text, false), "panicked at src/ui/shell.rs:12:4: cannot open …");
        assert_eq!(hidden(text, true), text);
        assert_eq!(hidden(r"C:\Users\anna\x.jpg is damaged", false), "…");
    }
}
