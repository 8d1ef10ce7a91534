//! The model, loaded on a thread of its own so that a library opens at once; whoever needs it waits. A large model that
//! is idle for a while is unloaded, and reloaded when next needed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::device_check::LoadedModel;
use super::event_queue::EventSender;
use super::model_unavailable::ModelUnavailable;
use super::own_vectors::OwnVectors;
use super::{Event, ModelState};
use vicinity_core::worker::{Inbox, Task, Worker};
use vicinity_models::{Model, TowerError, guard};

/// Between two checks of a model that should be unloaded and is still in use.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// How long an idle model stays loaded; `None`: for ever.
type Idle = Box<dyn Fn() -> Option<Duration> + Send>;

/// Loads a model, as often as needed, or stands for vectors that need none.
pub struct ModelFactory {
    load: Box<dyn FnMut() -> Result<LoadedModel, TowerError> + Send>,
    /// `None` where it can be loaded once only.
    idle: Option<Idle>,
    /// Vectors that the user brought instead of a model.
    own_vectors: Option<Arc<OwnVectors>>,
    is_service: bool,
}

impl ModelFactory {
    /// A model that can be loaded again, and so may be unloaded after the time that `idle` returns.
    pub fn new(
        load: impl FnMut() -> Result<LoadedModel, TowerError> + Send + 'static,
        idle: impl Fn() -> Option<Duration> + Send + 'static,
    ) -> Self {
        Self { load: Box::new(load), idle: Some(Box::new(idle)), own_vectors: None, is_service: false }
    }

    /// A model that is loaded already and stays.
    pub fn given(model: LoadedModel) -> Self {
        let mut model = Some(model);
        let taken = || TowerError::file("model", "it cannot be loaded a second time");
        Self {
            load: Box::new(move || model.take().ok_or_else(taken)),
            idle: None,
            own_vectors: None,
            is_service: false,
        }
    }

    /// The same, for a model that sends what it embeds to a service.
    pub fn of_service(self) -> Self {
        Self { is_service: true, ..self }
    }

    /// No model, as the user brought the vectors.
    pub fn own_vectors(own_vectors: OwnVectors) -> Self {
        let none = || Err(TowerError::file("model", "the vectors of this library are your own"));
        Self { load: Box::new(none), idle: None, own_vectors: Some(Arc::new(own_vectors)), is_service: false }
    }
}

enum LoadState {
    /// To be loaded, or being loaded.
    Wanted,
    Ready(Arc<Model>),
    Failed(String),
    /// Not in memory; loaded again when requested.
    Unloaded,
    /// The user brought the vectors; there is no model.
    OwnVectors,
}

struct State {
    load_state: LoadState,
    /// When it was last requested.
    used: Instant,
    /// Whether it is to be unloaded.
    unload_requested: bool,
    /// Whether it is to be loaded again.
    reload_requested: bool,
}

/// A model that may still be loading. Cheap to clone.
#[derive(Clone)]
pub struct LazyModel {
    state: Inbox<State>,
    reloads: bool,
    own_vectors: Option<Arc<OwnVectors>>,
    is_service: bool,
}

impl LazyModel {
    /// Starts loading.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(loader: ModelFactory, event_sender: EventSender) -> std::io::Result<(Self, Worker)> {
        let own_vectors = loader.own_vectors.clone();
        if own_vectors.is_some() {
            event_sender.send(Event::Model(ModelState::OwnVectors));
        }
        let state = State {
            load_state: if own_vectors.is_some() { LoadState::OwnVectors } else { LoadState::Wanted },
            used: Instant::now(),
            unload_requested: false,
            reload_requested: false,
        };
        let model = Self {
            state: Inbox::new(state),
            reloads: loader.idle.is_some(),
            own_vectors,
            is_service: loader.is_service,
        };
        let task = ModelLoader { state: model.state.clone(), loader, event_sender };
        let worker = Worker::serve("model", &model.state, task)?;
        Ok((model, worker))
    }

    /// Waits until the model is there.
    ///
    /// # Errors
    /// Where it could not be loaded or the engine is being closed.
    pub fn wait(&self) -> Result<Arc<Model>, ModelUnavailable> {
        loop {
            self.state.update(|state| {
                state.used = Instant::now();
                if matches!(state.load_state, LoadState::Unloaded) {
                    state.load_state = LoadState::Wanted;
                }
            });
            let found = self.state.wait(|state, closed| match &state.load_state {
                LoadState::Ready(model) => Some(Some(Ok(Arc::clone(model)))),
                LoadState::Failed(reason) => Some(Some(Err(ModelUnavailable::Failed(reason.clone())))),
                LoadState::OwnVectors => Some(Some(Err(ModelUnavailable::OwnVectors))),
                LoadState::Wanted | LoadState::Unloaded if closed => Some(Some(Err(ModelUnavailable::Closing))),
                LoadState::Wanted => None,
                LoadState::Unloaded => Some(None),
            });
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Unloads the model as soon as nobody uses it. It is reloaded when next needed.
    pub fn request_unload(&self) {
        if self.reloads {
            self.state.update(|state| state.unload_requested = matches!(state.load_state, LoadState::Ready(_)));
        }
    }

    /// Loads the model again, perhaps onto another device.
    pub fn reload(&self) {
        if self.reloads {
            self.state.update(|state| (state.load_state, state.reload_requested) = (LoadState::Wanted, true));
        }
    }

    /// The model, where it is in memory.
    pub fn ready(&self) -> Option<Arc<Model>> {
        self.state
            .read(|state| if let LoadState::Ready(model) = &state.load_state { Some(Arc::clone(model)) } else { None })
    }

    /// Whether it sends what it embeds to a service.
    pub fn is_service(&self) -> bool {
        self.is_service
    }

    /// What the user brought instead of a model.
    pub fn own_vectors(&self) -> Option<&Arc<OwnVectors>> {
        self.own_vectors.as_ref()
    }

    /// Interrupts calls that could take long; does nothing while the model is loading.
    pub fn interrupt(&self) {
        if let Some(model) = self.ready() {
            model.image.interrupt();
            model.text.interrupt();
        }
    }
}

/// The thread that loads the model and unloads it.
struct ModelLoader {
    state: Inbox<State>,
    loader: ModelFactory,
    event_sender: EventSender,
}

enum LoaderTask {
    Load,
    /// The model has been unloaded already.
    Unload,
}

impl Task for ModelLoader {
    type Request = LoaderTask;

    fn next(&mut self) -> Option<LoaderTask> {
        self.next_task()
    }

    fn handle(&mut self, task: &mut LoaderTask) {
        match task {
            LoaderTask::Load => self.load(),
            LoaderTask::Unload => self.event_sender.send(Event::Model(ModelState::Unloaded)),
        }
    }

    fn recover(&mut self, _: Option<&mut LoaderTask>, reason: &str) {
        self.event_sender.send(Event::Model(ModelState::Failed(reason.to_owned())));
        self.state.update(|state| state.load_state = LoadState::Failed(reason.to_owned()));
    }
}

impl ModelLoader {
    fn load(&mut self) {
        self.state.update(|state| state.reload_requested = false);
        self.event_sender.send(Event::Model(ModelState::Loading));
        let (load_state, news) = match guard::catch(|| (self.loader.load)()) {
            Ok(LoadedModel { model, runs_on, check, notices }) => {
                notices.into_iter().for_each(|notice| self.event_sender.send(Event::Notice(notice)));
                let check = check.map(|check| check.to_string());
                (LoadState::Ready(Arc::new(model.guarded())), ModelState::Ready { runs_on, check })
            }
            Err(error) => (LoadState::Failed(error.to_string()), ModelState::Failed(error.to_string())),
        };
        self.event_sender.send(Event::Model(news));
        self.state.update(|state| {
            state.used = Instant::now();
            if !state.reload_requested {
                state.load_state = load_state;
            }
        });
    }

    /// Waits for something to do; `None` once closed. A model to be unloaded has been unloaded when this returns.
    fn next_task(&self) -> Option<LoaderTask> {
        loop {
            let idle = self.loader.idle.as_ref().and_then(|idle| idle());
            let (used, ready) = self.state.read(|state| (state.used, matches!(state.load_state, LoadState::Ready(_))));
            let mut news = false;
            // After any change, and once the time is over, everything is checked again.
            let look = |state: &mut State, closed: bool| match state.next_task(idle) {
                _ if closed => Some(Some(None)),
                Some(task) => Some(Some(Some(task))),
                None => std::mem::replace(&mut news, true).then_some(None),
            };
            let found = match idle.filter(|_| ready) {
                // Somebody may be at work with it yet when the time is over.
                Some(idle) => self.state.wait_until((used + idle).max(Instant::now() + POLL_INTERVAL), look).flatten(),
                None => self.state.wait(look),
            };
            if let Some(task) = found {
                return task;
            }
        }
    }
}

impl State {
    /// The next task; a model to be unloaded is unloaded here.
    fn next_task(&mut self, idle: Option<Duration>) -> Option<LoaderTask> {
        match &self.load_state {
            LoadState::Wanted => Some(LoaderTask::Load),
            LoadState::Ready(model)
                if self.unload_requested || idle.is_some_and(|idle| is_idle(model, self.used, idle)) =>
            {
                (self.load_state, self.unload_requested) = (LoadState::Unloaded, false);
                Some(LoaderTask::Unload)
            }
            _ => None,
        }
    }
}

fn is_idle(model: &Arc<Model>, used: Instant, idle: Duration) -> bool {
    Arc::strong_count(model) == 1 && used.elapsed() >= idle
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use vicinity_core::{Embedding, Picture};
    use vicinity_models::{ImageTower, Pixels, TextEmbedding, TextOptions, TextTower, builtin};

    /// Holds so much memory, and does nothing.
    struct Weight(Vec<u8>);

    impl ImageTower for Weight {
        fn prepare(&self, _: &Picture) -> Pixels {
            Pixels(vec![f32::from(self.0.first().copied().unwrap_or_default())])
        }

        fn embed(&self, _: &[Pixels]) -> Result<Vec<Embedding>, TowerError> {
            Ok(Vec::new())
        }
    }

    impl TextTower for Weight {
        fn embed(&self, _: &[&str], _: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
            Ok(Vec::new())
        }
    }

    fn model(bytes: usize) -> LoadedModel {
        let info = builtin::info().expect("built in");
        Model { info, image: Box::new(Weight(vec![1; bytes])), text: Box::new(Weight(Vec::new())) }.into()
    }

    /// A model of so many bytes that stays for `idle`; its loader's thread; how often it was loaded.
    fn start(bytes: usize, idle: Option<Duration>) -> (LazyModel, Worker, Arc<AtomicUsize>) {
        let (event_sender, _events, _herald) = EventSender::start(|| {}).expect("a thread");
        let loads = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&loads);
        let load = move || {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(model(bytes))
        };
        let (model, thread) = LazyModel::start(ModelFactory::new(load, move || idle), event_sender).expect("a thread");
        (model, thread, loads)
    }

    fn soon(what: &str, done: impl Fn() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn an_idle_model_goes_and_comes_back_and_a_busy_one_stays() {
        let (lazy, thread, loads) = start(8, Some(Duration::from_millis(60)));
        let held = lazy.wait().expect("loaded");
        std::thread::sleep(Duration::from_millis(400));
        assert!(lazy.ready().is_some(), "somebody works with it");
        let weak = Arc::downgrade(&held);
        drop(held);
        soon("the idle model has gone", || weak.upgrade().is_none());
        assert!(lazy.ready().is_none());
        assert_eq!(loads.load(Ordering::Relaxed), 1);
        drop(lazy.wait().expect("loaded again"));
        assert_eq!(loads.load(Ordering::Relaxed), 2);
        drop(thread);
        assert!(lazy.ready().is_some() || lazy.wait().is_err(), "closed: nothing is loaded any more");
    }

    #[test]
    fn one_that_may_stay_stays_until_it_is_told_to_go() {
        let (lazy, thread, loads) = start(8, None);
        let weak = Arc::downgrade(&lazy.wait().expect("loaded"));
        std::thread::sleep(Duration::from_millis(300));
        assert!(weak.upgrade().is_some());
        lazy.request_unload();
        soon("it has gone", || weak.upgrade().is_none());
        lazy.reload();
        soon("it is back", || lazy.ready().is_some());
        assert_eq!(loads.load(Ordering::Relaxed), 2);
        drop(thread);
    }

    #[test]
    fn one_that_was_given_cannot_be_sent_away() {
        let (event_sender, _events, _herald) = EventSender::start(|| {}).expect("a thread");
        let (lazy, thread) = LazyModel::start(ModelFactory::given(model(8)), event_sender).expect("a thread");
        let held = Arc::downgrade(&lazy.wait().expect("there"));
        lazy.request_unload();
        lazy.reload();
        std::thread::sleep(Duration::from_millis(100));
        assert!(held.upgrade().is_some() && lazy.wait().is_ok());
        drop(thread);
    }

    #[test]
    fn a_panic_while_loading_is_an_error_and_the_next_try_may_succeed() {
        let (event_sender, events, _herald) = EventSender::start(|| {}).expect("a thread");
        let mut tries = 0;
        let load = move || {
            tries += 1;
            assert!(tries > 1, "a damaged table");
            Ok(model(8))
        };
        let (lazy, thread) = LazyModel::start(ModelFactory::new(load, || None), event_sender).expect("a thread");
        let why = lazy.wait().err().expect("nothing was loaded").to_string();
        assert!(why.contains("a damaged table"), "{why}");
        let failed = |event| matches!(event, Event::Model(ModelState::Failed(_)));
        assert!(events.iter().any(failed), "the window is told");
        lazy.reload();
        assert!(lazy.wait().is_ok());
        drop(thread);
    }

    #[test]
    // Only Linux tells in a file what is resident; tested here.
    #[cfg(target_os = "linux")]
    fn its_memory_goes_back_to_the_system() {
        const BYTES: usize = 256 << 20;
        let resident = || {
            let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
            let pages: usize = text.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
            pages * 4096
        };
        let (lazy, thread, _) = start(BYTES, None);
        drop(lazy.wait().expect("loaded"));
        let before = resident();
        lazy.request_unload();
        soon("the memory is free", || resident() + BYTES * 9 / 10 < before);
        drop(thread);
    }
}
