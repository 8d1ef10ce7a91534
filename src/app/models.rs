//! Models in the window: getting, importing, removing; the choice of the first start; how fast each one was.

use super::model_list::ModelJob;
use super::window::App;
use crate::context::Dialog;
use crate::context::commands::{ModelAction, ModelCommand, PathPurpose};
use crate::context::model_list::ModelSpeed;
use vicinity_engine::model_source::ModelSource;
use vicinity_engine::{ImportSummary, Job, Severity};
use vicinity_models::catalogue::{self, Recommendation};

/// Fewer items than this say nothing about speed.
const MIN_ITEMS: u64 = 24;

impl App {
    pub(super) fn model_action(&mut self, action: ModelAction) {
        match action {
            ModelAction::Settings => self.toggle_settings(),
            ModelAction::Unload => self.submit(Job::UnloadModel),
            ModelAction::ShowModels => self.toggle_dialog(Dialog::Models),
        }
    }

    pub(super) fn model_command(&mut self, command: ModelCommand) {
        match command {
            ModelCommand::Download(id) => self.submit_model_job(ModelJob::Download(id)),
            ModelCommand::Pause(id) => self.submit_model_job(ModelJob::Pause(id)),
            ModelCommand::Cancel(id) => self.submit_model_job(ModelJob::Cancel(id)),
            ModelCommand::Remove(id) => self.submit_model_job(ModelJob::Remove(id)),
            ModelCommand::Verify(id) => self.submit_model_job(ModelJob::Verify(id)),
            ModelCommand::ImportFolder => self.file_dialog(PathPurpose::ImportModel),
            ModelCommand::ImportArchive => self.file_dialog(PathPurpose::ImportArchive),
            ModelCommand::Use(source) => self.use_model(source),
            ModelCommand::ChooseFolder => self.file_dialog(PathPurpose::Model),
            ModelCommand::ChooseFirst(choice) => self.first_choice(choice),
            ModelCommand::SetDimensions(dim) => self.submit(Job::SetDimensions(dim)),
            ModelCommand::SetDevices(devices) => self.set_devices(devices),
            ModelCommand::AllowUpdates(allowed) => self.allow_updates(allowed),
            ModelCommand::ShowReleases => self.show_releases(),
        }
    }

    pub(super) fn submit_model_job(&mut self, job: ModelJob) {
        match &self.model_list_worker {
            Some(worker) => worker.submit(job),
            None => {
                let text = "No folder for models was found; set VICINITY_MODELS";
                self.notice(Severity::Error, text);
            }
        }
    }

    /// What the first start offered was chosen; it is not offered again.
    pub(super) fn first_choice(&mut self, choice: Recommendation) {
        self.mark_welcomed();
        let Some(known) = catalogue::recommended(choice).filter(|known| !known.is_built_in()) else { return };
        self.set_default_model(Some(known.id.to_owned()));
        self.submit_model_job(ModelJob::Download(known.id.to_owned()));
        let text = format!("Downloading {}; the built-in model is used until it is installed", known.title);
        self.notice(Severity::Info, text);
    }

    /// The model that new libraries begin with; `None`: the built-in one.
    pub(super) fn set_default_model(&mut self, id: Option<String>) {
        self.state.preferences.default_model = id;
        self.save_preferences();
    }

    /// The same by the source of the model; false if it is not in the list.
    pub(super) fn set_default_source(&mut self, source: &ModelSource) -> bool {
        let found =
            self.state.view.model_list.as_ref().and_then(|list| list.models.iter().find(|m| m.source == *source));
        let Some((id, built_in)) = found.map(|model| (model.status.id.clone(), model.is_built_in())) else {
            return false;
        };
        self.set_default_model((!built_in).then_some(id));
        true
    }

    /// Never offers the choice of the first start again.
    pub(super) fn mark_welcomed(&mut self) {
        if !self.state.preferences.welcomed {
            self.state.preferences.welcomed = true;
            self.save_preferences();
        }
    }

    /// The model for new libraries, where one was chosen and is here.
    pub(super) fn default_model(&self) -> Option<ModelSource> {
        let id = self.state.preferences.default_model.as_ref()?;
        let model = self.state.view.model_list.as_ref()?.find(id)?;
        model.is_installed().then(|| model.source.clone())
    }

    /// Takes over what the models' threads have to tell.
    pub(super) fn receive_models(&mut self) {
        let Some(list) = self.model_list_worker.as_ref().and_then(|worker| worker.latest()) else { return };
        let arrived: Vec<String> = list
            .models
            .iter()
            .filter(|model| model.is_installed())
            .filter(|model| {
                self.state
                    .view
                    .model_list
                    .as_ref()
                    .is_some_and(|before| before.downloads().any(|(m, _)| m.status.id == model.status.id))
            })
            .map(|model| model.title.clone())
            .collect();
        self.state.view.model_list = Some(list);
        for title in arrived {
            let then = if self.state.has_library() { "choose it in Models…" } else { "open a folder to use it" };
            self.notice(Severity::Info, format!("{title} is installed; {then}"));
        }
    }

    /// Keeps how fast the model in use was; a service's speed says nothing about this machine.
    pub(super) fn record_speed(&mut self, summary: &ImportSummary) {
        let library = self.state.library();
        let Some(model) = library.model.as_ref().filter(|_| library.services.active.is_none()) else { return };
        if summary.embedded < MIN_ITEMS || summary.seconds < 0.5 {
            return;
        }
        let speed = ModelSpeed {
            per_second: (summary.embedded as f64 / summary.seconds) as f32,
            pictures: summary.images * 20 >= summary.items * 19,
            device: library.device_title.clone(),
        };
        let name = model.key.name.clone();
        self.state.preferences.speeds.insert(name, speed);
        self.save_preferences();
    }
}
