//! All commands but `index`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use serde::Serialize;

use super::args::{Command, ExportArgs, InfoArgs, LabelsArgs, MapArgs, Place, SearchArgs};
use super::output::{JsonPath, complain, count, json, line, on_terminal};
use super::session::{self, Session};
use super::{Outcome, embed, index, models, pages, serve};
use vicinity_core::atomic_file::is_same;
use vicinity_core::path_bytes::{path_bytes, path_text};
use vicinity_core::{
    Filter, Item, LabelScore, LabelSet, Layout, LayoutMethod, Modality, Query, QueryPart, Scoring, SearchResult,
};
use vicinity_engine::choice::ModelSource;
use vicinity_engine::content::open;
use vicinity_engine::labels::{LabelVectors, parse};
use vicinity_engine::running::{DeviceLine, Running};
use vicinity_engine::searcher::embed_content;
use vicinity_engine::trust::{self, Candidate, Verdict};
use vicinity_engine::{Event, Job, Notice, SearchSlot, Severity, Snapshot, export, map_image, outputs, scan, store};
use vicinity_media::Content;
use vicinity_models::device::DeviceId;
use vicinity_models::{Model, device, golden};

/// Runs a command.
pub fn run(command: Command, place: &Place) -> anyhow::Result<Outcome> {
    match command {
        Command::Index(args) => index::run(args, place),
        Command::Search(args) => search(args, place),
        Command::Labels(args) => labels(&args, place),
        Command::Map(args) => map(&args, place),
        Command::Export(args) => export(&args, place),
        Command::Embed(args) => embed::run(args, place),
        Command::Serve(args) => serve::run(args, place),
        Command::Info(args) => info(&args, place),
        Command::Doctor(args) if args.report => super::report::print(place, args.names),
        Command::Doctor(_) => doctor(place),
        Command::Models(command) => models::run(command),
        Command::Completions { shell } => pages::completions(shell),
        Command::Manual { dir } => pages::manual(&dir),
    }
}

fn sentence(reason: String) -> anyhow::Error {
    anyhow!(reason)
}

#[derive(Serialize)]
struct HitLine<'a> {
    rank: usize,
    score: f32,
    modality: Modality,
    #[serde(flatten)]
    path: JsonPath,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snippet: Option<&'a str>,
}

fn search(args: SearchArgs, place: &Place) -> anyhow::Result<Outcome> {
    let text = args.text.filter(|text| !text.trim().is_empty()).map(QueryPart::Text);
    let parts: Vec<QueryPart> = text.into_iter().chain(args.image.map(QueryPart::File)).collect();
    if parts.is_empty() {
        bail!("nothing is asked: give words or --image FILE");
    }
    let folder = args.folder.map(|folder| scan::resolved(&folder));
    let query = Query {
        parts,
        filter: Filter { modality: args.modality.modality(), folder, name: None },
        scoring: if args.raw { Scoring::RawCosine } else { Scoring::Centred },
        k: args.k,
    };
    let session = Session::open_cut(place, args.cut)?;
    let slot = SearchSlot::Results;
    let found = session.ask(Job::Search { slot, ticket: 1, query }, |event| match event {
        Event::Found { result, .. } => Some(result),
        _ => None,
    })?;
    let found = found.map_err(sentence)?;
    print_hits(&session.engine.snapshot(), &found, args.json)?;
    Ok(if found.hits.is_empty() { Outcome::Nothing } else { Outcome::Done })
}

fn print_hits(snapshot: &Snapshot, found: &SearchResult, as_json: bool) -> anyhow::Result<()> {
    for (at, hit) in found.hits.iter().enumerate() {
        let Some(item) = snapshot.get(hit.item) else { continue };
        let (rank, score, snippet) = (at + 1, hit.score, item.snippet.as_deref());
        if as_json {
            json(&HitLine {
                rank,
                score,
                modality: hit.modality,
                path: JsonPath::from(&*item.path),
                row: item.row,
                snippet,
            })?;
        } else {
            line(&format!("{rank:>3}  {score:>6.3}  {:<5}  {}", hit.modality.as_str(), place(item)))?;
        }
    }
    Ok(())
}

fn place(item: &Item) -> String {
    match item.row {
        Some(row) => format!("{}:{row}", item.path.display()),
        None => item.path.display().to_string(),
    }
}

#[derive(Serialize)]
struct LabelLine<'a> {
    #[serde(flatten)]
    path: JsonPath,
    label: &'a str,
    score: f32,
    share: f32,
}

fn labels(args: &LabelsArgs, place: &Place) -> anyhow::Result<Outcome> {
    let set = match &args.labels {
        None => LabelSet::default(),
        Some(file) => label_file(file)?,
    };
    if set.labels.is_empty() {
        return Ok(Outcome::Nothing);
    }
    if place.library.is_some() {
        session::existing(place)?;
    }
    let model = session::model(place)?;
    let dim = args.cut.dimensions.unwrap_or(model.info.key.dim);
    model.info.check_dim(dim).map_err(sentence)?;
    let vectors = LabelVectors::new(&set, model.text.as_ref(), &model.info)?.truncated(dim)?;
    let score = |path: &Path| {
        let found = embed_content(&model, open(path, false)?, Default::default())
            .map_err(|reason| format!("{}: {reason}", path.display()))?;
        let cut = found.embedding.truncated(dim).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok::<_, String>(vectors.score(cut.as_slice(), found.modality))
    };
    let mut failed = 0;
    for path in &args.files {
        match score(path) {
            Ok(scores) => {
                print_labels(path, &scores[..scores.len().min(args.k.unwrap_or(usize::MAX))], &set, args.json)?
            }
            Err(reason) => {
                failed += 1;
                complain(&reason);
            }
        }
    }
    match failed {
        0 => Ok(Outcome::Done),
        _ => bail!("{failed} of {} files could not be labelled", args.files.len()),
    }
}

fn print_labels(path: &Path, scores: &[LabelScore], set: &LabelSet, as_json: bool) -> anyhow::Result<()> {
    if !as_json {
        line(&path.display().to_string())?;
    }
    for fit in scores {
        let label = set.labels[fit.label].as_str();
        if as_json {
            json(&LabelLine { path: path.into(), label, score: fit.score, share: fit.share })?;
        } else {
            line(&format!("  {:>5.1} %  {:>6.3}  {label}", 100.0 * fit.share, fit.score))?;
        }
    }
    Ok(())
}

fn label_file(file: &Path) -> anyhow::Result<LabelSet> {
    match open(file, false).map_err(sentence)? {
        Content::Text(text) => Ok(parse(&file.display().to_string(), &text)),
        _ => bail!("{} is not a list of labels", file.display()),
    }
}

fn map(args: &MapArgs, place: &Place) -> anyhow::Result<Outcome> {
    args.out.as_deref().map_or(Ok(()), map_image::check_picture).map_err(sentence)?;
    args.positions.as_deref().map_or(Ok(()), map_image::check_table).map_err(sentence)?;
    let session = Session::open_cut(place, args.cut)?;
    let outputs: Vec<&Path> = args.out.iter().chain(&args.positions).map(PathBuf::as_path).collect();
    check_outputs(&session, &outputs)?;
    if session.engine.snapshot().is_empty() {
        return Ok(Outcome::Nothing);
    }
    let (session, layout) = match session.engine.stored_layout() {
        Some(layout) if covers(&layout, &session.engine.snapshot()) => (session, Arc::new(layout)),
        _ => {
            drop(session);
            // what is laid out now is kept for the next time
            let session = Session::open_to_write(place)?;
            let layout = layout(&session, &session.engine.snapshot())?;
            (session, layout)
        }
    };
    let snapshot = session.engine.snapshot();
    if let Some(path) = &args.out {
        let picture = map_image::render(&snapshot, &layout, [args.size; 2], args.dark);
        map_image::write_picture(&picture, path).map_err(sentence)?;
    }
    if let Some(path) = &args.positions {
        map_image::write_positions(&snapshot, &layout, path).map_err(sentence)?;
    }
    Ok(Outcome::Done)
}

/// Whether every item was laid out together with the others.
fn covers(layout: &Layout, snapshot: &Snapshot) -> bool {
    layout.method == LayoutMethod::Umap && layout.epoch == snapshot.epoch() && layout.settled == snapshot.len()
}

fn layout(session: &Session, snapshot: &Snapshot) -> anyhow::Result<Arc<Layout>> {
    let bar = on_terminal().then(|| indicatif::ProgressBar::new(100));
    let layout = session.ask(Job::Project(LayoutMethod::Umap), |event| match event {
        Event::Layout(layout) if covers(&layout, snapshot) => Some(Ok(layout)),
        Event::Notice(notice) if notice.severity == Severity::Error => Some(Err(sentence(notice.text))),
        Event::Projecting(Some(progress)) => {
            if let Some(bar) = &bar {
                bar.set_position((100.0 * progress.share) as u64);
            }
            None
        }
        _ => None,
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    layout?
}

/// Before any work: whether files can be written there, and are not ones that the library was made of.
fn check_outputs(session: &Session, outputs: &[&Path]) -> anyhow::Result<()> {
    outputs::check(&session.engine.snapshot(), outputs).map_err(sentence)?;
    let failures = session.engine.failures();
    let same = |output: &Path| failures.iter().any(|failed| is_same(&failed.path, output).unwrap_or(false));
    match outputs.iter().find(|output| same(output)) {
        Some(output) => bail!("{} is a file of the collection; choose another name", output.display()),
        None => Ok(()),
    }
}

fn export(args: &ExportArgs, place: &Place) -> anyhow::Result<Outcome> {
    export::check_names(&args.vectors, &args.items).map_err(sentence)?;
    let session = Session::open_cut(place, args.cut)?;
    check_outputs(&session, &[&args.vectors, &args.items])?;
    let (snapshot, labels) = (session.engine.snapshot(), session.engine.labels()?);
    let rows = export::write_labelled(&snapshot, labels.as_ref(), &args.vectors, &args.items).map_err(sentence)?;
    Ok(if rows == 0 { Outcome::Nothing } else { Outcome::Done })
}

#[derive(Serialize)]
struct InfoLine<'a> {
    items: usize,
    images: usize,
    texts: usize,
    failed: usize,
    model: &'a str,
    dimension: usize,
    dimensions_used: usize,
    library: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    library_bytes: Option<String>,
    excludes: Vec<String>,
    damage: Vec<String>,
}

fn info(args: &InfoArgs, place: &Place) -> anyhow::Result<Outcome> {
    let session = Session::open_quietly(place)?;
    let snapshot = session.engine.snapshot();
    let parts = snapshot.parts();
    let excludes = session.engine.import_options().excludes;
    let damage: Vec<String> = session.engine.found_on_opening().iter().map(|found| found.text.clone()).collect();
    let (images, texts) = (snapshot.count(Modality::Image), snapshot.count(Modality::Text));
    let failed = session.engine.failures().len();
    let (model, dimension, dimensions_used) = (parts.model.name.as_str(), parts.model.dim, snapshot.dim());
    if args.json {
        let (items, library) = (snapshot.len(), path_text(&parts.library));
        let library_bytes = path_bytes(&parts.library);
        json(&InfoLine {
            items,
            images,
            texts,
            failed,
            model,
            dimension,
            dimensions_used,
            library,
            library_bytes,
            excludes,
            damage,
        })?;
        return Ok(Outcome::Done);
    }
    line(&format!("library    {}", parts.library.display()))?;
    line(&format!("items      {}", count(snapshot.len() as u64)))?;
    line(&format!("  images   {}", count(images as u64)))?;
    line(&format!("  texts    {}", count(texts as u64)))?;
    line(&format!("failed     {}", count(failed as u64)))?;
    let used = if snapshot.is_cut() { format!(", of which {dimensions_used} are used") } else { String::new() };
    line(&format!("model      {model}, {dimension} dimensions{used}"))?;
    for root in &parts.roots {
        let note = if root.available { "" } else { " (not there)" };
        line(&format!("folder     {}{note}", root.path.display()))?;
    }
    excludes.iter().try_for_each(|pattern| line(&format!("exclude    {pattern}")))?;
    damage.iter().try_for_each(|found| line(&format!("damage     {found}")))?;
    Ok(Outcome::Done)
}

fn doctor(place: &Place) -> anyhow::Result<Outcome> {
    // Before devices are measured: what was found of them is kept, and a mistake should leave nothing behind.
    session::existing_if_named(place)?;
    let (source, running) = (place.source()?.unwrap_or_default(), place.running()?);
    let (model, sane) = check_devices(&source, &running)?;
    let ok = check_model(&source, &model)?;
    let sound = check_library(place)?;
    if sane && ok && sound { Ok(Outcome::Done) } else { bail!("something is wrong, see above") }
}

/// Measures the model on every device, whatever was found before. That another device than the CPU differs is worth
/// knowing, and no error: it is not used.
fn check_devices(source: &ModelSource, running: &Running) -> anyhow::Result<(Model, bool)> {
    let candidates = running.candidates(source);
    let (model, verdicts) = trust::examine(&candidates, running.ledger())?;
    let mut last = None;
    for (Candidate { device, precision, .. }, verdict) in candidates.iter().zip(&verdicts) {
        if last.replace(device.id) != Some(device.id) {
            let DeviceLine { choice, name, detail, .. } = DeviceLine::new(device);
            line(&format!("device   {choice}: {name}, {detail}"))?;
        }
        match device.id {
            DeviceId::Cpu => line(&format!("         {}", reference(verdict)))?,
            _ => line(&format!("         {}: {verdict}", precision.as_str()))?,
        }
    }
    for sentence in device::missing_backends() {
        line(&format!("         {sentence}"))?;
    }
    Ok((model, verdicts.iter().any(Verdict::agrees)))
}

fn reference(verdict: &Verdict) -> String {
    format!("f32: the reference for other devices, {} images/s", trust::speed(verdict.images_per_second))
}

/// The built-in model has stored vectors to be compared with; of others it is enough that they gave vectors.
fn check_model(source: &ModelSource, model: &Model) -> anyhow::Result<bool> {
    let (title, revision) = (&model.info.title, &model.info.key.revision);
    if *source != ModelSource::Starter {
        line(&format!("model    {title} ({revision}): ok"))?;
        return Ok(true);
    }
    let report = golden::check(model)?;
    let verdict = if report.passed() { "ok" } else { "DIFFERS from the reference" };
    line(&format!("model    {title} ({revision}): {verdict}"))?;
    line(&format!(
        "         cosine to the reference: picture {:.5}, texts {:.5} {:.5}; picture {:.0} ms, two texts {:.0} ms",
        report.image,
        report.texts[0],
        report.texts[1],
        report.image_time.as_secs_f64() * 1e3,
        report.text_time.as_secs_f64() * 1e3
    ))?;
    Ok(report.passed())
}

fn check_library(place: &Place) -> anyhow::Result<bool> {
    let path = session::library(place)?;
    // one that is named has to be there
    if place.library.is_none() && !store::exists(&path) {
        line(&format!("library  none yet in {}", path.display()))?;
        return Ok(true);
    }
    let session = Session::open_quietly(place).with_context(|| format!("library {}", path.display()))?;
    let opening = session.engine.found_on_opening();
    let mut found = session.engine.check();
    // one that was set aside before is no damage any more
    let [damage, notes]: [Vec<&Notice>; 2] = [true, false]
        .map(|damage| opening.iter().filter(|notice| (notice.severity != Severity::Info) == damage).collect());
    found.extend(damage.iter().map(|notice| notice.text.clone()));
    found.sort_unstable();
    found.dedup();
    let items = count(session.engine.snapshot().len() as u64);
    let verdict = if found.is_empty() { "ok" } else { "damaged" };
    line(&format!("library  {} ({items} items): {verdict}", path.display()))?;
    let notes = notes.iter().map(|notice| &notice.text);
    found.iter().chain(notes).try_for_each(|trouble| line(&format!("         {trouble}")))?;
    Ok(found.is_empty())
}
