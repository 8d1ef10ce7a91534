//! Models in the window: getting, importing, removing; the choice of the first start; how fast each one was.

use super::receive::notice;
use super::shelf::Errand;
use super::window::App;
use crate::context::DialogPurpose;
use crate::context::shelf::{ModelErrand, Speed};
use vicinity_engine::choice::ModelSource;
use vicinity_engine::{Severity, Summary};
use vicinity_models::catalogue::{self, Choice};

/// Fewer items than this tell nothing about speed.
const ENOUGH: u64 = 24;

impl App {
    pub(super) fn model_errand(&mut self, errand: ModelErrand) {
        match errand {
            ModelErrand::Get(id) => self.model_work(Errand::Get(id)),
            ModelErrand::Pause(id) => self.model_work(Errand::Pause(id)),
            ModelErrand::Cancel(id) => self.model_work(Errand::Cancel(id)),
            ModelErrand::Remove(id) => self.model_work(Errand::Remove(id)),
            ModelErrand::Verify(id) => self.model_work(Errand::Verify(id)),
            ModelErrand::ImportFolder => self.dialog(DialogPurpose::ImportModel),
            ModelErrand::ImportArchive => self.dialog(DialogPurpose::ImportArchive),
        }
    }

    pub(super) fn model_work(&mut self, errand: Errand) {
        match &self.keeper {
            Some(keeper) => keeper.ask(errand),
            None => {
                let text = "There is no folder for models on this system; name one with VICINITY_MODELS";
                notice(self, Severity::Error, text);
            }
        }
    }

    /// What the first start offered was chosen; it is not offered again.
    pub(super) fn first_choice(&mut self, choice: Choice) {
        self.welcomed();
        let Some(known) = catalogue::chosen(choice).filter(|known| !known.is_built_in()) else { return };
        self.set_favourite(Some(known.id.to_owned()));
        self.model_work(Errand::Get(known.id.to_owned()));
        let text = format!("{} is on its way; until it is here the built-in model serves", known.title);
        notice(self, Severity::Info, text);
    }

    /// The model that new libraries begin with; `None`: the built-in one.
    pub(super) fn set_favourite(&mut self, id: Option<String>) {
        self.settings.favourite.clone_from(&id);
        self.state.favourite = id;
        self.keep_settings();
    }

    /// The same by where the model is; false where it is none of those on the shelf.
    pub(super) fn favour(&mut self, source: &ModelSource) -> bool {
        let found = self.state.shelf.as_ref().and_then(|shelf| shelf.models.iter().find(|m| m.source == *source));
        let Some((id, built_in)) = found.map(|model| (model.status.id.clone(), model.is_built_in())) else {
            return false;
        };
        self.set_favourite((!built_in).then_some(id));
        true
    }

    /// Never offers the choice of the first start again.
    pub(super) fn welcomed(&mut self) {
        if !self.settings.welcomed {
            self.settings.welcomed = true;
            self.state.first_start = false;
            self.keep_settings();
        }
    }

    /// The model for new libraries, where one was chosen and is here.
    pub(super) fn favourite(&self) -> Option<ModelSource> {
        let id = self.settings.favourite.as_ref()?;
        let model = self.state.shelf.as_ref()?.find(id)?;
        model.is_here().then(|| model.source.clone())
    }

    /// Takes over what the models' threads have to tell.
    pub(super) fn look_at_models(&mut self) {
        let Some(shelf) = self.keeper.as_ref().and_then(|keeper| keeper.news()) else { return };
        let arrived: Vec<String> = shelf
            .models
            .iter()
            .filter(|model| model.is_here())
            .filter(|model| {
                self.state
                    .shelf
                    .as_ref()
                    .is_some_and(|before| before.downloads().any(|(m, _)| m.status.id == model.status.id))
            })
            .map(|model| model.title.clone())
            .collect();
        self.state.shelf = Some(shelf);
        for title in arrived {
            let then = if self.state.is_open() { "choose it in Models…" } else { "open a folder to use it" };
            notice(self, Severity::Info, format!("{title} is here: {then}"));
        }
    }

    /// Keeps how fast the model in use was; a service's speed says nothing about this machine.
    pub(super) fn note_speed(&mut self, summary: &Summary) {
        let Some(model) = self.state.model.as_ref().filter(|_| self.state.services.on.is_none()) else { return };
        if summary.embedded < ENOUGH || summary.seconds < 0.5 {
            return;
        }
        let speed = Speed {
            per_second: (summary.embedded as f64 / summary.seconds) as f32,
            pictures: summary.images * 20 >= summary.items * 19,
            device: self.state.device_title.clone(),
        };
        self.settings.speeds.insert(model.key.name.clone(), speed);
        self.state.speeds.clone_from(&self.settings.speeds);
        self.keep_settings();
    }
}
