//! The thread of an artefact: the latest snapshot and the latest request wait for it, and replace those before.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Artefact, Context, Inputs, Requested};
use crate::event_queue::EventSender;
use crate::library::Library;
use crate::{Job, LayoutUpdates, Severity, Snapshot};
use vicinity_core::worker::{Inbox, Task, Worker};

/// While an import runs an artefact is brought up to date at most this often.
const INTERVAL: Duration = Duration::from_millis(700);

/// How the engine sees an artefact.
pub trait Schedule: Send + Sync {
    /// The collection has changed; `settled` where it rests now.
    fn follow(&self, snapshot: &Arc<Snapshot>, settled: bool);

    /// Takes a job; false where it is not meant for this artefact.
    fn submit(&self, job: &Job) -> bool;
}

/// What waits for an artefact.
pub struct Waiting<R> {
    snapshot: Option<Arc<Snapshot>>,
    settled: bool,
    request: Option<R>,
}

impl<R> Default for Waiting<R> {
    fn default() -> Self {
        Self { snapshot: None, settled: false, request: None }
    }
}

impl<R> Waiting<R> {
    fn is_urgent(&self) -> bool {
        self.settled || self.request.is_some()
    }
}

struct Scheduler<A: Artefact> {
    inbox: Inbox<Waiting<A::Request>>,
    updates: LayoutUpdates,
    event_sender: EventSender,
}

/// Starts the thread of an artefact.
///
/// # Errors
/// When the system gives no thread.
pub fn start<A: Artefact>(context: &Context) -> io::Result<(Box<dyn Schedule>, Worker)> {
    let artefact = A::open(context)?;
    let inbox = Inbox::default();
    let library = context.library.clone();
    let updater = Updater { artefact, library, inbox: inbox.clone(), rested: Instant::now() };
    let worker = Worker::serve(A::NAME, &inbox, updater)?;
    Ok((
        Box::new(Scheduler::<A> { inbox, updates: context.updates, event_sender: context.event_sender.clone() }),
        worker,
    ))
}

impl<A: Artefact> Schedule for Scheduler<A> {
    fn follow(&self, snapshot: &Arc<Snapshot>, settled: bool) {
        if self.updates == LayoutUpdates::Automatic {
            self.inbox.update(|waiting| {
                waiting.snapshot = Some(Arc::clone(snapshot));
                waiting.settled = settled;
            });
        }
    }

    fn submit(&self, job: &Job) -> bool {
        match A::requested(job) {
            Some(Requested::Compute(_)) if self.inbox.is_closed() => {
                let text = format!("The thread of the {} has stopped; open the library again", A::NAME);
                self.event_sender.notice(Severity::Error, text);
            }
            Some(Requested::Compute(request)) => self.inbox.update(|waiting| {
                waiting.request = Some(request);
                self.inbox.cancel();
            }),
            Some(Requested::Cancel) => self.inbox.cancel(),
            None => return false,
        }
        true
    }
}

struct Updater<A: Artefact> {
    artefact: A,
    library: Library,
    inbox: Inbox<Waiting<A::Request>>,
    /// When it may work again at the earliest, unless the work is urgent.
    rested: Instant,
}

impl<A: Artefact> Task for Updater<A> {
    type Request = Waiting<A::Request>;

    fn next(&mut self) -> Option<Self::Request> {
        let _woken =
            self.inbox.wait_until(self.rested, |waiting, closed| (closed || waiting.is_urgent()).then_some(()));
        let taken = self.inbox.take_uncancelled(|waiting| {
            let some = waiting.snapshot.is_some() || waiting.request.is_some();
            some.then(|| std::mem::take(waiting))
        });
        match taken {
            Some(_) => self.rested = Instant::now() + INTERVAL,
            None => self.artefact.save(),
        }
        taken
    }

    fn handle(&mut self, taken: &mut Self::Request) {
        let Waiting { snapshot, settled, request } = std::mem::take(taken);
        let snapshot = snapshot.unwrap_or_else(|| self.library.snapshot());
        self.artefact.update(&Inputs { snapshot, settled, request }, self.inbox.cancelled());
    }

    fn recover(&mut self, _: Option<&mut Self::Request>, reason: &str) {
        self.artefact.failed(reason);
    }
}
