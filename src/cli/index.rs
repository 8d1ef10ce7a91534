//! `vicinity index`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{anyhow, bail};
use crossbeam_channel::RecvTimeoutError;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Outcome;
use super::args::{IndexArgs, Place};
use super::consent;
use super::output::{JsonPath, complain, count, json, line, on_terminal};
use super::session::{self, Session};
use vicinity_core::{Progress, Stage, left_out};
use vicinity_engine::content::regular;
use vicinity_engine::scan::Excludes;
use vicinity_engine::{Access, Busy, Event, ImportOptions, Job, Severity, Summary};

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
    /// Files that were left out, in all and for each reason.
    skipped: u64,
    left_out: BTreeMap<&'static str, u64>,
    seconds: f64,
}

#[derive(Serialize)]
struct WarningLine<'a> {
    warning: &'a str,
}

/// Adds and embeds.
pub fn run(args: IndexArgs, place: &Place) -> anyhow::Result<Outcome> {
    if let Some(missing) = args.folders.iter().find(|path| !path.exists()) {
        bail!("{}: no such file or folder", missing.display());
    }
    if let Some(Err(reason)) =
        args.folders.iter().filter(|path| !path.is_dir()).map(|path| regular(path)).find(Result::is_err)
    {
        bail!("{reason}");
    }
    let session = match consent::service(&args, place)? {
        Some(service) => Session::by_service(&session::library(place)?, &service, place, Access::ReadWrite)?,
        None => Session::create(place)?,
    };
    if let Some(why) = &session.engine.snapshot().parts().read_only {
        bail!("{why}");
    }
    set_options(&session, &args)?;
    let stop = on_interrupt(&session);
    let (summary, error) = import(&session, &args, &stop)?;
    report(&session, &summary, args.json)?;
    match error {
        Some(error) => bail!("{error}"),
        None if summary.cancelled => bail!("cancelled; what is embedded is kept"),
        None => Ok(Outcome::Done),
    }
}

/// Adds what is named, or looks at all again; goes on with what an earlier import has left, and tries failed files again
/// where that is asked.
fn import(session: &Session, args: &IndexArgs, stop: &AtomicBool) -> anyhow::Result<(Summary, Option<String>)> {
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
    let mut whole: Option<Summary> = None;
    for job in jobs {
        let (summary, error) = watch(session, job, stop, args.json)?;
        let summary = match whole {
            Some(before) => together(&before, summary),
            None => summary,
        };
        if error.is_some() || summary.cancelled {
            return Ok((summary, error));
        }
        whole = Some(summary);
    }
    Ok((whole.unwrap_or_default(), None))
}

/// What two imports did, the second of which has looked at everything again.
fn together(first: &Summary, second: Summary) -> Summary {
    Summary {
        embedded: first.embedded + second.embedded,
        reused: second.reused.saturating_sub(first.embedded),
        seconds: first.seconds + second.seconds,
        busy: Busy {
            read: first.busy.read + second.busy.read,
            embed: first.busy.embed + second.busy.embed,
            store: first.busy.store + second.busy.store,
        },
        ..second
    }
}

fn set_options(session: &Session, args: &IndexArgs) -> anyhow::Result<()> {
    let before = session.engine.import_options();
    let options = ImportOptions {
        excludes: excludes(&before.excludes, args)?,
        rows: before.rows || args.rows,
        long_text: args.long_text.unwrap_or(before.long_text),
    };
    if options != before {
        session.engine.submit(Job::SetImport(options));
    }
    Ok(())
}

/// The patterns of a library, without those that are taken back, and with those that are added.
pub fn excludes(kept: &[String], args: &IndexArgs) -> anyhow::Result<Vec<String>> {
    let mut excludes = kept.to_vec();
    for pattern in &args.no_exclude {
        if !kept.contains(pattern) {
            bail!("--no-exclude {pattern}: the library has no such pattern; `vicinity info` lists those it has");
        }
        excludes.retain(|kept| kept != pattern);
    }
    for pattern in &args.exclude {
        // Before it is remembered: with a pattern that is none no later scan would come to anything.
        Excludes::new(std::slice::from_ref(pattern)).map_err(|reason| anyhow!("--exclude: {reason}"))?;
        if !excludes.contains(pattern) {
            excludes.push(pattern.clone());
        }
    }
    Ok(excludes)
}

/// The first Ctrl-C ends the import after the batch in flight, the second one the program.
fn on_interrupt(_session: &Session) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        log::warn!("Ctrl-C will end the program at once: {error}");
    }
    stop
}

/// Waits for the end of the import; its summary, and the error that ended it early.
fn watch(session: &Session, job: Job, stop: &AtomicBool, as_json: bool) -> anyhow::Result<(Summary, Option<String>)> {
    let bar = on_terminal().then(progress_bar);
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
            Err(RecvTimeoutError::Disconnected) => bail!("the import has stopped working; what was stored is kept"),
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
                    Some(bar) => bar.suspend(|| complain(&notice.text)),
                    None => complain(&notice.text),
                }
                if as_json {
                    json(&WarningLine { warning: &notice.text })?;
                }
            }
            Event::Finished(summary) => {
                if let Some(bar) = bar {
                    bar.finish_and_clear();
                }
                return Ok((summary, error));
            }
            _ => {}
        }
    }
}

fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}") {
        bar.set_style(style);
    }
    bar
}

fn show(bar: &ProgressBar, progress: &Progress) {
    bar.set_length(progress.total);
    bar.set_position(progress.done);
    let left =
        progress.seconds_left.map(|s| format!(" · {} left", indicatif::HumanDuration(Duration::from_secs_f32(s))));
    bar.set_message(match progress.stage {
        Stage::Scanning => "looking for files".to_owned(),
        _ => format!("{:.0}/s{}", progress.per_second, left.unwrap_or_default()),
    });
}

fn report(session: &Session, summary: &Summary, as_json: bool) -> anyhow::Result<()> {
    let failures = session.engine.failures();
    for failure in failures.iter() {
        if as_json {
            json(&FailedLine { path: failure.path.as_path().into(), error: &failure.reason })?;
        } else {
            complain(&format!("{}: {}", failure.path.display(), failure.reason));
        }
    }
    let Summary { items, images, texts, embedded, reused, failed, seconds, busy, .. } = *summary;
    let skipped = summary.left_out.values().sum();
    if as_json {
        let left_out = summary.left_out.iter().map(|(reason, n)| (reason.as_str(), *n)).collect();
        return json(&SummaryLine { items, images, texts, embedded, reused, failed, skipped, left_out, seconds });
    }
    line(&format!(
        "{} items: {} images, {} texts ({} embedded, {} known, {} failed) in {seconds:.1} s",
        count(items),
        count(images),
        count(texts),
        count(embedded),
        count(reused),
        count(failed)
    ))?;
    if skipped > 0 {
        line(&format!("{} left out: {}", count(skipped), left_out::describe(&summary.left_out, count)))?;
    }
    if embedded > 0 {
        line(&format!(
            "{:.0} a second; work, overlapping: reading {:.1} s, embedding {:.1} s, storing {:.1} s",
            embedded as f64 / seconds.max(1e-3),
            busy.read,
            busy.embed,
            busy.store
        ))?;
    }
    Ok(())
}
