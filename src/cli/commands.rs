//! All commands but `index`.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use serde::Serialize;

use super::args::{Command, ExportArgs, InfoArgs, LabelsArgs, MapArgs, Place, SearchArgs};
use super::output::{count, json, line, on_terminal};
use super::session::{self, Session};
use super::{Outcome, embed, index, models, pages, serve};
use vicinity_core::{Filter, Item, LabelSet, Layout, LayoutMethod, Modality, Query, QueryPart, Scoring, SearchResult};
use vicinity_engine::choice::ModelSource;
use vicinity_engine::content::open;
use vicinity_engine::labels::{LabelVectors, parse};
use vicinity_engine::running::{DeviceLine, Running};
use vicinity_engine::searcher::embed_content;
use vicinity_engine::trust::{self, Candidate, Verdict};
use vicinity_engine::{Event, Job, SearchSlot, Severity, Snapshot, export, map_image, scan};
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
    path: &'a Path,
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
            json(&HitLine { rank, score, modality: hit.modality, path: &item.path, row: item.row, snippet })?;
        } else {
            line(&format!("{rank:>3}  {score:>6.3}  {:<5}  {}", hit.modality.word(), place(item)))?;
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
    path: &'a Path,
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
    let model = session::model(place)?;
    let dim = args.cut.dimensions.unwrap_or(model.info.key.dim);
    model.info.allows(dim).map_err(sentence)?;
    let vectors = LabelVectors::new(&set, model.text.as_ref(), &model.info)?.truncated(dim)?;
    for path in &args.files {
        let content = open(path, false).map_err(sentence)?;
        let found = embed_content(&model, content, Default::default()).map_err(sentence)?;
        let scores = vectors.score(found.embedding.truncated(dim)?.as_slice(), found.modality);
        if !args.json {
            line(&path.display().to_string())?;
        }
        for fit in scores.iter().take(args.k.unwrap_or(usize::MAX)) {
            let label = set.labels[fit.label].as_str();
            if args.json {
                json(&LabelLine { path, label, score: fit.score, share: fit.share })?;
            } else {
                line(&format!("  {:>5.1} %  {:>6.3}  {label}", 100.0 * fit.share, fit.score))?;
            }
        }
    }
    Ok(Outcome::Done)
}

fn label_file(file: &Path) -> anyhow::Result<LabelSet> {
    match open(file, false).map_err(sentence)? {
        Content::Text(text) => Ok(parse(&file.display().to_string(), &text)),
        _ => bail!("{} is not a list of labels", file.display()),
    }
}

fn map(args: &MapArgs, place: &Place) -> anyhow::Result<Outcome> {
    let session = Session::open_cut(place, args.cut)?;
    let snapshot = session.engine.snapshot();
    if snapshot.is_empty() {
        return Ok(Outcome::Nothing);
    }
    let layout = layout(&session, &snapshot)?;
    if let Some(path) = &args.out {
        let picture = map_image::render(&snapshot, &layout, [args.size; 2], args.dark);
        map_image::write_png(&picture, path).map_err(sentence)?;
    }
    if let Some(path) = &args.positions {
        map_image::write_positions(&snapshot, &layout, path).map_err(sentence)?;
    }
    Ok(Outcome::Done)
}

fn layout(session: &Session, snapshot: &Snapshot) -> anyhow::Result<Arc<Layout>> {
    let bar = on_terminal().then(|| indicatif::ProgressBar::new(100));
    let fits = |layout: &Layout| {
        layout.method == LayoutMethod::Umap && layout.epoch == snapshot.epoch() && layout.settled == snapshot.len()
    };
    let layout = session.ask(Job::Project(LayoutMethod::Umap), |event| match event {
        Event::Layout(layout) if fits(&layout) => Some(Ok(layout)),
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

fn export(args: &ExportArgs, place: &Place) -> anyhow::Result<Outcome> {
    let session = Session::open_cut(place, args.cut)?;
    let rows = export::write(&session.engine.snapshot(), &args.vectors, &args.items).map_err(sentence)?;
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
    library: &'a Path,
}

fn info(args: &InfoArgs, place: &Place) -> anyhow::Result<Outcome> {
    let session = Session::open(place)?;
    let snapshot = session.engine.snapshot();
    let parts = snapshot.parts();
    let (images, texts) = (snapshot.count(Modality::Image), snapshot.count(Modality::Text));
    let failed = session.engine.failures().len();
    let (model, dimension, dimensions_used) = (parts.model.name.as_str(), parts.model.dim, snapshot.dim());
    if args.json {
        let (items, library) = (snapshot.len(), parts.library.as_path());
        json(&InfoLine { items, images, texts, failed, model, dimension, dimensions_used, library })?;
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
    Ok(Outcome::Done)
}

fn doctor(place: &Place) -> anyhow::Result<Outcome> {
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
            _ => line(&format!("         {}: {verdict}", precision.word()))?,
        }
    }
    for sentence in device::left_out() {
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
    if !path.is_dir() {
        line(&format!("library  none yet in {}", path.display()))?;
        return Ok(true);
    }
    let session = Session::open(place).with_context(|| format!("library {}", path.display()))?;
    let found = session.engine.check();
    let items = count(session.engine.snapshot().len() as u64);
    let verdict = if found.is_empty() { "ok" } else { "damaged" };
    line(&format!("library  {} ({items} items): {verdict}", path.display()))?;
    found.iter().try_for_each(|trouble| line(&format!("         {trouble}")))?;
    Ok(found.is_empty())
}
