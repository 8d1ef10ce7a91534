//! An engine for the time of one command.

use std::path::PathBuf;

use anyhow::{Context, anyhow};

use super::args::Place;
use super::output::complain;
use crate::engine::choice::ModelSource;
use crate::engine::running::Running;
use crate::engine::{Engine, Event, Job, Severity, settings};
use crate::towers::Model;

/// An open library.
pub struct Session {
    /// The engine.
    pub engine: Engine,
}

/// The library that is meant.
pub fn library(place: &Place) -> anyhow::Result<PathBuf> {
    let path = place.library.clone().or_else(settings::default_library);
    let path = path.context("this system names no home folder; say where the library lies with --library DIR")?;
    std::path::absolute(&path).with_context(|| format!("cannot use {}", path.display()))
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
        Ok(Self { engine: Engine::open_on(&library(place)?, place.source()?, &place.running()?, || {})? })
    }

    /// Opens a library that exists.
    pub fn open(place: &Place) -> anyhow::Result<Self> {
        let path = library(place)?;
        if !path.is_dir() {
            return Err(anyhow!("there is no library in {}; `vicinity index FOLDER` makes one", path.display()));
        }
        Self::create(place)
    }

    /// Submits a job and waits until `answer` takes an event for its answer. Warnings go to stderr.
    pub fn ask<R>(&self, job: Job, mut answer: impl FnMut(Event) -> Option<R>) -> anyhow::Result<R> {
        self.engine.submit(job);
        loop {
            let event = self.engine.events().recv().context("the engine has stopped")?;
            if let Event::Notice(notice) = &event
                && notice.severity != Severity::Info
            {
                complain(&notice.text);
            }
            if let Some(result) = answer(event) {
                return Ok(result);
            }
        }
    }
}
