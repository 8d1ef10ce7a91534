//! Opens libraries with the real engine.

use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::Receiver;

use super::backend::{Backend, ModelOverride, Network, OpenNote, OpenOptions, Opener, Waker};
use crate::context::services::ActiveService;
use vicinity_engine::model_source::ModelSource;
use vicinity_engine::remote::ServiceConnection;
use vicinity_engine::runtime_settings::RuntimeSettings;
use vicinity_engine::service::{self, Service};
use vicinity_engine::{Engine, Event, ImportOptions, Job, OpenError, OpenMode, Thumbnails};
use vicinity_models::ModelInfo;

/// The engine, the service that it was opened with, and a note about that.
struct Open {
    engine: Engine,
    service: Option<(Service, String)>,
    open_note: Option<OpenNote>,
}

impl Backend for Open {
    fn submit(&self, job: Job) {
        self.engine.submit(job);
    }

    fn events(&self) -> &Receiver<Event> {
        self.engine.events()
    }

    fn thumbnails(&self) -> Option<Thumbnails> {
        Some(self.engine.thumbnails())
    }

    fn begin_closing(&self) {
        self.engine.begin_closing();
    }

    fn model(&self) -> Option<ModelInfo> {
        Some(self.engine.model_info().clone())
    }

    fn device(&self) -> String {
        if self.service.is_some() { "service" } else { "CPU" }.to_owned()
    }

    fn import(&self) -> ImportOptions {
        self.engine.import_options()
    }

    fn service(&self) -> Option<ActiveService> {
        let (service, host) = self.service.clone()?;
        Some(ActiveService { service, host, usage: self.engine.usage()? })
    }

    fn open_note(&self) -> Option<OpenNote> {
        self.open_note.clone()
    }

    fn allow_remote(&self, host: &str, on: bool) -> Result<(), String> {
        self.engine.allow_remote(host, on).map_err(|error| error.to_string())
    }
}

/// Opens libraries.
pub fn opener(running: RuntimeSettings) -> Opener {
    Arc::new(move |library: &Path, options: OpenOptions| {
        let mut opened = open(library, options, &running)?;
        opened.engine.listen();
        opened.engine.watch();
        Ok(Box::new(opened) as Box<dyn Backend>)
    })
}

fn open(library: &Path, options: OpenOptions, running: &RuntimeSettings) -> Result<Open, String> {
    let OpenOptions { model_override, network, waker } = options;
    let forget = || service::save(library, None).map_err(|error| format!("could not switch the service off: {error}"));
    match model_override {
        ModelOverride::Remembered => match service::saved(library) {
            None => local(library, None, running, waker),
            Some(service) => by_service(library, &service, &network, running, waker.clone()).or_else(|why| {
                let mut opened = local(library, None, running, waker)?;
                opened.open_note = Some(OpenNote::Fallback(why));
                Ok(opened)
            }),
        },
        ModelOverride::Local => {
            forget()?;
            local(library, None, running, waker)
        }
        ModelOverride::Model(model) => {
            let opened = local(library, Some(model), running, waker)?;
            forget()?;
            Ok(opened)
        }
        ModelOverride::Service(service) => {
            let opened = by_service(library, &service, &network, running, waker)?;
            if let Err(error) = service::save(library, Some(&service)) {
                log::warn!("the library will open with its local model next time: {error}");
            }
            Ok(opened)
        }
    }
}

fn local(library: &Path, model: Option<ModelSource>, running: &RuntimeSettings, waker: Waker) -> Result<Open, String> {
    let engine =
        Engine::open_with_settings(library, model, running, move || waker()).map_err(|error| error.to_string())?;
    Ok(Open { engine, service: None, open_note: None })
}

fn by_service(
    library: &Path,
    service: &Service,
    network: &Network,
    running: &RuntimeSettings,
    waker: Waker,
) -> Result<Open, String> {
    let sentence = |error: OpenError| error.to_string();
    let host = service.spec().host().map_err(|error| error.to_string())?;
    let key = network.keys.find(service.provider).map_err(|error| error.to_string())?.map(|(key, _)| key);
    let runtime = network.handle().map_err(|error| error.to_string())?;
    let link = ServiceConnection { key, runtime, network_log: network.network_log.clone(), settings: running.clone() };
    let (engine, found) =
        Engine::open_service(library, service, link, OpenMode::default(), move || waker()).map_err(sentence)?;
    Ok(Open { engine, service: Some((service.clone(), host)), open_note: found.map(OpenNote::Found) })
}
