//! Runs the commands; the larger ones have their own files.

use std::path::Path;

use anyhow::{Context, bail};
use serde::Serialize;

use super::args::{CliCommand, DuplicatesArgs, GlobalArgs, InfoArgs, LabelsArgs, SearchArgs};
use super::hits::{ItemFields, TextInPicture, location};
use super::outcome::Outcome;
use super::output::{JsonPath, print_error, print_json, print_line};
use super::session::{self, Session};
use super::{
    axes, clusters, compact, embed, export, facts, groups, hits, index, items, map, models, pages, report, serve, words,
};
use vicinity_core::format::number;
use vicinity_core::label::parse_label_file;
use vicinity_core::path_bytes::{path_bytes, path_text};
use vicinity_core::{Item, LabelScore, LabelSet, Modality, Query, QueryPart, Scoring, SearchResult};
use vicinity_engine::device_check::{self, CheckResult, DeviceCandidate};
use vicinity_engine::file_content::open;
use vicinity_engine::labels::LabelVectors;
use vicinity_engine::model_source::ModelSource;
use vicinity_engine::runtime_settings::{DeviceSummary, RuntimeSettings};
use vicinity_engine::searcher::embed_content;
use vicinity_engine::{Event, Job, Notice, Severity, store};
use vicinity_media::{Content, ReadOptions};
use vicinity_models::device::DeviceId;
use vicinity_models::{Model, device, golden};

/// Runs a command.
pub fn run(command: CliCommand, global: &GlobalArgs, graphics: fn() -> Option<Vec<String>>) -> anyhow::Result<Outcome> {
    match command {
        CliCommand::Index(args) => index::run(args, global),
        CliCommand::Search(args) => search(args, global),
        CliCommand::Labels(args) => labels(&args, global),
        CliCommand::Map(args) => map::run(&args, global),
        CliCommand::Clusters(args) => clusters::run(&args, global),
        CliCommand::Axes(args) => axes::run(&args, global),
        CliCommand::Groups(args) => groups::run(&args, global),
        CliCommand::Export(args) => export::run(&args, global),
        CliCommand::Embed(args) => embed::run(args, global),
        CliCommand::Serve(args) => serve::run(args, global),
        CliCommand::Info(args) if !args.files.is_empty() => facts::run(&args.files, args.json, global),
        CliCommand::Info(args) => info(&args, global),
        CliCommand::Doctor(args) if args.report => report::print(global, args.include_paths, graphics()),
        CliCommand::Doctor(_) => doctor(global),
        CliCommand::Duplicates(args) => duplicates(&args, global),
        CliCommand::Compact(args) => compact::run(&args, global),
        CliCommand::Models(command) => models::run(command),
        CliCommand::Completions { shell } => pages::completions(shell),
        CliCommand::Manual { dir } => pages::manual(&dir),
    }
}

#[derive(Serialize)]
struct DuplicateLine {
    modality: Modality,
    bytes: u64,
    files: Vec<JsonPath>,
}

fn duplicates(args: &DuplicatesArgs, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    let session = Session::open(global)?;
    let answer = |event| if let Event::Duplicates(found) = event { Some(found) } else { None };
    let found = session.ask(Job::FindDuplicates, answer)?;
    let snapshot = session.engine.snapshot();
    for (number, group) in found.groups.iter().enumerate() {
        let items: Vec<&Item> = group.iter().filter_map(|id| snapshot.get(*id)).collect();
        let Some(Item { modality, bytes, .. }) = items.first() else { continue };
        if args.json {
            let files = items.iter().map(|item| JsonPath::from(&*item.path)).collect();
            print_json(&DuplicateLine { modality: *modality, bytes: *bytes, files })?;
        } else {
            if number > 0 {
                print_line("")?;
            }
            items.iter().try_for_each(|item| print_line(&path_text(&item.path)))?;
        }
    }
    Ok(if found.groups.is_empty() { Outcome::Nothing } else { Outcome::Done })
}

#[derive(Serialize)]
struct HitLine<'a> {
    rank: usize,
    score: f32,
    #[serde(flatten)]
    item: ItemFields<'a>,
}

fn search(args: SearchArgs, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    if args.words {
        return words::search(args, global);
    }
    let typed = args.text.clone().unwrap_or_default();
    let text = args.text.filter(|text| !text.trim().is_empty()).map(QueryPart::Text);
    let mut parts: Vec<QueryPart> = text.into_iter().chain(args.image.map(QueryPart::File)).collect();
    if parts.is_empty() && args.like.is_none() && args.like_group.is_none() {
        bail!("no query given: pass text, --image FILE, --like ITEM or --like-group NAME");
    }
    let session = Session::open_truncated(global, args.truncation)?;
    if session.is_empty() {
        return Ok(Outcome::Nothing);
    }
    if let Some(like) = &args.like {
        parts.push(QueryPart::Item(items::find(&session.engine.snapshot(), like)?));
    }
    if let Some(name) = &args.like_group {
        parts.push(QueryPart::Items(groups::find(&session.engine.snapshot(), name)?.items().clone()));
    }
    let query = Query {
        parts,
        filter: args.filter.filter(),
        scoring: if args.raw { Scoring::RawCosine } else { Scoring::Centred },
        k: args.k,
    };
    super::tables::check_names(&session.engine.snapshot(), &query.filter)?;
    let found = session.search(query)?;
    print_hits(&session, &found, &typed, args.json)?;
    Ok(if found.hits.is_empty() { Outcome::Nothing } else { Outcome::Done })
}

fn print_hits(session: &Session, found: &SearchResult, typed: &str, as_json: bool) -> anyhow::Result<()> {
    let snapshot = session.engine.snapshot();
    for (at, hit) in found.hits.iter().enumerate() {
        let Some(item) = snapshot.get(hit.item) else { continue };
        let (rank, score) = (at + 1, hit.score);
        let text_in_picture = TextInPicture::with_all_words(&session.engine, item, typed);
        if as_json {
            print_json(&HitLine { rank, score, item: ItemFields::new(item, text_in_picture) })?;
        } else {
            let text = hits::note(text_in_picture.as_ref());
            print_line(&format!("{rank:>3}  {score:>6.3}  {:<5}  {}{text}", hit.modality.as_str(), location(item)))?;
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct LabelLine<'a> {
    #[serde(flatten)]
    path: JsonPath,
    label: &'a str,
    score: f32,
    share: f32,
}

fn labels(args: &LabelsArgs, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    let set = match &args.labels {
        None => LabelSet::default(),
        Some(file) => label_file(file)?,
    };
    if set.labels.is_empty() {
        return Ok(Outcome::Nothing);
    }
    if global.library.is_some() {
        session::existing(global)?;
    }
    let model = session::model(global)?;
    let dim = args.truncation.dimensions.unwrap_or(model.info.key.dim);
    model.info.check_dim(dim)?;
    let vectors = LabelVectors::new(&set, model.text.as_ref(), &model.info)?.truncated(dim)?;
    let score = |path: &Path| {
        let found = embed_content(
            &model,
            open(path, ReadOptions::default()).map_err(|error| error.to_string())?,
            Default::default(),
        )
        .map_err(|reason| format!("{}: {reason}", path.display()))?;
        let cut = found.embedding.truncated(dim).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok::<_, String>(vectors.score(cut.as_slice(), found.modality))
    };
    let mut failed = 0;
    for path in &args.files {
        match score(path) {
            Ok(scores) => {
                print_labels(path, &scores[..scores.len().min(args.k.unwrap_or(usize::MAX))], &set, args.json)?;
            }
            Err(reason) => {
                failed += 1;
                print_error(&reason);
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
        print_line(&path.display().to_string())?;
    }
    for fit in scores {
        let label = set.labels[fit.label].as_str();
        if as_json {
            print_json(&LabelLine { path: path.into(), label, score: fit.score, share: fit.share })?;
        } else {
            print_line(&format!("  {:>5.1}%  {:>6.3}  {label}", 100.0 * fit.share, fit.score))?;
        }
    }
    Ok(())
}

fn label_file(file: &Path) -> anyhow::Result<LabelSet> {
    match open(file, ReadOptions::default())? {
        Content::Text(text) => Ok(LabelSet { name: file.display().to_string(), labels: parse_label_file(file, &text) }),
        _ => bail!("{} is not a list of labels", file.display()),
    }
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

fn info(args: &InfoArgs, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    let session = Session::open_quietly(global)?;
    let snapshot = session.engine.snapshot();
    let parts = snapshot.parts();
    let excludes = session.engine.import_options().excludes;
    let damage: Vec<String> = session.engine.opening_notices().iter().map(|found| found.text.clone()).collect();
    let (images, texts) = (snapshot.count(Modality::Image), snapshot.count(Modality::Text));
    let failed = session.engine.failures().len();
    let (model, dimension, dimensions_used) = (parts.model.name.as_str(), parts.model.dim, snapshot.dim());
    if args.json {
        let (items, library) = (snapshot.len(), path_text(&parts.library));
        let library_bytes = path_bytes(&parts.library);
        print_json(&InfoLine {
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
    print_line(&format!("library    {}", parts.library.display()))?;
    print_line(&format!("items      {}", number(snapshot.len() as u64)))?;
    print_line(&format!("  images   {}", number(images as u64)))?;
    print_line(&format!("  texts    {}", number(texts as u64)))?;
    print_line(&format!("failed     {}", number(failed as u64)))?;
    let used = if snapshot.is_truncated() { format!(", {dimensions_used} in use") } else { String::new() };
    let space = if session.engine.own_vectors().is_some() { "vectors    your own" } else { "model     " };
    print_line(&format!("{space} {model}, {dimension} dimensions{used}"))?;
    for root in &parts.roots {
        let note = if root.available { "" } else { " (unavailable)" };
        print_line(&format!("folder     {}{note}", root.path.display()))?;
    }
    excludes.iter().try_for_each(|pattern| print_line(&format!("exclude    {pattern}")))?;
    damage.iter().try_for_each(|found| print_line(&format!("damage     {found}")))?;
    Ok(Outcome::Done)
}

fn doctor(global: &GlobalArgs) -> anyhow::Result<Outcome> {
    // Before devices are measured: their results are stored, and a failed command should leave nothing behind.
    session::existing_if_named(global)?;
    let (source, running) = (global.source()?.unwrap_or_default(), global.runtime_settings()?);
    let (model, device_ok) = check_devices(&source, &running)?;
    let model_ok = check_model(&source, &model)?;
    let library_ok = check_library(global)?;
    if device_ok && model_ok && library_ok { Ok(Outcome::Done) } else { bail!("problems found, see above") }
}

/// Measures the model on every device, ignoring stored results. A device that differs from the CPU is reported, but
/// is no error: it is not used.
fn check_devices(source: &ModelSource, running: &RuntimeSettings) -> anyhow::Result<(Model, bool)> {
    let candidates = running.candidates(source);
    let (model, checks) = device_check::check_all(&candidates, running.reports())?;
    let mut last = None;
    for (DeviceCandidate { device, precision, .. }, check) in candidates.iter().zip(&checks) {
        if last.replace(device.id) != Some(device.id) {
            let DeviceSummary { choice, name, detail, .. } = DeviceSummary::new(device);
            print_line(&format!("device   {choice}: {name}, {detail}"))?;
        }
        match device.id {
            DeviceId::Cpu => print_line(&format!("         {}", reference(check)))?,
            _ => print_line(&format!("         {}: {check}", precision.as_str()))?,
        }
    }
    for sentence in device::missing_backends() {
        print_line(&format!("         {sentence}"))?;
    }
    Ok((model, checks.iter().any(CheckResult::agrees)))
}

fn reference(check: &CheckResult) -> String {
    format!("f32: the reference for other devices, {} images/s", device_check::speed(check.images_per_second))
}

/// Compares the built-in model with stored vectors; for other models it is enough that they returned vectors.
fn check_model(source: &ModelSource, model: &Model) -> anyhow::Result<bool> {
    let (title, revision) = (&model.info.title, &model.info.key.revision);
    if *source != ModelSource::Starter {
        print_line(&format!("model    {title} ({revision}): ok"))?;
        return Ok(true);
    }
    let report = golden::check(model)?;
    let check = if report.passed() { "ok" } else { "DIFFERS from the reference" };
    print_line(&format!("model    {title} ({revision}): {check}"))?;
    print_line(&format!(
        "         cosine to the reference: image {:.5}, texts {:.5} {:.5}; image {:.0} ms, two texts {:.0} ms",
        report.image,
        report.texts[0],
        report.texts[1],
        report.image_time.as_secs_f64() * 1e3,
        report.text_time.as_secs_f64() * 1e3
    ))?;
    Ok(report.passed())
}

fn check_library(global: &GlobalArgs) -> anyhow::Result<bool> {
    let path = session::library(global)?;
    // A named library must exist.
    if global.library.is_none() && !store::exists(&path) {
        print_line(&format!("library  not created yet: {}", path.display()))?;
        return Ok(true);
    }
    let session = Session::open_quietly(global).with_context(|| format!("library {}", path.display()))?;
    let opening = session.engine.opening_notices();
    let mut found = session.engine.check();
    // A catalog that was set aside earlier no longer counts as damage.
    let [damage, notes]: [Vec<&Notice>; 2] = [true, false]
        .map(|damage| opening.iter().filter(|notice| (notice.severity != Severity::Info) == damage).collect());
    found.extend(damage.iter().map(|notice| notice.text.clone()));
    found.sort_unstable();
    found.dedup();
    let items = number(session.engine.snapshot().len() as u64);
    let check = if found.is_empty() { "ok" } else { "damaged" };
    print_line(&format!("library  {} ({items} items): {check}", path.display()))?;
    let notes = notes.iter().map(|notice| &notice.text);
    found.iter().chain(notes).try_for_each(|trouble| print_line(&format!("         {trouble}")))?;
    Ok(found.is_empty())
}
