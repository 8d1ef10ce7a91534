//! What is computed from the items of a library and can be computed again: the layout of the map, and whatever else
//! looks at the collection as a whole. Each is an [`Artefact`]: a supervised thread that follows the collection, a file
//! that may be deleted at any time, and an event with the result.
//!
//! To add one: a file or folder here with a type that implements [`Artefact`], a line in `ARTEFACTS`, and a variant of
//! [`Event`](super::Event) that carries the result. Where the user can ask for it, a variant of [`Job`], too.

mod centred;
mod clusters;
pub mod duplicate_groups;
mod duplicates;
pub mod file;
mod graph;
mod layout;
mod map_quality;
mod neighbour_graph;
mod schedule;

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::event_queue::EventSender;
use super::library::Library;
use super::model_loader::LazyModel;
use super::{Job, LayoutUpdates, Snapshot};
pub use neighbour_graph::LatestGraph;
use schedule::{Schedule, start};
use vicinity_core::Layout;
use vicinity_core::worker::Worker;

/// Every artefact, a line each.
const ARTEFACTS: &[Start] = &[
    start::<layout::MapLayout>,
    start::<clusters::ClusterFinder>,
    start::<duplicates::DuplicateFinder>,
    start::<map_quality::MapMeasurer>,
    start::<graph::GraphMeasurer>,
];

type Start = fn(&Context) -> io::Result<(Box<dyn Schedule>, Worker)>;

/// What an artefact may work with.
#[derive(Clone)]
pub struct Context {
    /// The library, for what is stored in it.
    pub library: Library,
    /// Where results and progress go.
    pub event_sender: EventSender,
    /// The model.
    pub model: LazyModel,
    /// The nearest neighbours of all items.
    pub graph: LatestGraph,
    /// Whether artefacts follow the collection, or are computed on request alone.
    pub updates: LayoutUpdates,
}

/// Something that is computed from all items, on a thread of its own.
pub trait Artefact: Sized + Send + 'static {
    /// Names its thread.
    const NAME: &'static str;

    /// What a job may ask of it.
    type Request: Send + 'static;

    /// Reads what is stored of it, if anything, and sends that. Runs while the library opens: computes nothing.
    ///
    /// # Errors
    /// When the system gives it no threads.
    fn open(context: &Context) -> io::Result<Self>;

    /// What `job` asks of this artefact; `None` where it is meant for something else.
    fn requested(job: &Job) -> Option<Requested<Self::Request>>;

    /// Brings the artefact up to date, and sends and stores it where it has changed. Stops soon once `cancelled` is set.
    fn update(&mut self, inputs: &Inputs<Self::Request>, cancelled: &AtomicBool);

    /// Stores what is not stored yet; called when the library is closed.
    fn save(&mut self) {}

    /// After a panic: drops what it had, and sends a sentence for the user. The next update starts from nothing.
    fn failed(&mut self, reason: &str);
}

/// What an artefact is computed from.
pub struct Inputs<R> {
    /// The current collection.
    pub snapshot: Arc<Snapshot>,
    /// Whether the collection rests. While an import runs there will be another snapshot soon.
    pub settled: bool,
    /// What the user has asked for, if anything.
    pub request: Option<R>,
}

impl<R> Inputs<R> {
    /// The snapshot of a layout that was requested: these may be older than what was published since.
    fn snapshot_of(&self, layout: &Layout, library: &Library) -> Option<Arc<Snapshot>> {
        [&self.snapshot, &library.snapshot()].into_iter().find(|s| s.epoch() == layout.epoch).cloned()
    }
}

/// What a job asks of an artefact.
pub enum Requested<R> {
    /// To be computed, in this way.
    Compute(R),
    /// That the update under way stops; what stands is kept.
    Cancel,
}

/// The artefacts of an open library. Cheap to clone.
#[derive(Clone)]
pub struct Artefacts(Arc<[Box<dyn Schedule>]>);

impl Artefacts {
    /// Starts the thread of each.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(context: &Context) -> io::Result<(Self, Vec<Worker>)> {
        let all: Vec<_> = ARTEFACTS.iter().map(|start| start(context)).collect::<io::Result<_>>()?;
        let (schedules, workers): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        Ok((Self(schedules.into()), workers))
    }

    /// The collection has changed, but an import is under way.
    pub fn collection_grows(&self, snapshot: &Arc<Snapshot>) {
        self.0.iter().for_each(|artefact| artefact.follow(snapshot, false));
    }

    /// The collection has changed and rests now.
    pub fn collection_changed(&self, snapshot: &Arc<Snapshot>) {
        self.0.iter().for_each(|artefact| artefact.follow(snapshot, true));
    }

    /// Hands a job to the artefact that it is meant for; false if there is none.
    pub fn submit(&self, job: &Job) -> bool {
        self.0.iter().any(|artefact| artefact.submit(job))
    }
}
