//! Takes what threads have sent and changes the state accordingly; never longer than a few milliseconds a frame.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::messages::Message;
use super::textures;
use super::window::App;
use crate::context::Dialog;
use crate::context::format;
use crate::context::{LoadedPreview, Selection};
use vicinity_core::{Filter, SearchResult};
use vicinity_engine::{Event, ImportSummary, ModelState, PreviewContent, SearchSlot, Severity};

/// A frame at 60 Hz lasts 16 ms; drawing gets the other half.
const BUDGET: Duration = Duration::from_millis(8);
/// Large previews kept; one takes up to 10 MB.
const PREVIEWS: usize = 4;

impl App {
    /// Takes the messages of the window's own threads.
    pub(super) fn receive_messages(&mut self) {
        while let Ok(message) = self.inbox.1.try_recv() {
            match message {
                Message::Opened(attempt, result) => self.opened(attempt, result),
                Message::Chosen(purpose, paths) => self.chosen(purpose, paths),
                Message::NoDialog(purpose) => self.ask_for_path(purpose),
                Message::Typed(purpose, path) => self.path_typed(purpose, path),
                Message::Sample(folder) => self.sample_unpacked(folder),
                Message::Service(answer) => self.service_reply(answer),
                Message::Labels(Ok(set)) => self.set_labels(set),
                Message::Labels(Err(why)) | Message::Failed(why) => self.notice(Severity::Error, why),
                Message::Pasted(picture) => self.search_by_picture(picture),
                Message::ChipPicture(path, picture) => self.chip_picture(&path, &picture),
                Message::Listed(request, listing) => self.listing_received(&request, listing),
                Message::Selected { of, selection, listed } => self.selection_found(&of, selection, listed),
                Message::GroupMade { attempt, group, is_new } => self.group_made(attempt, group, is_new),
                Message::GroupCounts(request, counts) => self.groups_counted(&request, counts),
                Message::LabelCounts(request, counts) => self.labels_counted(&request, counts),
                Message::ClusterCounts(request, counts) => self.clusters_counted(&request, counts),
                Message::Export(token, message) => self.export_reported(&token, message),
                Message::Newest(version) => self.newest_found(version),
                Message::TextLanguages(found) => self.state.view.text_languages = Some(found),
                Message::Devices(lines) => self.state.view.devices = lines,
            }
        }
    }

    /// Takes the engine's events, for a few milliseconds.
    pub(super) fn receive_events(&mut self) {
        let start = Instant::now();
        while let Some(event) = self.backend.as_ref().and_then(|b| b.events().try_recv().ok()) {
            self.apply_event(event);
            if start.elapsed() > BUDGET {
                self.ctx.request_repaint();
                break;
            }
        }
        self.expire_notices();
    }

    fn apply_event(&mut self, event: Event) {
        match event {
            Event::Snapshot(snapshot) => {
                let snapshot = self.with_own_groups(snapshot);
                let other_epoch = self.state.library().snapshot.as_ref().is_some_and(|s| s.epoch() != snapshot.epoch());
                let roots: Vec<_> = snapshot.parts().roots.iter().map(|r| r.path.clone()).collect();
                let library = self.state.library_mut();
                if let Some(name) = super::library_path::library_name(&roots) {
                    library.name = name;
                }
                if other_epoch {
                    let selected = library.selection.items.iter().copied();
                    library.selection =
                        Selection::new(selected.filter(|id| snapshot.get(*id).is_some()).collect()).into();
                }
                let before = library.snapshot.replace(Arc::clone(&snapshot));
                self.refresh_facts(before.as_deref(), &snapshot);
                self.collection_changed();
            }
            Event::Progress(progress) => {
                self.state.library_mut().adding = false;
                self.state.library_mut().progress = progress;
            }
            Event::ImportFinished(summary) => self.import_finished(&summary),
            Event::Failures(failures) => self.state.library_mut().failures = failures,
            Event::Skipped(counts) => self.state.library_mut().skipped = counts,
            Event::Unfinished(unfinished) => self.unfinished(unfinished),
            Event::Visible(rows) => self.filtered(rows),
            Event::Folders(counts) => self.state.library_mut().folders = counts,
            Event::Histograms(counts) => self.state.library_mut().histograms = counts,
            Event::FactCounts(counts) => self.state.library_mut().fact_counts = counts,
            Event::SearchDone { slot: SearchSlot::Results, ticket, result } => {
                if self.search.is_latest(ticket) {
                    self.results_received(result.map_err(|error| error.to_string()));
                }
            }
            Event::SearchDone { slot: SearchSlot::Neighbours, ticket, result } => {
                if let (Some(of), Ok(result)) = (self.search.neighbours_of(ticket), result) {
                    self.state.library_mut().neighbours = Some((of, result));
                }
            }
            Event::AxesDone { ticket, result } => {
                self.axes_received(ticket, result.map_err(|error| error.to_string()));
            }
            Event::LabelDone { ticket, result } => {
                self.labels_received(ticket, result.map_err(|error| error.to_string()));
            }
            Event::Suggested { ticket, suggestions } => self.suggestions_received(ticket, suggestions),
            Event::StoredLabels(labels) => self.labels_restored(&labels),
            Event::Layout(layout) => {
                self.state.library_mut().layout = Some(layout);
                self.find_clusters();
                self.measure_small_map();
            }
            Event::MapQuality(quality) => self.map_measured(quality),
            Event::Clusters(found) => self.clusters_received(found),
            Event::GraphMeasures(measures) => self.state.library_mut().graph = Some(measures),
            Event::ClusterNames(names) => {
                self.named_with = Arc::clone(&names);
                self.state.library_mut().cluster_state.names = names;
            }
            Event::LayoutProgress(progress) => self.state.library_mut().layout_progress = progress,
            Event::Thumbnail(id, picture) => self.textures.arrived(id, picture),
            Event::Preview(id, preview) => {
                let shown = preview.map_err(|error| error.to_string()).map(|preview| match preview {
                    PreviewContent::Picture(picture) => {
                        LoadedPreview::Picture(textures::load(&self.ctx, &format!("preview {}", id.0), &picture))
                    }
                    PreviewContent::Text(text) => LoadedPreview::Text(text),
                });
                if self.state.library().previews.len() >= PREVIEWS {
                    let keep = [self.state.library().preview, self.state.library().selection.focus()];
                    self.state.library_mut().previews.retain(|id, _| keep.contains(&Some(*id)));
                }
                self.state.library_mut().previews.insert(id, shown);
            }
            Event::Facts(id, facts) => self.facts_received(id, &facts),
            Event::FactsProgress(progress) => self.state.library_mut().facts_progress = progress,
            Event::PictureText(id, text) => self.picture_text_received(id, text),
            Event::PictureTextFound { query, items } => self.found_in_pictures(query, items),
            Event::TextProgress(progress) => self.text_progressed(progress),
            Event::Model(state) => self.model_state_changed(state),
            Event::Notice(notice) => self.notice(notice.severity, notice.text),
            Event::ServiceFailed(error) => self.note_service_error(&error),
            Event::Duplicates(found) => self.show_duplicates(&found),
            Event::Compacted(Ok(done)) => {
                let freed = format::bytes(done.bytes_before.saturating_sub(done.bytes_after));
                self.notice(Severity::Info, format!("Freed {freed} of removed items"));
            }
            Event::Compacted(Err(why)) => {
                self.notice(Severity::Warning, format!("Could not compact the library: {why}"));
            }
            Event::OpenRequested(request) => {
                if let Some(paths) = request.take() {
                    self.open_forwarded(paths);
                }
            }
        }
    }

    /// Where the model is shows in the top bar and in the settings.
    fn model_state_changed(&mut self, state: ModelState) {
        self.state.library_mut().device_title = match &state {
            ModelState::Loading => "loading…".to_owned(),
            ModelState::Ready { runs_on: place, .. } => place.clone(),
            ModelState::Unloaded => "unloaded".to_owned(),
            ModelState::OwnVectors => "your own vectors".to_owned(),
            ModelState::Failed(_) => "not loaded".to_owned(),
        };
        if let ModelState::Failed(why) = &state {
            self.notice(Severity::Error, why.clone());
        }
        self.state.library_mut().model_state = Some(state);
        if self.state.is_dialog_open(Dialog::Settings) {
            self.refresh_devices();
        }
    }

    fn results_received(&mut self, result: Result<Arc<SearchResult>, String>) {
        let query = &mut self.state.library_mut().query;
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
        if std::mem::take(&mut self.search.focus_first) {
            self.focus_first_hit();
        }
    }

    fn import_finished(&mut self, summary: &ImportSummary) {
        self.state.library_mut().progress = Default::default();
        self.state.library_mut().adding = false;
        self.record_speed(summary);
        self.remember_library();
        self.collection_changed();
        self.find_clusters();
        self.measure_small_map();
        let text = import_summary(summary);
        if !text.is_empty() {
            self.notice(Severity::Info, text);
        }
        if self.state.library().query.filter != Filter::default()
            && self.state.library().snapshot.as_ref().is_some_and(|s| s.is_empty())
        {
            self.state.library_mut().query.filter = Filter::default();
        }
    }
}

/// What an import did, in one line; empty if it found nothing to do, and of one that nobody has asked for if it embedded
/// nothing.
fn import_summary(summary: &ImportSummary) -> String {
    let mut parts = Vec::new();
    if summary.unasked && summary.embedded == 0 {
        return String::new();
    }
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
