//! `vicinity export`.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::bail;

use super::args::{ExportArgs, GlobalArgs};
use super::interrupt::on_interrupt;
use super::outcome::Outcome;
use super::output::{print_error, print_line, progress_bar};
use super::session::Session;
use super::{items, map, tables};
use vicinity_core::format::{bytes, number};
use vicinity_core::{Clusters, Hit, Query, QueryPart, Scoring};
use vicinity_engine::export::{self, CopyReport, ExportedItems};
use vicinity_engine::{Snapshot, VisibleRows};

/// Rows that are exported, in order, with their scores after a search.
struct Chosen {
    rows: Vec<usize>,
    scores: Option<Vec<f32>>,
}

/// Writes items of a library to files, or copies their files.
pub fn run(args: &ExportArgs, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    export::check_names(args.vectors.as_deref(), args.items.as_deref())?;
    if args.search.as_ref().is_some_and(|text| text.trim().is_empty()) {
        bail!("--search needs a text");
    }
    let session = Session::open_truncated(global, args.truncation)?;
    session.check_outputs(&args.vectors.iter().chain(&args.items).map(AsRef::as_ref).collect::<Vec<_>>())?;
    let (session, chosen) = choose(session, args, global)?;
    let (snapshot, labels) = (session.engine.snapshot(), session.engine.labels()?);
    let mut rows = chosen.rows.len();
    if args.vectors.is_some() || args.items.is_some() {
        let (scores, labels) = (chosen.scores.as_deref(), labels.as_ref());
        let export = ExportedItems { snapshot: &snapshot, rows: &chosen.rows, labels, scores, go_on: &|| true };
        rows = export::write_items(&export, args.vectors.as_deref(), args.items.as_deref())?;
    }
    if args.copy_to.is_some() && !chosen.rows.is_empty() {
        copy(args, &snapshot, &chosen.rows)?;
    }
    if chosen.rows.is_empty() && !session.is_empty() {
        print_error("no item matches");
    }
    Ok(if rows == 0 && args.copy_to.is_none() || chosen.rows.is_empty() { Outcome::Nothing } else { Outcome::Done })
}

/// What filter, cluster and search leave of the collection. A search puts the best first.
fn choose(session: Session, args: &ExportArgs, global: &GlobalArgs) -> anyhow::Result<(Session, Chosen)> {
    let filter = args.filter.filter();
    tables::check_names(&session.engine.snapshot(), &filter)?;
    let (session, clusters) = match &args.cluster {
        None => (session, None),
        Some(_) if session.engine.snapshot().is_empty() => (session, None),
        Some(_) => {
            let (session, layout) = map::with_layout(session, false, global)?;
            let clusters = map::clusters(&session, layout)?;
            (session, Some(clusters))
        }
    };
    let snapshot = session.engine.snapshot();
    let mut rows: Vec<usize> = VisibleRows::new(Arc::clone(&snapshot), filter.clone(), None).rows().collect();
    if let (Some(clusters), Some(name)) = (&clusters, &args.cluster) {
        let wanted = find_cluster(clusters, name)?;
        rows.retain(|row| clusters.of_row(*row).any(|at| at == wanted));
    }
    let text = args.search.iter().map(|text| QueryPart::Text(text.clone()));
    let mut parts: Vec<QueryPart> = text.collect();
    if let Some(like) = &args.like {
        parts.push(QueryPart::Item(items::find(&snapshot, like)?));
    }
    if parts.is_empty() || rows.is_empty() {
        return Ok((session, Chosen { rows, scores: None }));
    }
    let query = Query { parts, filter, scoring: Scoring::Centred, k: snapshot.len() };
    let chosen = search(&session, query, args.k, &rows)?;
    Ok((session, chosen))
}

/// The hits among `rows` that match, or the best `k` of them.
fn search(session: &Session, query: Query, k: Option<usize>, rows: &[usize]) -> anyhow::Result<Chosen> {
    let found = session.search(query)?;
    let hits: &[Hit] = if k.is_some() { &found.hits } else { found.matching() };
    let snapshot = session.engine.snapshot();
    let rows_of_hits = hits.iter().filter_map(|hit| Some((snapshot.row_of(hit.item)?, hit.score)));
    let among = rows_of_hits.filter(|(row, _)| rows.binary_search(row).is_ok()).take(k.unwrap_or(usize::MAX));
    let (rows, scores) = among.unzip();
    Ok(Chosen { rows, scores: Some(scores) })
}

/// The cluster that `vicinity clusters` lists under this name, the largest of several, or under this number.
fn find_cluster(clusters: &Clusters, name: &str) -> anyhow::Result<u32> {
    let wanted = name.to_lowercase();
    let is_called = |at: &usize| clusters.all[*at].name().is_some_and(|first| first.to_lowercase() == wanted);
    let named = (0..clusters.all.len()).filter(is_called).max_by_key(|at| clusters.all[*at].count);
    let numbered = || name.parse().ok().filter(|at| *at < clusters.all.len());
    match named.or_else(numbered) {
        Some(at) => Ok(at as u32),
        None => bail!("--cluster {name}: there is no such cluster; `vicinity clusters` lists them"),
    }
}

fn copy(args: &ExportArgs, snapshot: &Snapshot, rows: &[usize]) -> anyhow::Result<()> {
    let Some(folder) = &args.copy_to else { return Ok(()) };
    let stopped = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&stopped);
    on_interrupt(move || stop.store(true, Ordering::Relaxed));
    let (bar, all) = (progress_bar("{wide_bar} {pos} of {len}"), Cell::new(0));
    let report = export::copy_files(snapshot, rows, folder, |done, total| {
        all.set(total);
        if let Some(bar) = &bar {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
        !stopped.load(Ordering::Relaxed)
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let report = report?;
    report.failures.iter().for_each(|failed| print_error(&format!("{}: {}", failed.path.display(), failed.reason)));
    print_line(&summary(&report))?;
    match (report.cancelled, report.failures.len()) {
        (true, _) => bail!("cancelled; {} of {} files were copied", report.copied, all.get()),
        (false, 0) => Ok(()),
        (false, failed) => bail!("{failed} of {} files could not be copied", all.get()),
    }
}

/// `12 files copied, 3 of them under another name, 4.1 MB`
fn summary(report: &CopyReport) -> String {
    let files = if report.copied == 1 { "file" } else { "files" };
    let renamed = match report.renamed {
        0 => String::new(),
        renamed => format!(", {} under another name", number(renamed as u64)),
    };
    format!("{} {files} copied{renamed}, {}", number(report.copied as u64), bytes(report.bytes))
}
