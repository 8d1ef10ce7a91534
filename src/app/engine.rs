//! The real engine behind the window's door.

use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::Receiver;

use super::backend::{Backend, Opener, Waker};
use crate::engine::choice::{Installed, ModelSource, installed};
use crate::engine::running::Running;
use crate::engine::{Engine, Event, ImportOptions, Job};
use crate::towers::ModelInfo;

/// The engine, and the models that were there when it was opened.
struct Open(Engine, Vec<Installed>);

impl Backend for Open {
    fn submit(&self, job: Job) {
        self.0.submit(job);
    }

    fn events(&self) -> &Receiver<Event> {
        self.0.events()
    }

    fn model(&self) -> Option<ModelInfo> {
        Some(self.0.model_info().clone())
    }

    fn device(&self) -> String {
        "CPU".to_owned()
    }

    fn models(&self) -> Vec<Installed> {
        self.1.clone()
    }

    fn import(&self) -> ImportOptions {
        self.0.import_options()
    }
}

/// Opens libraries.
pub fn opener(running: Running) -> Opener {
    Arc::new(move |library: &Path, model: Option<ModelSource>, waker: Waker| {
        let engine = Engine::open_on(library, model, &running, move || waker()).map_err(|error| error.to_string())?;
        Ok(Box::new(Open(engine, installed())))
    })
}
