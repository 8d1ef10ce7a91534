//! What the nearest neighbours of all items show about each: how typical it is, and how far from everything. Computed when asked for, and
//! not stored: for tens of thousands of items it takes a second.

use std::io;
use std::sync::atomic::AtomicBool;

use super::neighbour_graph::LatestGraph;
use super::{Artefact, Context, Inputs, Requested};
use crate::event_queue::EventSender;
use crate::{Event, Job, Severity, threads};

/// Measures the graph of nearest neighbours on request.
pub struct GraphMeasurer {
    event_sender: EventSender,
    pool: rayon::ThreadPool,
    graph: LatestGraph,
}

impl Artefact for GraphMeasurer {
    const NAME: &'static str = "graph";

    type Request = ();

    fn open(context: &Context) -> io::Result<Self> {
        let pool = threads::pool("vicinity-graph", threads::spare_threads())?;
        Ok(Self { event_sender: context.event_sender.clone(), pool, graph: context.graph.clone() })
    }

    fn requested(job: &Job) -> Option<Requested<()>> {
        matches!(job, Job::MeasureGraph).then_some(Requested::Compute(()))
    }

    fn update(&mut self, inputs: &Inputs<()>, cancelled: &AtomicBool) {
        if inputs.request.is_none() {
            return;
        }
        if let Ok(graph) = self.pool.install(|| self.graph.of(&inputs.snapshot, cancelled)) {
            self.event_sender.send(Event::GraphMeasures(graph.measures));
        }
    }

    fn failed(&mut self, reason: &str) {
        self.event_sender.notice(Severity::Error, format!("The nearest neighbours could not be computed ({reason})"));
    }
}
