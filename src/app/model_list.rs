//! Keeps the window's copy of the models up to date, and carries out what is asked for them, on threads of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};
use tokio::runtime::Handle;

use super::backend::Waker;
use crate::context::format;
use crate::context::model_list::{ModelEntry, ModelList, ModelWork, StatusMessage};
use vicinity_core::NetworkLedger;
use vicinity_engine::model_source::ModelSource;
use vicinity_models::installed::{InstallOptions, Models, Status};

/// Something to do.
#[derive(Debug)]
pub(super) enum ModelJob {
    /// Take a new copy.
    Look,
    Get(String),
    Pause(String),
    Cancel(String),
    Remove(String),
    Verify(String),
    Import(PathBuf),
    Close,
}

/// What is going on beside downloads, and what came of it.
#[derive(Default)]
struct Notes {
    work: BTreeMap<String, ModelWork>,
    said: BTreeMap<String, StatusMessage>,
    importing: Option<String>,
    imported: Option<StatusMessage>,
}

/// The window's end.
pub(super) struct ModelListWorker {
    jobs: Sender<ModelJob>,
    latest: Arc<Mutex<Option<ModelList>>>,
    thread: Option<JoinHandle<()>>,
}

/// The end of the thread that does it.
struct ModelJobs {
    models: Arc<Models>,
    notes: Arc<Mutex<Notes>>,
    look: Sender<ModelJob>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ModelListWorker {
    /// Starts the thread; it looks at what is here and contacts nobody.
    pub fn start(options: InstallOptions, runtime: Handle, network_log: NetworkLedger, waker: Waker) -> Self {
        // Bounded generously: a person's clicks, and looks of which one is as good as many.
        let (jobs, received) = crossbeam_channel::bounded(64);
        let latest = Arc::default();
        let (slot, look) = (Arc::clone(&latest), jobs.clone());
        let work = move || {
            let changed = look.clone();
            // where the channel is full a look is among what waits
            let changed = move || drop(changed.try_send(ModelJob::Look));
            let models = Arc::new(Models::open(options, runtime, network_log, changed));
            ModelJobs { models, notes: Arc::default(), look }.run(&received, &slot, &waker);
        };
        let thread = std::thread::Builder::new().name("models".to_owned()).spawn(work);
        if let Err(error) = &thread {
            log::error!("no thread for models: {error}");
        }
        Self { jobs, latest, thread: thread.ok() }
    }

    /// Asks for something; never waits.
    pub fn submit(&self, job: ModelJob) {
        if self.jobs.try_send(job).is_err() {
            log::error!("the list of models does not respond");
        }
    }

    /// The newest copy, where there is a new one.
    pub fn latest(&self) -> Option<ModelList> {
        lock(&self.latest).take()
    }
}

impl Drop for ModelListWorker {
    fn drop(&mut self) {
        // only the downloads are waited for, which pause at once
        let closed = self.jobs.send(ModelJob::Close).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| closed) {
            let _ended = thread.join();
        }
    }
}

impl ModelJobs {
    fn run(self, jobs: &Receiver<ModelJob>, slot: &Mutex<Option<ModelList>>, waker: &Waker) {
        loop {
            *lock(slot) = Some(self.look());
            waker();
            match jobs.recv() {
                Ok(ModelJob::Close) | Err(_) => return,
                Ok(job) => self.execute(job),
            }
        }
    }

    fn execute(&self, job: ModelJob) {
        let told = |id: &str, result: Result<(), String>| {
            let mut notes = lock(&self.notes);
            notes.said.remove(id);
            if let Err(text) = result {
                notes.said.insert(id.to_owned(), StatusMessage { success: false, text });
            }
        };
        let sentence = |error: vicinity_models::installed::ModelError| error.to_string();
        match job {
            ModelJob::Look | ModelJob::Close => {}
            ModelJob::Get(id) => told(&id, self.models.start(&id).map_err(sentence)),
            ModelJob::Pause(id) => self.models.pause(&id),
            ModelJob::Cancel(id) => told(&id, self.models.cancel(&id).map_err(sentence)),
            ModelJob::Remove(id) => self.run_aside(id, ModelWork::Removing, |models, id, _| {
                models.remove(id).map(|()| None).map_err(|error| error.to_string())
            }),
            ModelJob::Verify(id) => self.run_aside(id, ModelWork::Verifying(0.0), verify),
            ModelJob::Import(path) => self.import(path),
        }
    }

    /// Does something slow with a model on a thread of its own, unless something is being done with it already.
    fn run_aside(
        &self,
        id: String,
        work: ModelWork,
        act: impl FnOnce(&Models, &str, &dyn Fn(ModelWork)) -> Result<Option<String>, String> + Send + 'static,
    ) {
        {
            let mut notes = lock(&self.notes);
            if notes.work.contains_key(&id) {
                return;
            }
            notes.said.remove(&id);
            notes.work.insert(id.clone(), work);
        }
        let (models, notes, look) = (Arc::clone(&self.models), Arc::clone(&self.notes), self.look.clone());
        spawn("model-work", move || {
            let see = |work| {
                lock(&notes).work.insert(id.clone(), work);
                let _full_is_as_good = look.try_send(ModelJob::Look);
            };
            let result = act(&models, &id, &see);
            // before the last look: whoever closes waits for the downloads, not for this
            drop(models);
            let mut notes = lock(&notes);
            notes.work.remove(&id);
            match result {
                Ok(Some(text)) => drop(notes.said.insert(id, StatusMessage { success: true, text })),
                Ok(None) => {}
                Err(text) => drop(notes.said.insert(id, StatusMessage { success: false, text })),
            }
            drop(notes);
            let _full_is_as_good = look.try_send(ModelJob::Look);
        });
    }

    fn import(&self, path: PathBuf) {
        let name = format::file_name(&path);
        {
            let mut notes = lock(&self.notes);
            if notes.importing.is_some() {
                return;
            }
            (notes.importing, notes.imported) = (Some(name), None);
        }
        let (models, notes, look) = (Arc::clone(&self.models), Arc::clone(&self.notes), self.look.clone());
        spawn("model-import", move || {
            let said = match models.import(&path, import_name(&path).as_deref()) {
                Ok(manifest) => StatusMessage {
                    success: true,
                    text: format!("{} is installed ({})", manifest.title, format::bytes(manifest.bytes())),
                },
                Err(error) => StatusMessage { success: false, text: error.to_string() },
            };
            drop(models);
            let mut notes = lock(&notes);
            (notes.importing, notes.imported) = (None, Some(said));
            drop(notes);
            let _full_is_as_good = look.try_send(ModelJob::Look);
        });
    }

    fn look(&self) -> ModelList {
        let models = self.models.status().into_iter().map(|status| self.entry(status)).collect();
        let notes = lock(&self.notes);
        ModelList { models, importing: notes.importing.clone(), message: notes.imported.clone() }
    }

    fn entry(&self, status: Status) -> ModelEntry {
        let (title, licence, terms) = match status.entry {
            Some(known) => (known.title.to_owned(), known.licence.name.to_owned(), Some(known.licence.terms)),
            None => match self.models.find(&status.id) {
                Some((_, manifest)) => (manifest.title, manifest.licence, manifest.terms),
                None => (status.id.clone(), "unknown".to_owned(), None),
            },
        };
        let built_in = status.entry.is_some_and(|known| known.is_built_in());
        let folder = || ModelSource::Folder(self.models.store().dir(&status.id));
        let source = if built_in { ModelSource::Starter } else { folder() };
        let notes = lock(&self.notes);
        let (work, message) = (notes.work.get(&status.id).copied(), notes.said.get(&status.id).cloned());
        drop(notes);
        ModelEntry { status, title, licence, terms, source, work, message }
    }
}

fn verify(models: &Models, id: &str, see: &dyn Fn(ModelWork)) -> Result<Option<String>, String> {
    let total = models.find(id).map_or(0, |(_, manifest)| manifest.bytes()).max(1);
    let (mut read, mut shown) = (0, 0);
    let troubles = models.verify(id, |bytes| {
        read += bytes;
        if read - shown > total / 100 {
            shown = read;
            see(ModelWork::Verifying(read as f32 / total as f32));
        }
    });
    match troubles.map_err(|error| error.to_string())?.as_slice() {
        [] => Ok(Some("All files are intact".to_owned())),
        [one] => Err(format!("{one}; download the model again to repair it")),
        [one, rest @ ..] => Err(format!("{one}, and {} more; download the model again to repair it", rest.len())),
    }
}

/// The name of a folder or archive as models may be called; `None` where it needs no change.
fn import_name(path: &Path) -> Option<String> {
    let name = format::file_name(path).to_ascii_lowercase();
    let stem = [".tar.gz", ".tgz", ".tar", ".zip"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '-' };
    let made: String = stem.chars().take(64).map(plain).collect();
    let made = made.trim_matches(['.', '-']).to_owned();
    (!made.is_empty()).then_some(made)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name(name.to_owned()).spawn(work) {
        log::error!("no thread for {name}: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_get_names_that_models_may_have() {
        let name = |path: &str| import_name(Path::new(path));
        assert_eq!(name("/a/SigLIP 2 (mine).tar.gz").as_deref(), Some("siglip-2--mine"));
        assert_eq!(name("/a/nomic-embed-v1.5").as_deref(), Some("nomic-embed-v1.5"));
        assert_eq!(name("/a/---"), None);
    }
}
