//! `vicinity index`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use crossbeam_channel::RecvTimeoutError;
use indicatif::ProgressBar;
use serde::Serialize;

use super::args::{GlobalArgs, IndexArgs};
use super::consent;
use super::excludes;
use super::interrupt::on_interrupt;
use super::outcome::Outcome;
use super::output::{JsonPath, print_error, print_json, print_line, progress_bar};
use super::own_vectors;
use super::session::{self, Session};
use super::values::ReadTextArg;
use vicinity_core::format::number;
use vicinity_core::{FactsProgress, Progress, Stage, TextProgress, skip_reason};
use vicinity_engine::file_content::check_regular_file;
use vicinity_engine::picture_text::Tesseract;
use vicinity_engine::store::stored_table_options;
use vicinity_engine::{Access, Event, ImportOptions, ImportSummary, Job, Severity, StageSeconds};

#[derive(Serialize)]
struct FailedLine<'a> {
    #[serde(flatten)]
    path: JsonPath,
    error: &'a str,
}

#[derive(Serialize)]
struct SummaryLine {
    items: u64,
    images: u64,
    texts: u64,
    embedded: u64,
    reused: u64,
    failed: u64,
    /// Skipped files, in total and by reason.
    skipped: u64,
    left_out: BTreeMap<&'static str, u64>,
    seconds: f64,
}

#[derive(Serialize)]
struct WarningLine<'a> {
    warning: &'a str,
}

/// Adds folders and embeds new items.
pub fn run(args: IndexArgs, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    if let Some(missing) = args.folders.iter().find(|path| !path.exists()) {
        bail!("{}: no such file or folder", missing.display());
    }
    if let Some(Err(reason)) =
        args.folders.iter().filter(|path| !path.is_dir()).map(|path| check_regular_file(path)).find(Result::is_err)
    {
        bail!("{reason}");
    }
    if let Some(ReadTextArg::In(languages)) = &args.read_text {
        Tesseract::find().and_then(|program| program.check_languages(languages)).context("--read-text")?;
    }
    let own_vectors = own_vectors::named(&args, global)?;
    let tables = args.tables(stored_table_options(&session::library(global)?));
    let positions = own_vectors::positions(&args, own_vectors.as_ref(), &tables)?;
    let session = match (own_vectors, consent::service(&args, global)?) {
        (Some(own_vectors), _) => Session::with_own_vectors(&session::library(global)?, own_vectors, &tables)?,
        (None, Some(service)) => Session::by_service(&session::library(global)?, &service, global, Access::ReadWrite)?,
        (None, None) => Session::create(global)?,
    };
    session::check_writable(&session.engine)?;
    let options = set_options(&session, &args)?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    on_interrupt(move || flag.store(true, Ordering::Relaxed));
    let (summary, error) = import(&session, &args, &stop)?;
    if error.is_none() && !summary.cancelled {
        read_facts(&session, &stop);
        if options.read_text.is_some() {
            read_text(&session, &stop);
        }
    }
    if let (None, false, Some(positions), Some(path)) = (&error, summary.cancelled, positions, &args.positions) {
        own_vectors::use_positions(&session, positions, path)?;
    }
    report(&session, &summary, args.json)?;
    match error {
        Some(error) => bail!("{error}"),
        None if summary.cancelled => bail!("cancelled; embedded items are kept"),
        None => Ok(Outcome::Done),
    }
}

/// Adds the named folders, or rescans all; also resumes an interrupted import, and retries failed files if requested.
fn import(session: &Session, args: &IndexArgs, stop: &AtomicBool) -> anyhow::Result<(ImportSummary, Option<String>)> {
    let cut_short = session.engine.unfinished().is_some_and(|import| !import.cancelled);
    let mut jobs = Vec::new();
    if !args.folders.is_empty() {
        jobs.push(Job::Add(args.folders.clone()));
    }
    if args.retry {
        jobs.push(Job::Retry(Vec::new()));
    } else if cut_short || jobs.is_empty() {
        jobs.push(Job::Rescan);
    }
    let mut whole: Option<ImportSummary> = None;
    for job in jobs {
        let (summary, error) = watch(session, job, stop, args.json)?;
        let summary = match whole {
            Some(before) => combined(&before, summary),
            None => summary,
        };
        if error.is_some() || summary.cancelled {
            return Ok((summary, error));
        }
        whole = Some(summary);
    }
    Ok((whole.unwrap_or_default(), None))
}

/// The sum of two imports, the second of which has rescanned everything.
fn combined(first: &ImportSummary, second: ImportSummary) -> ImportSummary {
    ImportSummary {
        embedded: first.embedded + second.embedded,
        reused: second.reused.saturating_sub(first.embedded),
        seconds: first.seconds + second.seconds,
        busy: StageSeconds {
            read: first.busy.read + second.busy.read,
            embed: first.busy.embed + second.busy.embed,
            store: first.busy.store + second.busy.store,
        },
        ..second
    }
}

fn set_options(session: &Session, args: &IndexArgs) -> anyhow::Result<ImportOptions> {
    let before = session.engine.import_options();
    let options = ImportOptions {
        excludes: excludes::apply(&before.excludes, args)?,
        rows: before.rows || args.rows,
        row_tables: with_own_table(&before, session),
        tables: args.tables(before.tables.clone()),
        pages: before.pages || args.pages,
        long_text: args.long_text.unwrap_or(before.long_text),
        watch: before.watch,
        read_text: match &args.read_text {
            None => before.read_text.clone(),
            Some(ReadTextArg::Off) => None,
            Some(ReadTextArg::In(languages)) => Some(languages.clone()),
        },
    };
    if options != before {
        session.engine.submit(Job::SetImport(options.clone()));
    }
    Ok(options)
}

/// The tables whose rows are items in any case, with that of the vectors of the user.
fn with_own_table(before: &ImportOptions, session: &Session) -> Vec<PathBuf> {
    let mut tables = before.row_tables.clone();
    if let Some(own) = session.engine.own_vectors().filter(|own| !tables.contains(&own.table)) {
        tables.push(own.table.clone());
    }
    tables
}

/// Waits for the import to end; returns its summary, and the error that ended it early.
fn watch(
    session: &Session,
    job: Job,
    stop: &AtomicBool,
    as_json: bool,
) -> anyhow::Result<(ImportSummary, Option<String>)> {
    let bar = progress_bar("{msg} {wide_bar} {pos}/{len}");
    let mut error = None;
    let mut stopping = false;
    session.engine.submit(job);
    loop {
        if stop.load(Ordering::Relaxed) && !stopping {
            stopping = true;
            session.engine.submit(Job::Cancel);
        }
        let event = match session.engine.events().recv_timeout(Duration::from_millis(100)) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => bail!("the import stopped unexpectedly; stored items are kept"),
        };
        match event {
            Event::Progress(progress) => {
                if let Some(bar) = &bar {
                    show(bar, &progress);
                }
            }
            Event::Notice(notice) if notice.severity == Severity::Error => error = Some(notice.text),
            Event::Notice(notice) if notice.severity == Severity::Warning => {
                match &bar {
                    Some(bar) => bar.suspend(|| print_error(&notice.text)),
                    None => print_error(&notice.text),
                }
                if as_json {
                    print_json(&WarningLine { warning: &notice.text })?;
                }
            }
            Event::ImportFinished(summary) => {
                if let Some(bar) = bar {
                    bar.finish_and_clear();
                }
                return Ok((summary, error));
            }
            _ => {}
        }
    }
}

/// Waits until the metadata and words of all new and changed files are read. They may be missing: the next run reads them then.
fn read_facts(session: &Session, stop: &AtomicBool) {
    let bar = progress_bar("reading details of files {wide_bar} {pos}/{len}");
    session.engine.submit(Job::ReadFacts);
    while !stop.load(Ordering::Relaxed) {
        match session.engine.events().recv_timeout(Duration::from_millis(100)) {
            Ok(Event::FactsProgress(Some(FactsProgress { done, total }))) => {
                if let Some(bar) = &bar {
                    bar.set_length(total);
                    bar.set_position(done);
                }
            }
            Ok(Event::Notice(notice)) if notice.severity != Severity::Info => print_error(&notice.text),
            Ok(Event::FactsProgress(None)) | Err(RecvTimeoutError::Disconnected) => break,
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

/// Waits until the text in all new and changed pictures is read. It may be missing: the next run reads it then.
fn read_text(session: &Session, stop: &AtomicBool) {
    let bar = progress_bar("reading text in pictures {msg} {wide_bar} {pos}/{len}");
    session.engine.submit(Job::ReadPictureText);
    while !stop.load(Ordering::Relaxed) {
        match session.engine.events().recv_timeout(Duration::from_millis(100)) {
            Ok(Event::TextProgress(Some(TextProgress { done, total, seconds_left, .. }))) => {
                if let Some(bar) = &bar {
                    bar.set_length(total);
                    bar.set_position(done);
                    bar.set_message(seconds_left.map(time_left).unwrap_or_default());
                }
            }
            Ok(Event::Notice(notice)) if notice.severity != Severity::Info => print_error(&notice.text),
            Ok(Event::TextProgress(None)) | Err(RecvTimeoutError::Disconnected) => break,
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

/// ` · 3 minutes left`.
fn time_left(seconds: f32) -> String {
    format!(" · {} left", indicatif::HumanDuration(Duration::from_secs_f32(seconds)))
}

fn show(bar: &ProgressBar, progress: &Progress) {
    bar.set_length(progress.total);
    bar.set_position(progress.done);
    let left = progress.seconds_left.map(time_left);
    bar.set_message(match progress.stage {
        Stage::Scanning => "scanning".to_owned(),
        _ => format!("{:.0}/s{}", progress.per_second, left.unwrap_or_default()),
    });
}

fn report(session: &Session, summary: &ImportSummary, as_json: bool) -> anyhow::Result<()> {
    let failures = session.engine.failures();
    for failure in failures.iter() {
        if as_json {
            print_json(&FailedLine { path: failure.path.as_path().into(), error: &failure.reason })?;
        } else {
            print_error(&format!("{}: {}", failure.path.display(), failure.reason));
        }
    }
    let ImportSummary { items, images, texts, embedded, reused, failed, seconds, busy, .. } = *summary;
    let skipped = summary.skipped.values().sum();
    if as_json {
        let left_out = summary.skipped.iter().map(|(reason, n)| (reason.as_str(), *n)).collect();
        return print_json(&SummaryLine { items, images, texts, embedded, reused, failed, skipped, left_out, seconds });
    }
    print_line(&format!(
        "{} items: {} images, {} texts ({} embedded, {} reused, {} failed) in {seconds:.1} s",
        number(items),
        number(images),
        number(texts),
        number(embedded),
        number(reused),
        number(failed)
    ))?;
    if skipped > 0 {
        print_line(&format!("{} skipped: {}", number(skipped), skip_reason::describe(&summary.skipped, number)))?;
    }
    if let Some(advice) = skip_reason::advice(&summary.skipped) {
        print_line(advice)?;
    }
    if embedded > 0 {
        print_line(&format!(
            "{:.0} items/s; time spent (overlapping): reading {:.1} s, embedding {:.1} s, storing {:.1} s",
            embedded as f64 / seconds.max(1e-3),
            busy.read,
            busy.embed,
            busy.store
        ))?;
    }
    Ok(())
}
