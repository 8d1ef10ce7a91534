//! `vicinity map`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;

use super::args::{GlobalArgs, MapArgs};
use super::map_quality;
use super::outcome::Outcome;
use super::output::progress_bar;
use super::session::Session;
use vicinity_core::{Layout, LayoutMethod};
use vicinity_engine::{Event, Job, Severity, Snapshot, map_image};

/// Draws the map of a library.
pub fn run(args: &MapArgs, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    args.out.as_deref().map_or(Ok(()), map_image::check_picture)?;
    args.positions.as_deref().map_or(Ok(()), map_image::check_table)?;
    let session = Session::open_truncated(global, args.truncation)?;
    let outputs: Vec<&Path> = args.out.iter().chain(&args.positions).map(PathBuf::as_path).collect();
    session.check_outputs(&outputs)?;
    if session.is_empty() {
        return Ok(Outcome::Nothing);
    }
    let (session, layout) = with_layout(session, args.recompute, global)?;
    let snapshot = session.engine.snapshot();
    if let Some(path) = &args.out {
        let picture = map_image::render(&snapshot, &layout, [args.size; 2], args.dark);
        map_image::write_picture(&picture, path)?;
    }
    if let Some(path) = &args.positions {
        map_image::write_positions(&snapshot, &layout, path)?;
    }
    if args.quality {
        map_quality::print(&session, layout, args.json)?;
    }
    Ok(Outcome::Done)
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
