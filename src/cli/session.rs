//! An engine for the duration of one command.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use tokio::runtime::Runtime;

use super::args::{GlobalArgs, TruncationArgs};
use super::output::print_error;
use vicinity_core::app_dirs;
use vicinity_core::atomic_file::is_same;
use vicinity_core::table::TableOptions;
use vicinity_core::{NetworkLedger, Query, SearchResult};
use vicinity_engine::model_selection::{self, SpaceSource};
use vicinity_engine::model_source::ModelSource;
use vicinity_engine::output_files;
use vicinity_engine::own_vectors::OwnVectors;
use vicinity_engine::remote::ServiceConnection;
use vicinity_engine::runtime;
use vicinity_engine::runtime_settings::RuntimeSettings;
use vicinity_engine::service::{self, Service};
use vicinity_engine::{
    Access, Engine, Event, Job, LayoutUpdates, Notice, OpenMode, SearchSlot, Severity, StoreError, Verify, store,
};
use vicinity_models::Model;
use vicinity_models::remote::Key;

/// An open library.
pub struct Session {
    /// The engine.
    pub engine: Engine,
    /// The network runtime of a service; dropped after the engine.
    _network: Option<Runtime>,
}

/// The path of the library to use.
pub fn library(global: &GlobalArgs) -> anyhow::Result<PathBuf> {
    let path = global.library.clone().or_else(app_dirs::default_library);
    let path = path.context("this system has no home folder; pass --library DIR")?;
    std::path::absolute(&path).with_context(|| format!("cannot use {}", path.display()))
}

/// The path of the library to use, which must exist. Creates nothing.
pub fn existing(global: &GlobalArgs) -> anyhow::Result<PathBuf> {
    let path = library(global)?;
    if store::exists(&path) { Ok(path) } else { Err(StoreError::Missing { dir: path }.into()) }
}

/// Checks the library for commands that work without one: it must exist only if it is named, or if its folder exists.
pub fn existing_if_named(global: &GlobalArgs) -> anyhow::Result<()> {
    let path = library(global)?;
    if global.library.is_some() || path.exists() { existing(global).map(drop) } else { Ok(()) }
}

/// The model to use without a library: the built-in one by default.
pub fn model(global: &GlobalArgs) -> anyhow::Result<Model> {
    load(&global.source()?.unwrap_or_default(), &global.runtime_settings()?)
}

/// Loads a model on its device. Warnings go to stderr.
pub fn load(source: &ModelSource, running: &RuntimeSettings) -> anyhow::Result<Model> {
    let chosen = running.load(source, None)?;
    let warnings = chosen.notices.iter().filter(|notice| notice.severity != Severity::Info);
    warnings.for_each(|notice| print_error(&notice.text));
    Ok(chosen.model)
}

/// Commands compute a layout only on request.
pub fn mode(access: Access) -> OpenMode {
    OpenMode { access, layout: LayoutUpdates::OnRequest, verify: Verify::BeforeUse }
}

/// Checks that the library can be written; the error says why it cannot.
pub fn check_writable(engine: &Engine) -> anyhow::Result<()> {
    match &engine.snapshot().parts().read_only {
        Some(why) => bail!("{why}"),
        None => Ok(()),
    }
}

impl Session {
    /// Searches, as the window does.
    pub fn search(&self, query: Query) -> anyhow::Result<Arc<SearchResult>> {
        let (slot, ticket) = (SearchSlot::Results, 1);
        let found = self.ask(Job::Search { slot, ticket, query }, |event| match event {
            Event::SearchDone { result, .. } => Some(result),
            _ => None,
        })?;
        found.map_err(|error| anyhow!(error.to_string()))
    }

    /// Whether the library has no items; then a sentence on stderr says how to add some.
    pub fn is_empty(&self) -> bool {
        let empty = self.engine.snapshot().is_empty();
        if empty {
            print_error("the library is empty; add pictures and texts with: vicinity index FOLDER");
        }
        empty
    }

    /// Opens the library for writing; creates it if missing.
    pub fn create(global: &GlobalArgs) -> anyhow::Result<Self> {
        let path = library(global)?;
        match (global.source()?, service::saved(&path)) {
            (None, Some(service)) => Self::by_service(&path, &service, global, Access::ReadWrite),
            (model, before) => {
                let session = Self::local(&path, model, global, Access::ReadWrite)?;
                if before.is_some() {
                    service::save(&path, None)?;
                }
                Ok(session)
            }
        }
    }

    fn local(path: &Path, model: Option<ModelSource>, global: &GlobalArgs, access: Access) -> anyhow::Result<Self> {
        let engine = Engine::open_in_mode(path, model, &global.runtime_settings()?, mode(access), || {})?;
        Ok(Self { engine, _network: None })
    }

    /// Opens the library for writing with vectors of the user's own, whose table is read as `tables` say; creates it if
    /// missing.
    pub fn with_own_vectors(path: &Path, own_vectors: OwnVectors, tables: &TableOptions) -> anyhow::Result<Self> {
        let engine = Engine::open_with_own_vectors_of(path, own_vectors, tables, mode(Access::ReadWrite), || {})?;
        if service::saved(path).is_some() {
            service::save(path, None)?;
        }
        Ok(Self { engine, _network: None })
    }

    /// Opens the library with a service that the user has allowed for it.
    pub fn by_service(path: &Path, service: &Service, global: &GlobalArgs, access: Access) -> anyhow::Result<Self> {
        let network = runtime::network(2).context("could not start the network threads")?;
        let (key, runtime) = (Key::find(service.provider)?, network.handle().clone());
        let link = ServiceConnection {
            key,
            runtime,
            network_log: NetworkLedger::default(),
            settings: global.runtime_settings()?,
        };
        let (engine, found) = Engine::open_service(path, service, link, mode(access), || {})?;
        found.iter().for_each(|found| print_error(found));
        Ok(Self { engine, _network: Some(network) })
    }

    /// Opens an existing library for reading: it is not changed, and writers are not disturbed. If another model is
    /// named than the one it remembers, it is opened for writing to remember that one.
    pub fn open(global: &GlobalArgs) -> anyhow::Result<Self> {
        let session = Self::open_quietly(global)?;
        session.engine.opening_notices().iter().for_each(|found| print_error(&found.text));
        Ok(session)
    }

    /// Like [`Self::open`], but the caller prints the problems found.
    pub fn open_quietly(global: &GlobalArgs) -> anyhow::Result<Self> {
        let path = library(global)?;
        let chooses = |model: ModelSource| {
            SpaceSource::Model(model) != model_selection::saved(&path) || service::saved(&path).is_some()
        };
        let access = if global.source()?.is_some_and(chooses) { Access::ReadWrite } else { Access::Read };
        Self::open_with(global, access)
    }

    /// Opens an existing library for writing.
    pub fn open_to_write(global: &GlobalArgs) -> anyhow::Result<Self> {
        Self::open_with(global, Access::ReadWrite)
    }

    fn open_with(global: &GlobalArgs, access: Access) -> anyhow::Result<Self> {
        let path = existing(global)?;
        let service = service::saved(&path).filter(|_| global.model.is_none());
        let opened = match (access, &service) {
            (Access::ReadWrite, _) => Self::create(global),
            (Access::Read, Some(service)) => Self::by_service(&path, service, global, access),
            (Access::Read, None) => Self::local(&path, global.source()?, global, access),
        };
        match opened {
            // Stored items can be searched without the service.
            Err(error) if service.is_some() => {
                print_error(&format!("{error}; the local model is used"));
                Self::local(&path, None, global, access)
            }
            result => result,
        }
    }

    /// Opens an existing library and sets the number of dimensions to use. Without one it is opened for reading.
    pub fn open_truncated(global: &GlobalArgs, truncation: TruncationArgs) -> anyhow::Result<Self> {
        let Some(dim) = truncation.dimensions else { return Self::open(global) };
        let session = Self::open_to_write(global)?;
        match session.engine.set_dimensions(dim) {
            Err(reason) => bail!("--dimensions: {reason}"),
            Ok(()) => Ok(session),
        }
    }

    /// Checks before any work that the outputs can be written and are not files of the collection.
    ///
    /// # Errors
    /// A sentence, when they cannot or are.
    pub fn check_outputs(&self, outputs: &[&Path]) -> anyhow::Result<()> {
        output_files::check(&self.engine.snapshot(), outputs)?;
        let failures = self.engine.failures();
        let same = |output: &Path| failures.iter().any(|failed| is_same(&failed.path, output).unwrap_or(false));
        match outputs.iter().find(|output| same(output)) {
            Some(output) => bail!("{} is a file of the collection; choose another name", output.display()),
            None => Ok(()),
        }
    }

    /// Submits a job and waits until `answer` accepts an event as its result. Warnings go to stderr.
    pub fn ask<R>(&self, job: Job, mut answer: impl FnMut(Event) -> Option<R>) -> anyhow::Result<R> {
        self.engine.submit(job);
        loop {
            let event = self.engine.events().recv().context("the engine stopped unexpectedly")?;
            let notice = if let Event::Notice(notice) = &event { Some(notice.clone()) } else { None };
            if let Some(result) = answer(event) {
                return Ok(result);
            }
            let is_new =
                |notice: &Notice| notice.severity != Severity::Info && !self.engine.opening_notices().contains(notice);
            match notice.filter(is_new) {
                // what was asked for will not come
                Some(Notice { severity: Severity::Error, text }) => bail!(text),
                Some(notice) => print_error(&notice.text),
                None => {}
            }
        }
    }
}
