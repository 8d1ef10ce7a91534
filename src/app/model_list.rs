//! Keeps the window's copy of the models up to date, and carries out what is asked for them, on threads of its own.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;

use super::messages::{Message, MessageSender};
use crate::context::format;
use crate::context::model_list::{ModelEntry, ModelList, ModelWork, StatusMessage};
use vicinity_core::NetworkLedger;
use vicinity_core::worker::{Inbox, Task, Worker};
use vicinity_engine::model_source::ModelSource;
use vicinity_models::installed::{InstallOptions, Models, Status};

/// More jobs than a person's clicks can be are a fault.
const MAX_JOBS: usize = 64;

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ModelJob {
    /// Make a new list.
    Look,
    Download(String),
    Pause(String),
    Cancel(String),
    Remove(String),
    Verify(String),
    Import(PathBuf),
    #[cfg(test)]
    Panic(String),
}

impl ModelJob {
    /// The model that it is about.
    fn model(&self) -> Option<&str> {
        match self {
            Self::Download(id) | Self::Pause(id) | Self::Cancel(id) | Self::Remove(id) | Self::Verify(id) => Some(id),
            Self::Look | Self::Import(_) => None,
            #[cfg(test)]
            Self::Panic(id) => Some(id),
        }
    }
}

type Jobs = Inbox<VecDeque<ModelJob>>;

/// Adds a job; false where too many are waiting. One look at the models is as good as many.
fn push(jobs: &Jobs, job: ModelJob) -> bool {
    jobs.update(|queue| {
        let known = job == ModelJob::Look && queue.contains(&job);
        let room = known || queue.len() < MAX_JOBS;
        if room && !known {
            queue.push_back(job);
        }
        room
    })
}

/// What is going on beside downloads, and what came of it.
#[derive(Default)]
struct Notes {
    work: BTreeMap<String, ModelWork>,
    messages: BTreeMap<String, StatusMessage>,
    importing: Option<String>,
    imported: Option<StatusMessage>,
}

/// The window's end.
pub(super) struct ModelListWorker {
    jobs: Jobs,
    latest: Arc<Mutex<Option<ModelList>>>,
    /// Dropping it waits only for the downloads, which pause at once.
    _worker: Option<Worker>,
}

/// The end of the thread that does it.
struct ModelJobs {
    open: Box<dyn Fn() -> Models + Send>,
    /// `None` before they were looked at.
    models: Option<Arc<Models>>,
    notes: Arc<Mutex<Notes>>,
    jobs: Jobs,
    latest: Arc<Mutex<Option<ModelList>>>,
    messages: MessageSender,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ModelListWorker {
    /// Starts the thread; it reads what is installed and does not use the network.
    pub fn start(
        options: InstallOptions,
        runtime: Handle,
        network_log: NetworkLedger,
        messages: MessageSender,
    ) -> Self {
        let jobs = Jobs::new([ModelJob::Look].into());
        let latest = Arc::default();
        let changed = jobs.clone();
        let open = move || {
            let changed = changed.clone();
            let changed = move || _ = push(&changed, ModelJob::Look);
            Models::open(options.clone(), runtime.clone(), network_log.clone(), changed)
        };
        let task = ModelJobs {
            open: Box::new(open),
            models: None,
            notes: Arc::default(),
            jobs: jobs.clone(),
            latest: Arc::clone(&latest),
            messages: messages.clone(),
        };
        let worker = Worker::serve("models", &jobs, task);
        let failed = |error| messages.send(Message::Failed(format!("Could not list the models: {error}")));
        Self { jobs, latest, _worker: worker.map_err(failed).ok() }
    }

    /// Queues a job; never waits.
    pub fn submit(&self, job: ModelJob) {
        if !push(&self.jobs, job) {
            log::error!("the list of models does not respond");
        }
    }

    /// The newest list, if it has changed.
    pub fn latest(&self) -> Option<ModelList> {
        lock(&self.latest).take()
    }
}

impl Task for ModelJobs {
    type Request = ModelJob;

    fn next(&mut self) -> Option<ModelJob> {
        // What was asked for is done even when the window closes.
        self.jobs.wait(|queue, closed| queue.pop_front().map(Some).or(closed.then_some(None)))
    }

    fn handle(&mut self, job: &mut ModelJob) {
        let open = &self.open;
        let models = Arc::clone(self.models.get_or_insert_with(|| Arc::new(open())));
        self.execute(&models, job.clone());
        self.publish(&models);
    }

    fn recover(&mut self, job: Option<&mut ModelJob>, reason: &str) {
        match (job.as_deref().and_then(ModelJob::model), &self.models) {
            (Some(id), Some(models)) => {
                let message = StatusMessage { success: false, text: reason.to_owned() };
                lock(&self.notes).messages.insert(id.to_owned(), message);
                self.publish(models);
            }
            _ => self.messages.send(Message::Failed(format!("Could not list the models: {reason}"))),
        }
    }
}

impl ModelJobs {
    fn execute(&self, models: &Arc<Models>, job: ModelJob) {
        let note = |id: &str, result: Result<(), vicinity_models::installed::ModelError>| {
            let mut notes = lock(&self.notes);
            notes.messages.remove(id);
            if let Err(error) = result {
                notes.messages.insert(id.to_owned(), StatusMessage { success: false, text: error.to_string() });
            }
        };
        match job {
            ModelJob::Look => {}
            ModelJob::Download(id) => note(&id, models.start(&id)),
            ModelJob::Pause(id) => models.pause(&id),
            ModelJob::Cancel(id) => note(&id, models.cancel(&id)),
            ModelJob::Remove(id) => self.run_aside(models, id, ModelWork::Removing, |models, id, _| {
                models.remove(id).map(|()| None).map_err(|error| error.to_string())
            }),
            ModelJob::Verify(id) => self.run_aside(models, id, ModelWork::Verifying(0.0), verify),
            ModelJob::Import(path) => self.import(models, path),
            #[cfg(test)]
            ModelJob::Panic(id) => panic!("{id} is broken"),
        }
    }

    /// Does something slow with a model on a thread of its own, unless something is being done with it already.
    fn run_aside(
        &self,
        models: &Arc<Models>,
        id: String,
        work: ModelWork,
        act: impl FnOnce(&Models, &str, &dyn Fn(ModelWork)) -> Result<Option<String>, String> + Send + 'static,
    ) {
        {
            let mut notes = lock(&self.notes);
            if notes.work.contains_key(&id) {
                return;
            }
            notes.messages.remove(&id);
            notes.work.insert(id.clone(), work);
        }
        let (models, notes, jobs, model) = (Arc::clone(models), Arc::clone(&self.notes), self.jobs.clone(), id.clone());
        let done = self.noting(move |notes, result: Result<Option<String>, String>| {
            notes.work.remove(&id);
            let message = match result {
                Ok(text) => text.map(|text| StatusMessage { success: true, text }),
                Err(text) => Some(StatusMessage { success: false, text }),
            };
            if let Some(message) = message {
                notes.messages.insert(id, message);
            }
        });
        self.spawn("model-work", done, move || {
            let see = |work| {
                lock(&notes).work.insert(model.clone(), work);
                push(&jobs, ModelJob::Look);
            };
            act(&models, &model, &see)
        });
    }

    fn import(&self, models: &Arc<Models>, path: PathBuf) {
        {
            let mut notes = lock(&self.notes);
            if notes.importing.is_some() {
                return;
            }
            (notes.importing, notes.imported) = (Some(format::file_name(&path)), None);
        }
        let models = Arc::clone(models);
        let done = self.noting(|notes, result: Result<String, String>| {
            let (success, text) = result.map_or_else(|text| (false, text), |text| (true, text));
            (notes.importing, notes.imported) = (None, Some(StatusMessage { success, text }));
        });
        self.spawn("model-import", done, move || {
            let manifest = models.import(&path, import_name(&path).as_deref()).map_err(|error| error.to_string())?;
            Ok(format!("{} is installed ({})", manifest.title, format::bytes(manifest.bytes())))
        });
    }

    /// What changes the notes at the end of some work, and then lists the models again.
    fn noting<R, F: FnOnce(&mut Notes, R)>(&self, change: F) -> impl FnOnce(R) + use<R, F> {
        let (notes, jobs) = (Arc::clone(&self.notes), self.jobs.clone());
        move |result| {
            change(&mut lock(&notes), result);
            push(&jobs, ModelJob::Look);
        }
    }

    /// Runs detached work; `done` gets its result, or the reason of its panic.
    fn spawn<T: Send + 'static>(
        &self,
        name: &str,
        done: impl FnOnce(Result<T, String>) + Send + 'static,
        work: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) {
        let done = Arc::new(Mutex::new(Some(done)));
        let (panicked, no_thread) = (Arc::clone(&done), Arc::clone(&done));
        let run = move || {
            // It drops its share of the models before `done`: closing waits for the downloads, not for this.
            let result = work();
            finish(&done, result);
        };
        match Worker::once(name, || {}, run, move |reason| finish(&panicked, Err(reason))) {
            Ok(worker) => worker.detach(),
            Err(error) => finish(&no_thread, Err(error.to_string())),
        }
    }

    fn publish(&self, models: &Models) {
        let list = models.status().into_iter().map(|status| self.entry(models, status)).collect();
        let notes = lock(&self.notes);
        let list = ModelList { models: list, importing: notes.importing.clone(), message: notes.imported.clone() };
        drop(notes);
        *lock(&self.latest) = Some(list);
        (self.messages.waker)();
    }

    fn entry(&self, models: &Models, status: Status) -> ModelEntry {
        let (title, licence, terms) = match status.entry {
            Some(known) => (known.title.to_owned(), known.licence.name.to_owned(), Some(known.licence.terms)),
            None => match models.find(&status.id) {
                Some((_, manifest)) => (manifest.title, manifest.licence, manifest.terms),
                None => (status.id.clone(), "unknown".to_owned(), None),
            },
        };
        let built_in = status.entry.is_some_and(|known| known.is_built_in());
        let folder = || ModelSource::Folder(models.store().dir(&status.id));
        let source = if built_in { ModelSource::Starter } else { folder() };
        let notes = lock(&self.notes);
        let (work, message) = (notes.work.get(&status.id).copied(), notes.messages.get(&status.id).cloned());
        drop(notes);
        ModelEntry { status, title, licence, terms, source, work, message }
    }
}

/// Calls `done`, unless it was called already.
fn finish<R>(done: &Mutex<Option<impl FnOnce(R)>>, result: R) {
    let done = lock(done).take();
    if let Some(done) = done {
        done(result);
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

    #[test]
    fn a_job_that_panics_is_reported_at_its_model_and_the_next_one_is_done() {
        let (sender, _received) = crossbeam_channel::unbounded();
        let messages = MessageSender { sender, waker: Arc::new(|| {}) };
        let folder = tempfile::tempdir().expect("a folder");
        let options = InstallOptions::new(folder.path().to_owned());
        let runtime = vicinity_engine::runtime::network(1).expect("a runtime");
        let worker = ModelListWorker::start(options, runtime.handle().clone(), NetworkLedger::default(), messages);
        let starter = "vicinity-starter";
        worker.submit(ModelJob::Panic(starter.to_owned()));
        let message = |list: ModelList| list.find(starter).and_then(|model| model.message.clone());
        let lists = || {
            let polled = std::iter::repeat_with(|| {
                std::thread::sleep(std::time::Duration::from_millis(2));
                worker.latest()
            });
            polled.take(5_000).flatten()
        };
        let reported = lists().find_map(message).expect("a message within ten seconds");
        assert_eq!(reported, StatusMessage { success: false, text: format!("internal error: {starter} is broken") });
        worker.submit(ModelJob::Download("no-such-model".to_owned()));
        assert!(lists().next().is_some(), "it goes on");
    }
}
