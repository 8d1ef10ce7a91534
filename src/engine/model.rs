//! The model, loaded on a thread of its own so that a library opens at once; whoever needs it waits.

use std::sync::Arc;
use std::thread::JoinHandle;

use super::desk::Desk;
use crate::towers::{Model, TowerError};

/// Loads a model.
pub type Loader = Box<dyn FnOnce() -> Result<Model, TowerError> + Send>;

enum State {
    Loading,
    Ready(Arc<Model>),
    Failed(String),
    Closed,
}

/// A model on its way. Cheap to clone.
#[derive(Clone)]
pub struct LazyModel(Arc<Desk<State>>);

impl LazyModel {
    /// Starts loading.
    pub fn start(load: Loader) -> std::io::Result<(Self, JoinHandle<()>)> {
        let model = Self(Arc::new(Desk::new(State::Loading)));
        let shared = model.clone();
        let thread = std::thread::Builder::new().name("vicinity-model".to_owned()).spawn(move || {
            let loaded = match load() {
                Ok(model) => State::Ready(Arc::new(model)),
                Err(error) => State::Failed(error.to_string()),
            };
            shared.0.update(|state| {
                if matches!(state, State::Loading) {
                    *state = loaded;
                }
            });
        })?;
        Ok((model, thread))
    }

    /// Waits until the model is there.
    ///
    /// # Errors
    /// A sentence, where it could not be loaded or the engine is being closed.
    pub fn wait(&self) -> Result<Arc<Model>, String> {
        self.0.wait(|state| match state {
            State::Loading => None,
            State::Ready(model) => Some(Ok(Arc::clone(model))),
            State::Failed(reason) => Some(Err(reason.clone())),
            State::Closed => Some(Err("the library is being closed".to_owned())),
        })
    }

    /// Ends calls under way that could take long; nothing where the model is still loading.
    pub fn interrupt(&self) {
        let ready = self.0.look(|state| if let State::Ready(model) = state { Some(Arc::clone(model)) } else { None });
        if let Some(model) = ready {
            model.image.interrupt();
            model.text.interrupt();
        }
    }

    /// Sends everyone away who waits for a model that is still loading.
    pub fn close(&self) {
        self.0.update(|state| {
            if matches!(state, State::Loading) {
                *state = State::Closed;
            }
        });
    }
}
