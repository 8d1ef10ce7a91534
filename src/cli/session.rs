//! An engine for the time of one command.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tokio::runtime::Runtime;

use super::args::{Cut, Place};
use super::output::complain;
use vicinity_core::Ledger;
use vicinity_core::home;
use vicinity_engine::choice::{self, ModelSource};
use vicinity_engine::remote::{self, Link, Service};
use vicinity_engine::running::Running;
use vicinity_engine::{Access, Engine, Event, Job, LayoutUpdates, Notice, OpenMode, Severity, StoreError, store};
use vicinity_models::Model;
use vicinity_models::remote::Key;

/// An open library.
pub struct Session {
    /// The engine.
    pub engine: Engine,
    /// The network, where a service is behind the engine; goes after it.
    _network: Option<Runtime>,
}

/// The library that is meant.
pub fn library(place: &Place) -> anyhow::Result<PathBuf> {
    let path = place.library.clone().or_else(home::default_library);
    let path = path.context("this system names no home folder; say where the library lies with --library DIR")?;
    std::path::absolute(&path).with_context(|| format!("cannot use {}", path.display()))
}

/// The library that is meant, which has to exist. Creates nothing.
pub fn existing(place: &Place) -> anyhow::Result<PathBuf> {
    let path = library(place)?;
    if store::exists(&path) { Ok(path) } else { Err(StoreError::Missing { dir: path }.into()) }
}

/// The same for commands that do without a library: only one that is named, or whose folder holds something else, has
/// to exist.
pub fn existing_if_named(place: &Place) -> anyhow::Result<()> {
    let path = library(place)?;
    if place.library.is_some() || path.exists() { existing(place).map(drop) } else { Ok(()) }
}

/// The model that is meant, on its own: the built-in one where none is named.
pub fn model(place: &Place) -> anyhow::Result<Model> {
    load(&place.source()?.unwrap_or_default(), &place.running()?)
}

/// A model on its own, where it should run. Warnings go to stderr.
pub fn load(source: &ModelSource, running: &Running) -> anyhow::Result<Model> {
    let chosen = running.load(source, None)?;
    let warnings = chosen.notices.iter().filter(|notice| notice.severity != Severity::Info);
    warnings.for_each(|notice| complain(&notice.text));
    Ok(chosen.model)
}

/// Commands show no map: it is laid out when it is asked for.
pub fn mode(access: Access) -> OpenMode {
    OpenMode { access, layout: LayoutUpdates::OnRequest }
}

impl Session {
    /// Opens the library for writing; it is made where there is none.
    pub fn create(place: &Place) -> anyhow::Result<Self> {
        let path = library(place)?;
        match (place.source()?, remote::remembered(&path)) {
            (None, Some(service)) => Self::by_service(&path, &service, place, Access::ReadWrite),
            (model, before) => {
                let session = Self::local(&path, model, place, Access::ReadWrite)?;
                if before.is_some() {
                    remote::remember(&path, None)?;
                }
                Ok(session)
            }
        }
    }

    fn local(path: &Path, model: Option<ModelSource>, place: &Place, access: Access) -> anyhow::Result<Self> {
        let engine = Engine::open_as(path, model, &place.running()?, mode(access), || {})?;
        Ok(Self { engine, _network: None })
    }

    /// Opens the library through a service that is switched on for it.
    pub fn by_service(path: &Path, service: &Service, place: &Place, access: Access) -> anyhow::Result<Self> {
        let network = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("vicinity-network")
            .enable_all()
            .build()
            .context("the network cannot be used")?;
        let (key, runtime) = (Key::find(service.provider)?, network.handle().clone());
        let link = Link { key, runtime, ledger: Ledger::default(), running: place.running()? };
        let (engine, found) = Engine::open_service(path, service, link, mode(access), || {})?;
        found.iter().for_each(|found| complain(found));
        Ok(Self { engine, _network: Some(network) })
    }

    /// Opens a library that exists, for reading: nothing of it changes, and whoever writes it is not disturbed. Where
    /// another model is named than the one that it remembers, it is told to remember that one.
    pub fn open(place: &Place) -> anyhow::Result<Self> {
        let session = Self::open_quietly(place)?;
        session.engine.found_on_opening().iter().for_each(|found| complain(&found.text));
        Ok(session)
    }

    /// The same, where the caller prints what was found amiss.
    pub fn open_quietly(place: &Place) -> anyhow::Result<Self> {
        let path = library(place)?;
        let chooses = |model: &ModelSource| *model != choice::remembered(&path) || remote::remembered(&path).is_some();
        let access =
            if place.source()?.is_some_and(|model| chooses(&model)) { Access::ReadWrite } else { Access::Read };
        Self::open_with(place, access)
    }

    /// Opens a library that exists, for writing.
    pub fn open_to_write(place: &Place) -> anyhow::Result<Self> {
        Self::open_with(place, Access::ReadWrite)
    }

    fn open_with(place: &Place, access: Access) -> anyhow::Result<Self> {
        let path = existing(place)?;
        let service = remote::remembered(&path).filter(|_| place.model.is_none());
        let opened = match (access, &service) {
            (Access::ReadWrite, _) => Self::create(place),
            (Access::Read, Some(service)) => Self::by_service(&path, service, place, access),
            (Access::Read, None) => Self::local(&path, place.source()?, place, access),
        };
        match opened {
            // what is stored can be looked at and searched without the service
            Err(error) if service.is_some() => {
                complain(&format!("{error}; the local model is used"));
                Self::local(&path, None, place, access)
            }
            result => result,
        }
    }

    /// Opens a library that exists, and looks at so many dimensions from now on. Where none are named it is opened for
    /// reading.
    pub fn open_cut(place: &Place, cut: Cut) -> anyhow::Result<Self> {
        let Some(dim) = cut.dimensions else { return Self::open(place) };
        let session = Self::open_to_write(place)?;
        match session.engine.set_dimensions(dim) {
            Err(reason) => bail!("--dimensions: {reason}"),
            Ok(()) => Ok(session),
        }
    }

    /// Submits a job and waits until `answer` takes an event for its answer. Warnings go to stderr.
    pub fn ask<R>(&self, job: Job, mut answer: impl FnMut(Event) -> Option<R>) -> anyhow::Result<R> {
        self.engine.submit(job);
        loop {
            let event = self.engine.events().recv().context("the engine has stopped")?;
            let notice = if let Event::Notice(notice) = &event { Some(notice.clone()) } else { None };
            if let Some(result) = answer(event) {
                return Ok(result);
            }
            let news =
                |notice: &Notice| notice.severity != Severity::Info && !self.engine.found_on_opening().contains(notice);
            if let Some(notice) = notice.filter(news) {
                complain(&notice.text);
            }
        }
    }
}
