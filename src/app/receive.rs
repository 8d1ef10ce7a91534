//! Takes what threads have sent and changes the state accordingly; never longer than a few milliseconds a frame.

use std::time::{Duration, Instant};

use super::textures;
use super::window::{App, Message};
use crate::context::Dialog;
use crate::context::{LoadedPreview, Selection};
use crate::ui::format;
use vicinity_core::{Filter, SearchResult};
use vicinity_engine::{Event, ImportSummary, ModelState, Notice, PreviewContent, SearchSlot, Severity};

/// A frame at 60 Hz lasts 16 ms; drawing gets the other half.
const BUDGET: Duration = Duration::from_millis(8);
/// Large previews kept; one takes up to 10 MB.
const PREVIEWS: usize = 4;
/// A sentence that something was done stays so long.
const NOTICE_SECS: f64 = 7.0;

/// News from the window's own threads.
pub(super) fn messages(app: &mut App) {
    while let Ok(message) = app.inbox.1.try_recv() {
        match message {
            Message::Opened(attempt, result) => app.opened(attempt, result),
            Message::Chosen(purpose, paths) => app.chosen(purpose, paths),
            Message::NoDialog(purpose) => app.ask_for_path(purpose),
            Message::Typed(purpose, path) => app.path_typed(purpose, path),
            Message::Sample(folder) => app.sample_unpacked(folder),
            Message::Service(answer) => app.service_reply(answer),
            Message::Labels(Ok(set)) => app.set_labels(set),
            Message::Labels(Err(why)) | Message::Failed(why) => notice(app, Severity::Error, why),
            Message::Pasted(picture) => app.search_by_picture(picture),
            Message::ChipPicture(path, picture) => app.chip_picture(&path, &picture),
            Message::Listed(request, listing) => app.listing_received(&request, listing),
            Message::LabelCounts(request, counts) => app.labels_counted(&request, counts),
            Message::Newest(version) => app.newest_found(version),
            Message::Devices(lines) => app.state.view.devices = lines,
        }
    }
}

/// News from the engine.
pub(super) fn events(app: &mut App) {
    let start = Instant::now();
    while let Some(event) = app.backend.as_ref().and_then(|b| b.events().try_recv().ok()) {
        apply(app, event);
        if start.elapsed() > BUDGET {
            app.ctx.request_repaint();
            break;
        }
    }
    let old = app.now() - app.notice_at > NOTICE_SECS;
    if old && app.state.library().notices.last().is_some_and(|n| n.severity == Severity::Info) {
        app.state.library_mut().notices.clear();
    }
}

/// Shows a sentence in the status bar.
pub(super) fn notice(app: &mut App, severity: Severity, text: impl Into<String>) {
    app.notice_at = app.now();
    app.state.library_mut().notices.push(Notice { severity, text: text.into() });
    if app.state.library().notices.len() > 50 {
        app.state.library_mut().notices.remove(0);
    }
    app.ctx.request_repaint_after(Duration::from_secs_f64(NOTICE_SECS + 0.1));
}

fn apply(app: &mut App, event: Event) {
    match event {
        Event::Snapshot(snapshot) => {
            let other_epoch = app.state.library().snapshot.as_ref().is_some_and(|s| s.epoch() != snapshot.epoch());
            let roots: Vec<_> = snapshot.parts().roots.iter().map(|r| r.path.clone()).collect();
            let library = app.state.library_mut();
            if let Some(name) = super::library_path::library_name(&roots) {
                library.name = name;
            }
            if other_epoch {
                let selected = library.selection.items.iter().copied();
                library.selection = Selection::new(selected.filter(|id| snapshot.get(*id).is_some()).collect()).into();
            }
            library.snapshot = Some(snapshot);
            app.collection_changed();
        }
        Event::Progress(progress) => {
            app.state.library_mut().adding = false;
            app.state.library_mut().progress = progress;
        }
        Event::ImportFinished(summary) => finished(app, &summary),
        Event::Failures(failures) => app.state.library_mut().failures = failures,
        Event::Skipped(counts) => app.state.library_mut().skipped = counts,
        Event::Unfinished(unfinished) => app.unfinished(unfinished),
        Event::Visible(rows) => app.filtered(rows),
        Event::Folders(counts) => app.state.library_mut().folders = counts,
        Event::SearchDone { slot: SearchSlot::Results, ticket, result } => {
            if app.search.is_latest(ticket) {
                found(app, result);
            }
        }
        Event::SearchDone { slot: SearchSlot::Neighbours, ticket, result } => {
            if let (Some(of), Ok(result)) = (app.search.neighbours_of(ticket), result) {
                app.state.library_mut().neighbours = Some((of, result));
            }
        }
        Event::LabelDone { ticket, result } => app.labels_received(ticket, result),
        Event::Suggested { ticket, suggestions } => app.suggestions_received(ticket, suggestions),
        Event::StoredLabels(labels) => app.labels_restored(&labels),
        Event::Layout(layout) => app.state.library_mut().layout = Some(layout),
        Event::LayoutProgress(progress) => app.state.library_mut().layout_progress = progress,
        Event::Thumbnail(id, picture) => app.textures.arrived(id, picture),
        Event::Preview(id, preview) => {
            let shown = preview.map(|preview| match preview {
                PreviewContent::Picture(picture) => {
                    LoadedPreview::Picture(textures::load(&app.ctx, &format!("preview {}", id.0), &picture))
                }
                PreviewContent::Text(text) => LoadedPreview::Text(text),
            });
            if app.state.library().previews.len() >= PREVIEWS {
                let keep = [app.state.library().preview, app.state.library().selection.focus()];
                app.state.library_mut().previews.retain(|id, _| keep.contains(&Some(*id)));
            }
            app.state.library_mut().previews.insert(id, shown);
        }
        Event::Model(state) => model_state(app, state),
        Event::Notice(said) => {
            if said.severity == Severity::Error {
                app.note_service_error(&said.text);
            }
            notice(app, said.severity, said.text);
        }
        Event::OpenRequested(call) => {
            if let Some(paths) = call.take() {
                app.open_forwarded(paths);
            }
        }
    }
}

/// Where the model is shows in the top bar and in the settings.
fn model_state(app: &mut App, state: ModelState) {
    app.state.library_mut().device_title = match &state {
        ModelState::Loading => "loading…".to_owned(),
        ModelState::Ready { runs_on: place, .. } => place.clone(),
        ModelState::Unloaded => "unloaded".to_owned(),
        ModelState::Failed(_) => "not loaded".to_owned(),
    };
    if let ModelState::Failed(why) = &state {
        notice(app, Severity::Error, why.clone());
    }
    app.state.library_mut().model_state = Some(state);
    if app.state.is_dialog_open(Dialog::Settings) {
        app.refresh_devices();
    }
}

fn found(app: &mut App, result: Result<std::sync::Arc<SearchResult>, String>) {
    let query = &mut app.state.library_mut().query;
    query.pending = false;
    match result {
        Ok(result) => {
            if query.filter.modality.is_none() {
                let [pictures, texts] = result.above_by_modality;
                query.matches = Some([result.above_threshold, pictures, texts]);
            }
            query.result = Some(result);
            query.error = None;
        }
        Err(why) => {
            query.result = None;
            query.matches = None;
            query.error = Some(why);
        }
    }
    if std::mem::take(&mut app.search.focus_first) {
        app.focus_first_hit();
    }
}

fn finished(app: &mut App, summary: &ImportSummary) {
    app.state.library_mut().progress = Default::default();
    app.state.library_mut().adding = false;
    app.record_speed(summary);
    app.remember_library();
    app.collection_changed();
    let text = import_summary(summary);
    if !text.is_empty() {
        notice(app, Severity::Info, text);
    }
    if app.state.library().query.filter != Filter::default()
        && app.state.library().snapshot.as_ref().is_some_and(|s| s.is_empty())
    {
        app.state.library_mut().query.filter = Filter::default();
    }
}

/// What an import did, in one line; empty if it found nothing to do.
fn import_summary(summary: &ImportSummary) -> String {
    let mut parts = Vec::new();
    let embedded = format::count(summary.embedded, "item");
    if summary.cancelled {
        parts.push("Import cancelled".to_owned());
    }
    match (summary.embedded, summary.cancelled) {
        (0, _) => {}
        (_, true) => parts.push(format!("{embedded} kept")),
        (_, false) => parts.push(format!("{embedded} embedded in {}", seconds(summary.seconds))),
    }
    if summary.failed > 0 {
        parts.push(format!("{} could not be read", format::count(summary.failed, "file")));
    }
    let skipped: u64 = summary.skipped.values().sum();
    if skipped > 0 {
        parts.push(format!("{} skipped", format::count(skipped, "file")));
    }
    parts.join(" · ")
}

fn seconds(s: f64) -> String {
    match s as u64 {
        0 => "less than a second".to_owned(),
        s @ 1..60 => format!("{s} s"),
        s => format!("{} min {} s", s / 60, s % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_import_reports_what_is_kept() {
        let mut summary = ImportSummary { embedded: 533, seconds: 61.0, failed: 1, ..ImportSummary::default() };
        assert_eq!(import_summary(&summary), "533 items embedded in 1 min 1 s · 1 file could not be read");
        summary.cancelled = true;
        assert_eq!(import_summary(&summary), "Import cancelled · 533 items kept · 1 file could not be read");
        assert_eq!(import_summary(&ImportSummary::default()), "");
    }
}
