//! `vicinity map`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{anyhow, bail};

use super::args::{GlobalArgs, MapArgs};
use super::map_quality;
use super::outcome::Outcome;
use super::output::{print_line, progress_bar};
use super::session::Session;
use vicinity_core::format::{bytes, number};
use vicinity_core::{Clusters, Layout, LayoutMethod};
use vicinity_engine::map_image::{self, ImageOptions, MapCategories, MapColouring, MapDrawing, MapFormat};
use vicinity_engine::map_report::{self, ReportOptions};
use vicinity_engine::{Event, Job, Severity, Snapshot, map_tables};

/// Draws the map of a library.
pub fn run(args: &MapArgs, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    let format = args.out.as_deref().map(map_image::format_of).transpose()?;
    args.positions.as_deref().map_or(Ok(()), map_tables::check)?;
    let session = Session::open_truncated(global, args.truncation)?;
    let outputs: Vec<&Path> = args.out.iter().chain(&args.positions).map(PathBuf::as_path).collect();
    session.check_outputs(&outputs)?;
    if session.is_empty() {
        return Ok(Outcome::Nothing);
    }
    let (session, layout) = with_layout(session, args.recompute, global)?;
    if let Some(path) = &args.positions {
        map_tables::write_positions(&session.engine.snapshot(), &layout, path)?;
    }
    if let Some((path, format)) = args.out.as_deref().zip(format) {
        draw(&session, &layout, args, path, format)?;
    }
    if args.quality {
        map_quality::print(&session, layout, args.json)?;
    }
    Ok(Outcome::Done)
}

fn draw(session: &Session, layout: &Arc<Layout>, args: &MapArgs, path: &Path, format: MapFormat) -> anyhow::Result<()> {
    let needs_clusters = !args.plain || args.colour == MapColouring::Cluster;
    let found = needs_clusters.then(|| clusters(session, Arc::clone(layout))).transpose()?;
    let (snapshot, labels) = (session.engine.snapshot(), session.engine.labels()?);
    if args.colour == MapColouring::Label && labels.is_none() {
        bail!("--colour label: no item has a label yet; assign labels in the window");
    }
    let categories = MapCategories::new(&snapshot, args.colour, found.as_deref(), labels.as_ref());
    let thumbnails = session.engine.thumbnails();
    let map = MapDrawing {
        snapshot: &snapshot,
        layout,
        clusters: found.as_deref().filter(|_| !args.plain),
        categories: &categories,
        thumbnail: &|id| thumbnails.get(id),
        go_on: &|| true,
    };
    if format == MapFormat::Report {
        let title = args.title.clone().unwrap_or_else(|| "Map".to_owned());
        let size = map_report::write(&map, &ReportOptions { title, paths: args.paths }, path)?;
        let [items, pictures] = [size.items, size.pictures].map(|count| number(count as u64));
        return Ok(print_line(&format!("{items} items, {pictures} pictures, {}", bytes(size.bytes as u64)))?);
    }
    let options = ImageOptions { size: args.size, dark: args.dark, text: !args.plain, pictures: args.pictures };
    Ok(map_image::write(&map, &options, path)?)
}

/// The clusters of a layout, with their names.
pub fn clusters(session: &Session, layout: Arc<Layout>) -> anyhow::Result<Arc<Clusters>> {
    session.ask(Job::FindClusters(layout), |event| if let Event::Clusters(found) = event { Some(found) } else { None })
}

/// The stored layout of a library, if it covers all items and no other is wanted, else a new one, which is kept for next time.
pub fn with_layout(session: Session, recompute: bool, global: &GlobalArgs) -> anyhow::Result<(Session, Arc<Layout>)> {
    match session.engine.stored_layout() {
        Some(layout) if !recompute && covers(&layout, &session.engine.snapshot()) => Ok((session, Arc::new(layout))),
        _ => {
            drop(session);
            let session = Session::open_to_write(global)?;
            let layout = layout(&session, &session.engine.snapshot())?;
            Ok((session, layout))
        }
    }
}

/// Whether the layout was computed for all items together, or brought for all of them.
fn covers(layout: &Layout, snapshot: &Snapshot) -> bool {
    layout.method != LayoutMethod::Pca && layout.epoch == snapshot.epoch() && layout.settled == snapshot.len()
}

fn layout(session: &Session, snapshot: &Snapshot) -> anyhow::Result<Arc<Layout>> {
    let bar = progress_bar("{wide_bar} {percent} %");
    if let Some(bar) = &bar {
        bar.set_length(100);
    }
    // The stored map is sent, too, when the library is opened; it has generation 0.
    let is_new = |layout: &Layout| layout.method == LayoutMethod::Umap && layout.generation > 0;
    let layout = session.ask(Job::ComputeLayout(LayoutMethod::Umap), |event| match event {
        Event::Layout(layout) if is_new(&layout) && covers(&layout, snapshot) => Some(Ok(layout)),
        Event::Notice(notice) if notice.severity == Severity::Error => Some(Err(anyhow!(notice.text))),
        Event::LayoutProgress(Some(progress)) => {
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
