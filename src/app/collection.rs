//! The collection's commands: folders, files, the import, and which library is open.

use super::window::App;
use crate::context::Dialog;
use crate::context::commands::{CollectionAction, CollectionCommand, DropTarget, PathPurpose, SearchCommand};
use crate::context::dropped_files::has_image_extension;
use vicinity_core::Stage;
use vicinity_engine::Job;

/// A drop of more pictures than these searches with the first ones only.
const MAX_DROPPED_PARTS: usize = 4;

impl App {
    pub(super) fn collection_action(&mut self, action: CollectionAction) {
        match action {
            CollectionAction::OpenFolder => self.file_dialog(PathPurpose::AddFolders),
            CollectionAction::AddFiles => self.file_dialog(PathPurpose::AddFiles),
            CollectionAction::OpenPath => self.ask_for_path(PathPurpose::AddFolders),
            CollectionAction::ChooseLibrary => self.file_dialog(PathPurpose::OpenLibrary),
            CollectionAction::CloseLibrary => self.close_library(),
            CollectionAction::OpenSample => self.open_sample(),
            CollectionAction::PauseOrResume => match self.state.library().progress.stage {
                Stage::Idle => {}
                Stage::Paused => self.submit(Job::Resume),
                Stage::Scanning | Stage::Embedding => self.submit(Job::Pause),
            },
            CollectionAction::CancelImport => self.submit(Job::Cancel),
            CollectionAction::PauseText => {
                if let Some(progress) = self.state.library().text_progress {
                    self.submit(Job::PausePictureText(!progress.paused));
                }
            }
            CollectionAction::Rescan => self.submit(Job::Rescan),
            CollectionAction::RetryFailed => self.submit(Job::Retry(Vec::new())),
            CollectionAction::ShowFailures => self.toggle_dialog(Dialog::Failures),
            CollectionAction::ImportSettings => self.toggle_import_settings(),
            CollectionAction::Export => self.file_dialog(PathPurpose::Export),
        }
    }

    pub(super) fn collection_command(&mut self, command: CollectionCommand) {
        match command {
            CollectionCommand::Add(paths) => self.add(paths),
            CollectionCommand::RemoveRoot(path) => {
                let filter = &mut self.state.library_mut().query.filter;
                if filter.folder.as_ref().is_some_and(|folder| folder.starts_with(&path)) {
                    filter.folder = None;
                }
                self.submit(Job::Remove(path));
            }
            CollectionCommand::OpenLibrary(path) => self.open_library(path, Vec::new()),
            CollectionCommand::SubmitPath(purpose, typed) => self.check_path(purpose, typed),
            CollectionCommand::Retry(paths) => self.submit(Job::Retry(paths)),
            CollectionCommand::SetImport(options) => {
                self.state.library_mut().import = Some(options.clone());
                self.submit(Job::SetImport(options));
                self.submit(Job::Rescan);
            }
            CollectionCommand::HoldDrop(paths) => self.state.library_mut().dropped = paths,
            CollectionCommand::DecideDrop(target) => self.decide_drop(target),
        }
    }

    fn decide_drop(&mut self, target: Option<DropTarget>) {
        let files = std::mem::take(&mut self.state.library_mut().dropped);
        match target {
            Some(DropTarget::Add) => self.add(files),
            Some(DropTarget::Search) => {
                for file in files.into_iter().filter(|file| has_image_extension(file)).take(MAX_DROPPED_PARTS) {
                    self.search_command(SearchCommand::WithFile(file));
                }
            }
            None => {}
        }
    }
}
