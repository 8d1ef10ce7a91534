//! The thread that lays the map out. While an import runs new rows find a place on the map that stands; once it
//! rests, and the collection has grown by a fifth, a neighbour-preserving layout is computed anew.
//!
//! Vectors are centred by modality and brought back to unit length first, so that pictures and texts about one thing
//! lie together: uncentred, the modality gap would put them on two islands. The work has a pool of its own with a core
//! left over, so that a search never queues behind it.
//!
//! A layout that is asked for is a function of snapshot and seed alone. One that follows the growth of the collection
//! starts from the map that stands, so that what the eye knows stays where it was.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::dot::dots;
use super::eta::EtaEstimator;
use super::event_queue::EventSender;
use super::index::Centring;
use super::library::Library;
use super::{Event, LayoutUpdates, Severity, Snapshot};
use vicinity_core::monitor::Monitor;
use vicinity_core::{ItemId, Layout, LayoutMethod, MapPos, MapStage, Scoring};
use vicinity_layout::{UmapParams, VectorSource};
use vicinity_models::guard;

/// While an import runs the map is brought up to date at most this often.
const INTERVAL: Duration = Duration::from_millis(700);
/// A map on which new rows were only put beside others is stored at most this often.
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
/// The share of the time after which a map is there; then it is measured.
const ARRANGED_SHARE: f32 = 0.97;
/// Neighbours that trustworthiness is about.
const NEIGHBOURS: usize = 15;

#[derive(Default)]
struct LayoutRequests {
    snapshot: Option<Arc<Snapshot>>,
    settled: bool,
    requested: Option<LayoutMethod>,
    closed: bool,
}

/// Takes wishes for the thread. Cheap to clone.
#[derive(Clone, Default)]
pub struct LayoutScheduler {
    monitor: Arc<Monitor<LayoutRequests>>,
    cancel: Arc<AtomicBool>,
    updates: LayoutUpdates,
}

impl LayoutScheduler {
    /// Starts the thread; `saved` is the layout that stands.
    pub fn start(
        library: Library,
        event_sender: EventSender,
        saved: Option<Layout>,
        updates: LayoutUpdates,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let layout_scheduler = Self { updates, ..Self::default() };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(super::spare_threads())
            .thread_name(|i| format!("vicinity-map-{i}"))
            .build()
            .map_err(std::io::Error::other)?;
        let shared = layout_scheduler.clone();
        let thread = std::thread::Builder::new().name("vicinity-map".to_owned()).spawn(move || {
            let current = saved.map(|layout| CurrentLayout::new(&library.snapshot(), layout));
            let worker =
                LayoutWorker { library, event_sender, pool, requests: shared, current, generation: 1, unsaved: None };
            worker.run();
        })?;
        Ok((layout_scheduler, thread))
    }

    /// The collection has changed, but an import is under way.
    pub fn collection_grows(&self, snapshot: Arc<Snapshot>) {
        self.follow(snapshot, false);
    }

    /// The collection has changed and rests now.
    pub fn collection_changed(&self, snapshot: Arc<Snapshot>) {
        self.follow(snapshot, true);
    }

    fn follow(&self, snapshot: Arc<Snapshot>, settled: bool) {
        if self.updates == LayoutUpdates::Automatic {
            self.monitor.update(|requests| {
                requests.snapshot = Some(snapshot);
                requests.settled = settled;
            });
        }
    }

    /// Lay out anew, whatever stands.
    pub fn request(&self, method: LayoutMethod) {
        self.monitor.update(|requests| {
            requests.requested = Some(method);
            self.cancel();
        });
    }

    /// Stop what is under way.
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// Waits for the next wish; `None` once closed.
    fn next(&self) -> Option<TakenRequest> {
        self.monitor.wait(|requests| {
            if requests.closed {
                return Some(None);
            }
            if requests.snapshot.is_none() && requests.requested.is_none() {
                return None;
            }
            // under the lock, so that a cancel meant for this wish or for the end is not lost
            self.cancel.store(false, Ordering::Relaxed);
            Some(Some((requests.snapshot.take(), std::mem::take(&mut requests.settled), requests.requested.take())))
        })
    }

    /// Ends the thread.
    pub fn close(&self) {
        self.monitor.update(|requests| {
            requests.closed = true;
            self.cancel();
        });
    }
}

/// The layout that stands, and whose positions it holds.
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
        let rows: HashMap<ItemId, usize> = self.ids.iter().enumerate().map(|(row, id)| (*id, row)).collect();
        let kept: Vec<usize> = snapshot.items().map_while(|item| rows.get(&item.id).copied()).collect();
        let settled = kept.iter().take_while(|row| **row < self.layout.settled).count();
        (kept.iter().map(|row| self.layout.positions[*row]).collect(), settled)
    }
}

struct LayoutWorker {
    library: Library,
    event_sender: EventSender,
    pool: rayon::ThreadPool,
    requests: LayoutScheduler,
    current: Option<CurrentLayout>,
    generation: u64,
    /// Since when the map that stands differs from the one that is stored.
    unsaved: Option<Instant>,
}

impl LayoutWorker {
    fn run(mut self) {
        while let Some((snapshot, settled, requested)) = self.requests.next() {
            let start = Instant::now();
            let snapshot = snapshot.unwrap_or_else(|| self.library.snapshot());
            let work = catch_unwind(AssertUnwindSafe(|| self.update(&snapshot, settled, requested)));
            if let Err(panic) = work {
                self.report_failure(&guard::message(panic.as_ref()));
            }
            if self.unsaved.is_some_and(|since| settled || since.elapsed() > SAVE_INTERVAL) {
                self.save();
            }
            let rested = start + INTERVAL;
            let _woken = self
                .requests
                .monitor
                .wait_until(rested, |w| (w.closed || w.settled || w.requested.is_some()).then_some(()));
        }
        self.save();
    }

    /// Stores the map that stands, unless it is stored already.
    fn save(&mut self) {
        if let Some(current) = self.current.as_ref().filter(|_| self.unsaved.is_some())
            && current.layout.method == LayoutMethod::Umap
        {
            self.library.save_layout(&current.layout);
        }
        self.unsaved = None;
    }

    /// Nobody waits for a layout that will not come, and the next one starts from nothing.
    fn report_failure(&mut self, why: &str) {
        self.current = None;
        self.event_sender.send(Event::LayoutProgress(None));
        self.event_sender
            .notice(Severity::Error, format!("could not compute the layout of the map ({why}); try Recompute layout"));
    }

    fn update(&mut self, snapshot: &Snapshot, settled: bool, requested: Option<LayoutMethod>) {
        if snapshot.is_empty() {
            self.current = None;
            return;
        }
        if self.current.as_ref().is_some_and(|current| current.dim != snapshot.dim()) {
            self.change_dimensions(snapshot);
        }
        let vectors = Centred::new(snapshot);
        if let Some(method) = requested {
            // what was only put beside others finds its place; where there is nothing of the kind all is made anew
            if self.current.as_ref().is_some_and(|s| s.layout.method == LayoutMethod::Umap) {
                self.extend(&vectors);
            }
            let grown = self.current.as_ref().is_some_and(|s| s.layout.settled < s.ids.len());
            return self.compute(&vectors, method, grown);
        }
        self.extend(&vectors);
        let stale = self.current.as_ref().is_none_or(|current| {
            current.layout.method != LayoutMethod::Umap
                || snapshot.len() as f32 > GROWTH_FACTOR * current.computed_for as f32
                || (snapshot.len() as f32) < current.computed_for as f32 / GROWTH_FACTOR
        });
        if settled && stale {
            self.compute(&vectors, LayoutMethod::Umap, true);
        }
    }

    /// The map that was made with as many dimensions, where there is one; else the one that stands has to do until the
    /// collection rests.
    fn change_dimensions(&mut self, snapshot: &Snapshot) {
        if let Some(layout) = self.library.load_layout().filter(|layout| layout.epoch == snapshot.epoch()) {
            self.event_sender.send(Event::Layout(Arc::new(layout.clone())));
            self.current = Some(CurrentLayout::new(snapshot, layout));
        } else if let Some(current) = &mut self.current {
            (current.computed_for, current.layout.settled, current.dim) = (0, 0, snapshot.dim());
        }
    }

    /// Gives every row a position: by the map that stands, or by principal components.
    fn extend(&mut self, vectors: &Centred<'_>) {
        let snapshot = vectors.snapshot;
        if self.current.as_ref().is_some_and(|current| current.fits(snapshot)) {
            return;
        }
        let coarse = self.current.as_ref().is_none_or(|s| {
            s.layout.method == LayoutMethod::Pca && snapshot.len() as f32 > 1.5 * s.computed_for as f32
        });
        if coarse {
            return self.compute(vectors, LayoutMethod::Pca, false);
        }
        let Some(current) = &self.current else { return };
        let (method, computed_for) = (current.layout.method, current.computed_for);
        let trust = current.layout.trustworthiness;
        let (mut positions, settled) = current.positions_in(snapshot);
        let cancel = &self.requests.cancel;
        let Ok(new) = self.pool.install(|| vicinity_layout::place_new(vectors, &positions, cancel)) else { return };
        positions.extend(new);
        self.set_current(snapshot, method, positions, settled, trust);
        if let Some(current) = &mut self.current {
            current.computed_for = computed_for;
        }
    }

    /// The map that the next layout starts from: the one that stands, unless most of its rows are new.
    fn previous_layout(&self, snapshot: &Snapshot) -> Option<vicinity_layout::PreviousLayout<'_>> {
        let current = self.current.as_ref().filter(|s| s.layout.method == LayoutMethod::Umap && s.fits(snapshot))?;
        (snapshot.len() < MAX_GROWTH * current.computed_for).then(|| vicinity_layout::PreviousLayout {
            positions: &current.layout.positions,
            settled: current.layout.settled,
        })
    }

    /// Lays everything out, staying near the map that stands where it is to be kept and can be.
    fn compute(&mut self, vectors: &Centred<'_>, method: LayoutMethod, keep: bool) {
        let from = keep.then(|| self.previous_layout(vectors.snapshot)).flatten();
        let cancel = &self.requests.cancel;
        let eta = EtaEstimator::start(|progress| self.event_sender.send(Event::LayoutProgress(Some(progress))));
        let laid_out = self.pool.install(|| match method {
            LayoutMethod::Pca => vicinity_layout::pca(vectors, cancel),
            LayoutMethod::Umap => {
                let progress = |stage, share| eta.record(stage, ARRANGED_SHARE * share);
                vicinity_layout::umap(vectors, &UmapParams::default(), from, cancel, &progress)
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
        if method == LayoutMethod::Umap {
            self.unsaved.get_or_insert_with(Instant::now);
        }
        self.event_sender.send(Event::Layout(Arc::new(layout.clone())));
        self.current = Some(CurrentLayout::new(snapshot, layout));
    }
}

type TakenRequest = (Option<Arc<Snapshot>>, bool, Option<LayoutMethod>);

/// A snapshot's vectors, centred by modality and of unit length, as they are read; zeros where a row has none.
struct Centred<'a> {
    snapshot: &'a Snapshot,
    centring: Centring,
}

impl<'a> Centred<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, centring: Centring::new(snapshot, Scoring::Centred) }
    }
}

impl VectorSource for Centred<'_> {
    fn count(&self) -> usize {
        self.snapshot.len()
    }

    fn dim(&self) -> usize {
        self.snapshot.dim()
    }

    fn read(&self, row: usize, out: &mut [f32]) {
        let (Some(item), Some(vector)) = (self.snapshot.item(row), self.snapshot.vector(row)) else {
            return out.fill(0.0);
        };
        let mean = self.centring.mean(item.modality);
        let whole = if self.snapshot.is_truncated() { dots([vector], vector)[0].sqrt().max(1e-6) } else { 1.0 };
        out.iter_mut().zip(vector.iter().zip(mean)).for_each(|(o, (v, m))| *o = v / whole - m);
        let length = dots([&*out], out)[0].sqrt();
        if length > 1e-6 {
            out.iter_mut().for_each(|x| *x /= length);
        }
    }
}
