//! Writes the selection and the map to files, and copies files, on threads of their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::messages::{ExportMessage, Message};
use super::window::App;
use crate::context::format;
use crate::context::{AppliedLabels, ColourBy, ExportProgress, ExportToken, Notice, Selection, Snapshot};
use vicinity_core::{LabelSet, LabelledItems, Layout};
use vicinity_engine::export::{self, CopyReport, ExportedItems};
use vicinity_engine::map_image::{self, ImageOptions, MapCategories, MapColouring, MapDrawing, MapFormat};
use vicinity_engine::map_report::{self, ReportOptions};
use vicinity_engine::output_files::OutputError;
use vicinity_engine::{Severity, Thumbnails};

/// The status bar is told of progress this often.
const REPORTS: Duration = Duration::from_millis(100);
/// Width and height of an image of the map, pixels.
const MAP_SIZE: [u32; 2] = [2_400, 2_400];

impl App {
    /// Writes the selected items: `.csv` and `.parquet` are lists of them, `.npy` their vectors, with a list beside it.
    pub(super) fn export_selection(&mut self, path: PathBuf) {
        let (selection, labels) =
            (Arc::clone(&self.state.library().selection), Arc::clone(&self.state.library().labels.applied));
        self.start_export("Exporting the selection", move |snapshot, token, _| {
            let rows = rows_of(snapshot, &selection);
            let labels = labelled(&labels);
            let go_on = || token.goes_on();
            let export = ExportedItems { snapshot, rows: &rows, labels: Some(&labels), scores: None, go_on: &go_on };
            let is_vectors = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("npy"));
            let list = if is_vectors { path.with_extension("csv") } else { path.clone() };
            // Nobody was asked about that one.
            if is_vectors && list.exists() && !path.exists() {
                return Err(OutputError::Exists { path: list });
            }
            let written = export::write_items(&export, is_vectors.then_some(&*path), Some(&list));
            written.map(|rows| info(format!("Exported {} to {}", format::count(rows as u64, "item"), path.display())))
        });
    }

    /// Copies the files of the selected items into a folder.
    pub(super) fn copy_selection(&mut self, folder: PathBuf) {
        let selection = Arc::clone(&self.state.library().selection);
        self.start_export("Copying files", move |snapshot, token, report| {
            let rows = rows_of(snapshot, &selection);
            let copied = export::copy_files(snapshot, &rows, &folder, |done, total| {
                report(done as u64, total as u64);
                token.goes_on()
            });
            copied.map(|copied| copy_notice(&copied, &folder))
        });
    }

    /// Writes the map as an image, a drawing or a web page.
    pub(super) fn save_map(&mut self, path: PathBuf) {
        let library = self.state.library();
        let current = |layout: &&Arc<Layout>| library.snapshot.as_ref().is_some_and(|s| s.epoch() == layout.epoch);
        let Some(layout) = library.layout.as_ref().filter(current).cloned() else {
            return self.notice(Severity::Warning, "The map is not ready yet; try again later");
        };
        let clusters = library.clusters.clone().filter(|clusters| clusters.belong_to(&layout));
        let labels = Arc::clone(&library.labels.applied);
        let (title, dark) = (library.name.clone(), self.ctx.theme() == egui::Theme::Dark);
        let by = colouring(self.state.preferences.colour_by);
        let thumbnails = self.backend.as_ref().and_then(|backend| backend.thumbnails());
        self.start_export("Saving the map", move |snapshot, token, _| {
            let categories = MapCategories::new(snapshot, by, clusters.as_deref(), Some(&labelled(&labels)));
            let (categories, clusters) = (&categories, clusters.as_deref());
            let thumbnail = &|id| thumbnails.as_ref().and_then(|thumbnails: &Thumbnails| thumbnails.get(id));
            let map =
                MapDrawing { snapshot, layout: &layout, clusters, categories, thumbnail, go_on: &|| token.goes_on() };
            if map_image::format_of(&path)? == MapFormat::Report {
                let size = map_report::write(&map, &ReportOptions { title, paths: false }, &path)?;
                let bytes = format::bytes(size.bytes as u64);
                return Ok(info(format!("Map saved to {}, {bytes}", path.display())));
            }
            let options = ImageOptions { size: MAP_SIZE, dark, text: true, pictures: true };
            map_image::write(&map, &options, &path)?;
            Ok(info(format!("Map saved to {}", path.display())))
        });
    }

    pub(super) fn cancel_export(&mut self) {
        self.state.library_mut().export = None;
    }

    fn start_export(
        &mut self,
        activity: &'static str,
        work: impl FnOnce(&Snapshot, &ExportToken, &mut dyn FnMut(u64, u64)) -> Result<Notice, OutputError> + Send + 'static,
    ) {
        let Some(snapshot) = self.state.library().snapshot.clone() else { return };
        if self.state.library().export.is_some() {
            return self.notice(Severity::Warning, "Another export is running; try again when it is finished");
        }
        let progress = ExportProgress::new(activity);
        let token = progress.token();
        self.state.library_mut().export = Some(progress);
        let of_failed = token.clone();
        let failed = move |reason| {
            Message::Export(of_failed, ExportMessage::Finished(Notice { severity: Severity::Error, text: reason }))
        };
        self.spawn("export", failed, move |messages| {
            let mut last = Instant::now();
            let mut report = |done, total| {
                if last.elapsed() > REPORTS && token.goes_on() {
                    last = Instant::now();
                    messages.send(Message::Export(token.clone(), ExportMessage::Progress { done, total }));
                }
            };
            let notice = work(&snapshot, &token, &mut report)
                .unwrap_or_else(|error| Notice { severity: Severity::Error, text: error.to_string() });
            messages.send(Message::Export(token, ExportMessage::Finished(notice)));
        });
    }

    /// What a thread reports. Whoever has cancelled it hears no more of it.
    pub(super) fn export_reported(&mut self, token: &ExportToken, message: ExportMessage) {
        let library = self.state.library_mut();
        let Some(progress) = library.export.as_mut().filter(|progress| progress.is_of(token)) else { return };
        match message {
            ExportMessage::Progress { done, total } => (progress.done, progress.total) = (done, total),
            ExportMessage::Finished(notice) => {
                library.export = None;
                self.notice(notice.severity, notice.text);
            }
        }
    }
}

fn rows_of(snapshot: &Snapshot, selection: &Selection) -> Vec<usize> {
    selection.items.iter().filter_map(|id| snapshot.row_of(*id)).collect()
}

fn labelled(applied: &AppliedLabels) -> LabelledItems {
    let set = LabelSet { name: String::new(), labels: applied.names.clone() };
    LabelledItems { set, best: applied.best.clone() }
}

fn colouring(by: ColourBy) -> MapColouring {
    match by {
        ColourBy::Modality => MapColouring::Type,
        ColourBy::Folder => MapColouring::Folder,
        ColourBy::Label => MapColouring::Label,
        _ => MapColouring::Cluster,
    }
}

fn info(text: String) -> Notice {
    Notice { severity: Severity::Info, text }
}

fn copy_notice(report: &CopyReport, folder: &Path) -> Notice {
    let files = format::count(report.copied as u64, "file");
    let renamed = match report.renamed {
        0 => String::new(),
        renamed => format!(", {} under another name", format::number(renamed as u64)),
    };
    let text = format!("{files} copied to {}{renamed}", folder.display());
    match report.failures.first() {
        None => info(text),
        Some(first) => {
            let failed = format::number(report.failures.len() as u64);
            let (name, reason) = (format::file_name(&first.path), &first.reason);
            Notice { severity: Severity::Warning, text: format!("{text}; {failed} not copied: {name}: {reason}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vicinity_core::Failure;

    #[test]
    fn what_was_not_copied_is_said_with_the_reason() {
        let failures = vec![Failure { path: "/c/a.jpg".into(), reason: "permission denied".to_owned() }];
        let report = CopyReport { copied: 2, renamed: 1, failures, ..CopyReport::default() };
        let notice = copy_notice(&report, Path::new("/out"));
        let wanted = "2 files copied to /out, 1 under another name; 1 not copied: a.jpg: permission denied";
        assert_eq!((notice.severity, notice.text.as_str()), (Severity::Warning, wanted));
    }
}
