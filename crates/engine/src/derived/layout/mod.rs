//! The layout of the map. While an import runs, new rows get a place on the current map; once it has ended, and the
//! collection has grown by a fifth, a neighbour-preserving layout is computed again.
//!
//! Vectors are centred by modality and scaled to unit length first, so that pictures and texts about one thing are close
//! together: uncentred, the modality gap would put them on two islands. The work has a thread pool of its own with a core
//! left over, so that a search never queues behind it.
//!
//! Positions that the user brought are a layout like any other, but one that is never replaced without a request.
//!
//! A layout that is requested is a function of snapshot and seed alone. One that follows the growth of the collection
//! starts from the current map, so that what the user knows stays where it was.

mod eta;

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::centred::Centred;
use super::{Artefact, Context, Inputs, Requested};
use crate::event_queue::EventSender;
use crate::library::Library;
use crate::own_vectors::RowPositions;
use crate::threads;
use crate::{Event, Job, Severity, Snapshot};
use eta::EtaEstimator;
use vicinity_core::{ItemId, Layout, LayoutMethod, MapPos, MapStage};
use vicinity_layout::UmapParams;

/// A map on which new rows were only placed beside others is stored at most this often.
const SAVE_INTERVAL: Duration = Duration::from_secs(20);
/// Growth of the collection that is worth a new neighbour-preserving layout.
const GROWTH_FACTOR: f32 = 1.2;
/// Points on which the quality of a layout is measured.
const QUALITY_SAMPLE: usize = 500;
/// Of very many points fewer: each is compared with all, a second of work for so many pairs.
const MAX_PAIRS: usize = 100_000_000;
/// But never fewer than these.
const MIN_SAMPLE: usize = 64;
/// A collection that has grown to so many times what was laid out gets a map of its own.
const MAX_GROWTH: usize = 3;
/// The share of the time after which a map is there; then its quality is measured.
const ARRANGED_SHARE: f32 = 0.97;
/// Neighbours that trustworthiness is about.
const NEIGHBOURS: usize = 15;

/// The current layout, and whose positions it has.
struct CurrentLayout {
    layout: Layout,
    ids: Vec<ItemId>,
    /// Rows when it was last computed as a whole.
    computed_for: usize,
    /// Dimensions that it was computed from.
    dim: usize,
}

impl CurrentLayout {
    fn new(snapshot: &Snapshot, layout: Layout) -> Self {
        let ids: Vec<ItemId> = snapshot.items().take(layout.positions.len()).map(|item| item.id).collect();
        Self { computed_for: layout.settled, layout, ids, dim: snapshot.dim() }
    }

    fn fits(&self, snapshot: &Snapshot) -> bool {
        self.layout.epoch == snapshot.epoch() && self.ids.len() == snapshot.len()
    }

    /// Positions of the rows of another snapshot that had one, as far as they come first in it, and how many of them
    /// are settled.
    fn positions_in(&self, snapshot: &Snapshot) -> (Vec<MapPos>, usize) {
        // Ids ascend, as the items of a snapshot do.
        let kept: Vec<usize> = snapshot.items().map_while(|item| self.ids.binary_search(&item.id).ok()).collect();
        let settled = kept.iter().take_while(|row| **row < self.layout.settled).count();
        (kept.iter().map(|row| self.layout.positions[*row]).collect(), settled)
    }
}

/// A layout that the user asks for.
pub enum LayoutRequest {
    /// To be computed in this way.
    Compute(LayoutMethod),
    /// These positions.
    Use(Arc<RowPositions>),
}

/// See the module's documentation.
pub struct MapLayout {
    library: Library,
    event_sender: EventSender,
    pool: rayon::ThreadPool,
    current: Option<CurrentLayout>,
    /// The positions that the user brought, until another map is asked for: items that are imported again get theirs back.
    own: Option<Arc<RowPositions>>,
    generation: u64,
    /// Since when the current map differs from the stored one.
    unsaved: Option<Instant>,
}

impl Artefact for MapLayout {
    const NAME: &'static str = "map";

    type Request = LayoutRequest;

    fn open(context: &Context) -> io::Result<Self> {
        let pool = threads::pool("vicinity-map", threads::spare_threads())?;
        let Context { library, event_sender, .. } = context.clone();
        let saved = library.load_layout();
        if let Some(layout) = &saved {
            event_sender.send(Event::Layout(Arc::new(layout.clone())));
        }
        let snapshot = library.snapshot();
        let own = saved.as_ref().filter(|layout| layout.method == LayoutMethod::Own);
        let own = own.map(|layout| Arc::new(RowPositions::of_layout(&snapshot, layout)));
        let current = saved.map(|layout| CurrentLayout::new(&snapshot, layout));
        Ok(Self { library, event_sender, pool, current, own, generation: 1, unsaved: None })
    }

    fn requested(job: &Job) -> Option<Requested<LayoutRequest>> {
        match job {
            Job::ComputeLayout(method) => Some(Requested::Compute(LayoutRequest::Compute(*method))),
            Job::UsePositions(positions) => Some(Requested::Compute(LayoutRequest::Use(Arc::clone(positions)))),
            Job::CancelLayout => Some(Requested::Cancel),
            _ => None,
        }
    }

    fn update(&mut self, inputs: &Inputs<LayoutRequest>, cancelled: &AtomicBool) {
        self.bring_up_to_date(inputs, cancelled);
        if self.unsaved.is_some_and(|since| inputs.settled || since.elapsed() > SAVE_INTERVAL) {
            self.save();
        }
    }

    fn save(&mut self) {
        if let Some(current) = self.current.as_ref().filter(|_| self.unsaved.is_some())
            && current.layout.method != LayoutMethod::Pca
        {
            self.library.save_layout(&current.layout);
        }
        self.unsaved = None;
    }

    fn failed(&mut self, reason: &str) {
        (self.current, self.unsaved) = (None, None);
        self.event_sender.send(Event::LayoutProgress(None));
        let text = format!("The map could not be laid out ({reason}); recompute the layout to try again");
        self.event_sender.notice(Severity::Error, text);
    }
}

impl MapLayout {
    fn bring_up_to_date(&mut self, inputs: &Inputs<LayoutRequest>, cancelled: &AtomicBool) {
        let snapshot = &*inputs.snapshot;
        if snapshot.is_empty() {
            self.current = None;
            return;
        }
        if self.current.as_ref().is_some_and(|current| current.dim != snapshot.dim()) {
            self.change_dimensions(snapshot);
        }
        if let Some(LayoutRequest::Use(positions)) = &inputs.request {
            return self.take_positions(snapshot, positions);
        }
        let vectors = Centred::new(snapshot);
        if let Some(LayoutRequest::Compute(method)) = inputs.request {
            self.own = None;
            // what was only placed beside others gets laid out; where there is nothing of the kind, everything is
            if self.current.as_ref().is_some_and(|current| current.layout.method == LayoutMethod::Umap) {
                self.extend(&vectors, cancelled);
            }
            let grown = self.current.as_ref().is_some_and(|current| current.layout.settled < current.ids.len());
            return self.compute(&vectors, method, grown, cancelled);
        }
        self.extend(&vectors, cancelled);
        if inputs.settled && self.is_stale(snapshot) {
            self.compute(&vectors, LayoutMethod::Umap, true, cancelled);
        }
    }

    fn take_positions(&mut self, snapshot: &Snapshot, own: &Arc<RowPositions>) {
        let Some(positions) = own.of_items(snapshot) else {
            let text = "The positions do not belong to the items of this library; its map stays as it was";
            return self.event_sender.notice(Severity::Error, text);
        };
        self.own = Some(Arc::clone(own));
        let settled = positions.len();
        self.set_current(snapshot, LayoutMethod::Own, positions, settled, None);
        self.save();
    }

    /// Whether the collection is worth a new neighbour-preserving layout.
    fn is_stale(&self, snapshot: &Snapshot) -> bool {
        self.current.as_ref().is_none_or(|current| {
            let (rows, computed_for) = (snapshot.len() as f32, current.computed_for as f32);
            match current.layout.method {
                LayoutMethod::Pca => true,
                LayoutMethod::Umap => rows > GROWTH_FACTOR * computed_for || rows < computed_for / GROWTH_FACTOR,
                LayoutMethod::Own | LayoutMethod::Axes => false,
            }
        })
    }

    /// Takes the map that was made with as many dimensions, if there is one; else the current one serves until the import
    /// has ended.
    fn change_dimensions(&mut self, snapshot: &Snapshot) {
        if let Some(layout) = self.library.load_layout().filter(|layout| layout.epoch == snapshot.epoch()) {
            self.event_sender.send(Event::Layout(Arc::new(layout.clone())));
            self.current = Some(CurrentLayout::new(snapshot, layout));
        } else if let Some(current) = &mut self.current {
            (current.computed_for, current.layout.settled, current.dim) = (0, 0, snapshot.dim());
        }
    }

    /// Gives every row a position: beside others on the current map, or by principal components.
    fn extend(&mut self, vectors: &Centred<'_>, cancelled: &AtomicBool) {
        let snapshot = vectors.snapshot;
        if self.current.as_ref().is_some_and(|current| current.fits(snapshot)) {
            return;
        }
        if let Some(positions) = self.own.as_ref().and_then(|own| own.of_items(snapshot)) {
            let settled = positions.len();
            return self.set_current(snapshot, LayoutMethod::Own, positions, settled, None);
        }
        let coarse = self.current.as_ref().is_none_or(|current| {
            current.layout.method == LayoutMethod::Pca && snapshot.len() as f32 > 1.5 * current.computed_for as f32
        });
        if coarse {
            return self.compute(vectors, LayoutMethod::Pca, false, cancelled);
        }
        let Some(current) = &self.current else { return };
        let (method, computed_for) = (current.layout.method, current.computed_for);
        let trust = current.layout.trustworthiness;
        let (mut positions, settled) = current.positions_in(snapshot);
        let Ok(new) = self.pool.install(|| vicinity_layout::place_new(vectors, &positions, cancelled)) else { return };
        positions.extend(new);
        self.set_current(snapshot, method, positions, settled, trust);
        if let Some(current) = &mut self.current {
            current.computed_for = computed_for;
        }
    }

    /// The map that the next layout starts from: the current one, unless most rows are new.
    fn previous_layout(&self, snapshot: &Snapshot) -> Option<vicinity_layout::PreviousLayout<'_>> {
        let current = self.current.as_ref().filter(|c| c.layout.method == LayoutMethod::Umap && c.fits(snapshot))?;
        (snapshot.len() < MAX_GROWTH * current.computed_for).then(|| vicinity_layout::PreviousLayout {
            positions: &current.layout.positions,
            settled: current.layout.settled,
        })
    }

    /// Lays everything out, near the current map where `keep` says so and it is possible.
    fn compute(&mut self, vectors: &Centred<'_>, method: LayoutMethod, keep: bool, cancelled: &AtomicBool) {
        let from = keep.then(|| self.previous_layout(vectors.snapshot)).flatten();
        let eta = EtaEstimator::start(|progress| self.event_sender.send(Event::LayoutProgress(Some(progress))));
        let laid_out = self.pool.install(|| match method {
            LayoutMethod::Pca => vicinity_layout::pca(vectors, cancelled),
            // Nobody asks to compute what was brought.
            LayoutMethod::Umap | LayoutMethod::Own | LayoutMethod::Axes => {
                let progress = |stage, share| eta.record(stage, ARRANGED_SHARE * share);
                vicinity_layout::umap(vectors, &UmapParams::default(), from, cancelled, &progress)
            }
        });
        if let Ok(positions) = laid_out {
            let measured = method == LayoutMethod::Umap && positions.len() > 2 * NEIGHBOURS;
            let sample = (MAX_PAIRS / positions.len().max(1)).clamp(MIN_SAMPLE, QUALITY_SAMPLE);
            let trust = measured.then(|| {
                eta.record(MapStage::Checking, ARRANGED_SHARE);
                self.pool.install(|| vicinity_layout::trustworthiness(vectors, &positions, NEIGHBOURS, sample))
            });
            if method == LayoutMethod::Umap {
                eta.record(MapStage::Checking, 1.0);
            }
            let settled = positions.len();
            self.set_current(vectors.snapshot, method, positions, settled, trust);
            self.save();
        }
        if method == LayoutMethod::Umap {
            self.event_sender.send(Event::LayoutProgress(None));
        }
    }

    fn set_current(
        &mut self,
        snapshot: &Snapshot,
        method: LayoutMethod,
        positions: Vec<MapPos>,
        settled: usize,
        trustworthiness: Option<f32>,
    ) {
        self.generation += 1;
        let layout = Layout {
            method,
            epoch: snapshot.epoch(),
            positions,
            settled,
            trustworthiness,
            generation: self.generation,
        };
        if method != LayoutMethod::Pca {
            self.unsaved.get_or_insert_with(Instant::now);
        }
        self.event_sender.send(Event::Layout(Arc::new(layout.clone())));
        self.current = Some(CurrentLayout::new(snapshot, layout));
    }
}
