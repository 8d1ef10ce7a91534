//! Opening and leaving libraries, adding folders, files of all kinds that the user chooses.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::backend::{ModelOverride, OpenNote, OpenOptions};
use super::file_dialogs::{FileDialog, FileDialogOutcome, check_typed};
use super::library_path;
use super::messages::Message;
use super::model_list::ModelJob;
use super::window::{App, seconds_since_epoch};
use crate::context::commands::PathPurpose;
use crate::context::format;
use crate::context::{Dialog, LibraryState, PathRequest, RecentLibrary};
use vicinity_core::LabelSet;
use vicinity_core::label::parse_label_file;
use vicinity_engine::model_source::ModelSource;
use vicinity_engine::{Job, Severity, UnfinishedImport, sample};

/// A label file larger than this is not one.
const MAX_LABEL_BYTES: u64 = 4_000_000;

impl App {
    /// Adds to the open library; where none is open, opens the one that belongs to the first folder. A library
    /// (`NAME.vicinity`) alone is opened itself.
    pub(super) fn add(&mut self, paths: Vec<PathBuf>) {
        if paths.is_empty() {
            return;
        }
        let alone = matches!(paths.as_slice(), [one] if library_path::is_library(one));
        if self.backend.is_some() && !alone {
            self.submit(Job::Add(paths));
        } else if self.state.library.is_some() && !alone {
            self.then_add.extend(paths);
        } else if let Some((library, add)) = library_path::resolve(None, paths, self.data.as_deref()) {
            self.open_library(library, add);
        } else {
            self.notice(Severity::Error, "No folder for data was found; pass --library");
        }
    }

    /// A second start of the program wants something opened in this window.
    pub(super) fn open_forwarded(&mut self, paths: Vec<PathBuf>) {
        let front = egui::UserAttentionType::Informational;
        // Where windows may not put themselves in front, the system at least points to this one.
        for command in [
            egui::ViewportCommand::Minimized(false),
            egui::ViewportCommand::Focus,
            egui::ViewportCommand::RequestUserAttention(front),
        ] {
            self.ctx.send_viewport_cmd(command);
        }
        self.ctx.request_repaint();
        self.add(paths);
    }

    /// Opens a library in the background, and then adds to it.
    pub(super) fn open_library(&mut self, path: PathBuf, then_add: Vec<PathBuf>) {
        self.remember_library();
        self.mark_welcomed();
        let library = self.state.library();
        let left = (library.model.clone(), library.model_title.clone(), library.services.busy.clone());
        let before = self.discard_library().inspect(|before| before.begin_closing());
        let known = self.state.preferences.recents.iter().find(|r| r.path == path).map(|r| r.name.clone());
        let name = known.or_else(|| library_path::library_name(&then_add)).unwrap_or_else(|| format::file_name(&path));
        let mut library =
            LibraryState { path: path.clone(), name, opening: true, ..std::mem::take(&mut self.state.draft) };
        if self.switching {
            // The same library with another model: the old one is shown until the new one is there.
            (library.model, library.model_title, library.services.busy) = left;
        }
        self.state.library = Some(library);
        if !self.state.library().query.is_empty() {
            // Asked before there was anything to search: it is found once the library is open.
            self.search_now();
            self.state.library_mut().notices.retain(|notice| notice.text != super::search::NOTHING_OPEN);
        }
        self.then_add = then_add;
        self.attempt += 1;
        let (attempt, opener) = (self.attempt, self.opener.clone());
        let (model_override, consent, default_model) =
            (std::mem::take(&mut self.model_override), self.consent.take(), self.default_model());
        let network = self.network.clone();
        let failed = move |why| Message::Opened(attempt, Err(why));
        self.spawn("open-library", failed, move |messages| {
            let agreed = consent.zip(before.as_ref()).map(|(c, before)| before.allow_remote(&c.host, c.on));
            // The previous one closes its files first: it may be the same library.
            drop(before);
            let model_override = match (model_override, default_model) {
                (ModelOverride::Remembered, Some(model)) if !path.exists() => ModelOverride::Model(model),
                (model_override, _) => model_override,
            };
            let options = OpenOptions { model_override, network, waker: Arc::clone(&messages.waker) };
            let result = agreed.unwrap_or(Ok(())).and_then(|()| opener(&path, options));
            messages.send(Message::Opened(attempt, result));
        });
    }

    /// Opens the library again with another model; if none is open, the next one uses it.
    pub(super) fn use_model(&mut self, model: ModelSource) {
        if self.state.library.is_none() && self.set_default_source(&model) {
            return;
        }
        self.reopen_with(ModelOverride::Model(model));
    }

    /// The same, also with a service.
    pub(super) fn reopen_with(&mut self, model_override: ModelOverride) {
        self.model_override = model_override;
        if let Some(library) = self.state.library.as_ref().filter(|l| !l.opening).map(|l| l.path.clone()) {
            self.switching = true;
            self.open_library(library, Vec::new());
        } else {
            // consent is for one library
            self.consent = None;
        }
    }

    pub(super) fn close_library(&mut self) {
        self.remember_library();
        if self.state.library.is_some() {
            // They are for the library that is closed.
            (self.model_override, self.consent, self.switching) = Default::default();
        }
        let before = self.discard_library();
        self.attempt += 1;
        self.close(before);
    }

    /// Closes a library in the background, since that may take a while. Opening it again waits until it is closed.
    fn close(&self, backend: Option<Box<dyn super::Backend>>) {
        if let Some(backend) = &backend {
            backend.begin_closing();
        }
        self.spawn("close-library", Message::Failed, move |_| drop(backend));
    }

    pub(super) fn opened(&mut self, attempt: u64, result: Result<Box<dyn super::Backend>, String>) {
        if attempt != self.attempt {
            // The user has gone elsewhere in the meantime.
            return self.close(result.ok());
        }
        match result {
            Ok(backend) => {
                let library = self.state.library_mut();
                library.model = backend.model();
                library.model_title = library.model.as_ref().map(|m| m.title.clone()).unwrap_or_default();
                library.device_title = backend.device();
                library.import = Some(backend.import());
                library.opening = false;
                // Not with another model than the one that the import was begun with.
                self.may_resume = backend.open_note().is_none_or(|note| !matches!(note, OpenNote::Fallback(_)));
                self.backend = Some(backend);
                self.service_opened();
                let add = std::mem::take(&mut self.then_add);
                if !add.is_empty() {
                    self.submit(Job::Add(add));
                } else if std::mem::take(&mut self.switching) {
                    // What the new model has not embedded yet.
                    self.submit(Job::Rescan);
                }
                if !self.state.library().query.is_empty() {
                    self.search_now();
                }
                self.request_next_labels();
            }
            Err(why) => {
                let path = self.state.library.as_ref().map(|library| library.path.clone());
                self.discard_library();
                if let (true, Some(path)) = (std::mem::take(&mut self.switching), path) {
                    // The model before is still good.
                    self.open_library(path, Vec::new());
                }
                self.state.library_mut().services.busy = None;
                self.notice(Severity::Error, why);
            }
        }
    }

    /// An import did not come to its end. One that a closed window or a crash interrupted continues by itself, once, when
    /// its library is opened.
    pub(super) fn unfinished(&mut self, unfinished: Option<UnfinishedImport>) {
        self.state.library_mut().unfinished = unfinished;
        let goes_on = std::mem::take(&mut self.may_resume) && unfinished.is_some_and(|import| !import.cancelled);
        let may_write = self.state.library().snapshot.as_ref().is_none_or(|s| s.parts().read_only.is_none());
        if goes_on && may_write {
            self.state.library_mut().unfinished = None;
            self.submit(Job::Rescan);
        }
    }

    /// Takes the open library out of the state, of what the panels keep, and of this window.
    fn discard_library(&mut self) -> Option<Box<dyn super::Backend>> {
        if self.state.library.is_some() {
            self.state.close_library();
            self.shell.close_library();
            self.then_add.clear();
            // What this frame drew of it is meant for no other library.
            self.commands.forget_items();
            self.pointed_at = None;
            self.textures.clear();
            self.history.clear();
            self.navigation = Default::default();
            self.group_count_request = None;
            self.search = Default::default();
            self.axes = Default::default();
            self.labelling = Default::default();
            self.lists = Default::default();
            (self.filter_request, self.label_count_request) = Default::default();
            (self.cluster_count_request, self.graph_request, self.named_with) = Default::default();
            self.may_resume = false;
        }
        self.backend.take()
    }

    /// Keeps the open library among the recent ones.
    pub(super) fn remember_library(&mut self) {
        let Some((library, snapshot)) = self.state.library.as_ref().and_then(|l| Some((l, l.snapshot.as_ref()?)))
        else {
            return;
        };
        let recent = RecentLibrary {
            path: library.path.clone(),
            name: library.name.clone(),
            items: snapshot.len() as u64,
            opened: seconds_since_epoch(),
        };
        self.state.preferences.remember(recent);
        self.state.view.now = seconds_since_epoch();
        self.save_preferences();
    }

    /// Writes the sample collection to the data folder, where it is not there yet, and opens it.
    pub(super) fn open_sample(&mut self) {
        let data = self.data.clone();
        self.spawn(
            "sample",
            |why| Message::Sample(Err(why)),
            move |messages| {
                let failed = |e: std::io::Error| format!("Could not write the sample collection: {e}");
                let folder = data.ok_or_else(|| "No folder for data was found".to_owned());
                messages.send(Message::Sample(folder.and_then(|f| sample::unpack(&f).map_err(failed))));
            },
        );
    }

    pub(super) fn sample_unpacked(&mut self, folder: Result<PathBuf, String>) {
        match folder {
            Ok(folder) => {
                self.close_library();
                self.add(vec![folder]);
            }
            Err(why) => self.notice(Severity::Error, why),
        }
    }

    pub(super) fn file_dialog(&mut self, purpose: PathPurpose) {
        if !self.file_dialogs {
            return self.ask_for_path(purpose);
        }
        let dialog = FileDialog::new(purpose);
        self.spawn("file-dialog", Message::Failed, move |messages| {
            messages.send(match dialog.wait() {
                FileDialogOutcome::Chosen(paths) => Message::Chosen(purpose, paths),
                FileDialogOutcome::Missing => Message::NoDialog(purpose),
            });
        });
    }

    /// Lets the user type a path.
    pub(super) fn ask_for_path(&mut self, purpose: PathPurpose) {
        self.state.view.path_request = Some(PathRequest { purpose, error: None });
        self.show_dialog(Dialog::Path, true);
    }

    /// Checks a typed path, on another thread: the disk may be slow.
    pub(super) fn check_path(&mut self, purpose: PathPurpose, typed: String) {
        self.spawn(
            "typed-path",
            move |why| Message::Typed(purpose, Err(why)),
            move |messages| {
                let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
                let path = check_typed(purpose, &typed, home.as_deref());
                messages.send(Message::Typed(purpose, path));
            },
        );
    }

    pub(super) fn path_typed(&mut self, purpose: PathPurpose, path: Result<PathBuf, String>) {
        let asked = self.state.view.path_request.as_mut().filter(|request| request.purpose == purpose);
        // Closed in the meantime: the user does not want it any more.
        let Some(request) = asked else { return };
        match path {
            Ok(path) => {
                self.show_dialog(Dialog::Path, false);
                self.chosen(purpose, vec![path]);
            }
            Err(why) => request.error = Some(why),
        }
    }

    pub(super) fn chosen(&mut self, purpose: PathPurpose, paths: Vec<PathBuf>) {
        let Some(first) = paths.first().cloned() else { return };
        match purpose {
            PathPurpose::AddFolders | PathPurpose::AddFiles => self.add(paths),
            PathPurpose::OpenLibrary => self.open_library(first, Vec::new()),
            PathPurpose::LoadLabels => self.load_labels(first),
            PathPurpose::Model => self.use_model(ModelSource::Folder(first)),
            PathPurpose::ImportModel | PathPurpose::ImportArchive => self.submit_model_job(ModelJob::Import(first)),
            PathPurpose::ExportSelection => self.export_selection(first),
            PathPurpose::CopyFiles => self.copy_selection(first),
            PathPurpose::SaveMap => self.save_map(first),
            PathPurpose::Export => {
                let items = first.with_extension("csv");
                self.submit(Job::Export { vectors: first, items });
            }
        }
    }

    fn load_labels(&self, path: PathBuf) {
        self.spawn(
            "load-labels",
            |why| Message::Labels(Err(why)),
            move |messages| {
                messages.send(Message::Labels(read_labels(&path)));
            },
        );
    }
}

fn read_labels(path: &Path) -> Result<LabelSet, String> {
    let name = format::file_name(path);
    let length = std::fs::metadata(path).map_err(|e| format!("Could not read {name}: {e}"))?.len();
    if length > MAX_LABEL_BYTES {
        return Err(format!("{name} is too large for a label file"));
    }
    let bytes = std::fs::read(path).map_err(|e| format!("Could not read {name}: {e}"))?;
    let text = String::from_utf8_lossy(&bytes);
    let labels = parse_label_file(path, &text);
    if labels.is_empty() {
        return Err(format!("{name} contains no labels"));
    }
    let stem = path.file_stem().map_or(name, |s| s.to_string_lossy().into_owned());
    Ok(LabelSet { name: stem, labels })
}
