//! An engine for the time of one command.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tokio::runtime::Runtime;

use super::args::{Cut, Place};
use super::output::complain;
use vicinity_core::Ledger;
use vicinity_core::home;
use vicinity_engine::choice::ModelSource;
use vicinity_engine::remote::{self, Link, Service};
use vicinity_engine::running::Running;
use vicinity_engine::{Engine, Event, Job, Severity};
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

/// Whether there is a library in a folder.
pub fn exists(library: &Path) -> bool {
    library.join("catalog.sqlite").is_file()
}

/// The library that is meant, which has to exist. Creates nothing.
pub fn existing(place: &Place) -> anyhow::Result<PathBuf> {
    let path = library(place)?;
    if !exists(&path) {
        bail!("there is no library in {}; `vicinity index FOLDER` makes one", path.display());
    }
    Ok(path)
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

impl Session {
    /// Opens the library, which is made where there is none.
    pub fn create(place: &Place) -> anyhow::Result<Self> {
        let path = library(place)?;
        match (place.source()?, remote::remembered(&path)) {
            (None, Some(service)) => Self::by_service(&path, &service, place),
            (model, before) => {
                let session = Self::local(&path, model, place)?;
                if before.is_some() {
                    remote::remember(&path, None)?;
                }
                Ok(session)
            }
        }
    }

    fn local(path: &Path, model: Option<ModelSource>, place: &Place) -> anyhow::Result<Self> {
        Ok(Self { engine: Engine::open_on(path, model, &place.running()?, || {})?, _network: None })
    }

    /// Opens the library through a service that is switched on for it.
    pub fn by_service(path: &Path, service: &Service, place: &Place) -> anyhow::Result<Self> {
        let network = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("vicinity-network")
            .enable_all()
            .build()
            .context("the network cannot be used")?;
        let (key, runtime) = (Key::find(service.provider)?, network.handle().clone());
        let link = Link { key, runtime, ledger: Ledger::default(), running: place.running()? };
        let (engine, found) = Engine::open_service(path, service, link, || {})?;
        found.iter().for_each(|found| complain(found));
        Ok(Self { engine, _network: Some(network) })
    }

    /// Opens a library that exists.
    pub fn open(place: &Place) -> anyhow::Result<Self> {
        let path = existing(place)?;
        match Self::create(place) {
            // what is stored can be looked at and searched without the service
            Err(error) if place.model.is_none() && remote::remembered(&path).is_some() => {
                complain(&format!("{error}; the local model is used"));
                Self::local(&path, None, place)
            }
            result => result,
        }
    }

    /// Opens a library that exists, and looks at so many dimensions from now on.
    pub fn open_cut(place: &Place, cut: Cut) -> anyhow::Result<Self> {
        let session = Self::open(place)?;
        match cut.dimensions.map(|dim| session.engine.set_dimensions(dim)) {
            Some(Err(reason)) => bail!("--dimensions: {reason}"),
            _ => Ok(session),
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
            if let Some(notice) = notice.filter(|notice| notice.severity != Severity::Info) {
                complain(&notice.text);
            }
        }
    }
}
