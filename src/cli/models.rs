//! `vicinity models`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, anyhow, bail};
use serde::Serialize;

use super::args::{ModelNamesArgs, ModelsCommand, ModelsImportArgs, ModelsListArgs, ModelsVerifyArgs};
use super::interrupt::on_interrupt;
use super::outcome::Outcome;
use super::output::{JsonPath, print_error, print_json, print_line, progress_bar};
use vicinity_core::{NetworkLedger, format};
use vicinity_engine::file_content::check_regular_file;
use vicinity_engine::runtime;
use vicinity_models::catalogue::{CatalogueEntry, Recommendation, Terms};
use vicinity_models::installed::model_store::Manifest;
use vicinity_models::installed::{InstallOptions, InstallState, Models, Status};

/// Threads of the runtime: one model is downloaded at a time.
const THREADS: usize = 1;
/// Progress of a download or a check.
const PROGRESS: &str = "{wide_bar} {decimal_bytes}/{decimal_total_bytes} · {decimal_bytes_per_sec} · {eta} left";

/// Runs a command.
pub fn run(command: ModelsCommand) -> anyhow::Result<Outcome> {
    let options = InstallOptions::from_environment()
        .context("this system has no home folder; set VICINITY_MODELS to a folder for models")?;
    let runtime = runtime::network(THREADS).context("could not start the network threads")?;
    let models = Models::open(options, runtime.handle().clone(), NetworkLedger::default(), || {});
    match command {
        ModelsCommand::List(args) => list(&models, &args),
        ModelsCommand::Download(args) => download(models, &args),
        ModelsCommand::Import(args) => import(&models, &args),
        ModelsCommand::Remove(args) => remove(&models, &args),
        ModelsCommand::Verify(args) => verify(&models, args),
    }
}

#[derive(Serialize)]
struct ModelLine<'a> {
    id: &'a str,
    title: &'a str,
    /// Kept for scripts; `status` has the words that people read.
    state: &'static str,
    status: &'static str,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    licence: &'a str,
    terms: Option<Terms>,
    choice: Option<Recommendation>,
    languages: Option<&'a str>,
    dimensions: &'a [usize],
    about: &'a str,
}

fn list(models: &Models, args: &ModelsListArgs) -> anyhow::Result<Outcome> {
    let installed = |status: &Status| matches!(status.state, InstallState::Installed { .. });
    let shown: Vec<Status> =
        models.status().into_iter().filter(|status| !args.installed || installed(status)).collect();
    if !args.json {
        print_line("NAME                        STATE          SIZE     DIMENSIONS  LANGUAGES    LICENCE")?;
    }
    for status in &shown {
        let manifest = models.find(&status.id).map(|(_, manifest)| manifest);
        if args.json {
            print_json(&describe(status, manifest.as_ref()))?;
        } else {
            print_line(&row(status, manifest.as_ref()))?;
        }
    }
    Ok(if shown.is_empty() { Outcome::Nothing } else { Outcome::Done })
}

fn describe<'a>(status: &'a Status, manifest: Option<&'a Manifest>) -> ModelLine<'a> {
    let (known, own) = (status.entry, manifest.map_or(status.id.as_str(), |m| m.title.as_str()));
    let done = done(&status.state);
    ModelLine {
        id: &status.id,
        title: known.map_or(own, |known| known.title),
        state: old_state(&status.state),
        status: state(&status.state),
        bytes: bytes(status),
        done,
        revision: manifest.map(|m| m.revision.clone()),
        licence: licence(known, manifest),
        terms: known.map_or_else(|| manifest.and_then(|m| m.terms), |known| Some(known.licence.terms)),
        choice: known.and_then(|known| known.recommended_as),
        languages: known.map(|known| known.languages),
        dimensions: known.map_or(&[], |known| known.dimensions),
        about: known.map_or("", |known| known.about),
    }
}

fn row(status: &Status, manifest: Option<&Manifest>) -> String {
    let known = status.entry;
    let dimensions = known.map_or_else(|| "?".to_owned(), |known| dimensions(known.dimensions));
    let warning = known.and_then(|known| known.licence.terms.warning());
    let choice = known.and_then(|known| known.recommended_as).map(|choice| format!("  * {}", choice.title()));
    format!(
        "{:<26}  {:<13}  {:<7}  {:<10}  {:<11}  {}{}{}",
        status.id,
        state(&status.state),
        format::bytes(bytes(status)),
        dimensions,
        known.map_or("?", |known| known.languages),
        licence(known, manifest),
        warning.map(|warning| format!(" ({warning})")).unwrap_or_default(),
        choice.unwrap_or_default()
    )
}

fn dimensions(all: &[usize]) -> String {
    match all {
        [] => "?".to_owned(),
        [one] => one.to_string(),
        [most, .., least] => format!("{most}..{least}"),
    }
}

fn licence<'a>(known: Option<&'a CatalogueEntry>, manifest: Option<&'a Manifest>) -> &'a str {
    known.map_or_else(|| manifest.map_or("unknown", |m| m.licence.as_str()), |known| known.licence.name)
}

fn bytes(status: &Status) -> u64 {
    match status.state {
        InstallState::Installed { bytes } => bytes,
        _ => status.entry.map_or(0, |known| known.bytes),
    }
}

fn state(standing: &InstallState) -> &'static str {
    match standing {
        InstallState::NotInstalled => "not installed",
        InstallState::Downloading(_) => "downloading",
        InstallState::Paused(_) => "partial",
        InstallState::Installed { .. } => "installed",
        InstallState::Failed { .. } => "failed",
    }
}

fn old_state(standing: &InstallState) -> &'static str {
    match standing {
        InstallState::NotInstalled => "not here",
        InstallState::Downloading(_) => "coming",
        InstallState::Paused(_) => "partly here",
        InstallState::Installed { .. } => "here",
        InstallState::Failed { .. } => "failed",
    }
}

fn done(standing: &InstallState) -> Option<u64> {
    match standing {
        InstallState::Downloading(progress) | InstallState::Paused(progress) => Some(progress.done),
        _ => None,
    }
}

#[derive(Serialize)]
struct FolderLine<'a> {
    id: &'a str,
    #[serde(flatten)]
    path: JsonPath,
    revision: &'a str,
    bytes: u64,
    received: u64,
}

fn download(models: Models, args: &ModelNamesArgs) -> anyhow::Result<Outcome> {
    let models = Arc::new(models);
    let stop = pause_on_interrupt(&models, &args.ids);
    for id in &args.ids {
        let before = received(&models);
        models.start(id)?;
        let bar = progress_bar(PROGRESS);
        let standing = models.wait(id, |progress| {
            if let Some(bar) = &bar {
                bar.set_length(progress.total);
                bar.set_position(progress.done);
            }
        });
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        match standing {
            Some(InstallState::Installed { .. }) => {
                print_installed(&models, id, received(&models) - before, args.json)?;
            }
            Some(InstallState::Failed { reason }) => bail!("{id}: {reason}"),
            _ if stop.load(Ordering::Relaxed) => bail!("stopped; run `vicinity models download {id}` again to resume"),
            _ => bail!("download of {id} failed"),
        }
    }
    Ok(Outcome::Done)
}

/// Bytes received over the network so far.
fn received(models: &Models) -> u64 {
    models.network_log().uses().iter().map(|host| host.bytes).sum()
}

/// Prints a line about an installed model.
fn print_installed(models: &Models, id: &str, received: u64, as_json: bool) -> anyhow::Result<()> {
    let Some((path, manifest)) = models.find(id) else { bail!("{id} is built in: there is nothing to download") };
    if as_json {
        let bytes = manifest.bytes();
        return print_json(&FolderLine {
            id,
            path: path.as_path().into(),
            revision: &manifest.revision,
            bytes,
            received,
        });
    }
    Ok(print_line(&format!("{id} is installed: {} in {}", format::bytes(manifest.bytes()), path.display()))?)
}

/// Ctrl-C pauses the downloads, which keeps what was received; the value says whether it did.
fn pause_on_interrupt(models: &Arc<Models>, ids: &[String]) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let (flag, models, ids) = (Arc::clone(&stop), Arc::downgrade(models), ids.to_vec());
    on_interrupt(move || {
        flag.store(true, Ordering::Relaxed);
        if let Some(models) = models.upgrade() {
            ids.iter().for_each(|id| models.pause(id));
        }
    });
    stop
}

fn import(models: &Models, args: &ModelsImportArgs) -> anyhow::Result<Outcome> {
    if !args.path.exists() {
        bail!("{}: no such file or folder", args.path.display());
    }
    if !args.path.is_dir() {
        check_regular_file(&args.path).map_err(|reason| anyhow!(reason))?;
    }
    let path = std::path::absolute(&args.path)?;
    let manifest = models.import(&path, args.name.as_deref())?;
    print_installed(models, &manifest.id, 0, args.json)?;
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct RemovedLine<'a> {
    id: &'a str,
    removed: bool,
}

fn remove(models: &Models, args: &ModelNamesArgs) -> anyhow::Result<Outcome> {
    for id in &args.ids {
        models.remove(id)?;
        if args.json {
            print_json(&RemovedLine { id, removed: true })?;
        } else {
            print_line(&format!("{id} was removed"))?;
        }
    }
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct VerifiedLine<'a> {
    id: &'a str,
    sound: bool,
    troubles: &'a [String],
}

fn verify(models: &Models, args: ModelsVerifyArgs) -> anyhow::Result<Outcome> {
    let installed = || models.store().all().into_iter().map(|manifest| manifest.id).collect();
    let ids: Vec<String> = if args.ids.is_empty() { installed() } else { args.ids };
    let mut damaged = Vec::new();
    for id in &ids {
        let bar = progress_bar(PROGRESS);
        if let (Some(bar), Some((_, manifest))) = (&bar, models.find(id)) {
            bar.set_length(manifest.bytes());
        }
        let troubles = models.verify(id, |read| bar.iter().for_each(|bar| bar.inc(read)));
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        let troubles = troubles?;
        if args.json {
            print_json(&VerifiedLine { id, sound: troubles.is_empty(), troubles: &troubles })?;
        } else if troubles.is_empty() {
            print_line(&format!("{id}: ok"))?;
        }
        troubles.iter().for_each(|trouble| print_error(&format!("{id}: {trouble}")));
        damaged.extend((!troubles.is_empty()).then_some(id.as_str()));
    }
    match damaged.as_slice() {
        [] if ids.is_empty() => Ok(Outcome::Nothing),
        [] => Ok(Outcome::Done),
        ids => bail!("damaged: {}; run `vicinity models download` to repair models from the hub", ids.join(", ")),
    }
}
